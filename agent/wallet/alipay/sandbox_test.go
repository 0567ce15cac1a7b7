package alipay_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	fake "tillwire/agent/sandbox/alipay"
	"tillwire/agent/sandbox/sandboxtest"
	"tillwire/agent/wallet/alipay"
	"tillwire/agent/wallet/wallettest"
)

var keys sandboxtest.Keys

// street is a sandbox cloud on a real port.
type street struct {
	cloud  *sandbox.Cloud
	wallet *fake.Wallet
	ledger *sandbox.Ledger
}

func openStreet(t *testing.T) *street {
	t.Helper()
	clock := agent.NewSystemClock()
	s := &street{ledger: sandboxtest.Ledger(t, clock)}
	var err error
	if s.wallet, err = fake.New(t.Context(), fake.Options{Ledger: s.ledger, Clock: clock, Keys: keys.Source(), BillsAtOnce: true}); err != nil {
		t.Fatal(err)
	}
	s.cloud = sandboxtest.Cloud(t, sandbox.Options{Ledger: s.ledger, Clock: clock, Wallets: []sandbox.Open{{Wallet: s.wallet, Hosts: []string{sandboxtest.Local}}}})
	return s
}

// config is what a shop of the sandbox would configure.
func (s *street) config(t *testing.T, app *fake.App) alipay.Config {
	t.Helper()
	key, err := app.PrivatePEM()
	if err != nil {
		t.Fatal(err)
	}
	c := alipay.Config{Hosts: s.cloud.HostURLs("alipay"), AppID: app.AppID, AppKey: key, NotifyURL: "https://pay.example.com/notify",
		Description: "Corner shop & 咖啡", StoreID: "SH0001"}
	if app.Certificate != nil {
		c.Mode, c.AppCert, c.AlipayCert, c.RootCert = alipay.ModeCertificate, app.Certificate, s.wallet.Platform().Certificate, s.wallet.Platform().Root
		return c
	}
	if c.AlipayKey, err = s.wallet.Platform().PublicPEM(); err != nil {
		t.Fatal(err)
	}
	return c
}

func open(t *testing.T, c alipay.Config, limit time.Duration) *alipay.Wallet {
	t.Helper()
	c.Timers = agent.DefaultTimers("alipay")
	c.Timers.Pay = limit
	w, err := alipay.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.CloseIdle)
	return w
}

func (s *street) harness(c alipay.Config) wallettest.Harness {
	return wallettest.Harness{Control: s.cloud.ControlURL(), Brand: "alipay", Currency: "CNY", RefundSums: true,
		New: func(t *testing.T, limit time.Duration) agent.Wallet { return open(t, c, limit) }}
}

func TestContract(t *testing.T) {
	wallettest.Run(t, func(t *testing.T) wallettest.Harness {
		s := openStreet(t)
		return s.harness(s.config(t, s.wallet.App()))
	})
}

func TestContractWithCertificates(t *testing.T) {
	s := openStreet(t)
	wallettest.Road(t, s.harness(s.config(t, s.wallet.CertApp())))
}

// TestTheBillAgreesWithTheDay pays, refunds and cancels, and finds each movement in
// the bill once and nothing else.
func TestTheBillAgreesWithTheDay(t *testing.T) {
	s := openStreet(t)
	w := open(t, s.config(t, s.wallet.App()), 10*time.Second)
	beijing := time.FixedZone("", 8*60*60)
	before := time.Now().In(beijing).Format(time.DateOnly)
	if lines, err := w.Bill(t.Context(), "2020-01-01"); err != nil || len(lines) != 0 {
		t.Fatalf("a day without payments: %v %v", lines, err)
	}
	paid := s.pay(t, w, "DEMO0101KDVE6QRC0000000000000001", 1280)
	undone := s.pay(t, w, "DEMO0101KDVE6QRC0000000000000002", 99)
	for _, r := range []agent.Refund{{No: paid.OrderNo + "P1", Amount: 500, Why: "cold"}, {No: paid.OrderNo + "P2", Amount: 1}} {
		if a := w.Refund(t.Context(), paid, r); a.Verdict != agent.Accepted {
			t.Fatalf("refund: %+v", a)
		}
	}
	if a := w.Reverse(t.Context(), undone); a.Verdict != agent.Accepted || a.Code != "REFUND" {
		t.Fatalf("reverse: %+v", a)
	}
	if a := w.Query(t.Context(), undone); a.Verdict != agent.Ended || !strings.Contains(a.Text, "given back") {
		t.Errorf("query of what was cancelled: %+v", a)
	}
	lines, err := w.Bill(t.Context(), before)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range lines {
		if l.Txn == "" || l.At == "" || l.Wallet != "alipay" {
			t.Errorf("%+v", l)
		}
		got = append(got, fmt.Sprint(l.Kind, " ", strings.TrimLeft(l.OrderNo[20:], "0"), " ", strings.TrimPrefix(l.RefundNo, l.OrderNo), " ", l.Amount))
	}
	slices.Sort(got)
	want := []string{"payment 1  12.80 CNY", "payment 2  0.99 CNY", "refund 1 P1 5.00 CNY", "refund 1 P2 0.01 CNY", "reversal 2  0.99 CNY"}
	if after := time.Now().In(beijing).Format(time.DateOnly); after == before && !slices.Equal(got, want) {
		t.Errorf("the bill has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// pay has a customer pay an order.
func (s *street) pay(t *testing.T, w *alipay.Wallet, no string, amount int64) agent.Payment {
	t.Helper()
	p := agent.Payment{OrderNo: no, Lane: "1", Amount: agent.Money{Value: amount, Currency: "CNY"}, Created: time.Now()}
	p.Status.Attempt = 1
	_, code := sandboxtest.Phone(t, s.ledger, s.wallet, sandbox.Customer{Behaviour: sandbox.Approve})
	if a := w.Pay(t.Context(), p, agent.NewPayCode(code)); a.Verdict != agent.Approved {
		t.Fatalf("pay: %+v", a)
	}
	return p
}
