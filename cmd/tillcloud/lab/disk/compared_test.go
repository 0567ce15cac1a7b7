//go:build faultfs

package disk_test

import (
	"context"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
)

// longest is how long everything may take to end.
const longest = 10 * time.Minute

// judged lets everything end, and compares the journal with the ledger as the owner
// would with the wallet's bill: what differs is what the disk cannot know, all of it
// and nothing else.
func (c *copied) judged(ctx context.Context) error {
	if err := c.settle(ctx); err != nil {
		return err
	}
	all, err := c.shop.Judge(ctx)
	if err != nil {
		return err
	}
	books, err := c.shop.Books(ctx)
	if err != nil {
		return err
	}
	here := map[string]agent.Payment{}
	for _, p := range books.Payments {
		here[p.OrderNo] = p
	}
	for _, o := range books.Orders {
		_, is := here[o.OrderNo]
		_, was := c.known[o.OrderNo]
		switch {
		case !is && !was:
			c.accuse(CheckCompared, "order %s is on no disk", o.OrderNo)
		case !is:
			c.r.Count("orders found by comparison", 1)
		}
	}
	for _, v := range all {
		if !slices.Contains(c.found, v) && !c.explained(ctx, v, here, books.Orders) {
			c.found = append(c.found, v)
		}
	}
	return nil
}

// away tells the oracle of orders that only the other disk can know.
func (c *copied) away(orderNo string) bool {
	_, was := c.known[orderNo]
	return was
}

// explained lets pass that the sums differ where the other disk paid something back,
// as long as the two together know every refund of the ledger.
func (c *copied) explained(ctx context.Context, v lab.Violation, here map[string]agent.Payment, orders []sandbox.OrderWithHistory) bool {
	if c.contested(v) {
		c.r.Count("payments that two agents ended differently", 1)
		return true
	}
	if v.Check != lab.CheckBooks && v.Check != lab.CheckKeys {
		return false
	}
	for _, o := range orders {
		now, there := here[o.OrderNo], c.known[o.OrderNo]
		if now.ID == "" || there.ID == "" || !strings.Contains(v.What, o.OrderNo) || slices.Equal(refunds(now), refunds(there)) {
			continue
		}
		sum, seen := int64(0), map[string]bool{}
		for _, r := range slices.Concat(refunds(now), refunds(there)) {
			done, err := c.shop.Cloud().Ledger.RefundByNumber(ctx, o.Wallet, o.Merchant, r.No)
			if err == nil && done.State == sandbox.RefundSuccess && !seen[r.No] {
				sum += done.Amount
			}
			seen[r.No] = true
		}
		if sum == o.Refunded {
			c.r.Count("refunds found by comparison", 1)
			return true
		}
	}
	return false
}

// contested reports that a payment was under way when the disk was copied, and that
// the other agent began to undo it: then one may show as paid what the other one
// reverses. Nobody is charged twice by it, and the comparison finds it; that it
// cannot happen takes a cloud which refuses the second of two.
func (c *copied) contested(v lab.Violation) bool {
	if v.Check != lab.CheckBooks && v.Check != lab.CheckGreen {
		return false
	}
	return slices.ContainsFunc(c.old, func(p agent.Payment) bool { return strings.Contains(v.What, p.OrderNo) && c.undone(p) })
}

// undone reports that a payment of before the copy was undone by one of two agents.
func (c *copied) undone(p agent.Payment) bool {
	if p.Status.Final() || !c.two {
		return false
	}
	ended := func(f agent.Fact) bool {
		return f.Kind == agent.FactReversalDecided || f.Kind == agent.FactCloseDecided
	}
	here, err := c.shop.Store().Payment(context.Background(), p.ID)
	return slices.ContainsFunc(c.known[p.OrderNo].Facts, ended) || err == nil && slices.ContainsFunc(here.Facts, ended)
}

func refunds(p agent.Payment) []agent.Refund {
	list := slices.Clone(p.Status.Refunds)
	for i := range list {
		list[i] = agent.Refund{No: list[i].No, Amount: list[i].Amount, State: list[i].State}
	}
	return list
}

// settle waits until everything has ended but a refund under a number that the other
// disk used for another amount: the wallet keeps to the first, so the second pays
// nobody twice, is never confirmed and stays in the owner's list.
func (c *copied) settle(ctx context.Context) error {
	for range longest / time.Second {
		wait(time.Second)
		synctest.Wait() // what falls due at this very moment is done, so that the shop stands still while it is judged
		open, err := c.shop.Store().OpenPayments(ctx)
		if err != nil {
			return err
		}
		queue, err := c.shop.Store().Queue(ctx)
		if err != nil {
			return err
		}
		open = slices.DeleteFunc(open, func(p agent.Payment) bool {
			return p.Status.State == agent.Review && slices.ContainsFunc(c.old, func(o agent.Payment) bool { return o.ID == p.ID && c.undone(o) })
		})
		met := 0
		for _, q := range queue {
			if c.met(ctx, q) || slices.ContainsFunc(c.old, func(o agent.Payment) bool { return o.OrderNo == q.OrderNo && c.undone(o) }) {
				met++
			}
		}
		if met == len(queue) && len(open) == 0 {
			c.r.Count("refunds under a number that the other disk used", float64(met))
			return nil
		}
	}
	return c.shop.Settle(ctx, time.Second, wait)
}

// met reports that a refund's number stands for another amount on the other disk.
func (c *copied) met(ctx context.Context, q agent.QueueEntry) bool {
	there := c.known[q.OrderNo]
	p, err := c.shop.Store().Payment(ctx, there.ID)
	if err != nil || q.RefundNo == "" {
		return false
	}
	mine, _ := p.Status.Refund(q.RefundNo)
	theirs, used := there.Status.Refund(q.RefundNo)
	return used && mine.Amount != theirs.Amount
}
