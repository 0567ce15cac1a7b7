package road

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
)

// Trip is one sale to drive.
type Trip struct {
	Dir     string // empty
	Keys    lab.Keys
	Clock   *lab.Clock
	Story   Story
	Dice    lab.Dice
	Strikes []Strike
	// Dark is how long the power stays away after a cut; nil: not at all.
	Dark func() time.Duration
	// Tick happens about every half second while the shop is open, and once in the
	// dark; nil: nothing.
	Tick func()
	// Told hears of every commit, as lab.Options.Told does; nil is allowed.
	Told func(agent.Payment)
	// Again shows the last code once more in the end: it must not be taken.
	Again bool
	// Before happens when the sale is over and before it is judged; nil: nothing.
	Before func(context.Context, *lab.Shop) error
	// Settle is how long everything may take to end after that; 0: two minutes.
	Settle time.Duration
}

// Report is what a trip came to.
type Report struct {
	Found    []lab.Violation
	Cuts     int
	Struck   []lab.Point
	Passed   []lab.Point
	Payments []agent.Payment
}

// Drive opens a shop in virtual time, drives the sale and judges it.
func Drive(ctx context.Context, t Trip) (report Report, err error) {
	if t.Dark == nil {
		t.Dark = func() time.Duration { return 0 }
	}
	if t.Tick == nil {
		t.Tick = func() {}
	}
	if t.Settle == 0 {
		t.Settle = 2 * time.Minute
	}
	if t.Story.Forgets {
		t.Settle += 3 * time.Minute // what the wallet does not know is asked about for a while
	}
	network, script := lab.NewNetwork(), newScript(t.Strikes)
	c := &cashier{script: script, story: t.Story, dice: t.Dice, clock: t.Clock, dark: t.Dark, tick: t.Tick, answers: map[string]agent.Payment{}}
	var told atomic.Bool // that the cloud does not know
	c.shop, err = lab.Open(ctx, lab.Options{Dir: t.Dir, Clock: t.Clock, Keys: t.Keys, Wallets: []string{t.Story.Wallet.Name}, Forgets: t.Story.Forgets, Network: network, Dial: script.dial(network), At: script.at, Told: t.Told,
		Steady: func() bool { return t.Clock.Off().Abs() < time.Minute },
		Meddle: func(a lab.Arrival) lab.Meddling {
			if t.Story.Late && a.Op == sandbox.OpClose {
				_ = c.scans(ctx) // whose code is closed already has nothing to pay
			}
			if t.Story.Forgets && a.Op == sandbox.OpPay {
				return c.waylays(a.OrderNo)
			}
			return lab.Meddling{Unwell: a.Op == t.Story.Unwell && !told.Swap(true)}
		}})
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, c.shop.Close()) }()
	if err := c.shop.Cloud().SetFaults(t.Story.Faults); err != nil {
		return report, err
	}
	script.begin(c.shop)
	err = c.serve(ctx)
	if err == nil && t.Again {
		err = c.again(ctx)
	}
	err = errors.Join(err, c.end(ctx, t))
	if err != nil {
		return report, err
	}
	report.Found, err = c.judge(ctx)
	report.Cuts, report.Struck, report.Passed = c.cuts, script.Struck(), script.Passed()
	return report, err
}

// waylays keeps the requests of the first tender's payment from arriving, all but one
// for good.
func (c *cashier) waylays(orderNo string) lab.Meddling {
	c.mu.Lock()
	first := c.waylaid == ""
	if first {
		c.waylaid = orderNo
	}
	mine := c.waylaid == orderNo
	c.mu.Unlock()
	switch {
	case !mine:
		return lab.Meddling{}
	case !first || c.story.Tardy == 0:
		return lab.Meddling{Silent: true}
	}
	now := make(chan struct{})
	c.tardy.Go(func() {
		<-c.clock.After(c.story.Tardy)
		close(now)
	})
	return lab.Meddling{Late: now}
}

// end lets everything come to its end, with power.
func (c *cashier) end(ctx context.Context, t Trip) error {
	for {
		if _, err := c.power(ctx); err != nil {
			return err
		}
		if t.Before != nil {
			if err := t.Before(ctx, c.shop); err != nil {
				return err
			}
			t.Before = nil
		}
		c.tardy.Wait()
		c.wait(beat) // what arrives late is executed
		err := c.shop.Settle(ctx, t.Settle, c.wait)
		if !errors.Is(err, lab.ErrPowerOff) && c.shop.Till() != nil {
			return err
		}
	}
}

// judge adds what a till can say to the oracle's judgement: an end that was
// answered stays, except that a negative one may be paid back.
func (c *cashier) judge(ctx context.Context) ([]lab.Violation, error) {
	for id, before := range c.answers {
		p, err := c.shop.Store().Payment(ctx, before.ID)
		if err != nil {
			return nil, err
		}
		is, was := p.Status.State, before.Status.State
		if was.Final() && is != was && is != agent.Refunded {
			c.shop.Accuse(CheckAnswer, "%s: request %s was answered as %s and is %s", c.story, id, was, is)
		}
	}
	return c.shop.Judge(ctx)
}
