package sandbox

import (
	"context"
	"time"
)

// reverseWindow is how long after its creation an order may be reversed
// (WeChat Pay, China: seven days).
const reverseWindow = 7 * 24 * time.Hour

// Reverse undoes a code payment: unpaid it dies, paid the money goes back.
// Again it succeeds again. A number never seen becomes a tombstone, so that a
// payment which arrives later than its own reversal is refused.
func (l *Ledger) Reverse(ctx context.Context, k Key) (*Order, error) {
	return l.undo(ctx, k, (*tx).reverse)
}

// CloseOrder ends a shown order that nobody paid. Again it succeeds again, and it
// needs no minimum age. A number never seen becomes a tombstone.
func (l *Ledger) CloseOrder(ctx context.Context, k Key) (*Order, error) {
	return l.undo(ctx, k, (*tx).close)
}

// ReverseUntil is Reverse for a cloud whose window ends at a moment that last
// makes of the order's creation, such as the end of its day.
func (l *Ledger) ReverseUntil(ctx context.Context, k Key, last func(created time.Time) time.Time) (*Order, error) {
	return l.undo(ctx, k, func(t *tx, k Key) (*Order, error) { return t.takeBack(k, last, false) })
}

// Cancel is Reverse for a cloud that undoes code payments and shown orders alike,
// so long after their creation as window says.
func (l *Ledger) Cancel(ctx context.Context, k Key, window time.Duration) (*Order, error) {
	return l.undo(ctx, k, func(t *tx, k Key) (*Order, error) { return t.takeBack(k, within(window), true) })
}

// CloseUnpaid is CloseOrder for a cloud that closes whatever is not paid, code
// payments included.
func (l *Ledger) CloseUnpaid(ctx context.Context, k Key) (*Order, error) {
	return l.undo(ctx, k, func(t *tx, k Key) (*Order, error) { return t.end(k, true) })
}

// eventReversed is the line of history that a reversal writes.
const eventReversed = "reversed"

// undo is what reversing and closing share: one call, one commit.
func (l *Ledger) undo(ctx context.Context, k Key, run func(*tx, Key) (*Order, error)) (*Order, error) {
	var o *Order
	err := l.do(ctx, func(t *tx) (err error) {
		o, err = run(t, k)
		return err
	})
	return o, err
}

// ForgetUnseen makes the cloud one that keeps nothing of a number which is undone
// before it was asked for: it answers that there is no such order, and a payment that
// arrives afterwards is a new one. Whether a real cloud does so is nowhere documented,
// so a terminal must be safe with both.
func (l *Ledger) ForgetUnseen(on bool) { l.forgets.Store(on) }

// tombstone stores an order number that was undone before it was asked for. It
// has no amount, because nobody ever named one.
func (t *tx) tombstone(k Key, state State) (*Order, error) {
	if t.led.forgets.Load() {
		return nil, Refusal{ReasonNotFound}
	}
	o := &Order{Key: k, Kind: KindUnseen, State: state, Reversed: state == StateReversed, Expires: t.now}
	return o, t.create(o, string(state)+" before it was ever asked for")
}

// reverse is how WeChat Pay takes back.
func (t *tx) reverse(k Key) (*Order, error) { return t.takeBack(k, within(reverseWindow), false) }

// within is a window of a fixed length.
func within(window time.Duration) func(time.Time) time.Time {
	return func(created time.Time) time.Time { return created.Add(window) }
}

// takeBack answers success whenever nothing is kept afterwards, however often it
// is asked: the shop repeats it until it hears so. shown says whether a shown
// order may be taken back too.
func (t *tx) takeBack(k Key, last func(created time.Time) time.Time, shown bool) (*Order, error) {
	o, err := t.findKey(k)
	switch {
	case err != nil:
		return nil, err
	case o == nil:
		return t.tombstone(k, StateReversed)
	case o.Reversed:
		return o, nil
	case o.Kind == KindShown && !shown:
		return nil, Refusal{ReasonOnlyClose}
	case t.now.After(last(o.Created)):
		return nil, Refusal{ReasonReverseTooLate}
	}
	returned := int64(0)
	if o.State == StatePaid {
		var refunds int
		if err := t.row("SELECT count(*) FROM refund WHERE order_id = ?", o.id).Scan(&refunds); err != nil {
			return nil, err
		}
		// Two ways of giving money back must not meet on one order.
		if refunds > 0 {
			return nil, Refusal{ReasonStateForbids}
		}
		returned = o.Captured
		if err := t.credit(o.Customer, o.PayerPart(returned)); err != nil {
			return nil, err
		}
	}
	o.State, o.Reversed, o.Answers = StateReversed, true, time.Time{}
	return o, t.save(o, t.now, eventReversed, returned)
}

// close is how WeChat Pay closes.
func (t *tx) close(k Key) (*Order, error) { return t.end(k, false) }

// end never touches money: a paid order is refused, so that the shop learns of
// the payment instead of losing it. codes says whether a code payment may be
// ended this way.
func (t *tx) end(k Key, codes bool) (*Order, error) {
	o, err := t.findKey(k)
	switch {
	case err != nil:
		return nil, err
	case o == nil:
		return t.tombstone(k, StateClosed)
	case o.Kind == KindCode && !codes:
		return nil, Refusal{ReasonOnlyReverse}
	case o.State == StatePaid:
		return nil, Refusal{ReasonOrderPaid}
	case !o.Open():
		return o, nil
	}
	o.State, o.Answers = StateClosed, time.Time{}
	return o, t.save(o, t.now, "closed", 0)
}

// Order answers what an order is now, or [ReasonNotFound].
func (l *Ledger) Order(ctx context.Context, k Key) (*Order, error) {
	return l.lookup(ctx, func(t *tx) (*Order, error) { return t.findKey(k) })
}

// OrderByTransaction finds a captured order by the cloud's own number.
func (l *Ledger) OrderByTransaction(ctx context.Context, wallet, merchant, transactionID string) (*Order, error) {
	return l.lookup(ctx, func(t *tx) (*Order, error) { return t.findTransaction(wallet, merchant, transactionID) })
}

func (t *tx) findTransaction(wallet, merchant, transactionID string) (*Order, error) {
	return t.find("transaction_id = ? AND transaction_id <> '' AND wallet = ? AND merchant = ?", transactionID, wallet, merchant)
}

// lookup answers a missing order as a refusal, which every wallet can word.
func (l *Ledger) lookup(ctx context.Context, find func(*tx) (*Order, error)) (*Order, error) {
	var o *Order
	err := l.do(ctx, func(t *tx) (err error) {
		if o, err = find(t); err == nil && o == nil {
			err = Refusal{ReasonNotFound}
		}
		return err
	})
	return o, err
}
