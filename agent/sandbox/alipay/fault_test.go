package alipay_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"tillwire/agent/sandbox/sandboxtest"
)

// answer is what came back under a fault.
type answer struct {
	status int
	body   []byte
	err    error
}

// What each fault does to a payment, for both kinds of client: what the client
// gets, and what is true.
func TestFaultsOfAPayment(t *testing.T) {
	reset := func(s *shop, a answer) bool {
		// net/http says EOF when a reset cuts an answer's header in two.
		return errors.Is(a.err, syscall.ECONNRESET) || errors.Is(a.err, io.ErrUnexpectedEOF)
	}
	unsigned := func(status int, contains string) func(*shop, answer) bool {
		return func(s *shop, a answer) bool {
			return a.err == nil && a.status == status && !bytes.Contains(a.body, []byte("sign")) && bytes.Contains(a.body, []byte(contains))
		}
	}
	signed := func(contains string, holds bool) func(*shop, answer) bool {
		return func(s *shop, a answer) bool {
			_, err := s.verify(a.body)
			return a.err == nil && bytes.Contains(a.body, []byte(contains)) && (err == nil) == holds
		}
	}
	for _, c := range []struct {
		fault    string
		captured int64
		status   int // in the list of requests
		runs     int // how many requests that list shows
		client   func(*shop, answer) bool
	}{
		{`{"kind":"drop_request"}`, 0, 0, 1, reset},
		{`{"kind":"drop_request","after_bytes":400}`, 0, 0, 1, reset},
		{`{"kind":"drop_request","after_bytes":1000000}`, 0, 0, 1, reset},
		{`{"kind":"drop_response"}`, 1280, 200, 1, reset},
		{`{"kind":"drop_response","after_bytes":60}`, 1280, 200, 1, reset},
		{`{"kind":"status"}`, 0, 500, 1, unsigned(500, "Internal Server Error")},
		{`{"kind":"status","status":502}`, 0, 502, 1, unsigned(502, "Bad Gateway")},
		{`{"kind":"captive_portal"}`, 0, 200, 1, unsigned(200, "<html>")},
		{`{"kind":"bad_signature"}`, 1280, 200, 1, signed(`"total_amount":"12.80"`, false)},
		{`{"kind":"wrong_amount"}`, 1280, 200, 1, signed(`"total_amount":"12.81"`, true)},
		{`{"kind":"duplicate"}`, 1280, 200, 2, signed(`"code":"10000"`, true)},
	} {
		for _, inForm := range []bool{true, false} {
			t.Run(fmt.Sprint(c.fault, inForm), func(t *testing.T) {
				s := open(t)
				s.inForm = inForm
				no, code := sandboxtest.OrderNo(), s.Code(s.Phone("approve", 5000))
				s.Faults("[" + strings.Replace(c.fault, "{", `{"wallet":"alipay","operation":"pay",`, 1) + "]")
				status, _, body, err := s.Raw(s.request("alipay.trade.pay", payment(no, code, "12.80")))
				if !c.client(s, answer{status, body, err}) {
					t.Errorf("the client got %d %q (%v)", status, body, err)
				}
				if r := s.Row(no); r.Captured != c.captured {
					t.Errorf("captured %d, want %d", r.Captured, c.captured)
				}
				list := s.Requests()
				if len(list) != c.runs {
					t.Fatalf("requests %+v", list)
				}
				for _, r := range list {
					// A request that was dropped early may not have told its number yet.
					if r.Operation != "pay" || r.OrderNo != no && c.status != 0 || r.Status != c.status || !strings.Contains(c.fault, r.Fault) || r.Fault == "" {
						t.Errorf("seen as %+v", r)
					}
				}
				// The fault is spent: the same payment again is simply answered.
				s.want(s.pay(no, code, "12.80"), "10000", "")
				if r := s.Row(no); r.Captured != 1280 {
					t.Errorf("captured %d in the end", r.Captured)
				}
			})
		}
	}
}

// Every operation is met by its name, wherever the client puts the method.
func TestEveryOperationIsNamed(t *testing.T) {
	s := open(t)
	for _, s.inForm = range []bool{true, false} {
		for method, op := range map[string]string{"alipay.trade.pay": "pay", "alipay.trade.precreate": "present", "alipay.trade.query": "query", "alipay.trade.cancel": "reverse",
			"alipay.trade.close": "close", "alipay.trade.refund": "refund", "alipay.trade.fastpay.refund.query": "refund_query", "alipay.data.dataservice.bill.downloadurl.query": "bill"} {
			s.Faults(`[{"wallet":"*","operation":"` + op + `","kind":"status","status":503}]`)
			no := sandboxtest.OrderNo()
			if status, _, body, err := s.Raw(s.request(method, fmt.Sprintf(`{"a":{},"out_trade_no" : %q}`, no))); status != 503 {
				t.Errorf("%s is not %s: %d %s %v", method, op, status, body, err)
			}
			if list := s.Requests(); list[len(list)-1].Operation != op || list[len(list)-1].OrderNo != no {
				t.Errorf("%s is listed as %+v", method, list[len(list)-1])
			}
		}
	}
}

