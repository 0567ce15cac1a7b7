package wechat_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"tillwire/agent/sandbox/sandboxtest"
)

// What each fault does to a payment: what the client gets, and what is true.
func TestFaultsOfAPayment(t *testing.T) {
	reset := func(t *testing.T, s *shop, status int, _ http.Header, body []byte, err error) {
		t.Helper()
		// net/http says EOF when a reset cuts an answer's header in two.
		if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("the client got %d %q (%v), want a reset", status, body, err)
		}
	}
	unsigned := func(want int, contains string) func(*testing.T, *shop, int, http.Header, []byte, error) {
		return func(t *testing.T, s *shop, status int, h http.Header, body []byte, err error) {
			t.Helper()
			if err != nil || status != want || h.Get("Wechatpay-Signature") != "" || !strings.Contains(string(body), contains) {
				t.Errorf("the client got %d %v %q (%v)", status, h, body, err)
			}
		}
	}
	for _, c := range []struct {
		fault    string
		captured int64
		status   int // in the list of requests
		runs     int // how many requests that list shows
		client   func(*testing.T, *shop, int, http.Header, []byte, error)
	}{
		{`{"kind":"drop_request"}`, 0, 0, 1, reset},
		{`{"kind":"drop_request","after_bytes":1000000}`, 0, 0, 1, reset},
		{`{"kind":"drop_response"}`, 1280, 200, 1, reset},
		{`{"kind":"drop_response","after_bytes":60}`, 1280, 200, 1, reset},
		{`{"kind":"status"}`, 0, 500, 1, unsigned(500, "Internal Server Error")},
		{`{"kind":"status","status":502}`, 0, 502, 1, unsigned(502, "Bad Gateway")},
		{`{"kind":"status","status":204}`, 0, 204, 1, unsigned(204, "")},
		{`{"kind":"captive_portal"}`, 0, 200, 1, unsigned(200, "<html>")},
		{`{"kind":"bad_signature"}`, 1280, 200, 1, func(t *testing.T, s *shop, status int, h http.Header, body []byte, err error) {
			if err != nil || status != 200 || !bytes.Contains(body, []byte(`"total":1280`)) || s.verify(h, body) == nil {
				t.Errorf("the client got %d %q (%v), and its signature holds", status, body, err)
			}
		}},
		{`{"kind":"wrong_amount"}`, 1280, 200, 1, func(t *testing.T, s *shop, status int, h http.Header, body []byte, err error) {
			if err != nil || status != 200 || !bytes.Contains(body, []byte(`"total":1281`)) || s.verify(h, body) != nil {
				t.Errorf("the client got %d %q (%v)", status, body, err)
			}
		}},
		{`{"kind":"duplicate"}`, 1280, 200, 2, func(t *testing.T, s *shop, status int, h http.Header, body []byte, err error) {
			if err != nil || status != 200 || !bytes.Contains(body, []byte(`"SUCCESS"`)) || s.verify(h, body) != nil {
				t.Errorf("the client got %d %q (%v)", status, body, err)
			}
		}},
	} {
		t.Run(c.fault, func(t *testing.T) {
			s := open(t)
			customer, no := s.Phone("approve", 5000), sandboxtest.OrderNo()
			code := s.Code(customer)
			s.Faults("[" + strings.Replace(c.fault, "{", `{"wallet":"wechat","operation":"pay",`, 1) + "]")
			status, header, body, err := s.Raw(s.request("POST", "/v3/pay/transactions/codepay", s.codepay(no, code, 1280)))
			c.client(t, s, status, header, body, err)
			if r := s.Row(no); r.Captured != c.captured {
				t.Errorf("captured %d, want %d", r.Captured, c.captured)
			}
			list := s.Requests()
			if len(list) != c.runs {
				t.Fatalf("requests %+v", list)
			}
			for _, r := range list {
				if r.Operation != "pay" || r.OrderNo != no || r.Status != c.status || !strings.Contains(c.fault, r.Fault) || r.Fault == "" || r.Method != "POST" {
					t.Errorf("seen as %+v", r)
				}
			}
			// The fault is spent: the same payment again is simply answered.
			if got := s.pay(no, code, 1280); got.text("trade_state") != "SUCCESS" {
				t.Errorf("afterwards it answers %v", got.body)
			}
			if r := s.Row(no); r.Captured != 1280 {
				t.Errorf("captured %d in the end", r.Captured)
			}
		})
	}
}

