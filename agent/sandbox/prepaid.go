package sandbox

import (
	"bytes"
	"context"
	"time"
)

// RedeemGrace is how long after the end of a voucher a shop may still hand it in.
const RedeemGrace = 14 * 24 * time.Hour

// Prepaid is money that left a customer's balance in advance and stands behind a
// voucher. Amounts are minor units.
type Prepaid struct {
	Wallet   string
	ID       string
	Customer string
	Kind     string // the issuer's word for it
	Currency string
	Total    int64
	Most     int64 // of one payment
	Drawn    int64 // what shops have had
	Returned int64 // what went back to the customer after its end
	From     time.Time
	Until    time.Time // the first moment too late to sign
	Blocked  bool
}

// Prepay takes the money out of the customer's balance. What is left of the
// customer's vouchers of before, which no shop may hand in any more, goes back
// first. A balance too small is the [Refusal] [ReasonNotEnough].
func (l *Ledger) Prepay(ctx context.Context, p Prepaid) error {
	return l.do(ctx, func(t *tx) error {
		if err := t.giveBack(p.Customer); err != nil {
			return err
		}
		result, err := t.sql.ExecContext(t.ctx, "UPDATE customer SET balance = balance - ? WHERE id = ? AND currency = ? AND balance >= ?",
			p.Total, p.Customer, p.Currency, p.Total)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n != 1 {
			if err != nil {
				return err
			}
			return Refusal{ReasonNotEnough}
		}
		return t.exec("INSERT INTO prepaid (wallet, id, customer, kind, currency, total, most, begins, ends) VALUES (?,?,?,?,?,?,?,?,?)",
			p.Wallet, p.ID, p.Customer, p.Kind, p.Currency, p.Total, p.Most, millis(p.From), millis(p.Until))
	})
}

// giveBack returns what stands behind vouchers whose time to be handed in is over.
func (t *tx) giveBack(customer string) error {
	const over = "customer = ? AND ends <= ? AND drawn + returned < total"
	end := millis(t.now.Add(-RedeemGrace))
	var left int64
	if err := t.row("SELECT coalesce(sum(total - drawn - returned), 0) FROM prepaid WHERE "+over, customer, end).Scan(&left); err != nil || left == 0 {
		return err
	}
	if err := t.exec("UPDATE prepaid SET returned = total - drawn WHERE "+over, customer, end); err != nil {
		return err
	}
	return t.credit(customer, left)
}

// Block blocks a voucher, or lets it pass again, and reports whether it is known.
func (l *Ledger) Block(ctx context.Context, wallet, id string, on bool) (known bool, err error) {
	err = l.do(ctx, func(t *tx) error {
		at := int64(0)
		if on {
			at = millis(t.now)
		}
		result, err := t.sql.ExecContext(t.ctx, "UPDATE prepaid SET blocked = ? WHERE wallet = ? AND id = ?", at, wallet, id)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		known = n == 1
		return err
	})
	return known, err
}

const prepaidColumns = "wallet, id, customer, kind, currency, total, most, drawn, returned, begins, ends, blocked"

func scanPrepaid(row scanner) (p Prepaid, err error) {
	var from, until, blocked int64
	err = row.Scan(&p.Wallet, &p.ID, &p.Customer, &p.Kind, &p.Currency, &p.Total, &p.Most, &p.Drawn, &p.Returned, &from, &until, &blocked)
	p.From, p.Until, p.Blocked = fromMillis(from), fromMillis(until), blocked != 0
	return p, err
}

// AllPrepaid lists what stands behind a wallet's vouchers, oldest first.
func (l *Ledger) AllPrepaid(ctx context.Context, wallet string) ([]Prepaid, error) {
	var list []Prepaid
	err := l.do(ctx, func(t *tx) error {
		rows, err := t.rows("SELECT "+prepaidColumns+" FROM prepaid WHERE wallet = ? ORDER BY rowid", wallet)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			p, err := scanPrepaid(rows)
			if err != nil {
				return err
			}
			list = append(list, p)
		}
		return rows.Err()
	})
	return list, err
}

// Spending hands in a voucher that a shop took.
type Spending struct {
	Key         Key
	Amount      int64 // minor units
	Currency    string
	Description string
	Details     string // kept for the wallet, opaque here
	Request     []byte // Ledger.Fingerprint of the code and the amount
	ID          string // of the voucher
	Counter     int64  // of the device; 0 for a bearer's voucher
	At          time.Time
	// Refuse is why the code is not honoured whatever stands behind it, where the
	// issuer has found that out; the refusal is remembered under the order's number.
	Refuse Reason
}

