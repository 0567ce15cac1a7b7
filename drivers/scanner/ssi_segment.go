package scanner

import "time"

// Codes that do not fit one packet come in segments (opcode 73), each acknowledged with
// 74. What stands in them is known from one implementation and not from the guide, and
// no such scanner was met yet, so everything that does not agree drops the code: a part
// of one is never delivered.
const (
	ssiSegment    = 0x73
	ssiSegmentAck = 0x74
	ssiFirstFrom  = 0x02 // the source byte of a first segment
	ssiFull       = 0xff // the length of every segment but the last

	// A first segment holds, behind its number: DECODE_DATA, two zeros, the length of all,
	// the type, 01, the length of the code.
	ssiSegmentHead = 9
)

// segments are what came of a long code so far.
type segments struct {
	open  bool
	seq   byte // of the newest
	kind  byte
	whole int // length that the first one names
	text  []byte
	last  time.Duration // when the newest came
}

// forget wipes it: it may be most of a payment code.
func (g *segments) forget() {
	clear(g.text)
	*g = segments{}
}

// segment takes one; data begins with its number.
func (s *ssi) segment(at time.Duration, length byte, data []byte) {
	g := &s.long
	if g.open && len(data) > 0 && data[0] == g.seq {
		return // sent again, because our answer came late
	}
	switch {
	case !g.open && len(data) > ssiSegmentHead && data[1] == ssiDecodeData:
		head := data[1 : 1+ssiSegmentHead]
		*g = segments{open: true, kind: head[5], whole: int(head[7])<<8 | int(head[8]), text: append([]byte(nil), data[1+ssiSegmentHead:]...)}
	case g.open && len(data) > 1 && data[0] == g.seq+1:
		g.text = append(g.text, data[1:]...)
	default:
		s.emit(Event{At: at, Kind: EventGarbage, Bytes: len(data) + len(g.text)})
		g.forget()
		return
	}
	g.seq, g.last = data[0], at
	switch {
	case len(g.text) > s.frame.MaxLen:
		s.emit(Event{At: at, Kind: EventOverflow, Bytes: len(g.text)})
	case length == ssiFull:
		return // there is more
	case len(g.text) != g.whole:
		s.emit(Event{At: at, Kind: EventGarbage, Bytes: len(g.text)})
	default:
		s.scanned(at, false, g.kind, g.text)
	}
	g.forget()
}

// segmentsLate drops a code whose next segment does not come.
func (s *ssi) segmentsLate(at time.Duration) {
	if due := s.long.last + ssiPatience; s.long.open && at >= due {
		s.emit(Event{At: due, Kind: EventPartialTimeout, Bytes: len(s.long.text)})
		s.long.forget()
	}
}
