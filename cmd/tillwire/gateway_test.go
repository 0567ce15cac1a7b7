package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"tillwire/agent"
	"tillwire/cmd/cli"
)

// gatewayKeys writes a shop's key and an acquirer's public key beside each other.
func gatewayKeys(t *testing.T, dir string) (shop, acquirer ed25519.PrivateKey) {
	t.Helper()
	encode := func(kind string, der []byte, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	shop = ed25519.NewKeyFromSeed([]byte("a shop's seed of 32 bytes, really"[:32]))
	acquirer = ed25519.NewKeyFromSeed([]byte("an acquirer's seed of thirty two."[:32]))
	der, err := x509.MarshalPKCS8PrivateKey(shop)
	for _, name := range []string{"shop.pem", "copy.pem"} {
		write(t, filepath.Join(dir, "secrets", name), encode("PRIVATE KEY", der, err), 0o600)
	}
	der, err = x509.MarshalPKIXPublicKey(acquirer.Public())
	write(t, filepath.Join(dir, "secrets", "acquirer.pem"), encode("PUBLIC KEY", der, err), 0o644)
	return shop, acquirer
}

// gatewayTables are wallets behind one acquirer.
func gatewayTables(host string, brands ...string) string {
	var b strings.Builder
	for _, brand := range brands {
		b.WriteString("\n[[wallet]]\nname = \"" + brand + "\"\nprotocol = \"gateway\"\nhosts = [\"" + host + "\"]\nmerchant_id = \"M100\"\n" +
			"signing_key_id = \"terminal-1\"\nsigning_key = \"secrets/shop.pem\"\nacquirer_key_id = \"acquirer-1\"\nacquirer_key = \"secrets/acquirer.pem\"\n")
	}
	return b.String()
}

func gatewayShop(t *testing.T, wallets string) (config, []fault) {
	t.Helper()
	head, _, _ := strings.Cut(sound, "[[wallet]]")
	file := configured(t, head+wallets)
	gatewayKeys(t, filepath.Dir(file))
	c, faults, err := readConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	return c, faults
}

func quiet(c config) walletEnv {
	return walletEnv{terminal: c.Terminal, clock: agent.NewSystemClock(), log: slog.New(slog.DiscardHandler), timers: agent.DefaultTimers}
}

func TestBrandsBehindOneAcquirer(t *testing.T) {
	c, faults := gatewayShop(t, gatewayTables("http://127.0.0.1:1", "promptpay", "pix", "paypay"))
	if len(faults) != 0 {
		t.Fatal(faults)
	}
	members, faults := openWallets(c.Wallets, quiet(c))
	if len(faults) != 0 || len(members) != 3 {
		t.Fatalf("%d wallets, %v", len(members), faults)
	}
	for i, want := range []struct {
		charges, shows bool
		currency       agent.Currency
	}{{false, true, "THB"}, {false, true, "BRL"}, {true, true, "JPY"}} {
		w := members[i].Wallet
		_, charges := w.(agent.Charger)
		_, shows := w.(agent.Presenter)
		_, bills := w.(agent.Biller)
		info := w.Info()
		if charges != want.charges || shows != want.shows || !bills || len(info.Currency) != 1 || info.Currency[0] != want.currency || !info.Test {
			t.Errorf("%s: charges %v, shows %v, bills %v, %+v", info.Name, charges, shows, bills, info)
		}
	}
	if takes := members[2].Takes; len(takes) != 1 || takes[0] != "paypay" {
		t.Errorf("paypay takes %v", takes)
	}
}

func TestAGatewayThatIsWrongSaysWhere(t *testing.T) {
	good := gatewayTables("https://gateway.example", "promptpay")
	for _, row := range []struct{ from, to, key, say string }{
		{`name = "promptpay"`, `name = "moonpay"`, "modes", "is missing"},
		{`merchant_id = "M100"`, `merchant_id = ""`, "merchant_id", "the acquirer gives it"},
		{`signing_key = "secrets/shop.pem"`, ``, "signing_key", "name the file"},
		{`signing_key = "secrets/shop.pem"`, `signing_key = "secrets/acquirer.pem"`, "signing_key", ""},
		{`acquirer_key = "secrets/acquirer.pem"`, `acquirer_key = "secrets/copy.pem"`, "acquirer_key", "PRIVATE key"},
		{`name = "promptpay"`, "name = \"promptpay\"\nmodes = [\"song\"]", "modes", `"song"`},
		{`name = "promptpay"`, "name = \"promptpay\"\ncurrencies = [\"XYZ\"]", "currencies", "XYZ"},
	} {
		c, faults := gatewayShop(t, strings.Replace(good, row.from, row.to, 1))
		if len(faults) != 0 {
			t.Fatal(faults)
		}
		members, faults := openWallets(c.Wallets, quiet(c))
		if len(members) != 0 || len(faults) != 1 || faults[0].Key != "wallet[0]."+row.key || faults[0].Line == 0 || !strings.Contains(faults[0].What, row.say) {
			t.Errorf("%s: %v", row.to, faults)
		}
	}
}

// TestALiveGatewayIsNoTest: only the operator's word takes TEST off the screens.
func TestALiveGatewayIsNoTest(t *testing.T) {
	tables := strings.Replace(gatewayTables("https://gateway.example", "promptpay"), "merchant_id", "live = true\nmerchant_id", 1)
	c, _ := gatewayShop(t, tables)
	members, faults := openWallets(c.Wallets, quiet(c))
	if len(faults) != 0 || members[0].Wallet.Info().Test {
		t.Errorf("%v", faults)
	}
}

// gatewayFile is a configuration with wallets behind an acquirer, and its keys.
func gatewayFile(t *testing.T, wallets string) string {
	t.Helper()
	head, _, _ := strings.Cut(sound, "[[wallet]]")
	file := configured(t, head+wallets)
	gatewayKeys(t, filepath.Dir(file))
	return file
}

// TestConformNamesEveryPromise: against a server that is not there nothing is
// kept, and that is said for each check, in words and for programs.
func TestConformNamesEveryPromise(t *testing.T) {
	file := gatewayFile(t, gatewayTables("http://127.0.0.1:1", "promptpay"))
	r := invoke(t, "", "gateway", "conform", "promptpay", "--config", file)
	if r.code != cli.Found || !strings.Contains(r.stdout, "FAILED    a nonce that was used before") ||
		!strings.Contains(r.stdout, "Contract: 4. Tombstones") || !strings.Contains(r.stdout, "left out  a code of nobody") || !strings.Contains(r.stdout, "0 promises kept") {
		t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	r = invoke(t, "", "gateway", "conform", "promptpay", "--config", file, "--json")
	var results []struct{ Check, Rule, Outcome, What string }
	if err := json.Unmarshal([]byte(r.stdout), &results); err != nil || r.code != cli.Found || len(results) < 20 || results[0].Outcome != "fail" || results[0].What == "" {
		t.Errorf("exit %d, %d results, %v", r.code, len(results), err)
	}
}

func TestConformKeepsAwayFromRealMoney(t *testing.T) {
	live := strings.Replace(gatewayTables("https://127.0.0.1:1", "promptpay"), "merchant_id", "live = true\nmerchant_id", 1)
	r := invoke(t, "", "gateway", "conform", "promptpay", "--config", gatewayFile(t, live))
	if r.code != cli.Found || r.stdout != "" || !strings.Contains(r.stderr, "is live") {
		t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

func TestGatewayCommandsThatCannotBeUnderstood(t *testing.T) {
	file := gatewayFile(t, gatewayTables("http://127.0.0.1:1", "promptpay"))
	for want, args := range map[string][]string{
		`Did you mean "promptpay"?`: {"gateway", "conform", "promtpay"},
		"takes WALLET":              {"gateway", "conform"},
		"takes":                     {"gateway", "capabilities"},
		"gateway needs a command":   {"gateway"},
	} {
		if r := invoke(t, "", append(args, "--config", file)...); r.code != cli.Usage || !strings.Contains(r.stderr, want) {
			t.Errorf("%v: exit %d, %s", args, r.code, r.stderr)
		}
	}
	if r := invoke(t, "", "gateway", "capabilities", "promptpay", "--config", file); r.code != cli.Found || !strings.Contains(r.stderr, "did not say what it can do") {
		t.Errorf("exit %d, %s", r.code, r.stderr)
	}
}
