package wechat

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// refundBody is the body of a refund. At home only a partner names the shop; in
// the global edition every request says who asks.
type refundBody struct {
	merchant
	OrderNo  string `json:"out_trade_no"`
	RefundNo string `json:"out_refund_no"`
	Reason   string `json:"reason,omitempty"`
	Amount   struct {
		Refund   int64  `json:"refund"`
		Total    int64  `json:"total"`
		Currency string `json:"currency"`
	} `json:"amount"`
}

// refundState is a refund as WeChat describes it.
type refundState struct {
	OrderNo  string `json:"out_trade_no"`
	RefundNo string `json:"out_refund_no"`
	RefundID string `json:"refund_id"`
	ID       string `json:"id"` // the global edition's name for refund_id
	Status   string `json:"status"`
	Amount   *struct {
		Refund   *int64 `json:"refund"`
		Total    *int64 `json:"total"`
		Currency string `json:"currency"`
	} `json:"amount"`
}

// Refund implements agent.Refunder. Every try carries the refund's own number; a
// second number would be a second refund. A refusal is believed only when the
// wallet also says that it does not know the number: an earlier try that seemed
// lost may have been executed, and this answer may be about its consequences.
func (w *Wallet) Refund(ctx context.Context, p agent.Payment, r agent.Refund) agent.Answer {
	b := refundBody{merchant: merchant{SubMchID: w.c.SubMerchantID}, OrderNo: p.OrderNo, RefundNo: r.No, Reason: reasonText(r.Why)}
	if w.c.global() {
		b.merchant = w.merchant()
	}
	b.Amount.Refund, b.Amount.Total, b.Amount.Currency = r.Amount, p.Amount.Value, string(p.Amount.Currency)
	a := w.do(ctx, request{op: agent.OpRefund, method: http.MethodPost, target: w.refundsPath(), body: b,
		read: func(status int, body []byte) agent.Answer {
			if status/100 != 2 {
				return refundRefused(body)
			}
			return w.readRefund(p, r, body)
		}})
	if a.Verdict != agent.Refused || a.Retry || a.Code == refundClosed || a.Code == refundClosedAbroad {
		return a
	}
	switch seen := w.QueryRefund(ctx, p, r); seen.Verdict {
	case agent.Absent:
		return a
	case agent.Accepted, agent.Processing, agent.Refused:
		return seen
	default:
		if errors.Is(seen.Err, errOtherAmount) {
			// A copy of this disk, or the time before a backup was restored, has used the
			// number. The wallet keeps to the first and has just refused this one.
			a.Reason = agent.ReasonNumberUsed
			return a
		}
		a.Verdict, a.Reason, a.Err = agent.InDoubt, seen.Reason, seen.Err
		return a
	}
}

// errOtherAmount is what a verified refund of ours is that is not of the sum we asked
// for.
var errOtherAmount = errors.New("it is another amount")

// refundRefused lets a refund that fails for the shop's set-up be tried again
// under its number: the money is owed, and a person can put that right.
func refundRefused(body []byte) agent.Answer {
	a := refuse(body, refundRefusals, true, false)
	if a.Verdict == agent.Refused && a.Reason == agent.ReasonSetup {
		a.Retry = true
	}
	return a
}

// QueryRefund implements agent.Refunder.
func (w *Wallet) QueryRefund(ctx context.Context, p agent.Payment, r agent.Refund) agent.Answer {
	return w.do(ctx, request{op: agent.OpRefundQuery, method: http.MethodGet, target: w.refundPath(r.No),
		read: func(status int, body []byte) agent.Answer {
			if status/100 != 2 {
				return refuse(body, refundQueryRefusals, false, false)
			}
			return w.readRefund(p, r, body)
		}})
}

// The states of a refund (WeChat Pay v3, refund query).
const (
	refundSuccess      = "SUCCESS"
	refundProcessing   = "PROCESSING"
	refundClosedAbroad = "REFUNDCLOSE" // the global edition's word
	refundClosed       = "CLOSED"      // it will not be made; another needs a new number
	refundAbnormal     = "ABNORMAL"    // the customer's account or card cannot take it
)

// readRefund judges a verified description of a refund. ABNORMAL stays under way
// on purpose: the office completes it on the merchant platform under the same
// number, and calling it failed would free the sum for a second refund.
func (w *Wallet) readRefund(p agent.Payment, r agent.Refund, body []byte) agent.Answer {
	var s refundState
	if err := json.Unmarshal(body, &s); err != nil {
		return wallet.Unverified(fmt.Errorf("the answer cannot be read: %w", err))
	}
	s.RefundID = cmp.Or(s.RefundID, s.ID)
	if s.OrderNo == "" && w.c.global() {
		s.OrderNo = p.OrderNo // its answers may name the refund alone, whose number begins with the order's
	}
	if err := s.contradicts(p, r); err != nil {
		return wallet.Unverified(err)
	}
	a := agent.Answer{Code: word(s.Status), Txn: s.RefundID, Amount: r.Amount}
	switch s.Status {
	case refundSuccess:
		a.Verdict = agent.Accepted
	case refundProcessing:
		a.Verdict = agent.Processing
	case refundAbnormal:
		a.Verdict, a.Reason = agent.Processing, agent.ReasonPayerBlocked
	case refundClosed, refundClosedAbroad:
		a.Verdict, a.Reason = agent.Refused, agent.ReasonWalletRefused
	default:
		a.Reason = agent.ReasonSystem
	}
	return a
}

// contradicts asks for the numbers and the sum, which are required members, and
// refuses whatever else is there and is not ours.
func (s refundState) contradicts(p agent.Payment, r agent.Refund) error {
	switch {
	case s.RefundNo != r.No || s.OrderNo != p.OrderNo:
		return fmt.Errorf("%w: it names refund %.64q of order %.64q", ErrOtherOrder, s.RefundNo, s.OrderNo)
	case s.Amount == nil || s.Amount.Refund == nil:
		return fmt.Errorf("%w: amount.refund is missing", ErrOtherOrder)
	case *s.Amount.Refund != r.Amount:
		return fmt.Errorf("%w: %w: amount.refund is %d, not %d", ErrOtherOrder, errOtherAmount, *s.Amount.Refund, r.Amount)
	case s.Amount.Total != nil && *s.Amount.Total != p.Amount.Value:
		return fmt.Errorf("%w: amount.total is %d", ErrOtherOrder, *s.Amount.Total)
	case s.Amount.Currency != "" && s.Amount.Currency != string(p.Amount.Currency):
		return fmt.Errorf("%w: amount.currency is %.16q", ErrOtherOrder, s.Amount.Currency)
	}
	return nil
}

// reasonText is what the customer reads beside the refund: up to 80 bytes.
func reasonText(why string) string {
	for len(why) > 80 {
		runes := []rune(why)
		why = string(runes[:len(runes)-1])
	}
	return why
}
