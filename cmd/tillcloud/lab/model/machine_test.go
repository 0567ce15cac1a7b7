package model_test

import (
	"fmt"
	"strconv"
	"time"

	"pgregory.net/rapid"

	"tillwire/agent"
)

// machine walks the table and the counter side by side.
type machine struct {
	*counter
	t        *rapid.T
	run      int
	payments map[agent.PaymentID]*payment
	order    []*payment
	requests []agent.Request
	codes    []string
	taken    map[string]time.Duration // when a code was taken for a payment
	before   int                      // rows of the outbox that earlier runs left in review
	lost     map[agent.PaymentID]bool // automation is exhausted: not in the table's small part
}

func newMachine(t *rapid.T, c *counter) *machine {
	c.runs++
	return &machine{counter: c, t: t, run: c.runs, before: c.store.QueueInfo().Entries, payments: map[agent.PaymentID]*payment{}, lost: map[agent.PaymentID]bool{}, taken: map[string]time.Duration{}}
}

// actions are what may happen at each step. Their names are sorted by rapid, so the
// list may grow at its end only by name.
func (m *machine) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"": m.agree, "open": m.open, "repeat": m.repeat, "scan": m.scan, "scan again": m.scan, "show": m.show, "cancel": m.cancel,
		"check": m.check, "refund": m.refund, "restart": m.restart, "time passes": m.time, "a while passes": m.time, "minutes pass": m.time,
	}
}

func (m *machine) lane(t *rapid.T) string {
	return strconv.Itoa(1 + rapid.IntRange(0, lanes-1).Draw(t, "lane"))
}

// holder is who holds a lane by the table.
func (m *machine) holder(lane string) *payment {
	for _, p := range m.order {
		if p.lane == lane && p.held() {
			return p
		}
	}
	return nil
}

// any is a payment of this run, most often a late one; nil when there is none.
func (m *machine) any(t *rapid.T) *payment {
	if len(m.order) == 0 {
		return nil
	}
	return m.order[len(m.order)-1-rapid.IntRange(0, min(len(m.order)-1, 7)).Draw(t, "payment")]
}

// fated lets chance choose what the wallet answers from here on.
func (m *machine) fated(t *rapid.T) { m.wallet.fate(rapid.Uint64().Draw(t, "fate")) }

func (m *machine) open(t *rapid.T) {
	m.fated(t)
	n := len(m.requests)
	r := agent.Request{Client: "model", RequestID: fmt.Sprintf("%d/%d", m.run, n), Lane: m.lane(t), Reference: strconv.Itoa(n),
		Mode:   rapid.SampledFrom([]agent.Mode{agent.ModeScan, agent.ModeScan, agent.ModeShow, agent.ModeAny}).Draw(t, "mode"),
		Amount: agent.Money{Value: rapid.Int64Range(1, 100_000).Draw(t, "amount"), Currency: "CNY"}}
	before := m.holder(r.Lane)
	now := m.clock.Mono()
	p, repeated, err := m.engine.Open(m.ctx, r)
	m.pass(0)
	if before != nil {
		if agent.CodeOf(err) != agent.CodeLaneBusy {
			t.Fatalf("lane %s is held by %s, and the request was answered %v", r.Lane, before.orderNo, err)
		}
		return
	}
	if err != nil || repeated {
		t.Fatalf("a new request on a free lane was answered %v, repeated %v", err, repeated)
	}
	m.requests = append(m.requests, r)
	q := &payment{id: p.ID, orderNo: p.OrderNo, lane: r.Lane, amount: r.Amount.Value, mode: r.Mode, state: "created", opened: now}
	if r.Mode == agent.ModeShow {
		q.state, q.showing, q.attempts, q.sent = "sending", true, 1, now
	}
	m.payments[p.ID], m.order = q, append(m.order, q)
}

func (m *machine) repeat(t *rapid.T) {
	if len(m.requests) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.requests)-1).Draw(t, "request")
	r := m.requests[i]
	if rapid.Bool().Draw(t, "changed") {
		r.Amount.Value++
		if _, _, err := m.engine.Open(m.ctx, r); agent.CodeOf(err) != agent.CodeRequestReused && agent.CodeOf(err) != agent.CodeLaneBusy {
			t.Fatalf("a request with another amount was answered %v", err)
		}
		return
	}
	if p, repeated, err := m.engine.Open(m.ctx, r); err != nil || !repeated || p.RequestID != r.RequestID {
		t.Fatalf("a repeated request was answered %v, repeated %v, with %s", err, repeated, p.RequestID)
	}
}

