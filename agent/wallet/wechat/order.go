package wechat

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// merchant names the shop in a request body. In partner mode the provider's
// numbers take the names with sp_ and the shop's those with sub_.
type merchant struct {
	AppID    string `json:"appid,omitempty"`
	MchID    string `json:"mchid,omitempty"`
	SpAppID  string `json:"sp_appid,omitempty"`
	SpMchID  string `json:"sp_mchid,omitempty"`
	SubAppID string `json:"sub_appid,omitempty"`
	SubMchID string `json:"sub_mchid,omitempty"`
}

func (w *Wallet) merchant() merchant {
	if w.c.Mode == ModePartner {
		return merchant{SpAppID: w.c.AppID, SpMchID: w.c.MerchantID, SubAppID: w.c.SubAppID, SubMchID: w.c.SubMerchantID}
	}
	return merchant{AppID: w.c.AppID, MchID: w.c.MerchantID}
}

// numbers is merchant without the application ids, for close.
func (w *Wallet) numbers() merchant {
	m := w.merchant()
	m.AppID, m.SpAppID, m.SubAppID = "", "", ""
	return m
}

// money is an amount in minor units.
type money struct {
	Total    int64  `json:"total"`
	Currency string `json:"currency"`
}

func total(p agent.Payment) money { return money{p.Amount.Value, string(p.Amount.Currency)} }

// transaction is an order as codepay and query describe it. Live answers leave
// out members that the documentation calls required, so all are optional here
// and each use asks for what it needs.
type transaction struct {
	merchant
	OrderNo string  `json:"out_trade_no"`
	Txn     string  `json:"transaction_id"`
	ID      string  `json:"id"` // the global edition's name for transaction_id
	State   string  `json:"trade_state"`
	Desc    string  `json:"trade_state_desc"`
	Amount  *amount `json:"amount"`
}

// amount is what an order costs, in minor units, and what the payer gave.
type amount struct {
	Total         *int64 `json:"total"`
	PayerTotal    *int64 `json:"payer_total"`
	Currency      string `json:"currency"`
	PayerCurrency string `json:"payer_currency"`
	PayerMisspelt string `json:"payer _currency"` // as one page of the global edition has it
	Exchange      struct {
		Rate json.Number `json:"rate"` // times 10^8
	} `json:"exchange_rate"`
}

// The trade states (WeChat Pay v3, query order).
const (
	stateSuccess    = "SUCCESS"
	stateRefund     = "REFUND" // was paid, at least partly refunded
	stateNotPaid    = "NOTPAY"
	stateClosed     = "CLOSED"
	stateRevoked    = "REVOKED" // reversed: closed unpaid, or refunded in full
	stateUserPaying = "USERPAYING"
	statePayError   = "PAYERROR"
)

// contradicts reports a member that is there and is not what we asked about.
func (t transaction) contradicts(w *Wallet, p agent.Payment) error {
	ours := w.merchant()
	for _, m := range [...]struct{ name, got, want string }{
		{"appid", t.AppID, ours.AppID}, {"mchid", t.MchID, ours.MchID},
		{"sp_appid", t.SpAppID, ours.SpAppID}, {"sp_mchid", t.SpMchID, ours.SpMchID},
		{"sub_appid", t.SubAppID, ours.SubAppID}, {"sub_mchid", t.SubMchID, ours.SubMchID},
		{"out_trade_no", t.OrderNo, p.OrderNo},
	} {
		if m.got != "" && m.want != "" && m.got != m.want {
			return fmt.Errorf("%w: %s is %.64q", ErrOtherOrder, m.name, m.got)
		}
	}
	if t.Amount == nil {
		return nil
	}
	if n := t.Amount.Total; n != nil && *n != p.Amount.Value {
		return fmt.Errorf("%w: amount.total is %d", ErrOtherOrder, *n)
	}
	if c := t.Amount.Currency; c != "" && c != string(p.Amount.Currency) {
		return fmt.Errorf("%w: amount.currency is %.16q", ErrOtherOrder, c)
	}
	return nil
}

