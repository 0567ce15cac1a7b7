package road

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"tillwire/agent"
	"tillwire/agent/checkout"
	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
)

// The checks that are about what a till and its customers see.
const (
	CheckAnswer = "answered-end-stays"
	CheckServed = "customer-can-pay"
	CheckCode   = "code-is-used-once"
)

const (
	mostTenders = 16 // the longest that a fault lasts, and a few breaths
	beat        = 500 * time.Millisecond
	look        = 2 * time.Second  // between a picture on a screen and the hand of who sees it
	breath      = 15 * time.Second // before a customer who could not pay is asked a third time
	longest     = 6 * time.Minute  // for one tender or refund
	leftEnds    = 2 * time.Minute  // for a tender without a code
)

// cashier serves one customer after the other until the sale is paid.
type cashier struct {
	shop   *lab.Shop
	script *Script
	story  Story
	dice   lab.Dice
	clock  *lab.Clock
	dark   func() time.Duration // how long the power stays away
	tick   func()
	cuts   int
	on     time.Duration // Clock.Mono when the power last came

	code    agent.PayCode            // the last that was taken
	taken   time.Duration            // Clock.Mono then
	answers map[string]agent.Payment // the last answer to each request id

	left  bool           // a tender that was pushed for may stand, after a power cut
	tardy sync.WaitGroup // a request that is under way for long

	mu       sync.Mutex // what the cloud's side reads
	customer string
	qr       string
	waylaid  string // the order whose payment request is held up
}

func (c *cashier) wait(d time.Duration) {
	<-c.clock.After(d)
	c.tick()
}

// serve takes the sale to its end.
func (c *cashier) serve(ctx context.Context) error {
	for n := 1; n <= mostTenders; n++ {
		if n > 2 {
			c.wait(breath)
		}
		p, err := c.tender(ctx, n)
		switch {
		case err != nil:
			return err
		case p.Status.State == agent.Paid && c.story.Refund > 0:
			return c.payBack(ctx, p)
		case p.Status.State == agent.Paid, c.story.Nobody, lab.Stands(p):
			return nil // one that still holds the lane is judged in the end
		}
	}
	c.shop.Accuse(CheckServed, "%s: the sale is not paid after %d tenders", c.story, mostTenders)
	return nil
}

// tender asks for one payment and sees it through until it does not hold the lane.
func (c *cashier) tender(ctx context.Context, n int) (p agent.Payment, err error) {
	behaviour := c.story.Payer
	if n > 1 {
		behaviour = sandbox.Approve
	}
	if err := c.comes(ctx, behaviour); err != nil {
		return p, err
	}
	r := agent.Request{Client: "till", RequestID: fmt.Sprintf("sale-%d", n), Lane: "1", Mode: c.story.Mode, Reference: "sale",
		Amount: agent.Money{Value: price, Currency: c.story.Wallet.Currency}}
	if p, err = c.post(ctx, r); err != nil {
		return p, err
	}
	begin := c.clock.Mono()
	state, since := p.Status.State, begin
	pushed := false
	for lab.Stands(p) {
		if state == agent.Unknown && !pushed {
			pushed = true
			if err := c.pushes(ctx, r); err != nil {
				return p, err
			}
		}
		if c.clock.Mono()-max(begin, c.on) > longest {
			return p, nil
		}
		if err := c.act(ctx, n, p, c.clock.Mono()-since); err != nil {
			return p, err
		}
		c.wait(beat)
		if p, err = c.read(ctx, r, p.ID); err != nil {
			return p, err
		}
		if p.Status.State != state {
			state, since = p.Status.State, c.clock.Mono()
		}
	}
	c.answers[r.RequestID] = p
	if behaviour == sandbox.Password && p.Status.State != agent.Paid {
		// A phone that asks is answered, whatever the till says by now.
		customer, _ := c.phone()
		_, err = c.shop.Cloud().Ledger.Confirm(ctx, customer)
	}
	return p, err
}

// pushes asks for another tender while the one before is in doubt, as a cashier does
// who will not wait. A terminal that takes it is judged by what the journal then says.
func (c *cashier) pushes(ctx context.Context, r agent.Request) error {
	till := c.shop.Till()
	if till == nil {
		return nil
	}
	r.RequestID += "-again"
	p, _, err := till.Open(ctx, r)
	if err != nil {
		c.left = c.shop.Till() == nil // nobody knows whether it was taken
		return nil
	}
	_, _, err = till.Cancel(ctx, p.ID, "cashier")
	c.left = err != nil
	return c.unlessDark(err)
}

