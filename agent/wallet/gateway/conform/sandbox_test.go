package conform_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"path/filepath"
	"testing"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	fake "tillwire/agent/sandbox/gateway"
	"tillwire/agent/wallet/gateway"
	"tillwire/agent/wallet/gateway/conform"
)

// TestTheSandboxConforms lets the suite judge an acquirer that was written from the
// contract alone: a brand with both modes, one that is shown, one with two forms of
// codes.
func TestTheSandboxConforms(t *testing.T) {
	clock := agent.NewSystemClock()
	ledger, err := sandbox.OpenLedger(t.Context(), filepath.Join(t.TempDir(), "ledger.db"), clock)
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	acquirer, err := fake.New(t.Context(), fake.Options{Ledger: ledger, Clock: clock, Page: 2})
	if err != nil {
		t.Fatal(err)
	}
	cloud, err := sandbox.Start(t.Context(), sandbox.Options{Ledger: ledger, Clock: clock, Log: slog.New(slog.DiscardHandler), Control: "127.0.0.1:0",
		Doors: []sandbox.OpenDoor{{Door: acquirer, Hosts: []string{"127.0.0.1:0"}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer cloud.Close()
	text, err := acquirer.PublicPEM()
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	terminal := acquirer.Terminal()
	config := gateway.Config{Hosts: cloud.HostURLs(fake.Name), Merchant: terminal.Merchant, Signer: gateway.Signer{KeyID: terminal.KeyID, Key: terminal.Key},
		Acquirer: map[string]ed25519.PublicKey{acquirer.KeyID(): public.(ed25519.PublicKey)}, Description: "Corner shop"}
	for _, name := range []string{"jpqr", "pix", "unionpay"} {
		t.Run(name, func(t *testing.T) {
			w := acquirer.Wallet(name)
			known, _ := gateway.Known(name)
			o := conform.Options{Config: config, Brand: known, Amount: agent.Money{Value: 1280, Currency: w.Brand().Currencies[0]}}
			for range 2 {
				if !w.OnlyReads() {
					o.Codes = append(o.Codes, code(t, ledger, w))
				}
			}
			results, err := conform.Run(t.Context(), o, func(conform.Result) {})
			if err != nil || len(results) == 0 {
				t.Fatalf("%d checks: %v", len(results), err)
			}
			for _, r := range results {
				if r.Outcome == conform.Fail || r.Outcome == conform.LeftOut && len(o.Codes) > 0 {
					t.Errorf("%s: %s (%s): %s", r.Outcome, r.Check, r.Rule, r.What)
				}
			}
		})
	}
}

// code is a fresh code of a customer who pays at once.
func code(t *testing.T, ledger *sandbox.Ledger, w *fake.Wallet) string {
	t.Helper()
	customer, err := ledger.AddCustomer(t.Context(), sandbox.Customer{Wallet: w.Name(), Balance: 100_000, Currency: w.Currencies()[0], Behaviour: sandbox.Approve})
	if err != nil {
		t.Fatal(err)
	}
	made, err := ledger.IssueCode(t.Context(), customer.ID, func(string) (string, error) { return w.PayCode() })
	if err != nil {
		t.Fatal(err)
	}
	return made.Code
}
