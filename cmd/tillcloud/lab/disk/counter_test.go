//go:build faultfs

package disk_test

import (
	"context"
	"fmt"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
)

// price is what every sale costs, in minor units.
const price = 1280

// counter is the people of a shop: they ask for payments, scan, cancel, pay and
// take goods back. What the agent refuses is the caller's to judge; what the cloud
// refuses ends the case.
type counter struct {
	shop *lab.Shop
	dice lab.Dice
	next int
	acts func() // before a phone does something that the shop knows nothing of; nil: nothing
}

// wait lets time pass; in a bubble that takes none.
func wait(d time.Duration) { <-agent.NewSystemClock().After(d) }

// customer comes with a phone.
func (c *counter) customer(ctx context.Context, b sandbox.Behaviour) (string, error) {
	return c.shop.Customer(ctx, b, 1_000_000)
}

// ask opens a payment.
func (c *counter) ask(ctx context.Context, lane string, mode agent.Mode) (agent.Payment, error) {
	c.next++
	till := c.shop.Till()
	if till == nil {
		return agent.Payment{}, lab.ErrPowerOff
	}
	p, _, err := till.Open(ctx, agent.Request{Client: "till", RequestID: fmt.Sprint("sale-", c.next), Lane: lane, Mode: mode,
		Reference: fmt.Sprint("sale ", c.next), Amount: agent.Money{Value: price, Currency: "CNY"}})
	return p, err
}

// scan opens a payment and scans a customer's code for it.
func (c *counter) scan(ctx context.Context, lane, customer string) (agent.Payment, error) {
	p, err := c.ask(ctx, lane, agent.ModeScan)
	if err != nil {
		return p, err
	}
	code, err := c.shop.Code(ctx, customer)
	if till := c.shop.Till(); err == nil && till != nil {
		till.Scan(ctx, lane, code)
	}
	return p, err
}

// sale is a scan and what the customer does about it, until the lane is free.
func (c *counter) sale(ctx context.Context, lane string, b sandbox.Behaviour) (agent.Payment, error) {
	who, err := c.customer(ctx, b)
	if err != nil {
		return agent.Payment{}, err
	}
	p, err := c.scan(ctx, lane, who)
	if err != nil {
		return p, err
	}
	if b == sandbox.Password {
		wait(c.dice.Between(time.Second, 8*time.Second))
		if _, err := c.shop.Cloud().Ledger.Confirm(ctx, who); err != nil {
			return p, err
		}
	}
	return c.until(ctx, p.ID, 2*time.Minute, free)
}

// show asks for a code on the display and lets a customer pay it, or nobody.
func (c *counter) show(ctx context.Context, lane string, pays bool) (agent.Payment, error) {
	p, err := c.ask(ctx, lane, agent.ModeShow)
	if err != nil {
		return p, err
	}
	p, err = c.until(ctx, p.ID, 20*time.Second, func(p agent.Payment) bool { return free(p) || p.Status.State == agent.QRShown })
	if err != nil || p.Status.State != agent.QRShown || !pays {
		return p, err
	}
	who, err := c.customer(ctx, sandbox.Approve)
	if err == nil {
		_, err = c.shop.Cloud().Ledger.Scan(ctx, who, p.Status.QR)
	}
	if err != nil {
		return p, err
	}
	return c.until(ctx, p.ID, 2*time.Minute, free)
}

func (c *counter) cancel(ctx context.Context, p agent.Payment) error {
	till := c.shop.Till()
	if till == nil {
		return lab.ErrPowerOff
	}
	_, _, err := till.Cancel(ctx, p.ID, "cashier")
	return err
}

func (c *counter) back(ctx context.Context, p agent.Payment, amount int64) error {
	c.next++
	till := c.shop.Till()
	if till == nil {
		return lab.ErrPowerOff
	}
	_, _, _, err := till.Refund(ctx, agent.RefundRequest{Payment: p.ID, RequestID: fmt.Sprint("back-", c.next), Why: "returned", By: "manager",
		Amount: agent.Money{Value: amount, Currency: "CNY"}})
	return err
}

func free(p agent.Payment) bool { return !p.Status.Held() }

// until looks at a payment every half second until it is as wanted.
func (c *counter) until(ctx context.Context, id agent.PaymentID, most time.Duration, as func(agent.Payment) bool) (agent.Payment, error) {
	for waited := time.Duration(0); ; waited += time.Second / 2 {
		store := c.shop.Store()
		if store == nil {
			return agent.Payment{}, lab.ErrPowerOff
		}
		p, err := store.Payment(ctx, id)
		if err != nil || as(p) || waited >= most {
			return p, err
		}
		wait(time.Second / 2)
	}
}
