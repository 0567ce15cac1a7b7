package alipay_test

import (
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
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tillwire/agent/sandbox"
	"tillwire/agent/sandbox/alipay"
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

func (k *testKeys) source() alipay.KeySource {
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
	wallet *alipay.Wallet
	cloud  *sandbox.Cloud
	path   string
	early  bool // the cloud gives out bills at once
	as     *alipay.App
	inForm bool // all parameters in the form; else all but biz_content in the address
	http   *http.Client
}

func open(t *testing.T) *shop {
	t.Helper()
	s := &shop{T: t, clock: newClock(), path: filepath.Join(t.TempDir(), "ledger.db"), http: &http.Client{Transport: &http.Transport{}}, inForm: true}
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
	if s.wallet, err = alipay.New(s.Context(), alipay.Options{Ledger: s.ledger, Clock: s.clock, Keys: keys.source(), BillsAtOnce: s.early}); err != nil {
		s.Fatal(err)
	}
	s.cloud, err = sandbox.Start(s.Context(), sandbox.Options{Ledger: s.ledger, Clock: s.clock, Log: slog.New(slog.DiscardHandler), Control: "127.0.0.1:0",
		Wallets: []sandbox.Open{{Wallet: s.wallet, Hosts: []string{"127.0.0.1:0"}}}})
	if err != nil {
		s.Fatal(err)
	}
	s.as = s.wallet.App()
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
	member string
	body   map[string]any
}

func (r reply) text(name string) string {
	if v, ok := r.body[name]; ok {
		return fmt.Sprint(v)
	}
	return ""
}

// params are the common parameters of a request, unsigned.
func (s *shop) params(method, content string) map[string]string {
	p := map[string]string{"app_id": s.as.AppID, "method": method, "format": "JSON", "charset": "utf-8", "sign_type": "RSA2", "version": "1.0",
		"timestamp": s.clock.Now().In(time.FixedZone("", 8*3600)).Format("2006-01-02 15:04:05"), "biz_content": content}
	if s.as.CertSN != "" {
		p["app_cert_sn"], p["alipay_root_cert_sn"] = s.as.CertSN, s.wallet.Platform().RootSN
	}
	return p
}

// sign adds the signature over all of them, as a client does.
func (s *shop) sign(p map[string]string) {
	s.Helper()
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if name != "sign" && p[name] != "" {
			parts = append(parts, name+"="+p[name])
		}
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "&")))
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.as.Key, crypto.SHA256, sum[:])
	if err != nil {
		s.Fatal(err)
	}
	p["sign"] = base64.StdEncoding.EncodeToString(signature)
}

// request is a signed request as one of the two kinds of client sends it.
func (s *shop) request(method, content string) *http.Request {
	s.Helper()
	p := s.params(method, content)
	s.sign(p)
	return s.post(p)
}

func (s *shop) post(p map[string]string) *http.Request {
	s.Helper()
	query, form := url.Values{}, url.Values{}
	for name, value := range p {
		if s.inForm || name == "biz_content" {
			form.Set(name, value)
		} else {
			query.Set(name, value)
		}
	}
	if s.inForm {
		query.Set("charset", p["charset"])
	}
	r, err := http.NewRequestWithContext(s.Context(), "POST", s.cloud.HostURLs("alipay")[0]+"/gateway.do?"+query.Encode(), strings.NewReader(form.Encode()))
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=utf-8")
	return r
}

// call sends a signed request and verifies the answer.
func (s *shop) call(method, content string) reply {
	s.Helper()
	return s.send(s.request(method, content))
}

func (s *shop) send(r *http.Request) reply {
	s.Helper()
	status, raw, err := s.raw(r)
	if err != nil || status != 200 {
		s.Fatalf("%s: %d %v", r.URL.Path, status, err)
	}
	out, err := s.verify(raw)
	if err != nil {
		s.Fatalf("%s: %v", raw, err)
	}
	return out
}

// raw sends a request and returns what came back, however broken.
func (s *shop) raw(r *http.Request) (status int, body []byte, err error) {
	response, err := s.http.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	return response.StatusCode, body, err
}

// verify holds the signature against the very bytes of the answer's member.
func (s *shop) verify(raw []byte) (reply, error) {
	var outer map[string]json.RawMessage
	if err := json.Unmarshal(raw, &outer); err != nil {
		return reply{}, err
	}
	var text, sn string
	var out reply
	for name, value := range outer {
		into := any(&out.body)
		switch name {
		case "sign":
			into = &text
		case "alipay_cert_sn":
			into = &sn
		default:
			out.member = name
		}
		if err := json.Unmarshal(value, into); err != nil {
			return reply{}, err
		}
	}
	key := &s.wallet.Platform().Key.PublicKey
	if s.as.CertSN != "" {
		if key = &s.wallet.Platform().CertKey.PublicKey; sn != s.wallet.Platform().CertSN {
			return out, fmt.Errorf("alipay_cert_sn is %q", sn)
		}
	}
	signature, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return out, err
	}
	sum := sha256.Sum256(outer[out.member])
	return out, rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature)
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
	if status := s.control("POST", "customers", fmt.Sprintf(`{"wallet":"alipay","balance":%d,"behaviour":%q}`, balance, behaviour), &out); status != 200 {
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

// payment is biz_content of a payment with a code.
func payment(orderNo, code, total string) string {
	return fmt.Sprintf(`{"out_trade_no":%q,"scene":"bar_code","auth_code":%q,"subject":"咖啡 <面包>","total_amount":%q,"store_id":"SH0001","timeout_express":"2m"}`, orderNo, code, total)
}

func (s *shop) pay(orderNo, code, total string) reply {
	s.Helper()
	return s.call("alipay.trade.pay", payment(orderNo, code, total))
}

func (s *shop) precreate(orderNo, total string) reply {
	s.Helper()
	return s.call("alipay.trade.precreate", fmt.Sprintf(`{"out_trade_no":%q,"subject":"tea","total_amount":%q}`, orderNo, total))
}

// named is a call about an order by its number.
func (s *shop) named(method, orderNo string) reply {
	s.Helper()
	return s.call("alipay.trade."+method, fmt.Sprintf(`{"out_trade_no":%q}`, orderNo))
}

func (s *shop) status(orderNo string) string {
	s.Helper()
	got := s.named("query", orderNo)
	if got.text("code") != "10000" {
		return got.text("sub_code")
	}
	return got.text("trade_status")
}

func (s *shop) refund(orderNo, requestNo, amount string) reply {
	s.Helper()
	return s.call("alipay.trade.refund", fmt.Sprintf(`{"out_trade_no":%q,"out_request_no":%q,"refund_amount":%q,"refund_reason":"returned"}`, orderNo, requestNo, amount))
}

func (s *shop) refunded(orderNo, requestNo string) reply {
	s.Helper()
	return s.call("alipay.trade.fastpay.refund.query", fmt.Sprintf(`{"out_trade_no":%q,"out_request_no":%q}`, orderNo, requestNo))
}

// want compares the code, and the sub-code of one that failed.
func (s *shop) want(got reply, code, sub string) {
	s.Helper()
	if got.text("code") != code || got.text("sub_code") != sub {
		s.Errorf("answered %s %s (%s), want %s %s", got.text("code"), got.text("sub_code"), got.text("sub_msg"), code, sub)
	}
}

func randomNo() string {
	b := make([]byte, 13)
	rand.Read(b)
	return "DEMO01" + strings.ToUpper(hex.EncodeToString(b))
}