func TestADelayedAnswerIsExecutedAtOnce(t *testing.T) {
	s := open(t)
	customer, no := s.Phone("approve", 5000), sandboxtest.OrderNo()
	s.Faults(`[{"wallet":"wechat","operation":"pay","kind":"delay","delay_ms":20000}]`)
	request := s.request("POST", "/v3/pay/transactions/codepay", s.codepay(no, s.Code(customer), 1280))
	answered := make(chan reply, 1)
	go func() { answered <- s.send(request) }()
	for s.Clock.Waiting() == 0 {
		runtime.Gosched()
	}
	if state := s.query(no).text("trade_state"); state != "SUCCESS" {
		t.Errorf("while the answer is held a query says %q", state)
	}
	s.Clock.Move(19 * time.Second)
	select {
	case got := <-answered:
		t.Fatalf("answered too early: %v", got.body)
	case <-time.After(20 * time.Millisecond):
	}
	s.Clock.Move(time.Second)
	if got := <-answered; got.text("trade_state") != "SUCCESS" {
		t.Errorf("answered %v", got.body)
	}
}

// Exactly so many bytes of an answer arrive as the fault lets through.
func TestAnAnswerIsCutWhereTheFaultSays(t *testing.T) {
	for _, n := range []int{0, 1, 17, 200} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s := open(t)
			no := sandboxtest.OrderNo()
			s.pay(no, s.Code(s.Phone("approve", 5000)), 100)
			s.Faults(fmt.Sprintf(`[{"operation":"query","kind":"drop_response","after_bytes":%d}]`, n))
			r := s.request("GET", "/v3/pay/transactions/out-trade-no/"+no+"?mchid="+s.as.MerchantID, "")
			conn, err := net.Dial("tcp", r.URL.Host)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := r.Write(conn); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(conn)
			if len(got) != n || !errors.Is(err, syscall.ECONNRESET) || !bytes.HasPrefix([]byte("HTTP/1.1 200 OK\r\n"), got[:min(n, 17)]) {
				t.Errorf("got %q and %v", got, err)
			}
		})
	}
}

// A dropped request is read no further than the fault says.
func TestARequestIsDroppedWhileItIsStillBeingSent(t *testing.T) {
	s := open(t)
	s.Faults(`[{"operation":"pay","kind":"drop_request","after_bytes":10}]`)
	r := s.request("POST", "/v3/pay/transactions/codepay", s.codepay(sandboxtest.OrderNo(), "134567890123456789", 100))
	conn, err := net.Dial("tcp", r.URL.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", r.URL.Path, r.URL.Host, r.ContentLength)
	if _, err := io.WriteString(conn, head); err != nil { // and never the body
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); len(got) > 0 || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %q and %v", got, err)
	}
}

func TestFaultsCountOnlyWhatMatches(t *testing.T) {
	s := open(t)
	no := sandboxtest.OrderNo()
	s.pay(no, s.Code(s.Phone("approve", 5000)), 100)
	s.Faults(`[{"wallet":"wechat","operation":"query","kind":"status","status":503,"count":2},{"wallet":"*","operation":"*","kind":"status","status":502}]`)
	answers := ""
	for range 4 {
		status, _, _, err := s.Raw(s.request("GET", "/v3/pay/transactions/out-trade-no/"+no+"?mchid="+s.as.MerchantID, ""))
		if err != nil {
			t.Fatal(err)
		}
		answers += fmt.Sprint(status, " ")
	}
	if answers != "503 503 502 200 " {
		t.Errorf("queries answer %s", answers)
	}
	var out struct{ Faults []struct{ Count, Left int } }
	s.Control("GET", "faults", "", &out)
	if len(out.Faults) != 2 || out.Faults[0].Left != 0 || out.Faults[1].Left != 0 {
		t.Errorf("left over: %+v", out.Faults)
	}
	s.Faults(`[{"operation":"pay","kind":"status"}]`)
	if got := s.query(no); got.status != 200 {
		t.Errorf("a fault of pay broke a query: %d", got.status)
	}
	if status := s.Control("DELETE", "faults", "", &out); status != 200 || len(out.Faults) != 0 {
		t.Errorf("after DELETE: %d %+v", status, out.Faults)
	}
}

