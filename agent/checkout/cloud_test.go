package checkout_test

import (
	"context"
	"strings"
	"sync"
	"time"

	"tillwire/agent"
)

// fault is what goes wrong with one request.
type fault string

const (
	fine       fault = "fine"
	noLine     fault = "no line"     // not one byte leaves
	noKeys     fault = "no keys"     // not one byte leaves: the shop's set-up is wrong
	lostOut    fault = "lost out"    // the request is lost on its way
	lostBack   fault = "lost back"   // executed, the answer is lost
	slowBack   fault = "slow back"   // executed at once, the answer takes 8 s
	mustAgree  fault = "must agree"  // pay: the customer must confirm
	notEnough  fault = "not enough"  // a definite refusal
	tooLate    fault = "too late"    // reverse: the window is over
	liesRefuse fault = "lies refuse" // pay: answers with a refusal and takes the money 5 s later
	staleYes   fault = "stale yes"   // query: a replica that has not heard of the reversal
	poorShop   fault = "poor shop"   // refund: not enough in the shop's account
	wrongClock fault = "wrong clock" // refund: the terminal's time is refused, until it is right
	slowRefund fault = "slow refund" // refund: accepted, done 30 s later
	notOurs    fault = "not ours"    // present: the wallet refuses to hand on the code, as it is another's
)

// order is a row of the cloud's ledger.
type order struct {
	captured, refunded int64
	reversed, closed   bool
	pending            bool // waits for the customer
	created            time.Time
	refunds            map[string]int64
	refundDone, takeAt time.Time
	takeAmount         int64
}

// cloud is a wallet with a ledger. Faults are taken from the front of a list per
// operation; an empty list is a good day.
type cloud struct {
	mu     sync.Mutex
	orders map[string]*order
	script map[agent.Operation][]fault
	always map[agent.Operation]fault
	log    []string
	pays   map[string]int // pay requests that arrived, by order number

	// arrives looks at the shop's journal whenever a request reaches the cloud.
	arrives func(op agent.Operation, p agent.Payment)
	// heard notes each request the shop makes, delivered or not.
	heard func(op agent.Operation)
}

func newCloud() *cloud {
	return &cloud{orders: map[string]*order{}, script: map[agent.Operation][]fault{}, always: map[agent.Operation]fault{}, pays: map[string]int{}}
}

func (c *cloud) plan(op agent.Operation, faults ...fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.script[op] = append(c.script[op], faults...)
}

// forever makes every request of the operations go wrong, until lift.
func (c *cloud) forever(f fault, ops ...agent.Operation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, op := range ops {
		c.always[op] = f
	}
}

func (c *cloud) lift() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.always)
}

func (c *cloud) asked() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.log...)
}

func (c *cloud) count(op agent.Operation) (n int) {
	for _, line := range c.asked() {
		if len(line) > len(op) && line[:len(op)+1] == string(op)+" " {
			n++
		}
	}
	return n
}

func (c *cloud) charged(no string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pays[no] > 0
}

func (c *cloud) books(no string) (captured, kept int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.orders[no]
	if o == nil {
		return 0, 0
	}
	o.ripen()
	if o.reversed {
		return o.captured, 0
	}
	return o.captured, o.captured - o.refunded
}

// ripen lets happen what was due to happen by itself.
func (o *order) ripen() {
	if !o.takeAt.IsZero() && !time.Now().Before(o.takeAt) {
		o.captured, o.takeAt = o.takeAmount, time.Time{}
	}
}

func (c *cloud) next(op agent.Operation, no string) fault {
	f := fine
	if list := c.script[op]; len(list) > 0 {
		f, c.script[op] = list[0], list[1:]
	} else if a, ok := c.always[op]; ok {
		f = a
	}
	c.log = append(c.log, string(op)+" "+string(f))
	return f
}

func (c *cloud) at(no string) *order {
	o := c.orders[no]
	if o == nil {
		o = &order{created: time.Now(), refunds: map[string]int64{}}
		c.orders[no] = o
	}
	o.ripen()
	return o
}

