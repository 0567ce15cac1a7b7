package alipay_test

import (
	"fmt"
	"testing"
	"time"

	"tillwire/agent/sandbox/sandboxtest"
)

// Cancel works whatever became of the trade, and again.
func TestCancel(t *testing.T) {
	s := open(t)
	rich := s.Phone("approve", 100000)
	for _, c := range []struct {
		name, action string
		make         func(no string)
	}{
		{"never seen", "", func(string) {}},
		{"paid", "refund", func(no string) { s.pay(no, s.Code(rich), "10.00") }},
		{"waiting for a password", "close", func(no string) { s.pay(no, s.Code(s.Phone("password", 5000)), "10.00") }},
		{"declined", "close", func(no string) { s.pay(no, s.Code(s.Phone("decline", 5000)), "10.00") }},
		{"shown", "close", func(no string) { s.precreate(no, "10.00") }},
		{"shown and paid", "refund", func(no string) {
			s.Touch(rich, "scan", fmt.Sprintf(`{"qr":%q}`, s.precreate(no, "10.00").text("qr_code")))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.T = t
			no := sandboxtest.OrderNo()
			c.make(no)
			for range 2 {
				got := s.named("cancel", no)
				s.want(got, "10000", "")
				if got.text("action") != c.action || got.text("retry_flag") != "N" || got.text("out_trade_no") != no {
					t.Errorf("answered %v", got.body)
				}
			}
			if status := s.status(no); status != "TRADE_CLOSED" {
				t.Errorf("afterwards it is %q", status)
			}
			if r := s.Row(no); !r.Reversed || r.Refunded != 0 {
				t.Errorf("ledger says %+v", r)
			}
			s.want(s.pay(no, s.Code(rich), "10.00"), "40004", "ACQ.TRADE_HAS_CLOSE")
			s.want(s.refund(no, "1", "1.00"), "40004", "ACQ.REASON_TRADE_STATUS_INVALID")
			if status := s.refunded(no, no).text("refund_status"); status == "REFUND_SUCCESS" != (c.action == "refund") {
				t.Errorf("its refund is %q", status)
			}
		})
	}
	s.T = t
	var out struct{ Balance int64 }
	if s.Control("GET", "customers/"+rich, "", &out); out.Balance != 100000 {
		t.Errorf("the balance is %d", out.Balance)
	}
}

func TestWhatCannotBeCancelled(t *testing.T) {
	s := open(t)
	rich := s.Phone("approve", 100000)
	old, back := sandboxtest.OrderNo(), sandboxtest.OrderNo()
	s.pay(old, s.Code(rich), "10.00")
	s.pay(back, s.Code(rich), "10.00")
	s.refund(back, "1", "1.00")
	s.want(s.named("cancel", back), "40004", "ACQ.CANCEL_NOT_ALLOWED")
	s.Clock.Move(24*time.Hour + time.Millisecond)
	s.want(s.named("cancel", old), "40004", "ACQ.TRADE_CANCEL_TIME_OUT")
	s.want(s.call("alipay.trade.cancel", `{}`), "40004", "ACQ.INVALID_PARAMETER")
	s.want(s.call("alipay.trade.cancel", `{"trade_no":"2026"}`), "40004", "ACQ.TRADE_NOT_EXIST")
}

func TestClose(t *testing.T) {
	s := open(t)
	rich := s.Phone("approve", 100000)
	unseen, shown, asked, paid := sandboxtest.OrderNo(), sandboxtest.OrderNo(), sandboxtest.OrderNo(), sandboxtest.OrderNo()
	qr := s.precreate(shown, "5.00").text("qr_code")
	s.pay(asked, s.Code(s.Phone("password", 5000)), "5.00")
	s.pay(paid, s.Code(rich), "5.00")
	for _, no := range []string{unseen, shown, asked, shown} {
		s.want(s.named("close", no), "10000", "")
		if status := s.status(no); status != "TRADE_CLOSED" {
			t.Errorf("closed, it is %q", status)
		}
	}
	if status := s.Touch(rich, "scan", fmt.Sprintf(`{"qr":%q}`, qr)); status != "closed" {
		t.Errorf("the phone says %q", status)
	}
	s.want(s.named("close", paid), "40004", "ACQ.REASON_TRADE_STATUS_INVALID")
	s.want(s.precreate(unseen, "5.00"), "40004", "ACQ.TRADE_HAS_CLOSE")
}

