package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"tillwire/agent/fleet"
)

// One commit takes what has come until then. A broker has few messages on their
// way to one subscriber, so waiting for more would only wait.
const (
	commitMost = 256
	sendersAll = 16 // answers that are sent at the same time
)

// work stores what comes until ctx ends.
func (s *Service) work(ctx context.Context) {
	aside := aside{}
	for {
		var batch []fleet.Heard
		select {
		case <-ctx.Done():
			return
		case m := <-s.heard:
			batch = append(batch, m)
		}
		for more := true; more && len(batch) < commitMost; {
			select {
			case m := <-s.heard:
				batch = append(batch, m)
			default:
				more = false
			}
		}
		// Whoever was set aside lately is taken alone, so that the others need not be
		// told apart from him once more.
		for _, part := range aside.apart(batch) {
			s.settle(ctx, part, aside)
		}
	}
}

// Take stores messages in one commit and answers the terminals. When it returns
// no error, everything in them that can be read is durable.
func (s *Service) Take(ctx context.Context, batch []fleet.Heard) error {
	began := s.opt.Clock.Mono()
	locks := map[string]bool{}
	for _, m := range batch {
		locks[LockOf(m.TID)] = true
	}
	var n *news
	err := s.opt.Store.Change(ctx, slices.Sorted(maps.Keys(locks)), func(tx Tx) error {
		n = &news{s: s, tx: tx, now: s.opt.Clock.Now(), terminals: map[fleet.TID]*Terminal{}, due: map[fleet.TID]*dues{}, took: map[fleet.Channel]int{}}
		for _, m := range batch {
			if err := n.take(ctx, m); err != nil {
				return err
			}
		}
		return n.save(ctx)
	})
	if err != nil {
		return err
	}
	s.opt.Meter.Committed(len(batch), s.opt.Clock.Mono()-began)
	for c, count := range n.took {
		s.opt.Meter.Took(c, count)
	}
	for _, ended := range n.ended {
		s.opt.Meter.Ended(ended.Order.Name, ended.Status, ended.Ended.Sub(ended.Made))
	}
	s.tell()
	s.answer(ctx, n)
	return nil
}

// news is what a batch of messages changes.
type news struct {
	s         *Service
	tx        Tx
	now       time.Time
	terminals map[fleet.TID]*Terminal
	due       map[fleet.TID]*dues
	took      map[fleet.Channel]int
	ended     []Command
}

// dues is what a terminal is owed after a batch.
type dues struct {
	ack     *fleet.Ack
	keys    bool
	config  bool
	command bool
}

// take notes one message. Its error is the store's; what cannot be read is
// counted and is nobody's fault here.
func (n *news) take(ctx context.Context, m fleet.Heard) error {
	t, err := n.terminal(ctx, m.TID)
	if err != nil {
		return err
	}
	err = n.read(ctx, t, m)
	var bad *unreadable
	if errors.As(err, &bad) {
		n.took["refused"]++
		n.s.opt.Log.Warn("a message was not taken", "code", "unreadable", "tid", string(m.TID), "channel", string(m.Channel), "bytes", len(m.Payload), "err", bad)
		return nil
	}
	channel := m.Channel
	if errors.Is(err, errFlood) { // found, and not logged: that would be the next flood
		channel, err = "refused", nil
	}
	if err != nil {
		return err
	}
	n.took[channel]++
	if !m.Retained {
		t.Heard = n.now
	}
	return nil
}

// unreadable is a message that is not what the contract says.
type unreadable struct{ err error }

func (u *unreadable) Error() string { return u.err.Error() }

var (
	errTooLarge = errors.New("larger than a message may be")
	errText     = errors.New("not a text in UTF-8")
	errMember   = errors.New("a member is impossible")
)

// longest bounds the words of a terminal that stand in its row, keyLongest those by
// which a database finds a row, and numberMost its counters: the next one must be a
// number, too.
const (
	longest    = 120
	keyLongest = 64
	numberMost = 1 << 62
)

// isKey reports that a terminal's word can stand in a column of its own. PostgreSQL,
// for one, takes no NUL in a text.
func isKey(word string) bool {
	return word != "" && len(word) <= keyLongest && !strings.ContainsFunc(word, func(r rune) bool { return r <= ' ' || r > '~' })
}

