package wechat_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tillwire/agent/sandbox/sandboxtest"
)

// What a reversal does to an order in each state.
func TestReverse(t *testing.T) {
	for _, c := range []struct {
		name  string
		setup func(s *shop, no string)
		want  int
		code  string
		row   sandboxtest.Row
	}{
		{"paid", func(s *shop, no string) { s.pay(no, s.Code(s.Phone("approve", 5000)), 1000) }, 200, "", sandboxtest.Row{"", "reversed", 1000, 1000, 0, true}},
		{"awaiting", func(s *shop, no string) { s.pay(no, s.Code(s.Phone("password", 5000)), 1000) }, 200, "", sandboxtest.Row{"", "reversed", 1000, 0, 0, true}},
		{"declined", func(s *shop, no string) { s.pay(no, s.Code(s.Phone("decline", 5000)), 1000) }, 200, "", sandboxtest.Row{"", "reversed", 1000, 0, 0, true}},
		{"never seen", func(*shop, string) {}, 200, "", sandboxtest.Row{"", "reversed", 0, 0, 0, true}},
		{"reversed before", func(s *shop, no string) { s.reverse(no) }, 200, "", sandboxtest.Row{"", "reversed", 0, 0, 0, true}},
		{"closed before it was seen", func(s *shop, no string) { s.close(no) }, 200, "", sandboxtest.Row{"", "reversed", 0, 0, 0, true}},
		{"shown", func(s *shop, no string) { s.native(no, 1000, "") }, 400, "TRADE_STATE_ERROR", sandboxtest.Row{"", "created", 1000, 0, 0, false}},
		{"refunded in part", func(s *shop, no string) {
			s.pay(no, s.Code(s.Phone("approve", 5000)), 1000)
			s.refund(no, "R1", 1, 1000)
		}, 400, "TRADE_STATE_ERROR", sandboxtest.Row{"", "paid", 1000, 1000, 1, false}},
		{"too long ago", func(s *shop, no string) {
			s.pay(no, s.Code(s.Phone("approve", 5000)), 1000)
			s.Clock.Move(7*24*time.Hour + time.Second)
		}, 400, "REVERSE_EXPIRE", sandboxtest.Row{"", "paid", 1000, 1000, 0, false}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			no := sandboxtest.OrderNo()
			c.setup(s, no)
			s.want(s.reverse(no), c.want, c.code)
			c.row.OrderNo = no
			if got := s.Row(no); got != c.row {
				t.Errorf("ledger says %+v, want %+v", got, c.row)
			}
			if c.want == 200 {
				if state := s.query(no).text("trade_state"); state != "REVOKED" {
					t.Errorf("a query says %q", state)
				}
				// The tombstone: whatever arrives later takes no money.
				s.want(s.pay(no, s.Code(s.Phone("approve", 5000)), 1000), 400, "ORDER_REVERSED")
				s.want(s.native(no, 1000, ""), 400, "ORDER_REVERSED")
			}
		})
	}
}

func TestAReversalGivesTheMoneyBack(t *testing.T) {
	s := open(t)
	customer, no := s.Phone("approve", 5000), sandboxtest.OrderNo()
	balance := func() int64 {
		var out struct{ Balance int64 }
		s.Control("GET", "customers/"+customer, "", &out)
		return out.Balance
	}
	s.pay(no, s.Code(customer), 1280)
	if got := balance(); got != 3720 {
		t.Errorf("after paying %d are left", got)
	}
	s.reverse(no)
	s.reverse(no)
	if got := balance(); got != 5000 {
		t.Errorf("after the reversal %d are there", got)
	}
}

