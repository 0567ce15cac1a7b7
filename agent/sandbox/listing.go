package sandbox

import (
	"context"
	"time"
)

// Event is one line of an order's history. Amount is in minor units, 0 where
// no money is meant.
type Event struct {
	At     time.Time `json:"at"`
	Event  string    `json:"event"`
	Amount int64     `json:"amount,omitempty"`
}

// OrderWithHistory is a row of the ledger as an outsider compares with it.
type OrderWithHistory struct {
	*Order
	History []Event
}

// Orders lists every order number, oldest first, each as it is now. A positive
// limit keeps the newest so many.
func (l *Ledger) Orders(ctx context.Context, limit int) ([]OrderWithHistory, error) {
	return l.listing(ctx, limit, "1 = 1")
}

// CustomerOrders lists a phone's orders, oldest first.
func (l *Ledger) CustomerOrders(ctx context.Context, id string, limit int) ([]OrderWithHistory, error) {
	return l.listing(ctx, limit, "customer = ?", id)
}

// OnDisplay lists what shops of a wallet show now and nobody has taken yet.
func (l *Ledger) OnDisplay(ctx context.Context, wallet string) ([]OrderWithHistory, error) {
	list, err := l.listing(ctx, 20, "state = 'created' AND wallet = ?", wallet)
	open := list[:0]
	for _, o := range list {
		if o.Open() {
			open = append(open, o)
		}
	}
	return open, err
}

func (l *Ledger) listing(ctx context.Context, limit int, where string, args ...any) ([]OrderWithHistory, error) {
	list := []OrderWithHistory{}
	err := l.do(ctx, func(t *tx) error {
		orders, err := t.list(where, limit, args...)
		if err != nil {
			return err
		}
		events, err := t.history(where, args...)
		if err != nil {
			return err
		}
		for _, o := range orders {
			list = append(list, OrderWithHistory{o, append([]Event{}, events[o.id]...)})
		}
		return nil
	})
	return list, err
}

// list loads orders, oldest first, settled. The rows are read out before any is
// settled, because one connection cannot write under an open cursor.
func (t *tx) list(where string, limit int, args ...any) ([]*Order, error) {
	if limit <= 0 {
		limit = -1
	}
	rows, err := t.rows("SELECT * FROM (SELECT "+orderColumns+" FROM orders WHERE "+where+" ORDER BY id DESC LIMIT ?) ORDER BY id", append(args, limit)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []*Order
	for rows.Next() {
		o, err := scanOrder(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, o)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for _, o := range list {
		if err := t.settle(o); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// history loads the events of many orders at once.
func (t *tx) history(where string, args ...any) (map[int64][]Event, error) {
	rows, err := t.rows("SELECT order_id, at, event, amount FROM history WHERE order_id IN (SELECT id FROM orders WHERE "+where+") ORDER BY rowid", args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	events := map[int64][]Event{}
	for rows.Next() {
		var e Event
		var order, at int64
		if err := rows.Scan(&order, &at, &e.Event, &e.Amount); err != nil {
			return nil, err
		}
		e.At = fromMillis(at).UTC()
		events[order] = append(events[order], e)
	}
	return events, rows.Err()
}
