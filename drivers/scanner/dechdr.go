package scanner

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"time"

	"tillwire/drivers"
)

// The shape of a Honeywell data packet (DECHDR1): SYN FE, the length of the
// payload in four bytes, little endian, CR, and the payload: "MSGGET", four
// digits that count the data, the maker's code id, the AIM letter and modifier,
// GS, the data with its suffix.
const (
	dechdrMark    = 0xfe
	dechdrHead    = 7
	dechdrPayload = 14 // before the data
	dechdrWord    = "MSGGET"
	gs            = 0x1d
)

func dechdrKeys() []drivers.Key {
	says := honeywellSays()
	says[CommandInit] = "16 4D 0D 44 45 43 48 44 52 31 21" // DECHDR1, until it loses power
	keys := []drivers.Key{partialKey("500")}
	return append(append(keys, frameKeys()...), talkKeys(says)...)
}

// dechdr is the codec of Honeywell packets. Everything outside packets is the
// scanner's replies to commands; a code outside them is none, because its
// beginning may be missing.
type dechdr struct {
	outlet
	frame  Framing
	talk   Talk
	talker talker

	buf  []byte
	last time.Duration
	skip bool // drop everything up to the next packet
}

func newDECHDR(v *drivers.Values) (Setup, error) {
	f := readFrame(v)
	f.PartialTimeout = readPartial(v)
	talk, rearm := readTalk(v), readRearm(v)
	if err := v.Err(); err != nil {
		return Setup{}, err
	}
	c := &dechdr{frame: f, talk: talk, outlet: outlet{repeats: repeats{window: f.Dedupe}, utf8: f.UTF8, aim: drivers.AIMOff}}
	c.talker = talker{gap: spokenGap, timeout: spokenTimeout, emit: c.emit}
	return Setup{Codec: c, Grace: f.OpenGrace, Poll: pollFor(f.PartialTimeout), Rearm: rearm}, nil
}

// Start implements Codec.
func (d *dechdr) Start(at time.Duration) []Event {
	d.forget()
	d.skip = false
	d.talker.reset()
	d.grace = at + d.frame.OpenGrace
	return nil
}

func (d *dechdr) forget() {
	clear(d.buf)
	d.buf = d.buf[:0]
}

// Feed implements Codec.
func (d *dechdr) Feed(at time.Duration, b []byte) []Event {
	for _, c := range b {
		d.last = at
		if len(d.buf) > 0 && d.buf[0] == syn {
			d.packetByte(at, c)
		} else {
			d.textByte(at, c)
		}
	}
	return d.take()
}

// packetByte takes a byte inside a packet.
func (d *dechdr) packetByte(at time.Duration, c byte) {
	d.buf = append(d.buf, c)
	n := len(d.buf)
	switch {
	case n == 2 && c != dechdrMark, n == dechdrHead && c != '\r':
		d.emit(Event{At: at, Kind: EventResync, Bytes: n})
		d.away()
	case n == dechdrHead:
		if size := d.size(); size < dechdrPayload || size > uint64(dechdrPayload+d.frame.MaxLen) {
			d.emit(Event{At: at, Kind: EventOverflow, Bytes: n})
			d.away()
		}
	case n > dechdrHead && uint64(n-dechdrHead) == d.size():
		d.packet(at, d.buf[dechdrHead:])
		d.forget()
	}
}

func (d *dechdr) size() uint64 { return uint64(binary.LittleEndian.Uint32(d.buf[2:])) }

// away drops the packet and what follows until another begins.
func (d *dechdr) away() {
	d.forget()
	d.skip = true
}

func (d *dechdr) packet(at time.Duration, payload []byte) {
	data := payload[dechdrPayload:]
	count, err := strconv.Atoi(string(payload[len(dechdrWord) : len(dechdrWord)+4]))
	if err != nil || count != len(data) || !bytes.HasPrefix(payload, []byte(dechdrWord)) || payload[dechdrPayload-1] != gs {
		d.emit(Event{At: at, Kind: EventGarbage, Bytes: len(payload)})
		return
	}
	if at < d.grace {
		return // scanned before anybody waited for it
	}
	id, symbology := string(payload[10:11]), "]"+string(payload[11:13])
	if !drivers.IsAIM(symbology) {
		symbology = ""
	}
	d.deliver(at, trimSuffix(data), symbology, id)
}

// textByte takes a byte outside a packet, as a part of a reply.
func (d *dechdr) textByte(at time.Duration, c byte) {
	switch {
	case c == syn:
		d.outside(at)
		d.buf = append(d.buf, c)
		d.skip = false
	case d.skip, c == nul:
	case c == '\r' || c == '\n':
		d.outside(at)
	default:
		d.buf = append(d.buf, c)
		if n := len(d.buf); n > 1 && (c == '!' || c == '.' || c == '@') && isStatus(d.buf[n-2]) {
			e := reply{status: d.buf[n-2], text: note(d.buf[:n-2])}.event()
			e.At = at
			d.emit(e)
			d.forget()
			d.talker.answered(at)
		} else if n > d.frame.MaxLen {
			d.emit(Event{At: at, Kind: EventOverflow, Bytes: n})
			d.away()
		}
	}
}

func isStatus(c byte) bool { return c == statusAck || c == statusNak || c == statusEnq }

// outside says that there was text which is neither a packet nor a reply.
func (d *dechdr) outside(at time.Duration) {
	if n := len(d.buf); n > 0 {
		d.emit(Event{At: at, Kind: EventGarbage, Bytes: n})
		d.forget()
	}
}

// Tick implements Codec.
func (d *dechdr) Tick(at time.Duration) []Event {
	d.repeats.expire(at)
	if due := d.last + d.frame.PartialTimeout; at >= due {
		d.skip = false
		if n := len(d.buf); n > 0 {
			d.emit(Event{At: due, Kind: EventPartialTimeout, Bytes: n})
			d.forget()
		}
	}
	d.talker.tick(at)
	return inOrder(d.take())
}

// Lost implements Codec.
func (d *dechdr) Lost(at time.Duration) []Event {
	d.emit(Event{At: at, Kind: EventResync, Bytes: len(d.buf)})
	d.away()
	d.last = at // what was lost may have come just now, so silence begins here
	return d.take()
}

// Command implements Codec.
func (d *dechdr) Command(at time.Duration, c Command) []Event {
	for _, b := range d.talk[c] {
		d.talker.say(at, request{bytes: b, awaited: (&honeywellReplies{}).answers(b), note: noteOf(c)})
	}
	return d.take()
}
