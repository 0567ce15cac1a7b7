package sim_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
)

// way is how a customer pays a shop that has no line.
type way struct {
	name   string
	wallet string
	weight int
	// code is what the customer holds to the scanner, "" when that is nothing. qr is what
	// the lane shows.
	code func(c *cashier, ctx context.Context, qr string, amount agent.Money) string
}

// sight is the name of ways without a code: a manager looks at the phone.
const sight = "sight"

// ways are the honest and the other ones, as often as they come.
func ways() []way {
	return []way{
		{"receipt", lab.Corner, 20, (*cashier).receipt},
		{"a phone's code for the sale", lab.Corner, 16, (*cashier).exact},
		{"a phone's code for any sale", lab.Corner, 10, (*cashier).ceiling},
		{"bearer", lab.Corner, 10, (*cashier).bearer},
		{"card", lab.Card, 20, (*cashier).card},
		{sight, lab.Corner, 8, nil},
		{sight, lab.Union, 8, nil},
		{"a blocked phone", lab.Corner, 5, (*cashier).blocked},
		{"handed in elsewhere", lab.Corner, 5, (*cashier).elsewhere},
		{"shown before", lab.Corner, 8, (*cashier).before},
	}
}

// newPolicy is what an owner may have set. Some of it is reached within minutes.
func newPolicy(dice lab.Dice) *agent.OfflinePolicy {
	most := 10_000 + dice.Int64N(10_000) // of 20,000 that a sale may be
	return &agent.OfflinePolicy{On: true, Ways: agent.Ways(), Least: agent.RoleCashier, TrustAge: 72 * time.Hour, Count: 3 + dice.IntN(30), LaneCount: 2 + dice.IntN(10),
		Window: lab.Pick(dice, 10*time.Minute, time.Hour, 24*time.Hour), DeviceDay: 2 + dice.IntN(6),
		Caps: map[agent.Currency]agent.OfflineCap{"CNY": {Ceiling: most, Exact: most + dice.Int64N(10_000),
			Stored: 30_000 + dice.Int64N(200_000), Lane: 20_000 + dice.Int64N(50_000)}}}
}

// saysDown reports whether the register says that something can be sold although the line
// is down.
func (d *day) saysDown() bool {
	return d.outage != nil && slices.ContainsFunc(lab.Apart(), func(w lab.Wallet) bool { return d.shop.Down(w.Name) })
}

// sellsApart is saysDown for a customer. Not every one has what it takes.
func (c *cashier) sellsApart(in agent.Currency) bool {
	return in == "CNY" && c.saysDown() && !c.dice.Chance(6)
}

// accepted reports that the customer has left with the goods on a promise.
func accepted(p agent.Payment) bool {
	return p.Status.State == agent.OfflineAccepted || p.Status.State == agent.Redeeming || p.Status.State == agent.OfflineRejected
}

// tenderApart is one tender without a line. The customer holds the same code up again
// after a cut.
func (c *cashier) tenderApart(ctx context.Context, reference string, amount agent.Money) (agent.Payment, bool) {
	if c.left.Add(-1) < 0 {
		return agent.Payment{}, false
	}
	w := c.chooseWay()
	p, ok := c.open(ctx, agent.Request{Client: c.client, RequestID: fmt.Sprintf("%s/%d", reference, c.dice.Uint64()), Lane: c.lane, Mode: agent.ModeAny,
		Reference: reference, Amount: amount})
	if !ok {
		return p, false
	}
	text := ""
	for range 1 + c.dice.IntN(3) {
		if now, ok := c.payment(ctx, p.ID); ok && (accepted(now) || now.Status.Final()) {
			break
		}
		if c.goOffline(ctx, p.ID, w) {
			text = c.holdsUp(ctx, p.ID, w, amount, text)
			if text == "" {
				break
			}
		}
		c.wait(c.dice.Between(time.Second, 15*time.Second))
	}
	if now, ok := c.payment(ctx, p.ID); !ok || !accepted(now) {
		c.cancel(ctx, p.ID)
	}
	p, ok = c.watch(ctx, p.ID, true)
	if ok && accepted(p) {
		c.taken = append(c.taken[max(0, len(c.taken)-20):], p.ID)
	}
	return p, ok
}

func (c *cashier) chooseWay() way {
	list := ways()
	sum := 0
	for _, w := range list {
		sum += w.weight
	}
	throw := c.dice.IntN(sum)
	for _, w := range list {
		if throw -= w.weight; throw < 0 {
			return w
		}
	}
	return list[0]
}

