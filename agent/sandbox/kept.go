package sandbox

import (
	"context"
	"time"
)

// Operated is an operation that a cloud accepted, kept for clouds that give a
// terminal its history back and compare what is asked twice.
type Operated struct {
	Key       Key
	Terminal  string
	Operation string // in the words of the cloud
	RefundNo  string // empty unless it is about a refund
	Digest    []byte // of the request
	At        time.Time
}

// Keep writes an operation down, once: the first of its order, name and refund
// number stays.
func (l *Ledger) Keep(ctx context.Context, o Operated) error {
	return l.do(ctx, func(t *tx) error {
		return t.exec(`INSERT INTO operation (at, wallet, merchant, order_no, refund_no, terminal, operation, digest) VALUES (?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`,
			millis(t.now), o.Key.Wallet, o.Key.Merchant, o.Key.OrderNo, o.RefundNo, o.Terminal, o.Operation, notNil(o.Digest))
	})
}

// Kept finds the operation of the same order, name and refund number.
func (l *Ledger) Kept(ctx context.Context, o Operated) (kept Operated, known bool, err error) {
	err = l.do(ctx, func(t *tx) error {
		list, err := t.operated("wallet = ? AND merchant = ? AND order_no = ? AND operation = ? AND refund_no = ?",
			o.Key.Wallet, o.Key.Merchant, o.Key.OrderNo, o.Operation, o.RefundNo)
		if len(list) > 0 {
			kept, known = list[0], true
		}
		return err
	})
	return kept, known, err
}

// Operations lists what a merchant's terminal had accepted, in that order.
func (l *Ledger) Operations(ctx context.Context, merchant, terminal string) ([]Operated, error) {
	var list []Operated
	err := l.do(ctx, func(t *tx) (err error) {
		list, err = t.operated("merchant = ? AND terminal = ?", merchant, terminal)
		return err
	})
	return list, err
}

func (t *tx) operated(where string, args ...any) ([]Operated, error) {
	rows, err := t.rows("SELECT at, wallet, merchant, order_no, refund_no, terminal, operation, digest FROM operation WHERE "+where+" ORDER BY id", args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Operated
	for rows.Next() {
		var o Operated
		var at int64
		if err := rows.Scan(&at, &o.Key.Wallet, &o.Key.Merchant, &o.Key.OrderNo, &o.RefundNo, &o.Terminal, &o.Operation, &o.Digest); err != nil {
			return nil, err
		}
		o.At = fromMillis(at)
		list = append(list, o)
	}
	return list, rows.Err()
}

// Head is how far a terminal's own journal was when it said so last. An
// incarnation is one life of its disk.
type Head struct {
	Merchant, Terminal, Incarnation string
	Seq                             int64
	Hash                            []byte
}

// KeepHead keeps the head with the greatest number of each incarnation.
func (l *Ledger) KeepHead(ctx context.Context, h Head) error {
	return l.do(ctx, func(t *tx) error {
		return t.exec(`INSERT INTO head (merchant, terminal, incarnation, seq, hash) VALUES (?,?,?,?,?)
			ON CONFLICT DO UPDATE SET seq = excluded.seq, hash = excluded.hash WHERE excluded.seq > seq`,
			h.Merchant, h.Terminal, h.Incarnation, h.Seq, notNil(h.Hash))
	})
}

// Heads lists a terminal's heads, one for each incarnation.
func (l *Ledger) Heads(ctx context.Context, merchant, terminal string) ([]Head, error) {
	var list []Head
	err := l.do(ctx, func(t *tx) error {
		rows, err := t.rows("SELECT merchant, terminal, incarnation, seq, hash FROM head WHERE merchant = ? AND terminal = ? ORDER BY rowid", merchant, terminal)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var h Head
			if err := rows.Scan(&h.Merchant, &h.Terminal, &h.Incarnation, &h.Seq, &h.Hash); err != nil {
				return err
			}
			list = append(list, h)
		}
		return rows.Err()
	})
	return list, err
}

// Refunds counts the refunds of an order, those on their way included.
func (l *Ledger) Refunds(ctx context.Context, k Key) (n int, err error) {
	err = l.do(ctx, func(t *tx) error {
		return t.row("SELECT count(*) FROM refund JOIN orders ON orders.id = refund.order_id WHERE orders.wallet = ? AND orders.merchant = ? AND orders.order_no = ?",
			k.Wallet, k.Merchant, k.OrderNo).Scan(&n)
	})
	return n, err
}
