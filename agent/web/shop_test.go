package web

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"tillwire/agent"
)

// shop is engine and store in one, in memory: it keeps the law of the root and
// nothing else, so that these tests are about the pages alone.
type shop struct {
	clock agent.Clock
	feed  *agent.Feed
	lanes []agent.LaneInfo
	offer []agent.Offer

	mu       sync.Mutex
	seq      int64
	payments []agent.Payment // in the order they were opened
	people   []agent.Person
	locks    map[string]time.Duration // Mono at which a lock-out ends
	sessions []agent.Session
	audits   []agent.Audit
	scans    []string
	broken   error      // what every write answers
	least    agent.Role // who may go offline
	putBack  time.Time  // when an older store was put back
	trusted  string     // who settled that
	drawers  drawers
	phones   map[string]phone // by person
	kept     map[string][]byte

	forwarded int       // times that everything was to be forwarded now
	buried    int       // steps that were given up
	seen      time.Time // the latest time that was confirmed
}

func newShop(clock agent.Clock) *shop {
	s := &shop{clock: clock, locks: map[string]time.Duration{}, feed: agent.NewFeed(), lanes: []agent.LaneInfo{{ID: "1", Name: "Register 1", Wallet: "wechat"}, {ID: "2", Name: "Register 2", Wallet: "wechat"}}}
	s.offer = []agent.Offer{{Name: "wechat", Scan: true, Show: true, Currencies: []agent.Currency{"CNY"}, Test: true}}
	for _, p := range []agent.Person{
		{ID: "own", Name: "Olive", Role: agent.RoleOwner, Secret: "hash:open sesame 123"},
		{ID: "mia", Name: "Mia", Role: agent.RoleManager, Secret: "hash:222222"},
		{ID: "cas", Name: "Cass", Role: agent.RoleCashier, Secret: "hash:111111"},
	} {
		p.Created = clock.Now()
		s.people = append(s.people, p)
	}
	return s
}

func (s *shop) find(id agent.PaymentID) (int, error) {
	for i, p := range s.payments {
		if p.ID == id {
			return i, nil
		}
	}
	return 0, &agent.Error{Op: "read payment", Class: agent.NotFound, Code: agent.CodeNotFound, Say: agent.Sentence{English: "There is no such payment."}}
}

// fact records what happened to a payment and tells the feed, as a commit does.
func (s *shop) fact(id agent.PaymentID, facts ...agent.Fact) agent.Payment {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.record(id, facts...)
	if err != nil {
		panic(err)
	}
	return p
}

func (s *shop) record(id agent.PaymentID, facts ...agent.Fact) (agent.Payment, error) {
	i, err := s.find(id)
	if err != nil {
		return agent.Payment{}, err
	}
	if s.broken != nil {
		return agent.Payment{}, s.broken
	}
	for j := range facts {
		facts[j].At = s.clock.Now()
	}
	p := s.payments[i]
	facts, p.Status, err = agent.Settle(p, facts...)
	if err != nil {
		return p, err
	}
	for j := range facts {
		s.seq++
		facts[j].Seq = s.seq
	}
	p.Facts = append(slices.Clone(p.Facts), facts...)
	p.Version++
	s.payments[i] = p
	s.hold()
	s.feed.Publish(agent.Event{ID: s.seq, Kind: "payment", Lane: p.Lane, Payment: &p})
	return p, nil
}

func (s *shop) hold() {
	for i := range s.lanes {
		s.lanes[i].Payment = ""
		for _, p := range s.payments {
			if p.Lane == s.lanes[i].ID && p.Status.Held() {
				s.lanes[i].Payment = p.ID
			}
		}
	}
}

