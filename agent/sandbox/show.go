package sandbox

import (
	"bytes"
	"context"
	"time"
)

// ShownOrderLife is how long a shown order stays payable when the shop sets no
// expiry (WeChat Pay, Native: the order lives seven days, its code_url two hours).
const ShownOrderLife = 2 * time.Hour

// Showing asks for a QR code that a customer will scan.
type Showing struct {
	Key         Key
	Amount      int64 // minor units
	Currency    string
	Quote       Quote // where the cloud converts
	Description string
	Details     string    // kept for the wallet, opaque here
	Expires     time.Time // zero: ShownOrderLife from now
	QR          string    // the payload to show; must be fresh
	Request     []byte    // Ledger.Fingerprint of all business parameters
	// Alias is what the payer knows the order by where its number is not known yet;
	// Key.OrderNo is empty then. See [Ledger.Know].
	Alias string
}

// Present makes an order that waits for a customer. The same request again
// gets the fresh payload and kills the one shown before.
func (l *Ledger) Present(ctx context.Context, s Showing) (*Order, error) {
	var o *Order
	err := l.do(ctx, func(t *tx) (err error) {
		o, err = t.present(s)
		return err
	})
	return o, err
}

// present compares the whole request, as the real cloud does: a number that was
// shown for one amount must not be shown for another.
func (t *tx) present(s Showing) (*Order, error) {
	if s.Alias != "" {
		if err := t.resolve(&s.Key, s.Alias); err != nil {
			return nil, err
		}
	}
	o, err := t.findKey(s.Key)
	if err != nil {
		return nil, err
	}
	if o != nil {
		if err := payVerdict(o); err != nil && o.State != StateDeclined {
			return nil, err
		}
		switch {
		case o.Kind != KindShown || !bytes.Equal(o.request, s.Request):
			return nil, Refusal{ReasonNumberUsed}
		case !o.Open():
			return nil, Refusal{ReasonOrderPaid}
		}
		o.QR = s.QR
		return o, t.save(o, t.now, "shown again", 0)
	}
	expires := s.Expires
	if expires.IsZero() {
		expires = t.now.Add(ShownOrderLife)
	}
	o = &Order{Key: s.Key, Kind: KindShown, Amount: s.Amount, Currency: s.Currency, Quote: s.Quote, Description: s.Description, Details: s.Details,
		QR: s.QR, Expires: expires, State: StateCreated, request: s.Request}
	return o, t.create(o, "shown")
}

// ScanStatus is what the phone says after scanning or confirming.
type ScanStatus string

// The answers of a phone.
const (
	ScanPaid      ScanStatus = "paid"
	ScanPassword  ScanStatus = "password"  // the phone asks for the password
	ScanDeclined  ScanStatus = "declined"  // no money moved; the order stays payable
	ScanAbandoned ScanStatus = "abandoned" // this customer never confirms
	ScanClosed    ScanStatus = "closed"    // expired, closed, or paid by another
	ScanUnknown   ScanStatus = "unknown"   // nothing this cloud shows, or nothing to confirm
)

// Scan lets a phone scan what the shop shows, and pay. A slow customer is
// waited for, as long as ctx lasts.
func (l *Ledger) Scan(ctx context.Context, customer, qr string) (ScanStatus, error) {
	for {
		var status ScanStatus
		var o *Order
		err := l.do(ctx, func(t *tx) (err error) {
			status, o, err = t.scan(customer, qr)
			return err
		})
		if err != nil {
			return "", err
		}
		if status == "" { // the customer is slow
			if err := l.wait(ctx, o.Answers); err != nil {
				return "", err
			}
			continue
		}
		return status, nil
	}
}

// scan answers "" while a slow customer is thinking.
func (t *tx) scan(id, qr string) (ScanStatus, *Order, error) {
	customer, err := t.customer(id)
	if err != nil {
		return "", nil, err
	}
	o, err := t.find("qr = ? AND qr <> '' AND wallet = ?", qr, customer.Wallet)
	switch {
	case err != nil:
		return "", nil, err
	case o == nil:
		return ScanUnknown, nil, nil
	case o.State == StatePaid && o.Customer == id:
		return ScanPaid, o, nil
	case !o.Open(), o.Customer != "" && o.Customer != id: // the first scanner owns the order
		return ScanClosed, o, nil
	case o.State == StateAwaiting:
		return waiting(o), o, nil
	}
	return t.scanFirst(o, customer)
}

// waiting says what a phone shows while its order awaits: a password field, or
// nothing yet for one who answers by themselves.
func waiting(o *Order) ScanStatus {
	if o.Answers.IsZero() {
		return ScanPassword
	}
	return ""
}

// scanFirst is the first look of a phone at an order that nobody owns. Whoever
// declines or walks away leaves it free for the next.
func (t *tx) scanFirst(o *Order, customer Customer) (ScanStatus, *Order, error) {
	price, currency := o.price()
	switch {
	case customer.Behaviour == Abandon:
		return ScanAbandoned, o, t.note(o, t.now, "abandoned", 0)
	case customer.Behaviour == Decline || customer.Currency != currency || customer.Balance < price:
		return ScanDeclined, o, t.note(o, t.now, "declined by the phone", 0)
	}
	o.Customer = customer.ID
	if err := t.react(o, customer.Behaviour); err != nil {
		return "", nil, err
	}
	if o.State == StateAwaiting {
		return waiting(o), o, nil
	}
	return ScanPaid, o, nil
}

// Confirm enters the password for what the phone asks about, the newest first.
func (l *Ledger) Confirm(ctx context.Context, customer string) (ScanStatus, error) {
	var status ScanStatus
	err := l.do(ctx, func(t *tx) (err error) {
		status, err = t.confirm(customer)
		return err
	})
	return status, err
}

// confirm takes the money for the newest order that awaits this customer.
func (t *tx) confirm(id string) (ScanStatus, error) {
	customer, err := t.customer(id)
	if err != nil {
		return "", err
	}
	if customer.Behaviour == Abandon {
		return ScanAbandoned, nil
	}
	// The newest order this phone was ever asked about decides: one that died
	// while the customer typed is "closed", not "nothing to confirm".
	o, err := t.find("id = (SELECT max(id) FROM orders WHERE customer = ?)", id)
	switch {
	case err != nil:
		return "", err
	case o == nil:
		return ScanUnknown, nil
	}
	switch o.State {
	case StatePaid:
		return ScanPaid, nil
	case StateDeclined:
		return ScanDeclined, nil
	case StateClosed, StateCancelled, StateReversed:
		return ScanClosed, nil
	}
	if !o.Answers.IsZero() {
		return ScanUnknown, nil // a slow customer answers without a password
	}
	if err := t.capture(o, t.now); err != nil {
		return "", err
	}
	if o.State == StateDeclined {
		return ScanDeclined, nil
	}
	return ScanPaid, nil
}