// The line is down: nothing connects, what was connected is reset, and the
// phones and the control API go on.
func TestTheLineIsDown(t *testing.T) {
	s := open(t)
	no, hosts := sandboxtest.OrderNo(), s.Cloud.HostURLs("wechat")
	s.pay(no, s.Code(s.Phone("approve", 5000)), 100) // leaves a live connection behind
	idle, err := net.Dial("tcp", strings.TrimPrefix(hosts[1], "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	// The server must have taken the connection before the line goes down.
	if _, err := io.WriteString(idle, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := idle.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	s.Faults(`[{"wallet":"*","operation":"*","kind":"refuse_connection"}]`)
	for _, host := range hosts {
		if conn, err := net.Dial("tcp", host[strings.Index(host, "//")+2:]); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s: %v %v", host, conn, err)
		}
	}
	if _, err := io.ReadAll(idle); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the open connection ended with %v", err)
	}
	if _, _, _, err := s.Raw(s.request("GET", "/v3/pay/transactions/out-trade-no/"+no, "")); err == nil {
		t.Error("a kept connection still works")
	}
	s.Phone("approve", 1)
	s.Faults(`[{"wallet":"*","operation":"*","kind":"refuse_connection"},{"operation":"query","kind":"status"}]`)
	s.Faults(`[]`)
	if again := s.Cloud.HostURLs("wechat"); again[0] != hosts[0] || again[1] != hosts[1] {
		t.Errorf("the hosts moved from %v to %v", hosts, again)
	}
	if got := s.query(no); got.text("trade_state") != "SUCCESS" {
		t.Errorf("afterwards a query says %v", got.body)
	}
}

func TestOnlyTheFirstHostFails(t *testing.T) {
	s := open(t)
	hosts := s.Cloud.HostURLs("wechat")
	s.Faults(`[{"wallet":"wechat","kind":"refuse_connection","host":1}]`)
	if _, err := net.Dial("tcp", strings.TrimPrefix(hosts[0], "http://")); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the first host: %v", err)
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(hosts[1], "http://"))
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func TestEveryOperationCanBeDeliveredTwice(t *testing.T) {
	s := open(t)
	rich := s.Phone("approve", 100000)
	paid, shown, dead := sandboxtest.OrderNo(), sandboxtest.OrderNo(), sandboxtest.OrderNo()
	s.Faults(`[{"kind":"duplicate","count":100}]`)
	s.pay(paid, s.Code(rich), 1000)
	s.refund(paid, "R1", 300, 1000)
	qr := s.native(shown, 500, "").text("code_url")
	if status := s.Touch(rich, "scan", fmt.Sprintf(`{"qr":%q}`, qr)); status != "paid" {
		t.Errorf("the code that was answered is not the one that counts: %s", status)
	}
	s.pay(dead, s.Code(rich), 700)
	s.reverse(dead)
	s.close(sandboxtest.OrderNo())
	for no, want := range map[string]sandboxtest.Row{
		paid:  {paid, "paid", 1000, 1000, 300, false},
		shown: {shown, "paid", 500, 500, 0, false},
		dead:  {dead, "reversed", 700, 700, 0, true},
	} {
		if got := s.Row(no); got != want {
			t.Errorf("ledger says %+v, want %+v", got, want)
		}
	}
}

func TestRequestsHoldNoSecret(t *testing.T) {
	s := open(t)
	code := s.Code(s.Phone("approve", 5000))
	s.pay(sandboxtest.OrderNo(), code, 100)
	if _, _, _, err := s.Raw(s.request("GET", "/v3/pay/"+code+"?auth_code="+code, "")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"requests", "ledger", "customers", ""} {
		r, err := http.Get(s.Cloud.ControlURL() + "/_sandbox/" + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || bytes.Contains(body, []byte(code)) || bytes.Contains(body, []byte("signature=")) {
			t.Errorf("%s tells a secret (%v): %s", path, err, body)
		}
	}
}
