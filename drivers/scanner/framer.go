package scanner

import (
	"time"

	"tillwire/drivers"
)

// Bytes that structure a serial line (ISO/IEC 646).
const (
	nul = 0x00
	stx = 0x02
	etx = 0x03
	dle = 0x10
)

// Framing is how a line scanner marks the end of a code.
type Framing struct {
	Terminators    []byte        // any of them ends a frame
	STX            bool          // frames are STX … ETX, everything outside is noise
	DLE            bool          // frames are DLE STX … DLE ETX, a doubled DLE is data
	PartialTimeout time.Duration // silence after which an unfinished frame is dropped
	IdleGap        time.Duration // silence that ends a frame; 0: silence ends nothing
	MaxLen         int           // longest frame in bytes
	Dedupe         time.Duration // sliding window in which a repeat is a duplicate
	OpenGrace      time.Duration // bytes this soon after opening are ignored
	UTF8           bool          // allow printable UTF-8 instead of ASCII only
	AIM            drivers.AIM   // treatment of symbology identifiers
	CodeIDs        []string      // the maker's code ids before the data, longest first; nil: none
}

// silence is how long the line must be quiet before that means something.
func (f Framing) silence() time.Duration {
	if f.IdleGap > 0 {
		return f.IdleGap
	}
	return f.PartialTimeout
}

// Framer is the codec of scanners that send text lines. A frame is delivered
// whole or not at all: the first half of a payment code can be a valid code of
// somebody else.
type Framer struct {
	framing Framing
	outlet

	buf     []byte        // the frame so far
	last    time.Duration // when the newest byte of the frame was read
	inside  bool          // between the marks, in STX and DLE framing
	escaped bool          // the previous byte was a DLE
	discard bool          // drop bytes until the next boundary
}

// NewFramer returns a framer. The framing must come from a profile, which
// checks it.
func NewFramer(f Framing) *Framer {
	return &Framer{framing: f, outlet: outlet{repeats: repeats{window: f.Dedupe}, utf8: f.UTF8, aim: f.AIM, ids: f.CodeIDs}}
}

// Start implements Codec.
func (f *Framer) Start(at time.Duration) []Event {
	f.reset()
	f.discard = false
	f.grace = at + f.framing.OpenGrace
	return nil
}

// Feed implements Codec.
func (f *Framer) Feed(at time.Duration, b []byte) []Event {
	for _, c := range b {
		if c == nul {
			continue // plug-in noise and bad ground; never part of a code
		}
		if at < f.grace {
			f.ignore(at, c)
			continue
		}
		switch {
		case f.framing.DLE:
			f.dleByte(at, c)
		case f.framing.STX:
			f.stxByte(at, c)
		default:
			f.lineByte(at, c)
		}
	}
	return f.take()
}

// Tick implements Codec.
func (f *Framer) Tick(at time.Duration) []Event {
	f.repeats.expire(at)
	if len(f.buf) == 0 && !f.inside && !f.discard {
		return nil
	}
	due := f.last + f.framing.silence()
	if at < due {
		return nil
	}
	switch {
	case f.discard:
		// What follows such a silence is a code of its own, not the rest.
		f.discard = false
	case f.framing.IdleGap > 0:
		f.finish(due)
	default:
		f.emit(Event{At: due, Kind: EventPartialTimeout, Bytes: len(f.buf)})
	}
	f.reset()
	return f.take()
}

// Lost implements Codec.
func (f *Framer) Lost(at time.Duration) []Event {
	f.emit(Event{At: at, Kind: EventResync, Bytes: len(f.buf)})
	f.reset()
	f.skip(at)
	return f.take()
}

// ignore watches a byte that arrives within the open grace. If the grace ends
// in the middle of a code, its tail must not pass for a whole one.
func (f *Framer) ignore(at time.Duration, c byte) {
	if f.framing.STX || f.framing.DLE {
		return // a tail has no opening mark
	}
	f.last = at
	f.discard = !f.terminator(c)
}

func (f *Framer) lineByte(at time.Duration, c byte) {
	f.last = at
	if !f.terminator(c) {
		f.add(at, c)
		return
	}
	if !f.discard {
		f.finish(at)
	}
	f.discard = false
	f.reset()
}

func (f *Framer) stxByte(at time.Duration, c byte) {
	switch {
	case c == stx:
		f.open(at)
	case !f.inside:
	case c == etx:
		// Some emulations put their usual suffix before ETX (CUTE: CR ETX).
		for len(f.buf) > 0 && f.terminator(f.buf[len(f.buf)-1]) {
			f.buf = f.buf[:len(f.buf)-1]
		}
		f.finish(at)
		f.reset()
	default:
		f.last = at
		f.add(at, c)
	}
}

func (f *Framer) dleByte(at time.Duration, c byte) {
	if !f.escaped {
		switch {
		case c == dle:
			f.escaped = true
		case f.inside:
			f.last = at
			f.add(at, c)
		}
		return
	}
	f.escaped = false
	switch {
	case c == stx:
		f.open(at)
	case !f.inside:
	case c == etx:
		f.finish(at)
		f.reset()
	case c == dle:
		f.last = at
		f.add(at, c)
	default: // nothing else may follow a DLE
		f.emit(Event{At: at, Kind: EventResync, Bytes: len(f.buf)})
		f.reset()
	}
}

// open begins a frame at its opening mark, dropping one that never ended.
func (f *Framer) open(at time.Duration) {
	f.reset()
	f.discard = false
	f.inside = true
	f.last = at
}

func (f *Framer) add(at time.Duration, c byte) {
	if f.discard {
		return
	}
	f.buf = append(f.buf, c)
	if len(f.buf) > f.framing.MaxLen {
		f.emit(Event{At: at, Kind: EventOverflow, Bytes: len(f.buf)})
		f.reset()
		f.skip(at)
	}
}

// skip drops bytes until the next boundary. With opening marks nothing outside
// them counts, so there is nothing to skip.
func (f *Framer) skip(at time.Duration) {
	f.discard = !f.framing.STX && !f.framing.DLE
	f.last = at
}

// finish delivers the frame in the buffer, or says why it cannot.
func (f *Framer) finish(at time.Duration) {
	if len(f.buf) == 0 {
		return // CR LF and its relatives end an empty frame
	}
	f.deliver(at, f.buf, "", "")
}

// Command implements Codec: a framer alone has nothing to say to a scanner.
func (f *Framer) Command(time.Duration, Command) []Event { return nil }

// cut takes the unfinished frame out of the framer: it was no code.
func (f *Framer) cut() string {
	frame := string(f.buf)
	f.reset()
	return frame
}

func (f *Framer) terminator(c byte) bool {
	for _, t := range f.framing.Terminators {
		if c == t {
			return true
		}
	}
	return false
}

// reset forgets the frame. The bytes were a payment code, so they are wiped.
func (f *Framer) reset() {
	clear(f.buf)
	f.buf = f.buf[:0]
	f.inside = false
	f.escaped = false
}