// goOffline is the cashier's own decision, which a line that works refuses.
func (c *cashier) goOffline(ctx context.Context, id agent.PaymentID, w way) bool {
	e := c.shop.Till()
	if e == nil {
		return false
	}
	_, err := e.GoOffline(ctx, id, w.wallet, lab.AtTheLane, agent.RoleCashier)
	return err == nil
}

// holdsUp lets the customer pay, and returns the code that may be held up again.
func (c *cashier) holdsUp(ctx context.Context, id agent.PaymentID, w way, amount agent.Money, text string) string {
	p, ok := c.payment(ctx, id)
	if !ok {
		return text
	}
	if w.code == nil {
		c.looksAt(ctx, p, w)
		return ""
	}
	if text == "" {
		text = w.code(c, ctx, p.Status.QR, amount)
	}
	e := c.shop.Till()
	if e == nil || text == "" {
		return text
	}
	code := agent.NewPayCode(text)
	first := e.Scan(ctx, c.lane, code)
	// With a line again a card is charged as ever; a voucher never is.
	signed := w.wallet == lab.Corner
	if signed && first.Accepted && first.Payment != nil && first.Payment.Status.State != agent.OfflineAccepted {
		c.accuse(checkTill, "%s was told that its code is accepted, and is %s", id, first.Payment.Status.State)
	}
	if signed && c.dice.Chance(8) {
		if second := e.Scan(ctx, c.lane, code); first.Accepted && second.Accepted {
			c.accuse(checkTill, "one offline code scanned twice was taken twice, for %s", id)
		}
	}
	c.remember(text)
	return text
}

// remember keeps codes that somebody may show again, on any lane.
func (d *day) remember(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.held = append(d.held[max(0, len(d.held)-40):], text)
}

// looksAt is a manager before a customer's screen: it was paid, will be, or never is.
func (c *cashier) looksAt(ctx context.Context, p agent.Payment, w way) {
	if p.Status.QR == "" {
		return
	}
	wallet, _ := lab.WalletNamed(w.wallet)
	if c.meetCustomers(ctx, wallet) != nil {
		return // the cloud is away, so nobody pays
	}
	who, qr := c.phones[w.wallet][0], p.Status.QR
	switch throw := c.dice.IntN(10); {
	case throw < 6:
		c.pays(ctx, c.dice, who, qr)
	case throw < 8:
		dice := c.errand()
		c.people.Go(func() {
			c.wait(dice.Between(0, 8*time.Minute))
			c.pays(ctx, dice, who, qr)
		})
	}
	e := c.shop.Till()
	if e == nil {
		return
	}
	if c.dice.Chance(6) {
		if _, err := e.AcceptOnSight(ctx, p.ID, lab.AtTheLane, agent.RoleCashier); err == nil {
			c.accuse(checkTill, "a cashier accepted %s on sight, which takes a manager", p.ID)
		}
	}
	_, _ = e.AcceptOnSight(ctx, p.ID, lab.InCharge, agent.RoleManager) // refused over a cap; the journal tells
}

// pays lets a phone pay what the lane shows, over its own line, and returns what it
// shows for that.
func (d *day) pays(ctx context.Context, dice lab.Dice, who phone, qr string) string {
	for range 3 {
		slip, err := d.shop.Cloud().Scan(ctx, who.id, qr)
		if err == nil && slip.Status == sandbox.ScanPassword {
			d.wait(dice.Between(time.Second, 12*time.Second))
			slip, err = d.shop.Cloud().Confirm(ctx, who.id)
		}
		if err == nil {
			return slip.Code
		}
		d.wait(5 * time.Second)
	}
	return ""
}

// afterApart is what happens to a sale that was accepted before: it is taken back, looked
// at, or all is forwarded now.
func (c *cashier) afterApart(ctx context.Context) {
	e, store := c.shop.Till(), c.shop.Store()
	if len(c.taken) == 0 || e == nil || store == nil {
		return
	}
	i := c.dice.IntN(len(c.taken))
	id := c.taken[i]
	switch throw := c.dice.IntN(100); {
	case throw < 8:
		if p, err := e.Void(ctx, id, lab.InCharge); err == nil && p.Status.State == agent.Paid {
			c.accuse(checkTill, "%s was taken back and is paid: nothing said so", id)
		}
	case throw < 12:
		_, _ = e.Check(ctx, id) // without power there is no answer
	case throw < 15:
		_ = store.Hasten(ctx, "") // neither
	}
	p, ok := c.payment(ctx, id)
	if !ok || !p.Status.Final() {
		return
	}
	c.taken = slices.Delete(c.taken, i, i+1)
	if p.Status.State == agent.Paid {
		c.sold = append(c.sold[max(0, len(c.sold)-20):], id)
	}
}
