package scannertest

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"tillwire/drivers/scanner"
)

// silence is longer than any timer of a codec, and sendsMax more than a codec
// may say to one command, with its repeats.
const (
	silence  = time.Minute
	sendsMax = 12
)

// replay plays a capture against a profile in ways that no shop orders.
type replay struct {
	t       *testing.T
	profile scanner.Profile
	steps   []scanner.Step
	whole   []string // what the capture delivers as it came
}

// codec is a fresh codec, just opened and ready at once.
func (r *replay) codec() scanner.Codec {
	c := build(r.t, r.profile, map[string]any{"open_grace": "0"}).Codec
	c.Start(0)
	return c
}

// run plays steps and lets the line fall silent.
func (r *replay) run(steps []scanner.Step) (events []scanner.Event) {
	c := r.codec()
	for _, s := range steps {
		events = append(events, s.Play(c)...)
	}
	return append(events, c.Tick(r.end())...)
}

func (r *replay) end() time.Duration { return r.steps[len(r.steps)-1].At + silence }

// scans are the texts that were delivered, and checks what each may be.
func (r *replay) scans(events []scanner.Event) (texts []string) {
	for _, e := range events {
		checkEvent(r.t, e)
		if e.Kind == scanner.EventScan {
			texts = append(texts, e.Text.Reveal())
		}
	}
	return texts
}

// cuts calls try with every way to cut the capture's bytes in two.
func (r *replay) cuts(try func(before, after []scanner.Step)) {
	for i, s := range r.steps {
		for n := range s.Bytes {
			if n == 0 {
				continue
			}
			first, second := s, s
			first.Bytes, second.Bytes = s.Bytes[:n], s.Bytes[n:]
			try(append(slices.Clone(r.steps[:i]), first), append([]scanner.Step{second}, r.steps[i+1:]...))
		}
	}
}

// brokenOff: what breaks off and goes silent is never delivered. Where silence
// ends a code, nothing can tell a part from the whole, so such profiles are
// left to lost.
func (r *replay) brokenOff() {
	if r.bySilence() {
		return
	}
	r.cuts(func(before, _ []scanner.Step) {
		r.within("breaking off", r.scans(r.run(before)))
	})
}

// bySilence reports whether silence ends a code in this profile.
func (r *replay) bySilence() bool {
	for _, k := range r.profile.Keys {
		if k.Name == "idle_gap" {
			return k.Default != "off"
		}
	}
	return false
}

// lost: bytes that were thrown away spoil the code they belong to, on both
// sides of the gap. Whole chunks are thrown away too, as the reader of a busy
// port does.
func (r *replay) lost() {
	r.cuts(func(before, after []scanner.Step) { r.without(before, after) })
	for i := range r.steps {
		r.without(r.steps[:i], r.steps[i+1:])
	}
}

// without plays what came before and after bytes that were lost.
func (r *replay) without(before, after []scanner.Step) {
	c := r.codec()
	var events []scanner.Event
	var at time.Duration
	for _, s := range before {
		events = append(events, s.Play(c)...)
		at = s.At
	}
	if len(after) > 0 {
		at = after[0].At
	}
	events = append(events, c.Lost(at)...)
	for _, s := range after {
		events = append(events, s.Play(c)...)
	}
	r.within("losing bytes", r.scans(append(events, c.Tick(r.end())...)))
}

// reopened: an opening begins anew, whatever was there before, and at once: no
// silence has ended it.
func (r *replay) reopened() {
	open := func() scanner.Codec {
		// Without its window, which outlives an opening, a code read twice counts twice.
		c := build(r.t, r.profile, map[string]any{"open_grace": "0", "dedupe": "0"}).Codec
		c.Start(0)
		return c
	}
	rest := func(c scanner.Codec, from time.Duration) []string {
		events := c.Start(from)
		for _, s := range r.steps {
			s.At += from
			events = append(events, s.Play(c)...)
		}
		return r.scans(append(events, c.Tick(from+r.end())...))
	}
	want := rest(open(), 0)
	r.cuts(func(before, _ []scanner.Step) {
		c := open()
		for _, s := range before {
			s.Play(c)
		}
		if got := rest(c, before[len(before)-1].At+time.Millisecond); !slices.Equal(got, want) {
			r.t.Errorf("after a second opening it delivers %q, want %q", got, want)
		}
	})
}

