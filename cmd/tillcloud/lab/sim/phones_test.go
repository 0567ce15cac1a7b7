package sim_test

import (
	"context"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
)

// What customers' phones show a shop without a line. The phones' own way to the cloud is
// not the shop's, but the cloud may be away: then they show nothing.

// receipt is of a payment over the phone's own line; now and then it comes when the code
// on the display has run out.
func (c *cashier) receipt(ctx context.Context, qr string, _ agent.Money) string {
	corner, _ := lab.WalletNamed(lab.Corner)
	if qr == "" || c.meetCustomers(ctx, corner) != nil {
		return ""
	}
	text := c.pays(ctx, c.dice, c.customer(corner), qr)
	if text != "" && c.dice.Chance(6) {
		c.wait(c.dice.Between(time.Minute, 3*time.Minute))
	}
	return text
}

// flies is a phone in flight mode, one of the lane's regulars or a new one.
func (c *cashier) flies(ctx context.Context) (id, voucher string) {
	if len(c.flying) > 0 && !c.dice.Chance(3) {
		return lab.Pick(c.dice, c.flying...), ""
	}
	id, voucher = c.flier(ctx)
	if id != "" {
		c.flying = append(c.flying, id)
	}
	return id, voucher
}

// flier is a new phone in flight mode with the id of its voucher, or nothing.
func (c *cashier) flier(ctx context.Context) (id, voucher string) {
	id, err := c.shop.CustomerOf(ctx, lab.Corner, sandbox.Approve, 1_000_000_000)
	if err != nil {
		return "", ""
	}
	flight := true
	pocket, err := c.shop.Cloud().Issuer().Carry(ctx, id, sandbox.Carriage{Flight: &flight})
	if err != nil {
		return "", ""
	}
	return id, pocket.Voucher
}

// exact is a phone's code for the sale on the display.
func (c *cashier) exact(ctx context.Context, qr string, _ agent.Money) string {
	id, _ := c.flies(ctx)
	if id == "" || qr == "" {
		return ""
	}
	return c.pays(ctx, c.dice, phone{id: id}, qr)
}

// ceiling is a phone's code for any sale.
func (c *cashier) ceiling(ctx context.Context, _ string, _ agent.Money) string {
	id, _ := c.flies(ctx)
	if id == "" {
		return ""
	}
	return c.voucher(ctx, id, sandbox.VoucherAsk{})
}

// bearer is a voucher worth this amount.
func (c *cashier) bearer(ctx context.Context, _ string, amount agent.Money) string {
	id, err := c.shop.CustomerOf(ctx, lab.Corner, sandbox.Approve, 1_000_000)
	if err != nil {
		return ""
	}
	return c.voucher(ctx, id, sandbox.VoucherAsk{Kind: "bearer", Amount: amount.Value})
}

func (c *cashier) voucher(ctx context.Context, id string, ask sandbox.VoucherAsk) string {
	slip, err := c.shop.Cloud().Issuer().Voucher(ctx, id, ask)
	if err != nil {
		return ""
	}
	return slip.Code
}

// card is a code of the shop's own card, whose customer may have nothing on it.
func (c *cashier) card(ctx context.Context, _ string, _ agent.Money) string {
	w, _ := lab.WalletNamed(lab.Card)
	if c.meetCustomers(ctx, w) != nil {
		return ""
	}
	code, ok := c.code(ctx, c.customer(w))
	if !ok {
		return ""
	}
	return code.Reveal()
}

// blocked is a phone that its issuer has blocked since the shop heard from it last.
func (c *cashier) blocked(ctx context.Context, qr string, _ agent.Money) string {
	id, voucher := c.flier(ctx)
	if id == "" || qr == "" || c.shop.Cloud().Issuer().Deny(ctx, voucher, true) != nil {
		return ""
	}
	return c.pays(ctx, c.dice, phone{id: id}, qr)
}

// elsewhere is a voucher that somebody copied, and hands in at another shop before or
// after.
func (c *cashier) elsewhere(ctx context.Context, qr string, amount agent.Money) string {
	text := c.bearer(ctx, qr, amount)
	if text == "" {
		return ""
	}
	later := time.Duration(0)
	if c.dice.Chance(2) {
		later = c.dice.Between(time.Second, 10*time.Minute)
	}
	c.people.Go(func() {
		c.wait(later)
		_ = c.shop.RedeemElsewhere(ctx, text, amount) // the cloud may be away; then nobody was first
	})
	return text
}

// before is a code that was held up before, at this lane or another.
func (c *cashier) before(context.Context, string, agent.Money) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.held) == 0 {
		return ""
	}
	return lab.Pick(c.dice, c.held...)
}
