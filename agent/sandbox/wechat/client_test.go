package wechat_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tillwire/agent/sandbox"
	"tillwire/agent/sandbox/wechat"
)

// clock is a wall clock that only moves when a test moves it.
type clock struct {
	mu      sync.Mutex
	now     time.Time
	waiters []waiter
}

type waiter struct {
	at time.Time
	ch chan time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 1, 2, 34, 56, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Mono() time.Duration { return c.Now().Sub(time.Unix(0, 0)) }

func (c *clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := make(chan time.Time, 1)
	c.waiters = append(c.waiters, waiter{c.now.Add(d), ch})
	return ch
}

func (c *clock) waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiters)
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	var rest []waiter
	for _, w := range c.waiters {
		if w.at.After(c.now) {
			rest = append(rest, w)
			continue
		}
		w.ch <- c.now
	}
	c.waiters = rest
}

// testKeys makes each key of the test program once.
type testKeys struct {
	mu   sync.Mutex
	keys []*rsa.PrivateKey
}

func (k *testKeys) source() wechat.KeySource {
	next := 0
	return func() (*rsa.PrivateKey, error) {
		k.mu.Lock()
		defer k.mu.Unlock()
		for len(k.keys) <= next {
			key, err := rsa.GenerateKey(rand.Reader, 2048)
			if err != nil {
				return nil, err
			}
			k.keys = append(k.keys, key)
		}
		next++
		return k.keys[next-1], nil
	}
}

var keys = &testKeys{keys: nil}

// shop is a running cloud with a client that signs by itself.
type shop struct {
	*testing.T
	clock  *clock
	ledger *sandbox.Ledger
	wallet *wechat.Wallet
	cloud  *sandbox.Cloud
	path   string
	as     *wechat.Merchant
	serial string // sent as Wechatpay-Serial
	global bool   // the cross-border edition
	http   *http.Client
	nonces int
}

func open(t *testing.T) *shop {
	t.Helper()
	return openEdition(t, false)
}

func openEdition(t *testing.T, global bool) *shop {
	t.Helper()
	s := &shop{T: t, global: global, clock: newClock(), path: filepath.Join(t.TempDir(), "ledger.db"), http: &http.Client{Transport: &http.Transport{}}}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *shop) start() {
	s.Helper()
	var err error
	if s.ledger, err = sandbox.OpenLedger(s.Context(), s.path, s.clock); err != nil {
		s.Fatal(err)
	}
	if s.wallet, err = wechat.New(s.Context(), wechat.Options{Ledger: s.ledger, Clock: s.clock, Keys: keys.source(), Global: s.global}); err != nil {
		s.Fatal(err)
	}
	s.cloud, err = sandbox.Start(s.Context(), sandbox.Options{Ledger: s.ledger, Clock: s.clock, Log: slog.New(slog.DiscardHandler), Control: "127.0.0.1:0",
		Wallets: []sandbox.Open{{Wallet: s.wallet, Hosts: []string{"127.0.0.1:0", "127.0.0.1:0"}, Secure: []string{"127.0.0.1:0"}}}})
	if err != nil {
		s.Fatal(err)
	}
	s.as = s.wallet.Direct()
}

func (s *shop) stop() {
	s.Helper()
	s.http.CloseIdleConnections()
	if err := s.cloud.Close(); err != nil {
		s.Error(err)
	}
	if err := s.ledger.Close(); err != nil {
		s.Error(err)
	}
}

// reply is an answer whose signature has been verified.
type reply struct {
	status int
	body   map[string]any
	header http.Header
}

func (r reply) text(path string) string {
	var v any = r.body
	for name := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return ""
		}
		v = m[name]
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// sign writes the Authorization header as a client does.
func (s *shop) sign(method, uri, body string, stamp time.Time, nonce string) string {
	s.Helper()
	when := strconv.FormatInt(stamp.Unix(), 10)
	sum := sha256.Sum256([]byte(method + "\n" + uri + "\n" + when + "\n" + nonce + "\n" + body + "\n"))
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.as.Key, crypto.SHA256, sum[:])
	if err != nil {
		s.Fatal(err)
	}
	return fmt.Sprintf(`WECHATPAY2-SHA256-RSA2048 mchid="%s",nonce_str="%s",timestamp="%s",serial_no="%s",signature="%s"`,
		s.as.MerchantID, nonce, when, s.as.Serial, base64.StdEncoding.EncodeToString(signature))
}

func (s *shop) request(method, uri, body string) *http.Request {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, s.cloud.HostURLs(s.wallet.Name())[0]+uri, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	s.nonces++
	r.Header.Set("Authorization", s.sign(method, uri, body, s.clock.Now(), fmt.Sprintf("N%015d", s.nonces)))
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "sandbox-test")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if s.serial != "" {
		r.Header.Set("Wechatpay-Serial", s.serial)
	}
	return r
}

// call sends a signed request and verifies the answer.
func (s *shop) call(method, uri, body string) reply {
	s.Helper()
	return s.send(s.request(method, uri, body))
}

func (s *shop) send(r *http.Request) reply {
	s.Helper()
	response, err := s.http.Do(r)
	if err != nil {
		s.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		s.Fatal(err)
	}
	if err := s.verify(response.Header, raw); err != nil {
		s.Fatalf("%s %s: %d %s: %v", r.Method, r.URL.Path, response.StatusCode, raw, err)
	}
	out := reply{status: response.StatusCode, header: response.Header}
	if len(raw) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.UseNumber()
		if err := decoder.Decode(&out.body); err != nil {
			s.Fatalf("%s: %v", raw, err)
		}
	}
	return out
}

