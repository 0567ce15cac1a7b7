package journaltest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tillwire/agent"
)

// Store is what the suite tests: a journal with its outbox, and the owner's view
// of what waits in it.
type Store interface {
	agent.OfflineJournal
	agent.Outbox
	// Bury gives a leased task up until the next fact about it.
	Bury(ctx context.Context, t agent.Task, why string) error
	// Queue lists every row of the outbox, oldest first.
	Queue(ctx context.Context) ([]agent.QueueEntry, error)
}

// Harness is one store under test with its surroundings.
type Harness struct {
	Store   Store
	Clock   *Clock
	Notices *Notices               // must be what the store notifies
	Restart func(*testing.T) Store // ends this run without warning and begins the next on the same records
}

// Notices collects what a store tells after its commits.
type Notices struct {
	mu   sync.Mutex
	list []agent.Payment
}

// Add is the store's notify function.
func (n *Notices) Add(p agent.Payment) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, p)
}

// List returns what was told so far.
func (n *Notices) List() []agent.Payment {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.list)
}

// Run holds a store to the contract of agent.OfflineJournal and agent.Outbox. make
// returns a fresh, empty store for every case.
func Run(t *testing.T, make func(*testing.T) Harness) {
	for _, group := range []struct {
		name  string
		cases []testCase
	}{{"open", openCases}, {"record", recordCases}, {"outbox", outboxCases}, {"together", togetherCases}, {"offline", offlineCases}} {
		t.Run(group.name, func(t *testing.T) {
			for _, c := range group.cases {
				t.Run(c.name, func(t *testing.T) { c.run(&shop{t: t, h: make(t)}) })
			}
		})
	}
}

type testCase struct {
	name string
	run  func(*shop)
}

// shop wraps a harness with the steps the cases are told in.
type shop struct {
	t *testing.T
	h Harness
}

func ctx() context.Context { return context.Background() }

// Sale is a payment of CNY 12.80 on a lane; n makes its numbers and its request.
func Sale(n int, lane string) agent.Payment {
	id := fmt.Sprintf("01JNTEST%018d", n)
	r := agent.Request{Client: "till:a", RequestID: fmt.Sprintf("r%d", n), Lane: lane, Mode: agent.ModeAny,
		Amount: agent.Money{Value: 1280, Currency: "CNY"}, Reference: fmt.Sprintf("basket %d", n)}
	return agent.Payment{ID: agent.PaymentID(id), OrderNo: "T0TEST" + id, Client: r.Client, RequestID: r.RequestID,
		RequestHash: r.Hash(), Lane: lane, Amount: r.Amount, Reference: r.Reference, Mode: r.Mode, Cashier: "Wei"}
}

// The facts that most roads are made of.
var (
	opened     = agent.Fact{Kind: agent.FactOpened}
	payStarted = agent.Fact{Kind: agent.FactPayStarted, Op: agent.OpPay, Attempt: 1, Wallet: "wechat"}
	presented  = agent.Fact{Kind: agent.FactPresentStarted, Op: agent.OpPresent, Attempt: 1, Wallet: "wechat"}
	qrReady    = agent.Fact{Kind: agent.FactQRReady, Op: agent.OpPresent, QR: "weixin://wxpay/bizpayurl?pr=abc"}
	approved   = agent.Fact{Kind: agent.FactApproved, Op: agent.OpQuery, Amount: 1280, Txn: "4200001"}
	refused    = agent.Fact{Kind: agent.FactRefused, Op: agent.OpPay, Reason: agent.ReasonNotEnough, Code: "NOTENOUGH"}
	inDoubt    = agent.Fact{Kind: agent.FactInDoubt, Op: agent.OpPay, Reason: agent.ReasonNoAnswer}
	awaiting   = agent.Fact{Kind: agent.FactAwaiting, Op: agent.OpQuery}
	undo       = agent.Fact{Kind: agent.FactReversalDecided, Reason: agent.ReasonCancelled, By: "person:1"}
	undone     = agent.Fact{Kind: agent.FactReversalAccepted, Op: agent.OpReverse}
	reversed   = agent.Fact{Kind: agent.FactReversed, Op: agent.OpQuery}
	shut       = agent.Fact{Kind: agent.FactCloseDecided, Reason: agent.ReasonQRExpired}
	review     = agent.Fact{Kind: agent.FactReviewOpened, Reason: agent.ReasonExhausted}
	printed    = agent.Fact{Kind: agent.FactPrinted}
)

