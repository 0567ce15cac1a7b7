package printer

import (
	"fmt"

	"tillwire/agent/qr"
)

// The control characters that begin commands.
const (
	nul = 0x00
	eot = 0x04
	enq = 0x05
	dle = 0x10
	lf  = 0x0a
	esc = 0x1b
	fs  = 0x1c
	gs  = 0x1d
)

// The parameters of DLE EOT, the status that a printer gives at any time.
const (
	askPrinter = 1 // online, drawer
	askOffline = 2 // why it is offline
	askError   = 3
	askPaper   = 4
)

// initialise (ESC @) forgets what an earlier job left half said.
func initialise() []byte { return []byte{esc, '@'} }

// ask (DLE EOT n) is answered at once, even by a printer that is offline.
func ask(n byte) []byte { return []byte{dle, eot, n} }

// watchStatus (GS a) has the printer tell every change by itself.
func watchStatus() []byte { return []byte{gs, 'a', 0x0f} }

// feedCut (GS V 66 0) feeds the last line past the knife and cuts, leaving a corner.
func feedCut() []byte { return []byte{gs, 'V', 66, 0} }

// feed (ESC d n) moves the paper by n lines.
func feed(n byte) []byte { return []byte{esc, 'd', n} }

// bold (ESC E n).
func bold(on bool) []byte { return []byte{esc, 'E', bit(on)} }

// double (GS ! n) doubles width and height of letters.
func double(on bool) []byte { return []byte{gs, '!', bit(on) * 0x11} }

// centre (ESC a n) also moves what the printer draws itself, such as QR codes.
func centre(on bool) []byte { return []byte{esc, 'a', bit(on)} }

func bit(on bool) byte {
	if on {
		return 1
	}
	return 0
}

// pulse (ESC p m t1 t2) opens a drawer: 50 ms on, 500 ms off, in steps of 2 ms.
// pin is 0 for connector pin 2, 1 for pin 5.
func pulse(pin byte) []byte { return []byte{esc, 'p', pin, 25, 250} }

// idLen is the length of a job's id, which comes back when it is printed, and idLetters
// are what it is written with; a printer takes any from 20h to 7Eh.
const (
	idLen     = 4
	idLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// jobID writes the number of a job as its id; so many jobs later the ids come again.
func jobID(n uint32) string {
	var id [idLen]byte
	for i := range id {
		id[idLen-1-i] = idLetters[n%uint32(len(idLetters))]
		n /= uint32(len(idLetters))
	}
	return string(id[:])
}

// tellDone (GS ( H, function 48) has the printer answer with id once everything
// before it is on paper. It is the only proof of paper there is.
func tellDone(id string) []byte {
	return append([]byte{gs, '(', 'H', 2 + idLen, 0, 48, 48}, id...)
}

// NativeQR has the printer draw a code itself (GS ( k, cn 49): model 2, dots a module
// from 1 to 16, error correction level. A printer without the command prints the
// payload as text, so only a profile that knows better may use it.
func NativeQR(payload string, dots int, level qr.Level) ([]byte, error) {
	if dots < 1 || dots > 16 {
		return nil, fmt.Errorf("QR code of %d dots a module: printers draw 1 to 16", dots)
	}
	// The store's length counts the three parameters before the payload, too.
	const capacity = 7089
	if payload == "" || len(payload) > capacity {
		return nil, fmt.Errorf("QR code of %d bytes: a printer holds 1 to %d", len(payload), capacity)
	}
	const cn = 49
	short := func(fn, value byte) []byte { return []byte{gs, '(', 'k', 3, 0, cn, fn, value} }
	out := []byte{gs, '(', 'k', 4, 0, cn, 65, 50, 0}
	out = append(out, short(67, byte(dots))...)
	out = append(out, short(69, 48+byte(level))...)
	n := len(payload) + 3
	out = append(out, gs, '(', 'k', byte(n), byte(n>>8), cn, 80, 48)
	out = append(out, payload...)
	return append(out, short(81, 48)...), nil
}

// rasterRows is how many rows of dots one raster command carries: printers with a
// small buffer swallow what follows a taller one.
const rasterRows = 255

// Raster draws a code dot by dot (GS v 0), for printers that cannot draw one
// themselves: dots a module and the quiet zone around it, the left dot in the highest
// bit. A code taller than 255 dots takes several commands, which join on paper.
func Raster(m qr.Matrix, dots int) []byte {
	side := m.Size() * dots
	wide := (side + 7) / 8
	row := make([]byte, wide)
	var out []byte
	for top := 0; top < side; top += rasterRows {
		rows := min(rasterRows, side-top)
		out = append(out, gs, 'v', '0', 0, byte(wide), byte(wide>>8), byte(rows), byte(rows>>8))
		for y := top; y < top+rows; y++ {
			clear(row)
			for x := range side {
				if m.At(x/dots, y/dots) {
					row[x/8] |= 0x80 >> (x % 8)
				}
			}
			out = append(out, row...)
		}
	}
	return out
}
