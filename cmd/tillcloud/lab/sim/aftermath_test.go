package sim_test

import (
	"context"
	"fmt"
	"time"

	"tillwire/agent"
	"tillwire/cmd/tillcloud/lab"
)

// aftermath is what happens after a sale: refunds, and questions about old ones.
func (c *cashier) aftermath(ctx context.Context) {
	if len(c.sold) == 0 {
		return
	}
	id := c.sold[c.dice.IntN(len(c.sold))]
	switch throw := c.dice.IntN(100); {
	case throw < 5:
		c.refund(ctx, id, true)
	case throw < 10:
		c.refund(ctx, id, false)
	case throw < 12:
		if e := c.shop.Till(); e != nil {
			_, _ = e.Check(ctx, id) // without power there is no answer
		}
	case throw < 13:
		if e := c.shop.Till(); e != nil {
			if _, _, err := e.Cancel(ctx, id, "sim"); err == nil {
				c.accuse(checkTill, "payment %s was paid and could be cancelled", id)
			}
		}
	}
}

// refund pays back all or a part of a payment and repeats the request until there
// is an answer, under one id, as a page does.
func (c *cashier) refund(ctx context.Context, id agent.PaymentID, all bool) {
	p, ok := c.payment(ctx, id)
	left := p.Status.Refundable()
	if !ok || left <= 0 {
		return
	}
	value := left
	if !all {
		value = 1 + c.dice.Int64N(left)
	}
	request := agent.RefundRequest{Payment: id, RequestID: fmt.Sprintf("refund-%d", c.dice.Uint64()), Amount: agent.Money{Value: value, Currency: p.Amount.Currency}, Why: "sim", By: "sim"}
	number := ""
	for range 3 + c.dice.IntN(3) {
		e := c.shop.Till()
		if e == nil {
			c.wait(c.dice.Between(time.Second, 5*time.Second))
			continue
		}
		_, refund, _, err := e.Refund(ctx, request)
		if err != nil {
			c.wait(c.dice.Between(time.Second, 10*time.Second))
			continue
		}
		if number != "" && refund.No != number {
			c.accuse(lab.CheckKeys, "the refund %s of %s was %s and is %s", request.RequestID, id, number, refund.No)
		}
		number = refund.No
		if !c.dice.Chance(4) {
			break
		}
	}
	c.refundTooMuch(ctx, p)
}

// refundTooMuch asks back more than was paid.
func (c *cashier) refundTooMuch(ctx context.Context, p agent.Payment) {
	e := c.shop.Till()
	if e == nil || !c.dice.Chance(5) {
		return
	}
	_, refund, _, err := e.Refund(ctx, agent.RefundRequest{Payment: p.ID, RequestID: fmt.Sprintf("greed-%d", c.dice.Uint64()),
		Amount: agent.Money{Value: 30_000, Currency: p.Amount.Currency}, Why: "sim", By: "sim"})
	if err == nil {
		c.accuse(lab.CheckRefunds, "the refund %s of %s asks back more than was ever paid", refund.No, p.ID)
	}
}
