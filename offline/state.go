package offline

import (
	"time"

	"tillwire/agent"
)

// state is what the writer knows without asking the disk: every payment that is
// not final, some that ended lately, who holds which lane, which codes were seen,
// and the outbox. The writer alone changes it, after a commit and under Store.mu;
// so the writer reads it freely and everyone else under that lock.
type state struct {
	payments map[agent.PaymentID]*entry
	ended    []agent.PaymentID // final ones in payments, oldest first
	lanes    map[string]agent.PaymentID
	codes    map[string]codeSeen
	rows     map[string]*row

	seq   int64    // last row of the journal
	head  [32]byte // its hash
	row   int64    // last number of an outbox row
	lease int64    // last fencing token
}

// entry is a payment as the last commit left it. It is never changed: the next
// commit makes another.
type entry struct {
	payment agent.Payment
	held    bool // it holds its lane and has done so without a gap
}

// orNone is the payment, or an empty one where there is none.
func (e *entry) orNone() agent.Payment {
	if e == nil {
		return agent.Payment{}
	}
	return e.payment
}

// codeSeen is whose a payment code was and until when it counts, on this run's
// monotonic clock.
type codeSeen struct {
	by    agent.PaymentID
	until time.Duration
}

// codeMemory is how long a payment code counts as seen; it lives about a minute.
const codeMemory = 10 * time.Minute

// keepEnded is how many final payments stay in memory: their receipt is printed
// and their last look is recorded soon after they end.
const keepEnded = 256

func newState() state {
	return state{payments: map[agent.PaymentID]*entry{}, lanes: map[string]agent.PaymentID{}, codes: map[string]codeSeen{}, rows: map[string]*row{}}
}

// batch is what one transaction will make of the state, kept apart until it is
// on the disk. A missing key means "as in the state"; a zero value means gone.
type batch struct {
	w        *writer
	payments map[agent.PaymentID]*entry
	lanes    map[string]agent.PaymentID
	codes    map[string]codeSeen
	rows     map[string]*row
	seq      int64
	head     [32]byte
	row      int64
	lease    int64
	told     []*entry
	errs     []error
	late     late

	mono time.Duration // when it began, for all that it decides
	wall time.Time

	begun bool // a transaction is open
	wrote int  // statements that changed something, the late ones included
}

// newBatch empties the writer's one batch: what it holds would otherwise grow anew
// for every transaction.
func (w *writer) newBatch() *batch {
	if w.batch == nil {
		w.batch = &batch{w: w, payments: map[agent.PaymentID]*entry{}, lanes: map[string]agent.PaymentID{}, codes: map[string]codeSeen{},
			rows: map[string]*row{}}
	}
	b, st := w.batch, &w.s.state
	clear(b.payments)
	clear(b.lanes)
	clear(b.codes)
	clear(b.rows)
	clear(b.told)
	clear(b.errs)
	b.told, b.errs = b.told[:0], b.errs[:0]
	b.late.forget()
	b.seq, b.head, b.row, b.lease = st.seq, st.head, st.row, st.lease
	b.mono, b.wall = w.s.opt.Clock.Mono(), w.s.opt.Clock.Now()
	b.begun, b.wrote = false, 0
	return b
}

func (b *batch) payment(id agent.PaymentID) (*entry, bool) {
	if e, ok := b.payments[id]; ok {
		return e, e != nil
	}
	e, ok := b.w.s.state.payments[id]
	return e, ok
}

func (b *batch) holder(lane string) agent.PaymentID {
	if id, ok := b.lanes[lane]; ok {
		return id
	}
	return b.w.s.state.lanes[lane]
}

func (b *batch) code(print string) (codeSeen, bool) {
	if c, ok := b.codes[print]; ok {
		return c, true
	}
	c, ok := b.w.s.state.codes[print]
	return c, ok
}

func (b *batch) outbox(key string) (row, bool) {
	r, ok := b.rows[key]
	if !ok {
		r, ok = b.w.s.state.rows[key]
	}
	if !ok || r.number == 0 {
		return row{}, false
	}
	return *r, true
}

// eachRow visits every row of the outbox as the batch sees it.
func (b *batch) eachRow(visit func(row)) {
	for key, r := range b.w.s.state.rows {
		if _, changed := b.rows[key]; !changed {
			visit(*r)
		}
	}
	for _, r := range b.rows {
		if r.number != 0 {
			visit(*r)
		}
	}
}

// publish makes the batch the state. The caller holds Store.mu.
func (st *state) publish(b *batch) {
	for id, e := range b.payments {
		if e == nil {
			delete(st.payments, id)
			continue
		}
		if was := st.payments[id]; e.payment.Status.Final() && (was == nil || !was.payment.Status.Final()) {
			st.ended = append(st.ended, id)
		}
		st.payments[id] = e
	}
	for lane, id := range b.lanes {
		if id == "" {
			delete(st.lanes, lane)
		} else {
			st.lanes[lane] = id
		}
	}
	for print, c := range b.codes {
		st.codes[print] = c
	}
	for key, r := range b.rows {
		if r.number == 0 {
			delete(st.rows, key)
		} else {
			st.rows[key] = r
		}
	}
	st.seq, st.head, st.row, st.lease = b.seq, b.head, b.row, b.lease
	st.forget()
}

// forget lets final payments go that ended longest ago.
func (st *state) forget() {
	for len(st.ended) > keepEnded {
		id := st.ended[0]
		st.ended = st.ended[1:]
		if e := st.payments[id]; e != nil && e.payment.Status.Final() {
			delete(st.payments, id)
		}
	}
}
