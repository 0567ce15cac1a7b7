package lab

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
)

// evidence is what was seen while the shop traded. The rest of the judgement is
// made of what the journal and the ledger hold in the end.
type evidence struct {
	found   []Violation
	acked   map[agent.PaymentID]int64           // version that somebody was told is durable
	green   map[agent.PaymentID]bool            // shown as paid
	striped map[agent.PaymentID]bool            // shown as accepted offline: the goods are gone
	sales   map[string]map[agent.PaymentID]bool // tenders of a sale, by reference
	lied    map[string]bool                     // orders whose requests were answered with another's refusal
	mixed   map[string]bool                     // orders that were given another's code to show
	lies    map[string][]string                 // what a violation of an order tells of all such answers
	back    map[string]time.Duration            // refunds that were recorded as done, by number, and when
	codes   secrets                             // every payment code that a customer had
	shown   map[string]*picture                 // every code that the shop had for customers to scan, by its text
	codeOf  map[agent.PaymentID]string          // the one that customers may scan now
}

func newEvidence() evidence {
	return evidence{acked: map[agent.PaymentID]int64{}, green: map[agent.PaymentID]bool{}, striped: map[agent.PaymentID]bool{},
		sales: map[string]map[agent.PaymentID]bool{}, lied: map[string]bool{}, mixed: map[string]bool{}, lies: map[string][]string{}, back: map[string]time.Duration{}, codes: secrets{},
		shown: map[string]*picture{}, codeOf: map[agent.PaymentID]string{}}
}

// liesAbout is what an order's requests were answered that was meant for others.
func (s *Shop) liesAbout(orderNo string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen.lies[orderNo]
}

// Mixed notes that the wallet was made to give this order's code to another, or
// another's to it: no display can be right then.
func (s *Shop) Mixed(orderNo string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.mixed[orderNo] = true
}

// Accuse notes a violation that a campaign has seen, unless the check is left out.
func (s *Shop) Accuse(check, format string, args ...any) { s.accuse(check, format, args...) }

// accuse notes a violation seen while the shop trades.
func (s *Shop) accuse(check, format string, args ...any) {
	if !enabled(check) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen.found) < mostViolations {
		s.seen.found = append(s.seen.found, Violation{check, fmt.Sprintf(format, args...)})
	}
}

func (s *Shop) at(p Point) {
	if s.opt.At != nil {
		s.opt.At(p)
	}
}

func (s *Shop) meddle(a Arrival) Meddling {
	if s.opt.Meddle == nil {
		return Meddling{}
	}
	return s.opt.Meddle(a)
}

// intents are the facts of which one must be durable before a request leaves (I2). What
// was accepted without a line is charged, closed and taken back on other decisions.
var intents = map[sandbox.Operation][]agent.FactKind{
	sandbox.OpPay: {agent.FactPayStarted, agent.FactForwardStarted}, sandbox.OpPresent: {agent.FactPresentStarted},
	sandbox.OpReverse: {agent.FactReversalDecided, agent.FactVoided}, sandbox.OpClose: {agent.FactCloseDecided, agent.FactForwardStarted},
	sandbox.OpRefund: {agent.FactRefundRequested}, sandbox.OpRedeem: {agent.FactForwardStarted},
}

// arrived judges a request that reached the cloud: its intent must be on disk
// under the number that it carries, as somebody else reads the disk.
func (s *Shop) arrived(ctx context.Context, a Arrival) {
	s.requests.Add(1)
	s.at(Point{Place: "arrived", What: string(a.Op)})
	want, moves := intents[a.Op]
	s.mu.Lock()
	t := s.till
	s.mu.Unlock()
	if !moves || t == nil || !t.on.Load() {
		return // without power nobody can read; the ledger is compared in the end
	}
	var p agent.Payment
	var err error
	s.opt.Look(func() { p, err = t.reader.ByOrderNo(context.WithoutCancel(ctx), a.OrderNo) })
	if err != nil && !t.on.Load() {
		return // the power went while it was read
	}
	if err != nil {
		s.accuse(CheckIntent, "%s of order %s reached the cloud, and the disk does not know the order: %v", a.Op, a.OrderNo, err)
		return
	}
	for _, f := range p.Facts {
		if slices.Contains(want, f.Kind) && f.RefundNo == a.RefundNo {
			return
		}
	}
	s.accuse(CheckIntent, "%s of order %s (refund %q) reached the cloud before any of %v was durable: %v", a.Op, a.OrderNo, a.RefundNo, want, kinds(p))
}

