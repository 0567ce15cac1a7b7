package sandbox

import (
	"database/sql"
	"errors"
	"time"
)

// Kind says who presented the code of an order.
type Kind string

// The kinds of an order.
const (
	KindCode  Kind = "code"  // consumer-presented: the shop scanned the phone
	KindShown Kind = "shown" // merchant-presented: the phone scans the shop
	// KindVoucher is a voucher that a shop took without a line; its money left the
	// phone's balance when the voucher was issued.
	KindVoucher Kind = "voucher"
	KindUnseen  Kind = "unseen" // a tombstone: undone before it was asked for
)

// State is what an order is, in words no wallet's wire uses.
type State string

// The states of an order. created and awaiting are the open ones.
const (
	StateCreated   State = "created"   // shown, nobody has paid yet
	StateAwaiting  State = "awaiting"  // the customer must act or is slow
	StatePaid      State = "paid"      // money was taken
	StateDeclined  State = "declined"  // definitely refused
	StateCancelled State = "cancelled" // a code payment that died unpaid
	StateClosed    State = "closed"    // closed by the shop, or expired
	StateReversed  State = "reversed"  // undone by the shop; nothing is kept
)

// Key names an order. Order numbers are unique per merchant.
type Key struct {
	Wallet   string
	Merchant string
	OrderNo  string
}

// Order is one order number's row. Amounts are minor units of Currency.
type Order struct {
	Key
	Kind          Kind
	Amount        int64
	Currency      string
	Description   string
	Details       string // the wallet's own, opaque here
	State         State
	Reason        Reason // why it was declined
	Customer      string // empty until a customer is known
	TransactionID string // the cloud's own number, given on capture
	QR            string // what the shop shows
	Created       time.Time
	Expires       time.Time // an open order dies then
	Answers       time.Time // a slow customer's yes; zero otherwise
	Paid          time.Time
	Quote               // what the payer's phone gives for Amount, where the cloud converts
	Captured      int64 // ever taken, never reduced
	Refunded      int64 // sum of successful refunds
	Reversed      bool
	// Scanned holds from a phone's first look at a shown order on, paid or not.
	Scanned bool

	id       int64
	request  []byte // fingerprint of the business parameters it was asked with
	arriving bool   // a refund is on its way
}

// Open reports whether the order may still become paid.
func (o *Order) Open() bool { return o.State == StateCreated || o.State == StateAwaiting }

const orderColumns = `id, wallet, merchant, order_no, kind, amount, currency, description, details, request, state, reason,
	customer, transaction_id, qr, created, expires, answers, paid, captured, reversed, payer_amount, payer_currency, rate,
	(SELECT coalesce(sum(amount), 0) FROM refund WHERE order_id = orders.id AND state = 'success'),
	EXISTS (SELECT 1 FROM refund WHERE order_id = orders.id AND state = 'processing'),
	customer <> '' OR EXISTS (SELECT 1 FROM history WHERE order_id = orders.id AND event IN ('abandoned', 'declined by the phone'))`

// scanner is a row or rows, whichever has the columns of orderColumns.
type scanner interface{ Scan(...any) error }

// scanOrder reads the columns of orderColumns, in their order.
func scanOrder(row scanner) (*Order, error) {
	var o Order
	var created, expires, answers, paid int64
	err := row.Scan(&o.id, &o.Wallet, &o.Merchant, &o.OrderNo, &o.Kind, &o.Amount, &o.Currency, &o.Description, &o.Details, &o.request,
		&o.State, &o.Reason, &o.Customer, &o.TransactionID, &o.QR, &created, &expires, &answers, &paid, &o.Captured, &o.Reversed,
		&o.PayerAmount, &o.PayerCurrency, &o.Rate, &o.Refunded, &o.arriving, &o.Scanned)
	if err != nil {
		return nil, err
	}
	o.Created, o.Expires, o.Answers, o.Paid = fromMillis(created), fromMillis(expires), fromMillis(answers), fromMillis(paid)
	return &o, nil
}

// millis stores a time; the zero time is 0, which no real order has.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// fromMillis is the reverse of millis.
func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// find loads an order as it is now, or nil. What time alone decides (a slow
// yes, an expiry, a refund that arrives) is applied here, with the time it was
// due, before anyone looks: so a restart or a long silence changes no outcome.
func (t *tx) find(where string, args ...any) (*Order, error) {
	o, err := scanOrder(t.row("SELECT "+orderColumns+" FROM orders WHERE "+where, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return o, t.settle(o)
}

// findKey finds an order by the shop's own number.
func (t *tx) findKey(k Key) (*Order, error) {
	return t.find("wallet = ? AND merchant = ? AND order_no = ?", k.Wallet, k.Merchant, k.OrderNo)
}

// settle applies what became due while nobody looked. A yes that was due before
// the order died counts, even if both are only noticed now.
func (t *tx) settle(o *Order) error {
	if err := t.settleRefunds(o); err != nil || !o.Open() {
		return err
	}
	if !o.Answers.IsZero() && !o.Answers.After(t.now) && !o.Answers.After(o.Expires) {
		return t.capture(o, o.Answers)
	}
	if t.now.Before(o.Expires) {
		return nil
	}
	// The two kinds die differently: a code payment is cancelled by the cloud, a
	// shown order is simply no longer payable.
	o.State = StateClosed
	if o.Kind == KindCode {
		o.State = StateCancelled
	}
	return t.save(o, o.Expires, "expired", 0)
}

// create inserts the order and its first line of history.
func (t *tx) create(o *Order, event string) error {
	o.Created = t.now
	result, err := t.sql.ExecContext(t.ctx, `INSERT INTO orders (wallet, merchant, order_no, kind, amount, currency, description, details,
		request, state, reason, customer, transaction_id, qr, created, expires, answers, paid, captured, reversed,
		payer_amount, payer_currency, rate) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		o.Wallet, o.Merchant, o.OrderNo, o.Kind, o.Amount, o.Currency, o.Description, o.Details, notNil(o.request), o.State, o.Reason,
		o.Customer, o.TransactionID, o.QR, millis(o.Created), millis(o.Expires), millis(o.Answers), millis(o.Paid), o.Captured, o.Reversed,
		o.PayerAmount, o.PayerCurrency, o.Rate)
	if err != nil {
		return err
	}
	if o.id, err = result.LastInsertId(); err != nil {
		return err
	}
	return t.note(o, t.now, event, o.Amount)
}

// save writes what may change of an order, with a line of history.
func (t *tx) save(o *Order, at time.Time, event string, amount int64) error {
	err := t.exec(`UPDATE orders SET state = ?, reason = ?, customer = ?, transaction_id = ?, qr = ?, expires = ?, answers = ?,
		paid = ?, captured = ?, reversed = ? WHERE id = ?`,
		o.State, o.Reason, o.Customer, o.TransactionID, o.QR, millis(o.Expires), millis(o.Answers), millis(o.Paid), o.Captured, o.Reversed, o.id)
	if err != nil {
		return err
	}
	return t.note(o, at, event, amount)
}

// note adds a line of history; the ledger never takes one away.
func (t *tx) note(o *Order, at time.Time, event string, amount int64) error {
	return t.exec("INSERT INTO history (order_id, at, event, amount) VALUES (?,?,?,?)", o.id, millis(at), event, amount)
}

// notNil keeps an absent fingerprint from becoming NULL, which equals nothing.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
