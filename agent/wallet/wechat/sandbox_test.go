package wechat_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/agent/sandbox/sandboxtest"
	fake "tillwire/agent/sandbox/wechat"
	"tillwire/agent/wallet/wallettest"
	"tillwire/agent/wallet/wechat"
)

var keys sandboxtest.Keys

// street is a sandbox cloud on real ports, with two hosts and one that speaks TLS.
type street struct {
	cloud  *sandbox.Cloud
	wallet *fake.Wallet
	ledger *sandbox.Ledger
}

func openStreet(t *testing.T) *street {
	t.Helper()
	return openStreetWith(t, fake.Options{Clock: agent.NewSystemClock()})
}

func openStreetWith(t *testing.T, o fake.Options) *street {
	t.Helper()
	s := &street{ledger: sandboxtest.Ledger(t, o.Clock)}
	o.Ledger, o.Keys = s.ledger, keys.Source()
	var err error
	if s.wallet, err = fake.New(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	s.cloud = sandboxtest.Cloud(t, sandbox.Options{Ledger: s.ledger, Clock: o.Clock,
		Wallets: []sandbox.Open{{Wallet: s.wallet, Hosts: []string{sandboxtest.Local, sandboxtest.Local}, Secure: []string{sandboxtest.Local}}}})
	return s
}

// config is what a shop of the sandbox would configure.
func (s *street) config(t *testing.T, m *fake.Merchant) wechat.Config {
	t.Helper()
	key, err := m.PrivatePEM()
	if err != nil {
		t.Fatal(err)
	}
	public, err := s.wallet.Platform().PublicPEM()
	if err != nil {
		t.Fatal(err)
	}
	c := wechat.Config{Hosts: s.cloud.HostURLs(s.wallet.Name())[:2], AppID: m.AppID, MerchantID: m.MerchantID, SubMerchantID: m.SubMerchantID, SubAppID: m.SubAppID,
		MerchantSerial: m.Serial, MerchantKey: key,
		PlatformKeys: []wechat.PlatformKey{{ID: s.wallet.Platform().PublicKeyID, PEM: public}}, APIv3Key: []byte(m.APIv3Key),
		NotifyURL: "https://pay.example.com/notify", Description: "Corner shop & 咖啡", StoreID: "SH0001"}
	if m.Partner() {
		c.Mode = wechat.ModePartner
	}
	return c
}

// classic is config with code payments over API v2, at the host that speaks TLS.
func (s *street) classic(t *testing.T, m *fake.Merchant) wechat.Config {
	t.Helper()
	c := s.config(t, m)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(s.wallet.Authority()) {
		t.Fatal("the sandbox has no root")
	}
	c.Codepay, c.APIv2Key, c.MerchantCert = wechat.CodepayV2, []byte(m.APIv2Key), m.Certificate
	c.Hosts, c.TLS = s.cloud.HostURLs("wechat")[2:], &tls.Config{RootCAs: roots}
	return c
}

func open(t *testing.T, c wechat.Config, limit time.Duration) *wechat.Wallet {
	t.Helper()
	c.Timers = agent.DefaultTimers("wechat")
	c.Timers.Pay = limit
	w, err := wechat.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.CloseIdle)
	return w
}

// harness has the suite speak to the first host only, so that each fault is met.
func (s *street) harness(c wechat.Config) wallettest.Harness {
	c.Hosts = c.Hosts[:1]
	return wallettest.Harness{Control: s.cloud.ControlURL(), Brand: s.wallet.Name(), Currency: append(c.Currencies, "CNY")[0],
		New: func(t *testing.T, limit time.Duration) agent.Wallet { return open(t, c, limit) }}
}

func TestContract(t *testing.T) {
	wallettest.Run(t, func(t *testing.T) wallettest.Harness {
		s := openStreet(t)
		return s.harness(s.config(t, s.wallet.Direct()))
	})
}

func TestContractOfAPartner(t *testing.T) {
	s := openStreet(t)
	wallettest.Road(t, s.harness(s.config(t, s.wallet.Partner())))
}

// classicCodes is what API v2 carries, without what stays API v3 in every
// transport: its faults are met in TestContract.
type classicCodes struct{ w *wechat.Wallet }

