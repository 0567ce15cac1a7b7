package wechat_test

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/agent/sandbox/sandboxtest"
	fake "tillwire/agent/sandbox/wechat"
	"tillwire/agent/wallet/wallettest"
	"tillwire/agent/wallet/wechat"
)

// abroad is what a shop of the cross-border sandbox would configure.
func (s *street) abroad(t *testing.T, m *fake.Merchant, currency agent.Currency) wechat.Config {
	t.Helper()
	c := s.config(t, m)
	c.Name, c.Region, c.Currencies, c.Category = fake.NameGlobal, wechat.RegionGlobal, []agent.Currency{currency}, "5812"
	return c
}

func openAbroad(t *testing.T) *street {
	t.Helper()
	return openStreetWith(t, fake.Options{Clock: agent.NewSystemClock(), Global: true})
}

func TestContractAbroad(t *testing.T) {
	wallettest.Run(t, func(t *testing.T) wallettest.Harness {
		s := openAbroad(t)
		h := s.harness(s.abroad(t, s.wallet.Direct(), "USD"))
		h.InTurn = true
		return h
	})
}

func TestContractOfAnInstitutionInACurrencyWithoutDecimals(t *testing.T) {
	s := openAbroad(t)
	wallettest.Road(t, s.harness(s.abroad(t, s.wallet.Partner(), "JPY")))
}

func TestContractAbroadWithCertificates(t *testing.T) {
	s := openAbroad(t)
	c := s.abroad(t, s.wallet.Direct(), "USD")
	c.Platform, c.PlatformKeys = wechat.PlatformCertificate, nil
	wallettest.Road(t, s.harness(c))
}

// ahead is a clock that a test sets forward.
type ahead struct {
	agent.Clock
	by atomic.Int64
}

func (a *ahead) Now() time.Time { return a.Clock.Now().Add(time.Duration(a.by.Load())) }

var beijing = time.FixedZone("", 8*60*60)

// to sets the clock to a time of day in Beijing, so many days from the day that
// begins next.
func (a *ahead) to(days, hour, minute int) {
	y, m, d := a.Clock.Now().In(beijing).Date()
	a.by.Store(int64(time.Date(y, m, d+1+days, hour, minute, 0, 0, beijing).Sub(a.Clock.Now())))
}

// sells pays one order with a fresh phone's code.
func (s *street) sells(t *testing.T, w *wechat.Wallet, no string, sum agent.Money) (agent.Payment, agent.Answer) {
	t.Helper()
	p := agent.Payment{OrderNo: no, Lane: "1", Amount: sum, Created: time.Now()}
	_, code := sandboxtest.Phone(t, s.ledger, s.wallet, sandbox.Customer{Balance: 10_000_000, Behaviour: sandbox.Approve})
	a := w.Pay(t.Context(), p, agent.NewPayCode(code))
	if a.Verdict != agent.Approved {
		t.Fatalf("pay: %v (%s %v)", a.Verdict, a.Code, a.Err)
	}
	return p, a
}

// TestThePayersMoneyIsToldWithTheRate: the shop prices, the wallet converts, and
// both stand on the receipt.
func TestThePayersMoneyIsToldWithTheRate(t *testing.T) {
	for currency, want := range map[agent.Currency]agent.PayerSum{
		"USD": {Amount: agent.Money{Value: 9216, Currency: "CNY"}, Rate: "7.2"},
		"HKD": {Amount: agent.Money{Value: 1178, Currency: "CNY"}, Rate: "0.9205"},
		"JPY": {Amount: agent.Money{Value: 6144, Currency: "CNY"}, Rate: "0.048"},
	} {
		t.Run(string(currency), func(t *testing.T) {
			s := openAbroad(t)
			c := s.abroad(t, s.wallet.Direct(), currency)
			w := open(t, c, 10*time.Second)
			if info := w.Info(); len(info.Currency) != 1 || info.Currency[0] != currency {
				t.Errorf("it takes %v", info.Currency)
			}
			p, paid := s.sells(t, w, "DEMO0101KDVE6QRC0000000000000001", agent.Money{Value: 1280, Currency: currency})
			if asked := w.Query(t.Context(), p); paid.Payer != want || asked.Payer != want || asked.Amount != 1280 {
				t.Errorf("%+v, then %+v, want %+v", paid.Payer, asked.Payer, want)
			}
		})
	}
}