// One request number is one refund, and refund_fee is the sum of all.
func TestRefund(t *testing.T) {
	s := open(t)
	no := sandboxtest.OrderNo()
	s.pay(no, s.Code(s.Phone("approve", 5000)), "12.80")
	for _, step := range []struct{ request, amount, fee, change, sub string }{
		{"P1", "5.00", "5.00", "Y", ""},
		{"P1", "5.00", "5.00", "N", ""},
		{"P1", "5.01", "", "", "ACQ.DISCORDANT_REPEAT_REQUEST"},
		{"P2", "7.81", "", "", "ACQ.REFUND_FEE_ERROR"},
		{"P2", "7.00", "12.00", "Y", ""},
		{"P1", "5", "12.00", "N", ""},
		{"P3", "0.80", "12.80", "Y", ""},
		{"P4", "0.01", "", "", "ACQ.REFUND_FEE_ERROR"},
	} {
		got := s.refund(no, step.request, step.amount)
		if got.text("sub_code") != step.sub || got.text("refund_fee") != step.fee || got.text("fund_change") != step.change {
			t.Errorf("%+v answers %v", step, got.body)
		}
		if status := s.status(no); status == "TRADE_CLOSED" != (step.fee == "12.80" || step.request == "P4") {
			t.Errorf("after %+v the trade is %q", step, status)
		}
	}
	if got := s.refunded(no, "P2"); got.text("refund_amount") != "7.00" || got.text("refund_status") != "REFUND_SUCCESS" || got.text("total_amount") != "12.80" {
		t.Errorf("the second refund is %v", got.body)
	}
	if got := s.refunded(no, "P9"); got.text("code") != "10000" || got.text("refund_status") != "" || got.text("refund_amount") != "" {
		t.Errorf("a refund that was never asked for is %v", got.body)
	}
	s.want(s.refunded(sandboxtest.OrderNo(), "P1"), "40004", "ACQ.TRADE_NOT_EXIST")
	s.want(s.refund(sandboxtest.OrderNo(), "P1", "1.00"), "40004", "ACQ.TRADE_NOT_EXIST")
	if r := s.Row(no); r.Refunded != 1280 {
		t.Errorf("ledger says %+v", r)
	}
}

// Request numbers are unique per trade, and without one it is all or nothing.
func TestRefundNumbers(t *testing.T) {
	s := open(t)
	rich := s.Phone("approve", 5000)
	a, b := sandboxtest.OrderNo(), sandboxtest.OrderNo()
	s.pay(a, s.Code(rich), "10.00")
	s.pay(b, s.Code(rich), "20.00")
	s.refund(a, "P1", "1.00")
	if got := s.refund(b, "P1", "2.00"); got.text("fund_change") != "Y" || got.text("refund_fee") != "2.00" {
		t.Errorf("the same number on another trade answers %v", got.body)
	}
	c := sandboxtest.OrderNo()
	s.pay(c, s.Code(rich), "5.00")
	all := func(amount string) reply {
		return s.call("alipay.trade.refund", fmt.Sprintf(`{"out_trade_no":%q,"refund_amount":%q}`, c, amount))
	}
	s.want(all("4.00"), "40004", "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL")
	if got := all("5.00"); got.text("fund_change") != "Y" {
		t.Errorf("the whole answers %v", got.body)
	}
	if got := s.refunded(c, c); got.text("refund_amount") != "5.00" {
		t.Errorf("under the trade's own number it is %v", got.body)
	}
}

// A refund to a slow customer is accepted before it moves money.
func TestASlowRefund(t *testing.T) {
	s := open(t)
	customer, no := s.Phone("slow", 5000), sandboxtest.OrderNo()
	qr := s.precreate(no, "5.00").text("qr_code")
	done := make(chan struct{})
	go func() { defer close(done); s.Touch(customer, "scan", fmt.Sprintf(`{"qr":%q}`, qr)) }()
	sandboxtest.Until(t, func() bool { return s.Clock.Waiting() > 0 })
	s.Clock.Move(6 * time.Second)
	<-done
	for range 2 {
		if got := s.refund(no, "P1", "5.00"); got.text("code") != "10000" || got.text("fund_change") != "N" || got.text("refund_fee") != "0.00" {
			t.Errorf("answered %v", got.body)
		}
		if got := s.refunded(no, "P1"); got.text("refund_status") != "" {
			t.Errorf("it is %v", got.body)
		}
	}
	s.Clock.Move(6 * time.Second)
	if got := s.refunded(no, "P1"); got.text("refund_status") != "REFUND_SUCCESS" {
		t.Errorf("in the end it is %v", got.body)
	}
	if got := s.refund(no, "P1", "5.00"); got.text("fund_change") != "N" || got.text("refund_fee") != "5.00" {
		t.Errorf("again answers %v", got.body)
	}
}
