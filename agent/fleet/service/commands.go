package service

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"tillwire/agent/fleet"
)

// How long a command is good. Whoever asks for something dangerous must find a
// second person in that time.
var commandLife = map[fleet.Class]time.Duration{
	fleet.Read: 5 * time.Minute, fleet.Safe: 5 * time.Minute, fleet.Disruptive: 15 * time.Minute, fleet.Dangerous: 15 * time.Minute,
}

// How often a command is sent again that nobody answered.
const (
	resendFirst = 10 * time.Second
	resendMost  = time.Minute
)

// Ask is what a person wants done.
type Ask struct {
	Name   string          `json:"name"`
	Args   json.RawMessage `json:"args,omitempty"`
	Ticket string          `json:"ticket,omitempty"`
	Idle   bool            `json:"idle,omitempty"` // wait until no payment holds a lane
}

// Order makes a command for a terminal. A dangerous one is only proposed: Approve
// must be called for two people before it is sent.
func (s *Service) Order(ctx context.Context, tid fleet.TID, ask Ask, actor string) (Command, error) {
	entry, known := fleet.Find(ask.Name, 1)
	if !known {
		return Command{}, fmt.Errorf("%w: the catalogue has no command %q. It knows %s", ErrInvalid, ask.Name, names())
	}
	if err := entry.Check(ask.Args); err != nil {
		return Command{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	var made Command
	err := s.opt.Store.Change(ctx, []string{LockOf(tid)}, func(tx Tx) error {
		t, err := tx.Terminal(ctx, tid)
		if err != nil {
			return s.noTerminal(tid, err)
		}
		if err := s.orderable(ctx, tx, t, entry); err != nil {
			return err
		}
		// A terminal that served another office may have taken higher numbers.
		t.Seq.Command = max(t.Seq.Command, t.Session.LastSeq) + 1
		made = Command{Status: Waiting, Made: s.opt.Clock.Now(), Order: fleet.Command{Claims: s.claims(tid, t.Seq.Command, commandLife[entry.Class]),
			Name: entry.Name, Args: ask.Args, Class: entry.Class, Actor: actor, Ticket: ask.Ticket}}
		if ask.Idle {
			made.Order.When, made.Order.ReplyBy = &fleet.When{Idle: true}, made.Order.Exp
		}
		if entry.Class == fleet.Dangerous {
			made.Status, made.Order.Nonce = Proposed, t.Session.Nonce
			if made.Body, err = json.Marshal(made.Order); err != nil {
				return err
			}
		} else if t.Session.Clock.Quality == fleet.Unknown {
			made.Order.Nonce = t.Session.Nonce // it cannot judge our times
		}
		made.Trail = []Step{{made.Status, made.Made}}
		return errors.Join(tx.SaveTerminal(ctx, t), tx.SaveCommand(ctx, made))
	})
	if err != nil {
		return Command{}, err
	}
	s.opt.Log.Info("a command was ordered", "code", "order", "tid", string(tid), "name", made.Order.Name, "jti", made.Order.Jti, "actor", actor)
	s.tell()
	s.soon()
	return made, nil
}

func names() (list []string) {
	for _, e := range fleet.Catalogue() {
		list = append(list, e.Name)
	}
	return list
}

func (s *Service) noTerminal(tid fleet.TID, err error) error {
	if errors.Is(err, ErrUnknown) {
		return fmt.Errorf("%w: no terminal %q was ever heard or enrolled. `tillfleet ls` shows those there are", ErrUnknown, tid)
	}
	return err
}

// orderable refuses what would only lapse.
func (s *Service) orderable(ctx context.Context, tx Tx, t Terminal, e fleet.Entry) error {
	open, err := tx.Commands(ctx, CommandFilter{TID: t.TID, Open: true, Limit: openMost + 1})
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(open, func(c Command) bool { return c.Status == Proposed }); i >= 0 {
		// Numbers must rise: what is sent before the proposal would make it too old.
		return fmt.Errorf("%w: %s (%s) waits for its second signature until %s. Approve it with `tillfleet approve %s`, or take it back with `tillfleet cmd --cancel %s`",
			ErrConflict, open[i].Order.Name, open[i].Order.Actor, open[i].Order.Exp.Format(time.TimeOnly), open[i].Order.Jti, open[i].Order.Jti)
	}
	switch {
	case len(open) > openMost:
		return fmt.Errorf("%w: %d commands wait for %s already", ErrConflict, len(open), t.TID)
	case !t.Retired.IsZero():
		return t.inFleet()
	case e.Class == fleet.Dangerous && (t.Session.Nonce == "" || !t.Present(s.opt.Clock.Now())):
		return fmt.Errorf("%w: %s is not there, and %s is only taken in the session that runs. Try again when it is online", ErrConflict, t.TID, e.Name)
	case t.Session.Caps != nil && !slices.Contains(t.Session.Caps, e.Cap()):
		return fmt.Errorf("%w: %s (version %s) cannot do %s; `tillfleet show %s` lists what it can", ErrConflict, t.TID, t.Presence.Ver, e.Name, t.TID)
	}
	return nil
}

// openMost bounds the commands that wait for one terminal.
const openMost = 20

// Approve adds a person's signature to a proposed command, over its Body and of
// the type fleet.TypeCommand. With the second it is sent. The terminal judges
// whether the keys may; here it is only kept from being sent in vain.
func (s *Service) Approve(ctx context.Context, jti string, public ed25519.PublicKey, sig fleet.Signature, actor string) (Command, error) {
	return s.changeCommand(ctx, jti, func(c *Command) error {
		if c.Status != Proposed {
			return fmt.Errorf("%w: the command is %s and needs no signature", ErrConflict, c.Status)
		}
		raw, err := base64.StdEncoding.DecodeString(sig.Sig)
		if err != nil || sig.KeyID != fleet.IDOf(public) || !fleet.Verify(fleet.TypeCommand, c.Body, public, raw) {
			return fmt.Errorf("%w: the signature is not one of this key over this command", ErrInvalid)
		}
		if slices.ContainsFunc(c.Signed, func(o fleet.Signature) bool { return o.KeyID == sig.KeyID }) {
			return fmt.Errorf("%w: this key has signed already. A second person must, with a key of their own", ErrConflict)
		}
		c.Signed, c.By = append(c.Signed, sig), append(c.By, actor)
		if len(c.Signed) < approvers {
			return nil
		}
		if c.Envelope, err = fleet.Wrap(fleet.TypeCommand, c.Body, c.Signed...); err != nil {
			return err
		}
		c.Status = Waiting
		c.Trail = append(c.Trail, Step{Waiting, s.opt.Clock.Now()})
		return nil
	})
}

// approvers is how many people sign what is dangerous.
const approvers = 2

// Cancel takes a command back that was not sent yet.
func (s *Service) Cancel(ctx context.Context, jti, actor string) (Command, error) {
	return s.changeCommand(ctx, jti, func(c *Command) error {
		if c.Status != Proposed && c.Status != Waiting {
			return fmt.Errorf("%w: the command is %s; what was sent cannot be taken back", ErrConflict, c.Status)
		}
		c.Text = "taken back by " + actor
		c.end(Cancelled, s.opt.Clock.Now())
		return nil
	})
}

func (s *Service) changeCommand(ctx context.Context, jti string, change func(*Command) error) (Command, error) {
	c, err := s.opt.Store.Command(ctx, jti)
	if errors.Is(err, ErrUnknown) {
		return Command{}, fmt.Errorf("%w: no command %q", ErrUnknown, jti)
	}
	if err != nil {
		return Command{}, err
	}
	err = s.opt.Store.Change(ctx, []string{LockOf(c.Order.Aud)}, func(tx Tx) error {
		if c, err = tx.Command(ctx, jti); err != nil {
			return err
		}
		if err := change(&c); err != nil {
			return err
		}
		return tx.SaveCommand(ctx, c)
	})
	if err == nil {
		s.tell()
		s.soon()
	}
	return c, err
}

// end settles a command by a word of the office.
func (c *Command) end(status Status, now time.Time) {
	c.Status, c.Ended = status, now
	c.Trail = append(c.Trail, Step{status, now})
}

// words are what a terminal may say of a command.
var words = []fleet.CommandStatus{fleet.Accepted, fleet.Refused, fleet.Deferred, fleet.Running, fleet.Succeeded, fleet.Failed, fleet.TimedOut, fleet.ExpiredOut, fleet.Interrupted}

// What is kept of a terminal's words on a command: the contract's bound of a result,
// and more statuses than there are.
const (
	resultMost = 16 << 10
	trailMost  = 32
)

// commandReport takes the terminal's word on a command.
func (n *news) commandReport(ctx context.Context, t *Terminal, r fleet.CommandReport) error {
	if !isKey(r.Jti) {
		return nil // no command of ours; stored with the others
	}
	c, err := n.tx.Command(ctx, r.Jti)
	if errors.Is(err, ErrUnknown) {
		return nil // of another office, or of long ago
	}
	if err != nil || c.Order.Aud != t.TID {
		return err
	}
	was := c.Status
	if was.Final() && was != Lapsed || was == Cancelled {
		return nil // told again; a final word does not change, but a late one beats our guess
	}
	if !slices.Contains(words, r.Status) || len(r.Code) > longest || len(r.Result) > resultMost {
		return nil // stored with the others, and not followed
	}
	c.Status, c.Code, c.Text, c.Result = Status(r.Status), r.Code, clip(r.Text), r.Result
	if c.Status != was && len(c.Trail) < trailMost {
		c.Trail = append(c.Trail, Step{c.Status, r.At.Time})
	}
	if c.Status.Final() {
		c.Ended = n.now
		n.ended = append(n.ended, c)
		if c.Status == Status(fleet.Refused) {
			n.find(t, FoundRefused, fmt.Sprintf("It refused the command %s with %s: %s", c.Order.Name, c.Code, c.Text))
		}
	}
	n.owes(t.TID).command = true // the next one may go
	return n.tx.SaveCommand(ctx, c)
}
