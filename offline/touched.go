package offline

import (
	"context"
	"time"

	"tillwire/agent"
)

// touchedMargin is how far the clock may have been wrong for a fact to be found all the
// same: the journal is in the order of writing, and only nearly in that of time.
const touchedMargin = 3 * 24 * time.Hour

// touched selects the payments to which something happened in a span, by the rows of the
// journal of that time and of some days around: not by the whole journal.
const touched = `id IN (SELECT pay FROM journal
	WHERE seq >= coalesce((SELECT first_seq FROM payment WHERE created < ? ORDER BY created DESC LIMIT 1), 0)
	AND seq < coalesce((SELECT first_seq FROM payment WHERE created >= ? ORDER BY created LIMIT 1), (SELECT max(seq) FROM journal) + 1)
	AND at >= ? AND at < ? AND pay IS NOT NULL)`

func touchedArgs(from, to time.Time) []any {
	return []any{from.Add(-touchedMargin).UnixNano(), to.Add(touchedMargin).UnixNano(), from.UnixNano(), to.UnixNano()}
}

// Touched lists the payments to which something happened in the time from from
// (included) to to (excluded), in the order of their opening.
func (r *Reader) Touched(ctx context.Context, from, to time.Time) ([]agent.Payment, error) {
	entries, err := r.payments(ctx, selectPayment+"WHERE "+touched+" ORDER BY created, id", touchedArgs(from, to)...)
	return plain(entries), err
}

// Touched is the reader's, of what everybody has been told.
func (s *Store) Touched(ctx context.Context, from, to time.Time) ([]agent.Payment, error) {
	list, err := s.Reader.Touched(ctx, from, to)
	s.passedOn()
	return list, err
}
