package lab

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/offline"
)

// The names of the checks. The first ten are the invariants of payments.
const (
	CheckCharge  = "I1-one-charge"
	CheckIntent  = "I2-intent-first"
	CheckGreen   = "I3-green-is-durable"
	CheckProof   = "I4-no-needs-proof"
	CheckStep    = "I5-one-step-each"
	CheckTender  = "I6-second-tender"
	CheckKeys    = "I7-one-key"
	CheckLate    = "I8-late-success"
	CheckRefunds = "I9-refund-sum"
	CheckLaw     = "I10-law-and-chain"
	CheckBooks   = "books-agree"
	CheckFinal   = "final-in-time"
	CheckAcked   = "answered-is-kept"
	CheckSecret  = "no-code-on-disk"
	CheckReturn  = "refund-done-is-made"
	CheckScreen  = "screen-shows-what-is"
	CheckOnce    = "offline-code-once"
	CheckCaps    = "offline-caps-hold"
	CheckLoss    = "offline-loss-is-proven"
)

// Checks lists every check of the oracle.
func Checks() []string {
	return []string{CheckCharge, CheckIntent, CheckGreen, CheckProof, CheckStep, CheckTender, CheckKeys, CheckLate, CheckRefunds, CheckLaw,
		CheckBooks, CheckFinal, CheckAcked, CheckSecret, CheckReturn, CheckScreen, CheckOnce, CheckCaps, CheckLoss}
}

// CheckRepeat is the check of the campaigns whose tills ask again under the same
// request id.
const CheckRepeat = "same-request-same-payment"

// Violation is a check that failed.
type Violation struct{ Check, What string }

// String names the check first.
func (v Violation) String() string { return v.Check + ": " + v.What }

// mostViolations bounds what one judgement tells.
const mostViolations = 20

// WithoutEnv names checks to leave out, separated by commas. The gate of the
// sabotage builds uses it to show that every check is needed.
const WithoutEnv = "TILLWIRE_LAB_WITHOUT"

func enabled(check string) bool { return !slices.Contains(leftOut(), check) }

func leftOut() []string {
	return strings.FieldsFunc(os.Getenv(WithoutEnv), func(r rune) bool { return r == ',' })
}

// Books are what is left when everything is quiet: the journal's payments and the
// ledger's orders.
type Books struct {
	Payments []agent.Payment
	Orders   []sandbox.OrderWithHistory

	byOrder     map[string]sandbox.OrderWithHistory
	answeredFor map[string]int64 // minor units behind each certificate of an issuer
}

// Settle waits until every payment is final and nothing is left to do, at most
// for so long by the monotonic clock. wait lets time pass: virtual or real.
func (s *Shop) Settle(ctx context.Context, within time.Duration, wait func(time.Duration)) error {
	begin := s.opt.Clock.Mono()
	for {
		open, err := s.unsettled(ctx)
		if err != nil {
			return err
		}
		if len(open) == 0 {
			return nil
		}
		if s.opt.Clock.Mono()-begin > within {
			s.accuse(CheckFinal, "%d payments are not settled after %s; first: %s", len(open), within, open[0])
			return nil
		}
		wait(within / 200)
	}
}

// unsettled describes what is still open or due.
func (s *Shop) unsettled(ctx context.Context) ([]string, error) {
	t := s.running()
	if t == nil {
		return nil, ErrPowerOff
	}
	if t.store == nil {
		return s.unsettledElsewhere(ctx)
	}
	open, err := t.store.OpenPayments(ctx)
	if err != nil {
		return nil, err
	}
	var list []string
	for _, p := range open {
		list = append(list, fmt.Sprintf("%s is %s: %v", p.OrderNo, p.Status.State, kinds(p)))
	}
	queue, err := t.store.Queue(ctx)
	for _, q := range queue {
		list = append(list, fmt.Sprintf("%s %s of %s, tried %d times, last: %s", q.Op, q.RefundNo, q.OrderNo, q.Tries, q.Last))
	}
	return list, err
}

// Judge compares journal and ledger after Settle and returns everything that any
// check has found. The power must be on.
func (s *Shop) Judge(ctx context.Context) ([]Violation, error) {
	books, err := s.Books(ctx)
	if err != nil {
		return nil, err
	}
	t := s.running()
	report, err := t.reader.Verify(ctx, s.opt.Timers)
	if err != nil {
		return nil, err
	}
	for _, f := range report.Findings {
		s.accuse(CheckLaw, "%s", f)
	}
	return s.weigh(ctx, books)
}

// weigh is the judgement of what journal and ledger say and of what was seen.
func (s *Shop) weigh(ctx context.Context, books *Books) ([]Violation, error) {
	for i := range books.Payments {
		s.judge(books, &books.Payments[i])
	}
	s.judgeOrders(ctx, books)
	s.judgeSales(books)
	s.judgeOutage(books)
	if err := s.judgeSecrets(); err != nil {
		return nil, err
	}
	s.judgeScreens()
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen.found), nil
}

