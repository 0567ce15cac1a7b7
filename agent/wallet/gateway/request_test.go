package gateway

import (
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"tillwire/agent"
)

func length(body string) string { return strconv.Itoa(len(body)) }

// sent is every request as the contract describes it.
var sent = map[agent.Operation]struct{ method, target, body string }{
	agent.OpPay: {"POST", "/payments/DEMO0101KDVE6QRC0000000000000001/charge",
		`{"merchant":"M100","brand":"promptpay","amount":{"value":2015,"currency":"THB"},"short_ref":"6QRC0000000000000001","description":"咖啡 & 面包","store":"SH0001","lane":"03","code":"900081818812345678901234"}`},
	agent.OpPresent: {"POST", "/payments/DEMO0101KDVE6QRC0000000000000001/present",
		`{"merchant":"M100","brand":"promptpay","amount":{"value":2015,"currency":"THB"},"short_ref":"6QRC0000000000000001","description":"咖啡 & 面包","store":"SH0001","lane":"03","lifetime_s":300}`},
	agent.OpQuery:   {"GET", "/payments/DEMO0101KDVE6QRC0000000000000001?brand=promptpay&merchant=M100", ""},
	agent.OpReverse: {"POST", "/payments/DEMO0101KDVE6QRC0000000000000001/reverse", `{"merchant":"M100","brand":"promptpay"}`},
	agent.OpClose:   {"POST", "/payments/DEMO0101KDVE6QRC0000000000000001/close", `{"merchant":"M100","brand":"promptpay"}`},
	agent.OpRefund: {"POST", "/payments/DEMO0101KDVE6QRC0000000000000001/refunds/DEMO0101KDVE6QRC0000000000000001P1",
		`{"merchant":"M100","brand":"promptpay","amount":{"value":500,"currency":"THB"},"reason":"cold coffee"}`},
	agent.OpRefundQuery: {"GET", "/payments/DEMO0101KDVE6QRC0000000000000001/refunds/DEMO0101KDVE6QRC0000000000000001P1?brand=promptpay&merchant=M100", ""},
}

// TestRequestsAsTheContractHasThem also checks each signature with code of the
// test's own, and that every try is the same request with another nonce.
func TestRequestsAsTheContractHasThem(t *testing.T) {
	for op, want := range sent {
		c := newCloud(t, answer{status: 500, body: failed("unavailable")})
		w := c.wallet()
		operations[op](t, w)
		operations[op](t, w)
		got := c.requests()
		if len(got) != 2 {
			t.Fatalf("%s: %d requests", op, len(got))
		}
		for _, r := range got {
			if r.method != want.method || r.target != Root+want.target || r.body != want.body {
				t.Errorf("%s sends %s %s\n%s\nwant %s %s\n%s", op, r.method, r.target, r.body, want.method, Root+want.target, want.body)
			}
			if want.body != "" && r.header.Get("Content-Type") != "application/json" {
				t.Errorf("%s: the type is %q", op, r.header.Get("Content-Type"))
			}
			checkSignature(t, c, r)
		}
		if got[0].header.Get("Signature-Input") == got[1].header.Get("Signature-Input") {
			t.Errorf("%s: the nonce is used twice", op)
		}
	}
}

func checkSignature(t *testing.T, c *cloud, r asked) {
	t.Helper()
	input := strings.TrimPrefix(r.header.Get("Signature-Input"), "tillwire=")
	path, query, _ := strings.Cut(r.target, "?")
	lines := []string{`"@method": ` + r.method, `"@authority": ` + strings.TrimPrefix(c.url, "http://"), `"@path": ` + path, `"@query": ?` + query}
	cover := `("@method" "@authority" "@path" "@query")`
	if r.body != "" {
		lines = append(lines, `"content-digest": `+r.header.Get("Content-Digest"), `"content-type": application/json`)
		cover = `("@method" "@authority" "@path" "@query" "content-digest" "content-type")`
		if r.header.Get("Content-Digest") != digest([]byte(r.body)) {
			t.Errorf("the digest is %s", r.header.Get("Content-Digest"))
		}
	}
	if !strings.HasPrefix(input, cover+`;created=1767234896;keyid="terminal-DEMO01";nonce="`) || !strings.HasSuffix(input, `;tag="tillwire"`) {
		t.Errorf("Signature-Input is %s", input)
	}
	text := strings.Join(append(lines, `"@signature-params": `+input), "\n")
	raw, err := base64.StdEncoding.DecodeString(strings.Trim(strings.TrimPrefix(r.header.Get("Signature"), "tillwire="), ":"))
	if err != nil || !ed25519.Verify(testKey(t).Public().(ed25519.PublicKey), []byte(text), raw) {
		t.Errorf("the signature does not hold over\n%s", text)
	}
}

