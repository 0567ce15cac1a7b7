package alipay

import (
	"context"
	"fmt"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// refundBody is biz_content of alipay.trade.refund. out_request_no makes a
// repeat the same refund.
type refundBody struct {
	OrderNo  string `json:"out_trade_no"`
	RefundNo string `json:"out_request_no"`
	Amount   string `json:"refund_amount"`
	Reason   string `json:"refund_reason,omitempty"`
	StoreID  string `json:"store_id,omitempty"`
	Terminal string `json:"terminal_id,omitempty"`
}

// refunded is the answer to a refund. It does not name the refund, and its sum is
// that of every refund of the order so far.
type refunded struct {
	result
	Change string `json:"fund_change"` // Y, or N when this very call moved nothing: a repeat
	Sum    yuan   `json:"refund_fee"`
}

// Refund implements agent.Refunder. Every try carries the refund's own number; a
// second number would be a second refund. What the answer leaves open, and every
// refusal, is settled by asking about that number: an earlier try that seemed
// lost may have been executed.
func (w *Wallet) Refund(ctx context.Context, p agent.Payment, r agent.Refund) agent.Answer {
	b := refundBody{OrderNo: p.OrderNo, RefundNo: r.No, Amount: decimal(r, p),
		Reason: reasonText(r.Why), StoreID: w.c.StoreID, Terminal: terminal(p.Lane)}
	a := w.do(ctx, request{op: agent.OpRefund, method: "alipay.trade.refund", biz: b, read: func(content []byte) agent.Answer {
		return read(content, func(f refunded) agent.Answer { return f.judge(p, r) })
	}})
	switch {
	case a.Verdict == agent.Processing: // done, but whether it is this one is not said
	case a.Verdict == agent.Refused && !a.Retry:
	default:
		return a
	}
	seen := w.QueryRefund(ctx, p, r)
	switch {
	case seen.Verdict == agent.Absent && a.Verdict == agent.Refused:
		return a
	case seen.Verdict == agent.Accepted, seen.Verdict == agent.Processing:
		return seen
	}
	return agent.Answer{Verdict: agent.InDoubt, Reason: either(seen.Reason, agent.ReasonSystem), Code: a.Code, Text: a.Text, Err: seen.Err}
}

// judge believes at once only a refund that moved money and brought the sum to
// what our own refunds add up to.
func (f refunded) judge(p agent.Payment, r agent.Refund) agent.Answer {
	if f.Code != codeDone {
		a := refuse(f.result, p, refundRefusals, true, false)
		if a.Verdict == agent.Refused && a.Reason == agent.ReasonSetup {
			// The money is owed, and a person can put the set-up right.
			a.Retry = true
		}
		return a
	}
	if err := f.names(p); err != nil {
		return wallet.Unverified(err)
	}
	before := int64(0)
	for _, other := range p.Status.Refunds {
		if other.State == agent.RefundDone && other.No != r.No {
			before += other.Amount
		}
	}
	sum, ok := f.Sum.minor(p.Amount.Currency)
	if !ok || sum < before+r.Amount || sum > p.Amount.Value {
		return wallet.Unverified(fmt.Errorf("%w: refund_fee is %.32q after a refund of %s", ErrOtherOrder, string(f.Sum), decimal(r, p)))
	}
	a := agent.Answer{Verdict: agent.Processing, Code: "FUND_CHANGE_" + word(f.Change), Txn: f.Txn, Amount: r.Amount}
	if f.Change == "Y" && sum == before+r.Amount {
		a.Verdict = agent.Accepted
	}
	return a
}

func decimal(r agent.Refund, p agent.Payment) string {
	return agent.Money{Value: r.Amount, Currency: p.Amount.Currency}.Decimal()
}

// refundQuery is biz_content of alipay.trade.fastpay.refund.query.
type refundQuery struct {
	OrderNo  string `json:"out_trade_no"`
	RefundNo string `json:"out_request_no"`
}

// refundState is a refund as the refund query describes it.
type refundState struct {
	result
	RefundNo string `json:"out_request_no"`
	Status   string `json:"refund_status"`
	Refund   yuan   `json:"refund_amount"`
	Total    yuan   `json:"total_amount"`
}

// QueryRefund implements agent.Refunder.
func (w *Wallet) QueryRefund(ctx context.Context, p agent.Payment, r agent.Refund) agent.Answer {
	return w.do(ctx, request{op: agent.OpRefundQuery, method: "alipay.trade.fastpay.refund.query", biz: refundQuery{p.OrderNo, r.No},
		read: func(content []byte) agent.Answer {
			return read(content, func(s refundState) agent.Answer { return s.judge(p, r) })
		}})
}

const refundSuccess = "REFUND_SUCCESS"

// judge reads a description of a refund. One without status and sum says that the
// number was not refunded.
func (s refundState) judge(p agent.Payment, r agent.Refund) agent.Answer {
	if s.Code != codeDone {
		return refuse(s.result, p, refundQueryRefusals, false, false)
	}
	currency := p.Amount.Currency
	for _, m := range [...]struct {
		name string
		got  yuan
		want int64
	}{{"refund_amount", s.Refund, r.Amount}, {"total_amount", s.Total, p.Amount.Value}} {
		if n, ok := m.got.minor(currency); m.got != "" && (!ok || n != m.want) {
			return wallet.Unverified(fmt.Errorf("%w: %s is %.32q", ErrOtherOrder, m.name, string(m.got)))
		}
	}
	if s.RefundNo != "" && s.RefundNo != r.No || s.OrderNo != "" && s.OrderNo != p.OrderNo {
		return wallet.Unverified(fmt.Errorf("%w: it names refund %.64q of order %.64q", ErrOtherOrder, s.RefundNo, s.OrderNo))
	}
	a := agent.Answer{Code: word(s.Status), Txn: s.Txn}
	switch {
	case s.Status == "" && s.Refund == "":
		a.Verdict = agent.Absent
	case s.Status != refundSuccess:
		a.Reason = agent.ReasonSystem
	case s.RefundNo == "" || s.OrderNo == "" || s.Refund == "":
		return wallet.Unverified(fmt.Errorf("%w: it does not name the refund and its sum", ErrOtherOrder))
	default:
		a.Verdict, a.Amount = agent.Accepted, r.Amount
	}
	return a
}

// reasonText is what the customer reads beside the refund: up to 256 characters.
func reasonText(why string) string {
	if runes := []rune(why); len(runes) > 256 {
		return string(runes[:256])
	}
	return why
}

func either(r, other agent.Reason) agent.Reason {
	if r != agent.ReasonNone {
		return r
	}
	return other
}