// Books reads the journal and the ledger.
func (s *Shop) Books(ctx context.Context) (*Books, error) {
	t := s.running()
	if t == nil {
		return nil, ErrPowerOff
	}
	b := &Books{byOrder: map[string]sandbox.OrderWithHistory{}}
	filter := agent.Filter{Limit: 500}
	for {
		page, err := t.reader.List(ctx, filter)
		if err != nil {
			return nil, err
		}
		b.Payments = append(b.Payments, page.Payments...)
		if filter.Cursor = page.Next; filter.Cursor == "" {
			break
		}
	}
	var err error
	if b.answeredFor, err = s.answeredFor(ctx); err != nil {
		return nil, err
	}
	b.Orders, err = s.Cloud().Ledger.Orders(ctx, 0)
	for _, o := range b.Orders {
		b.byOrder[o.OrderNo] = o
	}
	return b, err
}

// kept is what the shop keeps of an order by the ledger.
func kept(o sandbox.OrderWithHistory) int64 {
	if o.Order == nil || o.Reversed {
		return 0
	}
	return o.Captured - o.Refunded
}

// ours is what the shop keeps of a payment by the journal.
func ours(p *agent.Payment) int64 {
	if p.Status.State == agent.Paid || p.Status.State == agent.Refunded {
		return p.Status.Captured - p.Status.RefundedSum()
	}
	return 0
}

// judge holds one payment against its order.
func (s *Shop) judge(b *Books, p *agent.Payment) {
	o := b.byOrder[p.OrderNo]
	state := p.Status.State
	if p.Status.Final() && ours(p) != kept(o) {
		s.accuse(CheckBooks, "%s is %s and keeps %d by the journal, %d by the ledger: %v; the wallet's lies: %q", p.OrderNo, state, ours(p), kept(o), kinds(*p), s.liesAbout(p.OrderNo))
	}
	if o.Order != nil && o.Captured > p.Amount.Value {
		s.accuse(CheckCharge, "%s was charged %d for %d", p.OrderNo, o.Captured, p.Amount.Value)
	}
	if negative(state) && kept(o) != 0 || state == agent.NotSent && o.Order != nil {
		s.accuse(CheckProof, "%s is called %s, and the ledger has it: captured %d, keeps %d; facts %v", p.OrderNo, state, o.Captured, kept(o), kinds(*p))
	}
	s.mu.Lock()
	acked, green, striped, lied := s.seen.acked[p.ID], s.seen.green[p.ID], s.seen.striped[p.ID], s.seen.lied[p.OrderNo]
	s.mu.Unlock()
	if !lied {
		s.judgeProof(p, o)
	}
	if p.Version < acked {
		s.accuse(CheckAcked, "%s is in version %d, and version %d was answered as durable", p.OrderNo, p.Version, acked)
	}
	if green && state != agent.Paid && state != agent.Refunded {
		s.accuse(CheckGreen, "%s was shown as paid and is %s", p.OrderNo, state)
	}
	if striped && p.Status.Way == "" {
		s.accuse(CheckGreen, "%s was shown as accepted offline and is %s: %v", p.OrderNo, state, kinds(*p))
	}
	s.judgeRefunds(p, o)
}

// judgeProof holds what the journal believed on its way against a cloud that keeps
// its word: a no that turned into a yes was never proven, and a reversal that the
// journal calls acknowledged was made (I4). In the end the books agree even so,
// since the shop looks again; its customer was told something wrong all the same.
func (s *Shop) judgeProof(p *agent.Payment, o sandbox.OrderWithHistory) {
	var status agent.Status
	for _, f := range p.Facts {
		next, err := status.Apply(f)
		if err != nil {
			return // the law is another check's
		}
		if negative(status.State) && f.Kind == agent.FactApproved {
			s.accuse(CheckProof, "%s was called %s, and the money had been taken: %v", p.OrderNo, status.State, kinds(*p))
		}
		status = next
	}
	if status.Acked() && !status.Showing && (o.Order == nil || !o.Reversed) {
		s.accuse(CheckProof, "the reversal of %s is on record as acknowledged, and the ledger never made it: %v", p.OrderNo, kinds(*p))
	}
}

func negative(s agent.State) bool {
	return s == agent.Declined || s == agent.NotSent || s == agent.Reversed || s == agent.Closed || s == agent.OfflineRejected
}

// judgeRefunds checks the sum (I9) and that a late success is paid back exactly
// once, under the number that follows from the order (I8).
func (s *Shop) judgeRefunds(p *agent.Payment, o sandbox.OrderWithHistory) {
	var sum int64
	auto := 0
	for _, r := range p.Status.Refunds {
		if r.State != agent.RefundFailed {
			sum += r.Amount
		}
		if r.Auto {
			auto++
			if r.No != p.OrderNo+"R0" {
				s.accuse(CheckLate, "the late success of %s is paid back as %s", p.OrderNo, r.No)
			}
		}
	}
	if sum > p.Status.Captured || o.Order != nil && o.Refunded > o.Captured {
		s.accuse(CheckRefunds, "%s captured %d and pays back %d; the ledger paid back %d", p.OrderNo, p.Status.Captured, sum, o.Refunded)
	}
	if auto > 1 || (p.Status.State == agent.RefundDue) && auto != 1 {
		s.accuse(CheckLate, "the late success of %s has %d refunds", p.OrderNo, auto)
	}
}

