package scanner

import "time"

// spoken is the codec of scanners that send text and understand commands: a
// framer, with the scanner's replies taken out of its stream. A reply in the
// middle of a code leaves the code whole.
type spoken struct {
	*Framer
	talk    Talk
	talker  talker
	replies replies // nil: the scanner never replies
	last    time.Duration
}

// The manners of talking to text scanners: Newland asks for 50 ms between
// commands and may take 5 s for an answer.
const (
	spokenGap     = 50 * time.Millisecond
	spokenTimeout = 5 * time.Second
)

func newSpoken(f Framing, talk Talk, family string) *spoken {
	s := &spoken{Framer: NewFramer(f), talk: talk, replies: newReplies(family, f.MaxLen)}
	s.talker = talker{gap: spokenGap, timeout: spokenTimeout, emit: s.emit}
	return s
}

// Start implements Codec.
func (s *spoken) Start(at time.Duration) []Event {
	s.talker.reset()
	if s.replies != nil {
		s.replies.drop()
	}
	return s.Framer.Start(at)
}

// Feed implements Codec.
func (s *spoken) Feed(at time.Duration, b []byte) []Event {
	if s.replies == nil {
		return s.Framer.Feed(at, b)
	}
	var out []Event
	one := make([]byte, 1)
	for _, c := range b {
		pass, r := s.replies.take(c)
		if len(pass) == 1 {
			one[0] = pass[0]
			pass = one
		}
		out = append(out, s.Framer.Feed(at, pass)...)
		s.last = at
		if r != nil {
			out = append(out, s.reply(at, *r)...)
		}
	}
	return out
}

func (s *spoken) reply(at time.Duration, r reply) []Event {
	if r.echo {
		r.text = note([]byte(s.cut()))
	}
	e := r.event()
	e.At = at
	s.emit(e)
	s.talker.answered(at)
	return s.take()
}

// Tick implements Codec.
func (s *spoken) Tick(at time.Duration) []Event {
	out := s.Framer.Tick(at)
	if s.replies != nil && s.replies.held() > 0 && at >= s.last+s.framing.silence() {
		s.emit(Event{At: s.last + s.framing.silence(), Kind: EventPartialTimeout, Bytes: s.replies.held()})
		s.replies.drop()
	}
	s.talker.tick(at)
	return inOrder(append(out, s.take()...))
}

// Lost implements Codec.
func (s *spoken) Lost(at time.Duration) []Event {
	if s.replies != nil {
		s.replies.drop()
	}
	return s.Framer.Lost(at)
}

// Command implements Codec.
func (s *spoken) Command(at time.Duration, c Command) []Event {
	for _, b := range s.talk[c] {
		s.talker.say(at, request{bytes: b, awaited: s.replies != nil && s.replies.answers(b), note: noteOf(c)})
	}
	return s.take()
}
