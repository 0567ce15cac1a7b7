package sim

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
)

// Options are what a simulated fleet is made with. Link, Roots and Clock are
// required.
type Options struct {
	Terminals int
	Prefix    string // of their names; empty: "sim-"
	// Link makes a terminal's connection, which goes over its line.
	Link  func(tid fleet.TID, line *Line) (fleet.Link, error)
	Roots []ed25519.PublicKey
	Clock agent.Clock
	Log   *slog.Logger // of the terminals; nil: none

	Start  time.Duration // they begin within, evenly
	Every  time.Duration // between two payments of a terminal; 0: none
	Spread time.Duration // of a terminal's waits (fleet.spread)
	Refuse int           // in a hundred terminals, those whose settings cannot be changed
}

// Fleet is a simulated fleet.
type Fleet struct {
	opt       Options
	terminals []*terminal
	connects  atomic.Uint64
	live      atomic.Int64
	commands  atomic.Uint64
}

// terminal is one of them.
type terminal struct {
	fleet *Fleet
	tid   fleet.TID
	line  *Line
	door  *door
	store *fleet.Memory
	agent atomic.Pointer[fleet.Agent]

	mu    sync.Mutex
	began time.Duration // zero: not yet
	told  int           // payments that the agent has read
	stop  bool          // no further payments
}

// Count is how a fleet stands.
type Count struct {
	Terminals int    `json:"terminals"`
	Connected int    `json:"connected"`
	Connects  uint64 `json:"connects"` // since the beginning
	Made      int    `json:"made"`     // payments
	Waiting   int    `json:"waiting"`  // of these, not acknowledged by the office
	Other     int    `json:"other"`    // other events that are not
	Commands  uint64 `json:"commands"` // that were done
}

// New makes the terminals; none has begun.
func New(opt Options) (*Fleet, error) {
	if opt.Terminals < 1 || opt.Link == nil || len(opt.Roots) == 0 || opt.Refuse < 0 || opt.Refuse > 100 {
		return nil, errors.New("a simulated fleet has at least one terminal, a way to a broker and roots")
	}
	if opt.Prefix == "" {
		opt.Prefix = "sim-"
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	f := &Fleet{opt: opt}
	for i := range opt.Terminals {
		tid, err := fleet.ParseTID(fmt.Sprintf("%s%06d", opt.Prefix, i+1))
		if err != nil {
			return nil, err
		}
		refuses := i*opt.Refuse/100 != (i+1)*opt.Refuse/100 // evenly among the others
		f.terminals = append(f.terminals, &terminal{fleet: f, tid: tid, line: newLine(), door: newDoor(refuses), store: fleet.NewMemory()})
	}
	return f, nil
}

// TIDs are the terminals' names.
func (f *Fleet) TIDs() (list []fleet.TID) {
	for _, t := range f.terminals {
		list = append(list, t.tid)
	}
	return list
}

// Run lets the terminals live until ctx ends; each says good bye. An error is of
// one that could not begin.
func (f *Fleet) Run(ctx context.Context) error {
	var all sync.WaitGroup
	failed := make(chan error, len(f.terminals))
	for i, t := range f.terminals {
		wait := f.opt.Start * time.Duration(i) / time.Duration(len(f.terminals))
		all.Go(func() {
			select {
			case <-ctx.Done():
			case <-f.opt.Clock.After(wait):
				if err := t.live(ctx); err != nil && ctx.Err() == nil {
					failed <- fmt.Errorf("%s: %w", t.tid, err)
				}
			}
		})
	}
	ended := make(chan struct{})
	go func() { all.Wait(); close(ended) }()
	var err error
	select {
	case err = <-failed:
	case <-ended:
	}
	if err == nil {
		return ctx.Err()
	}
	return err
}

// Count counts now.
func (f *Fleet) Count() Count {
	c := Count{Terminals: len(f.terminals), Connected: int(f.live.Load()), Connects: f.connects.Load(), Commands: f.commands.Load()}
	for _, t := range f.terminals {
		a := t.agent.Load()
		if a == nil {
			continue
		}
		told := t.read()
		c.Made += told
		c.Waiting += max(told-t.durable(), 0) // on their way into the stream
		for _, w := range a.Status().Waiting {
			if w.Stream == fleet.Payments {
				c.Waiting += w.Rows
			} else {
				c.Other += w.Rows
			}
		}
	}
	return c
}

// read is how many payments the agent has read.
func (t *terminal) read() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.told
}

// durable is how many of them are in the stream.
func (t *terminal) durable() (n int) {
	mark, err := fleet.Followed(context.Background(), t.store, fleet.Payments) // memory does not fail
	if err != nil || mark == "" {
		return 0
	}
	_, _ = fmt.Sscan(mark, &n) // ours
	return n
}

// Hold ends the making of payments, so that what was made can be counted.
func (f *Fleet) Hold() {
	for _, t := range f.terminals {
		t.mu.Lock()
		t.stop = true
		t.mu.Unlock()
	}
}