func TestAuthorityIsWhatTheHostSees(t *testing.T) {
	for address, want := range map[string]string{
		"https://Gateway.Example/x": "gateway.example", "https://gateway.example:443/x": "gateway.example",
		"https://gateway.example:8443/x": "gateway.example:8443", "http://127.0.0.1:80/x": "127.0.0.1", "http://127.0.0.1:443/x": "127.0.0.1:443",
	} {
		r, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := authority(r); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}

// TestBrandsShareAConnection: each asks under its own name, and what it can do
// shows in its type.
func TestBrandsShareAConnection(t *testing.T) {
	c := newCloud(t, answer{status: 404, body: failed("order_not_found")})
	connection := c.connect()
	for _, name := range []string{"promptpay", "paypay", "linepay"} {
		b, known := Known(name)
		if !known {
			t.Fatalf("%s is not in the table", name)
		}
		w, err := connection.Wallet("my-"+name, b)
		if err != nil {
			t.Fatal(err)
		}
		_, charges := w.(agent.Charger)
		_, reverses := w.(agent.Reverser)
		_, shows := w.(agent.Presenter)
		_, closes := w.(agent.Closer)
		if charges != b.Charges || reverses != b.Charges || shows != b.Shows || closes != b.Shows {
			t.Errorf("%s: %v %v %v %v", name, charges, reverses, shows, closes)
		}
		if info := w.Info(); info.Name != "my-"+name || info.Protocol != "gateway" || !info.Test {
			t.Errorf("%+v", info)
		}
		w.Query(t.Context(), sold())
		requests := c.requests()
		if last := requests[len(requests)-1]; !strings.Contains(last.target, "brand="+name+"&") {
			t.Errorf("asked %s", last.target)
		}
	}
}

func TestAConfigurationThatCannotWork(t *testing.T) {
	for want, edit := range map[string]func(*Config){
		"merchant_id":             func(c *Config) { c.Merchant = "a b" },
		"signing_key_id":          func(c *Config) { c.Signer.KeyID = `a"b` },
		"signing_key is missing":  func(c *Config) { c.Signer.Key = nil },
		"acquirer_key is missing": func(c *Config) { c.Acquirer = nil },
		"acquirer_key_id": func(c *Config) {
			c.Acquirer = map[string]ed25519.PublicKey{"": acquirerKey().Public().(ed25519.PublicKey)}
		},
		"the shop's own": func(c *Config) {
			c.Acquirer = map[string]ed25519.PublicKey{"a": testKey(t).Public().(ed25519.PublicKey)}
		},
		"must begin with https://": func(c *Config) { c.Live = true },
		"no host":                  func(c *Config) { c.Hosts = nil },
	} {
		config := newCloud(t, answer{}).config()
		edit(&config)
		if _, err := Connect(config); err == nil || agent.ClassOf(err) != agent.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("want a complaint about %s, got %v", want, err)
		}
	}
	connection := newCloud(t, answer{}).connect()
	for want, b := range map[string]Brand{
		"modes":      {Name: "pix"},
		"brand":      {Name: "Pix!", Shows: true},
		"currencies": {Name: "pix", Shows: true, Currencies: []agent.Currency{"XYZ"}},
	} {
		if _, err := connection.Wallet("pix", b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want a complaint about %s, got %v", want, err)
		}
	}
}
