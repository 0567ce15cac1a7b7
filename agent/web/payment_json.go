package web

import (
	"time"

	"tillwire/agent"
)

// paymentJSON is a payment as the API shows it. It has no member for the payment
// code's fingerprint: what is not here cannot leak.
type paymentJSON struct {
	ID         agent.PaymentID `json:"id"`
	OrderNo    string          `json:"order_no"`
	RequestID  string          `json:"request_id"`
	Lane       string          `json:"lane"`
	Amount     agent.Money     `json:"amount"`
	Reference  string          `json:"reference"`
	Mode       agent.Mode      `json:"mode"`
	Wallet     string          `json:"wallet"`
	Status     agent.State     `json:"status"`
	Final      bool            `json:"final"`
	Held       bool            `json:"held"` // the lane is not free for another payment
	Created    time.Time       `json:"created"`
	Since      time.Time       `json:"since"`
	Say        string          `json:"say"`
	Word       string          `json:"word"`
	Tone       agent.Tone      `json:"tone"`
	QR         string          `json:"qr"`
	Payer      *payerJSON      `json:"payer,omitempty"`
	Refunded   agent.Money     `json:"refunded"`
	Refundable agent.Money     `json:"refundable"`
	Refunds    []refundJSON    `json:"refunds"`
	Test       bool            `json:"test"`
	Cashier    string          `json:"cashier"`
	Txn        string          `json:"txn"` // the wallet's own transaction id
	Reason     agent.Reason    `json:"reason"`
	Facts      []factJSON      `json:"facts"`
	Repeated   bool            `json:"repeated,omitempty"`
	Offline    *acceptedJSON   `json:"offline,omitempty"`
}

// acceptedJSON is how a payment was accepted without the wallet's word.
type acceptedJSON struct {
	Way      agent.Way `json:"way"`
	At       time.Time `json:"at"`
	By       string    `json:"by"`
	Forwards int       `json:"forwards"` // tries to collect it that began
	AtStake  bool      `json:"at_stake"` // neither collected, lost nor taken back
}

// payerJSON is what left the customer's account, where the wallet tells it.
type payerJSON struct {
	Amount agent.Money `json:"amount"`
	Rate   string      `json:"rate"` // the wallet's own text; may be empty
}

func payer(sum agent.PayerSum) *payerJSON {
	if sum.Amount.Value == 0 {
		return nil
	}
	return &payerJSON{sum.Amount, sum.Rate}
}

type refundJSON struct {
	ID       string            `json:"id"` // the asker's request_id
	RefundNo string            `json:"refund_no"`
	Amount   agent.Money       `json:"amount"`
	Status   agent.RefundState `json:"status"`
	Final    bool              `json:"final"`
	Auto     bool              `json:"auto"` // nobody asked for it: the answer to a late success
	Reason   string            `json:"reason"`
	Say      string            `json:"say"`
}

type factJSON struct {
	Seq      int64           `json:"seq"`
	Kind     agent.FactKind  `json:"kind"`
	At       time.Time       `json:"at"`
	Op       agent.Operation `json:"op,omitempty"`
	Attempt  int             `json:"attempt,omitempty"`
	Wallet   string          `json:"wallet,omitempty"`
	Reason   agent.Reason    `json:"reason,omitempty"`
	Code     string          `json:"code,omitempty"`
	Text     string          `json:"text,omitempty"`
	Txn      string          `json:"txn,omitempty"`
	By       string          `json:"by,omitempty"`
	RefundNo string          `json:"refund_no,omitempty"`
	Amount   *agent.Money    `json:"amount,omitempty"`
	Auto     bool            `json:"auto,omitempty"`
}

// payment renders a payment for a language.
func (s *Server) payment(lang string, p agent.Payment) paymentJSON {
	word, tone := p.Status.Word()
	cents := func(v int64) agent.Money { return agent.Money{Value: v, Currency: p.Amount.Currency} }
	out := paymentJSON{
		ID: p.ID, OrderNo: p.OrderNo, RequestID: p.RequestID, Lane: p.Lane, Amount: p.Amount,
		Reference: p.Reference, Mode: p.Mode, Wallet: p.Status.Wallet, Status: p.Status.State,
		Final: p.Status.Final(), Held: p.Status.Held(), Created: p.Created, Since: p.Status.Since,
		Say: s.Words.Say(lang, p.Say()), Word: s.Words.Say(lang, word), Tone: tone,
		Payer: payer(p.Status.Payer), Refunded: cents(p.Status.RefundedSum()), Refundable: cents(p.Status.Refundable()),
		Refunds: []refundJSON{}, Test: p.Test, Cashier: p.Cashier, Txn: p.Status.Txn,
		Reason: p.Status.Reason, Facts: make([]factJSON, 0, len(p.Facts)),
	}
	if p.Status.State == agent.QRShown {
		out.QR = p.Status.QR
	}
	if st := p.Status; st.Way != "" {
		out.Offline = &acceptedJSON{st.Way, st.Accepted, st.By, st.Forwards, st.AtStake()}
	}
	for _, r := range p.Status.Refunds {
		out.Refunds = append(out.Refunds, s.refund(lang, p, r))
	}
	for _, f := range p.Facts {
		out.Facts = append(out.Facts, fact(f, p.Amount.Currency))
	}
	return out
}

func (s *Server) refund(lang string, p agent.Payment, r agent.Refund) refundJSON {
	return refundJSON{
		ID: r.RequestID, RefundNo: r.No, Amount: agent.Money{Value: r.Amount, Currency: p.Amount.Currency},
		Status: r.State, Final: r.State.Final(), Auto: r.Auto, Reason: r.Why, Say: s.Words.Say(lang, r.Say(p.Amount.Currency)),
	}
}

func fact(f agent.Fact, c agent.Currency) factJSON {
	out := factJSON{
		Seq: f.Seq, Kind: f.Kind, At: f.At, Op: f.Op, Attempt: f.Attempt, Wallet: f.Wallet,
		Reason: f.Reason, Code: f.Code, Text: f.Text, Txn: f.Txn, By: f.By, RefundNo: f.RefundNo, Auto: f.Auto,
	}
	if f.Amount != 0 {
		out.Amount = &agent.Money{Value: f.Amount, Currency: c}
	}
	return out
}
