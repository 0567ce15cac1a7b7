package checkout_test

import (
	"context"
	"crypto/sha256"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/agent/checkout"
	"tillwire/offline/journaltest"
)

// shop is a whole counter in virtual time: the real engine and a plain worker of
// the outbox over a journal in memory and a cloud that keeps a ledger of its own.
type shop struct {
	t        *testing.T
	clock    *wall
	journal  *journaltest.Memory
	cloud    *cloud
	wallet   agent.Wallet // the cloud as the engine has it, or nil for the cloud itself
	display  *display
	scanner  *scanner
	line     agent.Line
	timers   func(wallet string) agent.Timers
	wrap     func(agent.Journal) agent.Journal // what the engine writes through, or nil
	offline  *checkout.Offline                 // nil: nothing is accepted without the wallet's word
	locked   func() (string, bool)             // nil: nobody locks
	engine   *checkout.Engine
	kick     chan struct{}
	requests int
	stop     func()
}

const lane = "1"

// inShop runs a test in a bubble of virtual time and closes the shop behind it.
func inShop(t *testing.T, test func(*shop)) {
	t.Helper()
	inShopOf(t, timers, test)
}

// inShopOf is inShop with the waits of another protocol.
func inShopOf(t *testing.T, timers func(string) agent.Timers, test func(*shop)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &shop{t: t, clock: &wall{SystemClock: agent.NewSystemClock()}, cloud: newCloud(), display: &display{}, scanner: &scanner{}, timers: timers}
		s.cloud.arrives = s.intended
		s.journal = journaltest.NewMemory(s.clock, s.timers, s.committed)
		s.start()
		defer func() { s.stop() }()
		test(s)
	})
}

// committed is the store's notice after a commit.
func (s *shop) committed(p agent.Payment) {
	s.engine.Committed(p)
	s.nudge()
}

func (s *shop) nudge() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// work hands due tasks to the engine until ctx ends.
func (s *shop) work(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for ctx.Err() == nil {
		wait, any, err := s.journal.NextDue(ctx)
		if err != nil {
			s.t.Error(err)
			return
		}
		if any && wait <= 0 {
			tasks, err := s.journal.Lease(ctx, 8)
			if err != nil {
				s.t.Error(err)
				return
			}
			for _, task := range tasks {
				wg.Go(func() {
					again, why := s.engine.Resume(ctx, task)
					if err := s.journal.Postpone(context.Background(), task, max(again, time.Second), why); err != nil {
						s.t.Error(err)
					}
					s.nudge()
				})
			}
			continue
		}
		var timer <-chan time.Time
		if any {
			timer = s.clock.After(wait)
		}
		select {
		case <-ctx.Done():
		case <-s.kick:
		case <-timer:
		}
	}
}

func timers(string) agent.Timers { return agent.DefaultTimers("wechat") }