func (m *machine) scan(t *rapid.T) {
	m.fated(t)
	lane := m.lane(t)
	p := m.holder(lane)
	code := fmt.Sprintf("13%08d%08d", m.run, len(m.codes))
	switch kind := rapid.IntRange(0, 9).Draw(t, "code"); {
	case kind == 0:
		code = "6901234567892"
	case kind == 1 && len(m.codes) > 0:
		code = m.codes[len(m.codes)-1]
	case kind == 2 && p != nil && p.code != "":
		code = p.code
	default:
		m.codes = append(m.codes, code)
	}
	now := m.clock.Mono()
	at, used := m.taken[code]
	used = used && now-at < codeSeen
	want := p != nil && len(code) == 18 && (p.state == "created" && p.mode != agent.ModeShow && !used || p.state != "created" && p.code == code)
	got := m.engine.Scan(m.ctx, lane, agent.NewPayCode(code))
	if want && p.state == "created" {
		p.state, p.attempts, p.sent, p.code, p.hasCode = "sending", 1, now, code, true
		m.taken[code] = now
	}
	m.pass(0)
	if got.Accepted != want {
		t.Fatalf("the scan on lane %s (used %v) was accepted %v, want %v: %s", lane, used, got.Accepted, want, got.Say.English)
	}
}

func (m *machine) show(t *rapid.T) {
	p := m.any(t)
	if p == nil {
		return
	}
	m.fated(t)
	now := m.clock.Mono()
	_, err := m.engine.Show(m.ctx, p.id, "")
	switch {
	case p.showing && !final(p.state):
	case p.state == "created" && p.mode != agent.ModeScan:
		p.state, p.showing, p.attempts, p.sent = "sending", true, 1, now
	default:
		if err == nil {
			t.Fatalf("%s is %s and could be shown", p.orderNo, p.state)
		}
		return
	}
	m.pass(0)
	if err != nil {
		t.Fatalf("%s could not be shown: %v", p.orderNo, err)
	}
}

func (m *machine) cancel(t *rapid.T) {
	p := m.any(t)
	if p == nil || m.lost[p.id] {
		return
	}
	m.fated(t)
	again, refused := p.cancel()
	_, repeated, err := m.engine.Cancel(m.ctx, p.id, "model")
	m.pass(0)
	if refused != (agent.CodeOf(err) == agent.CodeFinal) || !refused && (err != nil || repeated != again) {
		t.Fatalf("%s is now %s and its cancel was answered repeated %v, %v; want repeated %v, refused %v", p.orderNo, p.state, repeated, err, again, refused)
	}
}

func (m *machine) check(t *rapid.T) {
	p := m.any(t)
	if p == nil {
		return
	}
	m.fated(t)
	switch {
	case p.state == "paid", p.state == "refunded", p.attempts == 0:
	case final(p.state):
		p.checks++
	}
	m.asides.Go(func() { _, _ = m.engine.Check(m.ctx, p.id) }) // its answer is in the wallet's log
	m.pass(0)
}

func (m *machine) refund(t *rapid.T) {
	p := m.any(t)
	if p == nil {
		return
	}
	m.fated(t)
	amount := rapid.Int64Range(1, max(1, p.left())+1).Draw(t, "amount")
	want := p.state == "paid" && amount <= p.left()
	if want {
		n := 1
		for _, r := range p.refunds {
			if !r.auto {
				n++
			}
		}
		p.told = false
		p.refunds = append(p.refunds, refund{no: p.orderNo + "P" + strconv.Itoa(n), amount: amount, state: "requested"})
	}
	r := agent.RefundRequest{Payment: p.id, RequestID: fmt.Sprint("r", len(p.refunds)), Amount: agent.Money{Value: amount, Currency: "CNY"}, Why: "model", By: "model"}
	if !want {
		r.RequestID += "?"
	}
	_, first, _, err := m.engine.Refund(m.ctx, r)
	m.pass(0)
	if (err == nil) != want {
		t.Fatalf("%s is %s with %d left; a refund of %d was answered %v", p.orderNo, p.state, p.left(), amount, err)
	}
	if _, again, repeated, err := m.engine.Refund(m.ctx, r); want && (err != nil || !repeated || again.No != first.No) {
		t.Fatalf("the repeated refund of %s was answered %s (first %s), repeated %v, %v", p.orderNo, again.No, first.No, repeated, err)
	}
}

func (m *machine) time(t *rapid.T) {
	m.fated(t)
	// The odd milliseconds keep two waits from ending at one moment, when nobody
	// could say which of them the table should see first.
	m.pass(3*time.Millisecond + rapid.SampledFrom([]time.Duration{4 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second,
		10 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute}).Draw(t, "span"))
}

// restart stops the agent in order and starts it again; one in ten times only,
// because it is dear.
func (m *machine) restart(t *rapid.T) {
	if rapid.IntRange(0, 9).Draw(t, "dear") > 0 {
		return
	}
	m.fated(t)
	for _, p := range m.order {
		p.told = false
		p.stop()
	}
	if err := m.counter.close(); err != nil {
		t.Fatalf("stop: %v", err)
	}
	m.follow()
	for _, p := range m.order {
		p.restart()
	}
	if err := m.counter.start(); err != nil {
		t.Fatalf("start: %v", err)
	}
}