// exchange plays one request: work is what the cloud does when it arrives.
func (c *cloud) exchange(ctx context.Context, op agent.Operation, p agent.Payment, work func(*order, fault) agent.Answer) agent.Answer {
	c.mu.Lock()
	if c.heard != nil {
		c.heard(op)
	}
	f := c.next(op, p.OrderNo)
	switch f {
	case noLine:
		c.mu.Unlock()
		return agent.Answer{Verdict: agent.NotDelivered, Reason: agent.ReasonLineDown}
	case noKeys:
		c.mu.Unlock()
		return agent.Answer{Verdict: agent.NotDelivered, Reason: agent.ReasonSetup}
	case lostOut:
		c.mu.Unlock()
		return agent.Answer{Verdict: agent.InDoubt, Reason: agent.ReasonNoAnswer}
	}
	if c.arrives != nil {
		c.arrives(op, p)
	}
	if op == agent.OpPay {
		c.pays[p.OrderNo]++
	}
	a := work(c.at(p.OrderNo), f)
	c.mu.Unlock()
	switch f {
	case lostBack:
		return agent.Answer{Verdict: agent.InDoubt, Reason: agent.ReasonNoAnswer}
	case slowBack:
		select {
		case <-ctx.Done():
			return agent.Answer{Verdict: agent.InDoubt, Reason: agent.ReasonNoAnswer}
		case <-time.After(8 * time.Second):
		}
	}
	return a
}

func (c *cloud) Info() agent.WalletInfo {
	return agent.WalletInfo{Name: "wechat", Protocol: "wechat", Test: true, Currency: []agent.Currency{"CNY"}}
}

func (c *cloud) Pay(ctx context.Context, p agent.Payment, _ agent.PayCode) agent.Answer {
	return c.exchange(ctx, agent.OpPay, p, func(o *order, f fault) agent.Answer {
		switch {
		case o.closed || o.reversed:
			return agent.Answer{Verdict: agent.Refused, Reason: agent.ReasonDeadOrder}
		case f == mustAgree:
			o.pending = true
			return agent.Answer{Verdict: agent.Awaiting}
		case f == notEnough:
			return agent.Answer{Verdict: agent.Refused, Reason: agent.ReasonNotEnough, Code: "NOTENOUGH"}
		case f == liesRefuse:
			o.takeAt, o.takeAmount = time.Now().Add(5*time.Second), p.Amount.Value
			return agent.Answer{Verdict: agent.Refused, Reason: agent.ReasonWalletRefused}
		}
		o.captured = p.Amount.Value
		return agent.Answer{Verdict: agent.Approved, Amount: p.Amount.Value, Txn: "42" + p.OrderNo}
	})
}

func (c *cloud) Present(ctx context.Context, p agent.Payment) agent.Answer {
	return c.exchange(ctx, agent.OpPresent, p, func(o *order, f fault) agent.Answer {
		if f == notOurs {
			return agent.Answer{Verdict: agent.InDoubt, Reason: agent.ReasonShownElse}
		}
		if o.closed {
			return agent.Answer{Verdict: agent.Refused, Reason: agent.ReasonDeadOrder}
		}
		return agent.Answer{Verdict: agent.Shown, QR: "weixin://wxpay/bizpayurl?pr=" + p.OrderNo}
	})
}

func (c *cloud) Query(ctx context.Context, p agent.Payment) agent.Answer {
	return c.exchange(ctx, agent.OpQuery, p, func(o *order, f fault) agent.Answer {
		switch {
		case f == staleYes:
			return agent.Answer{Verdict: agent.Approved, Amount: o.captured, Txn: "42" + p.OrderNo}
		case o.reversed || o.closed:
			return agent.Answer{Verdict: agent.Ended}
		case o.captured > 0:
			return agent.Answer{Verdict: agent.Approved, Amount: o.captured, Txn: "42" + p.OrderNo}
		case o.pending:
			return agent.Answer{Verdict: agent.Awaiting}
		case o.created.Equal(time.Now()):
			delete(c.orders, p.OrderNo)
			return agent.Answer{Verdict: agent.Absent}
		}
		return agent.Answer{Verdict: agent.Unpaid}
	})
}

func (c *cloud) Reverse(ctx context.Context, p agent.Payment) agent.Answer {
	return c.exchange(ctx, agent.OpReverse, p, func(o *order, f fault) agent.Answer {
		if f == tooLate {
			return agent.Answer{Verdict: agent.Refused, Reason: agent.ReasonTooLate}
		}
		o.reversed, o.pending = true, false
		return agent.Answer{Verdict: agent.Accepted}
	})
}

