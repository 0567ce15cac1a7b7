package conform_test

import (
	"crypto/ed25519"
	"testing"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	fake "tillwire/agent/sandbox/gateway"
	"tillwire/agent/sandbox/sandboxtest"
	"tillwire/agent/wallet/gateway"
	"tillwire/agent/wallet/gateway/conform"
)

// TestTheSandboxConforms lets the suite judge an acquirer that was written from the
// contract alone: a brand with both modes, one that is shown, one with two forms of
// codes.
func TestTheSandboxConforms(t *testing.T) {
	clock := agent.NewSystemClock()
	ledger := sandboxtest.Ledger(t, clock)
	acquirer, err := fake.New(t.Context(), fake.Options{Ledger: ledger, Clock: clock, Page: 2})
	if err != nil {
		t.Fatal(err)
	}
	cloud := sandboxtest.Cloud(t, sandbox.Options{Ledger: ledger, Clock: clock, Doors: []sandbox.OpenDoor{{Door: acquirer, Hosts: []string{sandboxtest.Local}}}})
	terminal := acquirer.Terminal()
	config := gateway.Config{Hosts: cloud.HostURLs(fake.Name), Merchant: terminal.Merchant, Signer: gateway.Signer{KeyID: terminal.KeyID, Key: terminal.Key},
		Acquirer: map[string]ed25519.PublicKey{acquirer.KeyID(): acquirer.Key().Public().(ed25519.PublicKey)}, Description: "Corner shop"}
	for _, name := range []string{"jpqr", "pix", "unionpay"} {
		t.Run(name, func(t *testing.T) {
			w := acquirer.Wallet(name)
			known, _ := gateway.Known(name)
			o := conform.Options{Config: config, Brand: known, Amount: agent.Money{Value: 1280, Currency: w.Brand().Currencies[0]}}
			for range 2 {
				if _, code := sandboxtest.Phone(t, ledger, w, sandbox.Customer{Currency: w.Currencies()[0], Behaviour: sandbox.Approve}); code != "" {
					o.Codes = append(o.Codes, code)
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
