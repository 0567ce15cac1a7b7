package sandbox

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"time"
)

// CodeOrderLife is how long a code payment may stay unpaid before the cloud
// cancels it by itself (WeChat Pay, codepay: 45 s after creation).
const CodeOrderLife = 45 * time.Second

// clocksDiffer is how far a shop's clock may be behind the cloud's when it says that
// it took a code.
const clocksDiffer = 5 * time.Minute

// slowAnswer is how long a slow customer takes.
const slowAnswer = 6 * time.Second

// Charge asks for money with a code that the shop scanned.
type Charge struct {
	Key         Key
	Amount      int64 // minor units
	Currency    string
	Quote       Quote // where the cloud converts
	Description string
	Details     string // kept for the wallet, opaque here
	Code        string // the payment code; never stored
	Request     []byte // Ledger.Fingerprint of all business parameters
	// Life is how long the order may stay unpaid; zero is CodeOrderLife.
	Life time.Duration
	// Accepted is when the shop took the code, where the cloud charges codes after the
	// sale: the code is judged by that time, and its customer, who has long left with the
	// goods, is not asked. Zero is a charge at the counter.
	Accepted time.Time
}

// Pay takes the money, or says why not. It is idempotent by order number: the
// same request again answers what the first did. A customer who must act leaves
// the order awaiting; one who is slow is waited for, as long as ctx lasts.
// A definite no comes as a [Refusal].
func (l *Ledger) Pay(ctx context.Context, c Charge) (*Order, error) {
	for {
		var o *Order
		err := l.do(ctx, func(t *tx) (err error) {
			o, err = t.pay(c)
			return err
		})
		if err != nil {
			return nil, err
		}
		if o.State == StateAwaiting && !o.Answers.IsZero() {
			if err := l.wait(ctx, o.Answers); err != nil {
				return nil, err
			}
			continue
		}
		return o, payVerdict(o)
	}
}

// wait blocks until the clock shows at.
func (l *Ledger) wait(ctx context.Context, at time.Time) error {
	for {
		left := at.Sub(l.clock.Now())
		if left <= 0 {
			return nil
		}
		select {
		case <-l.clock.After(left):
		case <-ctx.Done():
			return ctx.Err()
		case <-l.quit:
			return ErrClosed
		}
	}
}

// payVerdict turns the state of an order into the answer to its payment.
func payVerdict(o *Order) error {
	switch o.State {
	case StateDeclined:
		return Refusal{o.Reason}
	case StateReversed:
		return Refusal{ReasonOrderReversed}
	case StateClosed, StateCancelled:
		return Refusal{ReasonOrderClosed}
	}
	return nil
}

// pay is one step of Pay inside a transaction. A refused payment is remembered
// under its number, so that asking again gets the same refusal and the number
// cannot be tried with one code after another.
func (t *tx) pay(c Charge) (*Order, error) {
	o, err := t.findKey(c.Key)
	if err != nil {
		return nil, err
	}
	if o != nil {
		// A dead number stays dead whatever is asked with it: that is the tombstone.
		if err := payVerdict(o); err != nil && o.State != StateDeclined {
			return nil, err
		}
		if o.Kind != KindCode || !bytes.Equal(o.request, c.Request) {
			return nil, Refusal{ReasonNumberUsed}
		}
		return o, nil
	}
	o = &Order{Key: c.Key, Kind: KindCode, Amount: c.Amount, Currency: c.Currency, Quote: c.Quote, Description: c.Description, Details: c.Details,
		Expires: t.now.Add(cmp.Or(c.Life, CodeOrderLife)), State: StateAwaiting, request: c.Request}
	// Whose code it is comes before the order is made, because an order names its
	// customer from its first line of history on.
	fingerprint := t.led.Fingerprint("paycode", c.Key.Wallet, c.Code)
	at := t.now
	if !c.Accepted.IsZero() {
		at = c.Accepted
	}
	customer, reason, err := t.redeem(fingerprint, at)
	if err != nil {
		return nil, err
	}
	o.Customer = customer.ID
	if err := t.create(o, "asked"); err != nil {
		return nil, err
	}
	if reason != "" {
		return o, t.decline(o, reason)
	}
	if err := t.exec("UPDATE paycode SET order_id = ? WHERE fingerprint = ?", o.id, fingerprint); err != nil {
		return nil, err
	}
	if _, currency := o.price(); customer.Currency != currency {
		return o, t.decline(o, ReasonCurrency)
	}
	if !c.Accepted.IsZero() && customer.Behaviour != Decline {
		return o, t.capture(o, t.now)
	}
	return o, t.react(o, customer.Behaviour)
}

