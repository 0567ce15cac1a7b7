package gateway

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"tillwire/agent"
)

// now is the moment at which all these tests happen.
var now = time.Date(2026, 1, 1, 2, 34, 56, 0, time.UTC)

// clock stands still unless a test moves it.
type clock struct {
	mu   sync.Mutex
	mono time.Duration
	wake chan time.Time
}

func (c *clock) Now() time.Time { return now }

func (c *clock) Mono() time.Duration { c.mu.Lock(); defer c.mu.Unlock(); return c.mono }

func (c *clock) After(time.Duration) <-chan time.Time { return c.wake }

func (c *clock) add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.mono += d }

// answerForm says how a fake answer is signed; the zero value is as the contract
// wants it.
type answerForm struct {
	keyID   string // "" is acquirer-1
	created int64  // 0 is now
	cover   []string
	params  string // instead of created, keyid, tag
	values  map[string]string
}

// signAnswer is the gateway's side of the contract in as few words as possible:
// the client's own code is not used, so that both cannot be wrong together.
func signAnswer(h http.Header, status int, body []byte, request string, f answerForm) {
	sum := sha256.Sum256(body)
	h.Set("Content-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
	values := map[string]string{`"@status"`: fmt.Sprint(status), `"content-digest"`: h.Get("Content-Digest"),
		`"content-type"`: h.Get("Content-Type"), `"signature";req;key="tillwire"`: request}
	for id, v := range f.values {
		values[id] = v
	}
	cover := f.cover
	if cover == nil {
		cover = []string{`"@status"`, `"content-digest"`, `"content-type"`, `"signature";req;key="tillwire"`}
	}
	if f.keyID == "" {
		f.keyID = "acquirer-1"
	}
	if f.created == 0 {
		f.created = now.Unix()
	}
	params := f.params
	if params == "" {
		params = fmt.Sprintf(`;created=%d;keyid="%s";tag="tillwire"`, f.created, f.keyID)
	}
	text := ""
	for _, id := range cover {
		text += id + ": " + values[id] + "\n"
	}
	input := "(" + strings.Join(cover, " ") + ")" + params
	text += `"@signature-params": ` + input
	h.Set("Signature-Input", "tillwire="+input)
	h.Set("Signature", "tillwire=:"+base64.StdEncoding.EncodeToString(ed25519.Sign(acquirerKey(), []byte(text)))+":")
}

// asked is one request as the fake gateway got it.
type asked struct {
	method, target, body string
	header               http.Header
}

// answer is what the fake gateway says next. It signs unless told otherwise.
type answer struct {
	status int
	body   string
	form   answerForm
	spoil  func(h http.Header, body string) string // after signing; returns the body to send
}

// cloud is a gateway that says what a test wants. It is no model of one; that is
// the sandbox.
type cloud struct {
	t       testing.TB
	url     string
	clock   *clock
	mu      sync.Mutex
	asked   []asked
	can     string // answer to /capabilities; "" is a 503
	answers []answer
}

func newCloud(t testing.TB, answers ...answer) *cloud {
	t.Helper()
	c := &cloud{t: t, answers: answers, clock: &clock{wake: make(chan time.Time)}}
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	c.url = s.URL
	return c
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	a := answer{status: 200, body: c.can}
	if r.URL.Path != Root+"/capabilities" {
		a = c.answers[0]
		if len(c.answers) > 1 {
			c.answers = c.answers[1:]
		}
	} else if c.can == "" {
		a = answer{status: 503, body: failed("unavailable")}
	}
	c.asked = append(c.asked, asked{r.Method, r.RequestURI, string(body), r.Header.Clone()})
	c.mu.Unlock()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	signAnswer(h, a.status, []byte(a.body), strings.TrimPrefix(r.Header.Get("Signature"), "tillwire="), a.form)
	if a.spoil != nil {
		a.body = a.spoil(h, a.body)
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

func (c *cloud) requests() []asked {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]asked(nil), c.asked...)
}

func (c *cloud) config() Config {
	return Config{Hosts: []string{c.url}, Merchant: "M100", Signer: Signer{"terminal-DEMO01", testKey(c.t)}, Acquirer: exampleKeys(),
		Description: "咖啡 & 面包", StoreID: "SH0001", Clock: c.clock}
}

func (c *cloud) connect(edit ...func(*Config)) *Connection {
	c.t.Helper()
	config := c.config()
	for _, e := range edit {
		e(&config)
	}
	connection, err := Connect(config)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(connection.CloseIdle)
	return connection
}

// wallet is the brand of these tests: it takes codes and shows them.
func (c *cloud) wallet(edit ...func(*Config)) full {
	c.t.Helper()
	w, err := c.connect(edit...).Wallet("promptpay", Brand{Name: "promptpay", Charges: true, Shows: true, Currencies: []agent.Currency{"THB"}, Kind: KindEMV})
	if err != nil {
		c.t.Fatal(err)
	}
	return w.(full)
}

// sold is the order of all these tests: 20.15 baht at register 03.
func sold() agent.Payment {
	p := agent.Payment{OrderNo: "DEMO0101KDVE6QRC0000000000000001", Lane: "03", Amount: agent.Money{Value: 2015, Currency: "THB"}, Created: now}
	p.Status.Attempt, p.Status.Started = 1, now
	return p
}

func refundOf(p agent.Payment) agent.Refund {
	return agent.Refund{No: p.OrderNo + "P1", Amount: 500, Why: "cold coffee", State: agent.RefundRequested}
}

var code = agent.NewPayCode("900081818812345678901234")

// promptPay is M-A02 of the reference list: 20.15 THB, dynamic.
const promptPay = "00020101021229370016A0000006770101110113006680111111153037645802TH540520.15630442BE"

// order is the payment's order as a gateway describes it, with the given members
// changed; nil takes one away.
func order(state string, edit map[string]any) string {
	return edited(map[string]any{"merchant": "M100", "brand": "promptpay", "order_no": sold().OrderNo, "mode": "code", "state": state,
		"amount": map[string]any{"value": 2015, "currency": "THB"}, "txn": "GW42", "paid_at": "2026-01-01T09:34:57+07:00"}, edit)
}

func refundBodyOf(state string, edit map[string]any) string {
	return edited(map[string]any{"merchant": "M100", "brand": "promptpay", "order_no": sold().OrderNo, "refund_no": sold().OrderNo + "P1", "state": state,
		"amount": map[string]any{"value": 500, "currency": "THB"}, "txn": "RF42"}, edit)
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

func failed(code string) string { return fmt.Sprintf(`{"code":%q,"message":"about %s"}`, code, code) }
