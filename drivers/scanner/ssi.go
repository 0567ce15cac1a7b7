package scanner

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/drivers"
)

// The patience of SSI: a packet whose bytes stop coming is dropped, a command
// without an answer is sent again.
const (
	ssiGap      = 200 * time.Millisecond
	ssiPatience = 2 * time.Second
	ssiWake     = 50 * time.Millisecond // after the wake-up byte
)

func ssiKeys() []drivers.Key {
	keys := []drivers.Key{
		{Name: "trigger", Default: "session", Help: "what starts scanning for a payment: session (START_SESSION), enable (SCAN_ENABLE) or off"},
		{Name: "host_mode", Default: "off", Help: "on: the scanner reads only while it is told to (trigger mode host), until it loses power"},
		{Name: "setup", Default: "on", Help: "on: packets and acknowledgements are switched on after opening, until the scanner loses power"},
		{Name: "accepted_beep", Default: "0", Help: "number of the beep when the agent took the code, 0 to 26; off"},
		{Name: "refused_beep", Default: "off", Help: "number of the beep when the agent cannot use the code, 0 to 26; off"},
		{Name: "wake", Default: "off", Help: "on: the scanner sleeps and is woken before each command"},
		{Name: "source", Default: "decoder", Help: "who may send packets: decoder (00), or any, for modules that mark theirs 04"},
		{Name: "cordless", Default: "off", Help: "on: three bytes of flag and length stand before the code (Bluetooth SPP)"},
		rearmKey(),
	}
	return append(keys, frameKeys()...)
}

// ssi is the codec of the Simple Serial Interface.
type ssi struct {
	outlet
	settings ssiSettings
	frame    Framing
	talker   talker

	buf     []byte        // what is not judged yet
	last    time.Duration // when its newest byte was read
	skipped int           // bytes dropped since the last packet
	body    [32]byte      // SHA-256 of the last code delivered, to know it when it comes again
	long    segments      // of a code that does not fit one packet
}

type ssiSettings struct {
	trigger            string
	hostMode, setup    bool
	accepted, refused  int // beep numbers, negative: none
	wake               bool
	anySource, addsLen bool
}

func newSSI(v *drivers.Values) (Setup, error) {
	s := ssiSettings{trigger: v.Choice("trigger", "session", "enable", "off"), hostMode: v.Bool("host_mode"), setup: v.Bool("setup"),
		accepted: readBeep(v, "accepted_beep"), refused: readBeep(v, "refused_beep"), wake: v.Bool("wake"),
		anySource: v.Choice("source", "decoder", "any") == "any", addsLen: v.Bool("cordless")}
	f, rearm := readFrame(v), readRearm(v)
	if err := v.Err(); err != nil {
		return Setup{}, err
	}
	c := &ssi{settings: s, frame: f, outlet: outlet{repeats: repeats{window: f.Dedupe}, utf8: f.UTF8, aim: f.AIM}}
	c.talker = talker{timeout: ssiPatience, again: ssiAgain, emit: c.emit}
	if s.wake {
		c.talker.gap = ssiWake
	}
	return Setup{Codec: c, Grace: f.OpenGrace, Poll: pollFor(ssiGap), Rearm: rearm}, nil
}

func readBeep(v *drivers.Values, key string) int {
	if text := strings.ToLower(v.Text(key)); text == "off" || text == "" {
		return -1
	}
	return v.Int(key, 0, 26)
}

// Start implements Codec.
func (s *ssi) Start(at time.Duration) []Event {
	s.forget()
	s.skipped, s.body = 0, [32]byte{}
	s.talker.reset()
	s.grace = at + s.frame.OpenGrace
	return nil
}

// forget wipes what is not judged yet: it may be half a payment code.
func (s *ssi) forget() {
	clear(s.buf)
	s.buf = s.buf[:0]
	s.long.forget()
}

// Feed implements Codec.
func (s *ssi) Feed(at time.Duration, b []byte) []Event {
	s.buf = append(s.buf, b...)
	s.last = at
	for s.step(at) {
	}
	return s.take()
}

// step judges the first bytes of the buffer; it answers false when more are
// needed.
func (s *ssi) step(at time.Duration) bool {
	b := s.buf
	switch {
	case len(b) == 0:
		return false
	case b[0] < ssiHeader,
		len(b) > 1 && !ssiFromDecoder(b[1]),
		len(b) > 2 && b[2] != ssiDecoder && !(s.settings.anySource && b[2] == ssiHost) && !(b[1] == ssiSegment && b[2] == ssiFirstFrom):
		s.skipped++
		s.shift(1)
		return true
	}
	whole := int(b[0]) + ssiCheck
	if len(b) < whole {
		return false
	}
	s.resynced(at)
	if ssiSound(b[:whole]) {
		s.packet(at, b[:b[0]])
	} else {
		s.emit(Event{At: at, Kind: EventSend, Send: ssiPacket(ssiNak, 0x01), Note: noteChecksum})
	}
	s.shift(whole)
	return true
}

// noteChecksum marks the sending that answers a damaged packet; it is counted.
const noteChecksum = "checksum"

// shift drops the first n bytes and wipes their place.
func (s *ssi) shift(n int) {
	left := copy(s.buf, s.buf[n:])
	clear(s.buf[left:])
	s.buf = s.buf[:left]
}

