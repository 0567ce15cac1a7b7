package journaltest

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tillwire/agent"
)

// Agree drives two stores with the same random sequence of calls, legal and not,
// and fails when one answers, lists or leases anything else than the other. The
// clock of both must be the same.
func Agree(rt *rapid.T, clock *Clock, a, b Store) {
	m := &model{rt: rt, clock: clock, stores: [2]Store{a, b}}
	rt.Repeat(map[string]func(*rapid.T){
		"open": m.open, "record": m.record, "lease": m.lease, "postpone": m.postpone, "bury": m.bury,
		"hasten": m.hasten, "wait": m.wait, "": m.check,
	})
}

type model struct {
	rt     *rapid.T
	clock  *Clock
	stores [2]Store
	made   int
	known  []agent.Payment
	tasks  [][2]agent.Task
}

// both calls both stores and compares what they answer.
func (m *model) both(what string, call func(Store) (agent.Payment, error)) (agent.Payment, error) {
	p, err := call(m.stores[0])
	q, other := call(m.stores[1])
	if agent.ClassOf(err) != agent.ClassOf(other) || agent.CodeOf(err) != agent.CodeOf(other) || (err == nil) != (other == nil) ||
		errors.Is(err, agent.ErrRepeated) != errors.Is(other, agent.ErrRepeated) || errors.Is(err, agent.ErrCodeSeen) != errors.Is(other, agent.ErrCodeSeen) ||
		errors.Is(err, agent.ErrStale) != errors.Is(other, agent.ErrStale) {
		m.rt.Fatalf("%s: one says %v, the other %v", what, err, other)
	}
	plain := err == nil || errors.Is(err, agent.ErrRepeated) || errors.Is(err, agent.ErrCodeSeen) || errors.Is(err, agent.ErrStale)
	if plain && !reflect.DeepEqual(p, q) {
		m.rt.Fatalf("%s: one has\n%+v\nthe other\n%+v", what, p, q)
	}
	return p, err
}

func (m *model) open(rt *rapid.T) {
	m.made++
	n := m.made
	if n > 1 && rapid.IntRange(0, 9).Draw(rt, "repeat") == 0 {
		n = rapid.IntRange(1, n-1).Draw(rt, "which")
	}
	p := Sale(n, fmt.Sprint(rapid.IntRange(1, 3).Draw(rt, "lane")))
	facts := []agent.Fact{opened}
	switch rapid.IntRange(0, 3).Draw(rt, "begin") {
	case 0:
		facts = append(facts, scanned(fmt.Sprint(rapid.IntRange(1, 20).Draw(rt, "code"))))
	case 1:
		facts = append(facts, presented, qrReady)
	case 2:
		facts = append(facts, m.fact(rt, agent.Payment{}))
	}
	got, err := m.both("open", func(s Store) (agent.Payment, error) { return s.Open(ctx(), p, facts...) })
	if err == nil {
		m.known = append(m.known, got)
	}
}

func (m *model) pick(rt *rapid.T) int {
	if len(m.known) == 0 {
		rt.Skip("no payment yet")
	}
	return rapid.IntRange(0, len(m.known)-1).Draw(rt, "payment")
}

// menu is what may happen to a payment, whether the law allows it or not.
var menu = []agent.Fact{
	payStarted, presented, qrReady, approved, refused, inDoubt, awaiting, undo, undone, reversed, shut, review, printed,
	{Kind: agent.FactApproved, Op: agent.OpPay, Amount: 1280, Txn: "4200001"},
	{Kind: agent.FactUnsent, Reason: agent.ReasonLineDown}, {Kind: agent.FactRestarted}, {Kind: agent.FactWatched, Op: agent.OpQuery},
	{Kind: agent.FactReversalRefused, Reason: agent.ReasonTooLate}, {Kind: agent.FactNeverArrived}, {Kind: agent.FactReleased},
	{Kind: agent.FactCloseAccepted}, {Kind: agent.FactClosed, Op: agent.OpQuery},
	{Kind: agent.FactCloseDecided, Reason: agent.ReasonCancelled},
}

func (m *model) fact(rt *rapid.T, p agent.Payment) agent.Fact {
	if len(p.Status.Refunds) > 0 && rapid.Bool().Draw(rt, "about a refund") {
		r := rapid.SampledFrom(p.Status.Refunds).Draw(rt, "refund")
		return aboutRefund(rapid.SampledFrom([]agent.FactKind{agent.FactRefundAccepted, agent.FactRefundInDoubt, agent.FactRefundDone, agent.FactRefundRefused}).Draw(rt, "answer"), r.No)
	}
	if p.Status.State == agent.Paid && rapid.Bool().Draw(rt, "ask back") {
		return refundAsked(p.NextRefundNo(), rapid.Int64Range(1, 1280).Draw(rt, "amount"))
	}
	f := rapid.SampledFrom(menu).Draw(rt, "fact")
	if f.Kind == agent.FactPayStarted && rapid.Bool().Draw(rt, "with code") {
		f = scanned(fmt.Sprint(rapid.IntRange(1, 20).Draw(rt, "code")))
	}
	return f
}

