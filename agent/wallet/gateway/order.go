package gateway

import (
	"encoding/json"
	"errors"
	"fmt"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// ErrOtherOrder reports a verified answer that is not about what was asked.
var ErrOtherOrder = errors.New("gateway: the answer is about another order, merchant, brand or amount")

// money is an amount as it goes over the wire.
type money struct {
	Value    int64          `json:"value"`
	Currency agent.Currency `json:"currency"`
}

func wire(m agent.Money) money { return money(m) }

// payment is an order as answers describe it.
type payment struct {
	named
	OrderNo string `json:"order_no"`
	State   string `json:"state"`
	Amount  *money `json:"amount"`
	Txn     string `json:"txn"`
	Payer   *struct {
		Amount money  `json:"amount"`
		Rate   string `json:"rate"`
	} `json:"payer"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
	QR      string `json:"qr"`
}

// The states of an order (contract, Payment).
const (
	statePaid     = "paid"
	stateAwaiting = "awaiting"
	statePending  = "pending"
	stateUnpaid   = "unpaid"
	stateRefused  = "refused"
	stateClosed   = "closed"
	stateReversed = "reversed"
)

// read takes an order out of a verified answer, or says why it is not ours.
func (w *Wallet) read(p agent.Payment, body []byte) (payment, error) {
	var o payment
	if err := json.Unmarshal(body, &o); err != nil {
		return o, fmt.Errorf("the answer cannot be read: %w", err)
	}
	switch {
	case o.named != w.named() || o.OrderNo != p.OrderNo:
		return o, fmt.Errorf("%w: it names %.32q %.32q %.64q", ErrOtherOrder, o.Merchant, o.Brand, o.OrderNo)
	case o.Amount != nil && *o.Amount != wire(p.Amount):
		return o, fmt.Errorf("%w: the amount is %d %.8q", ErrOtherOrder, o.Amount.Value, o.Amount.Currency)
	case o.State == statePaid && o.Amount == nil:
		return o, fmt.Errorf("%w: it does not say how much", ErrOtherOrder)
	}
	return o, nil
}

// judge turns a verified description of an order into a verdict, as a query means
// it. Answer.Code is the state, or with a refusal its reason.
func (w *Wallet) judge(p agent.Payment, body []byte) agent.Answer {
	o, err := w.read(p, body)
	if err != nil {
		return wallet.Unverified(err)
	}
	return o.verdict()
}

func (o payment) verdict() agent.Answer {
	a := agent.Answer{Code: word(o.State), Text: wallet.Clip(o.Message, wallet.MessageLength), Txn: wallet.Clip(o.Txn, 64)}
	switch o.State {
	case statePaid:
		a.Verdict, a.Amount, a.Payer = agent.Approved, o.Amount.Value, o.payer()
	case stateAwaiting:
		a.Verdict = agent.Awaiting
	case stateUnpaid:
		a.Verdict = agent.Unpaid
	case stateClosed, stateReversed:
		a.Verdict, a.Reason = agent.Ended, agent.ReasonDeadOrder
	case stateRefused:
		a.Verdict, a.Reason, a.Code = agent.Refused, agent.ReasonWalletRefused, word(o.Reason)
		if r, ok := reasons[o.Reason]; ok {
			a.Reason = r
		}
	case statePending:
		a.Reason = agent.ReasonSystem
	default:
		a.Reason = agent.ReasonSystem
	}
	return a
}

// payer is what left the customer's account, where the gateway tells it.
func (o payment) payer() agent.PayerSum {
	if o.Payer == nil || o.Payer.Amount.Value <= 0 || !o.Payer.Amount.Currency.Known() {
		return agent.PayerSum{}
	}
	return agent.PayerSum{Amount: agent.Money(o.Payer.Amount), Rate: wallet.Clip(o.Payer.Rate, 32)}
}