// redeem finds whose code it is, and why it could not be used at a time.
func (t *tx) redeem(fingerprint []byte, at time.Time) (Customer, Reason, error) {
	var id string
	var expires int64
	var used bool
	err := t.row("SELECT customer, expires, order_id IS NOT NULL FROM paycode WHERE fingerprint = ?", fingerprint).Scan(&id, &expires, &used)
	if noRows(err) {
		return Customer{}, ReasonCodeUnknown, nil
	}
	if err != nil {
		return Customer{}, "", err
	}
	customer, err := t.customer(id)
	switch {
	case err != nil:
		return Customer{}, "", err
	case used:
		return customer, ReasonCodeUsed, nil
	case !at.Before(fromMillis(expires)):
		return customer, ReasonCodeExpired, nil
	case at.Before(fromMillis(expires).Add(-PayCodeLife - clocksDiffer)):
		// Nobody can have shown it then: whoever took it, it was not at that time.
		return customer, ReasonCodeUnknown, nil
	}
	return customer, "", nil
}

// react does what the customer does when asked to pay.
func (t *tx) react(o *Order, behaviour Behaviour) error {
	switch behaviour {
	case Decline:
		return t.decline(o, ReasonNotEnough)
	case Password, Abandon:
		o.State = StateAwaiting
		return t.save(o, t.now, "customer asked", 0)
	case Slow:
		o.State, o.Answers = StateAwaiting, t.now.Add(slowAnswer)
		return t.save(o, t.now, "customer asked", 0)
	}
	return t.capture(o, t.now)
}

// decline is the definite no: nothing was taken and nothing will be.
func (t *tx) decline(o *Order, reason Reason) error {
	o.State, o.Reason, o.Answers = StateDeclined, reason, time.Time{}
	return t.save(o, t.now, "declined: "+string(reason), 0)
}

// capture moves the money out of a balance. Besides [tx.draw] it is the only place
// that takes any, and it refuses an order that is not open, so that no road can
// take it twice.
func (t *tx) capture(o *Order, at time.Time) error {
	if !o.Open() || o.Captured != 0 {
		return fmt.Errorf("capture of an order that is %s", o.State)
	}
	price, _ := o.price()
	result, err := t.sql.ExecContext(t.ctx, "UPDATE customer SET balance = balance - ? WHERE id = ? AND balance >= ?", price, o.Customer, price)
	if err != nil {
		return err
	}
	// The balance is compared in the statement that lowers it; read first and
	// lowered later it could be spent twice by one batch of calls.
	if moved, err := result.RowsAffected(); err != nil || moved == 0 {
		if err != nil {
			return err
		}
		return t.decline(o, ReasonNotEnough)
	}
	o.State, o.Captured, o.Paid, o.Answers = StatePaid, o.Amount, at, time.Time{}
	if o.TransactionID, err = t.number("42000"); err != nil {
		return err
	}
	return t.save(o, at, "captured", o.Amount)
}

// number makes one of the cloud's own numbers: 28 digits that begin with prefix
// and a date, as the big wallets' do.
func (t *tx) number(prefix string) (string, error) {
	day := t.now.UTC().Format("20060102")
	digits, err := RandomDigits(28 - len(prefix) - len(day))
	return prefix + day + digits, err
}

// RandomDigits is n decimal digits, each value equally likely; leading zeros stay.
func RandomDigits(n int) (string, error) {
	v, err := rand.Int(rand.Reader, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%0*d", n, v), nil
}
