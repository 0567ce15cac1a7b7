package web

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"maps"
	"mime/multipart"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"tillwire/agent"
)

// newcomer is a terminal that nobody has set up.
type newcomer struct {
	*terminal
	codes   []string
	applied []Setup
	fail    error
	done    int
}

func newNewcomer(t *testing.T) *newcomer {
	n := &newcomer{}
	n.terminal = newTerminal(t, func(o *Options) {
		o.Store.(*shop).people = nil
		o.Setup = &FirstStart{
			Claim:    func(code string) { n.codes = append(n.codes, code) },
			Scanners: func() []Port { return []Port{{Path: "/dev/serial/by-id/usb-1", Name: "Xenon"}} },
			Apply:    func(_ context.Context, s Setup) error { n.applied = append(n.applied, s); return n.fail },
			Done:     func() { n.done++ },
		}
	})
	return n
}

func (n *newcomer) code() string { return n.codes[len(n.codes)-1] }

// claimed is a browser that has entered the code.
func (n *newcomer) claimed() *client {
	n.t.Helper()
	c := n.page()
	if a := c.post("/setup/claim", "code", n.code()); a.status != http.StatusSeeOther {
		n.t.Fatalf("the claim code is refused: %d %s", a.status, a.body)
	}
	return c
}

// submit sends the form with files, as a browser does.
func (c *client) submit(fields, files map[string]string) answer {
	c.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, value := range fields {
		if err := form.WriteField(name, value); err != nil {
			c.t.Fatal(err)
		}
	}
	for name, text := range files {
		part, err := form.CreateFormFile(name, "key.pem")
		if err == nil {
			_, err = part.Write([]byte(text))
		}
		if err != nil {
			c.t.Fatal(err)
		}
	}
	form.Close()
	return c.with("Content-Type", form.FormDataContentType()).do("POST", "/setup", body.String())
}

// pairs are made once for all tests of this package: making one takes a good part of a second.
var pairs = map[int]func() (*rsa.PrivateKey, error){
	1024: sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 1024) }),
	2048: sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }),
}

// keyPair is a merchant's private key and some platform's public one.
func keyPair(t *testing.T, bits int) (private, public string) {
	t.Helper()
	key, err := pairs[bits]()
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	open, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})), string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: open}))
}

func goodForm(t *testing.T) map[string]string {
	private, public := keyPair(t, 2048)
	return map[string]string{
		"shop": "Corner shop", "store_id": "SH0001", "currency": "CNY", "zone": "Asia/Shanghai", "language": "zh-CN",
		"owner": "Olive", "owner_password": "a long enough one", "manager": "Mia", "manager_pin": "481625", "cashier": "Cass", "cashier_pin": "730184",
		"mode": "direct", "app_id": "wxd678efh567hg6787", "merchant_id": "1230000109", "merchant_serial": "5157f09efdc096de15ebe81a47057a7232f1b8e1",
		"merchant_key": private, "api_v3_key": "0123456789abcdef0123456789abcdef", "platform": "public_key",
		"platform_key_id": "PUB_KEY_ID_0112330000109202601010000000000", "platform_key": public, "notify_url": "https://pay.example.com/notify", "hosts": "",
		"lane_name": "Register 1", "scanner": "/dev/serial/by-id/usb-1", "lane_name_2": "", "scanner_2": "", "baud": "9600",
	}
}