// live is one terminal's life.
func (t *terminal) live(ctx context.Context) error {
	opt, store := t.fleet.opt, t.store
	trust, err := fleet.OpenTrust(ctx, opt.Roots, store)
	if err != nil {
		return err
	}
	link, err := opt.Link(t.tid, t.line)
	if err != nil {
		return err
	}
	t.mu.Lock()
	t.began = opt.Clock.Mono()
	t.mu.Unlock()
	a, err := fleet.Open(ctx, fleet.Options{TID: t.tid, Version: "simulated", Store: store, Link: counted{link, t.fleet}, Trust: trust, Clock: opt.Clock, Log: opt.Log,
		Time: func() fleet.Clock { return fleet.Clock{Quality: fleet.Synced} }, Report: t.report, Digest: t.digest, Settings: t.door,
		Sources: []fleet.Source{{Stream: fleet.Payments, Read: t.payments}}, Handlers: t.handlers(), Spread: func() time.Duration { return opt.Spread }})
	if err != nil {
		return err
	}
	t.agent.Store(a)
	following, enough := context.WithCancel(ctx)
	defer enough()
	if opt.Every > 0 {
		go t.sell(following, a)
	}
	return a.Run(ctx)
}

// sell tells the agent of each payment, as a shop's journal does.
func (t *terminal) sell(ctx context.Context, a *fleet.Agent) {
	every := t.fleet.opt.Every
	for wait := time.Duration(rand.Int64N(int64(every))); ; wait = every {
		select {
		case <-ctx.Done():
			return
		case <-t.fleet.opt.Clock.After(wait):
			a.Changed()
		}
	}
}

// payment is what is told of one: as large as a real one's summary.
type payment struct {
	N        int         `json:"n"`
	ID       string      `json:"id"`
	OrderNo  string      `json:"order_no"`
	Lane     string      `json:"lane"`
	Amount   int64       `json:"amount"` // minor units
	Currency string      `json:"currency"`
	Wallet   string      `json:"wallet"`
	Status   string      `json:"status"`
	Final    bool        `json:"final"`
	Test     bool        `json:"test"`
	Created  fleet.Stamp `json:"created"`
}

// payments is the journal: one payment for each step of time since the beginning.
func (t *terminal) payments(_ context.Context, after string, limit int) ([]fleet.Fact, string, error) {
	n := 0
	if after != "" {
		if _, err := fmt.Sscan(after, &n); err != nil {
			return nil, after, err
		}
	}
	opt := t.fleet.opt
	t.mu.Lock()
	defer t.mu.Unlock()
	if opt.Every <= 0 || t.stop {
		return nil, after, nil
	}
	due := int((opt.Clock.Mono() - t.began) / opt.Every)
	var facts []fleet.Fact
	for ; n < due && len(facts) < limit; n++ {
		facts = append(facts, fleet.Fact{Name: "changed", At: opt.Clock.Now(), Data: payment{N: n + 1, ID: fmt.Sprintf("01KAFN%020d", n+1), OrderNo: fmt.Sprintf("SIMSIM01KAFN%020d", n+1),
			Lane: "1", Amount: int64(100 + n%9000), Currency: "CNY", Wallet: "wechat", Status: "paid", Final: true, Test: true, Created: fleet.At(opt.Clock.Now())}})
	}
	if len(facts) == 0 {
		return nil, after, nil
	}
	t.told = n
	return facts, fmt.Sprint(n), nil
}

func (t *terminal) report() fleet.Report {
	return fleet.Report{Shop: "Simulated shop " + string(t.tid), Selling: true, DiskFree: 8 << 30,
		Line:    fleet.LineReport{State: "online", Wallets: map[string]string{"alipay": "online", "wechat": "online"}},
		Devices: []fleet.DeviceReport{{ID: "1.scanner", Kind: "scanner", Lane: "1", Driver: "line", State: "ready"}, {ID: "printer.1", Kind: "printer", Lane: "1", Driver: "escpos", State: "ready"}}}
}

func (t *terminal) digest() map[string]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return map[string]int64{"payments_total": int64(t.told), "payments_total_paid": int64(t.told), "queue_entries": 0, "outbox_rows": 0, "devices_ready": 2}
}

// handlers do what can be done without a counter, and count it.
func (t *terminal) handlers() map[string]fleet.Handler {
	done := func(context.Context, json.RawMessage) (any, func(), error) {
		t.fleet.commands.Add(1)
		return map[string]bool{"simulated": true}, nil, nil
	}
	return map[string]fleet.Handler{"ping": done, "display.message": done, "queue.inspect": done, "queue.flush": done, "log.level": done, "agent.restart": done, "terminal.wipe": done}
}

// counted counts a link's connections.
type counted struct {
	fleet.Link
	f *Fleet
}

// Run implements fleet.Link.
func (c counted) Run(ctx context.Context, s fleet.Session) error {
	return c.Link.Run(ctx, &countedSession{Session: s, f: c.f})
}

type countedSession struct {
	fleet.Session
	f    *Fleet
	live bool // the calls come one at a time
}

// Connected implements fleet.Session.
func (s *countedSession) Connected() {
	s.live = true
	s.f.live.Add(1)
	s.f.connects.Add(1)
	s.Session.Connected()
}

// Disconnected implements fleet.Session.
func (s *countedSession) Disconnected(err error) {
	if s.live {
		s.live = false
		s.f.live.Add(-1)
	}
	s.Session.Disconnected(err)
}
