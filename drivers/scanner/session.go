package scanner

import (
	"context"
	"fmt"
	"time"

	"tillwire/agent"
	"tillwire/drivers"
	"tillwire/drivers/serial"
)

// session is one opening of a device: from the open port to its end.
type session struct {
	*device
	port   serial.Port
	setup  Setup
	report drivers.Reporter

	able  bool // past the grace
	armed bool // the scanner was told that a payment waits
	rearm <-chan time.Time
	odd   int // readings in a row that were no whole code
}

// oddMost is how many readings in a row may be no whole code. Dirt and a hand that moves
// spoil one; a scanner that was set up anew, by a code that somebody held before it, spoils all.
const oddMost = 3

// serve feeds the codec until the port ends. The codec's clock moves only by
// what the reader of the port has seen, never by this goroutine's own, so a
// busy machine cannot cut a code in two.
func (s *session) serve(ctx context.Context) error {
	opened := s.env.Clock.Mono()
	s.deliver(ctx, s.setup.Codec.Start(opened))
	grace := s.env.Clock.After(s.setup.Grace)
	for {
		select {
		case <-ctx.Done():
			s.rest()
			return fmt.Errorf("scanner %s: %w", s.config.ID, ctx.Err())
		case <-grace: // what arrives from now on is read after the grace
			s.able = true
			s.report.Ready()
			s.command(ctx, CommandInit)
			s.follow(ctx)
		case <-s.wake:
			s.follow(ctx)
		case <-s.rearm:
			s.command(ctx, CommandTriggerOn)
			s.rearm = s.again()
		case c, ok := <-s.port.Input():
			if !ok {
				return fmt.Errorf("scanner %s: %w", s.config.ID, s.port.Err())
			}
			s.take(ctx, c)
		}
	}
}

// take hands what was read to the codec.
func (s *session) take(ctx context.Context, c serial.Chunk) {
	if c.Lost {
		s.deliver(ctx, s.setup.Codec.Lost(c.At))
	}
	if len(c.Bytes) == 0 {
		s.deliver(ctx, s.setup.Codec.Tick(c.At))
		return
	}
	s.deliver(ctx, s.setup.Codec.Feed(c.At, c.Bytes))
}

// follow makes the scanner do what the counter wants now.
func (s *session) follow(ctx context.Context) {
	if !s.able {
		return
	}
	s.mu.Lock()
	wanted, said := s.wanted, s.said
	s.said = nil
	s.mu.Unlock()
	for _, c := range said {
		s.command(ctx, c)
	}
	switch {
	case wanted && !s.armed:
		s.command(ctx, CommandTriggerOn)
		s.rearm = s.again()
	case !wanted && s.armed:
		s.command(ctx, CommandTriggerOff)
		s.rearm = nil
	}
	s.armed = wanted
}

func (s *session) again() <-chan time.Time {
	if s.setup.Rearm == 0 {
		return nil
	}
	return s.env.Clock.After(s.setup.Rearm)
}

func (s *session) command(ctx context.Context, c Command) {
	s.deliver(ctx, s.setup.Codec.Command(s.env.Clock.Mono(), c))
}

// rest switches the scanner off when the agent stops while a payment waits:
// nobody would take what it reads. The agent's own context is over.
func (s *session) rest() {
	if !s.armed {
		return
	}
	for _, e := range s.setup.Codec.Command(s.env.Clock.Mono(), CommandTriggerOff) {
		if e.Kind == EventSend {
			_ = s.port.Write(context.Background(), e.Send) // it is closed next, whatever this says
		}
	}
}

// deliver passes scans on and counts everything. What was scanned is in no log:
// the counters say enough, and "tillwire devices watch" shows the rest.
func (s *session) deliver(ctx context.Context, events []Event) {
	for _, e := range events {
		switch e.Kind {
		case EventSend:
			// A failed write ends the port, and its input says so next.
			_ = s.port.Write(ctx, e.Send)
			if e.Note != "" {
				s.report.Count(e.Note)
			}
		case EventUnanswered:
			s.report.Degraded(agent.Sentence{ID: "device.mute", English: "it reads, but does not answer commands: check that the profile is the one it speaks, and that its cable is wired both ways"})
		case EventAck:
			if s.able && s.odd < oddMost {
				s.report.Ready() // it answers again
			}
		case EventGarbage, EventOverflow, EventPartialTimeout:
			s.spoilt()
		case EventScan, EventDuplicate:
			s.whole()
		}
		if e.Kind == EventScan && s.env.Clock.Mono()-e.At > s.stale {
			s.report.Count(countStale)
			continue
		}
		s.report.Count(string(e.Kind))
		if e.Kind == EventScan {
			s.env.Sink(agent.Scan{Lane: s.config.Lane, Device: s.config.ID, Text: e.Text, Symbology: e.Symbology, At: e.At})
		}
	}
}

// spoilt counts a reading that is no whole code. The scanner's way of speaking is never
// guessed anew while it runs: a wrong guess would bring wrong codes.
func (s *session) spoilt() {
	if !s.able {
		return // the rest of a code from before
	}
	if s.odd++; s.odd == oddMost {
		s.report.Degraded(agent.Sentence{ID: "device.framing", English: "what it sends is no whole code any more: somebody may have scanned a code that sets scanners up. Scan the codes of its manual that set it up for this counter, then any payment code"})
	}
}

// whole ends a row of spoilt readings.
func (s *session) whole() {
	if s.odd >= oddMost {
		s.report.Ready()
	}
	s.odd = 0
}
