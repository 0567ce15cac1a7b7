package gateway_test

import (
	"crypto/ed25519"
	"flag"
	"os"
	"slices"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	fake "tillwire/agent/sandbox/gateway"
	"tillwire/agent/sandbox/sandboxtest"
	"tillwire/agent/wallet/gateway"
	"tillwire/agent/wallet/wallettest"
)

func TestMain(m *testing.M) {
	// Delays are met by waiting, so more brands run side by side than there are processors.
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// street is a sandbox with an acquirer on real ports: one that all brands share,
// and one for each brand that is asked for.
type street struct {
	cloud    *sandbox.Cloud
	acquirer *fake.Acquirer
	ledger   *sandbox.Ledger
}

func openStreet(t *testing.T, own ...string) *street {
	t.Helper()
	clock := agent.NewSystemClock()
	s := &street{ledger: sandboxtest.Ledger(t, clock)}
	var err error
	if s.acquirer, err = fake.New(t.Context(), fake.Options{Ledger: s.ledger, Clock: clock, BillsAtOnce: true, Page: 2}); err != nil {
		t.Fatal(err)
	}
	o := sandbox.Options{Ledger: s.ledger, Clock: clock, Doors: []sandbox.OpenDoor{{Door: s.acquirer, Hosts: []string{sandboxtest.Local}}}}
	for _, w := range s.acquirer.Wallets() {
		open := sandbox.Open{Wallet: w}
		for _, name := range own {
			if name == w.Name() {
				open.Hosts = []string{sandboxtest.Local}
			}
		}
		o.Wallets = append(o.Wallets, open)
	}
	s.cloud = sandboxtest.Cloud(t, o)
	return s
}

// config is what a shop of the sandbox would configure, to reach it at the
// listener of that name.
func (s *street) config(listener string, limit time.Duration) gateway.Config {
	terminal := s.acquirer.Terminal()
	c := gateway.Config{Hosts: s.cloud.HostURLs(listener), Merchant: terminal.Merchant, Signer: gateway.Signer{KeyID: terminal.KeyID, Key: terminal.Key},
		Acquirer: map[string]ed25519.PublicKey{s.acquirer.KeyID(): s.acquirer.Key().Public().(ed25519.PublicKey)}, Description: "Corner shop & 咖啡", StoreID: "SH0001"}
	c.Timers = agent.DefaultTimers("gateway")
	c.Timers.Pay = limit
	return c
}

func (s *street) open(t *testing.T, listener, brand string, limit time.Duration) agent.Wallet {
	t.Helper()
	connection, err := gateway.Connect(s.config(listener, limit))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(connection.CloseIdle)
	known, ok := gateway.Known(brand)
	switch {
	case ok:
	case brand == "shopcard": // a shop's own card is in no table; its codes are scanned
		known = gateway.Brand{Name: brand, Charges: true}
	default:
		t.Fatalf("the brand %s is not known", brand)
	}
	w, err := connection.Wallet(brand, known)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (s *street) harness(listener, brand string) wallettest.Harness {
	b := s.acquirer.Wallet(brand).Brand()
	return wallettest.Harness{Control: s.cloud.ControlURL(), Brand: brand, Currency: b.Currencies[0], Amounts: true, OneRefund: !b.Refund.Partial || b.Refund.Most == 1,
		New: func(t *testing.T, limit time.Duration) agent.Wallet { return s.open(t, listener, brand, limit) }}
}

// TestContract runs the whole suite, every fault included, for every brand: for three
// that are shown, one of them by a link, and one with codes of both forms besides on
// fresh and on kept connections, for the others, which differ from them in their rows
// of the tables only, on each in turn.
func TestContract(t *testing.T) {
	twice := []string{"promptpay", "pix", "upi", "unionpay"}
	for _, w := range openStreet(t).acquirer.Wallets() {
		t.Run(w.Name(), func(t *testing.T) {
			t.Parallel()
			wallettest.Run(t, func(t *testing.T) wallettest.Harness {
				h := openStreet(t, w.Name()).harness(w.Name(), w.Name())
				h.InTurn = !slices.Contains(twice, w.Name())
				return h
			})
		})
	}
}

// TestRoadOfEveryBrand asks each brand without faults, all of them through the one
// listener that an acquirer has.
func TestRoadOfEveryBrand(t *testing.T) {
	s := openStreet(t)
	for _, w := range s.acquirer.Wallets() {
		t.Run(w.Name(), func(t *testing.T) { wallettest.Road(t, s.harness(fake.Name, w.Name())) })
	}
}
