package offline

import (
	"cmp"
	"context"
	"slices"
	"time"

	"tillwire/agent"
)

// row is one step in the outbox. A row in a map is never changed: a change puts
// another in its place.
type row struct {
	key     string
	number  int64 // 0 stands for a row that is gone
	payment agent.PaymentID
	orderNo string
	wallet  string
	step    agent.Step
	tries   int
	created time.Time
	dead    bool
	last    string // why the last try did not end it

	// What only this run knows.
	due    time.Duration // on the monotonic clock
	lease  int64
	leased bool
}

func (r row) task() agent.Task {
	return agent.Task{Row: r.number, Lease: r.lease, Payment: r.payment, Op: r.step.Op, RefundNo: r.step.RefundNo, Tries: r.tries}
}

// put changes a row, on the disk too.
func (b *batch) put(r row) {
	b.rows[r.key] = &r
	b.step(r.key)
}

// reconcile makes a payment's rows exactly its steps. A step whose operation stays
// keeps its row and lease; its wait begins anew when one of the facts is about it, and
// so do its tries: something was learned, so what failed before makes nobody wait.
func (b *batch) reconcile(c *change) {
	p := &c.next.payment
	for _, step := range c.steps {
		key := stepKey(p, step.RefundNo)
		r, exists := b.outbox(key)
		changed := true // in what outlives this run
		switch {
		case !exists || r.step.Op != step.Op:
			b.row++
			r = row{key: key, number: b.row, payment: p.ID, orderNo: p.OrderNo, created: b.wall, due: b.mono + step.Wait}
		case c.about(step.RefundNo):
			changed = r.dead || r.tries > 1
			r.due, r.dead, r.tries = b.mono+step.Wait, false, min(r.tries, 1)
		default:
			changed = false
		}
		r.step, r.wallet = step, p.Status.Wallet
		b.rows[key] = &r
		if changed {
			b.step(key)
		}
	}
	for _, r := range p.Status.Refunds {
		b.endStep(c, r.No, r.No)
	}
	b.endStep(c, p.OrderNo, "")
}

// endStep drops a row that is no step of the payment any more.
func (b *batch) endStep(c *change, key, refundNo string) {
	if _, exists := b.outbox(key); !exists || slices.ContainsFunc(c.steps, func(s agent.Step) bool { return s.RefundNo == refundNo }) {
		return
	}
	b.put(row{key: key})
}

// about reports whether one of the facts is about the payment itself or about the
// refund with that number.
func (c *change) about(refundNo string) bool {
	for i := range c.written {
		if c.written[i].RefundNo == refundNo {
			return true
		}
	}
	return false
}

// Lease implements agent.Outbox. The count of tries is on the disk before the task
// is handed out, so that a task that kills the agent does not look new each time.
func (s *Store) Lease(_ context.Context, limit int) ([]agent.Task, error) {
	if wait, any := s.nextDue(); !any || wait > 0 {
		return nil, nil
	}
	var tasks []agent.Task
	err := s.write("lease tasks", func(b *batch) error {
		tasks = b.leaseDue(limit)
		return nil
	})
	if err != nil {
		return nil, err // nothing is leased: what the disk does not count may not be done
	}
	return tasks, nil
}

func (b *batch) leaseDue(limit int) []agent.Task {
	var due []row
	b.eachRow(func(r row) {
		if !r.leased && !r.dead && r.due <= b.mono {
			due = append(due, r)
		}
	})
	slices.SortFunc(due, func(x, y row) int {
		return cmp.Or(cmp.Compare(x.step.Priority(), y.step.Priority()), cmp.Compare(x.due, y.due), cmp.Compare(x.number, y.number))
	})
	due = b.share(due, limit)
	tasks := make([]agent.Task, 0, len(due))
	for _, r := range due {
		b.lease++
		r.leased, r.lease, r.tries = true, b.lease, r.tries+1
		b.put(r)
		tasks = append(tasks, r.task())
	}
	return tasks
}

// share takes the first rows that may be leased beside those that are, up to limit.
func (b *batch) share(due []row, limit int) []row {
	taken := map[string]int{}
	b.eachRow(func(r row) {
		if r.leased {
			taken[r.wallet]++
		}
	})
	var may []row
	for _, r := range due {
		if len(may) < limit && !b.w.s.full(taken[r.wallet]) {
			taken[r.wallet]++
			may = append(may, r)
		}
	}
	return may
}

// full reports that a wallet with so many leased tasks gets no more.
func (s *Store) full(leased int) bool { return s.opt.PerWallet > 0 && leased >= s.opt.PerWallet }

