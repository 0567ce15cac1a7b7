package offline

import (
	"context"
	"time"

	"tillwire/agent"
)

// Row is a payment as a line of an export: what its facts add up to, without the
// facts. Taken and Refunded are minor units of Amount's currency; what was reversed
// took nothing.
type Row struct {
	ID              agent.PaymentID
	OrderNo, Txn    string
	Created         time.Time
	Wallet          string // "" for a payment that never came to one
	Lane, Cashier   string
	Reference       string
	Mode            agent.Mode
	State           agent.State
	Amount          agent.Money
	Taken, Refunded int64
	Test            bool
}

// rowsAtOnce is how many rows are in memory at a time.
const rowsAtOnce = 1000

// Rows hands out what a filter selects, oldest first; its Cursor and Limit do not
// count. It reads a piece at a time and holds no transaction while each works: a
// reader of a slow network would keep the write-ahead log from being moved into the
// file. The first error of each ends it and is returned.
func (r *Reader) Rows(ctx context.Context, f agent.Filter, each func(Row) error) error {
	f.Cursor, f.Limit = "", 0
	piece := make([]Row, 0, rowsAtOnce)
	var created int64
	var id string
	for {
		q, err := listQuery(f)
		if err != nil {
			return err
		}
		if id != "" {
			q.and("(created, id) > (?, ?)", created, id)
		}
		if piece, err = r.piece(ctx, q, piece[:0]); err != nil {
			return err
		}
		for _, row := range piece {
			if err := each(row); err != nil {
				return err
			}
		}
		if len(piece) < rowsAtOnce {
			return nil
		}
		last := piece[len(piece)-1]
		created, id = last.Created.UnixNano(), string(last.ID)
		// The last row is the beginning from now on: with two of them SQLite may search by
		// the other one, and pass over everything before in each piece. What was given back
		// is found by another time.
		if !f.GivenBack {
			f.From = time.Time{}
		}
	}
}

// piece appends the first rows that a query finds.
func (r *Reader) piece(ctx context.Context, q *query, list []Row) ([]Row, error) {
	rows, err := r.db.QueryContext(ctx, `SELECT id, order_no, txn, created, wallet, lane, cashier, reference, mode, state, amount, currency,
		CASE WHEN `+paid+` THEN captured ELSE 0 END, refunded, test FROM payment `+q.by+q.where()+" ORDER BY created, id LIMIT ?", append(q.args, rowsAtOnce)...)
	if err != nil {
		return nil, readError(err)
	}
	defer rows.Close()
	for rows.Next() {
		var row Row
		var created int64
		if err := rows.Scan(&row.ID, &row.OrderNo, &row.Txn, &created, &row.Wallet, &row.Lane, &row.Cashier, &row.Reference, &row.Mode, &row.State,
			&row.Amount.Value, &row.Amount.Currency, &row.Taken, &row.Refunded, &row.Test); err != nil {
			return nil, readError(err)
		}
		row.Created = fromNano(created)
		list = append(list, row)
	}
	if err := rows.Err(); err != nil {
		return nil, readError(err)
	}
	return list, nil
}
