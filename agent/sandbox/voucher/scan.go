package voucher

import (
	"context"
	"crypto/sha256"
	"time"

	"tillwire/agent/sandbox"
)

const (
	// challengeLife is how old or how far ahead a challenge may be that is paid.
	challengeLife = 10 * time.Minute
	// passwordLife is how long a phone waits for its owner.
	passwordLife = 2 * time.Minute
)

// Scan implements [sandbox.Issuer].
func (i *Issuer) Scan(ctx context.Context, id, text string) (sandbox.Slip, error) {
	customer, err := i.o.Ledger.Customer(ctx, id)
	if err != nil {
		return sandbox.Slip{}, err
	}
	c, ok := ReadChallenge(text)
	p, err := i.hold(ctx, id, look)
	switch {
	case err != nil:
		return sandbox.Slip{}, err
	case !ok && p.Flight:
		return sandbox.Slip{Status: sandbox.ScanNoLine}, nil
	case !ok:
		return sandbox.Slip{Status: sandbox.ScanUnknown}, nil
	case customer.Behaviour == sandbox.Abandon:
		return sandbox.Slip{Status: sandbox.ScanAbandoned}, nil
	case customer.Behaviour == sandbox.Decline:
		return sandbox.Slip{Status: sandbox.ScanDeclined}, nil
	case p.Attack != "" || p.Flight:
		return i.sign(ctx, id, &c)
	}
	return i.pay(ctx, customer, c)
}

// pay pays a challenge at the wallet, which a phone with a line can do although
// the shop has none. The order is named by the challenge until the shop tells its
// number.
func (i *Issuer) pay(ctx context.Context, customer sandbox.Customer, c Challenge) (sandbox.Slip, error) {
	merchant, known := i.merchants[c.Merchant]
	age := i.now().Sub(c.At)
	switch {
	case !known:
		return sandbox.Slip{Status: sandbox.ScanUnknown}, nil
	case age > challengeLife || age < -challengeLife:
		return sandbox.Slip{Status: sandbox.ScanClosed}, nil
	}
	if !i.paidBy(ctx, customer.ID, c) && (customer.Currency != c.Currency || customer.Balance < c.Amount) {
		// Nothing is left open for a shop to wait for.
		return sandbox.Slip{Status: sandbox.ScanDeclined}, nil
	}
	text := c.Text()
	_, err := i.o.Ledger.Present(ctx, sandbox.Showing{Key: sandbox.Key{Wallet: i.o.Brand, Merchant: merchant}, Alias: c.alias(), Amount: c.Amount,
		Currency: c.Currency, Description: i.o.Title, QR: text, Expires: i.o.Clock.Now().Add(passwordLife),
		Request: i.o.Ledger.Fingerprint("challenge", text)})
	switch reason := sandbox.RefusedFor(err); {
	case reason == sandbox.ReasonOrderPaid: // by this phone or by another
	case reason != "":
		return sandbox.Slip{Status: sandbox.ScanClosed}, nil
	case err != nil:
		return sandbox.Slip{}, err
	}
	status, err := i.o.Ledger.Scan(ctx, customer.ID, text)
	if err != nil || status != sandbox.ScanPaid {
		return sandbox.Slip{Status: status}, err
	}
	return i.receipt(ctx, customer.ID, text)
}

// paidBy reports whether this phone has paid the challenge before: it shows the
// receipt again then, whatever money it has left.
func (i *Issuer) paidBy(ctx context.Context, customer string, c Challenge) bool {
	slip, err := i.receipt(ctx, customer, c.Text())
	return err == nil && slip.Code != ""
}

// Confirmed implements [sandbox.Issuer].
func (i *Issuer) Confirmed(ctx context.Context, customer string) (sandbox.Slip, error) {
	orders, err := i.o.Ledger.CustomerOrders(ctx, customer, 1)
	if err != nil || len(orders) == 0 {
		return sandbox.Slip{Status: sandbox.ScanPaid}, err
	}
	return i.receipt(ctx, customer, orders[0].QR)
}

// receipt signs what the phone shows for a challenge that it paid. Asked again it
// signs the same: only the payment's own facts are in it.
func (i *Issuer) receipt(ctx context.Context, customer, text string) (sandbox.Slip, error) {
	slip := sandbox.Slip{Status: sandbox.ScanPaid}
	c, ok := ReadChallenge(text)
	orders, err := i.o.Ledger.CustomerOrders(ctx, customer, 0)
	if err != nil || !ok {
		return slip, err
	}
	press, err := i.press()
	if err != nil {
		return slip, err
	}
	for _, o := range orders {
		if o.QR == text && o.State == sandbox.StatePaid {
			slip.Code = press.Receipt(Receipt{At: o.Paid, Challenge: c, Txn: txnOf(o.Order)})
		}
	}
	return slip, nil
}

// txnOf is the wallet's number of a transaction in twelve bytes.
func txnOf(o *sandbox.Order) []byte {
	sum := sha256.Sum256([]byte(o.TransactionID))
	return sum[:12]
}
