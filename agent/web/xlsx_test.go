package web

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

// sheetXML is as much of a worksheet as a reader needs.
type sheetXML struct {
	Rows []struct {
		Cells []struct {
			Place string `xml:"r,attr"`
			Look  int    `xml:"s,attr"`
			Value string `xml:"v"`
			Text  string `xml:"is>t"`
		} `xml:"c"`
	} `xml:"sheetData>row"`
}

// unzipped are the parts of a file by name; each must be well-formed.
func unzipped(t *testing.T, file []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		parts[f.Name] = string(text)
		for d := xml.NewDecoder(bytes.NewReader(text)); ; {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
		}
	}
	return parts
}

// read is a sheet as "place=value/look" by row.
func read(t *testing.T, text string) (rows []string) {
	t.Helper()
	var sheet sheetXML
	if err := xml.Unmarshal([]byte(text), &sheet); err != nil {
		t.Fatal(err)
	}
	for _, r := range sheet.Rows {
		line := ""
		for _, c := range r.Cells {
			line += fmt.Sprintf("%s=%s%s/%d ", c.Place, c.Value, c.Text, c.Look)
		}
		rows = append(rows, strings.TrimSpace(line))
	}
	return rows
}

// TestASpreadsheetHasTheDigitsOfAnAmount: a cell that counts is a number with as many
// places as the currency has, and text stays text, whatever it looks like.
func TestASpreadsheetHasTheDigitsOfAnAmount(t *testing.T) {
	var file bytes.Buffer
	b := newWorkbook(&file, "Takings & more", []column{{"a", "a", 10}, {"b", "b", 20}}, []cell{sameCell("First"), sameCell("Second")})
	for _, cells := range [][]cell{
		{amountCell(agent.Money{Value: 1280, Currency: "CNY"}), amountCell(agent.Money{Value: -5, Currency: "CNY"})},
		{amountCell(agent.Money{Value: 980, Currency: "JPY"}), amountCell(agent.Money{Value: 1250, Currency: "KWD"})},
		{countCell(7), {kind: cellTime, at: time.Date(2026, 5, 1, 14, 30, 0, 0, time.UTC)}},
		{sameCell("=1+1 <b>\x00"), sameCell("")},
		{sameCell("007"), {kind: cellTime, at: time.Date(2024, 2, 29, 23, 59, 59, 999, time.FixedZone("east", 8*3600))}},
	} {
		if err := b.row(cells); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.close(); err != nil {
		t.Fatal(err)
	}
	parts := unzipped(t, file.Bytes())
	got := strings.Join(read(t, parts["xl/worksheets/sheet1.xml"]), "\n")
	want := "A1=First/1 B1=Second/1\nA2=12.80/4 B2=-0.05/4\nA3=980/3 B3=1.250/5\nA4=7/3 B4=46143.6041666667/2\nA5==1+1 <b>\ufffd/0\nA6=007/0 B6=45351.9999884259/2"
	if got != want {
		t.Errorf("the sheet is\n%s, want\n%s", got, want)
	}
	if !strings.Contains(parts["xl/workbook.xml"], `name="Takings &amp; more"`) {
		t.Errorf("the book is %s", parts["xl/workbook.xml"])
	}
	for _, name := range []string{"[Content_Types].xml", "_rels/.rels", "xl/_rels/workbook.xml.rels", "xl/styles.xml"} {
		if parts[name] == "" {
			t.Errorf("%s is missing", name)
		}
	}
}

// TestASheetThatIsFullIsFollowedByAnother: nothing is left out, and each sheet has the head.
func TestASheetThatIsFullIsFollowedByAnother(t *testing.T) {
	var file bytes.Buffer
	b := newWorkbook(&file, "Payments", []column{{"n", "n", 10}}, []cell{sameCell("No")})
	b.most = 3
	for i := range 5 {
		if err := b.row([]cell{countCell(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.close(); err != nil {
		t.Fatal(err)
	}
	parts := unzipped(t, file.Bytes())
	got := ""
	for n := 1; parts[fmt.Sprintf("xl/worksheets/sheet%d.xml", n)] != ""; n++ {
		got += fmt.Sprint(read(t, parts[fmt.Sprintf("xl/worksheets/sheet%d.xml", n)]))
	}
	if want := "[A1=No/1 A2=0/3 A3=1/3][A1=No/1 A2=2/3 A3=3/3][A1=No/1 A2=4/3]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !strings.Contains(parts["xl/workbook.xml"], `name="Payments 3" sheetId="3"`) {
		t.Errorf("the book is %s", parts["xl/workbook.xml"])
	}
}

// TestEveryCurrencyHasALook: none has minor digits that no style writes.
func TestEveryCurrencyHasALook(t *testing.T) {
	for _, c := range []agent.Currency{"CNY", "JPY", "KWD", "THB", "BRL", "VND", "TND"} {
		if got, want := lookOf(c.Exponent()), map[int]int{0: lookWhole, 2: lookTwo, 3: lookThree}[c.Exponent()]; got != want {
			t.Errorf("%s: %d, want %d", c, got, want)
		}
	}
}
