package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// What a brand offers a counter that has no line.
var (
	_ agent.Redeemer    = (*Wallet)(nil)
	_ agent.LateCharger = charging{}
	_ agent.LateCharger = full{}
)

// redemption is the body that hands in a code. Like a sale it depends on the payment
// alone, so that a second try is the same request.
type redemption struct {
	sale
	Code     string `json:"code"`
	Accepted string `json:"accepted_at"`
}

// moment is a time as bodies carry it.
func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Redeem implements agent.Redeemer. Whether the gateway honours a code is its answer's
// state; an error answer is definite only about the order number.
func (w *Wallet) Redeem(ctx context.Context, p agent.Payment, code agent.PayCode) agent.Answer {
	return wallet.Hide(w.do(ctx, request{wallet: w.name, op: agent.OpRedeem, method: http.MethodPost, path: orderPath(p.OrderNo, "/redeem"),
		body: redemption{w.sale(p), code.Reveal(), moment(p.Status.Accepted)},
		read: func(status int, body []byte) agent.Answer { return w.collected(p, status, body) }}), code)
}

// collected reads the answer to what was accepted before. The shop's set-up being wrong
// ends nothing here: the goods are gone, and the office corrects it.
func (w *Wallet) collected(p agent.Payment, status int, body []byte) agent.Answer {
	if status != http.StatusOK {
		return refuse(status, body, collectRefusals, false, false)
	}
	return asAnswer(w.judge(p, body))
}

// collectRefusals leave out what a correction can mend: that is tried again.
var collectRefusals = map[string]refusal{
	"order_reversed":      {agent.Refused, agent.ReasonDeadOrder, false},
	"order_closed":        {agent.Refused, agent.ReasonDeadOrder, false},
	"amount_out_of_range": {agent.Refused, agent.ReasonOverLimit, false},
}

// Void implements agent.Redeemer: the order is reversed, which the gateway keeps for an
// order it has never seen (contract, guarantee 4). A payer who paid the shown code after
// all gets it back by the same.
func (w *Wallet) Void(ctx context.Context, p agent.Payment) agent.Answer {
	return w.undo(ctx, p, agent.OpReverse, reverseRefusals, stateReversed)
}

// Later implements agent.LateCharger by what the gateway last said, also when that was
// a while ago: the line is down when somebody asks. The brands of the table have codes
// that are good for a moment, whatever a gateway says of them.
func (c charger) Later(currency agent.Currency) (age time.Duration, most int64) {
	b, ok := c.w.said().Brand(c.w.brand.Name)
	if _, momentary := Known(c.w.brand.Name); momentary || !ok || b.Later == nil {
		return 0, 0
	}
	for _, m := range b.Later.Max {
		if m.Currency == currency {
			return time.Duration(b.Later.MaxAge) * time.Second, m.Value
		}
	}
	return 0, 0
}

// ChargeLater implements agent.LateCharger.
func (c charger) ChargeLater(ctx context.Context, p agent.Payment, code agent.PayCode, accepted time.Time) agent.Answer {
	w := c.w
	return wallet.Hide(w.do(ctx, request{wallet: w.name, op: agent.OpChargeLater, method: http.MethodPost, path: orderPath(p.OrderNo, "/charge"),
		body: charge{w.sale(p), code.Reveal(), moment(accepted)},
		read: func(status int, body []byte) agent.Answer { return w.collected(p, status, body) }}), code)
}

// KeySet fetches the signed list of keys that the brand's offline codes are judged by.
// Whoever asks verifies it; the gateway's own signature says nothing about its content.
func (w *Wallet) KeySet(ctx context.Context) (signed []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, w.c.Timers.Pay)
	defer cancel()
	a := w.do(ctx, request{wallet: w.name, op: "keyset", method: http.MethodGet, path: "/keyset", query: w.query(),
		read: func(status int, body []byte) agent.Answer {
			if status != http.StatusOK {
				return refuse(status, body, nil, false, false)
			}
			var o struct {
				named
				KeySet []byte `json:"key_set"`
			}
			if err := json.Unmarshal(body, &o); err != nil {
				return wallet.Unverified(fmt.Errorf("the answer cannot be read: %w", err))
			}
			if o.named != w.named() || len(o.KeySet) == 0 {
				return wallet.Unverified(fmt.Errorf("%w: it names %.32q %.32q", ErrOtherOrder, o.Merchant, o.Brand))
			}
			signed = o.KeySet
			return agent.Answer{Verdict: agent.Accepted}
		}})
	if a.Verdict != agent.Accepted {
		return nil, &agent.Error{Op: "ask " + w.name + " for the list of issuers", Class: agent.Unavailable, Code: agent.CodeWallet, Err: saidBy(a),
			Say: agent.Sentence{ID: "error.key_set", English: "The gateway did not hand out the list of issuers. Check the line, and that the acquirer has enabled selling without a connection."}}
	}
	return signed, nil
}
