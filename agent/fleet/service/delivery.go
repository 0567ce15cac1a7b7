package service

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"tillwire/agent/fleet"
)

// tendMost bounds the commands that one look takes.
const tendMost = 10000

// tendCommands sends what can be sent: of each terminal one command at a time, in
// the order of their numbers, because a terminal refuses a lower number than one
// it has taken.
func (s *Service) tendCommands(ctx context.Context) error {
	open, err := s.opt.Store.Commands(ctx, CommandFilter{Open: true, Limit: tendMost})
	if err != nil {
		return err
	}
	slices.SortFunc(open, func(a, b Command) int { return cmp.Compare(a.Order.Seq, b.Order.Seq) })
	heads := map[fleet.TID]bool{}
	var problems []error
	for _, c := range open {
		tid := c.Order.Aud
		now := s.opt.Clock.Now()
		switch {
		case now.After(c.patience()):
			problems = append(problems, s.lapse(ctx, c))
		case heads[tid]:
		default:
			heads[tid] = c.blocks()
			if s.live.Load() && c.due(now) {
				problems = append(problems, s.dispatch(ctx, c.Order.Aud, c.Order.Jti))
			}
		}
	}
	return errors.Join(problems...)
}

// answerGrace is how long after its end a command's last word may take to come.
const answerGrace = 2 * time.Minute

// patience is when the office stops waiting for a word.
func (c Command) patience() time.Time {
	until := c.Order.Exp.Time
	if c.Status == Waiting || c.Status == Proposed {
		return until
	}
	if e, known := fleet.Find(c.Order.Name, max(c.Order.Version, 1)); known {
		until = until.Add(e.Limit)
	}
	return until.Add(answerGrace)
}

// blocks reports that a higher number must not be sent yet.
func (c Command) blocks() bool {
	return c.Status == Proposed || c.Status == Waiting || c.Status == Sent
}

// due reports that a command should go out now.
func (c Command) due(now time.Time) bool {
	switch c.Status {
	case Waiting:
		return true
	case Sent:
		wait := min(resendFirst<<min(max(c.Sends-1, 0), 4), resendMost)
		return now.Sub(c.Sent) >= wait
	}
	return false
}

// lapse gives up a command.
func (s *Service) lapse(ctx context.Context, c Command) error {
	ended, err := s.changeCommand(ctx, c.Order.Jti, func(c *Command) error {
		now := s.opt.Clock.Now()
		if c.Status.Final() || !now.After(c.patience()) {
			return errSettled
		}
		switch c.Status {
		case Proposed:
			c.Text = "nobody gave the second signature in time"
		case Waiting:
			c.Text = "the terminal was not there in time; it was not sent"
		default:
			c.Text = "the terminal did not say what became of it"
		}
		c.end(Lapsed, now)
		return nil
	})
	if errors.Is(err, errSettled) {
		return nil
	}
	if err == nil {
		s.opt.Meter.Ended(ended.Order.Name, ended.Status, ended.Ended.Sub(ended.Made))
	}
	return err
}

var errSettled = errors.New("somebody else has done it")

// dispatch sends a command if the terminal is there. It is noted as sent before,
// so that of two services only one sends it; a terminal does one that comes twice
// only once.
func (s *Service) dispatch(ctx context.Context, tid fleet.TID, jti string) error {
	var raw []byte
	err := s.opt.Store.Change(ctx, []string{LockOf(tid)}, func(tx Tx) error {
		raw = nil
		now := s.opt.Clock.Now()
		c, err := tx.Command(ctx, jti)
		if err != nil {
			return err
		}
		t, err := tx.Terminal(ctx, tid)
		if err != nil || !t.Present(now) || !c.due(now) {
			return err
		}
		if c.Envelope == nil {
			if c.Envelope, err = s.opt.Keys.Seal(fleet.TypeCommand, c.Order); err != nil {
				return err
			}
		}
		if c.Status != Sent {
			c.Status = Sent
			c.Trail = append(c.Trail, Step{Sent, now})
		}
		c.Sent, c.Sends = now, c.Sends+1
		raw = c.Envelope
		return tx.SaveCommand(ctx, c)
	})
	if err != nil || raw == nil {
		return err
	}
	s.unsent("command", tid, s.opt.Broker.Publish(ctx, tid, fleet.Message{Channel: fleet.DownCommand, Payload: raw}))
	return nil
}
