package wechat

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
	"strconv"
	"sync"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// now is the moment at which all these tests happen.
var now = time.Date(2026, 1, 1, 2, 34, 56, 0, time.UTC)

// clock stands still unless a test moves it.
type clock struct {
	mu   sync.Mutex
	at   time.Time
	mono time.Duration
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *clock) Mono() time.Duration { c.mu.Lock(); defer c.mu.Unlock(); return c.mono }

func (c *clock) After(time.Duration) <-chan time.Time { return nil }

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at, c.mono = c.at.Add(d), c.mono+d
}

// merchantKey is the shop's key in these tests; the platform's is K1.
var merchantKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func merchantPEM(t testing.TB) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(merchantKey())
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

const keyID = "PUB_KEY_ID_0112300001092026010100000000000000"

// asked is one request as the fake cloud got it.
type asked struct {
	method, target, body string
	header               http.Header
}

// answer is what the fake cloud says next. It signs unless told otherwise.
type answer struct {
	status   int
	body     string
	serial   string        // "" is keyID
	early    time.Duration // the signed time lies this far before now
	unsigned bool
	spoil    func(h http.Header, body string) string // after signing; returns the body to send
}

// cloud is a WeChat that says what a test wants. It is no model of WeChat; that
// is the sandbox.
type cloud struct {
	t       testing.TB
	url     string
	key     *rsa.PrivateKey
	mu      sync.Mutex
	asked   []asked
	answers []answer // in turn; the last one repeats
}

func newCloud(t testing.TB, answers ...answer) *cloud {
	t.Helper()
	c := &cloud{t: t, key: k1Key(t), answers: answers}
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	c.url = s.URL
	return c
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	c.asked = append(c.asked, asked{r.Method, r.RequestURI, string(body), r.Header.Clone()})
	a := c.answers[0]
	if len(c.answers) > 1 {
		c.answers = c.answers[1:]
	}
	c.mu.Unlock()
	h := w.Header()
	h.Set("Date", now.UTC().Format(http.TimeFormat))
	h.Set("Request-Id", "08F7D1A40610E807189AD7AA5C20F1B40A28B5CA02-0")
	if !a.unsigned {
		c.sign(h, a)
	}
	if a.spoil != nil {
		a.body = a.spoil(h, a.body)
	}
	w.WriteHeader(a.status)
	if a.body != "" {
		_, _ = io.WriteString(w, a.body)
	}
}

func (c *cloud) sign(h http.Header, a answer) {
	stamp := strconv.FormatInt(now.Add(-a.early).Unix(), 10)
	signature, err := wallet.SignRSA(c.key, []byte(stamp+"\nNONCE\n"+a.body+"\n"))
	if err != nil {
		c.t.Error(err)
	}
	serial := a.serial
	if serial == "" {
		serial = keyID
	}
	for name, value := range map[string]string{"Timestamp": stamp, "Nonce": "NONCE", "Serial": serial, "Signature": signature, "Signature-Type": scheme} {
		h.Set("Wechatpay-"+name, value)
	}
}

func (c *cloud) requests() []asked {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]asked(nil), c.asked...)
}

// config is a complete direct merchant at the fake cloud.
func (c *cloud) config() Config {
	return Config{
		Hosts: []string{c.url}, AppID: "wxd678efh567hg6787", MerchantID: "1230000109", MerchantSerial: "d7ce59d1f522d701",
		MerchantKey: merchantPEM(c.t), PlatformKeys: []PlatformKey{{keyID, read(c.t, "testdata/k1.pub.pem")}},
		NotifyURL: "https://pay.example.com/notify", Description: "咖啡 & 面包", StoreID: "SH0001", Clock: &clock{at: now},
	}
}

func partner(c Config) Config {
	c.Mode, c.AppID, c.MerchantID = ModePartner, "wx8888888888888888", "1900000109"
	c.SubMerchantID, c.SubAppID = "1900000110", "wxd678efh567hg6999"
	return c
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

func refundOf(p agent.Payment) agent.Refund {
	return agent.Refund{No: p.OrderNo + "P1", Amount: 500, Why: "cold coffee", State: agent.RefundRequested}
}

var code = agent.NewPayCode("134567890123456789")

// order is a description of the payment's order as WeChat writes it, with the
// given members changed; nil takes one away.
func order(state string, edit map[string]any) string {
	o := map[string]any{"appid": "wxd678efh567hg6787", "mchid": "1230000109", "out_trade_no": payment().OrderNo, "trade_state": state,
		"trade_state_desc": "about " + state, "transaction_id": "4200000000202601010000000001",
		"amount": map[string]any{"total": 1280, "payer_total": 1270, "currency": "CNY", "payer_currency": "CNY"}}
	return edited(o, edit)
}

func edited(o, edit map[string]any) string {
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

func failed(code, message string) string {
	return fmt.Sprintf(`{"code":%q,"message":%q}`, code, message)
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