func (s *shop) start() {
	s.t.Helper()
	var journal agent.Journal = s.journal
	if s.wrap != nil {
		journal = s.wrap(journal)
	}
	var wechat agent.Wallet = s.cloud
	if s.wallet != nil {
		wechat = s.wallet
	}
	engine, err := checkout.New(checkout.Options{
		Terminal: "TEST01", Journal: journal, Wallets: wallets{wechat}, Feed: agent.NewFeed(), Clock: s.clock, Timers: s.timers,
		Lanes:       []checkout.LaneConfig{{ID: lane, Name: "Register 1", Wallet: "wechat", Display: s.display, Scanner: s.scanner}, {ID: "2", Wallet: "wechat"}},
		Fingerprint: func(code string) []byte { sum := sha256.Sum256([]byte(code)); return sum[:16] },
		Line:        func() agent.Line { return s.line },
		Offline:     s.offline,
		Locked:      s.locked,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.engine = engine
	ctx, cancel := context.WithCancel(s.t.Context())
	s.kick = make(chan struct{}, 1)
	if err := engine.Boot(ctx); err != nil {
		s.t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { _ = engine.Run(ctx) })
	wg.Go(func() { s.work(ctx) })
	s.stop = func() { cancel(); engine.Close(0); wg.Wait() }
}

// wall is a clock whose wall time can be set by hand.
type wall struct {
	agent.SystemClock
	by atomic.Int64
}

func (w *wall) Now() time.Time { return w.SystemClock.Now().Add(time.Duration(w.by.Load())) }

func (w *wall) jump(d time.Duration) { w.by.Add(int64(d)) }

// intended is invariant I2: whatever reaches the cloud was durable as an intent
// before, under the number it arrives with.
func (s *shop) intended(op agent.Operation, p agent.Payment) {
	intents := map[agent.Operation]agent.FactKind{agent.OpPay: agent.FactPayStarted, agent.OpPresent: agent.FactPresentStarted,
		agent.OpReverse: agent.FactReversalDecided, agent.OpClose: agent.FactCloseDecided, agent.OpRefund: agent.FactRefundRequested,
		agent.OpRedeem: agent.FactForwardStarted, agent.OpChargeLater: agent.FactForwardStarted, agent.OpVoid: agent.FactVoided}
	want, moves := intents[op]
	if !moves {
		return
	}
	stored, err := s.journal.Payment(context.Background(), p.ID)
	if op == agent.OpClose && stored.Status.Way == agent.WaySight {
		want = agent.FactForwardStarted // the search for its money ends with a close, so that none comes later
	}
	if err != nil || stored.OrderNo != p.OrderNo || !slices.Contains(kinds(stored), want) {
		s.t.Errorf("%s reached the cloud before %s was recorded: %v, %v", op, want, kinds(stored), err)
	}
}

// restart is a power cut: what is not in the journal is gone.
func (s *shop) restart() {
	s.t.Helper()
	s.stop()
	s.journal = s.journal.Restart(s.committed)
	s.start()
}

// pass lets virtual time go by.
func (s *shop) pass(d time.Duration) {
	<-s.clock.After(d)
	synctest.Wait()
}

func (s *shop) open(mode agent.Mode) agent.Payment {
	s.t.Helper()
	s.requests++
	p, _, err := s.engine.Open(s.t.Context(), agent.Request{Client: "till:1", RequestID: strconv.Itoa(s.requests), Lane: lane,
		Amount: agent.Money{Value: 1280, Currency: "CNY"}, Mode: mode})
	if err != nil {
		s.t.Fatalf("open: %v", err)
	}
	return p
}

const goodCode = "134567890123456789"

func (s *shop) scan(code string) agent.ScanResult {
	r := s.engine.Scan(s.t.Context(), lane, agent.NewPayCode(code))
	synctest.Wait()
	return r
}

func (s *shop) now(id agent.PaymentID) agent.Payment {
	s.t.Helper()
	p, err := s.journal.Payment(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

func (s *shop) want(id agent.PaymentID, state agent.State) agent.Payment {
	s.t.Helper()
	p := s.now(id)
	if p.Status.State != state {
		s.t.Fatalf("the payment is %s, want %s; facts: %v; asked of the cloud: %v", p.Status.State, state, kinds(p), s.cloud.asked())
	}
	return p
}

// settle waits until the payment is final and nothing is left to do, then holds
// the journal against the cloud's ledger: they must agree to the minor unit.
func (s *shop) settle(id agent.PaymentID, within time.Duration) agent.Payment {
	s.t.Helper()
	deadline := s.clock.Mono() + within
	for {
		p := s.now(id)
		if p.Status.Final() && len(p.Steps(s.timers(""))) == 0 {
			s.agree(p)
			return p
		}
		if s.clock.Mono() > deadline {
			s.t.Fatalf("not settled after %s: %s; facts: %v; asked of the cloud: %v", within, p.Status.State, kinds(p), s.cloud.asked())
		}
		s.pass(time.Second)
	}
}

func (s *shop) agree(p agent.Payment) {
	s.t.Helper()
	captured, kept := s.cloud.books(p.OrderNo)
	ours := int64(0)
	if p.Status.State == agent.Paid || p.Status.State == agent.Refunded {
		ours = p.Status.Captured - p.Status.RefundedSum()
	}
	if ours != kept {
		s.t.Errorf("journal says %d is kept (%s), the ledger %d", ours, p.Status.State, kept)
	}
	if p.Status.State == agent.NotSent && s.cloud.charged(p.OrderNo) {
		s.t.Errorf("called not sent, but a pay request arrived; facts %v", kinds(p))
	}
	if captured > p.Amount.Value {
		s.t.Errorf("the customer was charged %d for a payment of %d", captured, p.Amount.Value)
	}
}

func kinds(p agent.Payment) []agent.FactKind {
	var all []agent.FactKind
	for _, f := range p.Facts {
		all = append(all, f.Kind)
	}
	return all
}

// display remembers what the customer sees.
// scanner remembers what it was told.
type scanner struct {
	mu      sync.Mutex
	listens bool
	answers []bool
}

func (s *scanner) Listen(waiting bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listens = waiting
}

func (s *scanner) Answer(accepted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = append(s.answers, accepted)
}

func (s *scanner) told() (listens bool, answers []bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listens, slices.Clone(s.answers)
}

type display struct {
	mu     sync.Mutex
	screen agent.Screen
}

func (d *display) Show(_ context.Context, s agent.Screen) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.screen = s
	return nil
}

func (d *display) shows() agent.Screen {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.screen
}