// nextDue is how long until some row can be leased. A row of a wallet that has its
// full share waits for no moment but for a lease to end.
func (s *Store) nextDue() (wait time.Duration, any bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	taken := map[string]int{}
	for _, r := range s.state.rows {
		if r.leased {
			taken[r.wallet]++
		}
	}
	var first time.Duration
	for _, r := range s.state.rows {
		if !r.leased && !r.dead && !s.full(taken[r.wallet]) && (!any || r.due < first) {
			first, any = r.due, true
		}
	}
	return max(first-s.opt.Clock.Mono(), 0), any
}

// NextDue implements agent.Outbox.
func (s *Store) NextDue(context.Context) (time.Duration, bool, error) {
	wait, any := s.nextDue()
	return wait, any, nil
}

// leased finds the row of a lease that still holds.
func (b *batch) leased(t agent.Task) (found row, ok bool) {
	b.eachRow(func(r row) {
		if r.number == t.Row && r.leased && r.lease == t.Lease {
			found, ok = r, true
		}
	})
	return found, ok
}

// Postpone implements agent.Outbox. Nothing is written: after a restart everything
// is due at once.
func (s *Store) Postpone(_ context.Context, t agent.Task, wait time.Duration, why string) error {
	return s.write("postpone task", func(b *batch) error {
		if r, ok := b.leased(t); ok {
			r.leased, r.due, r.last = false, s.opt.Clock.Mono()+wait, why
			b.rows[r.key] = &r
		}
		return nil
	})
}

// Bury gives a leased task up: it stays in the owner's list, is not leased again in
// this run by itself and comes back with the next fact about it or with ForwardNow.
func (s *Store) Bury(_ context.Context, t agent.Task, why string) error {
	return s.write("bury task", func(b *batch) error {
		r, ok := b.leased(t)
		if !ok {
			return nil
		}
		r.leased, r.dead, r.last = false, true, why
		b.put(r)
		return nil
	})
}

// Hasten implements agent.Outbox. What was never tried waits for another reason
// than the line (a wallet's minimum age, a customer who has yet to show a code)
// and keeps waiting.
func (s *Store) Hasten(_ context.Context, wallet string) error {
	return s.write("hasten tasks", func(b *batch) error {
		now := s.opt.Clock.Mono()
		var early []row
		b.eachRow(func(r row) {
			if r.tries > 0 && !r.leased && !r.dead && r.due > now && (wallet == "" || r.wallet == wallet) {
				early = append(early, r)
			}
		})
		for _, r := range early {
			r.due = now
			b.rows[r.key] = &r
		}
		return nil
	})
}

// ForwardNow makes everything due that waits for its next try, as Hasten does, and beside
// it what was given up: a person has put right what was in the way. revived is how many
// steps that were.
func (s *Store) ForwardNow(context.Context) (revived int, err error) {
	err = s.write("forward now", func(b *batch) error {
		now := s.opt.Clock.Mono()
		var early []row
		b.eachRow(func(r row) {
			if !r.leased && (r.dead || r.tries > 0 && r.due > now) {
				early = append(early, r)
			}
		})
		revived = 0
		for _, r := range early {
			r.due = now
			if !r.dead {
				b.rows[r.key] = &r
				continue
			}
			revived++
			r.dead = false
			b.put(r)
		}
		return nil
	})
	return revived, err
}

// Queue lists every row of the outbox for the owner, the buried ones too, oldest
// first.
func (s *Store) Queue(context.Context) ([]agent.QueueEntry, error) {
	s.mu.RLock()
	rows := make([]row, 0, len(s.state.rows))
	for _, r := range s.state.rows {
		rows = append(rows, *r)
	}
	s.mu.RUnlock()
	slices.SortFunc(rows, func(x, y row) int { return cmp.Compare(x.number, y.number) })
	now, mono := s.opt.Clock.Now(), s.opt.Clock.Mono()
	entries := make([]agent.QueueEntry, 0, len(rows))
	for _, r := range rows {
		entries = append(entries, agent.QueueEntry{Payment: r.payment, OrderNo: r.orderNo, Op: r.step.Op, RefundNo: r.step.RefundNo,
			Tries: r.tries, Age: now.Sub(r.created), Due: r.due - mono, Last: r.last, Dead: r.dead})
	}
	return entries, nil
}

// QueueInfo sums the outbox up for the status page.
func (s *Store) QueueInfo() agent.QueueInfo {
	s.mu.RLock()
	defer s.mu.RUnlock()
	now := s.opt.Clock.Now()
	info := agent.QueueInfo{Entries: len(s.state.rows)}
	for _, r := range s.state.rows {
		info.Oldest = max(info.Oldest, now.Sub(r.created))
		if r.step.Tells() {
			info.Unsent++
		}
		if r.dead {
			info.Dead++
		}
	}
	return info
}
