package alipay_test

import (
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"tillwire/agent/sandbox/sandboxtest"
)

func TestPay(t *testing.T) {
	s := open(t)
	for _, inForm := range []bool{true, false} {
		for _, as := range []string{"public key", "certificate"} {
			s.inForm, s.as = inForm, s.wallet.App()
			if as == "certificate" {
				s.as = s.wallet.CertApp()
			}
			no := sandboxtest.OrderNo()
			got := s.pay(no, s.Code(s.Phone("approve", 5000)), "12.80")
			s.want(got, "10000", "")
			if got.member != "alipay_trade_pay_response" || got.text("total_amount") != "12.80" || got.text("out_trade_no") != no || got.text("gmt_payment") != "2026-01-01 10:34:56" {
				t.Errorf("%s: answered %s %v", as, got.member, got.body)
			}
			if !regexp.MustCompile(`^[0-9]{28}$`).MatchString(got.text("trade_no")) || !strings.HasSuffix(got.text("buyer_logon_id"), "***@sandbox.example") {
				t.Errorf("%s: answered %v", as, got.body)
			}
			if q := s.call("alipay.trade.query", fmt.Sprintf(`{"trade_no":%q,"out_trade_no":"other"}`, got.text("trade_no"))); q.text("out_trade_no") != no || q.text("trade_status") != "TRADE_SUCCESS" || q.text("send_pay_date") == "" {
				t.Errorf("%s: by its own number it is %v", as, q.body)
			}
			if r := s.Row(no); r.Captured != 1280 || r.State != "paid" {
				t.Errorf("ledger says %+v", r)
			}
			if list := s.Requests(); list[len(list)-1].Operation != "query" || list[len(list)-2].Operation != "pay" || list[len(list)-2].OrderNo != no {
				t.Errorf("the requests are listed as %+v", list[len(list)-2:])
			}
		}
	}
}

// What the customer does decides the code, and a query says the same.
func TestBehaviours(t *testing.T) {
	s := open(t)
	for _, c := range []struct {
		behaviour           string
		balance             int
		code, sub, status   string
		confirm, afterwards string
	}{
		{"approve", 5000, "10000", "", "TRADE_SUCCESS", "paid", "TRADE_SUCCESS"},
		{"approve", 1279, "40004", "ACQ.BUYER_BALANCE_NOT_ENOUGH", "TRADE_CLOSED", "declined", "TRADE_CLOSED"},
		{"decline", 5000, "40004", "ACQ.BUYER_BALANCE_NOT_ENOUGH", "TRADE_CLOSED", "declined", "TRADE_CLOSED"},
		{"password", 5000, "10003", "", "WAIT_BUYER_PAY", "paid", "TRADE_SUCCESS"},
		{"abandon", 5000, "10003", "", "WAIT_BUYER_PAY", "abandoned", "WAIT_BUYER_PAY"},
	} {
		t.Run(fmt.Sprint(c.behaviour, c.balance), func(t *testing.T) {
			s.T = t
			customer, no := s.Phone(c.behaviour, c.balance), sandboxtest.OrderNo()
			s.want(s.pay(no, s.Code(customer), "12.80"), c.code, c.sub)
			if status := s.status(no); status != c.status {
				t.Errorf("query says %q, want %q", status, c.status)
			}
			if status := s.Touch(customer, "confirm", ""); status != c.confirm {
				t.Errorf("the phone says %q, want %q", status, c.confirm)
			}
			if status := s.status(no); status != c.afterwards {
				t.Errorf("afterwards query says %q, want %q", status, c.afterwards)
			}
		})
	}
}

func TestASlowCustomerAnswersAfterSixSeconds(t *testing.T) {
	s := open(t)
	no := sandboxtest.OrderNo()
	request := s.request("alipay.trade.pay", payment(no, s.Code(s.Phone("slow", 5000)), "12.80"))
	answered := make(chan reply, 1)
	go func() { answered <- s.send(request) }()
	for s.Clock.Waiting() == 0 {
		runtime.Gosched()
	}
	if status := s.status(no); status != "WAIT_BUYER_PAY" {
		t.Errorf("meanwhile a query says %q", status)
	}
	s.Clock.Move(6 * time.Second)
	s.want(<-answered, "10000", "")
}

