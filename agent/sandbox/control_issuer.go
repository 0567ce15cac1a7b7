package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// issuerOf is the issuer of a wallet, or [ErrNoIssuer].
func (c *Cloud) issuerOf(wallet string) (Issuer, error) {
	if w, ok := c.wallet(wallet).(Issuing); ok && w.Issuer() != nil {
		return w.Issuer(), nil
	}
	return nil, ErrNoIssuer
}

// phonesIssuer is the issuer behind a customer's phone.
func (c *Cloud) phonesIssuer(ctx context.Context, id string) (Issuer, error) {
	customer, err := c.options.Ledger.Customer(ctx, id)
	if err != nil {
		return nil, err
	}
	return c.issuerOf(customer.Wallet)
}

// Scan lets a customer's phone read a code: one that its cloud made, a shop's
// challenge, or one that the shop made of its printed code. A slow customer is waited
// for, as long as ctx lasts.
func (c *Cloud) Scan(ctx context.Context, customer, text string) (Slip, error) {
	issuer, err := c.phonesIssuer(ctx, customer)
	if err != nil && !errors.Is(err, ErrNoIssuer) {
		return Slip{}, err
	}
	if issuer != nil {
		if slip, err := issuer.Scan(ctx, customer, text); err != nil || slip.Status != ScanUnknown {
			return slip, err
		}
	}
	status, err := c.options.Ledger.Scan(ctx, customer, strings.TrimSpace(text))
	if err == nil && status == ScanUnknown {
		status, err = c.scanShopMade(ctx, customer, text)
	}
	return Slip{Status: status}, err
}

// shopMadeLife is how long a phone may think about a code that a shop made by itself.
const shopMadeLife = 10 * time.Minute

// scanShopMade makes the order of a code that the cloud sees for the first time, and
// lets the phone pay it.
func (c *Cloud) scanShopMade(ctx context.Context, id, text string) (ScanStatus, error) {
	customer, err := c.options.Ledger.Customer(ctx, id)
	if err != nil {
		return "", err
	}
	w, _ := c.wallet(customer.Wallet).(ShopMade)
	if w == nil {
		return ScanUnknown, nil
	}
	s, ok := w.ReadShopMade(text)
	if !ok {
		return ScanUnknown, nil
	}
	s.Expires, s.Request = c.options.Clock.Now().Add(shopMadeLife), c.options.Ledger.Fingerprint("shop made", s.QR)
	if _, err := c.options.Ledger.Present(ctx, s); RefusedFor(err) != "" {
		return ScanClosed, nil // paid under its number, or closed by the shop
	} else if err != nil {
		return "", err
	}
	return c.options.Ledger.Scan(ctx, id, s.QR)
}

// Confirm enters a customer's password; a receipt is shown for a challenge that it
// paid.
func (c *Cloud) Confirm(ctx context.Context, customer string) (Slip, error) {
	status, err := c.options.Ledger.Confirm(ctx, customer)
	if err != nil || status != ScanPaid {
		return Slip{Status: status}, err
	}
	issuer, err := c.phonesIssuer(ctx, customer)
	if errors.Is(err, ErrNoIssuer) {
		return Slip{Status: status}, nil
	}
	if err != nil {
		return Slip{}, err
	}
	return issuer.Confirmed(ctx, customer)
}

// postVoucher makes a code of a phone that has no challenge to answer.
func (c *Cloud) postVoucher(w http.ResponseWriter, r *http.Request) {
	askIssuer(c, w, r, func(i Issuer, id string, ask VoucherAsk) (any, error) { return i.Voucher(r.Context(), id, ask) })
}

// postCarriage puts a phone into flight mode, or into a thief's hands.
func (c *Cloud) postCarriage(w http.ResponseWriter, r *http.Request) {
	askIssuer(c, w, r, func(i Issuer, id string, ask Carriage) (any, error) { return i.Carry(r.Context(), id, ask) })
}

// askIssuer reads what is asked of a phone's issuer, and answers what it did.
func askIssuer[A any](c *Cloud, w http.ResponseWriter, r *http.Request, do func(i Issuer, id string, ask A) (any, error)) {
	var ask A
	if !read(w, r, &ask) {
		return
	}
	id := r.PathValue("id")
	issuer, err := c.phonesIssuer(r.Context(), id)
	if err != nil {
		c.broken(w, r, err)
		return
	}
	did, err := do(issuer, id, ask)
	c.issued(w, r, did, err)
}

// issued answers what an issuer did, or why not.
func (c *Cloud) issued(w http.ResponseWriter, r *http.Request, v any, err error) {
	var cannot OfficeError
	switch {
	case errors.As(err, &cannot):
		fail(w, http.StatusUnprocessableEntity, "issuer", cannot.Error())
	case err != nil:
		c.broken(w, r, err)
	default:
		reply(w, http.StatusOK, v)
	}
}

// reports are all issuers as their offices see them.
func (c *Cloud) reports(ctx context.Context) ([]IssuerReport, error) {
	list := []IssuerReport{}
	for _, name := range c.walletNames() {
		issuer, err := c.issuerOf(name)
		if err != nil {
			continue // needs a line
		}
		report, err := issuer.Report(ctx)
		if err != nil {
			return nil, err
		}
		list = append(list, report)
	}
	return list, nil
}

func (c *Cloud) getIssuers(w http.ResponseWriter, r *http.Request) {
	list, err := c.reports(r.Context())
	c.issued(w, r, map[string]any{"issuers": list}, err)
}

// postIssuers changes an issuer's keys or lists and answers all of them.
func (c *Cloud) postIssuers(w http.ResponseWriter, r *http.Request) {
	var ask OfficeAsk
	if !read(w, r, &ask) {
		return
	}
	for _, name := range c.walletNames() {
		issuer, err := c.issuerOf(name)
		if err != nil || ask.Brand != "" && ask.Brand != name {
			continue
		}
		if err := issuer.Office(r.Context(), ask); err != nil {
			c.issued(w, r, nil, err)
			return
		}
		c.getIssuers(w, r)
		return
	}
	fail(w, http.StatusUnprocessableEntity, "issuer", fmt.Sprintf("The wallet %q issues nothing.", ask.Brand))
}