func (c *cloud) Close(ctx context.Context, p agent.Payment) agent.Answer {
	return c.exchange(ctx, agent.OpClose, p, func(o *order, _ fault) agent.Answer {
		if o.captured > 0 {
			return agent.Answer{Verdict: agent.Refused, Code: "ORDERPAID"}
		}
		o.closed = true
		return agent.Answer{Verdict: agent.Accepted}
	})
}

func (c *cloud) Refund(ctx context.Context, p agent.Payment, r agent.Refund) agent.Answer {
	return c.exchange(ctx, agent.OpRefund, p, func(o *order, f fault) agent.Answer {
		switch f {
		case wrongClock:
			return agent.Answer{Verdict: agent.Refused, Reason: agent.ReasonSetup, Retry: true}
		case poorShop:
			return agent.Answer{Verdict: agent.Refused, Reason: agent.ReasonShopBalance, Retry: true}
		case notEnough:
			return agent.Answer{Verdict: agent.Refused, Reason: agent.ReasonPayerBlocked}
		}
		if o.reversed {
			return agent.Answer{Verdict: agent.Refused, Reason: agent.ReasonWalletRefused, Code: "ORDER_REVERSED"}
		}
		if _, again := o.refunds[r.No]; !again {
			o.refunds[r.No] = r.Amount
			o.refunded += r.Amount
			if f == slowRefund {
				o.refundDone = time.Now().Add(30 * time.Second)
			}
		}
		return o.refundState(r.No)
	})
}

func (c *cloud) QueryRefund(ctx context.Context, p agent.Payment, r agent.Refund) agent.Answer {
	return c.exchange(ctx, agent.OpRefundQuery, p, func(o *order, _ fault) agent.Answer { return o.refundState(r.No) })
}

func (o *order) refundState(no string) agent.Answer {
	switch _, known := o.refunds[no]; {
	case !known:
		return agent.Answer{Verdict: agent.Absent}
	case time.Now().Before(o.refundDone):
		return agent.Answer{Verdict: agent.Processing}
	}
	return agent.Answer{Verdict: agent.Accepted}
}

// The customer's side.

func (c *cloud) confirm(no string, amount int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o := c.at(no); o.pending {
		o.captured, o.pending = amount, false
	}
}

// payQR is the customer paying a shown code; false when it is closed.
func (c *cloud) payQR(no string, amount int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.at(no)
	if o.closed {
		return false
	}
	o.captured = amount
	return true
}

// wallets is a shop that takes WeChat Pay.
type wallets struct{ wechat agent.Wallet }

func (w wallets) Wallet(name string) (agent.Wallet, bool) { return w.wechat, name == "wechat" }
func (w wallets) Names() []string                         { return []string{"wechat"} }

// Identify needs to know the currency, as where two wallets take codes that look alike.
func (w wallets) Identify(c agent.PayCode, in agent.Currency) agent.Code {
	switch text := c.Reveal(); {
	case len(text) == 18 && text[0] == '1' && in == "CNY":
		return agent.Code{Kind: agent.CodeConsumer, Scheme: "wechat", Wallet: "wechat", Text: c}
	case len(text) == 18 && text[0] == '1':
		return agent.Code{Kind: agent.CodeConsumer, Scheme: "wechat", Text: c}
	case len(text) == 18:
		return agent.Code{Kind: agent.CodeConsumer, Scheme: "alipay", Text: c}
	case len(text) == 20:
		return agent.Code{Kind: agent.CodeConsumer, Scheme: "member", Wallet: "wechat", Text: c}
	case strings.HasPrefix(text, "weixin://"):
		return agent.Code{Kind: agent.CodeMerchant, Scheme: "wechat", Text: c}
	case len(text) == 13:
		return agent.Code{Kind: agent.CodeGoods, Scheme: "ean13", Text: c}
	}
	return agent.Code{Kind: agent.CodeUnknown, Text: c}
}

// Momentary knows a scheme whose codes a member's pattern takes as well.
func (w wallets) Momentary(c agent.PayCode) bool { return strings.HasPrefix(c.Reveal(), "62") }

func (w wallets) Explain(c agent.Code) agent.Sentence {
	return agent.Sentence{ID: "code." + string(c.Kind) + "." + c.Scheme, English: "This is " + c.Scheme}
}