// comes lets a customer come to the counter.
func (c *cashier) comes(ctx context.Context, b sandbox.Behaviour) error {
	id, err := c.shop.Customer(ctx, b, 1_000_000)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.customer, c.qr = id, ""
	return err
}

func (c *cashier) phone() (customer, qr string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.customer, c.qr
}

// act is what the people at the counter do about a payment that has been in its
// state for so long.
func (c *cashier) act(ctx context.Context, n int, p agent.Payment, been time.Duration) error {
	cancels := c.story.Cancel && n == 1
	switch state := p.Status.State; {
	case state == agent.Created && p.Mode == agent.ModeScan && been%look < beat:
		customer, _ := c.phone()
		code, err := c.shop.Code(ctx, customer)
		if till := c.shop.Till(); err == nil && till != nil {
			if r := till.Scan(ctx, p.Lane, code); r.Accepted {
				c.code, c.taken = code, c.clock.Mono()
			}
		}
		return err
	case cancels && been >= look && (state == agent.AwaitPayer || state == agent.Unknown || state == agent.QRShown):
		if till := c.shop.Till(); till != nil {
			c.note(p)
			_, _, err := till.Cancel(ctx, p.ID, "cashier")
			return c.unlessDark(err)
		}
	case state == agent.QRShown && !c.story.Nobody && been >= look && been%look < beat:
		c.note(p)
		return c.scans(ctx)
	case state == agent.AwaitPayer && been >= look:
		customer, _ := c.phone()
		_, err := c.shop.Cloud().Ledger.Confirm(ctx, customer)
		return err
	}
	return nil
}

// note keeps the shown code in the customer's eye.
func (c *cashier) note(p agent.Payment) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.qr = p.Status.QR
}

// scans lets the customer scan the shown code, and pay. Who is refused makes room
// for one who can.
func (c *cashier) scans(ctx context.Context) error {
	customer, qr := c.phone()
	if qr == "" {
		return nil
	}
	status, err := c.shop.Cloud().Ledger.Scan(ctx, customer, qr)
	switch {
	case err != nil:
		return err
	case status == sandbox.ScanPassword:
		_, err = c.shop.Cloud().Ledger.Confirm(ctx, customer)
		return err
	case status == sandbox.ScanDeclined:
		return c.comes(ctx, sandbox.Approve)
	}
	return nil
}

// unlessDark drops the error of something that the power cut ended.
func (c *cashier) unlessDark(err error) error {
	var known *agent.Error
	if c.shop.Till() == nil || errors.Is(err, lab.ErrPowerOff) || errors.As(err, &known) && known.Class == agent.Conflict {
		return nil
	}
	return err
}

// power waits until the shop is open, and opens it.
func (c *cashier) power(ctx context.Context) (*checkout.Engine, error) {
	for {
		if till := c.shop.Till(); till != nil {
			return till, nil
		}
		c.cuts++
		if err := c.shop.Bury(); err != nil {
			return nil, err
		}
		c.wait(c.dark())
		if c.story.Mode == agent.ModeShow && !c.story.Nobody && !c.story.Cancel && c.dice.Chance(2) {
			if err := c.scans(ctx); err != nil {
				return nil, err
			}
		}
		c.script.begin(c.shop)
		c.on = c.clock.Mono()
		if err := c.shop.PowerOn(ctx); err != nil && !errors.Is(err, lab.ErrPowerOff) {
			return nil, err
		}
	}
}

