package offline

import (
	"context"
	"maps"
	"slices"

	"tillwire/agent"
)

// accepted compares what is at stake with what the facts say: a cap is only as good as
// the rows it adds up, and a code without its row could be accepted again.
func (v *verifier) accepted(ctx context.Context) error {
	rows, err := v.tx.QueryContext(ctx, `SELECT a.pay, a.way, a.open, a.amount = p.amount AND a.currency = p.currency AND a.lane = p.lane,
		EXISTS (SELECT 1 FROM spent s WHERE s.pay = a.pay) FROM accepted a JOIN payment p ON p.id = a.pay`)
	if err != nil {
		return err
	}
	defer rows.Close()
	seen := map[agent.PaymentID]bool{}
	for rows.Next() {
		var id agent.PaymentID
		var way agent.Way
		var open, same, spent bool
		if err := rows.Scan(&id, &way, &open, &same, &spent); err != nil {
			return err
		}
		seen[id] = true
		t := v.open[id]
		if t == nil || t.bad {
			continue // named by what looked before
		}
		needs := way != agent.WaySight
		switch {
		case way != t.status.Way || !same:
			v.find(t.last, id, "its acceptance is not the one that its facts tell")
		case open != t.status.AtStake():
			v.find(t.last, id, "its acceptance is open: %t, its facts say %t", open, t.status.AtStake())
		case open && needs && !spent:
			v.find(t.last, id, "the code that it accepted is not among the spent ones")
		}
	}
	for _, id := range slices.Sorted(maps.Keys(v.open)) {
		if t := v.open[id]; !t.bad && t.status.Way != "" && !seen[id] {
			v.find(t.last, id, "it was accepted offline, and no row says so")
		}
	}
	return rows.Err()
}
