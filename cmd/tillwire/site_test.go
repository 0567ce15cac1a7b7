package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tillwire/agent"
	"tillwire/agent/web"
	"tillwire/cmd/cli"
)

func gathered(t *testing.T) web.Setup {
	t.Helper()
	return web.Setup{Shop: "Bakery", StoreID: "SH2", Currency: "CNY", Language: "en", Zone: "Asia/Shanghai",
		Wallet: web.WalletSetup{Protocol: "wechat", Mode: "direct", AppID: "wx1", MerchantID: "123", MerchantSerial: "0A1B", MerchantKey: privatePEM(t, keyPair()),
			Platform: "public_key", PlatformKeyID: "PUB_KEY_ID_1", PlatformKey: publicPEM(t, otherPair()), NotifyURL: "https://pay.example.com/notify"},
		Lanes: []web.LaneSetup{{ID: "1", Name: "Register 1", Scanner: "/dev/serial/by-id/usb-x", Baud: 9600}, {ID: "2", Name: "Register 2"}}}
}

// bare is the installed configuration: a terminal and nothing else.
func bare(t *testing.T) (string, config) {
	t.Helper()
	file := configured(t, strings.Replace(sound[:strings.Index(sound, "[[token]]")], "DEMO01", packagedCode, 1))
	c, faults, err := readConfig(file)
	if err != nil || len(faults) != 0 {
		t.Fatalf("%v %v", faults, err)
	}
	if err := os.MkdirAll(c.Terminal.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	return file, c
}

// What the first start writes is read back by the next start without a fault.
func TestTheFirstStartWritesWhatTheNextOneReads(t *testing.T) {
	file, c := bare(t)
	if err := checkSetup(c, gathered(t)); err != nil {
		t.Fatal(err)
	}
	if err := applySetup(c, gathered(t)); err != nil {
		t.Fatal(err)
	}
	next, faults, err := readConfig(file)
	if err != nil || len(faults) != 0 {
		t.Fatalf("%v %v", faults, err)
	}
	if next.Terminal.Shop != "Bakery" || next.Terminal.Code == packagedCode || !codePattern.MatchString(next.Terminal.Code) {
		t.Errorf("terminal %+v", next.Terminal)
	}
	if len(next.Lanes) != 2 || next.Lanes[0].Scanner["path"] != "/dev/serial/by-id/usb-x" || next.Lanes[1].Scanner["driver"] != "virtual" {
		t.Errorf("lanes %+v", next.Lanes)
	}
	if _, wrong := openWallets(next.Wallets, walletEnv{terminal: next.Terminal, clock: agent.NewSystemClock(), log: slog.New(slog.DiscardHandler), timers: agent.DefaultTimers}); len(wrong) != 0 {
		t.Errorf("wallet: %v", wrong)
	}
	for _, name := range []string{siteFile, "secrets/wechat-merchant.pem", "secrets/wechat-platform.pem"} {
		info, err := os.Stat(filepath.Join(c.Terminal.Data, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	left, err := filepath.Glob(filepath.Join(c.Terminal.Data, ".*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestACodeThatTheOperatorChoseStays(t *testing.T) {
	_, c := bare(t)
	c.Terminal.Code = "SHOP07"
	if got := siteOf(c, gathered(t)).Terminal.Code; got != "SHOP07" {
		t.Errorf("the code became %s", got)
	}
}

func TestASetUpThatCannotWorkIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	_, c := bare(t)
	s := gathered(t)
	s.Wallet.PlatformKey = publicPEM(t, keyPair())
	s.Wallet.AppID = ""
	err := checkSetup(c, s)
	if err == nil || !strings.Contains(err.Error(), "merchant's own public key") || strings.Contains(err.Error(), c.Terminal.Data) {
		t.Errorf("got %v", err)
	}
	left, globErr := filepath.Glob(filepath.Join(c.Terminal.Data, "*"))
	if globErr != nil || len(left) != 0 {
		t.Errorf("written: %v, %v", left, globErr)
	}
}

// form posts what a browser on this machine would.
func (r *running) form(path, cookie string, values url.Values) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.base+path, strings.NewReader(values.Encode()))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", r.base)
	if cookie != "" {
		req.Header.Set("Cookie", cookie)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res, string(text)
}

// From an installed package to a terminal that can sell, in one process: the
// claim code on the console, the form, and the agent goes on with what it wrote.
func TestTheFirstStartFromTheClaimCodeToTheRegister(t *testing.T) {
	file, c := bare(t)
	r := started(t, file)
	r.waits("the claim code", func() bool { return strings.Contains(r.said(), "enter the claim code") })
	if code, answer := r.call("GET", "/readyz", ""); code != http.StatusServiceUnavailable {
		t.Errorf("ready before the set-up: %d %v", code, answer)
	}
	if code, answer := r.call("POST", "/api/v1/payments", "{}"); code < 400 {
		t.Errorf("usable before the set-up: %d %v", code, answer)
	}
	claim := regexp.MustCompile(`claim code ([A-Z0-9]{4}-[A-Z0-9]{4})`).FindStringSubmatch(r.said())
	if claim == nil {
		t.Fatal(r.said())
	}
	if strings.Contains(logOf(r), claim[1]) {
		t.Error("the claim code is in the log")
	}
	res, text := r.form("/setup/claim", "", url.Values{"code": {claim[1]}})
	if res.StatusCode != http.StatusSeeOther || len(res.Cookies()) != 1 {
		t.Fatalf("claim: %s %s", res.Status, text)
	}
	cookie := res.Cookies()[0].Name + "=" + res.Cookies()[0].Value
	s := gathered(t)
	values := url.Values{"shop": {s.Shop}, "store_id": {s.StoreID}, "currency": {"CNY"}, "language": {"en"}, "zone": {s.Zone},
		"owner": {"Olga"}, "owner_password": {"walnut carriage under snow"}, "cashier": {"Ana"}, "cashier_pin": {"730184"}, "manager": {"Mia"}, "manager_pin": {"481625"},
		"mode": {"direct"}, "app_id": {"wx0000000000000000"}, "merchant_id": {"1230000109"}, "merchant_serial": {"0A1B2C3D4E5F60718293A4B5C6D7E8F901234567"},
		"merchant_key": {s.Wallet.MerchantKey}, "platform": {"public_key"}, "platform_key_id": {"PUB_KEY_ID_0000000000000000000000000001"},
		"platform_key": {publicPEM(t, keyPair())}, "api_v3_key": {strings.Repeat("k", 32)}, "notify_url": {"https://pay.example.com/notify"},
		"lane_name": {"Register 1"}, "scanner": {""}, "baud": {"9600"}}
	if res, text := r.form("/setup", cookie, values); res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, "merchant&#39;s own public key") {
		t.Errorf("a wrong key: %s %s", res.Status, text)
	}
	values.Set("platform_key", s.Wallet.PlatformKey)
	if res, text := r.form("/setup", cookie, values); res.StatusCode != http.StatusOK {
		t.Fatalf("set-up: %s %s", res.Status, text)
	}
	r.ready()
	if code, _ := r.call("GET", "/register", ""); code != http.StatusOK {
		t.Errorf("the register answers %d", code)
	}
	if code := r.ended(); code != cli.Fine {
		t.Errorf("exit code %d: %s", code, r.said())
	}
	if !strings.Contains(r.said(), "set up: starting anew") {
		t.Errorf("the agent did not start anew: %s", r.said())
	}
	if got := invoke(t, "", "people", "list", "--config", file).stdout; !strings.Contains(got, "Olga") || !strings.Contains(got, "Ana") {
		t.Errorf("people: %s", got)
	}
	site, err := os.ReadFile(filepath.Join(c.Terminal.Data, siteFile))
	if err != nil || strings.Contains(string(site), "BEGIN") || strings.Contains(string(site), "kkkk") {
		t.Errorf("a secret stands in %s: %v", site, err)
	}
}

// logOf is the log alone, without what the console shows.
func logOf(r *running) string { return r.log.String() }

// Whatever wallet the first start was given, the next one opens it.
func TestTheFirstStartWritesEveryProtocol(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	open, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signing, err := pemOf("PRIVATE KEY", key)
	if err != nil {
		t.Fatal(err)
	}
	acquirer, err := pemOf("PUBLIC KEY", open)
	if err != nil {
		t.Fatal(err)
	}
	for name, w := range map[string]web.WalletSetup{
		"alipay": {Protocol: "alipay", Mode: "public_key", AppID: "2021000000000001", AppKey: privatePEM(t, keyPair()), AlipayKey: publicPEM(t, otherPair())},
		"promptpay": {Protocol: "gateway", Brand: "promptpay", Currency: []agent.Currency{"THB"}, Hosts: []string{"https://gw.example.com"}, MerchantID: "M-1",
			SigningKeyID: "ours", SigningKey: string(signing), AcquirerKeyID: "theirs", AcquirerKey: string(acquirer)},
	} {
		t.Run(name, func(t *testing.T) {
			file, c := bare(t)
			s := gathered(t)
			s.Wallet = w
			if err := checkSetup(c, s); err != nil {
				t.Fatal(err)
			}
			if err := applySetup(c, s); err != nil {
				t.Fatal(err)
			}
			next, faults, err := readConfig(file)
			if err != nil || len(faults) != 0 {
				t.Fatalf("%v %v", faults, err)
			}
			members, wrong := openWallets(next.Wallets, walletEnv{terminal: next.Terminal, clock: agent.NewSystemClock(), log: slog.New(slog.DiscardHandler), timers: agent.DefaultTimers})
			if len(wrong) != 0 || len(members) != 1 || members[0].Wallet.Info().Name != name || next.Lanes[0].Wallet != name {
				t.Errorf("%v, %d wallets, the lane shows %s", wrong, len(members), next.Lanes[0].Wallet)
			}
		})
	}
}
