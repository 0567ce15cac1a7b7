package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/reconcile"
)

const (
	terminal = "SHOP01"
	wallet   = "alipay"
	theDay   = "2026-05-02"
)

var zone = time.FixedZone("", 8*60*60)

// at is a moment of May 2026 in the wallet's zone.
func at(day, hour, minute int) time.Time { return time.Date(2026, 5, day, hour, minute, 0, 0, zone) }

func cny(v int64) agent.Money { return agent.Money{Value: v, Currency: "CNY"} }

// shop is a journal and its wallet's bills, in memory.
type shop struct {
	payments []agent.Payment
	bills    map[string][]agent.BillLine
	missing  map[string]error // days whose bill cannot be had
	fetched  []string
	asked    []agent.PaymentID
	now      time.Time
}

func newShop() *shop {
	return &shop{bills: map[string][]agent.BillLine{}, missing: map[string]error{}, now: at(20, 12, 0)}
}

// Now, Mono and After make the shop a clock that stands still.
func (s *shop) Now() time.Time                       { return s.now }
func (s *shop) Mono() time.Duration                  { return 1 }
func (s *shop) After(time.Duration) <-chan time.Time { return nil }

func (s *shop) Touched(_ context.Context, from, to time.Time) (list []agent.Payment, err error) {
	for _, p := range s.payments {
		if slices.ContainsFunc(p.Facts, func(f agent.Fact) bool { return !f.At.Before(from) && f.At.Before(to) }) {
			list = append(list, p)
		}
	}
	return list, nil
}

func (s *shop) ByOrderNo(_ context.Context, no string) (agent.Payment, error) {
	for _, p := range s.payments {
		if p.OrderNo == no {
			return p, nil
		}
	}
	return agent.Payment{}, &agent.Error{Op: "read payment", Class: agent.NotFound}
}

// Bill implements agent.Biller.
func (s *shop) Bill(_ context.Context, day string) ([]agent.BillLine, error) {
	s.fetched = append(s.fetched, day)
	return s.bills[day], s.missing[day]
}

func (s *shop) ask(_ context.Context, id agent.PaymentID) (agent.Payment, error) {
	s.asked = append(s.asked, id)
	for _, p := range s.payments {
		if p.ID == id {
			return p, nil
		}
	}
	return agent.Payment{}, errors.New("asked about nobody's payment")
}

func (s *shop) options() reconcile.Options {
	return reconcile.Options{Terminal: terminal, Journal: s, Clock: s, Ask: s.ask, Sources: []reconcile.Source{
		{Name: wallet, Bill: s, Zone: func(context.Context) (*time.Location, error) { return zone, nil }}}}
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func (s *shop) compare(t fataler, day string) agent.WalletBill {
	t.Helper()
	r, err := reconcile.Compare(context.Background(), s.options(), day, nil, func(reconcile.Progress) {})
	if err != nil || len(r.Wallets) != 1 || r.Wallets[0].Failed != nil {
		t.Fatalf("%s: %+v %v", day, r, err)
	}
	return r.Wallets[0]
}

// open adds a payment that the shop asked for at a moment.
func (s *shop) open(amount int64, when time.Time) int {
	n := len(s.payments)
	id := fmt.Sprintf("01%024d", n)
	s.payments = append(s.payments, agent.Payment{ID: agent.PaymentID(id), OrderNo: terminal + id, Amount: cny(amount), Created: when, Lane: "1"})
	s.fact(n, when, agent.Fact{Kind: agent.FactOpened})
	return n
}

// fact records what happened by the law of payments.
func (s *shop) fact(n int, when time.Time, facts ...agent.Fact) {
	p := &s.payments[n]
	for i := range facts {
		facts[i].At = when
	}
	written, status, err := agent.Settle(*p, facts...)
	if err != nil {
		panic(err)
	}
	p.Facts, p.Status = append(slices.Clone(p.Facts), written...), status
}

func (s *shop) sent(n int, when time.Time) {
	s.fact(n, when, agent.Fact{Kind: agent.FactPayStarted, Op: agent.OpPay, Attempt: 1, Wallet: wallet})
}

func (s *shop) paid(amount int64, when time.Time) int {
	n := s.open(amount, when)
	s.sent(n, when)
	s.fact(n, when, agent.Fact{Kind: agent.FactApproved, Op: agent.OpPay, Amount: amount, Txn: txn(n)})
	return n
}

func (s *shop) declined(amount int64, when time.Time) int {
	n := s.open(amount, when)
	s.sent(n, when)
	s.fact(n, when, agent.Fact{Kind: agent.FactRefused, Op: agent.OpPay, Reason: agent.ReasonNotEnough})
	return n
}

func (s *shop) reversed(amount int64, began, ended time.Time) int {
	n := s.open(amount, began)
	s.sent(n, began)
	s.fact(n, began, agent.Fact{Kind: agent.FactReversalDecided, Reason: agent.ReasonCancelled})
	s.fact(n, ended, agent.Fact{Kind: agent.FactReversalAccepted, Op: agent.OpReverse}, agent.Fact{Kind: agent.FactReversed, Op: agent.OpQuery})
	return n
}

func (s *shop) refunded(n int, amount int64, asked, done time.Time) string {
	no := s.payments[n].NextRefundNo()
	s.fact(n, asked, agent.Fact{Kind: agent.FactRefundRequested, RefundNo: no, RequestID: no, Amount: amount})
	s.fact(n, done, agent.Fact{Kind: agent.FactRefundDone, RefundNo: no})
	return no
}

func txn(n int) string { return fmt.Sprintf("T%06d", n) }

// bill adds a line to the bill of the day that the wallet's own moment falls on.
func (s *shop) bill(l agent.BillLine, when time.Time) {
	l.Wallet, l.At = wallet, when.In(zone).Format(time.DateTime)
	l.Text = strings.Join([]string{string(l.Kind), l.OrderNo, l.RefundNo, l.Amount.String()}, ",")
	day := when.In(zone).Format(time.DateOnly)
	s.bills[day] = append(s.bills[day], l)
}

// line is what the bill has of a payment.
func (s *shop) line(kind agent.BillKind, n int, amount int64, refundNo string) agent.BillLine {
	return agent.BillLine{Kind: kind, OrderNo: s.payments[n].OrderNo, RefundNo: refundNo, Txn: txn(n), Amount: cny(amount)}
}

func (s *shop) billPaid(n int, when time.Time) {
	s.bill(s.line(agent.BillPayment, n, s.payments[n].Amount.Value, ""), when)
}

func kinds(list []agent.Difference) (out []agent.DifferenceKind) {
	for _, d := range list {
		out = append(out, d.Kind)
	}
	return out
}

func only(t *testing.T, w agent.WalletBill, want ...agent.DifferenceKind) {
	t.Helper()
	if got := kinds(w.Differences); !slices.Equal(got, want) {
		t.Errorf("found %v, want %v: %+v", got, want, w.Differences)
	}
}
