//go:build faultfs

package disk_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
)

// work is what a shop does while its disk is recorded.
type work struct {
	name string
	// fresh: the tape begins before the agent's first start on the folder.
	fresh bool
	// apart: the shop sells without a line.
	apart bool
	do    func(context.Context, *counter, *scene) error
}

// options are what the shop of the workload is opened with.
func (w work) options(o lab.Options) lab.Options {
	if w.apart {
		o.Wallets, o.Outage = []string{"wechat", lab.Corner, lab.Card, lab.Union}, outagePolicy()
	}
	return o
}

// workOf is the workload of a seed's turn.
func workOf(seed uint64) work {
	list := works()
	return list[int(seed%uint64(len(list)))]
}

// works lists the workloads; a case takes the one of its seed's turn.
func works() []work {
	return []work{
		{name: "online pay", do: payments},
		{name: "reversal storm", do: reversals},
		{name: "refunds and shown codes", do: returns},
		{name: "prune and checkpoint", do: retention},
		{name: "migration and first start", fresh: true, do: firstDay},
		{name: "sold without a line", apart: true, do: outage},
	}
}

// payments lets customers of every kind pay on two lanes, with a stop in between.
func payments(ctx context.Context, c *counter, _ *scene) error {
	for n := range 9 {
		b := lab.Pick(c.dice, sandbox.Approve, sandbox.Approve, sandbox.Approve, sandbox.Password, sandbox.Decline, sandbox.Slow)
		if n == 1 {
			b = sandbox.Approve
		}
		if err := c.both(ctx, b); err != nil {
			return err
		}
		if n == 4 && c.dice.Chance(2) {
			if err := c.shop.Restart(ctx); err != nil {
				return err
			}
		}
		if c.dice.Chance(3) {
			wait(c.dice.Between(time.Second, time.Minute)) // the log is moved into the file when nobody sells
		}
	}
	return nil
}

// both sells on two lanes at the same time.
func (c *counter) both(ctx context.Context, b sandbox.Behaviour) error {
	first, err := c.customer(ctx, sandbox.Approve)
	if err != nil {
		return err
	}
	p, err := c.scan(ctx, "2", first)
	if err != nil {
		return err
	}
	_, err = c.sale(ctx, "1", b)
	if err != nil {
		return err
	}
	_, err = c.until(ctx, p.ID, 2*time.Minute, free)
	return err
}

// reversals cancels one payment after the other, while the cloud's answers fail.
func reversals(ctx context.Context, c *counter, _ *scene) error {
	lost := func(op sandbox.Operation, kind sandbox.FaultKind, n int) sandbox.Fault {
		return sandbox.Fault{Wallet: "*", Operation: string(op), Kind: kind, Count: n}
	}
	for n := range 7 {
		faults := []sandbox.Fault{lost(sandbox.OpPay, lab.Pick(c.dice, sandbox.DropResponse, sandbox.DropRequest, sandbox.BadSignature, sandbox.StatusOnly), 1),
			lost(sandbox.OpQuery, sandbox.StatusOnly, 1+c.dice.IntN(3)), lost(sandbox.OpReverse, lab.Pick(c.dice, sandbox.DropResponse, sandbox.StatusOnly), 1)}
		if err := c.shop.Cloud().SetFaults(faults[:1+c.dice.IntN(len(faults))]); err != nil {
			return err
		}
		who, err := c.customer(ctx, lab.Pick(c.dice, sandbox.Approve, sandbox.Abandon, sandbox.Password))
		if err != nil {
			return err
		}
		p, err := c.scan(ctx, "1", who)
		if err != nil {
			return err
		}
		wait(c.dice.Between(0, 7*time.Second))
		var known *agent.Error
		if err := c.cancel(ctx, p); err != nil && !(errors.As(err, &known) && known.Class == agent.Conflict) {
			return err // an end that came first is no error of the cashier
		}
		if _, err := c.until(ctx, p.ID, 3*time.Minute, free); err != nil {
			return err
		}
		if n == 3 && c.dice.Chance(2) {
			if err := c.shop.Restart(ctx); err != nil {
				return err
			}
		}
	}
	return c.shop.Cloud().SetFaults(nil)
}

