package printertest

import (
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
)

const (
	lf  = 0x0a
	dle = 0x10
	esc = 0x1b
	fs  = 0x1c
	gs  = 0x1d
)

// lengths of the commands that have a fixed one, by their first two bytes.
var lengths = map[[2]byte]int{
	{esc, '@'}: 2, {esc, 'a'}: 3, {esc, 'E'}: 3, {esc, 'd'}: 3, {esc, 't'}: 3, {esc, 'p'}: 5,
	{gs, '!'}: 3, {gs, 'a'}: 3, {fs, '&'}: 2, {fs, '.'}: 2, {fs, '!'}: 3,
	{dle, 0x04}: 3, {dle, 0x05}: 3, {dle, 0x14}: 5,
}

// commandLen is the length of the command or letter that b begins with, 0 while it is
// not complete.
func commandLen(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	switch b[0] {
	case esc, fs, gs, dle:
	default:
		return 1
	}
	if len(b) < 2 {
		return 0
	}
	n := lengths[[2]byte{b[0], b[1]}]
	switch {
	case n > 0:
	case b[0] == gs && b[1] == 'V':
		if len(b) < 3 {
			return 0
		}
		if n = 3; b[2] == 65 || b[2] == 66 {
			n = 4
		}
	case b[0] == gs && b[1] == '(':
		if len(b) < 5 {
			return 0
		}
		n = 5 + int(b[3]) + int(b[4])<<8
	case b[0] == gs && b[1] == 'v':
		if len(b) < 8 {
			return 0
		}
		n = 8 + (int(b[4])|int(b[5])<<8)*(int(b[6])|int(b[7])<<8)
	default:
		n = 2
	}
	if len(b) < n {
		return 0
	}
	return n
}

// font is how letters are understood and what has been printed of the line.
type font struct {
	line    []byte
	twoByte bool
	page    byte
	qr      stored
}

// stored is what GS ( k has set for the next code.
type stored struct {
	dots    int
	level   byte
	payload string
}

func (f *font) reset() { *f = font{twoByte: true, qr: stored{dots: 3, level: 48}} }

func (m *Machine) obey(t []byte) {
	switch {
	case t[0] == lf:
		m.endLine()
	case len(t) == 1:
		m.font.line = append(m.font.line, t[0])
	case t[0] == esc && t[1] == '@':
		m.font.reset()
	case t[0] == esc && t[1] == 't':
		m.font.page = t[2]
	case t[0] == esc && t[1] == 'd':
		m.feed(int(t[2]))
	case t[0] == esc && t[1] == 'p':
		m.pulses++
		m.note()
	case t[0] == fs && t[1] == '&':
		m.font.twoByte = true
	case t[0] == fs && t[1] == '.':
		m.font.twoByte = false
	case t[0] == gs && t[1] == 'V':
		m.cut()
	case t[0] == gs && t[1] == '(':
		m.extended(t)
	case t[0] == gs && t[1] == 'v':
		m.raster(t)
	case lengths[[2]byte{t[0], t[1]}] > 0: // looks only
	default:
		m.problem(t)
	}
}

func (m *Machine) endLine() {
	text, ok := m.font.read()
	if !ok {
		m.problem(m.font.line)
	}
	m.font.line = nil
	m.sheet.Lines = append(m.sheet.Lines, text)
	m.feed(1)
	m.note()
}

// read spells the line as this printer's letters would.
func (f *font) read() (string, bool) {
	for _, b := range f.line {
		if b < 0x20 {
			return string(f.line), false
		}
	}
	if f.twoByte {
		text, err := simplifiedchinese.GB18030.NewDecoder().Bytes(f.line)
		return string(text), err == nil
	}
	page := map[byte]*charmap.Charmap{0: charmap.CodePage437, 2: charmap.CodePage850, 16: charmap.Windows1252, 17: charmap.CodePage866, 19: charmap.CodePage858}[f.page]
	if page == nil {
		return string(f.line), false
	}
	text, err := page.NewDecoder().Bytes(f.line)
	return string(text), err == nil
}

func (m *Machine) cut() {
	if len(m.font.line) > 0 {
		m.endLine()
	}
	m.sheets = append(m.sheets, m.sheet)
	m.sheet = Sheet{}
	m.note()
}

// extended obeys GS ( k and GS ( H.
func (m *Machine) extended(t []byte) {
	body := t[5:]
	switch {
	case t[2] == 'H' && len(body) == 6 && body[0] == 48 && body[1] == 48:
		if !m.NoProof {
			m.answer(append([]byte{0x37, 0x22}, append(append([]byte(nil), body[2:]...), 0)...)...)
		}
	case t[2] == 'k' && len(body) >= 3 && body[0] == 49:
		m.code(body[1], body[2:])
	default:
		m.problem(t)
	}
}

func (m *Machine) code(fn byte, parameters []byte) {
	q := &m.font.qr
	switch fn {
	case 65:
		if parameters[0] != 50 {
			m.problem(parameters)
		}
	case 67:
		q.dots = int(parameters[0])
	case 69:
		q.level = parameters[0]
	case 80:
		q.payload = string(parameters[1:])
	case 81:
		m.draw(*q)
	default:
		m.problem(parameters)
	}
}
