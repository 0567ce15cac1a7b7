package model_test

import (
	"context"
	"sync"
	"time"

	"tillwire/agent"
	"tillwire/cmd/tillcloud/lab"
)

// seen is a request that began or an answer that came, in order.
type seen struct {
	at       time.Duration
	op       agent.Operation
	payment  agent.PaymentID
	refundNo string
	call     int // which request, for its answer
	answer   bool
	verdict  agent.Verdict
	retry    bool
}

// wallet answers by dice, and obediently where they are zero. It tells everything
// it was asked and answered, in order.
type wallet struct {
	clock agent.Clock

	mu   sync.Mutex
	dice *lab.Dice
	log  []seen
	last int
}

var (
	_ agent.Charger   = (*wallet)(nil)
	_ agent.Presenter = (*wallet)(nil)
	_ agent.Reverser  = (*wallet)(nil)
	_ agent.Closer    = (*wallet)(nil)
	_ agent.Refunder  = (*wallet)(nil)
)

// words are what the wallet may answer to an operation; the first is the obedient
// one and the likeliest.
func words(op agent.Operation) []agent.Verdict {
	switch op {
	case agent.OpPay:
		return []agent.Verdict{agent.Approved, agent.Refused, agent.Awaiting, agent.InDoubt, agent.InDoubt, agent.NotDelivered}
	case agent.OpPresent:
		return []agent.Verdict{agent.Shown, agent.Refused, agent.InDoubt, agent.NotDelivered}
	case agent.OpReverse:
		return []agent.Verdict{agent.Accepted, agent.Refused, agent.Absent, agent.InDoubt, agent.NotDelivered}
	case agent.OpClose:
		return []agent.Verdict{agent.Accepted, agent.Refused, agent.Absent, agent.InDoubt, agent.NotDelivered}
	case agent.OpRefund:
		return []agent.Verdict{agent.Accepted, agent.Processing, agent.Refused, agent.InDoubt, agent.NotDelivered}
	case agent.OpRefundQuery:
		return []agent.Verdict{agent.Accepted, agent.Processing, agent.Refused, agent.Absent, agent.InDoubt, agent.NotDelivered}
	}
	return []agent.Verdict{agent.Ended, agent.Approved, agent.Refused, agent.Awaiting, agent.Absent, agent.Absent, agent.Unpaid, agent.InDoubt, agent.NotDelivered}
}

// fate sets the dice for the answers from now on; zero is obedience.
func (w *wallet) fate(n uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dice = nil
	if n > 0 {
		dice := lab.NewDice("C7", n)
		w.dice = &dice
	}
}

// read takes what was told since the last time.
func (w *wallet) read() []seen {
	w.mu.Lock()
	defer w.mu.Unlock()
	log := w.log
	w.log = nil
	return log
}

// ask is one request.
func (w *wallet) ask(ctx context.Context, op agent.Operation, p agent.Payment, refundNo string) agent.Answer {
	w.mu.Lock()
	w.last++
	s := seen{at: w.clock.Mono(), call: w.last, op: op, payment: p.ID, refundNo: refundNo}
	w.log = append(w.log, s)
	list := words(op)
	s.verdict = list[0]
	takes := time.Duration(0)
	if w.dice != nil {
		s.verdict = list[w.dice.IntN(len(list))]
		s.retry = w.dice.Chance(2)
		takes = lab.Pick(*w.dice, 0, 0, 0, 300*time.Millisecond, 3*time.Second, 12*time.Second)
	}
	w.mu.Unlock()
	if takes > 0 {
		select {
		case <-w.clock.After(takes):
		case <-ctx.Done():
			s.verdict = agent.InDoubt
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s.at, s.answer = w.clock.Mono(), true
	w.log = append(w.log, s)
	return agent.Answer{Verdict: s.verdict, Amount: p.Amount.Value, Retry: s.retry, QR: "qr-" + p.OrderNo}
}

// Info implements agent.Wallet.
func (*wallet) Info() agent.WalletInfo { return agent.WalletInfo{Name: "wechat", Protocol: "wechat"} }

// Query implements agent.Wallet.
func (w *wallet) Query(ctx context.Context, p agent.Payment) agent.Answer {
	return w.ask(ctx, agent.OpQuery, p, "")
}

// Pay implements agent.Charger.
func (w *wallet) Pay(ctx context.Context, p agent.Payment, _ agent.PayCode) agent.Answer {
	return w.ask(ctx, agent.OpPay, p, "")
}

// Present implements agent.Presenter.
func (w *wallet) Present(ctx context.Context, p agent.Payment) agent.Answer {
	return w.ask(ctx, agent.OpPresent, p, "")
}

// Reverse implements agent.Reverser.
func (w *wallet) Reverse(ctx context.Context, p agent.Payment) agent.Answer {
	return w.ask(ctx, agent.OpReverse, p, "")
}

// Close implements agent.Closer.
func (w *wallet) Close(ctx context.Context, p agent.Payment) agent.Answer {
	return w.ask(ctx, agent.OpClose, p, "")
}

// Refund implements agent.Refunder.
func (w *wallet) Refund(ctx context.Context, p agent.Payment, r agent.Refund) agent.Answer {
	return w.ask(ctx, agent.OpRefund, p, r.No)
}

// QueryRefund implements agent.Refunder.
func (w *wallet) QueryRefund(ctx context.Context, p agent.Payment, r agent.Refund) agent.Answer {
	return w.ask(ctx, agent.OpRefundQuery, p, r.No)
}

// Wallet implements checkout.Wallets: this is the shop's only one.
func (w *wallet) Wallet(name string) (agent.Wallet, bool) { return w, name == "wechat" }

// Names implements checkout.Wallets.
func (*wallet) Names() []string { return []string{"wechat"} }

// Identify implements checkout.Wallets.
func (*wallet) Identify(text agent.PayCode, _ agent.Currency) agent.Code {
	if text.Len() != 18 {
		return agent.Code{Kind: agent.CodeGoods, Text: text}
	}
	return agent.Code{Kind: agent.CodeConsumer, Wallet: "wechat", Text: text}
}

// Momentary implements checkout.Wallets.
func (*wallet) Momentary(agent.PayCode) bool { return true }

// Explain implements checkout.Wallets.
func (*wallet) Explain(agent.Code) agent.Sentence { return agent.Sentence{ID: "scan.goods"} }
