package gateway

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tillwire/agent/sandbox"
)

// fixed is a clock that stands still.
type fixed struct{ now time.Time }

func (f fixed) Now() time.Time                       { return f.now }
func (f fixed) Mono() time.Duration                  { return 0 }
func (f fixed) After(time.Duration) <-chan time.Time { return nil }

// example is an acquirer with the keys of the contract's worked example.
func example(t *testing.T, now int64) *Acquirer {
	t.Helper()
	seed, err := base64.StdEncoding.DecodeString("n4Ni+HpISpVObnQMW0wOhCKROaIKqKtW/2ZYb2p9KcU=")
	if err != nil {
		t.Fatal(err)
	}
	own := sha256.Sum256([]byte("tillwire example acquirer"))
	return &Acquirer{clock: fixed{time.Unix(now, 0)}, key: ed25519.NewKeyFromSeed(own[:]), keyID: "acquirer-1",
		terminal: &Terminal{Merchant: "M100", KeyID: "terminal-DEMO01", Key: ed25519.NewKeyFromSeed(seed)}, nonces: nonces{seen: map[string]time.Time{}}}
}

const (
	askedBody  = `{"merchant":"M100","brand":"paypay","amount":{"value":1280,"currency":"JPY"},"short_ref":"6QRC0000000000000001","description":"Corner shop","store":"SH0001","lane":"1","code":"900081818812345678901234"}`
	answerBody = `{"merchant":"M100","brand":"paypay","order_no":"DEMO0101KDVE6QRC0000000000000001","mode":"code","state":"paid","amount":{"value":1280,"currency":"JPY"},"txn":"GW0000000042","paid_at":"2026-01-01T11:34:57+09:00"}`
)

// asked is the request of the worked example.
func asked() *http.Request {
	r := httptest.NewRequest("POST", "http://gateway.example/tillwire/v1/payments/DEMO0101KDVE6QRC0000000000000001/charge", strings.NewReader(askedBody))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Content-Digest", "sha-256=:lniL5MnOmyPZFBBlLHCcnJAwba/3LDMa2yaAln4rNzg=:")
	r.Header.Set("Signature-Input", `tillwire=("@method" "@authority" "@path" "@query" "content-digest" "content-type");created=1767234896;keyid="terminal-DEMO01";nonce="6CGF3VQ2YXJQSM4O2PRK5TQTAE";tag="tillwire"`)
	r.Header.Set("Signature", "tillwire=:CU5Yvdq3KJDOl+9q2brY9yEtyD7t+FbB64mkfsUJiTLxUwnYtiki9V0WSbQ6qs7l5OiHHZ8Kd6KoqWK4etdXAw==:")
	return r
}

func TestTheContractsExampleIsBelievedAndAnswered(t *testing.T) {
	a := example(t, 1767234897)
	p, bad := a.authenticate(sandbox.Call{Request: asked(), Body: []byte(askedBody)})
	if bad != nil {
		t.Fatal(bad)
	}
	answer := sandbox.Answer{Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(answerBody)}
	a.sign(&answer, p, sandbox.Honest)
	for name, want := range map[string]string{
		"Content-Digest":  "sha-256=:8SLK+4Q5ItE9u/IkaIrltX8OszF5usd0EXpVVXb91Fw=:",
		"Signature-Input": `tillwire=("@status" "content-digest" "content-type" "signature";req;key="tillwire");created=1767234897;keyid="acquirer-1";tag="tillwire"`,
		"Signature":       "tillwire=:/dJXXuo5D2E02O+NrkBC0XXuonSptA6uNgPdgscdHCGC1YshIrw7Jzy+rddhEUCX85Or2bmIlIrPGQHY0UdiAw==:",
	} {
		if got := answer.Header.Get(name); got != want {
			t.Errorf("%s is\n%s\nwant\n%s", name, got, want)
		}
	}
}

