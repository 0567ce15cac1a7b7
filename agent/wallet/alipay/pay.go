package alipay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// The highest amount of one order in fen (total_amount: 0.01 to 100000000 yuan).
const maxFen = 100_000_000_00

// tradePay is biz_content of alipay.trade.pay.
type tradePay struct {
	OrderNo  string `json:"out_trade_no"`
	Scene    string `json:"scene"`
	AuthCode string `json:"auth_code"`
	Subject  string `json:"subject"`
	Total    string `json:"total_amount"`
	Timeout  string `json:"timeout_express"`
	Product  string `json:"product_code,omitempty"`
	StoreID  string `json:"store_id,omitempty"`
	Terminal string `json:"terminal_id,omitempty"`
}

// tradePay depends on the payment and the configuration alone, so that a second
// try of the same payment is the same order. The order dies by itself soon after
// we give up on it: whoever confirms later than that pays nothing.
func (w *Wallet) tradePay(p agent.Payment, code agent.PayCode) request {
	b := tradePay{OrderNo: p.OrderNo, Scene: scene(code), AuthCode: code.Reveal(), Subject: subject(w.c.Description), Total: p.Amount.Decimal(),
		Timeout: minutes(w.c.Timers.GiveUp + orderMargin), Product: w.c.Product, StoreID: w.c.StoreID, Terminal: terminal(p.Lane)}
	return request{op: agent.OpPay, method: "alipay.trade.pay", biz: b, notify: true, once: true,
		read: func(content []byte) agent.Answer {
			// Before the transport logs the code of the answer.
			return wallet.Hide(read(content, func(t trade) agent.Answer { return readPay(p, t) }), code)
		}}
}

// orderMargin is how much longer than our patience an order may live, so that
// the cancellation and not the order's own end decides (Alipay: about 1 to 2 minutes).
const orderMargin = 30 * time.Second

// Pay implements agent.Charger.
func (w *Wallet) Pay(ctx context.Context, p agent.Payment, code agent.PayCode) agent.Answer {
	return w.pay(ctx, p, code, nil)
}

func (w *Wallet) pay(ctx context.Context, p agent.Payment, code agent.PayCode, early *prepared) agent.Answer {
	if a, ok := payable(p); !ok {
		return a
	}
	r := w.tradePay(p, code)
	r.early = early
	return w.do(ctx, r)
}

// payable refuses what cannot be an order before anything is sent.
func payable(p agent.Payment) (agent.Answer, bool) {
	var err error
	switch {
	case p.Amount.Currency != "CNY":
		err = fmt.Errorf("the gateway takes CNY, not %s", p.Amount.Currency)
	case p.Amount.Value < 1 || p.Amount.Value > maxFen:
		err = fmt.Errorf("an order is from 0.01 to 100000000.00 yuan, not %s", p.Amount.Decimal())
	case !orderNumber(p.OrderNo):
		err = errors.New("an order number is up to 64 letters, digits and underscores")
	}
	return agent.Answer{Verdict: agent.NotDelivered, Reason: agent.ReasonSetup, Err: err}, err == nil
}

func orderNumber(text string) bool {
	return text != "" && len(text) <= 64 && strings.IndexFunc(text, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_')
	}) < 0
}

func readPay(p agent.Payment, t trade) agent.Answer {
	switch {
	case t.Code == codeDone && t.Status != "": // not documented for pay: then it decides
		a := judge(p, t)
		if a.Verdict == agent.Ended {
			a.Verdict = agent.Refused
		}
		return a
	case t.Code == codeDone:
		if err := t.contradicts(p); err != nil {
			return wallet.Unverified(err)
		}
		return t.approve(p)
	case t.Code == codeWaiting:
		if err := t.contradicts(p); err != nil {
			return wallet.Unverified(err)
		}
		return agent.Answer{Verdict: agent.Awaiting, Code: t.Code, Txn: t.Txn}
	}
	return refuse(t.result, p, payRefusals, true, p.Status.Attempt > 1)
}

// scene tells a code from a face token, which begins with fp.
func scene(code agent.PayCode) string {
	if strings.HasPrefix(code.Reveal(), "fp") {
		return "security_code"
	}
	return "bar_code"
}

// subject keeps / = & out of what the customer reads (alipay.trade.pay, subject)
// by their full-width twins.
func subject(text string) string {
	return strings.NewReplacer("/", "／", "=", "＝", "&", "＆").Replace(text)
}

// terminal names the lane to Alipay: up to 32 characters.
func terminal(lane string) string {
	name := "LANE-" + lane
	return name[:min(len(name), 32)]
}

// precreate is biz_content of alipay.trade.precreate. The first limit counts from
// the scan, the second from the code.
type precreate struct {
	OrderNo   string `json:"out_trade_no"`
	Total     string `json:"total_amount"`
	Subject   string `json:"subject"`
	Product   string `json:"product_code,omitempty"`
	Timeout   string `json:"timeout_express"`
	QRTimeout string `json:"qr_code_timeout_express"`
	StoreID   string `json:"store_id,omitempty"`
	Terminal  string `json:"terminal_id,omitempty"`
}

// maxQRCode bounds qr_code (alipay.trade.precreate).
const maxQRCode = 1024

// codeLife is how long Alipay takes money for a shown code: not longer than it
// is shown, because nobody can close a code that nobody has scanned.
func (w *Wallet) codeLife() time.Duration {
	return (w.c.Timers.QRLife + time.Minute - 1).Truncate(time.Minute)
}

// Present implements agent.Presenter. The order begins at Alipay when the code is
// scanned; until then a query finds nothing.
func (w *Wallet) Present(ctx context.Context, p agent.Payment) agent.Answer {
	if a, ok := payable(p); !ok {
		return a
	}
	life := minutes(w.codeLife())
	b := precreate{OrderNo: p.OrderNo, Total: p.Amount.Decimal(), Subject: subject(w.c.Description), Product: w.c.Product,
		Timeout: life, QRTimeout: life, StoreID: w.c.StoreID, Terminal: terminal(p.Lane)}
	return w.do(ctx, request{op: agent.OpPresent, method: "alipay.trade.precreate", biz: b, notify: true,
		read: func(content []byte) agent.Answer {
			return read(content, func(r shown) agent.Answer { return w.readPresent(p, r) })
		}})
}

type shown struct {
	result
	QRCode string `json:"qr_code"`
}

func (w *Wallet) readPresent(p agent.Payment, r shown) agent.Answer {
	if r.Code != codeDone {
		return refuse(r.result, p, presentRefusals, true, p.Status.Attempt > 1)
	}
	// Another order's code would have the customer pay that one.
	if err := r.names(p); err != nil {
		return wallet.Unverified(err)
	}
	if !w.ownCode(r.QRCode) {
		return agent.Answer{Verdict: agent.InDoubt, Reason: agent.ReasonShownElse,
			Err: fmt.Errorf("qr_code %.80q is not Alipay's: it is not shown to anybody", r.QRCode)}
	}
	return agent.Answer{Verdict: agent.Shown, QR: r.QRCode}
}

// ownCode holds for a code that leads to Alipay and nowhere else.
func (w *Wallet) ownCode(code string) bool {
	if len(code) > maxQRCode || strings.ContainsFunc(code, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return false
	}
	for _, prefix := range w.c.CodePrefixes {
		if strings.HasPrefix(code, prefix) && len(code) > len(prefix) {
			return true
		}
	}
	return false
}
