package model_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"tillwire/agent"
	"tillwire/cmd/tillcloud/lab"
)

// follow takes the table through what the wallet was asked and answered, and
// through what time alone did.
func (m *machine) follow() {
	for _, s := range m.wallet.read() {
		p := m.payments[s.payment]
		if p == nil || m.lost[p.id] {
			continue // of the run before, after its end
		}
		p.told = false
		p.tick(s.at)
		if s.answer {
			p.answered(s.op, s.call, s.refundNo, s.verdict, s.retry, s.at)
			m.lost[p.id] = p.doubts >= reviewAt
			continue
		}
		if err := p.begins(s.op, s.call, s.refundNo, s.at); err != nil {
			m.t.Fatalf("%s: %v", p.orderNo, err)
		}
	}
	now := m.clock.Mono()
	for _, p := range m.order {
		p.tick(now)
	}
}

// agree compares the counter with the table after each step.
func (m *machine) agree(t *rapid.T) {
	m.t = t
	m.follow()
	rows := 0
	for _, p := range m.order {
		if m.lost[p.id] {
			return
		}
		rows += p.steps()
	}
	for _, p := range m.order {
		if p.told {
			continue
		}
		p.told = final(p.state)
		got, err := m.store.Payment(m.ctx, p.id)
		if err == nil {
			err = same(got, p)
		}
		if err != nil {
			t.Fatalf("%v; %s after it was opened; %s", err, m.clock.Mono()-p.opened, m.rows())
		}
	}
	for i := range lanes {
		lane := strconv.Itoa(i + 1)
		want := agent.PaymentID("")
		if p := m.holder(lane); p != nil {
			want = p.id
		}
		if got := m.counter.lane(lane); got != want {
			t.Fatalf("lane %s is held by %q; by the table it is %q", lane, got, want)
		}
	}
	if got := m.entries(t, rows); got != rows {
		t.Fatalf("the outbox has %d rows, %d by the table: %s", got, rows, m.rows())
	}
}

// entries counts the rows of the outbox that are this run's. Those of earlier runs
// are in review and may end at any time, so they are counted anew when the cheap
// sum does not fit.
func (m *machine) entries(t *rapid.T, want int) int {
	all := m.store.QueueInfo().Entries
	if all-m.before == want {
		return want
	}
	queue, err := m.store.Queue(m.ctx)
	if err != nil {
		t.Fatal(err)
	}
	own := 0
	for _, e := range queue {
		if m.payments[e.Payment] != nil {
			own++
		}
	}
	m.before = all - own
	return own
}

// rows tells the outbox and what is open by the table.
func (m *machine) rows() (text string) {
	queue, err := m.store.Queue(m.ctx)
	for _, e := range queue {
		text += fmt.Sprintf("%s of %s %s due %s tried %d %s; ", e.Op, e.OrderNo, e.RefundNo, e.Due, e.Tries, e.Last)
	}
	for _, p := range m.order {
		if p.steps() > 0 {
			text += fmt.Sprintf("by the table %s is %s %v; ", p.orderNo, p.state, p.refunds)
		}
	}
	return fmt.Sprint(text, err)
}

// finish lets an obedient wallet end everything, as a cloud does sooner or later.
func (m *machine) finish(t *rapid.T) {
	m.wallet.fate(0)
	for _, p := range m.order {
		if !final(p.state) && !m.lost[p.id] {
			m.cancel0(t, p)
		}
	}
	for range 40 {
		m.pass(5 * time.Minute)
		m.follow()
		open := 0
		for _, p := range m.order {
			if p.steps() > 0 && p.state != "review" && !m.lost[p.id] {
				open++
			}
		}
		if open == 0 {
			break
		}
	}
	m.agree(t)
	for _, p := range m.order {
		if !final(p.state) && p.state != "review" && !m.lost[p.id] {
			t.Fatalf("%s is still %s after hours with a wallet that answers", p.orderNo, p.state)
		}
	}
}

func (m *machine) cancel0(t *rapid.T, p *payment) {
	p.cancel()
	if _, _, err := m.engine.Cancel(m.ctx, p.id, "model"); err != nil {
		t.Fatalf("cancel %s, which is %s: %v", p.orderNo, p.state, err)
	}
	m.pass(0)
	m.follow()
}