// legal is a fact that the law allows; after some tries whatever came last.
func (m *model) legal(rt *rapid.T, p agent.Payment) (f agent.Fact) {
	for range 12 {
		f = m.fact(rt, p)
		f.At = m.clock.Now()
		if _, _, err := agent.Settle(p, f); err == nil {
			return f
		}
	}
	return f
}

func (m *model) record(rt *rapid.T) {
	i := m.pick(rt)
	p := m.known[i]
	version := p.Version
	if rapid.IntRange(0, 19).Draw(rt, "late") == 0 {
		version--
	}
	facts := []agent.Fact{m.legal(rt, p)}
	if rapid.IntRange(0, 4).Draw(rt, "two") == 0 {
		facts = append(facts, m.fact(rt, p))
	}
	got, err := m.both("record", func(s Store) (agent.Payment, error) { return s.Record(ctx(), p.ID, version, facts...) })
	if err == nil {
		m.known[i] = got
	}
}

func (m *model) lease(rt *rapid.T) {
	limit := rapid.IntRange(1, 4).Draw(rt, "limit")
	a, err := m.stores[0].Lease(ctx(), limit)
	b, other := m.stores[1].Lease(ctx(), limit)
	if err != nil || other != nil || len(a) != len(b) {
		rt.Fatalf("leased %v %v and %v %v", a, err, b, other)
	}
	for i := range a {
		x, y := a[i], b[i]
		x.Lease, y.Lease = 0, 0 // each store has tokens of its own
		if x != y {
			rt.Fatalf("leased %+v and %+v", a[i], b[i])
		}
		m.tasks = append(m.tasks, [2]agent.Task{a[i], b[i]})
	}
}

// finish ends some lease, perhaps one that is over.
func (m *model) finish(rt *rapid.T, do func(s Store, t agent.Task) error) {
	if len(m.tasks) == 0 {
		rt.Skip("nothing leased")
	}
	task := rapid.SampledFrom(m.tasks).Draw(rt, "task")
	for i, s := range m.stores {
		if err := do(s, task[i]); err != nil {
			rt.Fatal(err)
		}
	}
}

func (m *model) postpone(rt *rapid.T) {
	wait := time.Duration(rapid.IntRange(0, 20).Draw(rt, "seconds")) * time.Second
	m.finish(rt, func(s Store, t agent.Task) error { return s.Postpone(ctx(), t, wait, "silence") })
}

func (m *model) bury(rt *rapid.T) {
	m.finish(rt, func(s Store, t agent.Task) error { return s.Bury(ctx(), t, "hopeless") })
}

func (m *model) hasten(rt *rapid.T) {
	wallet := rapid.SampledFrom([]string{"", "wechat", "alipay"}).Draw(rt, "wallet")
	for _, s := range m.stores {
		if err := s.Hasten(ctx(), wallet); err != nil {
			rt.Fatal(err)
		}
	}
}

func (m *model) wait(rt *rapid.T) {
	m.clock.Advance(time.Duration(rapid.IntRange(1, 400).Draw(rt, "seconds")) * time.Second)
}

// check compares everything that can be asked, and holds it to the invariants.
func (m *model) check(rt *rapid.T) {
	var queues [2][]agent.QueueEntry
	for i, s := range m.stores {
		var err error
		if queues[i], err = s.Queue(ctx()); err != nil {
			rt.Fatal(err)
		}
	}
	if !reflect.DeepEqual(queues[0], queues[1]) {
		rt.Fatalf("one queue is\n%+v\nthe other\n%+v", queues[0], queues[1])
	}
	for _, p := range m.known {
		if _, err := m.both("payment", func(s Store) (agent.Payment, error) { return s.Payment(ctx(), p.ID) }); err != nil {
			rt.Fatal(err)
		}
	}
	if why := broken(m.known, queues[0]); why != "" {
		rt.Fatal(why)
	}
}

// broken holds payments and their outbox to the invariants of the design.
func broken(payments []agent.Payment, queue []agent.QueueEntry) string {
	waiting := map[agent.PaymentID]int{}
	for _, e := range queue {
		if e.RefundNo == "" {
			waiting[e.Payment]++
		}
	}
	for _, p := range payments {
		s := p.Status
		late, pending := 0, int64(0)
		for _, r := range s.Refunds {
			if r.Auto {
				late++
			}
			if r.State != agent.RefundFailed {
				pending += r.Amount
			}
		}
		own := s.State != agent.Created && !s.Final() && s.State != agent.RefundDue
		switch {
		case own && waiting[p.ID] != 1:
			return fmt.Sprintf("payment %s is %s and has %d steps of its own", p.ID, s.State, waiting[p.ID])
		case late > 1:
			return fmt.Sprintf("payment %s goes back %d times by itself", p.ID, late)
		case pending > s.Captured:
			return fmt.Sprintf("payment %s captured %d and returns %d", p.ID, s.Captured, pending)
		}
	}
	return ""
}

// TestSelf lets a store agree with itself: what the sequences break is an
// invariant then.
func TestSelf(t *testing.T, fresh func(*Clock) Store) {
	rapid.Check(t, func(rt *rapid.T) {
		clock := NewClock()
		Agree(rt, clock, fresh(clock), fresh(clock))
	})
}
