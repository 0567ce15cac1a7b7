package display

import (
	"strings"

	"tillwire/agent"
)

// The control characters of pole displays.
const (
	stx = 0x02
	clr = 0x0c
	cr  = 0x0d
	esc = 0x1b
	us  = 0x1f
)

// cd5220 is the command set of most pole displays sold without a name.
type cd5220 struct{}

// upperLine (ESC Q A) and lowerLine (ESC Q B) write a whole line. After them a display
// understands only these two and CLR, so everything else comes before, and text never
// holds a CR.
func upperLine(text string) []byte { return cdLine('A', text) }

func lowerLine(text string) []byte { return cdLine('B', text) }

func cdLine(line byte, text string) []byte {
	return append(append([]byte{esc, 'Q', line}, text...), cr)
}

// Clear implements Codec: CLR first, which also leaves the mode of ESC Q.
func (cd5220) Clear() []byte { return []byte{clr, esc, '@', clr} }

// Draw implements Codec.
func (cd5220) Draw(v View) ([]byte, error) {
	return append(upperLine(spread(v.Words, "")), lowerLine(spread("", v.Money))...), nil
}

// pole is the command set of Epson's DM-D displays. One that shares its line with a
// printer listens only when it is chosen (ESC =).
type pole struct{ shared bool }

// choose (ESC = n): 2 the display, 1 the printer.
func (p pole) choose(b []byte) []byte {
	if !p.shared {
		return b
	}
	return append(append([]byte{esc, '=', 2}, b...), esc, '=', 1)
}

// Clear implements Codec: initialise, overwrite mode, no cursor, empty.
func (p pole) Clear() []byte {
	return p.choose([]byte{esc, '@', us, 1, us, 'C', 0, clr})
}

// Draw implements Codec: US $ x y puts the cursor, columns and lines from 1.
func (p pole) Draw(v View) ([]byte, error) {
	out := []byte{us, '$', 1, 1}
	out = append(out, spread(v.Words, "")...)
	out = append(out, us, '$', 1, 2)
	out = append(out, spread("", v.Money)...)
	return p.choose(out), nil
}

// led8n is a price display: eight digits and four lamps.
type led8n struct{}

// The lamps of an LED8N, from the left.
const (
	lampNone    = "0000"
	lampTotal   = "0100"
	lampCollect = "0010"
)

// ledDigits is how many digits there are; the point takes none.
const ledDigits = 8

// Clear implements Codec.
func (led8n) Clear() []byte { return append([]byte{clr, stx, 'L'}, lampNone...) }

// Draw implements Codec. An amount that has no room is left out rather than cut: half
// a price is another price.
func (c led8n) Draw(v View) ([]byte, error) {
	if v.Amount == "" || len(strings.Trim(v.Amount, "-."))-strings.Count(v.Amount, ".") > ledDigits {
		return c.Clear(), nil
	}
	lamp := lampTotal
	if v.Kind == agent.ScreenPaid {
		lamp = lampCollect
	}
	out := append([]byte{stx, 'L'}, lamp...)
	out = append(out, esc, 'Q', 'A')
	return append(append(out, v.Amount...), cr), nil
}
