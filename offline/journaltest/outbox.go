package journaltest

import (
	"cmp"
	"context"
	"slices"
	"time"

	"tillwire/agent"
)

// row is one step in the outbox of Memory.
type row struct {
	number  int64
	payment agent.PaymentID
	orderNo string
	wallet  string
	step    agent.Step
	due     time.Duration // on this run's monotonic clock
	since   time.Time
	tries   int
	lease   int64
	leased  bool
	dead    bool
	last    string
}

// reconcile makes the payment's rows exactly its steps. A step whose operation
// stays keeps its row and lease; its wait and its tries begin anew when one of the
// facts is about it.
func (m *Memory) reconcile(p agent.Payment, facts []agent.Fact) {
	about := map[string]bool{}
	for _, f := range facts {
		about[f.RefundNo] = true
	}
	keep := map[string]bool{}
	for _, s := range p.Steps(m.timers(p.Status.Wallet)) {
		key := cmp.Or(s.RefundNo, p.OrderNo)
		keep[key] = true
		r := m.data.rows[key]
		if r == nil || r.step.Op != s.Op {
			m.data.row++
			r = &row{number: m.data.row, payment: p.ID, orderNo: p.OrderNo, since: m.clock.Now(), due: m.clock.Mono() + s.Wait}
			m.data.rows[key] = r
		} else if about[s.RefundNo] {
			r.due, r.dead, r.tries = m.clock.Mono()+s.Wait, false, min(r.tries, 1)
		}
		r.step, r.wallet = s, p.Status.Wallet
	}
	for key, r := range m.data.rows {
		if r.payment == p.ID && !keep[key] {
			delete(m.data.rows, key)
		}
	}
}

// waiting lists the rows that can be leased once they are due, most urgent first.
func (m *Memory) waiting() []*row {
	var rows []*row
	for _, r := range m.data.rows {
		if !r.leased && !r.dead {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b *row) int {
		return cmp.Or(cmp.Compare(a.step.Priority(), b.step.Priority()), cmp.Compare(a.due, b.due), cmp.Compare(a.number, b.number))
	})
	return rows
}

// Lease implements agent.Outbox.
func (m *Memory) Lease(_ context.Context, limit int) ([]agent.Task, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.unwritable("lease tasks"); err != nil {
		return nil, err
	}
	var tasks []agent.Task
	for _, r := range m.waiting() {
		if r.due > m.clock.Mono() {
			continue
		}
		if len(tasks) >= limit {
			break
		}
		m.data.lease++
		r.leased, r.lease, r.tries = true, m.data.lease, r.tries+1
		tasks = append(tasks, agent.Task{Row: r.number, Lease: r.lease, Payment: r.payment, Op: r.step.Op, RefundNo: r.step.RefundNo, Tries: r.tries})
	}
	return tasks, nil
}

// NextDue implements agent.Outbox.
func (m *Memory) NextDue(context.Context) (time.Duration, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rows := m.waiting()
	if len(rows) == 0 {
		return 0, false, nil
	}
	first := slices.MinFunc(rows, func(a, b *row) int { return cmp.Compare(a.due, b.due) })
	return max(first.due-m.clock.Mono(), 0), true, nil
}

// leasedBy finds the row of a lease that still holds.
func (m *Memory) leasedBy(t agent.Task) *row {
	for _, r := range m.data.rows {
		if r.number == t.Row && r.leased && r.lease == t.Lease {
			return r
		}
	}
	return nil
}

// Postpone implements agent.Outbox.
func (m *Memory) Postpone(_ context.Context, t agent.Task, wait time.Duration, why string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.unwritable("postpone task"); err != nil {
		return err
	}
	if r := m.leasedBy(t); r != nil {
		r.leased, r.due, r.last = false, m.clock.Mono()+wait, why
	}
	return nil
}

// Bury gives a leased task up: it is never leased again by itself, stands in the
// owner's list and comes back with the next fact about it.
func (m *Memory) Bury(_ context.Context, t agent.Task, why string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.unwritable("bury task"); err != nil {
		return err
	}
	if r := m.leasedBy(t); r != nil {
		r.leased, r.dead, r.last = false, true, why
	}
	return nil
}

// Hasten implements agent.Outbox. What was never tried waits for another reason
// than the line (a wallet's minimum age, a customer with a telephone in hand) and
// keeps waiting.
func (m *Memory) Hasten(_ context.Context, wallet string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.waiting() {
		if r.tries > 0 && (wallet == "" || r.wallet == wallet) {
			r.due = min(r.due, m.clock.Mono())
		}
	}
	return nil
}

// Queue lists every row, the dead ones too, oldest first.
func (m *Memory) Queue(context.Context) ([]agent.QueueEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rows := make([]*row, 0, len(m.data.rows))
	for _, r := range m.data.rows {
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b *row) int { return cmp.Compare(a.number, b.number) })
	entries := make([]agent.QueueEntry, 0, len(rows))
	for _, r := range rows {
		entries = append(entries, agent.QueueEntry{Payment: r.payment, OrderNo: r.orderNo, Op: r.step.Op, RefundNo: r.step.RefundNo,
			Tries: r.tries, Age: m.clock.Now().Sub(r.since), Due: r.due - m.clock.Mono(), Last: r.last, Dead: r.dead})
	}
	return entries, nil
}

// QueueInfo sums the outbox up for the status page.
func (m *Memory) QueueInfo() agent.QueueInfo {
	m.mu.Lock()
	defer m.mu.Unlock()
	info := agent.QueueInfo{Entries: len(m.data.rows)}
	for _, r := range m.data.rows {
		info.Oldest = max(info.Oldest, m.clock.Now().Sub(r.since))
		if r.step.Tells() {
			info.Unsent++
		}
		if r.dead {
			info.Dead++
		}
	}
	return info
}