// judgeOrders looks for orders that no payment explains (I1, I7).
func (s *Shop) judgeOrders(ctx context.Context, b *Books) {
	known := map[string]*agent.Payment{}
	for i := range b.Payments {
		known[b.Payments[i].OrderNo] = &b.Payments[i]
	}
	kept := map[agent.PaymentID]bool{}
	for i := range b.Payments {
		kept[b.Payments[i].ID] = true
	}
	for id, version := range s.answers() {
		if !kept[id] {
			s.accuse(CheckAcked, "payment %s was answered in version %d and is gone", id, version)
		}
	}
	for _, o := range b.Orders {
		p := known[o.OrderNo]
		if p == nil && (s.opt.Gone(o.OrderNo) || strings.HasPrefix(o.OrderNo, elsewhere)) {
			continue
		}
		if p == nil {
			s.accuse(CheckKeys, "the ledger has order %s (captured %d), and no payment has that number", o.OrderNo, o.Captured)
			continue
		}
		captures := 0
		for _, e := range o.History {
			if e.Event == "captured" {
				captures++
			}
		}
		if captures > 1 {
			s.accuse(CheckCharge, "%s was captured %d times", o.OrderNo, captures)
		}
		s.judgeRefundKeys(ctx, p, o)
	}
}

// judgeRefundKeys adds up the refunds that the journal can name: what the ledger
// paid back beyond them went out under a number that nobody recorded.
func (s *Shop) judgeRefundKeys(ctx context.Context, p *agent.Payment, o sandbox.OrderWithHistory) {
	named := int64(0)
	w, _ := WalletNamed(o.Wallet)
	for _, r := range p.Status.Refunds {
		if o.Refunded == 0 && r.State != agent.RefundDone {
			continue
		}
		refund, err := s.Cloud().Ledger.RefundByNumber(ctx, o.Wallet, o.Merchant, w.filed(o.OrderNo, r.No))
		if err == nil && refund.State == sandbox.RefundSuccess {
			named += refund.Amount
		}
		if r.State == agent.RefundDone {
			s.judgeReturn(p, r, refund, err)
		}
	}
	if named < o.Refunded {
		s.accuse(CheckKeys, "the ledger paid back %d of %s, and the journal's refund numbers explain %d", o.Refunded, o.OrderNo, named)
	}
}

// judgeReturn holds a refund that was recorded as done against the ledger: it was
// made, and before anybody was told so. A wallet that has accepted a refund has not
// made it yet.
func (s *Shop) judgeReturn(p *agent.Payment, r agent.Refund, made *sandbox.Refund, err error) {
	s.mu.Lock()
	at, told := s.seen.back[r.No]
	s.mu.Unlock()
	switch {
	case err != nil:
		s.accuse(CheckReturn, "the refund %s of %s is on record as done, and the ledger cannot tell of it: %v", r.No, p.OrderNo, err)
	case made.State != sandbox.RefundSuccess:
		s.accuse(CheckReturn, "the refund %s of %s is on record as done, and the ledger has it as %s", r.No, p.OrderNo, made.State)
	case told:
		now := s.opt.Clock.SystemClock
		if early := made.Done.Sub(now.Now().Add(at - now.Mono())); early > time.Second {
			s.accuse(CheckReturn, "the refund %s of %s was on record as done %s before the ledger made it", r.No, p.OrderNo, early)
		}
	}
}

func (s *Shop) answers() map[agent.PaymentID]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[agent.PaymentID]int64, len(s.seen.acked))
	for id, v := range s.seen.acked {
		all[id] = v
	}
	return all
}

// judgeSales adds up the tenders of each sale: its customer pays once (I1).
func (s *Shop) judgeSales(b *Books) {
	type sale struct{ keeps, amount int64 }
	sales := map[string]*sale{}
	for i := range b.Payments {
		p := &b.Payments[i]
		if p.Reference == "" {
			continue
		}
		one := sales[p.Reference]
		if one == nil {
			one = &sale{}
			sales[p.Reference] = one
		}
		one.amount = max(one.amount, p.Amount.Value)
		one.keeps += kept(b.byOrder[p.OrderNo])
	}
	for reference, one := range sales {
		if one.keeps > one.amount {
			s.accuse(CheckCharge, "sale %s of %d keeps %d over all its tenders", reference, one.amount, one.keeps)
		}
	}
}

// Requests is how many requests reached the cloud.
func (s *Shop) Requests() int64 { return s.requests.Load() }

// Report is what the store's own verification says.
func (s *Shop) Report(ctx context.Context) (offline.Report, error) {
	t := s.running()
	if t == nil {
		return offline.Report{}, ErrPowerOff
	}
	return t.reader.Verify(ctx, s.opt.Timers)
}
