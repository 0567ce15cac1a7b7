package wechat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// codepay is the body of POST …/codepay (WeChat Pay v3, code payment). It has no
// notify_url: a code payment never notifies, the terminal asks.
type codepay struct {
	merchant
	Description string `json:"description"`
	OrderNo     string `json:"out_trade_no"`
	Payer       struct {
		AuthCode string `json:"auth_code"`
	} `json:"payer"`
	Amount money `json:"amount"`
	Scene  struct {
		DeviceID string `json:"device_id"`
		Store    *store `json:"store_info,omitempty"`
	} `json:"scene_info"`
	abroad
}

// store is the shop's own code for this store. The global edition wants a name
// and an address there or nothing, and gets nothing.
type store struct {
	OutID string `json:"out_id"`
}

// abroad is what an order of the global edition has more.
type abroad struct {
	TradeType string `json:"trade_type,omitempty"`
	Category  string `json:"merchant_category_code,omitempty"`
}

func (w *Wallet) abroad(kind string) abroad {
	if !w.c.global() {
		return abroad{}
	}
	return abroad{kind, w.c.Category}
}

// codepay depends on the payment and the configuration alone, so that a second
// try of the same payment is the same order.
func (w *Wallet) codepay(p agent.Payment, code agent.PayCode) codepay {
	b := codepay{merchant: w.merchant(), Description: w.c.Description, OrderNo: p.OrderNo, Amount: total(p), abroad: w.abroad("MICROPAY")}
	b.Payer.AuthCode = code.Reveal()
	b.Scene.DeviceID = device(p.Lane)
	if !w.c.global() {
		b.Scene.Store = &store{w.c.StoreID}
	}
	return b
}

// Pay implements agent.Charger.
func (w *Wallet) Pay(ctx context.Context, p agent.Payment, code agent.PayCode) agent.Answer {
	if w.c.classic() {
		return w.micropay(ctx, p, code)
	}
	return w.pay(ctx, p, code, nil)
}

// pay sends the request, signed by sign or else as every other.
func (w *Wallet) pay(ctx context.Context, p agent.Payment, code agent.PayCode, sign wallet.Signer) agent.Answer {
	return wallet.Hide(w.do(ctx, request{op: agent.OpPay, method: http.MethodPost, target: w.payPath(), body: w.codepay(p, code), once: true, sign: sign,
		read: func(status int, body []byte) agent.Answer { return w.readPay(p, status, body) }}), code)
}

func (w *Wallet) readPay(p agent.Payment, status int, body []byte) agent.Answer {
	if status/100 != 2 {
		return payRefused(refuse(body, payRefusals, true, p.Status.Attempt > 1))
	}
	return payVerdict(w.judge(p, body))
}

// payVerdict is what the description of an order means as the answer to a payment.
func payVerdict(a agent.Answer) agent.Answer {
	switch a.Verdict {
	case agent.Ended: // a pay answer that describes a dead order refuses the payment
		a.Verdict = agent.Refused
	case agent.Unpaid: // no outcome yet: the query tells
		a.Verdict, a.Reason = agent.InDoubt, agent.ReasonSystem
	}
	return a
}

// payRefused reads two refusals by their message too: one code serves two cases.
func payRefused(a agent.Answer) agent.Answer {
	switch {
	case a.Code == "AUTH_CODE_INVALID" && strings.HasPrefix(a.Text, "101"):
		// Also said of an order number that was used before, perhaps by this payment.
		a.Verdict, a.Reason = agent.InDoubt, agent.ReasonSystem
	case a.Code == "TRADE_ERROR" && noPassword(a.Text):
		a.Reason = agent.ReasonNotConfirmed
	}
	return a
}

// noPassword recognises the final failure after the customer was asked.
func noPassword(text string) bool {
	text = strings.ToLower(text)
	return strings.Contains(text, "password") || strings.Contains(text, "密码") || strings.Contains(text, "not confirm")
}

// device names the lane to WeChat: up to 32 characters.
func device(lane string) string {
	name := "LANE-" + lane
	return name[:min(len(name), 32)]
}

// native is the body of POST …/native.
type native struct {
	merchant
	Description string `json:"description"`
	OrderNo     string `json:"out_trade_no"`
	Expire      string `json:"time_expire"` // RFC 3339
	Notify      string `json:"notify_url"`
	Amount      money  `json:"amount"`
	abroad
}

// maxCodeURL bounds code_url (WeChat Pay v3, Native).
const maxCodeURL = 512

// beijing is the zone WeChat writes times in.
var beijing = time.FixedZone("", 8*60*60)

// expiry is time_expire. It is counted from the first attempt as it was recorded,
// so that asking again soon sends the same parameters and means the same order.
// When too little of that time is left (the terminal was off), it moves on by
// whole lives: an order that did arrive is dead by then and is answered as such.
func (w *Wallet) expiry(p agent.Payment) string {
	begun := p.Status.Started
	if begun.IsZero() {
		begun = p.Created
	}
	life := w.c.Timers.QRLife + w.c.ExpireMargin
	lives := max(w.c.Clock.Now().Add(w.c.Timers.QRLife).Sub(begun)-1, 0)/life + 1
	return begun.Add(lives * life).In(beijing).Truncate(time.Second).Format(time.RFC3339)
}

// Present implements agent.Presenter.
func (w *Wallet) Present(ctx context.Context, p agent.Payment) agent.Answer {
	if w.c.NotifyURL == "" {
		return agent.Answer{Verdict: agent.NotDelivered, Reason: agent.ReasonSetup,
			Err: errors.New("notify_url is missing: WeChat shows no code without it; set an https address in the wallet's configuration")}
	}
	b := native{merchant: w.merchant(), Description: w.c.Description, OrderNo: p.OrderNo, Expire: w.expiry(p),
		Notify: w.c.NotifyURL, Amount: total(p), abroad: w.abroad("NATIVE")}
	return w.do(ctx, request{op: agent.OpPresent, method: http.MethodPost, target: w.transactions("native"), body: b,
		read: func(status int, body []byte) agent.Answer { return w.readPresent(p, status, body) }})
}

func (w *Wallet) readPresent(p agent.Payment, status int, body []byte) agent.Answer {
	if status/100 != 2 {
		return refuse(body, presentRefusals, true, p.Status.Attempt > 1)
	}
	var b struct {
		CodeURL string `json:"code_url"`
	}
	if err := json.Unmarshal(body, &b); err != nil {
		return wallet.Unverified(fmt.Errorf("the answer cannot be read: %w", err))
	}
	if !w.ownCode(b.CodeURL) {
		return agent.Answer{Verdict: agent.InDoubt, Reason: agent.ReasonShownElse,
			Err: fmt.Errorf("code_url %.80q is not WeChat's: it is not shown to anybody", b.CodeURL)}
	}
	return agent.Answer{Verdict: agent.Shown, QR: b.CodeURL}
}

// ownCode holds for a code that leads into WeChat and nowhere else.
func (w *Wallet) ownCode(code string) bool {
	if len(code) > maxCodeURL || strings.ContainsFunc(code, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return false
	}
	for _, prefix := range w.c.CodePrefixes {
		if strings.HasPrefix(code, prefix) && len(code) > len(prefix) {
			return true
		}
	}
	return false
}