func (s *shop) Open(_ context.Context, r agent.Request) (agent.Payment, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.payments {
		if p.Client != r.Client || p.RequestID != r.RequestID {
			continue
		}
		if !bytes.Equal(p.RequestHash, r.Hash()) {
			return p, false, &agent.Error{Op: "open", Class: agent.Conflict, Code: agent.CodeRequestReused, Payment: p.ID, Say: agent.Sentence{English: "Used before."}}
		}
		return p, true, nil
	}
	i := slices.IndexFunc(s.lanes, func(l agent.LaneInfo) bool { return l.ID == r.Lane })
	switch {
	case i < 0:
		return agent.Payment{}, false, &agent.Error{Op: "open", Class: agent.NotFound, Code: agent.CodeLaneUnknown, Say: agent.Sentence{English: "No such lane."}}
	case s.lanes[i].Payment != "":
		return agent.Payment{}, false, &agent.Error{Op: "open", Class: agent.Conflict, Code: agent.CodeLaneBusy, Payment: s.lanes[i].Payment, Say: agent.Sentence{English: "The lane is busy."}}
	case s.broken != nil:
		return agent.Payment{}, false, s.broken
	}
	n := len(s.payments) + 1
	p := agent.Payment{ID: agent.PaymentID(fmt.Sprintf("01JZ%022d", n)), OrderNo: fmt.Sprintf("DEMO0101JZ%022d", n), Client: r.Client, RequestID: r.RequestID,
		RequestHash: r.Hash(), Lane: r.Lane, Amount: r.Amount, Reference: r.Reference, Mode: r.Mode, Cashier: r.Cashier, Created: s.clock.Now(), Test: true}
	s.payments = append(s.payments, p)
	facts := []agent.Fact{{Kind: agent.FactOpened}}
	if r.Mode == agent.ModeShow {
		facts = append(facts, shown(r.Wallet)...)
	}
	p, err := s.record(p.ID, facts...)
	return p, false, err
}

func shown(wallet string) []agent.Fact {
	return []agent.Fact{{Kind: agent.FactPresentStarted, Op: agent.OpPresent, Wallet: cmp.Or(wallet, "wechat"), Attempt: 1}, {Kind: agent.FactQRReady, QR: "weixin://wxpay/bizpayurl?pr=Ab3dEf"}}
}

func (s *shop) Show(_ context.Context, id agent.PaymentID, wallet string) (agent.Payment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.record(id, shown(wallet)...)
}

func (s *shop) Cancel(_ context.Context, id agent.PaymentID, by string) (agent.Payment, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.find(id)
	if err != nil {
		return agent.Payment{}, false, err
	}
	p := s.payments[i]
	f := agent.Fact{Reason: agent.ReasonCancelled, By: by}
	switch p.Status.State {
	case agent.Created:
		f.Kind = agent.FactUnsent
	case agent.QRShown:
		f.Kind = agent.FactCloseDecided
	case agent.Sending, agent.AwaitPayer, agent.Unknown:
		f.Kind = agent.FactReversalDecided
	case agent.Reversing, agent.Closing:
		return p, true, nil
	default:
		return p, false, &agent.Error{Op: "cancel", Class: agent.Conflict, Code: agent.CodeFinal, Payment: id, Say: agent.Sentence{English: "It has ended."}}
	}
	p, err = s.record(id, f)
	return p, false, err
}

func (s *shop) Refund(_ context.Context, r agent.RefundRequest) (agent.Payment, agent.Refund, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.find(r.Payment)
	if err != nil {
		return agent.Payment{}, agent.Refund{}, false, err
	}
	p := s.payments[i]
	for _, old := range p.Status.Refunds {
		if old.RequestID == r.RequestID && old.Amount != r.Amount.Value {
			return p, old, false, &agent.Error{Op: "refund", Class: agent.Conflict, Code: agent.CodeRequestReused, Say: agent.Sentence{English: "Used before."}}
		}
		if old.RequestID == r.RequestID {
			return p, old, true, nil
		}
	}
	no := p.NextRefundNo()
	p, err = s.record(r.Payment, agent.Fact{Kind: agent.FactRefundRequested, RefundNo: no, RequestID: r.RequestID, Amount: r.Amount.Value, Text: r.Why, By: r.By})
	refund, _ := p.Status.Refund(no)
	return p, refund, false, err
}

func (s *shop) Check(ctx context.Context, id agent.PaymentID) (agent.Payment, error) {
	return s.Payment(ctx, id)
}

func (s *shop) Scan(_ context.Context, lane string, code agent.PayCode) agent.ScanResult {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scans = append(s.scans, code.Reveal())
	for _, p := range s.payments {
		if p.OrderNo == code.Reveal() {
			s.feed.Publish(agent.Event{Kind: "lane", Lane: lane, Say: agent.Sentence{English: "The payment of this receipt"}, Tone: agent.ToneCalm, Receipt: p.ID})
			return agent.ScanResult{Payment: &p, Receipt: true, Say: agent.Sentence{English: "The payment of this receipt"}, Tone: agent.ToneCalm}
		}
	}
	for _, l := range s.lanes {
		if l.ID == lane && l.Payment != "" {
			p, err := s.record(l.Payment, agent.Fact{Kind: agent.FactPayStarted, Op: agent.OpPay, Attempt: 1, Wallet: "wechat", CodePrint: []byte("fingerprint-of-the-code")})
			if err == nil {
				return agent.ScanResult{Accepted: true, Payment: &p, Say: p.Say(), Tone: agent.ToneCalm}
			}
		}
	}
	return agent.ScanResult{Say: agent.Sentence{ID: "scan.no_payment", English: "No payment is open. Enter the amount first, then scan again"}, Tone: agent.ToneDoubt}
}