func TestClose(t *testing.T) {
	s := open(t)
	shown, unseen, paid, byCode := sandboxtest.OrderNo(), sandboxtest.OrderNo(), sandboxtest.OrderNo(), sandboxtest.OrderNo()
	qr := s.native(shown, 1000, "").text("code_url")
	for range 2 {
		if got := s.close(shown); got.status != 204 || got.body != nil {
			t.Errorf("close answers %d %v", got.status, got.body)
		}
	}
	rich := s.Phone("approve", 100000)
	if status := s.Touch(rich, "scan", fmt.Sprintf(`{"qr":%q}`, qr)); status != "closed" {
		t.Errorf("the phone says %q", status)
	}
	s.close(unseen)
	for _, no := range []string{shown, unseen} {
		if state := s.query(no).text("trade_state"); state != "CLOSED" {
			t.Errorf("a query says %q", state)
		}
		s.want(s.native(no, 1000, ""), 400, "ORDER_CLOSED")
		s.want(s.pay(no, s.Code(rich), 1000), 400, "ORDER_CLOSED")
	}
	s.Touch(rich, "scan", fmt.Sprintf(`{"qr":%q}`, s.native(paid, 1000, "").text("code_url")))
	s.want(s.close(paid), 400, "ORDER_PAID")
	s.pay(byCode, s.Code(rich), 1000)
	got := s.close(byCode)
	s.want(got, 400, "INVALID_REQUEST")
	if !strings.HasSuffix(got.header.Get("Request-Id"), "-268449641") {
		t.Errorf("the reason is %q", got.header.Get("Request-Id"))
	}
}

func TestRefund(t *testing.T) {
	s := open(t)
	no, other, open := sandboxtest.OrderNo(), sandboxtest.OrderNo(), sandboxtest.OrderNo()
	rich := s.Phone("approve", 100000)
	s.pay(no, s.Code(rich), 1000)
	s.pay(other, s.Code(rich), 1000)
	s.pay(open, s.Code(s.Phone("password", 5000)), 1000)

	first := s.refund(no, "R-1", 300, 1000)
	for path, want := range map[string]string{"status": "SUCCESS", "out_refund_no": "R-1", "out_trade_no": no, "amount.refund": "300",
		"amount.total": "1000", "amount.currency": "CNY", "channel": "ORIGINAL", "success_time": "2026-01-01T10:34:56+08:00"} {
		if first.text(path) != want {
			t.Errorf("%s is %q, want %q", path, first.text(path), want)
		}
	}
	if again := s.refund(no, "R-1", 300, 1000); again.text("refund_id") != first.text("refund_id") {
		t.Errorf("again answers %v", again.body)
	}
	s.want(s.refund(no, "R-1", 301, 1000), 400, "INVALID_REQUEST")
	s.want(s.refund(other, "R-1", 300, 1000), 400, "INVALID_REQUEST")
	s.want(s.refund(no, "R-2", 701, 1000), 400, "INVALID_REQUEST")
	s.want(s.refund(no, "R-2", 300, 999), 400, "PARAM_ERROR")
	s.want(s.refund(sandboxtest.OrderNo(), "R-3", 1, 1), 404, "RESOURCE_NOT_EXISTS")
	s.want(s.refund(open, "R-3", 1000, 1000), 400, "INVALID_REQUEST")
	if state := s.query(no).text("trade_state"); state != "REFUND" {
		t.Errorf("a query says %q", state)
	}
	if rest := s.refund(no, "R-2", 700, 1000); rest.text("status") != "SUCCESS" {
		t.Errorf("the rest answers %v", rest.body)
	}
	s.want(s.refund(no, "R-4", 1, 1000), 400, "INVALID_REQUEST")
	if got := s.Row(no); got.Captured != 1000 || got.Refunded != 1000 || got.Reversed {
		t.Errorf("ledger says %+v", got)
	}
	if got := s.call("GET", "/v3/refund/domestic/refunds/R-2", ""); got.text("amount.refund") != "700" || got.text("status") != "SUCCESS" {
		t.Errorf("refund query says %v", got.body)
	}
	s.want(s.call("GET", "/v3/refund/domestic/refunds/R-9", ""), 404, "RESOURCE_NOT_EXISTS")
	s.reverse(other)
	s.want(s.refund(other, "R-5", 1, 1000), 400, "INVALID_REQUEST")
}

