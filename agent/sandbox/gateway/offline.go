package gateway

import (
	"context"
	"encoding/base64"
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
)

// modeOffline is the contract's word for an order that the shop took without a line.
const modeOffline = "offline"

// offlineLink is what the links of the issuing brand begin with.
const offlineLink = "https://qr.issuer.sandbox.example/"

// Issuer is the issuer of one brand, as the acquirer needs it.
type Issuer interface {
	sandbox.Issuer
	// Names are the brand in requests, its title, and the currencies of its phones.
	Names() (brand, title string, currencies []agent.Currency)
	// Number is the issuer in codes.
	Number() int
	// Know is told every order number before anything is asked about it.
	Know(context.Context, sandbox.Key) error
	// KeySet is the signed list of keys that is given out now.
	KeySet(context.Context) (raw []byte, version uint64, err error)
	// Redeem honours a code: the order is paid, or declined with the reason.
	Redeem(context.Context, sandbox.Redemption) (*sandbox.Order, error)
}

// issuing is the row of the issuer's brand. With a line its customers scan links.
func issuing(i Issuer) Brand {
	name, title, currencies := i.Names()
	return Brand{Name: name, Title: title, Currencies: currencies, Refund: usual, show: link(offlineLink), kind: "link", profile: offlineLink}
}

// issues reports whether a brand is the issuer's.
func (a *Acquirer) issues(w *Wallet) bool {
	if w == nil || a.issuer == nil {
		return false
	}
	name, _, _ := a.issuer.Names()
	return w.brand.Name == name
}

// Issuer implements [sandbox.Issuing].
func (w *Wallet) Issuer() sandbox.Issuer {
	if !w.issues(w) {
		return nil
	}
	return w.Acquirer.issuer
}

// challenged tells an order that began with the shop's own challenge.
func (t *task) challenged(o *sandbox.Order) bool {
	return t.issues(t.wallet) && strings.HasPrefix(o.QR, "PC1:")
}

// know tells the issuer, or the ledger, the number of the request, so that what was
// paid before the number was known is found under it.
func (t *task) know() error {
	switch {
	case t.orderNo == "" || t.wallet == nil:
		return nil
	case t.issues(t.wallet):
		return t.issuer.Know(t.ctx, t.key())
	case t.wallet.brand.shopMade:
		return t.ledger.Know(t.ctx, t.key(), t.orderNo[len(t.orderNo)-20:])
	}
	return nil
}

func (t *task) offlineCapability() map[string]any {
	return map[string]any{"issuer": t.issuer.Number(), "codes": []string{"RC1", "OV1", "OV2"}, "redeem_within_s": int64(sandbox.RedeemGrace / time.Second)}
}

// keySet gives the signed key set out.
func (t *task) keySet() (map[string]any, error) {
	if !t.issues(t.wallet) {
		return nil, errMode
	}
	raw, version, err := t.issuer.KeySet(t.ctx)
	if err != nil {
		return nil, err
	}
	body := map[string]any{"merchant": t.terminal.Merchant, "brand": t.wallet.brand.Name, "version": version,
		"key_set": base64.StdEncoding.EncodeToString(raw)}
	return body, nil
}

// redeem takes a code that the shop accepted without a line. What becomes of it is
// part of the answer, not an error.
func (t *task) redeem() (map[string]any, error) {
	in, err := t.tender()
	if err != nil {
		return nil, err
	}
	code, errCode := t.in.text("code", 6, 512)
	accepted, errAccepted := t.in.text("accepted_at", 20, 40)
	at, errTime := time.Parse(time.RFC3339, accepted)
	switch {
	case errCode != nil:
		return nil, errCode
	case errAccepted != nil || errTime != nil:
		return nil, invalid("accepted_at is missing or no time")
	case !t.issues(t.wallet):
		return nil, errMode
	}
	if err := t.wallet.brand.takes(in.amount); err != nil {
		return nil, err
	}
	order, err := t.issuer.Redeem(t.ctx, sandbox.Redemption{Key: t.key(), Amount: in.amount.Value, Currency: string(in.amount.Currency),
		Description: in.description, Details: in.details, Code: code, Accepted: at})
	if err != nil {
		return nil, err
	}
	return t.paymentBody(order), nil
}
