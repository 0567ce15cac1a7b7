package sim_test

import (
	"context"
	"fmt"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
)

// cashier is one person at one register, with the till beside it.
type cashier struct {
	*day
	dice   lab.Dice
	lane   string
	client string
	sales  int
	phones map[string][]phone // by wallet
	sold   []agent.PaymentID  // the last payments that were paid
	taken  []agent.PaymentID  // the last that were accepted while the line was down
	flying []string           // phones in flight mode of the lane's regulars
	hurry  int                // customers in a burst
}

func newCashier(d *day, lane, client string) *cashier {
	return &cashier{day: d, phones: map[string][]phone{}, lane: lane, client: client + ":" + lane, dice: lab.NewDice("C6-"+client+"-"+lane, d.seed)}
}

// poor is a phone that approves and has nothing to pay with.
const poor sandbox.Behaviour = "poor"

// manners are the customers of a lane, as often as they come.
var manners = []struct {
	manner sandbox.Behaviour
	weight int
}{{sandbox.Approve, 60}, {sandbox.Password, 14}, {sandbox.Slow, 9}, {sandbox.Decline, 7}, {sandbox.Abandon, 5}, {poor, 3}}

// meetCustomers makes the lane's phones of a wallet, once. They are its own: what a
// phone is asked to confirm is then about this lane's sale.
func (c *cashier) meetCustomers(ctx context.Context, w lab.Wallet) error {
	if c.phones[w.Name] != nil {
		return nil
	}
	var phones []phone
	for _, m := range manners {
		manner, balance := m.manner, int64(1_000_000_000)
		if manner == poor {
			manner, balance = sandbox.Approve, 3
		}
		id, err := c.shop.CustomerOf(ctx, w.Name, manner, balance)
		if err != nil {
			return fmt.Errorf("a customer of lane %s: %w", c.lane, err)
		}
		phones = append(phones, phone{id, m.manner})
	}
	c.phones[w.Name] = phones
	return nil
}

// customer is one with a phone of the wallet, whom the lane has met.
func (c *cashier) customer(w lab.Wallet) phone {
	sum := 0
	for _, m := range manners {
		sum += m.weight
	}
	throw := c.dice.IntN(sum)
	for i, m := range manners {
		if throw -= m.weight; throw < 0 {
			return c.phones[w.Name][i]
		}
	}
	return c.phones[w.Name][0]
}

// wallet is how a customer pays: any way that the shop takes in the currency.
func (c *cashier) wallet(in agent.Currency) lab.Wallet {
	var list []lab.Wallet
	for _, w := range c.takes {
		if w.Currency == in {
			list = append(list, w)
		}
	}
	return lab.Pick(c.dice, list...)
}

// work serves customers until the day's payments are made.
func (c *cashier) work(ctx context.Context) {
	for c.left.Load() > 0 {
		if c.hurry > 0 || c.weather.hurries(c.lane) {
			c.hurry--
		} else {
			c.wait(c.dice.Between(c.think/5, c.think*9/5))
		}
		c.sale(ctx)
		c.aftermath(ctx)
		c.afterApart(ctx)
	}
}

// sale is one customer with a basket: tenders until one is paid or the customer
// gives up. A second tender begins only when the first one is over or its undoing
// is on the screen.
func (c *cashier) sale(ctx context.Context) {
	c.sales++
	reference := fmt.Sprintf("%s-%d", c.client, c.sales)
	amount := agent.Money{Value: 1 + c.dice.Int64N(20_000), Currency: lab.Pick(c.dice, c.takes...).Currency}
	for range 1 + c.dice.IntN(3) {
		p, ok := c.tender(ctx, reference, amount)
		if !ok || p.Status.State == agent.Paid || accepted(p) || lab.Stands(p) {
			return
		}
		if p.Status.State != agent.Declined && c.doubts.disturbed() && !c.dice.Chance(6) {
			// It does not work now: customers pay in cash until it does, or until the register
			// says that something can be sold all the same.
			for c.doubts.disturbed() && !c.saysDown() {
				c.wait(c.dice.Between(5*time.Second, 30*time.Second))
			}
			return
		}
		if c.dice.Chance(3) {
			return
		}
	}
}