// scanned is payStarted with the fingerprint of a payment code.
func scanned(code string) agent.Fact {
	f := payStarted
	f.CodePrint = []byte("print of " + code)
	return f
}

func refundAsked(no string, amount int64) agent.Fact {
	return agent.Fact{Kind: agent.FactRefundRequested, RefundNo: no, RequestID: "q" + no, Amount: amount, Text: "returned", By: "person:2"}
}

func aboutRefund(kind agent.FactKind, no string) agent.Fact {
	return agent.Fact{Kind: kind, Op: agent.OpRefund, RefundNo: no}
}

func (s *shop) open(p agent.Payment, facts ...agent.Fact) agent.Payment {
	s.t.Helper()
	p, err := s.h.Store.Open(ctx(), p, append([]agent.Fact{opened}, facts...)...)
	if err != nil {
		s.t.Fatalf("open: %v", err)
	}
	return p
}

func (s *shop) record(p agent.Payment, facts ...agent.Fact) agent.Payment {
	s.t.Helper()
	p, err := s.h.Store.Record(ctx(), p.ID, p.Version, facts...)
	if err != nil {
		s.t.Fatalf("record %v: %v", kinds(facts), err)
	}
	return p
}

func (s *shop) payment(id agent.PaymentID) agent.Payment {
	s.t.Helper()
	p, err := s.h.Store.Payment(ctx(), id)
	if err != nil {
		s.t.Fatalf("payment: %v", err)
	}
	return p
}

func (s *shop) restart() { s.t.Helper(); s.h.Store = s.h.Restart(s.t) }

func (s *shop) lease(limit int) []agent.Task {
	s.t.Helper()
	tasks, err := s.h.Store.Lease(ctx(), limit)
	if err != nil {
		s.t.Fatalf("lease: %v", err)
	}
	return tasks
}

// leaseOne leases the only task there is to lease.
func (s *shop) leaseOne() agent.Task {
	s.t.Helper()
	tasks := s.lease(10)
	if len(tasks) != 1 {
		s.t.Fatalf("leased %v, want one task", tasks)
	}
	return tasks[0]
}

func (s *shop) postpone(task agent.Task, wait time.Duration) {
	s.t.Helper()
	if err := s.h.Store.Postpone(ctx(), task, wait, "no answer"); err != nil {
		s.t.Fatalf("postpone: %v", err)
	}
}

func (s *shop) nothingDue() {
	s.t.Helper()
	if tasks := s.lease(10); len(tasks) != 0 {
		s.t.Fatalf("leased %v, want nothing to be due", tasks)
	}
}

func (s *shop) queue() []agent.QueueEntry {
	s.t.Helper()
	entries, err := s.h.Store.Queue(ctx())
	if err != nil {
		s.t.Fatalf("queue: %v", err)
	}
	return entries
}

// refused checks an error's class and code.
func (s *shop) refused(err error, class agent.Class, code string) {
	s.t.Helper()
	if err == nil || agent.ClassOf(err) != class || agent.CodeOf(err) != code {
		s.t.Fatalf("error %v (class %s, code %q), want class %s, code %q", err, agent.ClassOf(err), agent.CodeOf(err), class, code)
	}
}

func (s *shop) same(got, want agent.Payment) {
	s.t.Helper()
	if !reflect.DeepEqual(got, want) {
		s.t.Fatalf("payment differs\n got %+v\nwant %+v", got, want)
	}
}

// stepsAreRows checks the outbox's rows of one payment against its steps.
func (s *shop) stepsAreRows(p agent.Payment) {
	s.t.Helper()
	var rows, steps []string
	for _, e := range s.queue() {
		if e.Payment == p.ID {
			rows = append(rows, string(e.Op)+" "+e.RefundNo)
		}
	}
	for _, st := range p.Steps(agent.DefaultTimers("wechat")) {
		steps = append(steps, string(st.Op)+" "+st.RefundNo)
	}
	slices.Sort(rows)
	slices.Sort(steps)
	if !slices.Equal(rows, steps) {
		s.t.Fatalf("%s: rows %q, steps %q", p.Status.State, rows, steps)
	}
}

func kinds(facts []agent.Fact) string {
	var names []string
	for _, f := range facts {
		names = append(names, string(f.Kind))
	}
	return strings.Join(names, ", ")
}

func paymentOf(err error) agent.PaymentID {
	var e *agent.Error
	if errors.As(err, &e) {
		return e.Payment
	}
	return ""
}