// returns shows codes, closes some, and pays money back in parts.
func returns(ctx context.Context, c *counter, _ *scene) error {
	for n := range 5 {
		shown, err := c.show(ctx, "2", n%2 == 0)
		if err == nil && n%2 == 1 {
			wait(c.dice.Between(0, 10*time.Second))
			err = c.cancel(ctx, shown)
		}
		if err != nil {
			return err
		}
		p, err := c.sale(ctx, "1", sandbox.Approve)
		for _, amount := range []int64{300, 500, price - 800}[:1+c.dice.IntN(3)] {
			if err == nil {
				err = c.back(ctx, p, amount)
			}
			wait(c.dice.Between(0, 3*time.Second))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// retention sells, lets the log be moved into the file, and removes what has ended
// while the shop goes on.
func retention(ctx context.Context, c *counter, s *scene) error {
	for range 4 {
		if err := c.both(ctx, lab.Pick(c.dice, sandbox.Approve, sandbox.Decline)); err != nil {
			return err
		}
	}
	if err := c.shop.Settle(ctx, 5*time.Minute, wait); err != nil {
		return err
	}
	wait(time.Minute)
	before := s.clock.Now()
	wait(time.Second)
	if err := s.leaves(ctx, before); err != nil {
		return err
	}
	var removed error
	var pruning sync.WaitGroup
	pruning.Go(func() { _, removed = c.shop.Store().Prune(ctx, before) })
	err := c.both(ctx, sandbox.Approve)
	pruning.Wait()
	if err = errors.Join(err, removed); err != nil {
		return err
	}
	wait(2 * time.Minute)
	if err := c.both(ctx, sandbox.Password); err != nil {
		return err
	}
	if c.dice.Chance(2) {
		err = c.shop.Restart(ctx)
	}
	return errors.Join(err, c.both(ctx, sandbox.Approve))
}

// firstDay is short: most of its tape is the start itself, of an empty folder or of
// one with an older schema.
func firstDay(ctx context.Context, c *counter, _ *scene) error {
	old, err := c.shop.Store().OpenPayments(ctx)
	if err != nil {
		return err
	}
	for _, p := range old {
		if _, err := c.until(ctx, p.ID, 10*time.Minute, free); err != nil {
			return err
		}
	}
	for range 2 {
		if err := c.both(ctx, sandbox.Approve); err != nil {
			return err
		}
	}
	return c.shop.Restart(ctx)
}

// answered is a commit that the store has told about.
type answered struct {
	id      agent.PaymentID
	version int64
	state   agent.State
	at      time.Duration // since the tape's world began
}

// arrival is a request at the cloud, before it is executed.
type arrival struct{ at time.Duration }

// leaving is said before retention may remove these.
type leaving struct {
	ids    []agent.PaymentID
	orders []string
}

// leaves tells what retention may take now.
func (s *scene) leaves(ctx context.Context, before time.Time) error {
	books, err := s.shop.Books(ctx)
	if err != nil {
		return err
	}
	var l leaving
	for _, p := range books.Payments {
		if p.Status.Final() && p.Facts[len(p.Facts)-1].At.Before(before) {
			l.ids, l.orders = append(l.ids, p.ID), append(l.orders, p.OrderNo)
		}
	}
	if len(l.ids) == 0 {
		return fmt.Errorf("nothing is old enough to be removed: %d payments", len(books.Payments))
	}
	s.rec.Load().Mark(l)
	return nil
}

// promise is what the marks before a cut add up to.
type promise struct {
	held     map[agent.PaymentID]answered
	gone     []string // order numbers that retention may have taken
	at       time.Duration
	arrivals int
	took     map[agent.PaymentID]string // codes that were ever accepted without a line, also after the cut
}

func promised(marks []any) promise {
	p := promise{held: map[agent.PaymentID]answered{}}
	var left []agent.PaymentID
	for _, m := range marks {
		switch m := m.(type) {
		case answered:
			p.held[m.id], p.at = m, m.at
		case arrival:
			p.arrivals++
			p.at = m.at
		case leaving:
			left, p.gone = append(left, m.ids...), append(p.gone, m.orders...)
		}
	}
	for _, id := range slices.Compact(left) {
		delete(p.held, id)
	}
	return p
}
