package wechat

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"tillwire/agent"
)

// Query implements agent.Wallet: by our order number, because an unpaid order
// has no other.
func (w *Wallet) Query(ctx context.Context, p agent.Payment) agent.Answer {
	query := url.Values{"mchid": {w.c.MerchantID}}
	if w.c.Mode == ModePartner {
		query = url.Values{"sp_mchid": {w.c.MerchantID}, "sub_mchid": {w.c.SubMerchantID}}
	}
	return w.do(ctx, request{op: agent.OpQuery, method: http.MethodGet, target: w.orderPath(p.OrderNo, "?"+query.Encode()),
		read: func(status int, body []byte) agent.Answer {
			if status/100 != 2 {
				return refuse(body, queryRefusals, false, false)
			}
			return w.judge(p, body)
		}})
}

// Reverse implements agent.Reverser: an unpaid order is closed, a paid one
// refunded in full. WeChat refuses it during the first 15 seconds and after
// seven days; Timers know that, this does not wait.
func (w *Wallet) Reverse(ctx context.Context, p agent.Payment) agent.Answer {
	// sp_appid is called optional, but leaving it out answers SYSTEM_ERROR.
	return w.do(ctx, request{op: agent.OpReverse, method: http.MethodPost, target: w.orderPath(p.OrderNo, "/reverse"), body: w.merchant(),
		read: func(status int, body []byte) agent.Answer { return w.undone(p, status, body, reverseRefusals) }})
}

// Close implements agent.Closer, for shown orders. Refused with ORDER_PAID means
// that somebody paid: ask.
func (w *Wallet) Close(ctx context.Context, p agent.Payment) agent.Answer {
	return w.do(ctx, request{op: agent.OpClose, method: http.MethodPost, target: w.orderPath(p.OrderNo, "/close"), body: w.numbers(),
		read: func(status int, body []byte) agent.Answer { return w.undone(p, status, body, closeRefusals) }})
}

// undone reads the acknowledgement of a reversal or close. It names merchant and
// order in a reversal and is empty (204) for a close; what it names must be ours.
func (w *Wallet) undone(p agent.Payment, status int, body []byte, refusals map[string]refusal) agent.Answer {
	if status/100 != 2 {
		a := refuse(body, refusals, true, false)
		if a.Reason == agent.ReasonSetup {
			// Whatever we are not allowed to undo, it is not undone: keep at it.
			a.Verdict = agent.InDoubt
		}
		return a
	}
	if len(body) == 0 {
		return agent.Answer{Verdict: agent.Accepted}
	}
	var t transaction
	if err := json.Unmarshal(body, &t); err != nil {
		return unverified(fmt.Errorf("the answer cannot be read: %w", err))
	}
	if err := t.contradicts(w, p); err != nil {
		return unverified(err)
	}
	return agent.Answer{Verdict: agent.Accepted}
}