func TestARefundToASlowCustomerIsOnItsWayForSixSeconds(t *testing.T) {
	s := open(t)
	no := sandboxtest.OrderNo()
	slow := s.Phone("slow", 5000)
	qr := s.native(no, 1000, "").text("code_url")
	done := make(chan string, 1)
	go func() { done <- s.Touch(slow, "scan", fmt.Sprintf(`{"qr":%q}`, qr)) }()
	sandboxtest.Until(t, func() bool { return s.Clock.Waiting() > 0 })
	s.Clock.Move(6 * time.Second)
	if status := <-done; status != "paid" {
		t.Fatalf("the phone says %q", status)
	}
	if got := s.refund(no, "R-1", 400, 1000); got.text("status") != "PROCESSING" || got.text("success_time") != "" {
		t.Errorf("the refund answers %v", got.body)
	}
	s.want(s.refund(no, "R-2", 601, 1000), 400, "INVALID_REQUEST") // what is on its way is gone
	if got := s.Row(no); got.Refunded != 0 {
		t.Errorf("ledger says %+v", got)
	}
	s.Clock.Move(6 * time.Second)
	if got := s.call("GET", "/v3/refund/domestic/refunds/R-1", ""); got.text("status") != "SUCCESS" {
		t.Errorf("after six seconds it is %v", got.body)
	}
	if got := s.Row(no); got.Refunded != 400 {
		t.Errorf("ledger says %+v", got)
	}
}

// A refund that was accepted may end in three ways.
func TestWhatBecomesOfARefundThatWasAccepted(t *testing.T) {
	for _, c := range []struct {
		manner, status    string
		again             int // what another refund of everything is answered with
		completed         string
		refunded, balance int64
	}{
		{"no_refund", "CLOSED", 200, "CLOSED", 0, 4000},
		{"stuck_refund", "ABNORMAL", 400, "SUCCESS", 1000, 5000},
	} {
		t.Run(c.manner, func(t *testing.T) {
			s := open(t)
			no, customer := sandboxtest.OrderNo(), s.Phone(c.manner, 5000)
			s.want(s.pay(no, s.Code(customer), 1000), 200, "")
			status := func() string { return s.call("GET", "/v3/refund/domestic/refunds/R-1", "").text("status") }
			if got := s.refund(no, "R-1", 1000, 1000).text("status"); got != "PROCESSING" {
				t.Errorf("the refund answers %s", got)
			}
			s.Clock.Move(6 * time.Second)
			if got := status(); got != c.status {
				t.Errorf("after six seconds it is %s, want %s", got, c.status)
			}
			if got := s.Row(no); got.Refunded != 0 {
				t.Errorf("ledger says %+v", got)
			}
			if err := s.Ledger.CompleteRefund(t.Context(), "wechat", s.as.MerchantID, "R-1"); err != nil {
				t.Fatal(err)
			}
			if got := status(); got != c.completed {
				t.Errorf("the office completed it, and it is %s, want %s", got, c.completed)
			}
			if got, err := s.Ledger.Customer(t.Context(), customer); err != nil || got.Balance != c.balance || s.Row(no).Refunded != c.refunded {
				t.Errorf("the customer has %d, want %d; %+v, %v", got.Balance, c.balance, s.Row(no), err)
			}
			if got := s.refund(no, "R-2", 1000, 1000); got.status != c.again {
				t.Errorf("another number is answered with %d, want %d", got.status, c.again)
			}
		})
	}
}

// Whether the real cloud remembers what it never saw is nowhere written.
func TestACloudThatForgetsWhatItNeverSaw(t *testing.T) {
	s := open(t)
	s.Ledger.ForgetUnseen(true)
	no := sandboxtest.OrderNo()
	s.want(s.reverse(no), 404, "ORDER_NOT_EXIST")
	s.want(s.close(no), 404, "ORDER_NOT_EXIST")
	s.want(s.pay(no, s.Code(s.Phone("approve", 5000)), 1000), 200, "")
	s.want(s.reverse(no), 200, "")
}

func TestAtMostFiftyRefunds(t *testing.T) {
	s := open(t)
	no := sandboxtest.OrderNo()
	s.pay(no, s.Code(s.Phone("approve", 5000)), 1000)
	for i := range 50 {
		if got := s.refund(no, fmt.Sprintf("R%d", i), 1, 1000); got.status != 200 {
			t.Fatalf("refund %d: %v", i, got.body)
		}
	}
	s.want(s.refund(no, "R50", 1, 1000), 400, "INVALID_REQUEST")
}