// TestAReversalAbroadIsForTheSameDay: after midnight in Beijing the wallet says
// that it is too late, and the refund is what is left.
func TestAReversalAbroadIsForTheSameDay(t *testing.T) {
	clock := &ahead{Clock: agent.NewSystemClock()}
	s := openStreetWith(t, fake.Options{Clock: clock, Global: true})
	c := s.abroad(t, s.wallet.Direct(), "USD")
	c.Clock = clock
	w := open(t, c, 10*time.Second)
	clock.to(0, 23, 50)
	sum := agent.Money{Value: 1280, Currency: "USD"}
	early, _ := s.sells(t, w, "DEMO0101KDVE6QRC0000000000000001", sum)
	late, _ := s.sells(t, w, "DEMO0101KDVE6QRC0000000000000002", sum)
	if a := w.Reverse(t.Context(), early); a.Verdict != agent.Accepted {
		t.Errorf("on the same day: %v (%s %v)", a.Verdict, a.Code, a.Err)
	}
	clock.to(1, 0, 5)
	a := w.Reverse(t.Context(), late)
	if a.Verdict != agent.Refused || a.Reason != agent.ReasonTooLate {
		t.Errorf("on the next day: %v (%s %s %v)", a.Verdict, a.Reason, a.Code, a.Err)
	}
	if a := w.Query(t.Context(), late); a.Verdict != agent.Approved {
		t.Errorf("it is %v", a.Verdict)
	}
	if a := w.Refund(t.Context(), late, agent.Refund{No: late.OrderNo + "R0", Amount: 1280}); a.Verdict != agent.Accepted {
		t.Errorf("refund: %v (%s %v)", a.Verdict, a.Code, a.Err)
	}
	if a := w.Reverse(t.Context(), early); a.Verdict != agent.Accepted {
		t.Errorf("a reversal that was made is told again: %v", a.Verdict)
	}
}

// TestEachEditionHasItsOwnHosts: one's addresses and keys are nothing to the other.
func TestEachEditionHasItsOwnHosts(t *testing.T) {
	home, away := openStreet(t), openAbroad(t)
	lost := away.abroad(t, away.wallet.Direct(), "USD")
	lost.Hosts = home.config(t, home.wallet.Direct()).Hosts[:1]
	p := agent.Payment{OrderNo: "DEMO0101KDVE6QRC0000000000000001", Lane: "1", Amount: agent.Money{Value: 1, Currency: "USD"}, Created: time.Now()}
	if a := open(t, lost, time.Second).Query(t.Context(), p); a.Verdict != agent.InDoubt {
		t.Errorf("%v", a.Verdict)
	}
}