func nothingWorksBeforeTheFirstStart(t *testing.T) {
	n := newNewcomer(t)
	if len(n.codes) != 1 || len(n.code()) != 9 || strings.ContainsAny(n.code(), "01OIBS5Z2UV8") {
		t.Fatalf("the claim codes are %v", n.codes)
	}
	for _, path := range []string{"/", "/register", "/display/1", "/owner", "/owner/people", "/receipt/x", "/nowhere"} {
		if a := n.page().do("GET", path, ""); a.status != 303 || a.header.Get("Location") != "/setup" {
			t.Errorf("%s: %d %v", path, a.status, a.header.Get("Location"))
		}
	}
	var log bytes.Buffer
	n.web.Log = slog.New(slog.NewTextHandler(&log, nil))
	for _, call := range [][2]string{{"POST", "/payments"}, {"GET", "/status"}, {"POST", "/session"}, {"POST", "/approvals"}, {"GET", "/events"}} {
		if a := n.till().api(call[0], call[1], ""); a.status != 503 || a.code(t) != "not_set_up" {
			t.Errorf("%v: %d %s", call, a.status, a.body)
		}
	}
	if strings.Contains(log.String(), "ERROR") || !strings.Contains(log.String(), "INFO") {
		t.Errorf("a till that asks before the set-up is logged as %s", log.String())
	}
	if a := n.page().post("/owner/login", "person", "own", "password", "open sesame 123"); a.status != 503 {
		t.Errorf("the owner's door: %d", a.status)
	}
	if a := n.page().do("GET", "/readyz", ""); a.status != 503 || !strings.Contains(a.body, "set_up") {
		t.Errorf("readiness: %d %s", a.status, a.body)
	}
	if a := n.page().do("GET", "/livez", ""); a.status != 200 {
		t.Errorf("life: %d", a.status)
	}
	if a := n.page().do("GET", "/setup", ""); a.status != 200 || !strings.Contains(a.body, `name="code"`) || strings.Contains(a.body, `name="shop"`) || strings.Contains(a.body, n.code()) {
		t.Errorf("the set-up page: %d", a.status)
	}
}

func TestTheClaimCode(t *testing.T) {
	t.Run("is read loosely", func(t *testing.T) {
		n := newNewcomer(t)
		typed := " " + strings.ToLower(strings.ReplaceAll(n.code(), "-", " "))
		if a := n.page().post("/setup/claim", "code", typed); a.status != 303 {
			t.Errorf("%q: %d", typed, a.status)
		}
	})
	t.Run("is good once", func(t *testing.T) {
		n := newNewcomer(t)
		code := n.code()
		n.claimed()
		other := n.page()
		if a := other.post("/setup/claim", "code", code); a.status != 403 || len(n.codes) != 2 {
			t.Errorf("again: %d, %d codes", a.status, len(n.codes))
		}
	})
	t.Run("lives ten minutes", func(t *testing.T) {
		n := newNewcomer(t)
		code := n.code()
		n.clock.advance(claimLife + time.Second)
		if a := n.page().post("/setup/claim", "code", code); a.status != 403 {
			t.Errorf("an old one: %d", a.status)
		}
		if a := n.page().post("/setup/claim", "code", n.code()); n.code() == code || a.status != 303 {
			t.Errorf("the new one: %d", a.status)
		}
	})
	t.Run("is replaced when the page is opened late", func(t *testing.T) {
		n := newNewcomer(t)
		n.clock.advance(claimLife + time.Second)
		n.page().do("GET", "/setup", "")
		n.page().do("GET", "/setup", "")
		if len(n.codes) != 2 {
			t.Errorf("%d codes were printed", len(n.codes))
		}
	})
	t.Run("is replaced after five wrong tries", func(t *testing.T) {
		n := newNewcomer(t)
		code := n.code()
		for range claimTries {
			if a := n.page().post("/setup/claim", "code", "AAAA-AAAA"); a.status != 403 {
				t.Errorf("a wrong one: %d", a.status)
			}
		}
		if a := n.page().post("/setup/claim", "code", code); a.status != 403 || len(n.codes) != 2 {
			t.Errorf("the old code on the sixth try: %d, %d codes", a.status, len(n.codes))
		}
		if n.audited("claim_refused") != 1 {
			t.Error("the wrong tries are not in the audit trail")
		}
	})
	t.Run("is not asked from another site", func(t *testing.T) {
		n := newNewcomer(t)
		if a := n.page().with("Sec-Fetch-Site", "cross-site").post("/setup/claim", "code", n.code()); a.status != 403 {
			t.Errorf("got %d", a.status)
		}
	})
	t.Run("the form needs it", func(t *testing.T) {
		n := newNewcomer(t)
		if a := n.page().submit(goodForm(t), nil); a.status != 403 || len(n.applied) != 0 {
			t.Errorf("without: %d", a.status)
		}
		c := n.claimed()
		n.clock.advance(claimSession + time.Second)
		if a := c.submit(goodForm(t), nil); a.status != 403 || len(n.applied) != 0 {
			t.Errorf("too late: %d", a.status)
		}
	})
}