func (n *news) read(ctx context.Context, t *Terminal, m fleet.Heard) error {
	if len(m.Payload) > fleet.MaxMessage {
		return &unreadable{errTooLarge}
	}
	if !utf8.Valid(m.Payload) {
		return &unreadable{errText} // a database would not take it, and nothing behind it
	}
	switch m.Channel {
	case fleet.UpPresence:
		return with(m, func(p fleet.Presence) error { return n.presence(t, p, m.Retained) })
	case fleet.UpHello:
		return with(m, func(h fleet.Hello) error { return n.hello(ctx, t, h, m.Payload) })
	case fleet.UpState:
		return with(m, func(r fleet.Report) error { return n.state(ctx, t, r, m.Payload) })
	case fleet.UpConfig:
		return with(m, func(r fleet.ConfigReport) error { return n.config(ctx, t, r, m.Payload) })
	case fleet.UpBeat:
		return with(m, func(fleet.Beat) error { return n.tx.SavePaper(ctx, t.TID, PaperBeat, m.Payload) })
	default:
		return with(m, func(b fleet.Batch) error { return n.batch(ctx, t, b, m) })
	}
}

// with decodes a message. Unknown members are left alone: a newer terminal may
// say more than this service understands.
func with[T any](m fleet.Heard, do func(T) error) error {
	var v T
	if err := json.Unmarshal(m.Payload, &v); err != nil {
		return &unreadable{fmt.Errorf("not a message of the contract: %w", err)}
	}
	return do(v)
}

func (n *news) terminal(ctx context.Context, tid fleet.TID) (*Terminal, error) {
	if t, known := n.terminals[tid]; known {
		return t, nil
	}
	t, err := n.tx.Terminal(ctx, tid)
	if errors.Is(err, ErrUnknown) {
		t, err = Terminal{TID: tid, Known: n.now}, nil
	}
	if err != nil {
		return nil, err
	}
	n.terminals[tid] = &t
	return &t, nil
}

func (n *news) owes(tid fleet.TID) *dues {
	if n.due[tid] == nil {
		n.due[tid] = &dues{}
	}
	return n.due[tid]
}

// save writes the terminals, with the acknowledgements that they are owed.
func (n *news) save(ctx context.Context) error {
	for tid, t := range n.terminals {
		if !t.Retired.IsZero() {
			delete(n.due, tid) // it is sent nothing any more
		}
		if d := n.due[tid]; d != nil && d.ack != nil {
			n.s.fillAck(t, d.ack)
		}
		if err := n.tx.SaveTerminal(ctx, *t); err != nil {
			return err
		}
	}
	return nil
}

// answer sends what the terminals are owed. What does not arrive is asked for
// again: a terminal repeats what is not acknowledged, and says hello anew.
func (s *Service) answer(ctx context.Context, n *news) {
	var senders sync.WaitGroup
	slots := make(chan struct{}, sendersAll)
	commands := false
	for tid, d := range n.due {
		commands = commands || d.command
		slots <- struct{}{}
		senders.Go(func() {
			defer func() { <-slots }()
			s.pay(ctx, tid, d)
		})
	}
	senders.Wait()
	if commands {
		s.soon()
	}
}

// pay sends one terminal what it is owed. The keys come first: without them it
// believes nothing else.
func (s *Service) pay(ctx context.Context, tid fleet.TID, d *dues) {
	if d.keys {
		if err := s.sendKeys(ctx, tid); err != nil {
			s.unsent("keys", tid, err)
			s.behind()
		}
	}
	if d.ack != nil {
		s.unsent("ack", tid, s.publish(ctx, tid, fleet.DownAck, fleet.TypeAck, *d.ack))
	}
	if d.config {
		if err := s.sendConfig(ctx, tid); err != nil {
			s.unsent("config", tid, err)
			s.behind()
		}
	}
}

// ackLife is how long an acknowledgement is good; it only bounds how long it may
// lie on the broker.
const ackLife = time.Hour

// fillAck writes what is stored of every stream of a terminal.
func (s *Service) fillAck(t *Terminal, ack *fleet.Ack) {
	t.Seq.Ack++
	ack.Claims = s.claims(t.TID, t.Seq.Ack, ackLife)
	ack.T, ack.Acks = ack.Iat, []fleet.AckMark{}
	if t.Session.Sess >= t.Presence.Sess {
		ack.Nonce = t.Session.Nonce
	}
	for _, stream := range fleet.Streams() {
		if m, some := t.Streams[stream]; some && m.Upto > 0 {
			ack.Acks = append(ack.Acks, fleet.AckMark{Stream: stream, Epoch: m.Epoch, Upto: m.Upto})
		}
	}
}