func (s *shop) Lanes() []agent.LaneInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lanes)
}

func (s *shop) Offers() []agent.Offer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.offer)
}

func (s *shop) Payment(_ context.Context, id agent.PaymentID) (agent.Payment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.find(id)
	if err != nil {
		return agent.Payment{}, err
	}
	return s.payments[i], nil
}

// List pages by position: the cursor is the id of the last payment given out.
func (s *shop) List(_ context.Context, f agent.Filter) (agent.Page, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var page agent.Page
	passed := f.Cursor == ""
	for _, p := range slices.Backward(s.payments) {
		if !passed {
			passed = string(p.ID) == f.Cursor
			continue
		}
		if f.Open && p.Status.Final() || len(f.States) > 0 && !slices.Contains(f.States, p.Status.State) || f.Lane != "" && p.Lane != f.Lane ||
			f.Wallet != "" && p.Status.Wallet != f.Wallet || f.Cashier != "" && p.Cashier != f.Cashier || f.GivenBack && !askedBack(p, f.From, f.To) || f.Currency != "" && p.Amount.Currency != f.Currency ||
			!f.GivenBack && !within(p.Created, f.From, f.To) ||
			f.Text != "" && !called(p, f.Text, f.Whole) {
			continue
		}
		if len(page.Payments) == f.Limit {
			page.Next = string(page.Payments[f.Limit-1].ID)
			break
		}
		page.Payments = append(page.Payments, p)
	}
	return page, nil
}

// within reports whether a moment is in a span; a zero end leaves it open.
func within(at, from, to time.Time) bool {
	return !at.Before(from) && (to.IsZero() || at.Before(to))
}

// askedBack reports whether something of a payment was asked back in a span.
func askedBack(p agent.Payment, from, to time.Time) bool {
	return slices.ContainsFunc(p.Facts, func(f agent.Fact) bool {
		return f.Kind == agent.FactRefundRequested && within(f.At, from, to)
	})
}

// called reports whether a payment's reference, numbers or ids have a word in them, or
// are it.
func called(p agent.Payment, word string, whole bool) bool {
	names := []string{p.Reference, p.OrderNo, p.Status.Txn, p.RequestID}
	if whole {
		return slices.Contains(append(names, string(p.ID)), word)
	}
	return slices.ContainsFunc(names, func(name string) bool { return strings.Contains(name, word) })
}

// Rows hands out what List finds, the oldest first.
func (s *shop) Rows(ctx context.Context, f agent.Filter, each func(PaymentRow) error) error {
	f.Cursor, f.Limit = "", len(s.payments)+1
	page, err := s.List(ctx, f)
	if err != nil {
		return err
	}
	for _, p := range slices.Backward(page.Payments) {
		if err := each(PaymentRow{ID: p.ID, OrderNo: p.OrderNo, Txn: p.Status.Txn, Created: p.Created, Wallet: p.Status.Wallet, Lane: p.Lane, Cashier: p.Cashier, Reference: p.Reference,
			Mode: p.Mode, State: p.Status.State, Amount: p.Amount, Taken: p.Status.Captured, Refunded: p.Status.RefundedSum(), Test: p.Test}); err != nil {
			return err
		}
	}
	return nil
}

func (s *shop) TotalsByHour(_ context.Context, from, to time.Time) (list []HourTotals, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.payments {
		if p.Created.Before(from) || !p.Created.Before(to) {
			continue
		}
		t := HourTotals{from.Add(p.Created.Sub(from).Truncate(time.Hour)), p.Status.Wallet, p.Lane, p.Cashier, agent.Totals{Currency: p.Amount.Currency}}
		i := slices.IndexFunc(list, func(o HourTotals) bool {
			return o.Hour.Equal(t.Hour) && o.Wallet == t.Wallet && o.Lane == t.Lane && o.Cashier == t.Cashier && o.Currency == t.Currency
		})
		if i < 0 {
			i, list = len(list), append(list, t)
		}
		sum := &list[i].Totals
		sum.Count, sum.Captured, sum.Refunded = sum.Count+1, sum.Captured+p.Status.Captured, sum.Refunded+p.Status.RefundedSum()
		if p.Status.Captured > 0 {
			sum.Paid++
		}
		if !p.Status.Final() {
			sum.Open++
		}
	}
	slices.SortStableFunc(list, func(a, b HourTotals) int {
		return cmp.Or(a.Hour.Compare(b.Hour), cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Wallet, b.Wallet))
	})
	return list, nil
}