// A number is asked once: again is the same answer, otherwise it is refused.
func TestOrderNumbers(t *testing.T) {
	s := open(t)
	rich := s.Phone("approve", 100000)
	no, code := sandboxtest.OrderNo(), s.Code(rich)
	first, again := s.pay(no, code, "12.80"), s.pay(no, code, "12.80")
	if again.text("code") != "10000" || again.text("trade_no") != first.text("trade_no") {
		t.Errorf("again answers %v", again.body)
	}
	s.want(s.pay(no, code, "12.81"), "40004", "ACQ.CONTEXT_INCONSISTENT")
	s.want(s.pay(no, s.Code(rich), "12.80"), "40004", "ACQ.CONTEXT_INCONSISTENT")
	s.want(s.pay(sandboxtest.OrderNo(), code, "12.80"), "40004", "ACQ.PAYMENT_AUTH_CODE_INVALID")
	s.want(s.precreate(no, "12.80"), "40004", "ACQ.CONTEXT_INCONSISTENT")
	if r := s.Row(no); r.Captured != 1280 {
		t.Errorf("ledger says %+v", r)
	}
	s.want(s.named("query", sandboxtest.OrderNo()), "40004", "ACQ.TRADE_NOT_EXIST")
	// The other application is another seller.
	s.as = s.wallet.CertApp()
	s.want(s.named("query", no), "40004", "ACQ.TRADE_NOT_EXIST")
}

func TestCodes(t *testing.T) {
	s := open(t)
	customer := s.Phone("approve", 100000)
	lengths := map[int]bool{}
	for range 60 {
		code := s.Code(customer)
		lengths[len(code)] = true
		if !regexp.MustCompile(`^(2[5-9]|30)[0-9]{14,22}$`).MatchString(code) {
			t.Fatalf("the code has %d digits and begins %s", len(code), code[:2])
		}
	}
	if len(lengths) < 4 {
		t.Errorf("only these lengths: %v", lengths)
	}
	s.want(s.pay(sandboxtest.OrderNo(), "281234567890123456", "1.00"), "40004", "ACQ.PAYMENT_AUTH_CODE_INVALID")
	code := s.Code(customer)
	s.Clock.Move(61 * time.Second)
	s.want(s.pay(sandboxtest.OrderNo(), code, "1.00"), "40004", "ACQ.PAYMENT_AUTH_CODE_INVALID")
}

// Unpaid it lives as long as the request says, three minutes by default.
func TestACodePaymentDiesUnpaid(t *testing.T) {
	for extra, life := range map[string]time.Duration{"": 3 * time.Minute, `,"timeout_express":"1m"`: time.Minute} {
		s := open(t)
		customer, no := s.Phone("password", 5000), sandboxtest.OrderNo()
		s.call("alipay.trade.pay", fmt.Sprintf(`{"out_trade_no":%q,"scene":"bar_code","auth_code":%q,"subject":"tea","total_amount":"1.00"%s}`, no, s.Code(customer), extra))
		s.Clock.Move(life - time.Second)
		if status := s.status(no); status != "WAIT_BUYER_PAY" {
			t.Errorf("before %v it is %q", life, status)
		}
		s.Clock.Move(time.Second)
		if status := s.status(no); status != "TRADE_CLOSED" {
			t.Errorf("after %v it is %q", life, status)
		}
		if status := s.Touch(customer, "confirm", ""); status != "closed" {
			t.Errorf("the phone says %q", status)
		}
	}
}

// A shown code is no trade before a phone looks at it.
func TestPrecreate(t *testing.T) {
	s := open(t)
	no := sandboxtest.OrderNo()
	qr := s.precreate(no, "5.00").text("qr_code")
	if !strings.HasPrefix(qr, "https://qr.alipay.com/bax") {
		t.Errorf("the code is %q", qr)
	}
	s.want(s.named("query", no), "40004", "ACQ.TRADE_NOT_EXIST")
	s.want(s.refund(no, "1", "1.00"), "40004", "ACQ.TRADE_NOT_EXIST")
	scan := fmt.Sprintf(`{"qr":%q}`, qr)
	if status := s.Touch(s.Phone("abandon", 5000), "scan", scan); status != "abandoned" {
		t.Errorf("the phone says %q", status)
	}
	if status := s.status(no); status != "WAIT_BUYER_PAY" {
		t.Errorf("once it was looked at it is %q", status)
	}
	thinker := s.Phone("password", 5000)
	if status := s.Touch(thinker, "scan", scan); status != "password" {
		t.Errorf("the phone says %q", status)
	}
	if status := s.Touch(thinker, "confirm", ""); status != "paid" {
		t.Errorf("the phone says %q", status)
	}
	if status := s.status(no); status != "TRADE_SUCCESS" {
		t.Errorf("in the end it is %q", status)
	}
	s.want(s.precreate(no, "5.00"), "40004", "ACQ.TRADE_HAS_SUCCESS")
}
