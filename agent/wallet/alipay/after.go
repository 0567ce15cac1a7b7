package alipay

import (
	"context"
	"fmt"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// ours is biz_content of what is asked about an order by our number alone: an
// unpaid order has no other.
type ours struct {
	OrderNo string `json:"out_trade_no"`
}

// Query implements agent.Wallet.
func (w *Wallet) Query(ctx context.Context, p agent.Payment) agent.Answer {
	return w.do(ctx, request{op: agent.OpQuery, method: "alipay.trade.query", biz: ours{p.OrderNo},
		read: func(content []byte) agent.Answer {
			return read(content, func(t trade) agent.Answer { return w.readQuery(p, t) })
		}})
}

func (w *Wallet) readQuery(p agent.Payment, t trade) agent.Answer {
	if t.Code == codeDone {
		return judge(p, t)
	}
	a := refuse(t.result, p, queryRefusals, false, false)
	if a.Verdict == agent.Absent && w.scannable(p) {
		// The order begins with the scan: it stands, and nobody has paid it yet.
		a.Verdict = agent.Unpaid
	}
	return a
}

// scannable holds while somebody may still scan the code of a shown payment. A
// clock that was set back must not keep it for ever.
func (w *Wallet) scannable(p agent.Payment) bool {
	if !p.Status.Showing {
		return false
	}
	begun := p.Status.ShownAt
	if begun.IsZero() {
		begun = p.Status.Started
	}
	age := w.c.Clock.Now().Sub(begun)
	return age >= 0 && age < w.codeLife()
}

// undone is the answer to cancel and close.
type undone struct {
	result
	Retry  string `json:"retry_flag"` // cancel: Y or N
	Action string `json:"action"`     // cancel: close or refund; none when there was no order
	// What only answers to other methods have. The signature does not say which one an
	// answer is to.
	Status string `json:"trade_status"`
	Total  yuan   `json:"total_amount"`
	Refund yuan   `json:"refund_fee"`
	QRCode string `json:"qr_code"`
}

// Reverse implements agent.Reverser by alipay.trade.cancel: an order that never
// came to be needs nothing, an unpaid one is closed, a paid one is refunded in
// full. Alipay takes it for a day, of barcodes from abroad only on the same day;
// afterwards only a refund helps.
func (w *Wallet) Reverse(ctx context.Context, p agent.Payment) agent.Answer {
	return w.undo(ctx, p, agent.OpReverse, "alipay.trade.cancel", cancelRefusals)
}

// Close implements agent.Closer, for shown orders that were scanned. A code that
// nobody has scanned has no order to close (Absent); it ends by its own time.
func (w *Wallet) Close(ctx context.Context, p agent.Payment) agent.Answer {
	return w.undo(ctx, p, agent.OpClose, "alipay.trade.close", closeRefusals)
}

func (w *Wallet) undo(ctx context.Context, p agent.Payment, op agent.Operation, method string, refusals map[string]refusal) agent.Answer {
	return w.do(ctx, request{op: op, method: method, biz: ours{p.OrderNo}, read: func(content []byte) agent.Answer {
		return read(content, func(u undone) agent.Answer { return u.judge(p, refusals) })
	}})
}

func (u undone) judge(p agent.Payment, refusals map[string]refusal) agent.Answer {
	if u.Code != codeDone {
		a := refuse(u.result, p, refusals, true, false)
		if a.Reason == agent.ReasonSetup {
			// Whatever we are not allowed to undo, it is not undone: keep at it.
			a.Verdict = agent.InDoubt
		}
		return a
	}
	if err := u.names(p); err != nil {
		return wallet.Unverified(err)
	}
	if u.Status != "" || u.Total != "" || u.Refund != "" || u.QRCode != "" {
		return wallet.Unverified(fmt.Errorf("%w: it answers another request", ErrOtherOrder))
	}
	if u.Retry != "" && u.Retry != "N" {
		return agent.Answer{Verdict: agent.InDoubt, Reason: agent.ReasonSystem, Code: "RETRY", Txn: u.Txn}
	}
	return agent.Answer{Verdict: agent.Accepted, Code: word(u.Action), Txn: u.Txn}
}
