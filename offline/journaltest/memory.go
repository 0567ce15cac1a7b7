package journaltest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"tillwire/agent"
)

// codeMemory is how long a payment code counts as seen.
const codeMemory = 10 * time.Minute

// Memory is a journal and outbox without a disk: the plainest program that keeps
// the contract. It forgives nothing that the SQLite store would not.
type Memory struct {
	clock  agent.Clock
	timers func(wallet string) agent.Timers
	notify func(agent.Payment)

	// order is held over a whole write with its notice, so that notices come in
	// commit order; mu alone guards the data, so that a notice may read.
	order sync.Mutex
	mu    sync.Mutex
	data  *records
	boot  map[string]time.Duration // codes seen, until when on this run's clock
	down  error
}

// records are what survives a restart.
type records struct {
	payments map[agent.PaymentID]agent.Payment
	ids      []agent.PaymentID // in the order of opening
	requests map[[2]string]agent.PaymentID
	orders   map[string]bool
	lanes    map[string]agent.PaymentID // who holds each
	codes    map[string]seen
	rows     map[string]*row // by the number the wallet sees: order or refund number
	seq      int64
	row      int64
	lease    int64

	accepted map[agent.PaymentID]agent.Acceptance
	spent    map[string]spent
	seen     time.Time
}

type seen struct {
	by agent.PaymentID
	at time.Time
}

// NewMemory returns an empty journal. notify hears of every commit, in order,
// before the writer does; it may read the journal and must not write. nil is
// allowed.
func NewMemory(clock agent.Clock, timers func(wallet string) agent.Timers, notify func(agent.Payment)) *Memory {
	m := &Memory{clock: clock, timers: timers, notify: notify, data: &records{
		payments: map[agent.PaymentID]agent.Payment{}, requests: map[[2]string]agent.PaymentID{},
		orders: map[string]bool{}, lanes: map[string]agent.PaymentID{}, codes: map[string]seen{}, rows: map[string]*row{},
		accepted: map[agent.PaymentID]agent.Acceptance{}, spent: map[string]spent{},
	}}
	m.begin()
	return m
}

// begin is what every start of the agent does: leases end, everything is due, and
// codes seen before count on from the wall clock, the only one they share.
func (m *Memory) begin() {
	m.boot = map[string]time.Duration{}
	now, mono := m.clock.Now(), m.clock.Mono()
	for code, s := range m.data.codes {
		m.boot[code] = mono + codeMemory - max(now.Sub(s.at), 0)
	}
	for _, r := range m.data.rows {
		r.leased, r.dead, r.due = false, false, mono
	}
}

// Restart ends this run as a power cut does and returns the next one on the same
// records. notify nil keeps the old one.
func (m *Memory) Restart(notify func(agent.Payment)) *Memory {
	m.order.Lock()
	defer m.order.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	if notify == nil {
		notify = m.notify
	}
	next := &Memory{clock: m.clock, timers: m.timers, notify: notify, data: m.data}
	m.down, m.data = fmt.Errorf("this run has ended"), &records{}
	next.begin()
	return next
}

// Fail makes every further write fail as a broken disk does; nil ends it.
func (m *Memory) Fail(why error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = why
}

func (m *Memory) unwritable(op string) error {
	if m.down == nil {
		return nil
	}
	return &agent.Error{Op: op, Class: agent.Unavailable, Code: agent.CodeNotWritable, Err: m.down,
		Say: agent.Sentence{ID: "error.store", English: "The store cannot be written."}}
}

// write runs one commit and its notice.
func (m *Memory) write(op string, change func() (agent.Payment, error)) (agent.Payment, error) {
	m.order.Lock()
	defer m.order.Unlock()
	m.mu.Lock()
	err := m.unwritable(op)
	var p agent.Payment
	if err == nil {
		p, err = change()
	}
	m.mu.Unlock()
	if err == nil && m.notify != nil {
		m.notify(p)
	}
	return p, err
}

// Open implements agent.Journal.
func (m *Memory) Open(_ context.Context, p agent.Payment, facts ...agent.Fact) (agent.Payment, error) {
	return m.write("open payment", func() (agent.Payment, error) {
		if id, ok := m.data.requests[[2]string{p.Client, p.RequestID}]; ok {
			return m.repeated(m.data.payments[id], p)
		}
		if id, ok := m.data.lanes[p.Lane]; ok {
			holder := m.data.payments[id]
			return holder, &agent.Error{Op: "open payment", Class: agent.Conflict, Code: agent.CodeLaneBusy, Payment: holder.ID,
				Say: agent.Sentence{ID: "error.lane_busy", English: "Another payment is under way on this lane."}}
		}
		if by, ok := m.codeSeen("", facts); ok {
			return by, agent.ErrCodeSeen
		}
		if p.ID == "" || p.OrderNo == "" || m.data.orders[p.OrderNo] || m.data.payments[p.ID].ID != "" {
			return agent.Payment{}, &agent.Error{Op: "open payment", Class: agent.Internal, Err: fmt.Errorf("payment %q, order %q: numbers must be new", p.ID, p.OrderNo)}
		}
		if err := p.Amount.Check(); err != nil {
			return agent.Payment{}, err
		}
		if p.Created.IsZero() {
			p.Created = m.clock.Now()
		}
		p.Created = p.Created.Round(0).UTC()
		p.Version, p.Status, p.Facts = 0, agent.Status{}, nil
		p, err := m.settle(p, facts)
		if err != nil {
			return agent.Payment{}, err
		}
		m.data.requests[[2]string{p.Client, p.RequestID}] = p.ID
		m.data.orders[p.OrderNo] = true
		m.data.ids = append(m.data.ids, p.ID)
		return p, nil
	})
}

