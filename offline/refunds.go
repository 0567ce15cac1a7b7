package offline

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"tillwire/agent"
)

// factsOfRefunds begins a query about f: the facts, after a row of the journal, of payments
// of which something was asked back. after is that row, as SQL; its arguments are needed
// twice. Payments that were left alone since then are passed over.
func factsOfRefunds(after string) string {
	return `WITH RECURSIVE f(pay, seq, prev, at, ev) AS (
		SELECT j.pay, j.seq, j.prev, j.at, j.ev FROM (SELECT DISTINCT pay FROM refund) r JOIN payment p ON p.id = r.pay JOIN journal j ON j.seq = p.last_seq WHERE p.last_seq > ` + after + `
		UNION ALL SELECT j.pay, j.seq, j.prev, j.at, j.ev FROM f JOIN journal j ON j.seq = f.prev WHERE f.prev > ` + after + ") "
}

// behind is the row before the first payment that was created at a moment or later.
const behind = "(SELECT coalesce((SELECT first_seq FROM payment WHERE created >= ? ORDER BY created LIMIT 1), 1) - 1)"

// slack leaves some room before a moment for a clock that was set back meanwhile.
func slack(first int64) int64 {
	if first < math.MinInt64+int64(shiftSlack) {
		return first
	}
	return first - int64(shiftSlack)
}

// bounds are a span's first moment and the one after its last; a zero end leaves it open.
func bounds(from, to time.Time) (first, next int64) {
	first, next = math.MinInt64, math.MaxInt64
	if !from.IsZero() {
		first = from.UnixNano()
	}
	if !to.IsZero() {
		next = to.UnixNano()
	}
	return first, next
}

// kindMark is what every event of a kind has behind its first byte, which counts its
// members: the key 1 and the kind's name, as RFC 8949 writes a text of up to 23 bytes.
func kindMark(kind agent.FactKind) []byte { return append([]byte{1, 0x60 | byte(len(kind))}, kind...) }

// earlier sums what went back after a row of the journal, by wallet and currency, as where
// selects it from payment p and fact f: money that left in a span without being of its
// sales.
func (r *Reader) earlier(ctx context.Context, after string, row []any, where string, args ...any) (list []agent.WalletTotal, err error) {
	done := kindMark(agent.FactRefundDone)
	args = slices.Concat(row, row, []any{len(done), done}, args)
	rows, err := r.db.QueryContext(ctx, factsOfRefunds(after)+`SELECT p.wallet, p.currency, f.ev FROM f JOIN payment p ON p.id = f.pay
		WHERE substr(f.ev, 2, ?) = ? AND `+where, args...)
	if err != nil {
		return nil, readError(err)
	}
	defer rows.Close()
	var numbers []string
	for rows.Next() {
		var w agent.WalletTotal
		var ev []byte
		if err := rows.Scan(&w.Wallet, &w.Currency, &ev); err != nil {
			return nil, readError(err)
		}
		e, err := r.codec.event(ev)
		if err != nil {
			return nil, internal("sum refunds", "decode a fact: %w", err)
		}
		list, numbers = append(list, w), append(numbers, e.RefundNo)
	}
	if err := rows.Err(); err != nil {
		return nil, readError(err)
	}
	for i, no := range numbers {
		if err := r.db.QueryRowContext(ctx, "SELECT amount FROM refund WHERE refund_no = ?", no).Scan(&list[i].Earlier); err != nil {
			return nil, readError(err)
		}
	}
	return withEarlier(nil, list), nil
}

// withEarlier adds what went back of earlier payments to the rows of its wallets and
// currencies, which stay in order.
func withEarlier(list, old []agent.WalletTotal) []agent.WalletTotal {
	for _, w := range old {
		i := slices.IndexFunc(list, func(t agent.WalletTotal) bool { return t.Wallet == w.Wallet && t.Currency == w.Currency })
		if i < 0 {
			list = append(list, w)
			continue
		}
		list[i].Earlier += w.Earlier
	}
	slices.SortFunc(list, func(a, b agent.WalletTotal) int {
		return cmp.Or(cmp.Compare(a.Wallet, b.Wallet), cmp.Compare(a.Currency, b.Currency))
	})
	return list
}