// TestThePasswordIsTakenAsItIsTyped, here as at the owner's door.
func TestThePasswordIsTakenAsItIsTyped(t *testing.T) {
	n := newNewcomer(t)
	form := goodForm(t)
	form["owner_password"], form["cashier_pin"] = " a long enough one ", " 730184 "
	if a := n.claimed().submit(form, nil); a.status != 200 {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	for _, p := range n.people {
		want := map[agent.Role]string{agent.RoleOwner: "hash: a long enough one ", agent.RoleCashier: "hash:730184", agent.RoleManager: "hash:481625"}[p.Role]
		if p.Secret != want {
			t.Errorf("%s has %q, want %q", p.Role, p.Secret, want)
		}
	}
}

func TestSettingUp(t *testing.T) {
	n := newNewcomer(t)
	c := n.claimed()
	form := goodForm(t)
	files := map[string]string{"merchant_key_file": form["merchant_key"]}
	delete(form, "merchant_key")
	if a := c.submit(form, files); a.status != 200 || !strings.Contains(a.body, "The terminal starts anew") {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	if len(n.applied) != 1 || n.done != 1 {
		t.Fatalf("applied %d times, done %d times", len(n.applied), n.done)
	}
	got := n.applied[0]
	if got.Shop != "Corner shop" || got.StoreID != "SH0001" || got.Currency != "CNY" || got.Zone != "Asia/Shanghai" || got.Language != "zh-CN" {
		t.Errorf("the shop is %+v", got)
	}
	if w := got.Wallet; w.MerchantKey != strings.TrimSpace(files["merchant_key_file"]) || w.MerchantSerial != "5157F09EFDC096DE15EBE81A47057A7232F1B8E1" || w.SubMerchantID != "" || w.Hosts != nil || w.APIv3Key != form["api_v3_key"] {
		t.Errorf("the wallet is %+v", w)
	}
	if l := got.Lanes; len(l) != 1 || l[0] != (LaneSetup{ID: "1", Name: "Register 1", Scanner: "/dev/serial/by-id/usb-1", Baud: 9600}) {
		t.Errorf("the lanes are %+v", l)
	}
	if len(n.people) != 3 || n.audited("set_up") != 1 {
		t.Errorf("%d people", len(n.people))
	}
	n.signedIn(n.person("Cass").ID, "730184")
	if a := c.do("GET", "/setup", ""); a.status != 303 || a.header.Get("Location") != "/register" {
		t.Errorf("the set-up afterwards: %d", a.status)
	}
	if a := c.submit(goodForm(t), nil); a.status != 403 || len(n.applied) != 1 {
		t.Errorf("a second time: %d", a.status)
	}
	if a := c.post("/setup/claim", "code", n.code()); a.status != 403 {
		t.Errorf("claiming again: %d", a.status)
	}
	if a := n.page().do("GET", "/register", ""); a.status != 200 {
		t.Errorf("the register: %d", a.status)
	}
}

func (n *newcomer) person(name string) agent.Person {
	n.t.Helper()
	for _, p := range n.people {
		if p.Name == name {
			return p
		}
	}
	n.t.Fatalf("there is no %s", name)
	return agent.Person{}
}

func TestWhatIsWrongWithTheForm(t *testing.T) {
	good := goodForm(t)
	weak, _ := keyPair(t, 1024)
	tests := []struct {
		field, value string
		says         string
	}{
		{"shop", "", "1 to 64 characters"},
		{"store_id", "SH 1", "letters and digits"},
		{"currency", "YUAN", "not known"},
		{"zone", "Mars/Base", "time zone"},
		{"zone", "Local", "time zone"},
		{"owner", "", "1 to 40"},
		{"owner_password", "short", "12 to 128"},
		{"owner_password", "qwertyuiop12", "easy to guess"},
		{"cashier_pin", "12345", "exactly 6 digits"},
		{"cashier_pin", "000000", "neither count nor repeat"},
		{"manager_pin", "123123", "neither count nor repeat"},
		{"manager_pin", "730184", "must differ"},
		{"mode", "magic", "Choose one"},
		{"app_id", "1230000109", "begins with wx"},
		{"merchant_id", "wx123", "8 to 32 digits"},
		{"merchant_serial", "xyz", "hexadecimal"},
		{"merchant_key", "nonsense", "private RSA key"},
		{"merchant_key", weak, "private RSA key"},
		{"merchant_key", good["platform_key"], "private RSA key"},
		{"platform_key_id", "!", "PUB_KEY_ID_"},
		{"platform_key", good["merchant_key"], "kind of key"},
		{"platform", "certificate", "kind of key"},
		{"api_v3_key", "short", "exactly 32"},
		{"notify_url", "http://pay.example.com", "https address"},
		{"notify_url", "https://pay.example.com/?a=1", "question mark"},
		{"hosts", "api.example.com", "begin with https"},
		{"scanner", "/etc/passwd", "begins with /dev/"},
		{"baud", "fast", "300 to 921600"},
	}
	n := newNewcomer(t)
	c := n.claimed()
	for _, test := range tests {
		t.Run(test.field+" "+test.value[:min(len(test.value), 12)], func(t *testing.T) {
			form := maps.Clone(good)
			form[test.field] = test.value
			a := c.submit(form, nil)
			if a.status != 422 || !strings.Contains(a.body, test.says) {
				t.Fatalf("got %d without %q", a.status, test.says)
			}
			for _, secret := range []string{good["owner_password"], good["api_v3_key"], "481625", "PRIVATE KEY-----"} {
				if strings.Contains(a.body, secret) {
					t.Errorf("the page sends %q back", secret)
				}
			}
			if test.field != "shop" && !strings.Contains(a.body, `value="Corner shop"`) {
				t.Error("what was right is lost")
			}
		})
	}
	if len(n.applied) != 0 || len(n.people) != 0 {
		t.Error("something was saved")
	}
}

func TestPartnersAndSecondRegisters(t *testing.T) {
	n := newNewcomer(t)
	c := n.claimed()
	form := goodForm(t)
	form["mode"] = "partner"
	if a := c.submit(form, nil); a.status != 422 {
		t.Errorf("a partner without a sub-merchant: %d", a.status)
	}
	form["sub_merchant_id"], form["lane_name_2"], form["scanner_2"] = "1900000109", "Bar", form["scanner"]
	if a := c.submit(form, nil); a.status != 422 || !strings.Contains(a.body, "scanner of its own") {
		t.Errorf("one scanner for two registers: %d", a.status)
	}
	form["scanner_2"], form["hosts"] = "", "https://127.0.0.1:9443/, https://127.0.0.1:9444"
	if a := c.submit(form, nil); a.status != 200 {
		t.Fatalf("got %d", a.status)
	}
	got := n.applied[0]
	if len(got.Lanes) != 2 || got.Lanes[1].ID != "2" || got.Wallet.SubMerchantID != "1900000109" || len(got.Wallet.Hosts) != 2 || got.Wallet.Hosts[0] != "https://127.0.0.1:9443" {
		t.Errorf("got %+v", got)
	}
}

func TestASetUpThatFailsCanBeRepeated(t *testing.T) {
	n := newNewcomer(t)
	c := n.claimed()
	n.fail = &agent.Error{Op: "write configuration", Class: agent.Unavailable, Err: errors.New("read-only"), Say: agent.Sentence{English: "The folder cannot be written."}}
	if a := c.submit(goodForm(t), nil); a.status != 422 || !strings.Contains(a.body, "The folder cannot be written.") {
		t.Fatalf("got %d", a.status)
	}
	if len(n.people) != 0 || n.done != 0 {
		t.Error("people were saved although the configuration was not")
	}
	n.fail = nil
	n.broken = errors.New("disk full")
	if a := c.submit(goodForm(t), nil); a.status != 422 {
		t.Fatalf("with a broken store: %d", a.status)
	}
	n.broken = nil
	if a := c.submit(goodForm(t), nil); a.status != 200 || len(n.people) != 3 {
		t.Errorf("at last: %d, %d people", a.status, len(n.people))
	}
}

func TestAFormThatIsTooLarge(t *testing.T) {
	n := newNewcomer(t)
	c := n.claimed()
	if a := c.submit(goodForm(t), map[string]string{"platform_key_file": strings.Repeat("x", maxForm)}); a.status != 413 {
		t.Errorf("got %d", a.status)
	}
}

// edPair is a pair of Ed25519 keys in PEM.
func edPair(t *testing.T) (private, public string) {
	t.Helper()
	open, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := x509.MarshalPKIXPublicKey(open)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})), string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: shown}))
}

