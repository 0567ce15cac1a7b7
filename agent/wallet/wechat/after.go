package wechat

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// Query implements agent.Wallet: by our order number, because an unpaid order
// has no other.
func (w *Wallet) Query(ctx context.Context, p agent.Payment) agent.Answer {
	if w.c.classic() && !p.Status.Showing {
		return w.orderQuery(ctx, p)
	}
	return w.do(ctx, request{op: agent.OpQuery, method: http.MethodGet, target: w.orderPath(p.OrderNo, w.asks()),
		read: func(status int, body []byte) agent.Answer {
			if status/100 != 2 {
				return refuse(body, queryRefusals, false, false)
			}
			return w.judge(p, body)
		}})
}

// Reverse implements agent.Reverser: an unpaid order is closed, a paid one
// refunded in full. WeChat refuses it during the first 15 seconds and after
// seven days, or in the global edition after the end of the day in Beijing; this
// does not wait, and when it is too late the wallet says so.
func (w *Wallet) Reverse(ctx context.Context, p agent.Payment) agent.Answer {
	if w.c.classic() {
		return w.classicReverse(ctx, p)
	}
	// sp_appid is called optional, but leaving it out answers SYSTEM_ERROR.
	return w.do(ctx, request{op: agent.OpReverse, method: http.MethodPost, target: w.reversePath(p.OrderNo), body: w.merchant(),
		read: func(status int, body []byte) agent.Answer { return w.undone(p, status, body, reverseRefusals) }})
}

// Close implements agent.Closer, for shown orders. Refused with ORDER_PAID means
// that somebody paid: ask.
func (w *Wallet) Close(ctx context.Context, p agent.Payment) agent.Answer {
	return w.do(ctx, request{op: agent.OpClose, method: http.MethodPost, target: w.orderPath(p.OrderNo, "/close"), body: w.numbers(),
		read: func(status int, body []byte) agent.Answer { return w.undone(p, status, body, closeRefusals) }})
}

// undone reads the acknowledgement of a reversal or close. It names merchant and
// order in a domestic reversal, and is empty (204) for a close and for a reversal
// abroad; what it names must be ours. The signature does not cover the HTTP status: a
// body that tells of a failure, or of an order that goes on, acknowledges nothing.
func (w *Wallet) undone(p agent.Payment, status int, body []byte, refusals map[string]refusal) agent.Answer {
	if status/100 != 2 {
		return keepAt(refuse(body, refusals, true, false))
	}
	if len(body) == 0 {
		return agent.Answer{Verdict: agent.Accepted}
	}
	var t struct {
		transaction
		failure
	}
	if err := json.Unmarshal(body, &t); err != nil {
		return wallet.Unverified(fmt.Errorf("the answer cannot be read: %w", err))
	}
	if err := t.contradicts(w, p); err != nil {
		return wallet.Unverified(err)
	}
	switch {
	case t.Code != "":
		return keepAt(t.failure.judge(refusals, true, false))
	case t.State != "" && t.State != stateClosed && t.State != stateRevoked:
		return agent.Answer{Verdict: agent.InDoubt, Reason: agent.ReasonSystem, Code: word(t.State)}
	}
	return agent.Answer{Verdict: agent.Accepted}
}

// keepAt leaves in doubt what we are not allowed to undo: it is not undone.
func keepAt(a agent.Answer) agent.Answer {
	if a.Reason == agent.ReasonSetup {
		a.Verdict = agent.InDoubt
	}
	return a
}
