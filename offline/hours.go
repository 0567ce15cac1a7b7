package offline

import (
	"context"
	"time"

	"tillwire/agent"
)

// HourTally is a sum over one hour, of one wallet in one currency at one lane by one
// person.
type HourTally struct {
	Hour    time.Time // when it begins
	Wallet  string    // "" for payments that never came to one
	Lane    string
	Cashier string // name; "" for payments that a till opened
	agent.Totals
}

// TotalsByHour sums the payments created in a span, per hour counted from its
// beginning, per currency, wallet, lane and person. Hours without a payment are left
// out. Whoever shows a day asks once and adds up what it draws.
func (r *Reader) TotalsByHour(ctx context.Context, from, to time.Time) ([]HourTally, error) {
	rows, err := r.db.QueryContext(ctx, "SELECT (created - ?) / ? AS hour, wallet, lane, cashier, currency, "+sumsOf+inSpan+
		"GROUP BY hour, currency, wallet, lane, cashier ORDER BY hour, currency, wallet, lane, cashier",
		from.UnixNano(), time.Hour.Nanoseconds(), from.UnixNano(), to.UnixNano())
	if err != nil {
		return nil, readError(err)
	}
	defer rows.Close()
	var list []HourTally
	for rows.Next() {
		var t HourTally
		var hour int64
		if err := rows.Scan(&hour, &t.Wallet, &t.Lane, &t.Cashier, &t.Currency, &t.Count, &t.Paid, &t.Captured, &t.Refunded, &t.Open); err != nil {
			return nil, readError(err)
		}
		t.Hour = from.Add(time.Duration(hour) * time.Hour)
		list = append(list, t)
	}
	if err := rows.Err(); err != nil {
		return nil, readError(err)
	}
	return list, nil
}
