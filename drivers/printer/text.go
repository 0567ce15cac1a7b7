package printer

import (
	"strings"
	"unicode"

	"tillwire/agent"
)

// Text draws a slip for a screen, a mail or a till that prints by itself: lines of at
// most columns, 32 for paper of 58 mm and 48 for 80 mm. A code is written as what it
// says.
func Text(s agent.Slip, columns int) string {
	var b strings.Builder
	p := paper{columns: columns, spell: screenGlyphs}
	for _, r := range p.lay(s) {
		if r.qr != "" {
			for _, part := range p.middle(r.qr, row{}) {
				writeRow(&b, part)
			}
			continue
		}
		writeRow(&b, r)
	}
	return b.String()
}

func writeRow(b *strings.Builder, r row) {
	var line []byte
	for _, g := range r.glyphs {
		line = append(line, g.bytes...)
	}
	b.WriteString(strings.TrimRight(string(line), " ") + "\n")
}

// joins reports a mark that stands on the letter before it.
func joins(r rune) bool { return unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r) }
