package voucher

import (
	"bytes"
	"context"
	"strconv"

	"tillwire/agent/sandbox"
)

// Know tells the ledger which sale a challenge was about, now that the shop names
// its order number. It comes before everything that is asked about the number.
func (i *Issuer) Know(ctx context.Context, k sandbox.Key) error {
	merchant := MerchantOf(k.Merchant)
	return i.o.Ledger.Know(ctx, k, aliasOf(merchant, OrderOf(merchant, k.OrderNo)))
}

// Redeem honours a code that a shop took, or says why not: the order it answers is
// paid, or declined with the reason. The same code for the same order answers the
// same; a code that paid another order is declined as spent. An error that is a
// [sandbox.Refusal] is about the order number.
func (i *Issuer) Redeem(ctx context.Context, r sandbox.Redemption) (*sandbox.Order, error) {
	if err := i.Know(ctx, r.Key); err != nil {
		return nil, err
	}
	// Whatever code is handed in: a customer who paid the challenge has paid.
	o, err := i.o.Ledger.Order(ctx, r.Key)
	if err == nil && o.Kind == sandbox.KindShown && o.Captured > 0 {
		return o, nil
	}
	if err != nil && sandbox.RefusedFor(err) != sandbox.ReasonNotFound {
		return nil, err
	}
	s := sandbox.Spending{Key: r.Key, Amount: r.Amount, Currency: r.Currency, Description: r.Description, Details: r.Details,
		Request: i.o.Ledger.Fingerprint("redeem", trimmed(r.Code), r.Currency, strconv.FormatInt(r.Amount, 10))}
	c, ok := readCode(r.Code)
	if !ok {
		s.Refuse = sandbox.ReasonMalformed
		return i.o.Ledger.Spend(ctx, s)
	}
	s.Refuse = i.judge(c, r)
	if c.kind == "RC1" && s.Refuse == "" {
		if s.Refuse, err = i.unpaid(ctx, c); err != nil {
			return nil, err
		}
	}
	s.ID, s.Counter, s.At = idText(c.worth.ID), int64(c.counter), c.at
	if c.kind == "OV1" {
		s.At = r.Accepted
	}
	return i.o.Ledger.Spend(ctx, s)
}

// unpaid says what is wrong with a genuine receipt that is not of this order: it is
// of another one, or of a payment that nobody made and a key has got out.
func (i *Issuer) unpaid(ctx context.Context, c code) (sandbox.Reason, error) {
	all, err := i.o.Ledger.Orders(ctx, 0)
	for _, o := range all {
		if o.Wallet == i.o.Brand && o.Captured > 0 && bytes.Equal(txnOf(o.Order), c.txn) {
			return sandbox.ReasonSpent, err
		}
	}
	return sandbox.ReasonForged, err
}

// judge looks at what the code itself says; what stands behind it is the ledger's.
// A key that was withdrawn does not matter here: what it signed rightly is in the
// issuer's books, and what it signed for a thief is not.
func (i *Issuer) judge(c code, r sandbox.Redemption) sandbox.Reason {
	key, known := i.keyNamed(c.kid)
	merchant := MerchantOf(r.Key.Merchant)
	order := OrderOf(merchant, r.Key.OrderNo)
	switch {
	case !known, c.issuer != int64(i.o.Number), !c.genuine(key):
		return sandbox.ReasonForged
	case c.currency != r.Currency, c.order != nil && !bytes.Equal(c.order, order[:]),
		c.amount != 0 && c.amount != r.Amount:
		return sandbox.ReasonOtherOrder
	case c.kind == "OV2" && (c.at.Before(c.worth.From) || !c.at.Before(c.worth.Until)):
		return sandbox.ReasonExpired
	case c.kind == "OV2" && r.Amount > c.worth.Most:
		return sandbox.ReasonOverLimit
	}
	return ""
}
