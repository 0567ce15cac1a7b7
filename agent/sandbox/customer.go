package sandbox

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Behaviour is what a customer does when asked to pay.
type Behaviour string

// The behaviours of customers.
const (
	Approve  Behaviour = "approve"  // pays at once and is never asked for a password
	Password Behaviour = "password" // is asked for the password first
	Decline  Behaviour = "decline"  // is refused
	Slow     Behaviour = "slow"     // pays after six seconds
	Abandon  Behaviour = "abandon"  // never confirms
	// These pay at once; money that goes back to them is accepted and does not arrive.
	NoRefund    Behaviour = "no_refund"    // it is given up; another needs a new number
	StuckRefund Behaviour = "stuck_refund" // it hangs until the office completes it
)

// Behaviours lists all of them, in the order a page offers them.
var Behaviours = []Behaviour{Approve, Password, Slow, Decline, Abandon, NoRefund, StuckRefund}

// MaxBalance bounds a phone's balance and one payment, in minor units.
const MaxBalance int64 = 1_000_000_000_000

// PayCodeLife is how long a payment code may be used after it was shown.
const PayCodeLife = 60 * time.Second

// ErrNoCustomer is the answer for an id that is nobody's.
var ErrNoCustomer = errors.New("sandbox: no such customer")

// Customer is a phone. Balance is in minor units.
type Customer struct {
	ID        string    `json:"id"`
	Wallet    string    `json:"wallet"`
	Name      string    `json:"name"`
	Balance   int64     `json:"balance"`
	Currency  string    `json:"currency"` // ISO 4217; empty when made: HomeCurrency
	Behaviour Behaviour `json:"behaviour"`
}

// AddCustomer makes a phone and gives it an id.
func (l *Ledger) AddCustomer(ctx context.Context, c Customer) (Customer, error) {
	c.ID = strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(randomBytes(5)))
	c.Currency = cmp.Or(c.Currency, HomeCurrency)
	err := l.do(ctx, func(t *tx) error {
		return t.exec("INSERT INTO customer (id, wallet, name, balance, currency, behaviour, created) VALUES (?,?,?,?,?,?,?)",
			c.ID, c.Wallet, c.Name, c.Balance, c.Currency, c.Behaviour, millis(t.now))
	})
	return c, err
}

// Customer answers a phone as it is now, or [ErrNoCustomer].
func (l *Ledger) Customer(ctx context.Context, id string) (Customer, error) {
	var c Customer
	err := l.do(ctx, func(t *tx) (err error) {
		if c, err = t.customer(id); err != nil {
			return err
		}
		// What is due on this phone's orders may move its balance.
		if _, err = t.list("customer = ?", 50, id); err != nil {
			return err
		}
		// Read again, because settling may have moved it.
		c, err = t.customer(id)
		return err
	})
	return c, err
}

// Customers lists all phones, the newest first.
func (l *Ledger) Customers(ctx context.Context) ([]Customer, error) {
	list := []Customer{}
	err := l.do(ctx, func(t *tx) error {
		rows, err := t.rows("SELECT id, wallet, name, balance, currency, behaviour FROM customer ORDER BY created DESC, rowid DESC")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var c Customer
			if err := rows.Scan(&c.ID, &c.Wallet, &c.Name, &c.Balance, &c.Currency, &c.Behaviour); err != nil {
				return err
			}
			list = append(list, c)
		}
		return rows.Err()
	})
	return list, err
}

// customer reads one phone as it stands in this transaction.
func (t *tx) customer(id string) (c Customer, err error) {
	err = t.row("SELECT id, wallet, name, balance, currency, behaviour FROM customer WHERE id = ?", id).Scan(&c.ID, &c.Wallet, &c.Name, &c.Balance, &c.Currency, &c.Behaviour)
	if noRows(err) {
		err = ErrNoCustomer
	}
	return c, err
}

// credit gives money back to a phone.
func (t *tx) credit(id string, amount int64) error {
	// Exactly one row must move: money that goes nowhere is worse than an error.
	result, err := t.sql.ExecContext(t.ctx, "UPDATE customer SET balance = balance + ? WHERE id = ?", amount, id)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, fmt.Errorf("credit %d to customer %s: %d rows", amount, id, n))
	}
	return nil
}

// PayCode is a fresh consumer-presented code. It is a bearer token: whoever has
// it may charge the phone, once, for one order number, until it expires.
type PayCode struct {
	Code    string
	Expires time.Time
}

// IssueCode makes a fresh payment code for a phone; format makes one of the
// wallet's grammar and is called again if the code is taken.
func (l *Ledger) IssueCode(ctx context.Context, id string, format func(wallet string) (string, error)) (PayCode, error) {
	var issued PayCode
	err := l.do(ctx, func(t *tx) error {
		c, err := t.customer(id)
		if err != nil {
			return err
		}
		issued.Expires = t.now.Add(PayCodeLife)
		for range 8 {
			if issued.Code, err = format(c.Wallet); err != nil {
				return err
			}
			result, err := t.sql.ExecContext(t.ctx, "INSERT INTO paycode (fingerprint, wallet, customer, expires) VALUES (?,?,?,?) ON CONFLICT DO NOTHING",
				l.Fingerprint("paycode", c.Wallet, issued.Code), c.Wallet, id, millis(issued.Expires))
			if err != nil {
				return err
			}
			if n, err := result.RowsAffected(); err != nil || n == 1 {
				return err
			}
		}
		return errors.New("no free payment code after eight tries")
	})
	return issued, err
}

// noRows tells an empty result from a failure.
func noRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }
