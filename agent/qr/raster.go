package qr

import "fmt"

// MaxScale bounds Raster: a version 40 symbol is then about 6,000 dots wide,
// more than any receipt printer has.
const MaxScale = 32

// Raster is a bitmap of one bit per dot, 1 is black. Rows run top to bottom,
// each padded with white to whole bytes, the leftmost dot in the highest bit:
// the form ESC/POS GS v 0 takes.
type Raster struct {
	Width  int // dots
	Height int // dots
	Stride int // bytes per row, (Width+7)/8
	Bits   []byte
}

// Black tells whether the dot at x, y is black; outside it is white.
func (r Raster) Black(x, y int) bool {
	if x < 0 || y < 0 || x >= r.Width || y >= r.Height {
		return false
	}
	return r.Bits[y*r.Stride+x/8]>>(7-x%8)&1 == 1
}

// Raster draws the matrix, quiet zone included, with scale dots to the side of
// a module. Whole dots only: uneven modules are what makes a printed code
// unreadable. scale is 1 to MaxScale; on paper 3 at 203 dpi is the least.
func (m Matrix) Raster(scale int) (Raster, error) {
	if scale < 1 || scale > MaxScale {
		return Raster{}, fmt.Errorf("qr: %d dots per module; use 1 to %d", scale, MaxScale)
	}
	width := m.Size() * scale
	r := Raster{Width: width, Height: width, Stride: (width + 7) / 8}
	r.Bits = make([]byte, r.Stride*r.Height)
	for y := range m.Size() {
		row := r.Bits[y*scale*r.Stride : (y*scale+1)*r.Stride]
		for x := range width {
			if m.At(x/scale, y) {
				row[x/8] |= 0x80 >> (x % 8)
			}
		}
		for i := 1; i < scale; i++ {
			copy(r.Bits[(y*scale+i)*r.Stride:], row)
		}
	}
	return r, nil
}
