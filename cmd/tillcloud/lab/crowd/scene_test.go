package crowd_test

import (
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
)

// scene sends a few clients off. What they do follows from the dice; who comes
// first does not, which is the point.
type scene struct {
	name  string
	lanes int
	play  func(*history, lab.Dice) error
}

func scenes() []scene {
	return []scene{
		{"double click", 1, doubleClick}, {"double scan", 1, doubleScan}, {"two tills", 1, twoTills}, {"cancel", 1, cancelRace},
		{"second tender", 1, secondTender}, {"refunds", 1, refunds}, {"refunds", 1, refunds}, {"show", 1, showRace}, {"two lanes", 2, twoLanes},
	}
}

func anybody(d lab.Dice) sandbox.Behaviour {
	return lab.Pick(d, sandbox.Approve, sandbox.Approve, sandbox.Approve, sandbox.Password, sandbox.Decline, sandbox.Slow, sandbox.Abandon)
}

func anyTill(d lab.Dice) string { return lab.Pick(d, "left", "right") }

// watch reads now and then while the others act.
func (h *history) watch(d lab.Dice, slots ...int) {
	h.client(d, anyTill(d), func(c *client) {
		for range 2 + c.dice.IntN(3) {
			switch slot := lab.Pick(c.dice, slots...); c.dice.IntN(4) {
			case 0:
				c.list(0)
			case 1:
				c.check(slot)
			default:
				c.get(slot)
			}
			c.hesitate()
		}
	})
}

// doubleClick: a till asks for the same payment many times at once, and once, by
// mistake, for another one under the same id.
func doubleClick(h *history, d lab.Dice) error {
	_, code, err := h.customer(anybody(d))
	if err != nil {
		return err
	}
	mode := lab.Pick(d, agent.ModeScan, agent.ModeScan, agent.ModeAny, agent.ModeShow)
	for i := range 2 + d.IntN(4) {
		variant := 0
		if d.Chance(4) {
			variant = 1
		}
		h.client(d, "left", func(c *client) {
			c.hesitate()
			c.open(1, 0, variant, mode)
			if i == 0 {
				c.hesitate()
				c.scan(0, code, false)
			}
			if c.dice.Chance(3) {
				c.hesitate()
				c.open(1, 0, variant, mode)
			}
		})
	}
	h.watch(d, 1)
	return nil
}

// doubleScan: one code is read several times at once, by the lane's scanner and by
// the till, and another customer's code as well.
func doubleScan(h *history, d lab.Dice) error {
	customer, code, err := h.customer(anybody(d))
	if err != nil {
		return err
	}
	_, other, err := h.customer(sandbox.Approve)
	if err != nil {
		return err
	}
	h.client(d, "left", func(c *client) {
		c.open(1, 0, 0, agent.ModeScan)
		c.scan(0, code, true)
	})
	for range 1 + d.IntN(3) {
		which := code
		if d.Chance(4) {
			which = other
		}
		h.client(d, anyTill(d), func(c *client) {
			h.await(1)
			c.hesitate()
			c.scan(0, which, c.dice.Chance(2))
		})
	}
	if d.Chance(2) {
		h.client(d, "left", func(c *client) {
			h.await(1)
			c.hesitate()
			c.cancel(1)
		})
	}
	h.confirm(d, customer)
	h.watch(d, 1)
	return nil
}

// confirm is a customer who enters the password at some moment.
func (h *history) confirm(d lab.Dice, customer string) {
	h.client(d, "left", func(c *client) {
		h.pause(lab.Pick(c.dice, time.Millisecond, 2*time.Millisecond, 5*time.Millisecond, 7*time.Second))
		_, _ = h.Cloud().Ledger.Confirm(h.ctx, customer) // most have nothing to confirm
	})
}

// twoTills: several tills want the same lane.
func twoTills(h *history, d lab.Dice) error {
	for slot := 1; slot <= 2+d.IntN(3); slot++ {
		_, code, err := h.customer(anybody(d))
		if err != nil {
			return err
		}
		h.client(d, "left", func(c *client) {
			for range 3 {
				c.hesitate()
				if c.open(slot, 0, 0, lab.Pick(c.dice, agent.ModeScan, agent.ModeScan, agent.ModeShow)).id != "" {
					break
				}
			}
			c.hesitate()
			if c.dice.Chance(2) {
				c.scan(0, code, c.dice.Chance(2))
				c.hesitate()
			}
			c.cancel(slot)
			c.get(slot)
		})
	}
	if d.Chance(2) {
		h.watch(d, 1, 2)
	}
	return nil
}

// cancelRace: the cashier cancels while the answer arrives, more than once.
func cancelRace(h *history, d lab.Dice) error {
	customer, code, err := h.customer(anybody(d))
	if err != nil {
		return err
	}
	h.client(d, "left", func(c *client) {
		c.open(1, 0, 0, agent.ModeScan)
		c.hesitate()
		c.scan(0, code, c.dice.Chance(2))
		c.get(1)
	})
	for range 1 + d.IntN(3) {
		h.client(d, anyTill(d), func(c *client) {
			h.await(1)
			c.hesitate()
			c.cancel(1)
			c.hesitate()
			c.get(1)
		})
	}
	h.confirm(d, customer)
	h.watch(d, 1)
	return nil
}