func (m *Memory) repeated(stored, asked agent.Payment) (agent.Payment, error) {
	if !bytes.Equal(stored.RequestHash, asked.RequestHash) {
		return stored, &agent.Error{Op: "open payment", Class: agent.Conflict, Code: agent.CodeRequestReused, Payment: stored.ID,
			Say: agent.Sentence{ID: "error.request_reused", English: "This request_id was used for another payment."}}
	}
	return stored, agent.ErrRepeated
}

// hold keeps the book of lanes. A lane once given back is not taken again by a
// payment that comes out of review: somebody else may stand there.
func (m *Memory) hold(p agent.Payment, facts []agent.Fact) {
	if p.Version == 0 {
		m.data.lanes[p.Lane] = p.ID
	}
	s := p.Status
	for _, f := range facts {
		s, _ = s.Apply(f)
		if !s.Held() && m.data.lanes[p.Lane] == p.ID {
			delete(m.data.lanes, p.Lane)
		}
	}
}

// codeSeen finds the other payment that one of the facts' codes belongs to.
func (m *Memory) codeSeen(self agent.PaymentID, facts []agent.Fact) (agent.Payment, bool) {
	for _, f := range facts {
		s, ok := m.data.codes[string(f.CodePrint)]
		if ok && len(f.CodePrint) > 0 && s.by != self && m.clock.Mono() < m.boot[string(f.CodePrint)] {
			return m.data.payments[s.by], true
		}
	}
	return agent.Payment{}, false
}

// Record implements agent.Journal.
func (m *Memory) Record(_ context.Context, id agent.PaymentID, version int64, facts ...agent.Fact) (agent.Payment, error) {
	return m.write("record facts", func() (agent.Payment, error) {
		p, err := m.find(id)
		if err != nil {
			return p, err
		}
		if p.Version != version {
			return p, agent.ErrStale
		}
		if by, ok := m.codeSeen(id, facts); ok {
			return by, agent.ErrCodeSeen
		}
		return m.settle(p, facts)
	})
}

// settle is one commit: facts, status, codes and outbox together.
func (m *Memory) settle(p agent.Payment, facts []agent.Fact) (agent.Payment, error) {
	if len(facts) == 0 {
		return p, &agent.Error{Op: "record facts", Class: agent.Internal, Err: fmt.Errorf("no facts")}
	}
	facts = slices.Clone(facts)
	for i := range facts {
		if facts[i].At.IsZero() {
			facts[i].At = m.clock.Now()
		}
		facts[i].At = facts[i].At.Round(0).UTC()
	}
	written, status, err := agent.Settle(p, facts...)
	if err != nil {
		return p, err
	}
	written = slices.Clone(written)
	for i := range written {
		m.data.seq++
		written[i].Seq = m.data.seq
		if code := string(written[i].CodePrint); code != "" {
			m.data.codes[code] = seen{by: p.ID, at: m.clock.Now()}
			m.boot[code] = m.clock.Mono() + codeMemory
		}
	}
	m.hold(p, written)
	p.Facts = append(p.Facts[:len(p.Facts):len(p.Facts)], written...)
	p.Status, p.Version = status, p.Version+1
	m.data.payments[p.ID] = p
	m.settleAccepted(p)
	m.reconcile(p, written)
	return p, nil
}

func (m *Memory) find(id agent.PaymentID) (agent.Payment, error) {
	p, ok := m.data.payments[id]
	if !ok {
		return p, &agent.Error{Op: "read payment", Class: agent.NotFound, Code: agent.CodeNotFound, Payment: id,
			Say: agent.Sentence{ID: "error.not_found", English: "There is no such payment."}}
	}
	return p, nil
}

// Payment implements agent.Journal.
func (m *Memory) Payment(_ context.Context, id agent.PaymentID) (agent.Payment, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.find(id)
}

// ByRequest implements agent.Journal.
func (m *Memory) ByRequest(_ context.Context, client, requestID string) (agent.Payment, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.find(m.data.requests[[2]string{client, requestID}])
}

// OpenPayments implements agent.Journal.
func (m *Memory) OpenPayments(context.Context) ([]agent.Payment, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var open []agent.Payment
	for _, id := range m.data.ids {
		if p := m.data.payments[id]; !p.Status.Final() {
			open = append(open, p)
		}
	}
	return open, nil
}