// post asks for a payment until there is an answer, again after a power cut, and
// holds each answer against the one before.
func (c *cashier) post(ctx context.Context, r agent.Request) (agent.Payment, error) {
	for begin := c.clock.Mono(); ; {
		till, err := c.power(ctx)
		if err != nil {
			return agent.Payment{}, err
		}
		p, repeated, err := till.Open(ctx, r)
		if err != nil {
			if c.shop.Till() == nil {
				continue
			}
			if c.left && c.clock.Mono()-max(begin, c.on) < leftEnds {
				c.wait(beat)
				continue
			}
			return p, fmt.Errorf("%s: request %s: %w", c.story, r.RequestID, err)
		}
		before, asked := c.answers[r.RequestID]
		if asked && (before.ID != p.ID || before.OrderNo != p.OrderNo || !repeated || p.Version < before.Version) {
			c.shop.Accuse(lab.CheckRepeat, "%s: request %s was answered with payment %s in version %d, and now with %s in version %d (repeated: %v)",
				c.story, r.RequestID, before.OrderNo, before.Version, p.OrderNo, p.Version, repeated)
		}
		c.answers[r.RequestID] = p
		return p, nil
	}
}

// read looks a payment up as the till does: by its id, and after a power cut by
// asking for it again.
func (c *cashier) read(ctx context.Context, r agent.Request, id agent.PaymentID) (agent.Payment, error) {
	store := c.shop.Store()
	if store == nil {
		return c.post(ctx, r)
	}
	p, err := store.Payment(ctx, id)
	if err != nil {
		return p, fmt.Errorf("%s: payment %s was answered and is gone: %w", c.story, id, err)
	}
	c.answers[r.RequestID] = p
	return p, nil
}

// payBack pays a part of the sale back, with one request id however often the
// power fails.
func (c *cashier) payBack(ctx context.Context, p agent.Payment) error {
	ask := agent.RefundRequest{Payment: p.ID, RequestID: "back", Amount: agent.Money{Value: c.story.Refund, Currency: c.story.Wallet.Currency}, Why: "returned", By: "manager"}
	number, begin := "", c.clock.Mono()
	for c.clock.Mono()-max(begin, c.on) < longest {
		till, err := c.power(ctx)
		if err != nil {
			return err
		}
		_, refund, _, err := till.Refund(ctx, ask)
		switch {
		case c.shop.Till() == nil:
			continue
		case err != nil:
			return fmt.Errorf("%s: refund: %w", c.story, err)
		case number != "" && number != refund.No:
			c.shop.Accuse(lab.CheckRepeat, "%s: the refund %s is answered as %s when it is asked for again", c.story, number, refund.No)
		}
		if number = refund.No; refund.State.Final() {
			return nil
		}
		c.wait(beat)
		if been := c.clock.Mono() - begin; c.story.Payer == sandbox.StuckRefund && been >= officeLooks && been%officeLooks < beat {
			if err := c.office(ctx, p.OrderNo, number); err != nil {
				return err
			}
		}
	}
	return nil
}

// officeLooks is how often the office looks at the wallet's own pages.
const officeLooks = 20 * time.Second

// office completes a refund that hangs, on the wallet's pages.
func (c *cashier) office(ctx context.Context, orderNo, refundNo string) error {
	ledger := c.shop.Cloud().Ledger
	orders, err := ledger.Orders(ctx, 0)
	for _, o := range orders {
		if o.OrderNo == orderNo {
			err = errors.Join(err, ledger.CompleteRefund(ctx, o.Wallet, o.Merchant, refundNo))
		}
	}
	return err
}

// codeMemory is how long a terminal remembers a payment code at least.
const codeMemory = 10 * time.Minute

// again shows the last code once more, for a sale of its own.
func (c *cashier) again(ctx context.Context) error {
	till, err := c.power(ctx)
	if err != nil || c.code.IsZero() || c.clock.Mono()-c.taken > codeMemory-time.Minute {
		return err
	}
	p, err := c.post(ctx, agent.Request{Client: "till", RequestID: "again", Lane: "1", Mode: agent.ModeScan, Reference: "again",
		Amount: agent.Money{Value: price, Currency: c.story.Wallet.Currency}})
	var refused *agent.Error
	if errors.As(err, &refused) && refused.Code == agent.CodeLaneBusy {
		c.shop.Accuse(lab.CheckFinal, "the sale is over, and its lane is held: %v", err)
		return nil
	}
	if err != nil {
		return err
	}
	if r := till.Scan(ctx, "1", c.code); r.Accepted {
		c.shop.Accuse(CheckCode, "%s: the code of %s ago was taken again", c.story, c.clock.Mono()-c.taken)
	}
	_, _, err = till.Cancel(ctx, p.ID, "cashier")
	delete(c.answers, "again")
	return c.unlessDark(err)
}