// names asks for the members that tie an answer to our order: without them it
// can end nothing. In partner mode that is the provider with the shop.
func (t transaction) names(w *Wallet) error {
	ours := w.merchant()
	if t.OrderNo == "" || t.MchID != ours.MchID || t.SpMchID != ours.SpMchID || t.SubMchID != ours.SubMchID {
		return fmt.Errorf("%w: it does not name merchant and order", ErrOtherOrder)
	}
	return nil
}

// paid reads a success. In the domestic edition the currency may be missing: its
// default is CNY, which is the only one we send.
func (t transaction) paid(w *Wallet) (agent.Answer, error) {
	if err := t.names(w); err != nil {
		return agent.Answer{}, err
	}
	if t.Amount == nil || t.Amount.Total == nil || w.c.global() && t.Amount.Currency == "" {
		return agent.Answer{}, fmt.Errorf("%w: it does not say how much", ErrOtherOrder)
	}
	a := agent.Answer{Verdict: agent.Approved, Txn: t.Txn, Amount: *t.Amount.Total}
	currency := agent.Currency(cmp.Or(t.Amount.PayerCurrency, t.Amount.PayerMisspelt))
	if currency == "" && !w.c.global() {
		currency = "CNY"
	}
	if n := t.Amount.PayerTotal; n != nil && currency.Known() {
		a.Payer = agent.PayerSum{Amount: agent.Money{Value: *n, Currency: currency}, Rate: rate(t.Amount.Exchange.Rate)}
	}
	return a, nil
}

// rate writes an exchange rate as people do. WeChat converts; nobody computes a
// rate here.
func rate(n json.Number) string {
	const places = 8
	digits := n.String()
	if digits == "" || len(digits) > 18 || strings.Trim(digits, "0123456789") != "" {
		return ""
	}
	if pad := places + 1 - len(digits); pad > 0 {
		digits = strings.Repeat("0", pad) + digits
	}
	whole, part := digits[:len(digits)-places], strings.TrimRight(digits[len(digits)-places:], "0")
	return strings.TrimSuffix(whole+"."+part, ".")
}

// judge turns a verified description of an order into a verdict. HTTP 202 with
// nothing but a trade state is normal while the customer types a password.
func (w *Wallet) judge(p agent.Payment, body []byte) agent.Answer {
	var t transaction
	if err := json.Unmarshal(body, &t); err != nil {
		return wallet.Unverified(fmt.Errorf("the answer cannot be read: %w", err))
	}
	t.Txn = cmp.Or(t.Txn, t.ID)
	return w.judgeOrder(p, t)
}

// judgeOrder is judge for an order that was read, from whichever API.
func (w *Wallet) judgeOrder(p agent.Payment, t transaction) agent.Answer {
	if err := t.contradicts(w, p); err != nil {
		return wallet.Unverified(err)
	}
	a := agent.Answer{Code: word(t.State), Text: wallet.Clip(t.Desc, wallet.MessageLength), Txn: t.Txn}
	switch t.State {
	case stateSuccess, stateRefund:
		success, err := t.paid(w)
		if err != nil {
			return wallet.Unverified(err)
		}
		success.Code, success.Text = a.Code, a.Text
		return success
	case stateUserPaying:
		a.Verdict = agent.Awaiting
	case stateNotPaid:
		a.Verdict = agent.Unpaid
	case stateClosed, stateRevoked:
		a.Verdict, a.Reason = agent.Ended, agent.ReasonDeadOrder
	case statePayError:
		a.Verdict, a.Reason = agent.Refused, agent.ReasonWalletRefused
	default:
		a.Reason = agent.ReasonSystem
		return a
	}
	if a.Verdict == agent.Ended || a.Verdict == agent.Refused {
		if err := t.names(w); err != nil {
			return wallet.Unverified(err)
		}
	}
	return a
}

// word keeps of a wallet's word what may stand in a log and on a screen.
func word(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_':
			return r
		}
		return -1
	}, text[:min(len(text), 64)])
}
