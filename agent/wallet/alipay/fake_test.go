package alipay

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// now is the moment at which all these tests happen: 10:34:56 in Shanghai.
var now = time.Date(2026, 1, 1, 2, 34, 56, 0, time.UTC)

// clock stands still unless a test moves it.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *clock) Mono() time.Duration { return 0 }

func (c *clock) After(time.Duration) <-chan time.Time { return nil }

func (c *clock) set(at time.Time) { c.mu.Lock(); defer c.mu.Unlock(); c.at = at }

// k1 is a published test key. Its file says TESTING so that no scanner for lost
// keys is alarmed.
func k1(t testing.TB) []byte {
	t.Helper()
	return []byte(strings.ReplaceAll(string(file(t, "testdata/k1.pem")), "TESTING", "PRIVATE"))
}

func file(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func k1Key(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := parsePrivate(k1(t))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// appKey is the shop's key in these tests; Alipay's is K1.
var appKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func privatePEM(t testing.TB, key *rsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// asked is one request as the fake cloud got it.
type asked struct {
	target, kind string
	form         url.Values
	biz          string
}

// answer is what the fake cloud says next: the content of the member that answers
// the request. It signs unless told otherwise.
type answer struct {
	content  string
	member   string // "" is the method's own
	status   int    // 0 is 200
	unsigned bool
	serial   string                   // alipay_cert_sn
	spoil    func(body string) string // after signing
}

// cloud is an Alipay that says what a test wants. It is no model of Alipay; that
// is the sandbox.
type cloud struct {
	t       testing.TB
	url     string
	key     *rsa.PrivateKey
	files   map[string][]byte // GET paths
	mu      sync.Mutex
	asked   []asked
	answers []answer // in turn; the last one repeats
}

func newCloud(t testing.TB, answers ...answer) *cloud {
	t.Helper()
	c := &cloud{t: t, key: k1Key(t), answers: answers, files: map[string][]byte{}}
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	c.url = s.URL
	return c
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		if body, ok := c.files[r.URL.Path]; ok {
			_, _ = w.Write(body)
			return
		}
		http.Redirect(w, r, "https://elsewhere.example", http.StatusFound)
		return
	}
	text, _ := io.ReadAll(r.Body)
	form, err := url.ParseQuery(string(text))
	if err != nil {
		c.t.Error(err)
	}
	c.mu.Lock()
	c.asked = append(c.asked, asked{r.RequestURI, r.Header.Get("Content-Type"), form, form.Get("biz_content")})
	a := c.answers[0]
	if len(c.answers) > 1 {
		c.answers = c.answers[1:]
	}
	c.mu.Unlock()
	if a.member == "" {
		a.member = answerName(form.Get("method"))
	}
	body := fmt.Sprintf(`{%q:%s`, a.member, a.content)
	if !a.unsigned {
		sign, err := wallet.SignRSA(c.key, []byte(a.content))
		if err != nil {
			c.t.Error(err)
		}
		body += fmt.Sprintf(`,"sign":%q`, sign)
	}
	if a.serial != "" {
		body += fmt.Sprintf(`,"alipay_cert_sn":%q`, a.serial)
	}
	body += "}"
	if a.spoil != nil {
		body = a.spoil(body)
	}
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	_, _ = io.WriteString(w, body)
}

func (c *cloud) requests() []asked {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]asked(nil), c.asked...)
}

func (c *cloud) config() Config {
	return Config{Hosts: []string{c.url}, AppID: "2021000000000001", AppKey: privatePEM(c.t, appKey()), AlipayKey: file(c.t, "testdata/k1.pub.pem"),
		NotifyURL: "https://pay.example.com/notify?shop=1", Description: "咖啡 & 面包", StoreID: "SH0001", Clock: &clock{at: now}}
}

func (c *cloud) wallet(edit ...func(*Config)) *Wallet {
	c.t.Helper()
	config := c.config()
	for _, e := range edit {
		e(&config)
	}
	w, err := New(config)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(w.CloseIdle)
	return w
}

// payment is the order of all these tests: 12.80 yuan at register 03.
func payment() agent.Payment {
	p := agent.Payment{OrderNo: "DEMO0101KDVE6QRC0000000000000001", Lane: "03", Amount: agent.Money{Value: 1280, Currency: "CNY"}, Created: now}
	p.Status.Attempt, p.Status.Started = 1, now
	return p
}

func showing(after time.Duration) agent.Payment {
	p := payment()
	p.Status.Showing, p.Status.ShownAt = true, now.Add(-after)
	return p
}

func refundOf(p agent.Payment) agent.Refund {
	return agent.Refund{No: p.OrderNo + "P1", Amount: 500, Why: "cold coffee", State: agent.RefundRequested}
}

var code = agent.NewPayCode("28763443825664394")

// said is a content with the members of a success, changed; nil takes one away.
func said(edit map[string]any) string {
	o := map[string]any{"code": "10000", "msg": "Success", "out_trade_no": payment().OrderNo, "trade_no": "2026010122001400000001"}
	for name, value := range edit {
		o[name] = value
		if value == nil {
			delete(o, name)
		}
	}
	text, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// traded is what pay and query say of an order.
func traded(status any, edit map[string]any) string {
	o := map[string]any{"trade_status": status, "total_amount": "12.80", "buyer_pay_amount": "12.70", "buyer_logon_id": "158****1562"}
	for name, value := range edit {
		o[name] = value
	}
	return said(o)
}

func failed(code, sub string) string {
	return said(map[string]any{"code": code, "msg": "Business Failed", "sub_code": sub, "sub_msg": "because", "trade_no": nil})
}

// exchanges collects what the wallet's observer saw.
type exchanges struct {
	mu   sync.Mutex
	list []wallet.Exchange
}

func (e *exchanges) observe(x wallet.Exchange) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, x)
}