// resynced says how many bytes were dropped on the way to this moment.
func (s *ssi) resynced(at time.Duration) {
	if s.skipped > 0 {
		s.emit(Event{At: at, Kind: EventResync, Bytes: s.skipped})
		s.skipped = 0
	}
}

func (s *ssi) packet(at time.Duration, b []byte) {
	data := b[ssiHeader:]
	switch b[1] {
	case ssiAck:
		s.emit(Event{At: at, Kind: EventAck})
		s.talker.answered(at)
	case ssiNak:
		why := ssiWhy(data)
		s.emit(Event{At: at, Kind: EventNak, Note: why})
		if why == "resend" {
			s.talker.repeat(at)
		} else {
			s.talker.answered(at)
		}
	case ssiDecodeData:
		s.emit(Event{At: at, Kind: EventSend, Send: ssiPacket(ssiAck)})
		s.decoded(at, b[3]&ssiRepeated != 0, data)
	case ssiSegment:
		s.emit(Event{At: at, Kind: EventSend, Send: ssiPacket(ssiSegmentAck)})
		s.segment(at, b[0], data)
	case ssiEvent:
		s.emit(Event{At: at, Kind: EventSend, Send: ssiPacket(ssiAck)})
	default: // the answer to a question
		s.emit(Event{At: at, Kind: EventAck, Note: note(data)})
		s.talker.answered(at)
	}
}

// decoded takes a code. The decoder sends it again when our answer came late;
// the same body then is the same reading, however long ago it was.
func (s *ssi) decoded(at time.Duration, repeated bool, data []byte) {
	kind, text, ok := s.split(data)
	if !ok {
		s.emit(Event{At: at, Kind: EventGarbage, Bytes: len(data)})
		return
	}
	s.scanned(at, repeated, kind, text)
}

// scanned judges a whole code.
func (s *ssi) scanned(at time.Duration, repeated bool, kind byte, text []byte) {
	body := sha256.Sum256(append([]byte{kind}, text...))
	switch {
	case len(text) > s.frame.MaxLen:
		s.emit(Event{At: at, Kind: EventOverflow, Bytes: len(text)})
		return
	case repeated && body == s.body:
		s.emit(Event{At: at, Kind: EventRetransmit, Text: agent.NewPayCode(string(trimSuffix(text))), Symbology: hexByte(kind)})
		return
	case at < s.grace:
		return // scanned before anybody waited for it
	}
	s.body = body
	s.deliver(at, trimSuffix(text), hexByte(kind), "")
}

// split takes the barcode type off the data.
func (s *ssi) split(data []byte) (kind byte, text []byte, ok bool) {
	head := 1
	if s.settings.addsLen {
		head = 4
	}
	if len(data) <= head {
		return 0, nil, false
	}
	text = data[head:]
	if s.settings.addsLen && int(data[2])<<8|int(data[3]) != len(text) {
		return 0, nil, false
	}
	return data[0], text, true
}

// Tick implements Codec.
func (s *ssi) Tick(at time.Duration) []Event {
	s.repeats.expire(at)
	if due := s.last + ssiGap; at >= due && len(s.buf)+s.skipped > 0 {
		s.resynced(due)
		if n := len(s.buf); n > 0 {
			s.emit(Event{At: due, Kind: EventCharacterGap, Bytes: n})
			s.forget()
		}
	}
	s.segmentsLate(at)
	s.talker.tick(at)
	return inOrder(s.take())
}

// Lost implements Codec.
func (s *ssi) Lost(at time.Duration) []Event {
	s.emit(Event{At: at, Kind: EventResync, Bytes: len(s.buf) + s.skipped})
	s.forget()
	s.skipped = 0
	return s.take()
}

// Command implements Codec.
func (s *ssi) Command(at time.Duration, c Command) []Event {
	on, off := byte(ssiStart), byte(ssiStop)
	if s.settings.trigger == "enable" {
		on, off = ssiEnable, ssiDisable
	}
	switch {
	case c == CommandInit:
		if params := s.params(); len(params) > 1 {
			s.say(at, c, ssiPacket(ssiParams, params...))
		}
	case c == CommandTriggerOn && s.settings.trigger != "off":
		s.say(at, c, ssiPacket(on))
	case c == CommandTriggerOff && s.settings.trigger != "off":
		s.say(at, c, ssiPacket(off))
	case c == CommandAccepted && s.settings.accepted >= 0:
		s.say(at, c, ssiPacket(ssiBeep, byte(s.settings.accepted)))
	case c == CommandRefused && s.settings.refused >= 0:
		s.say(at, c, ssiPacket(ssiBeep, byte(s.settings.refused)))
	}
	return s.take()
}

// params is the data of PARAM_SEND: what must hold while the agent listens.
func (s *ssi) params() []byte {
	data := []byte{ssiSilent}
	if s.settings.setup {
		data = append(data, ssiParamPacketed, 1, ssiParamAckNak, 1)
	}
	if s.settings.hostMode {
		data = append(data, ssiParamTrigger, ssiTriggerHost)
	}
	return data
}

func (s *ssi) say(at time.Duration, c Command, packet []byte) {
	if s.settings.wake {
		s.talker.say(at, request{bytes: []byte{0}})
	}
	s.talker.say(at, request{bytes: packet, awaited: true, note: noteOf(c)})
}

func hexByte(b byte) string { return strings.ToUpper(hex.EncodeToString([]byte{b})) }