func (c classicCodes) Info() agent.WalletInfo { return c.w.Info() }
func (c classicCodes) Query(ctx context.Context, p agent.Payment) agent.Answer {
	return c.w.Query(ctx, p)
}
func (c classicCodes) Pay(ctx context.Context, p agent.Payment, code agent.PayCode) agent.Answer {
	return c.w.Pay(ctx, p, code)
}
func (c classicCodes) Reverse(ctx context.Context, p agent.Payment) agent.Answer {
	return c.w.Reverse(ctx, p)
}

func TestContractOverAPIv2(t *testing.T) {
	t.Run("whole", func(t *testing.T) {
		s := openStreet(t)
		wallettest.Road(t, s.harness(s.classic(t, s.wallet.Direct())))
	})
	wallettest.Faults(t, func(t *testing.T) wallettest.Harness {
		s := openStreet(t)
		h := s.harness(s.classic(t, s.wallet.Direct()))
		whole := h.New
		h.InTurn = true
		h.New = func(t *testing.T, limit time.Duration) agent.Wallet {
			return classicCodes{whole(t, limit).(*wechat.Wallet)}
		}
		return h
	})
}

func TestContractOverAPIv2OfAPartnerWithMD5(t *testing.T) {
	s := openStreet(t)
	c := s.classic(t, s.wallet.Partner())
	c.APIv2Sign = wechat.SignMD5
	wallettest.Road(t, s.harness(c))
}

func TestContractWithCertificates(t *testing.T) {
	s := openStreet(t)
	c := s.config(t, s.wallet.Direct())
	c.Platform, c.PlatformKeys = wechat.PlatformCertificate, nil
	wallettest.Road(t, s.harness(c))
}

// TestTwoHosts: with both hosts configured a dead or dumb first one is passed
// over, and a payment that may have arrived there goes nowhere else.
func TestTwoHosts(t *testing.T) {
	s := openStreet(t)
	ctx := t.Context()
	p := agent.Payment{OrderNo: "DEMO0101KDVE6QRC0000000000000001", Lane: "1", Amount: agent.Money{Value: 1280, Currency: "CNY"}, Created: time.Now()}
	pay := func(no string, w *wechat.Wallet) agent.Answer {
		t.Helper()
		p.OrderNo = no
		_, code := sandboxtest.Phone(t, s.ledger, s.wallet, sandbox.Customer{Behaviour: sandbox.Approve})
		return w.Pay(ctx, p, agent.NewPayCode(code))
	}
	for i, row := range []struct {
		fault         sandbox.Fault
		paid, queried agent.Verdict
	}{
		{sandbox.Fault{Kind: sandbox.RefuseConnection, Host: 1, Count: 1}, agent.Approved, agent.Approved},
		{sandbox.Fault{Kind: sandbox.RefuseConnection, Host: 2, Count: 1}, agent.Approved, agent.Approved},
		{sandbox.Fault{Kind: sandbox.RefuseConnection, Count: 1}, agent.NotDelivered, agent.NotDelivered},
		{sandbox.Fault{Kind: sandbox.DropResponse, Host: 1, Count: 9}, agent.InDoubt, agent.Approved},
		{sandbox.Fault{Kind: sandbox.DropRequest, Host: 1, Count: 9, AfterBytes: 10}, agent.InDoubt, agent.Absent},
		{sandbox.Fault{Kind: sandbox.StatusOnly, Status: 503, Host: 1, Count: 9}, agent.InDoubt, agent.Absent},
		{sandbox.Fault{Kind: sandbox.CaptivePortal, Host: 1, Count: 9}, agent.InDoubt, agent.Absent},
	} {
		w := open(t, s.config(t, s.wallet.Direct()), 10*time.Second)
		if err := s.cloud.SetFaults([]sandbox.Fault{row.fault}); err != nil {
			t.Fatal(err)
		}
		paid := pay("DEMO0101KDVE6QRC000000000000000"+string(rune('A'+i)), w)
		queried := w.Query(ctx, p)
		if paid.Verdict != row.paid || queried.Verdict != row.queried {
			t.Errorf("%s on host %d: pay %v (%v), query %v (%v), want %v and %v", row.fault.Kind, row.fault.Host, paid.Verdict, paid.Err, queried.Verdict, queried.Err, row.paid, row.queried)
		}
	}
	orders, err := s.ledger.Orders(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range orders {
		if o.Captured != 1280 {
			t.Errorf("order %s: %d taken", o.OrderNo, o.Captured)
		}
	}
}