// committed is the store's notice. Whoever listens shows the payment from here
// on, so what is green must be readable by somebody else now (I3).
func (s *Shop) committed(t *till, p agent.Payment) {
	s.at(Point{Place: "durable", What: string(p.Facts[len(p.Facts)-1].Kind)})
	if state := p.Status.State; (state == agent.Paid || state == agent.OfflineAccepted) && t.on.Load() {
		var durable agent.Payment
		var err error
		s.opt.Look(func() { durable, err = t.reader.Payment(context.Background(), p.ID) })
		if (err != nil || durable.Version < p.Version) && t.on.Load() {
			s.accuse(CheckGreen, "payment %s is shown as %s in version %d; the disk has version %d: %v", p.ID, state, p.Version, durable.Version, err)
		}
		s.mu.Lock()
		if state == agent.Paid {
			s.seen.green[p.ID] = true
		} else {
			s.seen.striped[p.ID] = true
		}
		s.mu.Unlock()
	}
	s.noted(p)
	if t.engine != nil {
		t.engine.Committed(p)
	}
	if t.replayer != nil {
		t.replayer.Kick()
	}
	if s.opt.Told != nil {
		s.opt.Told(p)
	}
	s.at(Point{Place: "told", What: string(p.Facts[len(p.Facts)-1].Kind)})
}

// noted remembers what a commit makes of the shop's promises: refunds that are said
// to have been made, and codes that customers may scan.
func (s *Shop) noted(p agent.Payment) {
	now := s.opt.Clock.Mono()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range p.Status.Refunds {
		if _, before := s.seen.back[r.No]; r.State == agent.RefundDone && !before {
			s.seen.back[r.No] = now
		}
	}
	s.seen.picture(p, now)
}

// Promised tells the oracle what an earlier run answered as durable, before the
// power was cut.
func (s *Shop) Promised(id agent.PaymentID, version int64) {
	s.acknowledged(agent.Payment{ID: id, Version: version})
}

// Released forgets every answer: the disk that they were given for is not in the
// agent any more.
func (s *Shop) Released() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.seen.acked)
}

// acknowledged remembers what the program was told is durable.
func (s *Shop) acknowledged(p agent.Payment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.acked[p.ID] = max(s.seen.acked[p.ID], p.Version)
}

// opens judges a new tender of a sale: the one before must have ended, or its
// undoing must be on disk (I6).
func (s *Shop) opens(ctx context.Context, t *till, p agent.Payment) {
	if p.Reference == "" {
		return
	}
	s.mu.Lock()
	tenders := s.seen.sales[p.Reference]
	if tenders == nil {
		tenders = map[agent.PaymentID]bool{}
		s.seen.sales[p.Reference] = tenders
	}
	var before []agent.PaymentID
	for id := range tenders {
		before = append(before, id)
	}
	tenders[p.ID] = true
	s.mu.Unlock()
	for _, id := range before {
		var other agent.Payment
		var err error
		s.opt.Look(func() { other, err = t.reader.Payment(context.WithoutCancel(ctx), id) })
		if err != nil {
			continue // gone with the disk it was on; what was answered has a check of its own
		}
		if state, held := stood(other, p.Facts[0].Seq); held {
			s.accuse(CheckTender, "a tender of sale %s is opened while %s still stands: %s", p.Reference, id, state)
		}
	}
}

// stood is what a payment was when a row of the journal was written, and whether it
// held its lane: two tills may ask at once, and only the disk knows who came first.
func stood(p agent.Payment, seq int64) (agent.State, bool) {
	n := 0
	for n < len(p.Facts) && p.Facts[n].Seq < seq {
		n++
	}
	then, err := agent.Decide(p.Facts[:n])
	return then.State, err == nil && Stands(agent.Payment{Status: then, Facts: p.Facts[:n]})
}

// Holds reports whether a payment in this state keeps its lane, as far as a state
// alone tells. The oracle and the cashiers have a list of their own: what the product
// takes for free is what is judged.
func Holds(s agent.State) bool {
	switch s {
	case agent.Created, agent.Sending, agent.AwaitPayer, agent.Unknown, agent.QRShown, agent.Closing:
		return true
	}
	return false
}

// Stands is Holds for a payment with its facts. A code that is being closed lets its
// lane go once the wallet has said so, or a person.
func Stands(p agent.Payment) bool {
	letGo := func(f agent.Fact) bool {
		return f.Kind == agent.FactCloseAccepted || f.Kind == agent.FactReleased || f.Kind == agent.FactCloseDecided && f.Reason == agent.ReasonCancelled
	}
	return Holds(p.Status.State) && !(p.Status.State == agent.Closing && slices.ContainsFunc(p.Facts, letGo))
}

// leased judges a step that is handed out: nobody else of this run may have it
// (I5). What an earlier run had, it lost with the power.
func (s *Shop) leased(r *till, t agent.Task) {
	version := s.version(t.Payment)
	s.mu.Lock()
	before, twice := r.leases[t.Row]
	r.leases[t.Row] = version
	s.mu.Unlock()
	if twice && before == version {
		s.accuse(CheckStep, "the step %s of payment %s was handed out while somebody had it", t.Op, t.Payment)
	}
}

func (s *Shop) returned(r *till, t agent.Task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(r.leases, t.Row)
}

func (s *Shop) version(id agent.PaymentID) int64 {
	t := s.running()
	if t == nil {
		return 0
	}
	p, err := t.store.Payment(context.Background(), id)
	if err != nil {
		return 0
	}
	return p.Version
}

func kinds(p agent.Payment) (list []agent.FactKind) {
	for _, f := range p.Facts {
		list = append(list, f.Kind)
	}
	return list
}
