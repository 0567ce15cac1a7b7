package model_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/agent/checkout"
	"tillwire/offline"
	"tillwire/offline/replay"
)

// lanes is how many registers the counter has.
const lanes = 3

// counter is the real thing: engine, store and replayer around the wallet of the
// dice. It serves many runs, because opening a store is dear.
type counter struct {
	ctx    context.Context
	dir    string
	clock  agent.SystemClock
	wallet *wallet
	runs   int  // makes names unique
	dirty  bool // a run is under way, or failed

	store    *offline.Store
	engine   *checkout.Engine
	stop     context.CancelFunc
	replayer sync.WaitGroup
	asides   sync.WaitGroup // what tills do beside the steps
}

func openCounter(ctx context.Context, dir string) (*counter, error) {
	c := &counter{ctx: ctx, dir: dir, clock: agent.NewSystemClock()}
	c.wallet = &wallet{clock: c.clock}
	return c, c.start()
}

func timers(string) agent.Timers { return agent.DefaultTimers("wechat") }

func (c *counter) start() error {
	var replayer *replay.Replayer
	var err error
	c.store, err = offline.Open(c.ctx, offline.Options{Dir: c.dir, Name: "model", Clock: c.clock, Timers: timers, BackupEvery: -1,
		Free: func(string) (uint64, error) { return 1 << 40, nil },
		Notify: func(p agent.Payment) {
			if c.engine != nil && replayer != nil {
				c.engine.Committed(p)
				replayer.Kick()
			}
		}})
	if err != nil {
		return err
	}
	var list []checkout.LaneConfig
	for i := range lanes {
		list = append(list, checkout.LaneConfig{ID: strconv.Itoa(i + 1), Wallet: "wechat"})
	}
	c.engine, err = checkout.New(checkout.Options{Terminal: "MODEL1", Journal: c.store, Wallets: c.wallet, Lanes: list, Feed: agent.NewFeed(),
		Clock: c.clock, Timers: timers, Fingerprint: func(code string) []byte { return []byte(code) }})
	if err != nil {
		return err
	}
	replayer = replay.New(replay.Options{Outbox: c.store, Resume: c.engine.Resume, Clock: c.clock, Bury: c.store.Bury})
	if err := c.engine.Boot(c.ctx); err != nil {
		return err
	}
	work, stop := context.WithCancel(context.WithoutCancel(c.ctx))
	c.stop = stop
	c.replayer.Go(func() { _ = replayer.Run(work) })
	synctest.Wait()
	return nil
}

// fresh begins a run: on a new folder when the one before left something behind.
func (c *counter) fresh() error {
	if c.dirty {
		c.wallet.fate(0)
		if err := c.close(); err != nil {
			return err
		}
		c.dir += "+"
		if err := c.start(); err != nil {
			return err
		}
		c.runs = 0
	}
	c.wallet.read()
	c.dirty = true
	return nil
}

// close stops the agent in order, as a service manager would.
func (c *counter) close() error {
	c.stop()
	c.engine.Close(0)
	c.replayer.Wait()
	c.asides.Wait()
	return c.store.Close()
}

// pass lets virtual time pass and everything happen that is due by then.
func (c *counter) pass(span time.Duration) {
	if span > 0 {
		<-c.clock.After(span)
	}
	synctest.Wait()
}

// lane is who holds a lane by the engine.
func (c *counter) lane(id string) agent.PaymentID {
	for _, l := range c.engine.Lanes() {
		if l.ID == id {
			return l.Payment
		}
	}
	return ""
}

// same compares a payment on record with the table's, and says what differs.
func same(got agent.Payment, want *payment) error {
	s := got.Status
	if string(s.State) != want.state || string(s.Under) != want.under {
		return fmt.Errorf("%s is %s (under %q) on record and %s (under %q) by the table; facts %v", want.orderNo, s.State, s.Under, want.state, want.under, kinds(got))
	}
	if s.Held() != want.held() || s.Attempt != want.attempts || s.Captured != want.captured && want.state == "paid" {
		return fmt.Errorf("%s holds its lane %v, attempt %d, captured %d on record; %v, %d, %d by the table", want.orderNo, s.Held(), s.Attempt, s.Captured,
			want.held(), want.attempts, want.captured)
	}
	if len(s.Refunds) != len(want.refunds) {
		return fmt.Errorf("%s has the refunds %v on record and %v by the table", want.orderNo, s.Refunds, want.refunds)
	}
	for i, r := range s.Refunds {
		w := want.refunds[i]
		if r.No != w.no || r.Amount != w.amount || string(r.State) != w.state || r.Auto != w.auto {
			return fmt.Errorf("%s has the refund %+v on record and %+v by the table", want.orderNo, r, w)
		}
	}
	return nil
}

func kinds(p agent.Payment) (list []agent.FactKind) {
	for _, f := range p.Facts {
		list = append(list, f.Kind)
	}
	return list
}

// steps is how many rows of the outbox the table asks for: one for each payment
// that is not final or still watched, one for each refund under way (I5).
func (p *payment) steps() int {
	n := 0
	switch {
	case p.state == "refund_due":
	case !final(p.state), p.state == "declined" && !p.watched:
		n++
	}
	for _, r := range p.refunds {
		if r.state != "done" && r.state != "failed" {
			n++
		}
	}
	return n
}
