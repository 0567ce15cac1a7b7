package display

import (
	"fmt"
	"strings"

	"tillwire/agent"
)

// dgus is a DWIN DGUS or TGUS panel: its pictures are made with the vendor's tool, and
// a widget on them draws the text of one variable as a QR code.
type dgus struct {
	qr    uint16 // address of the widget's variable
	money uint16 // of a text variable for the amount; 0 for none
	pages pages
}

// pages are the numbers of pictures to switch to; negative for none.
type pages struct{ idle, code, paid int }

func (p pages) of(k agent.ScreenKind) int {
	switch k {
	case agent.ScreenQR:
		return p.code
	case agent.ScreenPaid:
		return p.paid
	}
	return p.idle
}

// The limits of DGUS: the largest code a widget draws, and what one frame carries
// besides its address, an even number because addresses count words.
const (
	dgusMost  = 458
	dgusFrame = 240
	dgusPage  = 0x0084 // variable whose writing switches the picture
	dgusMoney = 20     // letters of the amount
)

// write (82h) puts data at a variable: 5A A5, length of what follows, 82, address.
func (dgus) write(address uint16, data []byte) (out []byte) {
	for {
		part := data[:min(len(data), dgusFrame)]
		out = append(out, 0x5a, 0xa5, byte(3+len(part)), 0x82, byte(address>>8), byte(address))
		out = append(out, part...)
		if data = data[len(part):]; len(data) == 0 {
			return out
		}
		address += dgusFrame / 2
	}
}

// text ends with FF FF.
func (c dgus) text(address uint16, text string) []byte {
	return c.write(address, append([]byte(text), 0xff, 0xff))
}

func (c dgus) show(page int) []byte {
	if page < 0 {
		return nil
	}
	return c.write(dgusPage, []byte{0x5a, 0x01, byte(page >> 8), byte(page)})
}

// Clear implements Codec: away from the picture first, then the code itself.
func (c dgus) Clear() []byte {
	out := append(c.show(c.pages.idle), c.text(c.qr, "")...)
	if c.money != 0 {
		out = append(out, c.text(c.money, "")...)
	}
	return out
}

// Draw implements Codec: a code is there before its picture is shown, and its picture
// is gone before the code is.
func (c dgus) Draw(v View) (out []byte, err error) {
	if err := drawable(v.QR, dgusMost, false); err != nil {
		return c.Clear(), err
	}
	if v.QR == "" {
		out = c.show(c.pages.of(v.Kind))
	}
	out = append(out, c.text(c.qr, v.QR)...)
	if c.money != 0 {
		out = append(out, c.text(c.money, cut(v.Money, dgusMoney))...)
	}
	if v.QR != "" {
		out = append(out, c.show(c.pages.code)...)
	}
	return out, nil
}

// t5uic1 is a DWIN T5UIC1 panel, which has no pictures of its own.
type t5uic1 struct{ x, y, dots int }

// t5Most is the longest text of its QR command.
const t5Most = 154

// frame is AA, the command, CC 33 C3 3C.
func (t5uic1) frame(command byte, data ...byte) []byte {
	out := append([]byte{0xaa, command}, data...)
	return append(out, 0xcc, 0x33, 0xc3, 0x3c)
}

// white fills the panel (01h): a code needs a light card around it.
func (c t5uic1) white() []byte { return c.frame(0x01, 0xff, 0xff) }

// update (3Dh) shows what was drawn.
func (c t5uic1) update() []byte { return c.frame(0x3d) }

// code draws a QR code (21h): place and dots a module, then the text.
func (c t5uic1) code(payload string) []byte {
	data := []byte{byte(c.x >> 8), byte(c.x), byte(c.y >> 8), byte(c.y), byte(c.dots)}
	return c.frame(0x21, append(data, payload...)...)
}

// Clear implements Codec.
func (c t5uic1) Clear() []byte { return append(c.white(), c.update()...) }

// Draw implements Codec.
func (c t5uic1) Draw(v View) ([]byte, error) {
	if err := drawable(v.QR, t5Most, false); err != nil || v.QR == "" {
		return c.Clear(), err
	}
	return append(append(c.white(), c.code(v.QR)...), c.update()...), nil
}

// nextion is a Nextion or TJC panel; the names are those of the components in its
// project. Commands are text that ends with FF FF FF.
type nextion struct {
	qr, money, words string // components; the last two may be empty
}

// nextionMost keeps a command within the panel's buffer.
const nextionMost = 400

func (nextion) command(text string) []byte { return append([]byte(text), 0xff, 0xff, 0xff) }

// set gives a component its text, in which " and \ are written with a \ before them.
func (c nextion) set(component, text string) []byte {
	if component == "" {
		return nil
	}
	text = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text)
	return c.command(component + `.txt="` + text + `"`)
}

func (c nextion) visible(on int) []byte { return c.command(fmt.Sprintf("vis %s,%d", c.qr, on)) }

// Clear implements Codec. The empty command before all ends one that was cut off.
func (c nextion) Clear() []byte {
	out := append(c.command(""), c.visible(0)...)
	for _, name := range []string{c.qr, c.money, c.words} {
		out = append(out, c.set(name, "")...)
	}
	return out
}

// Draw implements Codec.
func (c nextion) Draw(v View) ([]byte, error) {
	if err := drawable(v.QR, nextionMost, true); err != nil {
		return c.Clear(), err
	}
	var out []byte
	if v.QR == "" {
		out = c.visible(0)
	}
	out = append(out, c.set(c.qr, v.QR)...)
	out = append(out, c.set(c.money, v.Money)...)
	out = append(out, c.set(c.words, v.Words)...)
	if v.QR != "" {
		out = append(out, c.visible(1)...)
	}
	return out, nil
}