// The campaign's shape: processors at once, so many runs in a case.
const (
	processors = 2
	perCase    = 20
	mostText   = 6000 // bytes of a failure that are told
)

// TestTheTableAndTheEngineAgree is campaign C7.
func TestTheTableAndTheEngineAgree(t *testing.T) {
	r := lab.Begin(t, "C7", "runs", 500, 10_000)
	// As many steps at every size: the same seed is the same run.
	for name, value := range map[string]int{"rapid.steps": 200, "rapid.checks": perCase} {
		if err := flag.Set(name, strconv.Itoa(value)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errorsOf(flag.Set("rapid.nofailfile", "true"), flag.Set("rapid.shrinktime", "20s")); err != nil {
		t.Fatal(err)
	}
	dir := lab.Scratch(t)
	var seeds sync.Mutex
	r.Share(t, processors, func(t *testing.T, seed uint64) (runs int) {
		synctest.Test(t, func(t *testing.T) { runs = one(t, r, seed, filepath.Join(dir, fmt.Sprint(seed)), &seeds) })
		return runs
	})
}

func errorsOf(list ...error) error {
	for _, err := range list {
		if err != nil {
			return err
		}
	}
	return nil
}

// one is a case: runs that share a counter.
func one(t *testing.T, r *lab.Run, seed uint64, dir string, seeds *sync.Mutex) int {
	c, err := openCounter(t.Context(), dir)
	if err != nil {
		r.Broken(seed, err)
		return perCase
	}
	defer func() { r.Broken(seed, errorsOf(c.close(), os.RemoveAll(dir))) }()
	told := &teller{TB: t}
	// rapid counts on from its seed, so that of neighbours must lie far apart; and it
	// reads it from a flag when a check begins, so two cases begin one after the other.
	seeds.Lock()
	begun := sync.OnceFunc(seeds.Unlock)
	if err := flag.Set("rapid.seed", strconv.FormatUint(lab.NewDice("C7", seed).Uint64()|1, 10)); err != nil {
		t.Fatal(err)
	}
	told.check(func(t *rapid.T) {
		begun()
		if err := c.fresh(); err != nil {
			t.Fatalf("a counter for the run: %v", err)
		}
		m := newMachine(t, c)
		t.Repeat(m.actions())
		m.finish(t)
		c.dirty = false
	})
	if told.text != "" {
		r.Violated(seed, lab.Violation{Check: lab.CheckLaw, What: strings.TrimSpace(told.text[:min(len(told.text), mostText)])})
	}
	if err := c.fresh(); err != nil { // a failed run leaves anything behind
		r.Broken(seed, err)
		return perCase
	}
	report, err := c.store.Verify(t.Context(), timers)
	r.Broken(seed, err)
	for _, f := range report.Findings {
		r.Violated(seed, lab.Violation{Check: lab.CheckLaw, What: fmt.Sprint(f)})
	}
	return perCase
}

// teller keeps what rapid says of a failure, instead of ending the test with it.
type teller struct {
	testing.TB
	failed bool
	text   string
}

type stopped struct{}

// Errorf implements testing.TB.
func (t *teller) Errorf(format string, args ...any) {
	t.failed = true
	t.text += fmt.Sprintf(format, args...) + "\n"
}

// Logf implements testing.TB.
func (t *teller) Logf(format string, args ...any) {
	if t.failed {
		t.text += fmt.Sprintf(format, args...) + "\n"
	}
}

// Log implements testing.TB.
func (t *teller) Log(args ...any) { t.Logf("%s", fmt.Sprint(args...)) }

// Failed implements testing.TB.
func (t *teller) Failed() bool { return t.failed }

// FailNow implements testing.TB.
func (t *teller) FailNow() { panic(stopped{}) }

func (t *teller) check(property func(*rapid.T)) {
	defer func() {
		if p := recover(); p != nil {
			if _, ours := p.(stopped); !ours {
				panic(p)
			}
		}
	}()
	rapid.Check(t, property)
}