// tender is one payment from its request to the moment the cashier turns away. It
// returns the payment as the screen last showed it.
func (c *cashier) tender(ctx context.Context, reference string, amount agent.Money) (agent.Payment, bool) {
	if c.sellsApart(amount.Currency) {
		return c.tenderApart(ctx, reference, amount)
	}
	w := c.wallet(amount.Currency)
	if err := c.meetCustomers(ctx, w); err != nil {
		c.wait(c.dice.Between(2*time.Second, 10*time.Second)) // the cloud is away, so nobody comes
		return agent.Payment{}, false
	}
	if c.left.Add(-1) < 0 {
		return agent.Payment{}, false
	}
	mode := lab.Pick(c.dice, agent.ModeScan, agent.ModeScan, agent.ModeScan, agent.ModeScan, agent.ModeScan, agent.ModeShow, agent.ModeShow, agent.ModeAny)
	switch {
	case !w.Shows:
		mode = lab.Pick(c.dice, agent.ModeScan, agent.ModeScan, agent.ModeAny)
	case !w.Scans:
		mode = lab.Pick(c.dice, agent.ModeShow, agent.ModeShow, agent.ModeAny)
	}
	r := agent.Request{Client: c.client, RequestID: fmt.Sprintf("%s/%d", reference, c.dice.Uint64()), Lane: c.lane, Mode: mode, Reference: reference, Amount: amount}
	if mode == agent.ModeShow {
		r.Wallet = w.Name
	}
	p, ok := c.open(ctx, r)
	if !ok {
		return p, false
	}
	if c.dice.Chance(40) { // changed their mind before anything was shown to anybody
		c.cancel(ctx, p.ID)
		return c.watch(ctx, p.ID, false)
	}
	who := c.customer(w)
	showing := mode == agent.ModeShow || mode == agent.ModeAny && w.Shows && (!w.Scans || c.dice.Chance(2))
	if showing {
		if mode == agent.ModeAny {
			if e := c.shop.Till(); e != nil {
				_, _ = e.Show(ctx, p.ID, w.Name) // refused when it has ended already; the screen tells
			}
		}
		c.people.Go(func() { c.weather.customerScans(ctx, c.errand(), who, p.ID) })
	} else {
		c.scan(ctx, p, w, who)
	}
	return c.watch(ctx, p.ID, showing)
}

// errand is a throw of dice for somebody who acts beside the cashier.
func (c *cashier) errand() lab.Dice { return lab.NewDice("C6-errand", c.dice.Uint64()) }

// open asks for a payment as a till does: again under the same id until there is
// an answer, sometimes twice at once, sometimes with another body.
func (c *cashier) open(ctx context.Context, r agent.Request) (agent.Payment, bool) {
	for try := 0; try < 40; try++ {
		e := c.shop.Till()
		if e == nil {
			c.wait(c.dice.Between(time.Second, 5*time.Second))
			continue
		}
		if c.dice.Chance(15) {
			c.people.Go(func() { _, _, _ = e.Open(ctx, r) }) // a double click: judged by the one payment it makes
		}
		p, _, err := e.Open(ctx, r)
		switch {
		case err == nil:
			c.again(ctx, r, p)
			return p, true
		case agent.CodeOf(err) == agent.CodeLaneBusy && try > 20:
			return p, false
		}
		c.wait(c.dice.Between(2*time.Second, 15*time.Second))
	}
	return agent.Payment{}, false
}

// again repeats a request that was served: the same body gives the same payment,
// another body is refused.
func (c *cashier) again(ctx context.Context, r agent.Request, p agent.Payment) {
	e := c.shop.Till()
	if e == nil || !c.dice.Chance(12) {
		return
	}
	if c.dice.Chance(2) {
		r.Amount.Value++
		q, _, err := e.Open(ctx, r)
		if err == nil || q.ID != "" && q.ID != p.ID {
			c.accuse(checkTill, "request %s with another amount was answered with %s: %v", r.RequestID, q.ID, err)
		}
		return
	}
	q, repeated, err := e.Open(ctx, r)
	if err == nil && (!repeated || q.ID != p.ID) {
		c.accuse(checkTill, "request %s was answered with %s and then, repeated %v, with %s", r.RequestID, p.ID, repeated, q.ID)
	}
}

