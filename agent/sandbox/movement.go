package sandbox

import (
	"context"
	"slices"
	"time"
)

// Movement is money that moved at one moment: what a wallet's bill has a line
// for. Exactly one of its three meanings holds: a refund has a Refund, a
// reversal says so, and anything else is a payment.
type Movement struct {
	At       time.Time
	Amount   int64 // minor units, positive whichever way the money went
	Order    *Order
	Refund   *Refund
	Reversal bool
}

// Movements lists a merchant's payments, refunds and reversals of the time from
// from (included) to to (excluded), in the order in which they happened.
func (l *Ledger) Movements(ctx context.Context, wallet, merchant string, from, to time.Time) ([]Movement, error) {
	var list []Movement
	err := l.do(ctx, func(t *tx) (err error) {
		list, err = t.movements(wallet, merchant, from, to)
		return err
	})
	slices.SortStableFunc(list, func(a, b Movement) int { return a.At.Compare(b.At) })
	return list, err
}

// movements settles the orders first: a payment that nobody asked about since
// belongs on its day's bill all the same.
func (t *tx) movements(wallet, merchant string, from, to time.Time) ([]Movement, error) {
	orders, err := t.list("wallet = ? AND merchant = ? AND created < ?", 0, wallet, merchant, millis(to))
	if err != nil {
		return nil, err
	}
	within := func(at time.Time) bool { return !at.Before(from) && at.Before(to) }
	var list []Movement
	byID := map[int64]*Order{}
	for _, o := range orders {
		byID[o.id] = o
		if o.Captured > 0 && within(o.Paid) {
			list = append(list, Movement{At: o.Paid, Amount: o.Captured, Order: o})
		}
	}
	back, err := t.movedBack(from, to)
	for _, m := range back {
		if m.Order = byID[m.orderID]; m.Order != nil {
			list = append(list, m.Movement)
		}
	}
	return list, err
}

// returned is a movement back to a customer whose order is still to be looked up.
type returned struct {
	Movement
	orderID int64
}

// movedBack lists all refunds that arrived and all reversals of paid orders.
func (t *tx) movedBack(from, to time.Time) ([]returned, error) {
	rows, err := t.rows(`SELECT order_id, done, amount, refund_no, refund_id, reason, created FROM refund WHERE state = ? AND done >= ? AND done < ?
		UNION ALL SELECT order_id, at, amount, '', '', '', 0 FROM history WHERE event = ? AND amount > 0 AND at >= ? AND at < ?`,
		RefundSuccess, millis(from), millis(to), eventReversed, millis(from), millis(to))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []returned
	for rows.Next() {
		var m returned
		var r Refund
		var at, created int64
		if err := rows.Scan(&m.orderID, &at, &m.Amount, &r.RefundNo, &r.RefundID, &r.Reason, &created); err != nil {
			return nil, err
		}
		m.At = fromMillis(at)
		if m.Reversal = r.RefundID == ""; !m.Reversal {
			r.Amount, r.State, r.Created, r.Done = m.Amount, RefundSuccess, fromMillis(created), m.At
			m.Refund = &r
		}
		list = append(list, m)
	}
	return list, rows.Err()
}
