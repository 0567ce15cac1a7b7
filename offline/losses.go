package offline

import (
	"cmp"
	"context"
	"slices"

	"tillwire/agent"
)

// Loss is what was accepted without the wallet's word and not collected, for one reason in
// one currency.
type Loss struct {
	Reason agent.Reason
	Count  int
	Sum    agent.Money
}

// lossFacts finds the fact that ended each payment that was lost. Its slip may have been
// printed since, so it is looked for from the payment's last fact back.
const lossFacts = `WITH RECURSIVE f(pay, prev, ev) AS (
	SELECT p.id, j.prev, j.ev FROM payment p JOIN journal j ON j.seq = p.last_seq WHERE p.id IN (SELECT pay FROM accepted) AND p.state = 'offline_rejected'
	UNION ALL SELECT f.pay, j.prev, j.ev FROM f JOIN journal j ON j.seq = f.prev WHERE substr(f.ev, 2, ?1) <> ?2)
	SELECT p.currency, p.amount, f.ev FROM f JOIN payment p ON p.id = f.pay WHERE substr(f.ev, 2, ?1) = ?2`

// Losses adds up everything that was lost, in the order of reasons and currencies.
func (r *Reader) Losses(ctx context.Context) ([]Loss, error) {
	mark := kindMark(agent.FactLoss)
	rows, err := r.db.QueryContext(ctx, lossFacts, len(mark), mark)
	if err != nil {
		return nil, readError(err)
	}
	defer rows.Close()
	var list []Loss
	for rows.Next() {
		one := Loss{Count: 1}
		var ev []byte
		if err := rows.Scan(&one.Sum.Currency, &one.Sum.Value, &ev); err != nil {
			return nil, readError(err)
		}
		e, err := r.codec.event(ev)
		if err != nil {
			return nil, internal("sum losses", "decode a fact: %w", err)
		}
		one.Reason = agent.Reason(e.Reason)
		i := slices.IndexFunc(list, func(l Loss) bool { return l.Reason == one.Reason && l.Sum.Currency == one.Sum.Currency })
		if i < 0 {
			list = append(list, one)
			continue
		}
		list[i].Count++
		list[i].Sum.Value += one.Sum.Value
	}
	slices.SortFunc(list, func(a, b Loss) int {
		return cmp.Or(cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Sum.Currency, b.Sum.Currency))
	})
	return list, readOr(rows.Err())
}
