package web

import (
	"archive/zip"
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// workbook writes a spreadsheet row by row (ECMA-376, the parts that a plain table
// needs). An amount is written with the digits that it has, and a year is never in
// memory: decision 0016 says why no library does it.
type workbook struct {
	zip    *zip.Writer
	title  string
	cols   []column
	head   []cell // repeated on each sheet
	sheets int
	rows   int // of the open sheet
	most   int // rows of a sheet
	out    *bufio.Writer
}

// sheetRows is how many rows a sheet may have (Excel, specifications and limits).
const sheetRows = 1 << 20

// sheetName is how much of a title names a sheet: 31 characters fit, with a number.
const sheetName = 27

// The looks of cells, by their place in styles.xml below.
const (
	lookPlain = iota
	lookHead
	lookTime
	lookWhole // amounts without minor units, and counts
	lookTwo
	lookThree
)

const (
	xmlHead  = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	office   = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	packages = "http://schemas.openxmlformats.org/package/2006/"
	sheetML  = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
	kindOf   = "application/vnd.openxmlformats-officedocument.spreadsheetml."
)

const styles = xmlHead + `<styleSheet xmlns="` + sheetML + `"><numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\-mm\-dd\ hh:mm:ss"/><numFmt numFmtId="165" formatCode="#,##0.000"/></numFmts>` +
	`<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts>` +
	`<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border/></borders>` +
	`<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="6"><xf/><xf fontId="1" applyFont="1"/><xf numFmtId="164" applyNumberFormat="1"/><xf numFmtId="3" applyNumberFormat="1"/>` +
	`<xf numFmtId="4" applyNumberFormat="1"/><xf numFmtId="165" applyNumberFormat="1"/></cellXfs></styleSheet>`

// newWorkbook begins one; a sheet that is full is followed by another with the same head.
func newWorkbook(w io.Writer, title string, cols []column, head []cell) *workbook {
	var name strings.Builder
	runes := []rune(title)
	_ = xml.EscapeText(&name, []byte(string(runes[:min(len(runes), sheetName)]))) // a builder takes everything
	return &workbook{zip: zip.NewWriter(w), title: name.String(), cols: cols, head: head, most: sheetRows}
}

// row implements sheet.
func (b *workbook) row(cells []cell) error {
	if b.out == nil || b.rows == b.most {
		if err := b.turn(); err != nil {
			return err
		}
	}
	return b.write(cells, lookPlain)
}

// turn ends the open sheet and begins the next.
func (b *workbook) turn() error {
	if err := b.endSheet(); err != nil {
		return err
	}
	b.sheets++
	b.rows = 0
	w, err := b.zip.Create(fmt.Sprintf("xl/worksheets/sheet%d.xml", b.sheets))
	if err != nil {
		return err
	}
	b.out = bufio.NewWriter(w)
	fmt.Fprintf(b.out, `%s<worksheet xmlns="%s"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><cols>`, xmlHead, sheetML)
	for i, c := range b.cols {
		fmt.Fprintf(b.out, `<col min="%d" max="%d" width="%d" customWidth="1"/>`, i+1, i+1, c.width)
	}
	b.put("</cols><sheetData>")
	return b.write(b.head, lookHead)
}

func (b *workbook) endSheet() error {
	if b.out == nil {
		return nil
	}
	b.put("</sheetData></worksheet>")
	return b.out.Flush()
}

// write puts one row down; look is that of its texts. What fails to be written fails
// again at the flush.
func (b *workbook) write(cells []cell, look int) error {
	b.rows++
	number := strconv.Itoa(b.rows)
	b.put(`<row r="` + number + `">`)
	for i, c := range cells {
		place := string(rune('A'+i)) + number
		switch c.kind {
		case cellText:
			if c.shown == "" {
				continue
			}
			b.put(`<c r="` + place + `" t="inlineStr" s="` + strconv.Itoa(look) + `"><is><t xml:space="preserve">`)
			if err := xml.EscapeText(b.out, []byte(c.shown)); err != nil {
				return err
			}
			b.put("</t></is></c>")
		case cellTime:
			b.number(place, lookTime, serial(c.at))
		case cellMoney:
			b.number(place, lookOf(c.money.Currency.Exponent()), c.money.Decimal())
		case cellCount:
			b.number(place, lookWhole, strconv.FormatInt(c.count, 10))
		}
	}
	_, err := b.out.WriteString("</row>")
	return err
}

func (b *workbook) put(text string) { _, _ = b.out.WriteString(text) }

func (b *workbook) number(place string, look int, value string) {
	b.put(`<c r="` + place + `" s="` + strconv.Itoa(look) + `"><v>` + value + `</v></c>`)
}

// lookOf is the look of an amount with so many minor digits.
func lookOf(exponent int) int {
	switch exponent {
	case 2:
		return lookTwo
	case 3:
		return lookThree
	}
	return lookWhole
}

// serial is a time as a spreadsheet counts it: days since 30 December 1899, as the
// clock on the wall shows it.
func serial(t time.Time) string {
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	seconds := int64(t.Hour())*3600 + int64(t.Minute())*60 + int64(t.Second())
	const tenDigits = 10_000_000_000
	return fmt.Sprintf("%d.%010d", day.Unix()/86400+25569, (seconds*tenDigits+43200)/86400)
}

// close implements sheet: what names the sheets comes last, when they are known.
func (b *workbook) close() error {
	if b.out == nil {
		if err := b.turn(); err != nil {
			return err
		}
	}
	if err := b.endSheet(); err != nil {
		return err
	}
	types := xmlHead + `<Types xmlns="` + packages + `content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
		`<Override PartName="/xl/workbook.xml" ContentType="` + kindOf + `sheet.main+xml"/><Override PartName="/xl/styles.xml" ContentType="` + kindOf + `styles+xml"/>`
	book := xmlHead + `<workbook xmlns="` + sheetML + `" xmlns:r="` + office + `"><sheets>`
	links := xmlHead + `<Relationships xmlns="` + packages + `relationships"><Relationship Id="s" Type="` + office + `/styles" Target="styles.xml"/>`
	for i := range b.sheets {
		n, name := strconv.Itoa(i+1), b.title
		if i > 0 {
			name += " " + n
		}
		types += `<Override PartName="/xl/worksheets/sheet` + n + `.xml" ContentType="` + kindOf + `worksheet+xml"/>`
		book += `<sheet name="` + name + `" sheetId="` + n + `" r:id="r` + n + `"/>`
		links += `<Relationship Id="r` + n + `" Type="` + office + `/worksheet" Target="worksheets/sheet` + n + `.xml"/>`
	}
	for _, part := range [][2]string{
		{"xl/styles.xml", styles}, {"xl/workbook.xml", book + "</sheets></workbook>"}, {"xl/_rels/workbook.xml.rels", links + "</Relationships>"},
		{"_rels/.rels", xmlHead + `<Relationships xmlns="` + packages + `relationships"><Relationship Id="w" Type="` + office + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
		{"[Content_Types].xml", types + "</Types>"},
	} {
		w, err := b.zip.Create(part[0])
		if err == nil {
			_, err = io.WriteString(w, part[1])
		}
		if err != nil {
			return err
		}
	}
	return b.zip.Close()
}
