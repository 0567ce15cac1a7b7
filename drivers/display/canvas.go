package display

import (
	"errors"
	"fmt"
	"sync"

	"tillwire/agent"
	"tillwire/agent/qr"
)

// geometry is how a framebuffer lies in memory.
type geometry struct {
	width, height int // pixels
	stride        int // bytes from one row to the next
	bits          int // of a pixel: 16 (RGB565), 24 or 32 (XRGB8888)
}

// The bounds of a framebuffer: below the least no code is legible, above the most a key
// was mistyped.
const (
	leastSide = 120
	mostSide  = 8192
)

func (g geometry) check() error {
	switch {
	case g.width < leastSide || g.height < leastSide || g.width > mostSide || g.height > mostSide:
		return fmt.Errorf("a screen of %d by %d pixels cannot be used", g.width, g.height)
	case g.bits != 16 && g.bits != 24 && g.bits != 32:
		return fmt.Errorf("pixels of %d bits cannot be drawn: 16, 24 and 32 can", g.bits)
	case g.stride < g.width*g.bits/8 || g.stride > 2*mostSide*4:
		return fmt.Errorf("rows of %d bytes do not hold %d pixels of %d bits", g.stride, g.width, g.bits)
	}
	return nil
}

// canvas is the codec of a framebuffer: views to the bytes of a whole picture. Everything
// is black or white, which all the formats of pixels write alike.
type canvas struct {
	mu sync.Mutex
	geometry
}

// set says how the framebuffer lies in memory, once it is known.
func (c *canvas) set(g geometry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.geometry = g
}

func (c *canvas) get() geometry {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.geometry
}

// Clear implements Codec: a black screen.
func (c *canvas) Clear() []byte {
	g := c.get()
	return make([]byte, g.stride*g.height)
}

// The parts of the screen, in eighths of its height: words above, the amount below, and
// between them the code.
const (
	parts    = 8
	least    = 2 // pixels a module; phones want more, and a screen of a counter has them
	cellWide = 6 // of a letter, with its gap, in dots of the font
	cellTall = 8
)

// Draw implements Codec: dark on a white card, whatever the room's theme is. A code is
// drawn with whole pixels a module and never scaled.
func (c *canvas) Draw(v View) ([]byte, error) {
	g := c.get()
	if v.Kind == agent.ScreenIdle || v.Words == "" && v.Money == "" && v.QR == "" {
		return c.Clear(), nil
	}
	p := &picture{geometry: g, bytes: c.Clear()}
	p.fill(0, 0, g.width, g.height, true)
	band := g.height / parts
	p.write(v.Words, 0, band)
	p.write(v.Money, g.height-band, band)
	if v.QR == "" {
		return p.bytes, nil
	}
	m, err := qr.ForPanel(v.QR)
	side := min(g.width, g.height-2*band)
	switch {
	case errors.Is(err, qr.ErrTooLong), err == nil && side/m.Size() < least:
		return c.Clear(), fmt.Errorf("%w: %d bytes", ErrTooLong, len(v.QR))
	case err != nil:
		return c.Clear(), fmt.Errorf("%w: %w", ErrLetters, err)
	}
	dots := side / m.Size()
	left, top := (g.width-dots*m.Size())/2, band+(side-dots*m.Size())/2
	for y := range m.Size() {
		for x := range m.Size() {
			if m.At(x, y) {
				p.fill(left+x*dots, top+y*dots, dots, dots, false)
			}
		}
	}
	return p.bytes, nil
}

// picture is one in the making.
type picture struct {
	geometry
	bytes []byte
}

// fill makes a rectangle white or black; what lies outside is left out.
func (p *picture) fill(x, y, wide, tall int, white bool) {
	var b byte
	if white {
		b = 0xff
	}
	size := p.bits / 8
	for row := max(y, 0); row < min(y+tall, p.height); row++ {
		line := p.bytes[row*p.stride+max(x, 0)*size : row*p.stride+min(x+wide, p.width)*size]
		for i := range line {
			line[i] = b
		}
	}
}