// Spend pays an order with a voucher, once: the same code for the same order
// answers what the first did. A refused one leaves a declined order with its
// reason and moves nothing. A [Refusal] is only about the number itself.
func (l *Ledger) Spend(ctx context.Context, s Spending) (*Order, error) {
	var o *Order
	err := l.do(ctx, func(t *tx) (err error) {
		o, err = t.spend(s)
		return err
	})
	return o, err
}

func (t *tx) spend(s Spending) (*Order, error) {
	o, err := t.findKey(s.Key)
	switch {
	case err != nil:
		return nil, err
	case o != nil && o.Kind == KindVoucher && bytes.Equal(o.request, s.Request):
		return o, nil
	case o != nil && o.Kind == KindShown && o.Captured == 0:
		if free, err := t.abandoned(o); err != nil || free {
			if err != nil {
				return nil, err
			}
			return t.handIn(o, s)
		}
	}
	if o != nil {
		if err := payVerdict(o); err != nil && o.State != StateDeclined {
			return nil, err
		}
		return nil, Refusal{ReasonNumberUsed}
	}
	return t.handIn(nil, s)
}

// abandoned tells a shown order that nobody paid and that no shop closed: another
// phone may have signed for it.
func (t *tx) abandoned(o *Order) (free bool, err error) {
	if o.Open() {
		return true, nil
	}
	err = t.row("SELECT EXISTS (SELECT 1 FROM history WHERE order_id = ? AND event = 'expired')", o.id).Scan(&free)
	return free, err
}

// handIn makes the order of a voucher, or makes one out of a shown order that was
// abandoned.
func (t *tx) handIn(shown *Order, s Spending) (_ *Order, err error) {
	o := &Order{Key: s.Key, Kind: KindVoucher, Amount: s.Amount, Currency: s.Currency, Description: s.Description, Details: s.Details,
		Expires: t.now.Add(CodeOrderLife), State: StateAwaiting, request: s.Request}
	reason := s.Refuse
	var p Prepaid
	if reason == "" {
		if p, reason, err = t.mayDraw(s); err != nil {
			return nil, err
		}
		o.Customer = p.Customer
	}
	if shown == nil {
		err = t.create(o, "handed in")
	} else {
		o.id, o.Created = shown.id, shown.Created
		err = t.exec("UPDATE orders SET kind = ?, amount = ?, currency = ?, description = ?, details = ?, request = ? WHERE id = ?",
			o.Kind, o.Amount, o.Currency, o.Description, o.Details, notNil(o.request), o.id)
		if err == nil {
			err = t.save(o, t.now, "handed in", o.Amount)
		}
	}
	if err != nil {
		return nil, err
	}
	if reason != "" {
		return o, t.decline(o, reason)
	}
	return o, t.draw(o, p, s.Counter)
}

// mayDraw says why a voucher is not honoured. That it was spent comes first: it
// is what a second shop must be told, whatever happened to the voucher since.
func (t *tx) mayDraw(s Spending) (Prepaid, Reason, error) {
	p, err := scanPrepaid(t.row("SELECT "+prepaidColumns+" FROM prepaid WHERE wallet = ? AND id = ?", s.Key.Wallet, s.ID))
	if noRows(err) {
		return Prepaid{}, ReasonForged, nil // signed in the issuer's name, and not by it
	}
	var spent bool
	if err == nil {
		err = t.row("SELECT EXISTS (SELECT 1 FROM spent WHERE wallet = ? AND id = ? AND counter = ?)", s.Key.Wallet, s.ID, s.Counter).Scan(&spent)
	}
	switch {
	case err != nil:
		return Prepaid{}, "", err
	case spent:
		return p, ReasonSpent, nil
	case p.Blocked:
		return p, ReasonDenied, nil
	case s.At.Before(p.From), !s.At.Before(p.Until), !t.now.Before(p.Until.Add(RedeemGrace)):
		return p, ReasonExpired, nil
	case s.Currency != p.Currency, s.Amount > p.Most, s.Amount > p.Total-p.Drawn-p.Returned:
		return p, ReasonOverLimit, nil
	}
	return p, "", nil
}

// draw pays an order out of what was prepaid. The sum is compared again by the
// table itself.
func (t *tx) draw(o *Order, p Prepaid, counter int64) error {
	if err := t.exec("INSERT INTO spent (wallet, id, counter, order_id) VALUES (?,?,?,?)", p.Wallet, p.ID, counter, o.id); err != nil {
		return err
	}
	if err := t.exec("UPDATE prepaid SET drawn = drawn + ? WHERE wallet = ? AND id = ?", o.Amount, p.Wallet, p.ID); err != nil {
		return err
	}
	var err error
	if o.TransactionID, err = t.number("42000"); err != nil {
		return err
	}
	o.State, o.Captured, o.Paid = StatePaid, o.Amount, t.now
	return t.save(o, t.now, "captured", o.Amount)
}
