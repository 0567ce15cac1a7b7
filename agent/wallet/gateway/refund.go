package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

type refundBody struct {
	named
	Amount money  `json:"amount"`
	Reason string `json:"reason,omitempty"`
}

// refundState is a refund as answers describe it.
type refundState struct {
	named
	OrderNo  string `json:"order_no"`
	RefundNo string `json:"refund_no"`
	State    string `json:"state"`
	Amount   *money `json:"amount"`
	Txn      string `json:"txn"`
	Reason   string `json:"reason"`
	Message  string `json:"message"`
}

// The states of a refund (contract, Refund).
const (
	refundDone       = "done"
	refundProcessing = "processing"
	refundFailed     = "failed"
)

func refundPath(p agent.Payment, r agent.Refund) string {
	return orderPath(p.OrderNo, "/refunds/", url.PathEscape(r.No))
}

// Refund implements agent.Refunder. Every try carries the refund's own number. A
// refusal is believed only when the gateway also says that it does not know the
// number: an earlier try that seemed lost may have been executed, and a gateway
// that forgot its promise would speak of the consequences.
func (w *Wallet) Refund(ctx context.Context, p agent.Payment, r agent.Refund) agent.Answer {
	body := refundBody{w.named(), money{r.Amount, p.Amount.Currency}, wallet.Clip(r.Why, 80)}
	a := w.do(ctx, request{wallet: w.name, op: agent.OpRefund, method: http.MethodPost, path: refundPath(p, r), body: body,
		read: func(status int, body []byte) agent.Answer {
			if status == http.StatusOK {
				return w.judgeRefund(p, r, body)
			}
			a := refuse(status, body, refundRefusals, true, false)
			// What fails for the shop's set-up is owed all the same, and a person can put that right.
			a.Retry = a.Retry || a.Verdict == agent.Refused && a.Reason == agent.ReasonSetup
			return a
		}})
	if a.Verdict != agent.Refused || a.Retry || a.Code == refundFailed {
		return a
	}
	switch seen := w.QueryRefund(ctx, p, r); seen.Verdict {
	case agent.Absent:
		return a
	case agent.Accepted, agent.Processing, agent.Refused:
		return seen
	default:
		a.Verdict, a.Reason, a.Err = agent.InDoubt, seen.Reason, seen.Err
		return a
	}
}

// QueryRefund implements agent.Refunder.
func (w *Wallet) QueryRefund(ctx context.Context, p agent.Payment, r agent.Refund) agent.Answer {
	return w.do(ctx, request{wallet: w.name, op: agent.OpRefundQuery, method: http.MethodGet, path: refundPath(p, r), query: w.query(),
		read: func(status int, body []byte) agent.Answer {
			if status != http.StatusOK {
				return refuse(status, body, refundQueryRefusals, false, false)
			}
			return w.judgeRefund(p, r, body)
		}})
}

// judgeRefund judges a verified description of a refund, whose numbers and sum
// must be ours.
func (w *Wallet) judgeRefund(p agent.Payment, r agent.Refund, body []byte) agent.Answer {
	var s refundState
	if err := json.Unmarshal(body, &s); err != nil {
		return wallet.Unverified(fmt.Errorf("the answer cannot be read: %w", err))
	}
	switch {
	case s.named != w.named() || s.OrderNo != p.OrderNo || s.RefundNo != r.No:
		return wallet.Unverified(fmt.Errorf("%w: it names refund %.64q of order %.64q", ErrOtherOrder, s.RefundNo, s.OrderNo))
	case s.Amount == nil || *s.Amount != money{r.Amount, p.Amount.Currency}:
		return wallet.Unverified(fmt.Errorf("%w: the amount is missing or not %d", ErrOtherOrder, r.Amount))
	}
	a := agent.Answer{Code: word(s.State), Txn: wallet.Clip(s.Txn, 64), Text: wallet.Clip(s.Message, 200), Amount: r.Amount}
	switch s.State {
	case refundDone:
		a.Verdict = agent.Accepted
	case refundProcessing:
		a.Verdict = agent.Processing
		a.Reason = reasons[s.Reason]
	case refundFailed:
		a.Verdict, a.Reason = agent.Refused, agent.ReasonWalletRefused
		if s.Reason == "payer_blocked" {
			a.Reason = agent.ReasonPayerBlocked
		}
	default:
		a.Reason = agent.ReasonSystem
	}
	return a
}
