package printer

import (
	"strings"

	"golang.org/x/text/width"

	"tillwire/agent"
)

// row is one line of paper, exactly as wide as the paper or less.
type row struct {
	glyphs []glyph
	bold   bool
	big    bool
	qr     string // a code in place of letters
	rule   bool
}

// paper is what a slip is laid out for.
type paper struct {
	columns int
	doubles bool // large letters take two columns
	spell   func(string) []glyph
}

// lay breaks a slip into rows. Nothing is ever cut off: what does not fit goes on in
// the next row.
func (p paper) lay(s agent.Slip) (rows []row) {
	if s.Marked {
		rows = append(rows, p.middle(s.Mark, row{bold: true, big: true})...)
	}
	for _, l := range s.Lines {
		switch l.Kind {
		case agent.SlipRule:
			rows = append(rows, row{glyphs: p.spell(strings.Repeat("-", p.columns)), rule: true})
		case agent.SlipQR:
			rows = append(rows, row{qr: l.Text})
		case agent.SlipPair:
			rows = append(rows, p.pair(l.Text, l.Value)...)
		case agent.SlipSum:
			rows = append(rows, p.middle(l.Text, row{bold: true, big: true})...)
		case agent.SlipShop, agent.SlipTitle, agent.SlipNotice, agent.SlipPending:
			rows = append(rows, p.middle(l.Text, row{bold: true})...)
		case agent.SlipStruck:
			rows = append(rows, p.middle("("+l.Text+")", row{})...)
		default:
			rows = append(rows, p.middle(l.Text, row{})...)
		}
	}
	return rows
}

// middle breaks a text and puts each row into the middle of the paper.
func (p paper) middle(text string, as row) (rows []row) {
	columns := p.columns
	if as.big && p.doubles {
		columns /= 2
	}
	for _, part := range breakGlyphs(p.spell(text), columns) {
		as.glyphs = append(p.blanks((columns-wide(part))/2), part...)
		rows = append(rows, as)
	}
	return rows
}

// pair puts a label left and its value right, in one row if they fit with a blank
// between them, else the value in rows of its own.
func (p paper) pair(label, value string) (rows []row) {
	left, right := p.spell(label), p.spell(value)
	if gap := p.columns - wide(left) - wide(right); gap > 0 {
		return []row{{glyphs: append(append(left, p.blanks(gap)...), right...)}}
	}
	for _, part := range breakGlyphs(left, p.columns) {
		rows = append(rows, row{glyphs: part})
	}
	for _, part := range breakGlyphs(right, p.columns) {
		rows = append(rows, row{glyphs: append(p.blanks(p.columns-wide(part)), part...)})
	}
	return rows
}

func (p paper) blanks(n int) (list []glyph) {
	for range n {
		list = append(list, glyph{[]byte{' '}, 1})
	}
	return list
}

func wide(list []glyph) (n int) {
	for _, g := range list {
		n += g.width
	}
	return n
}

// breakGlyphs breaks at the last blank that fits, and inside a word only when the
// word alone is longer than a row. Chinese letters break anywhere, as it is done.
func breakGlyphs(list []glyph, columns int) (parts [][]glyph) {
	for wide(list) > columns {
		end, used, blank := 0, 0, -1
		for end < len(list) && used+list[end].width <= columns {
			used += list[end].width
			end++
			if end < len(list) && (isBlank(list[end]) || list[end].width > 1 || list[end-1].width > 1) {
				blank = end
			}
		}
		if blank > 0 {
			end = blank
		}
		end = max(end, 1)
		parts = append(parts, list[:end:end])
		list = list[end:]
		for len(list) > 0 && isBlank(list[0]) {
			list = list[1:]
		}
	}
	if len(list) > 0 {
		parts = append(parts, list)
	}
	return parts
}

func isBlank(g glyph) bool { return len(g.bytes) == 1 && g.bytes[0] == ' ' }

// screenGlyphs spells a text for a screen or a file of fixed columns, where letters
// of East Asia are two wide (Unicode annex 11).
func screenGlyphs(text string) (list []glyph) {
	for _, r := range text {
		columns := 1
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			columns = 2
		}
		switch {
		case r == '\u00a0':
			r = ' '
		case r < 0x20 || r == 0x7f:
			continue
		case joins(r):
			columns = 0
		}
		list = append(list, glyph{[]byte(string(r)), columns})
	}
	return list
}