func TestTheContractsQueryIsAnsweredWithItsError(t *testing.T) {
	a := example(t, 1767234902)
	r := httptest.NewRequest("GET", "http://gateway.example/tillwire/v1/payments/DEMO0101KDVE6QRC0000000000000001?brand=paypay&merchant=M100", nil)
	r.Header.Set("Signature-Input", `tillwire=("@method" "@authority" "@path" "@query");created=1767234901;keyid="terminal-DEMO01";nonce="P7WZ2C6VQGJ4YHJ6L5XK3ND2TE";tag="tillwire"`)
	r.Header.Set("Signature", "tillwire=:50Eq2If3mmyx6GbDXYGWx5R8LQuHouvHVmxsrffWyjjRDRGtscTuvIUEAbfSVOY+sgwQjDqwyoYlygsTDmLpCQ==:")
	p, bad := a.authenticate(sandbox.Call{Request: r})
	if bad != nil {
		t.Fatal(bad)
	}
	answer := sandbox.Answer{Status: 404, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{"code":"order_not_found","message":"no such order"}`)}
	a.sign(&answer, p, sandbox.Honest)
	if want := "tillwire=:EJ4pf5MJLVEcu1Bmqdv509WKuZ7hOq9OEpS3rmIjHN+pIM2FfxUkRsbVRo43mfLHumTUxB5w/zRkK8EQBaHACA==:"; answer.Header.Get("Signature") != want {
		t.Errorf("the signature is %s, want %s", answer.Header.Get("Signature"), want)
	}
}

// Whatever is changed on the way is refused, with the code that says why.
func TestARequestThatIsNotTheOneThatWasSigned(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*http.Request)
		body   string
		now    int64
		want   string
	}{
		"no signature": {func(r *http.Request) { r.Header.Del("Signature") }, askedBody, 0, "signature_missing"},
		"another label": {func(r *http.Request) {
			r.Header.Set("Signature", strings.Replace(r.Header.Get("Signature"), "tillwire", "sig1", 1))
		}, askedBody, 0, "signature_missing"},
		"not a field":       {func(r *http.Request) { r.Header.Set("Signature-Input", "tillwire=(") }, askedBody, 0, "signature_invalid"},
		"another method":    {func(r *http.Request) { r.Method = "PUT" }, askedBody, 0, "signature_invalid"},
		"another host":      {func(r *http.Request) { r.Host = "other.example" }, askedBody, 0, "signature_invalid"},
		"another query":     {func(r *http.Request) { r.URL.RawQuery = "a=b" }, askedBody, 0, "signature_invalid"},
		"another digest":    {func(r *http.Request) { r.Header.Set("Content-Digest", "sha-256=:AAAA:") }, askedBody, 0, "signature_invalid"},
		"another body":      {func(*http.Request) {}, strings.Replace(askedBody, "1280", "1281", 1), 0, "signature_invalid"},
		"an uncovered head": {func(r *http.Request) { r.Header.Set("Tillwire-Journal", `seq=1`) }, askedBody, 0, "signature_invalid"},
		"another key": {func(r *http.Request) {
			r.Header.Set("Signature-Input", strings.Replace(r.Header.Get("Signature-Input"), "DEMO01", "DEMO02", 1))
		}, askedBody, 0, "key_unknown"},
		"less is covered": {func(r *http.Request) {
			r.Header.Set("Signature-Input", strings.Replace(r.Header.Get("Signature-Input"), ` "@query"`, "", 1))
		}, askedBody, 0, "signature_invalid"},
		"five minutes late":  {func(*http.Request) {}, askedBody, 1767234896 + 300, "clock_skew"},
		"five minutes early": {func(*http.Request) {}, askedBody, 1767234896 - 300, "clock_skew"},
		"almost too late":    {func(*http.Request) {}, askedBody, 1767234896 + 299, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if c.now == 0 {
				c.now = 1767234897
			}
			r := asked()
			c.change(r)
			_, bad := example(t, c.now).authenticate(sandbox.Call{Request: r, Body: []byte(c.body)})
			if got := codeOf(bad); got != c.want {
				t.Errorf("it is answered %q, want %q", got, c.want)
			}
		})
	}
}

// A nonce counts as used only by a request that was signed, and the network's own
// second delivery of one is no replay.
func TestANonceIsGoodOnce(t *testing.T) {
	a := example(t, 1767234897)
	forged := asked()
	forged.Host = "other.example"
	for i, c := range []struct {
		call sandbox.Call
		want string
	}{
		{sandbox.Call{Request: forged, Body: []byte(askedBody)}, "signature_invalid"},
		{sandbox.Call{Request: asked(), Body: []byte(askedBody)}, ""},
		{sandbox.Call{Request: asked(), Body: []byte(askedBody), Again: true}, ""},
		{sandbox.Call{Request: asked(), Body: []byte(askedBody)}, "nonce_reused"},
	} {
		if _, bad := a.authenticate(c.call); codeOf(bad) != c.want {
			t.Errorf("request %d is answered %q, want %q", i+1, codeOf(bad), c.want)
		}
	}
}

func codeOf(p *problem) string {
	if p == nil {
		return ""
	}
	return p.code
}
