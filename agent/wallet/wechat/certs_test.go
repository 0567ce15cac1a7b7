package wechat

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

const apiV3Key = "0123456789abcdef0123456789ABCDEF"

// certificate is a platform certificate over the fake cloud's key.
func certificate(t *testing.T, c *cloud, serial int64, from, until time.Time) (id string, text []byte) {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "platform"}, NotBefore: from, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &c.key.PublicKey, c.key)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ToUpper(template.SerialNumber.Text(16)), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// sealed writes a list of one certificate as GET /v3/certificates answers it.
func sealed(t *testing.T, key, serial string, text []byte, from, until time.Time) string {
	t.Helper()
	block, err := aes.NewCipher([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	const nonce = "n0nce_12byte"
	list := map[string]any{"data": []any{map[string]any{"serial_no": serial, "effective_time": from.Format(time.RFC3339), "expire_time": until.Format(time.RFC3339),
		"encrypt_certificate": map[string]any{"algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": "certificate",
			"ciphertext": base64.StdEncoding.EncodeToString(gcm.Seal(nil, []byte(nonce), text, []byte("certificate")))}}}}
	body, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// certificateMode is a wallet that holds nothing but its APIv3 key.
func certificateMode(k *Config) {
	k.Platform, k.PlatformKeys, k.APIv3Key = PlatformCertificate, nil, []byte(apiV3Key)
}

const day = 24 * time.Hour

// list is an answer with the certificate of the given serial, signed with it.
func (c *cloud) list(serial int64, from, until time.Time) answer {
	t := c.t.(*testing.T)
	id, text := certificate(t, c, serial, from, until)
	return answer{status: 200, serial: id, body: sealed(t, apiV3Key, id, text, from, until)}
}

func TestTheFirstOperationFetchesTheCertificates(t *testing.T) {
	c := newCloud(t)
	c.answers = []answer{c.list(0xABCDEF01, now.Add(-day), now.Add(day)), {status: 200, body: order("SUCCESS", nil), serial: "ABCDEF01"}}
	w := c.wallet(certificateMode)
	for range 2 {
		if a := w.Pay(t.Context(), payment(), code); a.Verdict != agent.Approved {
			t.Fatalf("%v (%v)", a.Verdict, a.Err)
		}
	}
	list := c.requests()
	if len(list) != 3 || list[0].target != "/v3/certificates" {
		t.Fatalf("%d requests, the first to %s", len(list), list[0].target)
	}
	if got := list[0].header.Get("Wechatpay-Serial"); got != "" {
		t.Errorf("asked to be answered with %q before there was any", got)
	}
	if got := list[1].header.Get("Wechatpay-Serial"); got != "ABCDEF01" {
		t.Errorf("asked to be answered with %q", got)
	}
}

// TestWithoutCertificatesNothingIsAsked: a payment whose answer could not be
// verified is better not sent, and then nobody was charged.
func TestWithoutCertificatesNothingIsAsked(t *testing.T) {
	from, until := now.Add(-day), now.Add(day)
	c := newCloud(t)
	id, text := certificate(t, c, 0xABCDEF01, from, until)
	_, key := id, read(t, "testdata/k1.pub.pem")
	for name, a := range map[string]answer{
		"no certificates for public-key merchants": {status: 404, body: failed("RESOURCE_NOT_EXISTS", ""), serial: id},
		"sealed with another key":                  {status: 200, serial: id, body: sealed(t, strings.Repeat("x", 32), id, text, from, until)},
		"a serial that is not the certificate's":   {status: 200, serial: "FF", body: sealed(t, apiV3Key, "FF", text, from, until)},
		"signed with an unknown key":               {status: 200, serial: "FF", body: sealed(t, apiV3Key, id, text, from, until)},
		"a key and no certificate":                 {status: 200, serial: id, body: sealed(t, apiV3Key, id, key, from, until)},
		"expired":                                  c.list(0xABCDEF01, now.Add(-2*day), now.Add(-day)),
		"not yet valid":                            c.list(0xABCDEF01, now.Add(day), now.Add(2*day)),
		"unsigned":                                 {status: 200, unsigned: true, body: sealed(t, apiV3Key, id, text, from, until)},
		"changed on the way": {status: 200, serial: id, body: sealed(t, apiV3Key, id, text, from, until),
			spoil: func(_ http.Header, b string) string { return b + " " }},
		"an old answer": {status: 200, serial: id, early: 301 * time.Second, body: sealed(t, apiV3Key, id, text, from, until)},
		"an empty list": {status: 200, serial: id, body: `{"data":[]}`},
		"nonsense":      {status: 200, unsigned: true, body: "<html>"},
	} {
		c.mu.Lock()
		c.answers, c.asked = []answer{a}, nil
		c.mu.Unlock()
		got := c.wallet(certificateMode).Pay(t.Context(), payment(), code)
		if got.Verdict != agent.NotDelivered || got.Reason == agent.ReasonNone || got.Err == nil {
			t.Errorf("%s: %v (%s) %v", name, got.Verdict, got.Reason, got.Err)
		}
		for _, r := range c.requests() {
			if r.target != "/v3/certificates" {
				t.Errorf("%s: asked %s", name, r.target)
			}
		}
	}
}

func TestWhyCertificatesAreMissingIsSaid(t *testing.T) {
	for name, row := range map[string]struct {
		c    *cloud
		edit func(*Config)
		want agent.Reason
	}{
		"no line":              {newCloud(t), func(k *Config) { k.Hosts = []string{"http://127.0.0.1:1"} }, agent.ReasonLineDown},
		"a public-key shop":    {newCloud(t, answer{status: 404}), func(*Config) {}, agent.ReasonSetup},
		"somebody else's WiFi": {newCloud(t, answer{status: 200, unsigned: true, body: "<html>"}), func(*Config) {}, agent.ReasonUnverified},
	} {
		if a := row.c.wallet(certificateMode, row.edit).Pay(t.Context(), payment(), code); a.Verdict != agent.NotDelivered || a.Reason != row.want {
			t.Errorf("%s: %v (%s), want not_sent (%s)", name, a.Verdict, a.Reason, row.want)
		}
	}
}

func TestAnUnknownSerialFetchesOnceAMinute(t *testing.T) {
	c := newCloud(t)
	first := c.list(0xABCDEF01, now.Add(-day), now.Add(day))
	c.answers = []answer{first, {status: 200, body: order("SUCCESS", nil), serial: "ABCDEF01"}}
	hands := &clock{at: now, mono: time.Hour}
	w := c.wallet(certificateMode, func(k *Config) { k.Clock = hands })
	if a := w.Query(t.Context(), payment()); a.Verdict != agent.Approved {
		t.Fatal(a.Err)
	}
	// WeChat changes its key: the answer names one that we do not hold.
	renewed := c.list(0xABCDEF02, now, now.Add(day))
	success := answer{status: 200, body: order("SUCCESS", nil), serial: "ABCDEF02"}
	c.mu.Lock()
	c.answers = []answer{success, success, renewed, success}
	c.mu.Unlock()
	if a := w.Query(t.Context(), payment()); a.Verdict != agent.InDoubt || !errors.Is(a.Err, ErrUnknownKey) {
		t.Errorf("within a minute of the last download: %v (%v)", a.Verdict, a.Err)
	}
	hands.add(time.Minute)
	if a := w.Query(t.Context(), payment()); a.Verdict != agent.Approved {
		t.Errorf("after the download: %v (%v)", a.Verdict, a.Err)
	}
	if got := w.keys.current(); got != "ABCDEF02" {
		t.Errorf("asks to be answered with %q", got)
	}
	// The old certificate is good until it expires.
	c.mu.Lock()
	c.answers = []answer{{status: 200, body: order("SUCCESS", nil), serial: "ABCDEF01"}}
	c.mu.Unlock()
	if a := w.Query(t.Context(), payment()); a.Verdict != agent.Approved {
		t.Errorf("with the old certificate: %v (%v)", a.Verdict, a.Err)
	}
}

// ticking hands out one After channel, so that a test turns the wheel of Run.
type ticking struct {
	clock
	waits chan time.Duration
	fire  chan time.Time
}

func (c *ticking) After(d time.Duration) <-chan time.Time {
	c.waits <- d
	return c.fire
}

func TestRunRefreshesEveryTwelveHours(t *testing.T) {
	c := newCloud(t)
	c.answers = []answer{{status: 500, unsigned: true}, c.list(0xABCDEF01, now.Add(-day), now.Add(day)), c.list(0xABCDEF02, now, now.Add(day))}
	hands := &ticking{clock: clock{at: now}, waits: make(chan time.Duration), fire: make(chan time.Time)}
	w := c.wallet(certificateMode, func(k *Config) { k.Clock = hands })
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()
	for i, want := range []time.Duration{refreshPause, refreshEvery, refreshEvery} {
		if got := <-hands.waits; got != want {
			t.Errorf("wait %d is %s, want %s", i+1, got, want)
		}
		if i < 2 {
			hands.fire <- now
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, ok := w.keys.find("ABCDEF01", now); !ok {
		t.Error("the older certificate was forgotten before it expired")
	}
	if got := w.keys.current(); got != "ABCDEF02" {
		t.Errorf("the newest is %q", got)
	}
}

func TestBothKindsOfKeySideBySide(t *testing.T) {
	c := newCloud(t)
	id, text := certificate(t, c, 0xABCDEF01, now.Add(-day), now.Add(day))
	c.answers = []answer{{status: 200, body: order("SUCCESS", nil), serial: id}, {status: 200, body: order("SUCCESS", nil)}}
	w := c.wallet(func(k *Config) { k.PlatformKeys = append(k.PlatformKeys, PlatformKey{id, text}) })
	for range 2 {
		if a := w.Query(t.Context(), payment()); a.Verdict != agent.Approved {
			t.Errorf("%v (%v)", a.Verdict, a.Err)
		}
	}
}

func TestKeyFilesThatAreNotWhatTheySeem(t *testing.T) {
	_, cert := certificate(t, newCloud(t), 1, now, now.Add(day))
	if _, err := parseMerchantKey(cert); err == nil || !strings.Contains(err.Error(), "apiclient_key.pem") {
		t.Errorf("a certificate in place of the key: %v", err)
	}
	if _, _, err := parsePlatformKey(k1(t)); err == nil || !strings.Contains(err.Error(), "PUBLIC KEY") {
		t.Errorf("a private key in place of the public one: %v", err)
	}
	for name, text := range map[string][]byte{"no PEM": []byte("key"), "empty": nil, "cut": k1(t)[:400],
		"rubbish inside": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: bytes.Repeat([]byte{1}, 100)})} {
		if _, err := parseMerchantKey(text); err == nil {
			t.Errorf("%s was taken for a merchant key", name)
		}
		if _, _, err := parsePlatformKey(text); err == nil {
			t.Errorf("%s was taken for a platform key", name)
		}
	}
}
