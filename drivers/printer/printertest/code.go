package printertest

import (
	"image"
	"image/color"

	"tillwire/agent/qr"
)

// Code is a QR code on paper.
type Code struct {
	Native  bool   // the printer drew it itself
	Payload string // with Native, what it was given
	Dots    int    // with Native, dots a module
	Wide    int    // dots in a row
	Rows    [][]byte
}

// draw draws a stored code as the printer does: without a quiet zone.
func (m *Machine) draw(q stored) {
	matrix, err := qr.Encode(q.payload, qr.Level(q.level-48))
	if err != nil || q.dots < 1 {
		m.problem([]byte(q.payload))
		return
	}
	c := Code{Native: true, Payload: q.payload, Dots: q.dots}
	inner := matrix.Size() - 2*qr.QuietZone
	c.Wide = inner * q.dots
	for y := range c.Wide {
		row := make([]byte, (c.Wide+7)/8)
		for x := range c.Wide {
			if matrix.At(x/q.dots+qr.QuietZone, y/q.dots+qr.QuietZone) {
				row[x/8] |= 0x80 >> (x % 8)
			}
		}
		c.Rows = append(c.Rows, row)
	}
	m.sheet.Codes = append(m.sheet.Codes, c)
	m.feed(c.Wide / 24)
	m.note()
}

// raster prints rows of dots. Rows that follow others without a line between them go
// on with the same picture.
func (m *Machine) raster(t []byte) {
	wide, tall := int(t[4])|int(t[5])<<8, int(t[6])|int(t[7])<<8
	var c *Code
	if n := len(m.sheet.Codes); n > 0 && !m.sheet.Codes[n-1].Native && m.sheet.Codes[n-1].Wide == wide*8 {
		c = &m.sheet.Codes[n-1]
	} else {
		m.sheet.Codes = append(m.sheet.Codes, Code{Wide: wide * 8})
		c = &m.sheet.Codes[len(m.sheet.Codes)-1]
	}
	for y := range tall {
		c.Rows = append(c.Rows, append([]byte(nil), t[8+y*wide:8+(y+1)*wide]...))
	}
	m.feed(tall / 24)
	m.note()
}

// Picture is the code as a camera sees it: black on white paper, with so much paper
// around it.
func (c Code) Picture(margin int) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, c.Wide+2*margin, len(c.Rows)+2*margin))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	for y, row := range c.Rows {
		for x := range c.Wide {
			if row[x/8]&(0x80>>(x%8)) != 0 {
				img.SetGray(x+margin, y+margin, color.Gray{})
			}
		}
	}
	return img
}
