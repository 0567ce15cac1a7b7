package printer

import (
	"tillwire/agent"
	"tillwire/agent/qr"
)

// Render turns a slip into the bytes that print it: complete from initialising to
// the cut, so that it does not depend on what was printed before.
func (p Profile) Render(s agent.Slip) []byte {
	set := charsets()[p.Charset]
	out := append(initialise(), set.begin...)
	for _, r := range (paper{columns: p.Columns, doubles: true, spell: set.glyphs}).lay(s) {
		if r.qr != "" {
			out = append(out, p.drawQR(r.qr, set)...)
			continue
		}
		out = append(out, drawRow(r, set)...)
	}
	if p.Cut {
		return append(out, feedCut()...)
	}
	// By hand the paper is torn off above the last line, so that is fed past the edge.
	return append(out, feed(4)...)
}

func drawRow(r row, set charset) (out []byte) {
	if r.bold {
		out = append(out, bold(true)...)
	}
	if r.big {
		out = append(out, double(true)...)
		if set.wide {
			out = append(out, fs, '!', 0x0c) // FS !: Chinese letters have a size of their own
		}
	}
	for _, g := range r.glyphs {
		out = append(out, g.bytes...)
	}
	out = append(out, lf)
	if r.big {
		out = append(out, double(false)...)
		if set.wide {
			out = append(out, fs, '!', 0)
		}
	}
	if r.bold {
		out = append(out, bold(false)...)
	}
	return out
}

// drawQR draws a code in the middle, with empty lines around it: a printer adds no
// quiet zone above and below by itself. A code that the printer cannot draw and we
// cannot either is written as text, so that nothing is missing.
func (p Profile) drawQR(payload string, set charset) []byte {
	m, err := qr.Encode(payload, paperLevel)
	dots := 0
	if err == nil {
		dots = p.module(m.Size())
	}
	if dots == 0 {
		var out []byte
		for _, r := range (paper{columns: p.Columns, spell: set.glyphs}).middle(payload, row{}) {
			out = append(out, drawRow(r, set)...)
		}
		return out
	}
	code := Raster(m, dots)
	if p.QR {
		if native, err := NativeQR(payload, dots, paperLevel); err == nil {
			code = append(append([]byte{lf}, native...), lf)
		}
	}
	out := append([]byte{lf}, centre(true)...)
	out = append(out, code...)
	out = append(out, lf)
	return append(out, centre(false)...)
}