// secondTender: the customer wants to pay otherwise, and while the sale goes on with
// a second tender, another till asks for the lane.
func secondTender(h *history, d lab.Dice) error {
	h.oneSale = true
	customer, code, err := h.customer(anybody(d))
	if err != nil {
		return err
	}
	_, other, err := h.customer(anybody(d))
	if err != nil {
		return err
	}
	h.client(d, "left", func(c *client) {
		c.open(1, 0, 0, lab.Pick(c.dice, agent.ModeScan, agent.ModeAny))
		c.scan(0, code, true)
	})
	for range 1 + d.IntN(2) {
		h.client(d, "left", func(c *client) {
			h.await(1)
			c.hesitate()
			// Only a tender whose undoing was acknowledged may be followed by another.
			if out := c.cancel(1); out.status == 0 || out.status >= 400 {
				return
			}
			c.open(2, 0, 0, agent.ModeScan)
			c.hesitate()
			c.scan(0, other, c.dice.Chance(2))
		})
	}
	if d.Chance(2) {
		h.client(d, "left", func(c *client) {
			h.await(1)
			c.hesitate()
			c.open(3, 0, 0, agent.ModeScan)
			c.hesitate()
			c.cancel(3)
		})
	}
	h.confirm(d, customer)
	h.watch(d, 1, 2)
	return nil
}

// refunds: two managers pay back at once, together more than was taken, with second
// clicks and approvals that were used.
func refunds(h *history, d lab.Dice) error {
	_, code, err := h.customer(sandbox.Approve)
	if err != nil {
		return err
	}
	h.client(d, "left", func(c *client) {
		c.open(1, 0, 0, agent.ModeScan)
		c.scan(0, code, false)
	})
	h.wg.Wait()
	for range 40 {
		if store := h.Store(); store != nil {
			id, _ := h.await(1)
			if p, err := store.Payment(h.ctx, id); err == nil && p.Status.State == agent.Paid {
				break
			}
		}
		h.pause(250 * time.Millisecond)
	}
	whole := amountOf(1, 0).Value
	for ref := 1; ref <= 2+d.IntN(2); ref++ {
		amount := lab.Pick(d, whole, whole/2, whole/2+1, whole/3)
		again := lab.Pick(d, "", "click", "amount", "approval")
		if again == "approval" {
			amount = whole / 4 // small enough for both: only the approval stands in the way
		}
		h.client(d, anyTill(d), func(c *client) {
			approval := c.approve(1, amount)
			switch again {
			case "click": // the same once more, while it is under way
				h.client(c.dice, c.till, func(other *client) { other.refund(1, ref, amount, approval) })
			case "amount": // the same id for another sum
				h.client(c.dice, c.till, func(other *client) { other.refund(1, ref, amount/2, other.approve(1, amount/2)) })
			case "approval": // another refund with the same word of the manager
				h.client(c.dice, c.till, func(other *client) { other.refund(1, ref+3, amount, approval) })
			}
			c.hesitate()
			c.refund(1, ref, amount, approval)
			if c.dice.Chance(3) {
				c.refund(1, ref, amount, approval)
			}
		})
	}
	h.watch(d, 1)
	return nil
}

// showRace: a code is scanned, a code is shown and the sale is cancelled, all at once.
func showRace(h *history, d lab.Dice) error {
	customer, code, err := h.customer(anybody(d))
	if err != nil {
		return err
	}
	mode := lab.Pick(d, agent.ModeAny, agent.ModeAny, agent.ModeShow)
	h.client(d, "left", func(c *client) {
		c.open(1, 0, 0, mode)
		if mode == agent.ModeAny {
			c.show(1)
		}
	})
	if mode == agent.ModeAny {
		h.client(d, "right", func(c *client) {
			h.await(1)
			c.hesitate()
			c.scan(0, code, c.dice.Chance(2))
			c.hesitate()
			c.show(1)
		})
	}
	h.wg.Go(func() { h.phone(h.ctx, customer, 1) })
	for range d.IntN(3) {
		h.client(d, "left", func(c *client) {
			h.await(1)
			h.pause(lab.Pick(c.dice, 0, time.Millisecond, 3*time.Second))
			c.hesitate()
			c.cancel(1)
			c.open(2, 0, 0, agent.ModeShow)
		})
	}
	h.watch(d, 1)
	return nil
}

// twoLanes: one customer's code is read at two lanes, and one request id is used at
// both.
func twoLanes(h *history, d lab.Dice) error {
	_, code, err := h.customer(anybody(d))
	if err != nil {
		return err
	}
	shared := d.Chance(3)
	for lane := range 2 {
		slot := 1 + lane
		if shared {
			slot = 1
		}
		h.client(d, "left", func(c *client) {
			c.hesitate()
			c.open(slot, lane, 0, agent.ModeScan)
			c.scan(lane, code, c.dice.Chance(2))
			c.hesitate()
			c.list(lane)
		})
		h.client(d, "right", func(c *client) {
			h.await(slot)
			c.hesitate()
			c.scan(lane, code, c.dice.Chance(2))
			c.get(slot)
		})
	}
	return nil
}