func (s *shop) Since(_ context.Context, seq int64, limit int) ([]agent.Payment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []agent.Payment
	for _, p := range s.payments {
		if p.Last().Seq > seq {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b agent.Payment) int { return int(a.Last().Seq - b.Last().Seq) })
	return list[:min(len(list), limit)], nil
}

func (s *shop) Queue(context.Context) ([]agent.QueueEntry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []agent.QueueEntry
	for _, p := range s.payments {
		for _, step := range p.Steps(agent.DefaultTimers("wechat")) {
			list = append(list, agent.QueueEntry{Payment: p.ID, OrderNo: p.OrderNo, Op: step.Op, RefundNo: step.RefundNo, Tries: 2, Age: 95 * time.Second, Due: 4 * time.Second, Last: "the wallet gave no answer"})
		}
	}
	return list, nil
}

func (s *shop) QueueInfo() agent.QueueInfo {
	list, _ := s.Queue(context.Background())
	return agent.QueueInfo{Entries: len(list)}
}

func (s *shop) People(context.Context) ([]agent.Person, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Clone(s.people)
	for i := range list {
		list[i].Locked = s.left(list[i].ID)
	}
	return list, nil
}

// left is what a person still sits out, as the real store counts it.
func (s *shop) left(id string) time.Duration { return max(s.locks[id]-s.clock.Mono(), 0) }

func (s *shop) SaveTries(_ context.Context, id string, failures int, locked time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	for i := range s.people {
		if s.people[i].ID == id {
			s.people[i].Failures = failures
			s.locks[id] = s.clock.Mono() + locked
		}
	}
	return nil
}

func (s *shop) Person(_ context.Context, id string) (agent.Person, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.people {
		if p.ID == id {
			p.Locked = s.left(id)
			return p, nil
		}
	}
	return agent.Person{}, &agent.Error{Op: "read person", Class: agent.NotFound, Code: agent.CodeNotFound}
}

func (s *shop) SavePerson(_ context.Context, p agent.Person) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	s.people = append(slices.DeleteFunc(s.people, func(old agent.Person) bool { return old.ID == p.ID }), p)
	s.locks[p.ID] = s.clock.Mono() + p.Locked
	return nil
}

func (s *shop) SaveSession(_ context.Context, sess agent.Session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions = append(slices.DeleteFunc(s.sessions, func(old agent.Session) bool { return bytes.Equal(old.Key, sess.Key) }), sess)
	return s.broken
}

func (s *shop) Session(_ context.Context, key []byte) (agent.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sess := range s.sessions {
		if bytes.Equal(sess.Key, key) {
			return sess, nil
		}
	}
	return agent.Session{}, errors.New("no such session")
}

func (s *shop) DeleteSession(_ context.Context, key []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions = slices.DeleteFunc(s.sessions, func(old agent.Session) bool { return bytes.Equal(old.Key, key) })
	return nil
}

func (s *shop) DeleteSessions(_ context.Context, person string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions = slices.DeleteFunc(s.sessions, func(old agent.Session) bool { return old.Person == person })
	return nil
}

func (s *shop) Kept(_ context.Context, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept[name], nil
}

func (s *shop) Keep(_ context.Context, name string, text []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	if s.kept == nil {
		s.kept = map[string][]byte{}
	}
	s.kept[name] = text
	return nil
}

func (s *shop) AppendAudit(_ context.Context, a agent.Audit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.audits = append(s.audits, a)
	return nil
}

func (s *shop) Audits(_ context.Context, limit int) ([]agent.Audit, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Clone(s.audits)
	slices.Reverse(list)
	return list[:min(len(list), limit)], nil
}

// audited counts the acts of one kind.
func (s *shop) audited(action string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.audits {
		if a.Action == action {
			n++
		}
	}
	return n
}
