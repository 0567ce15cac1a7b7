package wechat_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tillwire/agent/sandbox/sandboxtest"
)

// What each customer does with a code that the shop shows.
func TestScanningTheShop(t *testing.T) {
	for _, c := range []struct {
		behaviour string
		balance   int
		scan      string
		meanwhile string // trade_state after the scan
		confirm   string
		after     string
	}{
		{"approve", 1000, "paid", "SUCCESS", "paid", "SUCCESS"},
		{"approve", 999, "declined", "NOTPAY", "unknown", "NOTPAY"},
		{"password", 1000, "password", "USERPAYING", "paid", "SUCCESS"},
		{"decline", 1000, "declined", "NOTPAY", "unknown", "NOTPAY"},
		{"abandon", 1000, "abandoned", "NOTPAY", "abandoned", "NOTPAY"},
	} {
		t.Run(fmt.Sprintf("%s with %d", c.behaviour, c.balance), func(t *testing.T) {
			s := open(t)
			customer, no := s.Phone(c.behaviour, c.balance), sandboxtest.OrderNo()
			got := s.native(no, 1000, "")
			qr := got.text("code_url")
			if !strings.HasPrefix(qr, "weixin://wxpay/bizpayurl?pr=") || len(got.body) != 1 {
				t.Fatalf("native answers %v", got.body)
			}
			if status := s.Touch(customer, "scan", fmt.Sprintf(`{"qr":%q}`, qr)); status != c.scan {
				t.Errorf("the phone says %q, want %q", status, c.scan)
			}
			if state := s.query(no).text("trade_state"); state != c.meanwhile {
				t.Errorf("a query says %q, want %q", state, c.meanwhile)
			}
			if status := s.Touch(customer, "confirm", ""); status != c.confirm {
				t.Errorf("confirm says %q, want %q", status, c.confirm)
			}
			if got := s.query(no); got.text("trade_state") != c.after || got.text("trade_type") != "NATIVE" {
				t.Errorf("a query says %v, want %q", got.body, c.after)
			}
		})
	}
}

func TestTheFirstScannerOwnsTheOrder(t *testing.T) {
	s := open(t)
	qr := fmt.Sprintf(`{"qr":%q}`, s.native(sandboxtest.OrderNo(), 1000, "").text("code_url"))
	first, second := s.Phone("password", 5000), s.Phone("approve", 5000)
	for _, c := range []struct{ who, what, body, want string }{
		{s.Phone("decline", 5000), "scan", qr, "declined"}, // leaves it free
		{s.Phone("abandon", 5000), "scan", qr, "abandoned"},
		{first, "scan", qr, "password"},
		{second, "scan", qr, "closed"},
		{first, "scan", qr, "password"},
		{first, "confirm", "", "paid"},
		{first, "confirm", "", "paid"},
		{first, "scan", qr, "paid"},
		{second, "scan", qr, "closed"},
		{second, "scan", `{"qr":"https://example.com"}`, "unknown"},
		{second, "scan", `{"qr":""}`, "unknown"},
		{second, "confirm", "", "unknown"},
	} {
		if status := s.Touch(c.who, c.what, c.body); status != c.want {
			t.Errorf("%s %s says %q, want %q", c.what, c.body, status, c.want)
		}
	}
}

func TestShownOrdersExpire(t *testing.T) {
	s := open(t)
	no := sandboxtest.OrderNo()
	expire := s.Clock.Now().Add(2 * time.Minute).Format(time.RFC3339)
	qr := fmt.Sprintf(`{"qr":%q}`, s.native(no, 1000, fmt.Sprintf(`,"time_expire":%q`, expire)).text("code_url"))
	customer := s.Phone("password", 5000)
	s.Clock.Move(2*time.Minute - time.Second)
	if status := s.Touch(customer, "scan", qr); status != "password" {
		t.Errorf("just in time the phone says %q", status)
	}
	s.Clock.Move(time.Second)
	for _, what := range []string{"confirm", "scan"} {
		if status := s.Touch(customer, what, qr); what == "scan" && status != "closed" {
			t.Errorf("after the end %s says %q", what, status)
		}
	}
	if state := s.query(no).text("trade_state"); state != "CLOSED" {
		t.Errorf("a query says %q", state)
	}
}

func TestShowingAgainKillsTheOldCode(t *testing.T) {
	s := open(t)
	no, customer := sandboxtest.OrderNo(), s.Phone("approve", 5000)
	old := s.native(no, 1000, "").text("code_url")
	fresh := s.native(no, 1000, "").text("code_url")
	if status := s.Touch(customer, "scan", fmt.Sprintf(`{"qr":%q}`, old)); old == fresh || status != "unknown" {
		t.Errorf("the old code: %q", status)
	}
	s.want(s.native(no, 1001, ""), 403, "OUT_TRADE_NO_USED")
	if status := s.Touch(customer, "scan", fmt.Sprintf(`{"qr":%q}`, fresh)); status != "paid" {
		t.Errorf("the fresh code: %q", status)
	}
	s.want(s.native(no, 1000, ""), 400, "ORDER_PAID")
}