func (s *shop) verify(h http.Header, body []byte) error {
	key := &s.wallet.Platform().Key.PublicKey
	switch h.Get("Wechatpay-Serial") {
	case s.wallet.Platform().PublicKeyID:
	case s.wallet.Platform().Serial:
		key = &s.wallet.Platform().CertKey.PublicKey
	default:
		return fmt.Errorf("signed by nobody known: %q", h.Get("Wechatpay-Serial"))
	}
	signature, err := base64.StdEncoding.DecodeString(h.Get("Wechatpay-Signature"))
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(h.Get("Wechatpay-Timestamp") + "\n" + h.Get("Wechatpay-Nonce") + "\n" + string(body) + "\n"))
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature); err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	return nil
}

// control asks the control API.
func (s *shop) control(method, path, body string, into any) int {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, s.cloud.ControlURL()+"/_sandbox/"+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := s.http.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		s.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(raw, into); err != nil {
			s.Fatalf("%s %s: %s: %v", method, path, raw, err)
		}
	}
	return response.StatusCode
}

func (s *shop) phone(behaviour string, balance int) string {
	s.Helper()
	var out struct{ ID string }
	if status := s.control("POST", "customers", fmt.Sprintf(`{"wallet":%q,"balance":%d,"behaviour":%q}`, s.wallet.Name(), balance, behaviour), &out); status != 200 {
		s.Fatalf("customer: %d", status)
	}
	return out.ID
}

func (s *shop) code(customer string) string {
	s.Helper()
	var out struct{ Code, Expires string }
	if status := s.control("POST", "customers/"+customer+"/paycode", "", &out); status != 200 {
		s.Fatalf("paycode: %d", status)
	}
	return out.Code
}

func (s *shop) touch(customer, what, body string) string {
	s.Helper()
	var out struct{ Status string }
	s.control("POST", "customers/"+customer+"/"+what, body, &out)
	return out.Status
}

type row struct {
	OrderNo  string `json:"order_no"`
	State    string `json:"state"`
	Amount   int64  `json:"amount"`
	Captured int64  `json:"captured"`
	Refunded int64  `json:"refunded"`
	Reversed bool   `json:"reversed"`
}

func (s *shop) row(orderNo string) row {
	s.Helper()
	var out struct{ Orders []row }
	s.control("GET", "ledger", "", &out)
	found := row{}
	for _, o := range out.Orders {
		if o.OrderNo != orderNo {
			continue
		}
		if found.OrderNo != "" {
			s.Fatalf("two rows for %s", orderNo)
		}
		found = o
	}
	return found
}

// codepay is the body of a payment; edit changes it before it is sent.
func (s *shop) codepay(orderNo, code string, total int) string {
	return fmt.Sprintf(`{"appid":%q,"mchid":%q,"description":"咖啡 & 面包","out_trade_no":%q,"payer":{"auth_code":%q},"amount":{"total":%d,"currency":"CNY"},"scene_info":{"device_id":"1","store_info":{"out_id":"SH0001"}}}`,
		s.as.AppID, s.as.MerchantID, orderNo, code, total)
}

func (s *shop) pay(orderNo, code string, total int) reply {
	s.Helper()
	return s.call("POST", "/v3/pay/transactions/codepay", s.codepay(orderNo, code, total))
}

func (s *shop) native(orderNo string, total int, extra string) reply {
	s.Helper()
	return s.call("POST", "/v3/pay/transactions/native", fmt.Sprintf(
		`{"appid":%q,"mchid":%q,"description":"coffee","out_trade_no":%q,"notify_url":"https://pay.example.com/notify","amount":{"total":%d,"currency":"CNY"}%s}`,
		s.as.AppID, s.as.MerchantID, orderNo, total, extra))
}

func (s *shop) query(orderNo string) reply {
	s.Helper()
	return s.call("GET", "/v3/pay/transactions/out-trade-no/"+orderNo+"?mchid="+s.as.MerchantID, "")
}

func (s *shop) reverse(orderNo string) reply {
	s.Helper()
	return s.call("POST", "/v3/pay/transactions/out-trade-no/"+orderNo+"/reverse", fmt.Sprintf(`{"appid":%q,"mchid":%q}`, s.as.AppID, s.as.MerchantID))
}

func (s *shop) close(orderNo string) reply {
	s.Helper()
	return s.call("POST", "/v3/pay/transactions/out-trade-no/"+orderNo+"/close", fmt.Sprintf(`{"mchid":%q}`, s.as.MerchantID))
}

func (s *shop) refund(orderNo, refundNo string, amount, total int) reply {
	s.Helper()
	return s.call("POST", "/v3/refund/domestic/refunds", fmt.Sprintf(
		`{"out_trade_no":%q,"out_refund_no":%q,"reason":"returned","amount":{"refund":%d,"total":%d,"currency":"CNY"}}`, orderNo, refundNo, amount, total))
}

func (s *shop) want(got reply, status int, code string) {
	s.Helper()
	if got.status != status || got.text("code") != code {
		s.Errorf("answered %d %s (%s), want %d %s", got.status, got.text("code"), got.text("message"), status, code)
	}
}

func randomNo() string {
	b := make([]byte, 13)
	rand.Read(b)
	return "DEMO01" + strings.ToUpper(hex.EncodeToString(b))
}