// early: what comes right after opening was scanned before anybody waited.
func (r *replay) early() {
	c := build(r.t, r.profile, map[string]any{"open_grace": "10000"}).Codec
	c.Start(0)
	var events []scanner.Event
	for _, s := range r.steps {
		s.At = 0
		events = append(events, s.Play(c)...)
	}
	if got := r.scans(append(events, c.Tick(silence)...)); len(got) > 0 {
		r.t.Errorf("within the open grace it delivers %q", got)
	}
}

// within: every scan is one of the whole capture's, in its order. Nothing else
// may come of a part.
func (r *replay) within(what string, got []string) {
	r.t.Helper()
	rest := r.whole
	for _, text := range got {
		i := slices.Index(rest, text)
		if i < 0 {
			r.t.Errorf("%s delivers %q, which was never scanned; scanned was %q", what, text, r.whole)
			return
		}
		rest = rest[i+1:]
	}
}

// checkEvent: only a scan and its repeats carry text, and it is clean.
func checkEvent(t *testing.T, e scanner.Event) {
	t.Helper()
	text := e.Text.Reveal()
	switch e.Kind {
	case scanner.EventScan, scanner.EventDuplicate, scanner.EventRetransmit:
	default:
		if text != "" {
			t.Errorf("%s carries what was scanned", e.Kind)
		}
		return
	}
	if text == "" || !utf8.ValidString(text) {
		t.Errorf("%s of %q", e.Kind, text)
	}
	for _, r := range text {
		if (r < 0x20 || r >= 0x7f && r < 0xa0) && r != 0x04 && (r < 0x1c || r > 0x1f) {
			t.Errorf("%s carries %q", e.Kind, r)
		}
	}
}

// tells: commands send bytes and nothing else, and a scanner that never answers
// is left alone after a few tries.
func tells(t *testing.T, p scanner.Profile) {
	t.Helper()
	for _, command := range scanner.Commands() {
		c := build(t, p, nil).Codec
		c.Start(0)
		events := append(c.Command(time.Second, command), c.Tick(2*silence)...)
		sends := 0
		for _, e := range events {
			switch {
			case e.Kind == scanner.EventSend && len(e.Send) > 0:
				sends++
			case e.Kind != scanner.EventUnanswered:
				t.Errorf("%s makes the event %s", command, e.Kind)
			}
		}
		if sends > sendsMax {
			t.Errorf("%s is said %d times to a scanner that does not answer", command, sends)
		}
		if later := c.Tick(4 * silence); len(later) > 0 {
			t.Errorf("%s goes on for ever: %d events a minute later", command, len(later))
		}
	}
}

// noise: whatever arrives, nothing unclean is delivered, and the codec neither
// fails nor hoards.
func noise(t *testing.T, p scanner.Profile) {
	t.Helper()
	const structure = "\x00\x01\x02\x03\x04\x06\x0d\x10\x16\x1d\x73\x7e\xf3\xfe0012M!.;"
	random := rand.New(rand.NewPCG(1, 2)) // the same noise every time
	c := build(t, p, map[string]any{"open_grace": "0"}).Codec
	c.Start(0)
	var now time.Duration
	for range 2000 {
		piece := make([]byte, random.IntN(96))
		for i := range piece {
			// Small and framing bytes are the ones that structure a protocol.
			if piece[i] = byte(random.Uint32()); random.IntN(2) == 0 {
				piece[i] = structure[random.IntN(len(structure))]
			}
		}
		events := append(c.Tick(now), c.Feed(now, piece)...)
		if random.IntN(50) == 0 {
			events = append(events, c.Lost(now)...)
		}
		for _, e := range events {
			checkEvent(t, e)
		}
		now += time.Duration(random.IntN(300)) * time.Millisecond
	}
}
