package web

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"tillwire/agent"
	"tillwire/agent/words"
)

const tillToken = "0123456789abcdef0123456789abcdef"

// terminal is a server with its shop, on a real loopback port.
type terminal struct {
	t *testing.T
	*shop
	clock   *handClock
	web     *Server
	http    *httptest.Server
	checked int // how often a secret was verified
}

// sentences reads every language once; the pages of all terminals share them.
var sentences = sync.OnceValues(words.New)

// newTerminal starts one. change may edit the options before the start.
func newTerminal(t *testing.T, change ...func(*Options)) *terminal {
	t.Helper()
	clock := newHandClock()
	tm := &terminal{t: t, shop: newShop(clock), clock: clock}
	w, err := sentences()
	if err != nil {
		t.Fatal(err)
	}
	opt := Options{
		Version: "1.2.3", Shop: "Corner shop", Tokens: map[string]string{"till-1": tillToken, "till-2": strings.Repeat("z", 32)},
		Counter: tm.shop, Store: tm.shop, Feed: tm.shop.feed, Clock: clock, Words: w, Displays: NewDisplays(clock, "1"),
		Secrets: &plain{tm},
		Devices: func() []agent.DeviceStatus {
			return []agent.DeviceStatus{{ID: "1.scanner", Kind: agent.KindScanner, Lane: "1", Driver: "line", Path: "/dev/ttyACM0", State: agent.DeviceReady, Since: clock.Now()}}
		},
	}
	for _, c := range change {
		c(&opt)
	}
	if tm.web, err = New(opt); err != nil {
		t.Fatal(err)
	}
	if err := tm.web.Boot(t.Context()); err != nil {
		t.Fatal(err)
	}
	tm.serve(tm.web.HTTP())
	return tm
}

// serve listens with a server until the test ends; the clients call it from now on.
func (tm *terminal) serve(h *http.Server) {
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = h
	srv.Start()
	tm.http = srv
	tm.t.Cleanup(func() { tm.web.Close(); srv.CloseClientConnections(); srv.Close() })
}

// plain keeps secrets readable and counts how often one was verified.
type plain struct{ tm *terminal }

func (p *plain) Hash(_ context.Context, secret string) (string, error) { return "hash:" + secret, nil }

func (p *plain) Verify(_ context.Context, stored, secret string) (bool, error) {
	p.tm.checked++
	return stored == "hash:"+secret, nil
}

// client is one way of calling: a till with its token, or a browser with its
// cookies and the headers that browsers send.
type client struct {
	*terminal
	token   string
	browser bool
	cookies map[string]string
	headers map[string]string
	agent   *http.Client
}

func (tm *terminal) till() *client {
	return &client{terminal: tm, token: tillToken, cookies: map[string]string{}, headers: map[string]string{}, agent: tm.http.Client()}
}

func (tm *terminal) page() *client {
	hc := *tm.http.Client()
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client{terminal: tm, browser: true, cookies: map[string]string{}, headers: map[string]string{}, agent: &hc}
}

// with returns the client with one more header, or one header replaced.
func (c *client) with(name, value string) *client {
	next := *c
	next.headers = map[string]string{name: value}
	for k, v := range c.headers {
		if k != name {
			next.headers[k] = v
		}
	}
	return &next
}

// answer is a response with its body read.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, a.body)
	}
	return m
}

func (a answer) code(t *testing.T) string {
	t.Helper()
	code, _ := a.json(t)["code"].(string)
	return code
}

func (c *client) request(method, path, body string) *http.Request {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.http.URL+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.browser {
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for name, value := range c.cookies {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	for name, value := range c.headers {
		switch {
		case name == "Host":
			req.Host = value
		case value == "":
			req.Header.Del(name)
		default:
			req.Header.Set(name, value)
		}
	}
	return req
}

func (c *client) do(method, path, body string) answer {
	c.t.Helper()
	res, err := c.agent.Do(c.request(method, path, body))
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, cookie := range res.Cookies() {
		if cookie.MaxAge < 0 {
			delete(c.cookies, cookie.Name)
			continue
		}
		c.cookies[cookie.Name] = cookie.Value
	}
	return answer{res.StatusCode, res.Header, string(text)}
}

// api calls the local API.
func (c *client) api(method, path, body string) answer {
	c.t.Helper()
	return c.do(method, "/api/v1"+path, body)
}

// want calls the API and fails unless the status is the one expected.
func (c *client) want(status int, method, path, body string) answer {
	c.t.Helper()
	a := c.api(method, path, body)
	if a.status != status {
		c.t.Fatalf("%s %s %s: got %d, want %d\n%s", method, path, body, a.status, status, a.body)
	}
	return a
}

// signIn signs a browser in at the register.
func (c *client) signIn(person, pin string) answer {
	c.t.Helper()
	return c.api("POST", "/session", `{"person":"`+person+`","pin":"`+pin+`"}`)
}

func (tm *terminal) signedIn(person, pin string) *client {
	tm.t.Helper()
	c := tm.page()
	if a := c.signIn(person, pin); a.status != http.StatusOK {
		tm.t.Fatalf("sign in: %d %s", a.status, a.body)
	}
	return c
}

// open opens a payment of 12.80 as a till and returns its id.
func (tm *terminal) open(requestID, mode string) agent.PaymentID {
	tm.t.Helper()
	a := tm.till().want(http.StatusCreated, "POST", "/payments", openBody(requestID, mode))
	return agent.PaymentID(a.json(tm.t)["id"].(string))
}

func openBody(requestID, mode string) string {
	return `{"request_id":"` + requestID + `","lane":"1","amount":{"value":1280,"currency":"CNY"},"reference":"T-` + requestID + `","mode":"` + mode + `"}`
}

// pay takes an open payment to paid.
func (tm *terminal) pay(id agent.PaymentID) agent.Payment {
	return tm.fact(id, agent.Fact{Kind: agent.FactPayStarted, Op: agent.OpPay, Attempt: 1, Wallet: "wechat", CodePrint: []byte("fingerprint-of-the-code")},
		agent.Fact{Kind: agent.FactApproved, Op: agent.OpPay, Amount: 1280, Txn: "4200001"})
}