// write puts a text into the middle of a band, as large as it fits.
func (p *picture) write(text string, top, tall int) {
	if text == "" {
		return
	}
	dots := min(p.width/(cellWide*(len(text)+1)), tall/cellTall)
	left := (p.width - dots*cellWide*len(text)) / 2
	top += (tall - dots*cellTall) / 2
	for i := range len(text) {
		for y, row := range letters[text[i]] {
			for x := range 5 {
				if row&(0x10>>x) != 0 {
					p.fill(left+(i*cellWide+x)*dots, top+y*dots, dots, dots, false)
				}
			}
		}
	}
}

// letters are those of the words and amounts of a View, five dots wide and seven tall; a
// row is five bits. One that is missing is a gap.
var letters = map[byte][7]byte{
	'A': {0x0e, 0x11, 0x11, 0x1f, 0x11, 0x11, 0x11}, 'B': {0x1e, 0x11, 0x11, 0x1e, 0x11, 0x11, 0x1e},
	'C': {0x0e, 0x11, 0x10, 0x10, 0x10, 0x11, 0x0e}, 'D': {0x1e, 0x11, 0x11, 0x11, 0x11, 0x11, 0x1e},
	'E': {0x1f, 0x10, 0x10, 0x1e, 0x10, 0x10, 0x1f}, 'F': {0x1f, 0x10, 0x10, 0x1e, 0x10, 0x10, 0x10},
	'G': {0x0e, 0x11, 0x10, 0x17, 0x11, 0x11, 0x0f}, 'H': {0x11, 0x11, 0x11, 0x1f, 0x11, 0x11, 0x11},
	'I': {0x0e, 0x04, 0x04, 0x04, 0x04, 0x04, 0x0e}, 'J': {0x07, 0x02, 0x02, 0x02, 0x02, 0x12, 0x0c},
	'K': {0x11, 0x12, 0x14, 0x18, 0x14, 0x12, 0x11}, 'L': {0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x1f},
	'M': {0x11, 0x1b, 0x15, 0x15, 0x11, 0x11, 0x11}, 'N': {0x11, 0x19, 0x15, 0x13, 0x11, 0x11, 0x11},
	'O': {0x0e, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0e}, 'P': {0x1e, 0x11, 0x11, 0x1e, 0x10, 0x10, 0x10},
	'Q': {0x0e, 0x11, 0x11, 0x11, 0x15, 0x12, 0x0d}, 'R': {0x1e, 0x11, 0x11, 0x1e, 0x14, 0x12, 0x11},
	'S': {0x0f, 0x10, 0x10, 0x0e, 0x01, 0x01, 0x1e}, 'T': {0x1f, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04},
	'U': {0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0e}, 'V': {0x11, 0x11, 0x11, 0x11, 0x11, 0x0a, 0x04},
	'W': {0x11, 0x11, 0x11, 0x15, 0x15, 0x1b, 0x11}, 'X': {0x11, 0x11, 0x0a, 0x04, 0x0a, 0x11, 0x11},
	'Y': {0x11, 0x11, 0x0a, 0x04, 0x04, 0x04, 0x04}, 'Z': {0x1f, 0x01, 0x02, 0x04, 0x08, 0x10, 0x1f},
	'0': {0x0e, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0e}, '1': {0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e},
	'2': {0x0e, 0x11, 0x01, 0x06, 0x08, 0x10, 0x1f}, '3': {0x1f, 0x02, 0x04, 0x02, 0x01, 0x11, 0x0e},
	'4': {0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02}, '5': {0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e},
	'6': {0x06, 0x08, 0x10, 0x1e, 0x11, 0x11, 0x0e}, '7': {0x1f, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08},
	'8': {0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e}, '9': {0x0e, 0x11, 0x11, 0x0f, 0x01, 0x02, 0x0c},
	'.': {0, 0, 0, 0, 0, 0x0c, 0x0c}, '-': {0, 0, 0, 0x1f, 0, 0, 0},
}
