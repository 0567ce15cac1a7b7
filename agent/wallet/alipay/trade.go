package alipay

import (
	"encoding/json"
	"fmt"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// result begins every answer's content.
type result struct {
	Code    string `json:"code"`
	Msg     string `json:"msg"`
	SubCode string `json:"sub_code"`
	SubMsg  string `json:"sub_msg"`
	OrderNo string `json:"out_trade_no"`
	Txn     string `json:"trade_no"`
}

// The result codes (classic gateway, common answer). All others than done and
// waiting are in refusals.go.
const (
	codeDone    = "10000"
	codeWaiting = "10003" // the order stands, the customer must confirm
	codeFailed  = "40004" // look at sub_code
)

// trade is an order as pay and query describe it.
type trade struct {
	result
	Status        string `json:"trade_status"`  // query only
	SentPay       string `json:"send_pay_date"` // when money was taken
	Total         yuan   `json:"total_amount"`
	BuyerPaid     yuan   `json:"buyer_pay_amount"`
	TransCurrency string `json:"trans_currency"` // cross-border
	PayCurrency   string `json:"pay_currency"`
	PayAmount     yuan   `json:"pay_amount"`
	PayRate       string `json:"trans_pay_rate"`
}

// The trade states (alipay.trade.query).
const (
	tradeWaiting  = "WAIT_BUYER_PAY"
	tradeSuccess  = "TRADE_SUCCESS"
	tradeFinished = "TRADE_FINISHED" // paid, no longer refundable
	tradeClosed   = "TRADE_CLOSED"   // never paid, or refunded in full
)

// contradicts reports a member that is there and is not what we asked about. No
// answer names the merchant: Alipay's key is the application's own and does.
func (t trade) contradicts(p agent.Payment) error {
	if t.OrderNo != "" && t.OrderNo != p.OrderNo {
		return fmt.Errorf("%w: out_trade_no is %.64q", ErrOtherOrder, t.OrderNo)
	}
	if t.TransCurrency != "" && t.TransCurrency != string(p.Amount.Currency) {
		return fmt.Errorf("%w: trans_currency is %.16q", ErrOtherOrder, t.TransCurrency)
	}
	if t.Total == "" {
		return nil
	}
	if n, ok := t.Total.minor(p.Amount.Currency); !ok || n != p.Amount.Value {
		return fmt.Errorf("%w: total_amount is %.32q", ErrOtherOrder, string(t.Total))
	}
	return nil
}

// names asks for the order number: without it an answer can end nothing.
func (r result) names(p agent.Payment) error {
	if r.OrderNo != p.OrderNo {
		return fmt.Errorf("%w: it does not name the order", ErrOtherOrder)
	}
	return nil
}

// approve reads a success.
func (t trade) approve(p agent.Payment) agent.Answer {
	if err := t.names(p); err != nil {
		return wallet.Unverified(err)
	}
	if t.Total == "" {
		return wallet.Unverified(fmt.Errorf("%w: it does not say how much", ErrOtherOrder))
	}
	a := agent.Answer{Verdict: agent.Approved, Txn: t.Txn, Amount: p.Amount.Value, Code: word(t.Status)}
	if a.Code == "" {
		a.Code = codeDone
	}
	currency := agent.Currency(t.PayCurrency)
	if n, ok := t.PayAmount.minor(currency); ok && currency.Known() {
		a.Payer = agent.PayerSum{Amount: agent.Money{Value: n, Currency: currency}, Rate: rate(t.PayRate)}
	} else if n, ok := t.BuyerPaid.minor(p.Amount.Currency); ok {
		a.Payer = agent.PayerSum{Amount: agent.Money{Value: n, Currency: p.Amount.Currency}}
	}
	return a
}

// rate keeps a rate that looks like one; it is shown and printed, never computed with.
func rate(text string) string {
	if len(text) > 24 || !digits(removeDot(text)) {
		return ""
	}
	return text
}

func removeDot(text string) string {
	for i := range len(text) {
		if text[i] == '.' {
			return text[:i] + text[i+1:]
		}
	}
	return text
}

// judge turns a verified description of an order into a verdict.
func judge(p agent.Payment, t trade) agent.Answer {
	if err := t.contradicts(p); err != nil {
		return wallet.Unverified(err)
	}
	a := agent.Answer{Code: word(t.Status), Txn: t.Txn}
	switch t.Status {
	case tradeSuccess, tradeFinished:
		return t.approve(p)
	case tradeWaiting:
		a.Verdict = agent.Awaiting
		if p.Status.Showing {
			a.Verdict = agent.Unpaid // scanned, and no verdict yet
		}
	case tradeClosed:
		if err := t.names(p); err != nil {
			return wallet.Unverified(err)
		}
		// Either way the shop keeps nothing and nobody can pay it any more; the
		// office is told which it was.
		a.Verdict, a.Reason, a.Text = agent.Ended, agent.ReasonDeadOrder, "closed, never paid"
		if t.SentPay != "" {
			a.Text = "paid " + wallet.Clip(t.SentPay, wallet.MessageLength) + " and given back in full"
		}
	default:
		a.Reason = agent.ReasonSystem
	}
	return a
}

// read decodes a content, or answers why it cannot.
func read[T any](content []byte, then func(T) agent.Answer) agent.Answer {
	var t T
	if err := json.Unmarshal(content, &t); err != nil {
		return wallet.Unverified(fmt.Errorf("the answer cannot be read: %w", err))
	}
	return then(t)
}