func TestTheFirstWalletMayBeAnother(t *testing.T) {
	n := newNewcomer(t)
	c := n.claimed()
	private, public := keyPair(t, 2048)
	signing, acquirer := edPair(t)
	alipay := map[string]string{"protocol": "alipay", "alipay_mode": "public_key", "alipay_app_id": "2021000000000001", "app_key": private, "alipay_key": public}
	promptpay := map[string]string{"protocol": "gateway", "brand": "promptpay", "currencies": "thb", "gateway_hosts": "https://gw.example.com/", "gateway_merchant": "M-1",
		"money": "test", "signing_key_id": "ours", "signing_key": signing, "acquirer_key_id": "theirs", "acquirer_key": acquirer}
	form := func(part map[string]string, field, value string) map[string]string {
		f := goodForm(t)
		for _, name := range []string{"mode", "app_id", "merchant_id", "merchant_serial", "merchant_key", "api_v3_key", "platform", "platform_key_id", "platform_key", "notify_url"} {
			delete(f, name) // WeChat Pay's fields do not count
		}
		maps.Copy(f, part)
		if field != "" {
			f[field] = value
		}
		return f
	}
	for _, test := range []struct {
		part         map[string]string
		field, value string
		says         string
	}{
		{alipay, "protocol", "cash", "Choose one"}, {alipay, "alipay_app_id", "wx1", "10 to 32 digits"}, {alipay, "app_key", signing, "private RSA key"},
		{alipay, "alipay_key", acquirer, "kind of key"}, {alipay, "alipay_mode", "certificate", "BEGIN CERTIFICATE"}, {alipay, "alipay_mode", "magic", "Choose one"},
		{promptpay, "brand", "Prompt Pay", "such as promptpay"}, {promptpay, "currencies", "BAHT", "not known"}, {promptpay, "gateway_hosts", "", "begin with https"},
		{promptpay, "gateway_merchant", "", "without spaces"}, {promptpay, "signing_key", private, "Ed25519 private"}, {promptpay, "acquirer_key", public, "Ed25519 public"},
		{promptpay, "money", "", "Choose one"},
	} {
		a := c.submit(form(test.part, test.field, test.value), nil)
		if a.status != 422 || !strings.Contains(a.body, test.says) {
			t.Errorf("%s %.12s: %d without %q", test.field, test.value, a.status, test.says)
		}
		if strings.Contains(a.body, "PRIVATE KEY-----\n") {
			t.Errorf("%s: the page sends a key back", test.field)
		}
	}
	if a := c.submit(form(promptpay, "", ""), nil); a.status != 200 {
		t.Fatalf("PromptPay: %d", a.status)
	}
	w := n.applied[0].Wallet
	if w.Name() != "promptpay" || w.Protocol != "gateway" || w.Live || len(w.Currency) != 1 || w.Currency[0] != "THB" || w.Hosts[0] != "https://gw.example.com" || w.MerchantKey != "" {
		t.Errorf("the wallet is %+v", w)
	}
	other := newNewcomer(t)
	if a := other.claimed().submit(form(alipay, "", ""), nil); a.status != 200 || other.applied[0].Wallet.Name() != "alipay" || other.applied[0].Wallet.AppID != "2021000000000001" {
		t.Errorf("Alipay: %d %+v", a.status, other.applied)
	}
}