// TestADaysBill: what moved on a day of Beijing, line by line, in both editions.
func TestADaysBill(t *testing.T) {
	for _, global := range []bool{false, true} {
		t.Run(fmt.Sprintf("global=%t", global), func(t *testing.T) {
			clock := &ahead{Clock: agent.NewSystemClock()}
			clock.to(0, 12, 0)
			s := openStreetWith(t, fake.Options{Clock: clock, Global: global})
			c, currency := s.config(t, s.wallet.Direct()), agent.Currency("CNY")
			if global {
				currency = "JPY"
				c = s.abroad(t, s.wallet.Direct(), currency)
			}
			c.Clock = clock
			w := open(t, c, 10*time.Second)
			money := func(n int64) agent.Money { return agent.Money{Value: n, Currency: currency} }
			day := clock.Now().In(beijing).Format(time.DateOnly)
			kept, first := s.sells(t, w, "DEMO0101KDVE6QRC0000000000000001", money(1280))
			if a := w.Refund(t.Context(), kept, agent.Refund{No: kept.OrderNo + "P1", Amount: 500}); a.Verdict != agent.Accepted {
				t.Fatalf("refund: %v (%s %v)", a.Verdict, a.Code, a.Err)
			}
			undone, second := s.sells(t, w, "DEMO0101KDVE6QRC0000000000000002", money(7))
			if a := w.Reverse(t.Context(), undone); a.Verdict != agent.Accepted {
				t.Fatalf("reverse: %v", a.Verdict)
			}
			class := func() agent.Class {
				_, err := w.Bill(t.Context(), day)
				var e *agent.Error
				if !errors.As(err, &e) || e.Say.ID == "" {
					t.Fatalf("%v says nothing to a person", err)
				}
				return e.Class
			}
			if got := class(); got != agent.Unavailable {
				t.Errorf("during the day: %v", got)
			}
			clock.to(1, 9, 30)
			if got := class(); got != agent.Unavailable {
				t.Errorf("while it is made: %v", got)
			}
			clock.to(1, 10, 30)
			s.spoilsBills(t, class)
			lines, err := w.Bill(t.Context(), day)
			if err != nil {
				t.Fatal(err)
			}
			for i := range lines {
				if lines[i].At == "" || lines[i].Text == "" {
					t.Errorf("%+v", lines[i])
				}
				lines[i].At, lines[i].Text = "", ""
			}
			name := s.wallet.Name()
			want := []agent.BillLine{
				{Kind: agent.BillPayment, Wallet: name, OrderNo: kept.OrderNo, Txn: first.Txn, Amount: money(1280)},
				{Kind: agent.BillRefund, Wallet: name, OrderNo: kept.OrderNo, RefundNo: kept.OrderNo + "P1", Txn: first.Txn, Amount: money(500)},
				{Kind: agent.BillPayment, Wallet: name, OrderNo: undone.OrderNo, Txn: second.Txn, Amount: money(7)},
				{Kind: agent.BillReversal, Wallet: name, OrderNo: undone.OrderNo, Txn: second.Txn, Amount: money(7)},
			}
			if !slices.Equal(lines, want) {
				t.Errorf("the bill has %+v, want %+v", lines, want)
			}
			clock.to(2, 11, 0)
			if lines, err := w.Bill(t.Context(), clock.Now().In(beijing).AddDate(0, 0, -1).Format(time.DateOnly)); err != nil || len(lines) != 0 {
				t.Errorf("a day without sales: %v, %v", lines, err)
			}
			if _, err := w.Bill(t.Context(), "01/02/2026"); err == nil {
				t.Error("a day that is none has a bill")
			}
		})
	}
}

// spoilsBills breaks the fetching of a bill in every way.
func (s *street) spoilsBills(t *testing.T, class func() agent.Class) {
	t.Helper()
	for _, f := range []struct {
		sandbox.Fault
		want agent.Class
	}{
		{sandbox.Fault{Operation: string(sandbox.OpBill), Kind: sandbox.WrongAmount, Count: 2}, agent.Corrupt},
		{sandbox.Fault{Operation: string(sandbox.OpBill), Kind: sandbox.StatusOnly, Status: 503, Count: 9}, agent.Unavailable},
		{sandbox.Fault{Operation: string(sandbox.OpBill), Kind: sandbox.DropResponse, AfterBytes: 900, Count: 9}, agent.Unavailable},
		{sandbox.Fault{Kind: sandbox.RefuseConnection, Count: 1}, agent.Unavailable},
	} {
		f.Wallet = s.wallet.Name()
		if err := s.cloud.SetFaults([]sandbox.Fault{f.Fault}); err != nil {
			t.Fatal(err)
		}
		if got := class(); got != f.want {
			t.Errorf("%s: %v, want %v", f.Kind, got, f.want)
		}
	}
	if err := s.cloud.SetFaults(nil); err != nil {
		t.Fatal(err)
	}
}