// A dropped request is read no further than its operation needs, and no further
// than the fault says.
func TestARequestIsDroppedWhileItIsStillBeingSent(t *testing.T) {
	s := open(t)
	s.Faults(`[{"operation":"pay","kind":"drop_request","after_bytes":10}]`)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.Cloud.HostURLs("alipay")[0], "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	head := "POST /gateway.do HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000\r\n\r\napp_id=1&method=alipay.trade.pay&"
	if _, err := io.WriteString(conn, head); err != nil { // and never the rest
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); len(got) > 0 || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %q and %v", got, err)
	}
}

func TestADelayedAnswerIsExecutedAtOnce(t *testing.T) {
	s := open(t)
	no := sandboxtest.OrderNo()
	s.Faults(`[{"wallet":"alipay","operation":"pay","kind":"delay","delay_ms":20000}]`)
	request := s.request("alipay.trade.pay", payment(no, s.Code(s.Phone("approve", 5000)), "12.80"))
	answered := make(chan reply, 1)
	go func() { answered <- s.send(request) }()
	sandboxtest.Until(t, func() bool { return s.Clock.Waiting() > 0 })
	if status := s.status(no); status != "TRADE_SUCCESS" {
		t.Errorf("while the answer is held a query says %q", status)
	}
	s.Clock.Move(20 * time.Second)
	s.want(<-answered, "10000", "")
}

func TestEveryOperationCanBeDeliveredTwice(t *testing.T) {
	s := open(t)
	rich := s.Phone("approve", 100000)
	paid, shown, dead := sandboxtest.OrderNo(), sandboxtest.OrderNo(), sandboxtest.OrderNo()
	s.Faults(`[{"kind":"duplicate","count":100}]`)
	s.pay(paid, s.Code(rich), "10.00")
	if got := s.refund(paid, "R1", "3.00"); got.text("fund_change") != "N" || got.text("refund_fee") != "3.00" {
		t.Errorf("the refund answers %v", got.body)
	}
	qr := s.precreate(shown, "5.00").text("qr_code")
	if status := s.Touch(rich, "scan", fmt.Sprintf(`{"qr":%q}`, qr)); status != "paid" {
		t.Errorf("the code that was answered is not the one that counts: %s", status)
	}
	s.pay(dead, s.Code(rich), "7.00")
	s.named("cancel", dead)
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

// A wrong amount is told wherever an answer has one, and signed.
func TestWrongAmounts(t *testing.T) {
	s := open(t)
	no := sandboxtest.OrderNo()
	s.pay(no, s.Code(s.Phone("approve", 5000)), "12.80")
	s.Faults(`[{"kind":"wrong_amount","count":100}]`)
	for _, told := range [][2]string{
		{"12.81", s.named("query", no).text("total_amount")},
		{"5.01", s.refund(no, "R1", "5.00").text("refund_fee")},
		{"5.01", s.refunded(no, "R1").text("refund_amount")},
	} {
		if told[0] != told[1] {
			t.Errorf("told %s, want %s", told[1], told[0])
		}
	}
	if r := s.Row(no); r.Captured != 1280 || r.Refunded != 500 {
		t.Errorf("ledger says %+v", r)
	}
}

func TestTheLineIsDown(t *testing.T) {
	s := open(t)
	no, host := sandboxtest.OrderNo(), strings.TrimPrefix(s.Cloud.HostURLs("alipay")[0], "http://")
	s.pay(no, s.Code(s.Phone("approve", 5000)), "1.00") // leaves a live connection behind
	s.Faults(`[{"wallet":"*","operation":"*","kind":"refuse_connection"}]`)
	if conn, err := net.Dial("tcp", host); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%v %v", conn, err)
	}
	if _, _, _, err := s.Raw(s.request("alipay.trade.query", "{}")); err == nil {
		t.Error("a kept connection still works")
	}
	s.Faults(`[]`)
	if status := s.status(no); status != "TRADE_SUCCESS" {
		t.Errorf("afterwards a query says %q", status)
	}
}

func TestRequestsHoldNoSecret(t *testing.T) {
	s := open(t)
	code := s.Code(s.Phone("approve", 5000))
	for _, s.inForm = range []bool{true, false} {
		s.pay(sandboxtest.OrderNo(), code, "1.00")
	}
	r := s.request("alipay.trade.pay", payment(sandboxtest.OrderNo(), code, "1.00"))
	r.URL.Path = "/" + code
	if _, _, _, err := s.Raw(r); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"requests", "ledger", "customers", ""} {
		r, err := http.Get(s.Cloud.ControlURL() + "/_sandbox/" + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || bytes.Contains(body, []byte(code)) || bytes.Contains(body, []byte("sign=")) {
			t.Errorf("%s tells a secret (%v): %s", path, err, body)
		}
	}
}
