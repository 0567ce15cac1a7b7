package scanner

import (
	"time"

	"tillwire/drivers"
)

// The shape of an input report of a USB HID POS scanner (HID point of sale
// usage tables, page 8C): report id, count of data bytes, AIM identifier, data,
// the maker's code id, a reserved byte, and flags.
const (
	hidposSize   = 64
	hidposReport = 0x02
	hidposData   = 5
	hidposMax    = 56
	hidposID     = 61
	hidposFlags  = 63
	hidposMore   = 0x01 // the code goes on in the next report
)

func hidposKeys() []drivers.Key {
	keys := []drivers.Key{partialKey("500")}
	return append(append(keys, frameKeys()...), talkKeys(nil)...)
}

// hidpos is the codec of USB HID POS reports. Bytes are whole reports, as
// hidraw delivers them, or pieces of them.
type hidpos struct {
	outlet
	frame  Framing
	talk   Talk
	talker talker

	report    []byte // not complete yet
	code      []byte // of the reports so far
	symbology string
	last      time.Duration
	skip      bool // drop reports until one that ends a code

	foreign   bool          // what was read at foreignAt began like no report of ours
	foreignAt time.Duration // and the rest of that read is dropped with it
}

func newHIDPOS(v *drivers.Values) (Setup, error) {
	f := readFrame(v)
	f.PartialTimeout = readPartial(v)
	talk, rearm := readTalk(v), readRearm(v)
	if err := v.Err(); err != nil {
		return Setup{}, err
	}
	c := &hidpos{frame: f, talk: talk, outlet: outlet{repeats: repeats{window: f.Dedupe}, utf8: f.UTF8, aim: drivers.AIMOff}}
	c.talker = talker{gap: spokenGap, timeout: spokenTimeout, emit: c.emit}
	return Setup{Codec: c, Grace: f.OpenGrace, Poll: pollFor(f.PartialTimeout), Rearm: rearm}, nil
}

// Start implements Codec.
func (h *hidpos) Start(at time.Duration) []Event {
	h.forget()
	h.skip, h.foreign = false, false
	h.talker.reset()
	h.grace = at + h.frame.OpenGrace
	return nil
}

func (h *hidpos) forget() {
	clear(h.report)
	clear(h.code)
	h.report, h.code, h.symbology = h.report[:0], h.code[:0], ""
}

// Feed implements Codec. A read of hidraw is one report, so what begins like none of ours
// is dropped to the end of the read: any byte in it could look like the beginning of one,
// and the report after it begins with the next read.
func (h *hidpos) Feed(at time.Duration, b []byte) []Event {
	for _, c := range b {
		h.last = at
		if h.foreign && at == h.foreignAt {
			continue
		}
		h.foreign = false
		h.report = append(h.report, c)
		switch n := len(h.report); {
		case n == 1 && c != hidposReport, n == 2 && c > hidposMax:
			// Another report of the same device breaks no code unless it stands within one.
			h.skip = h.skip || n == 2 || len(h.code) > 0
			h.emit(Event{At: at, Kind: EventResync, Bytes: n + len(h.code)})
			h.forget()
			h.foreign, h.foreignAt = true, at
		case n == hidposSize:
			h.whole(at, h.report)
			clear(h.report)
			h.report = h.report[:0]
		}
	}
	return h.take()
}

// whole takes a complete report.
func (h *hidpos) whole(at time.Duration, r []byte) {
	symbology, more := string(r[2:hidposData]), r[hidposFlags]&hidposMore != 0
	switch {
	case h.skip:
		h.skip = more
		return
	case len(h.code) > 0 && symbology != h.symbology:
		// This belongs to another code, whose beginning may be missing too.
		h.emit(Event{At: at, Kind: EventResync, Bytes: len(h.code)})
		h.drop(more)
		return
	}
	h.symbology = symbology
	h.code = append(h.code, r[hidposData:hidposData+int(r[1])]...)
	if len(h.code) > h.frame.MaxLen {
		h.emit(Event{At: at, Kind: EventOverflow, Bytes: len(h.code)})
		h.drop(more)
		return
	}
	if more {
		return
	}
	if at >= h.grace {
		h.finish(at, r[hidposID])
	}
	h.drop(false)
}

// drop forgets the code so far; with more, the rest of it is dropped too.
func (h *hidpos) drop(more bool) {
	clear(h.code)
	h.code, h.symbology, h.skip = h.code[:0], "", more
}

func (h *hidpos) finish(at time.Duration, vendor byte) {
	symbology, id := h.symbology, ""
	if !drivers.IsAIM(symbology) {
		symbology = ""
	}
	if vendor > 0x20 && vendor < 0x7f {
		id = string(rune(vendor))
	}
	if frame := trimSuffix(h.code); len(frame) > 0 {
		h.deliver(at, frame, symbology, id)
	}
}

// Tick implements Codec.
func (h *hidpos) Tick(at time.Duration) []Event {
	h.repeats.expire(at)
	if due := h.last + h.frame.PartialTimeout; at >= due {
		h.skip = false
		if n := len(h.code) + len(h.report); n > 0 {
			h.emit(Event{At: due, Kind: EventPartialTimeout, Bytes: n})
			h.forget()
		}
	}
	h.talker.tick(at)
	return inOrder(h.take())
}

// Lost implements Codec.
func (h *hidpos) Lost(at time.Duration) []Event {
	h.emit(Event{At: at, Kind: EventResync, Bytes: len(h.code) + len(h.report)})
	h.forget()
	h.skip = true
	h.last = at // what was lost may have come just now, so silence begins here
	return h.take()
}

// Command implements Codec.
func (h *hidpos) Command(at time.Duration, c Command) []Event {
	for _, b := range h.talk[c] {
		h.talker.say(at, request{bytes: b, note: noteOf(c)})
	}
	return h.take()
}
