package qr

import (
	"html"
	"strconv"
	"strings"
)

// SVG draws the matrix as an inline image that scales by its viewBox: one
// module is one unit, the page gives width and height. The code is dark on a
// white card of its own, because readers do not take light-on-dark symbols
// (gozxing, zbar 0.23) and a page may be in a dark theme. Colours are
// attributes, not styles, so a strict content security policy lets them pass.
//
// title is what a screen reader says; it is escaped here, so the result may be
// put into a page as it is. An empty title hides the image from such readers.
func (m Matrix) SVG(title string) string {
	size := strconv.Itoa(m.Size())
	var b strings.Builder
	b.Grow(1024 + m.modules*m.modules*4)
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ` + size + ` ` + size + `" shape-rendering="crispEdges" role="img"`)
	if text := html.EscapeString(legible(title)); text != "" {
		b.WriteString(` aria-label="` + text + `"><title>` + text + `</title>`)
	} else {
		b.WriteString(` aria-hidden="true">`)
	}
	b.WriteString(`<rect width="` + size + `" height="` + size + `" fill="#fff"/><path fill="#000" d="`)
	m.path(&b)
	b.WriteString(`"/></svg>`)
	return b.String()
}

// path writes one closed rectangle per horizontal run of dark modules. Runs
// keep the text short: a page gets it with every event.
func (m Matrix) path(b *strings.Builder) {
	size := m.Size()
	for y := range size {
		for x := 0; x < size; x++ {
			if !m.At(x, y) {
				continue
			}
			start := x
			for m.At(x, y) {
				x++
			}
			run := strconv.Itoa(x - start)
			b.WriteString("M" + strconv.Itoa(start) + " " + strconv.Itoa(y) + "h" + run + "v1h-" + run + "z")
		}
	}
}

// legible drops what XML 1.0 forbids even when escaped.
func legible(title string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7F || r == 0xFFFE || r == 0xFFFF {
			return -1
		}
		return r
	}, strings.ToValidUTF8(title, ""))
}