// scan holds the customer's phone to the scanner, and now and then something else.
func (c *cashier) scan(ctx context.Context, p agent.Payment, w lab.Wallet, who phone) {
	if c.dice.Chance(30) {
		if e := c.shop.Till(); e != nil && e.Scan(ctx, c.lane, agent.NewPayCode("6901234567892")).Accepted {
			c.accuse(checkTill, "a goods code was taken for a payment of lane %s", c.lane)
		}
	}
	code, ok := c.code(ctx, who)
	if !ok {
		return
	}
	if c.dice.Chance(40) {
		c.wait(c.dice.Between(30*time.Second, 80*time.Second)) // fumbles until the code is old
	}
	e := c.shop.Till()
	if e == nil {
		return
	}
	first := e.Scan(ctx, c.lane, code)
	if c.dice.Chance(15) {
		second := e.Scan(ctx, c.lane, code)
		if first.Payment != nil && second.Payment != nil && first.Accepted && second.Accepted && first.Payment.ID != second.Payment.ID {
			c.accuse(checkTill, "one code scanned twice was taken for %s and for %s", first.Payment.ID, second.Payment.ID)
		}
	}
	if c.dice.Chance(30) {
		if other, ok := c.code(ctx, c.customer(w)); ok {
			r := e.Scan(ctx, c.lane, other)
			if first.Accepted && first.Payment.ID == p.ID && r.Accepted && r.Payment.ID == p.ID {
				c.accuse(checkTill, "payment %s took a second code while it was under way", p.ID)
			}
		}
	}
	if first.Accepted && who.manner == sandbox.Password {
		c.people.Go(func() { c.weather.customerConfirms(ctx, c.errand(), who) })
	}
}

// code asks the customer's phone for a code; its own network is the cloud's.
func (c *cashier) code(ctx context.Context, who phone) (agent.PayCode, bool) {
	for range 5 {
		code, err := c.shop.Code(ctx, who.id)
		if err == nil {
			return code, true
		}
		c.wait(3 * time.Second)
	}
	return agent.PayCode{}, false
}

// watch looks at the screen until the lane is free again, and may lose patience.
func (c *cashier) watch(ctx context.Context, id agent.PaymentID, showing bool) (agent.Payment, bool) {
	patience := 12 * time.Hour
	switch {
	case showing && !c.dice.Chance(8):
		patience = c.dice.Between(20*time.Second, 45*time.Second) // nobody stands there for two minutes
	case c.dice.Chance(6):
		patience = c.dice.Between(0, 50*time.Second)
	}
	begin, look := c.clock.Mono(), 300*time.Millisecond
	var p agent.Payment
	for {
		c.wait(look)
		look = min(look*2, 3*time.Second)
		now, ok := c.payment(ctx, id)
		if !ok {
			continue
		}
		p = now
		if p.Status.State == agent.Paid {
			c.sold = append(c.sold[max(0, len(c.sold)-20):], id)
		}
		if !lab.Stands(p) {
			return p, true
		}
		if c.dice.Chance(25) {
			c.pushes(ctx, p)
		}
		if c.clock.Mono()-begin > patience {
			c.cancel(ctx, id)
			patience += c.dice.Between(5*time.Second, time.Minute)
		}
	}
}

// pushes asks for another tender of the sale while one stands. A terminal that takes
// it is judged by what the journal then says of the first.
func (c *cashier) pushes(ctx context.Context, p agent.Payment) {
	e := c.shop.Till()
	if e == nil {
		return
	}
	q, _, err := e.Open(ctx, agent.Request{Client: c.client, RequestID: fmt.Sprintf("push/%d", c.dice.Uint64()), Lane: c.lane, Mode: agent.ModeScan,
		Reference: p.Reference, Amount: p.Amount})
	if err == nil {
		c.cancel(ctx, q.ID)
	}
}

// cancel presses the button, sometimes twice.
func (c *cashier) cancel(ctx context.Context, id agent.PaymentID) {
	for range 1 + c.dice.IntN(2) {
		e := c.shop.Till()
		if e == nil {
			return
		}
		p, _, err := e.Cancel(ctx, id, "sim")
		if err == nil && p.Status.State == agent.Paid {
			c.accuse(checkTill, "payment %s was cancelled and is paid: nothing said so", id)
		}
	}
}
