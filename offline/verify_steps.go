package offline

import (
	"context"
	"database/sql/driver"
	"maps"
	"slices"

	"tillwire/agent"
)

func drivers(list []any) []driver.Value {
	converted := make([]driver.Value, len(list))
	for i, v := range list {
		converted[i] = v
	}
	return converted
}

// outbox checks that whatever must still be done has exactly one row, so that no
// payment waits for a person to notice it.
func (v *verifier) outbox(ctx context.Context) error {
	rows, err := v.tx.QueryContext(ctx, "SELECT pay, op, refund_no FROM outbox")
	if err != nil {
		return err
	}
	defer rows.Close()
	stored := map[agent.PaymentID]map[agent.Step]int{}
	for rows.Next() {
		var id agent.PaymentID
		var s agent.Step
		if err := rows.Scan(&id, &s.Op, &s.RefundNo); err != nil {
			return err
		}
		if stored[id] == nil {
			stored[id] = map[agent.Step]int{}
		}
		stored[id][s]++
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(v.open)) {
		if t := v.open[id]; !t.bad {
			v.steps(id, t, stored[id])
		}
		delete(stored, id)
	}
	for id := range stored {
		v.find(0, id, "the outbox has a step of a payment without facts")
	}
	return nil
}

func (v *verifier) steps(id agent.PaymentID, t *trail, stored map[agent.Step]int) {
	want := map[agent.Step]int{}
	for _, s := range (agent.Payment{Status: t.status}).Steps(v.timers(t.status.Wallet)) {
		want[agent.Step{Op: s.Op, RefundNo: s.RefundNo}]++
	}
	for s, n := range want {
		if stored[s] != n {
			v.find(t.last, id, "the outbox has %d rows to %s %s where 1 is needed", stored[s], s.Op, s.RefundNo)
		}
	}
	for s := range stored {
		if want[s] == 0 {
			v.find(t.last, id, "the outbox would %s %s, which its facts do not ask for", s.Op, s.RefundNo)
		}
	}
}

// refunds compares the refund table with the trails, and with what was captured.
func (v *verifier) refunds(ctx context.Context) error {
	rows, err := v.tx.QueryContext(ctx, "SELECT pay, refund_no, amount, state FROM refund")
	if err != nil {
		return err
	}
	defer rows.Close()
	stored := map[agent.PaymentID]map[string]agent.Refund{}
	for rows.Next() {
		var id agent.PaymentID
		var r agent.Refund
		if err := rows.Scan(&id, &r.No, &r.Amount, &r.State); err != nil {
			return err
		}
		if stored[id] == nil {
			stored[id] = map[string]agent.Refund{}
		}
		stored[id][r.No] = r
	}
	for id, t := range v.open {
		sum := int64(0)
		for _, r := range t.status.Refunds {
			if s := stored[id][r.No]; s.Amount != r.Amount || s.State != r.State {
				v.find(t.last, id, "refund %s stands as %d %q, its facts add up to %d %q", r.No, s.Amount, s.State, r.Amount, r.State)
			}
			if r.State != agent.RefundFailed {
				sum += r.Amount
			}
			delete(stored[id], r.No)
		}
		if sum > t.status.Captured {
			v.find(t.last, id, "refunds of %d exceed the %d that were captured", sum, t.status.Captured)
		}
		for no := range stored[id] {
			v.find(t.last, id, "refund %s was never asked for", no)
		}
		delete(stored, id)
	}
	for id := range stored {
		v.find(0, id, "a refund belongs to no payment")
	}
	return rows.Err()
}
