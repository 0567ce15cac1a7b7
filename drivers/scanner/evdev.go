package scanner

import (
	"encoding/binary"
	"strconv"
	"time"

	"tillwire/drivers"
)

// Events of Linux input devices (linux/input.h). A record ends with type, code
// and value, little endian; before them stands the time, in two words of the
// machine's size, which is not used: the clock of the reader is.
const (
	inputTail = 8
	evSyn     = 0
	evKey     = 1

	synReport  = 0
	synDropped = 3

	keyUp   = 0
	keyDown = 1 // 2 is the kernel's own repeat of a held key
)

// unknownKey stands in a frame for a key that types nothing a code may have, so
// that the frame is garbage and not a shorter code.
const unknownKey = 0xff

// wedgeIdle is the silence between two keys that ends a hope: scanners type a
// key in 5 to 20 ms.
const wedgeIdle = "200"

func evdevKeys() []drivers.Key {
	keys := []drivers.Key{
		partialKey(wedgeIdle),
		{Name: "event_size", Default: "auto", Help: "bytes of an input event: 24, 16 on 32-bit machines, or auto: this machine's"},
	}
	return append(keys, frameKeys()...)
}

// evdev is the codec of a scanner that types like a keyboard: key strokes in,
// text out. Enter, the keypad's Enter and Tab end a code.
type evdev struct {
	*Framer
	size   int
	record []byte // not complete yet

	shift, ctrl, alt, caps bool
	code, digits           int  // typed on the keypad with Alt held
	deaf                   bool // until the next report: keys were dropped
}

func newEvdev(v *drivers.Values) (Setup, error) {
	f := readFrame(v)
	f.PartialTimeout, f.Terminators = readPartial(v), []byte{'\r'}
	size := 24
	if choice := v.Choice("event_size", "auto", "24", "16"); choice == "16" || choice == "auto" && strconv.IntSize == 32 {
		size = 16
	}
	if err := v.Err(); err != nil {
		return Setup{}, err
	}
	return Setup{Codec: &evdev{Framer: NewFramer(f), size: size}, Grace: f.OpenGrace, Poll: pollFor(f.PartialTimeout)}, nil
}

// Start implements Codec.
func (e *evdev) Start(at time.Duration) []Event {
	e.release()
	e.caps, e.deaf, e.record = false, false, e.record[:0]
	return e.Framer.Start(at)
}

// release lets go of every key.
func (e *evdev) release() {
	e.shift, e.ctrl, e.alt, e.code, e.digits = false, false, false, 0, 0
}

// Feed implements Codec.
func (e *evdev) Feed(at time.Duration, b []byte) []Event {
	var out []Event
	for _, c := range b {
		e.record = append(e.record, c)
		if len(e.record) == e.size {
			tail := e.record[e.size-inputTail:]
			out = append(out, e.input(at, binary.LittleEndian.Uint16(tail), int(binary.LittleEndian.Uint16(tail[2:])), int32(binary.LittleEndian.Uint32(tail[4:])))...)
			clear(e.record)
			e.record = e.record[:0]
		}
	}
	return out
}

// input takes one event.
func (e *evdev) input(at time.Duration, kind uint16, code int, value int32) []Event {
	switch {
	case kind == evSyn && code == synDropped:
		e.deaf = true
		e.release()
		e.emit(Event{At: at, Kind: EventDropped, Bytes: len(e.buf)})
		e.reset()
		return e.take()
	case kind == evSyn && code == synReport:
		e.deaf = false
	case kind == evKey && !e.deaf:
		return e.key(at, code, value)
	}
	return nil
}

func (e *evdev) key(at time.Duration, code int, value int32) []Event {
	down := value == keyDown
	switch code {
	case keyLeftShift, keyRightShift:
		e.shift = value != keyUp
		return nil
	case keyLeftCtrl, keyRightCtrl:
		e.ctrl = value != keyUp
		return nil
	case keyLeftAlt, keyRightAlt:
		return e.altKey(at, value)
	case keyCapsLock:
		e.caps = e.caps != down
		return nil
	case keyNumLock:
		return nil
	}
	if !down {
		return nil
	}
	switch code {
	case keyEnter, keyKeypadEnter, keyTab:
		return e.Framer.Feed(at, []byte{'\r'})
	}
	if digit, ok := keypadDigit(code); ok && e.alt {
		e.code, e.digits = min(e.code*10+digit, 0xffff), e.digits+1
		return nil
	}
	c, ok := character(code, e.shift, e.caps)
	switch {
	case !ok, e.alt:
		c = unknownKey
	case e.ctrl:
		c = control(c)
	}
	return e.Framer.Feed(at, []byte{c})
}

// control is what a key types with Ctrl held: separators such as GS arrive so.
func control(c byte) byte {
	if c >= '@' && c <= '_' || c >= 'a' && c <= 'z' {
		return c & 0x1f
	}
	return unknownKey
}

// altKey follows Alt: a character's number is typed on the keypad while it is
// held, and counts when it is let go.
func (e *evdev) altKey(at time.Duration, value int32) []Event {
	if value != keyUp {
		e.alt = true
		return nil
	}
	number, typed := e.code, e.digits > 0
	e.alt, e.code, e.digits = false, 0, 0
	switch {
	case !typed:
		return nil
	case number == '\r' || number == '\n':
		return e.Framer.Feed(at, []byte{'\r'})
	case number < 1 || number > 0x7e:
		number = unknownKey
	}
	return e.Framer.Feed(at, []byte{byte(number)})
}

// Lost implements Codec.
func (e *evdev) Lost(at time.Duration) []Event {
	e.release()
	e.record = e.record[:0]
	return e.Framer.Lost(at)
}
