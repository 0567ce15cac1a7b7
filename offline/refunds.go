package offline

import (
	"math"
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

// setBack is how far a clock may have been set back before a search by time misses something.
const setBack = 36 * time.Hour

// slack leaves some room before a moment for a clock that was set back meanwhile.
func slack(first int64) int64 {
	if first < math.MinInt64+int64(setBack) {
		return first
	}
	return first - int64(setBack)
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
