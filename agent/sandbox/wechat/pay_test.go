package wechat_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"tillwire/agent/sandbox/sandboxtest"
)

func TestPayWithACode(t *testing.T) {
	s := open(t)
	customer := s.Phone("approve", 5000)
	got := s.pay("POS01-20260101-000001", s.Code(customer), 1280)
	for path, want := range map[string]string{
		"trade_state": "SUCCESS", "out_trade_no": "POS01-20260101-000001", "mchid": s.as.MerchantID, "appid": s.as.AppID,
		"trade_type": "MICROPAY", "amount.total": "1280", "amount.payer_total": "1280", "amount.currency": "CNY",
		"success_time": "2026-01-01T10:34:56+08:00", "bank_type": "OTHERS",
	} {
		if got.text(path) != want {
			t.Errorf("%s is %q, want %q", path, got.text(path), want)
		}
	}
	if n := got.text("transaction_id"); len(n) != 28 || strings.Trim(n, "0123456789") != "" {
		t.Errorf("transaction_id is %q", n)
	}
	if got.header.Get("Request-Id") == "" || got.header.Get("Wechatpay-Signature-Type") != "WECHATPAY2-SHA256-RSA2048" {
		t.Errorf("headers %v", got.header)
	}
	if r := s.Row("POS01-20260101-000001"); r.Captured != 1280 || r.State != "paid" || r.Refunded != 0 || r.Reversed {
		t.Errorf("ledger says %+v", r)
	}
	byTransaction := s.call("GET", "/v3/pay/transactions/id/"+got.text("transaction_id")+"?mchid="+s.as.MerchantID, "")
	if byTransaction.text("out_trade_no") != "POS01-20260101-000001" {
		t.Errorf("query by transaction answers %v", byTransaction.body)
	}
}

// What each customer does, as the shop sees it.
func TestCustomers(t *testing.T) {
	for _, c := range []struct {
		behaviour string
		balance   int
		status    int
		answer    string // trade_state or code
		confirm   string
		after     string // trade_state of a query after the confirmation
	}{
		{"approve", 1280, 200, "SUCCESS", "paid", "SUCCESS"},
		{"approve", 1279, 403, "NOT_ENOUGH", "declined", "PAYERROR"},
		{"password", 5000, 202, "USERPAYING", "paid", "SUCCESS"},
		{"password", 10, 202, "USERPAYING", "declined", "PAYERROR"},
		{"decline", 5000, 403, "NOT_ENOUGH", "declined", "PAYERROR"},
		{"abandon", 5000, 202, "USERPAYING", "abandoned", "USERPAYING"},
	} {
		t.Run(fmt.Sprintf("%s with %d", c.behaviour, c.balance), func(t *testing.T) {
			s := open(t)
			customer, no := s.Phone(c.behaviour, c.balance), sandboxtest.OrderNo()
			got := s.pay(no, s.Code(customer), 1280)
			if got.status != c.status || got.text("trade_state")+got.text("code") != c.answer {
				t.Errorf("pay answers %d %v", got.status, got.body)
			}
			if c.status == 202 && len(got.body) != 1 {
				t.Errorf("the 202 says more than the live system: %v", got.body)
			}
			if status := s.Touch(customer, "confirm", ""); status != c.confirm {
				t.Errorf("confirm says %q, want %q", status, c.confirm)
			}
			if state := s.query(no).text("trade_state"); state != c.after {
				t.Errorf("query says %q, want %q", state, c.after)
			}
		})
	}
}

func TestASlowCustomerAnswersAfterSixSeconds(t *testing.T) {
	s := open(t)
	customer, no := s.Phone("slow", 5000), sandboxtest.OrderNo()
	code := s.Code(customer)
	request := s.request("POST", "/v3/pay/transactions/codepay", s.codepay(no, code, 1280))
	answered := make(chan reply, 1)
	go func() { answered <- s.send(request) }()
	for s.Clock.Waiting() == 0 {
		runtime.Gosched()
	}
	if state := s.query(no).text("trade_state"); state != "USERPAYING" {
		t.Errorf("meanwhile a query says %q", state)
	}
	s.Clock.Move(6 * time.Second)
	if got := <-answered; got.text("trade_state") != "SUCCESS" {
		t.Errorf("the answer is %v", got.body)
	}
	if r := s.Row(no); r.Captured != 1280 {
		t.Errorf("ledger says %+v", r)
	}
}

// A number is asked once: again is the same answer, otherwise it is refused.
func TestOrderNumbers(t *testing.T) {
	s := open(t)
	rich := s.Phone("approve", 100000)
	no, code := sandboxtest.OrderNo(), s.Code(rich)
	first := s.pay(no, code, 1280)
	again := s.pay(no, code, 1280)
	if again.status != 200 || again.text("transaction_id") != first.text("transaction_id") {
		t.Errorf("again answers %d %v", again.status, again.body)
	}
	s.want(s.pay(no, code, 1281), 403, "OUT_TRADE_NO_USED")
	s.want(s.pay(no, s.Code(rich), 1280), 403, "OUT_TRADE_NO_USED")
	s.want(s.pay(sandboxtest.OrderNo(), code, 1280), 400, "AUTH_CODE_INVALID")
	s.want(s.native(no, 1280, ""), 403, "OUT_TRADE_NO_USED")
	if r := s.Row(no); r.Captured != 1280 {
		t.Errorf("ledger says %+v", r)
	}
}

func TestCodes(t *testing.T) {
	s := open(t)
	customer := s.Phone("approve", 100000)
	code := s.Code(customer)
	if len(code) != 18 || code[0] != '1' || code[1] > '5' {
		t.Errorf("the code %q is not WeChat's", code)
	}
	s.want(s.pay(sandboxtest.OrderNo(), "134567890123456789", 100), 400, "AUTH_CODE_INVALID")
	s.Clock.Move(61 * time.Second)
	no := sandboxtest.OrderNo()
	s.want(s.pay(no, code, 100), 400, "AUTH_CODE_EXPIRED")
	s.want(s.pay(no, code, 100), 400, "AUTH_CODE_EXPIRED")
	if r := s.Row(no); r.Captured != 0 || r.State != "declined" {
		t.Errorf("ledger says %+v", r)
	}
}

func TestACodePaymentDiesUnpaidAfter45Seconds(t *testing.T) {
	s := open(t)
	customer, no := s.Phone("password", 5000), sandboxtest.OrderNo()
	code := s.Code(customer)
	s.pay(no, code, 1280)
	s.Clock.Move(44 * time.Second)
	if state := s.query(no).text("trade_state"); state != "USERPAYING" {
		t.Errorf("after 44 s it is %q", state)
	}
	s.Clock.Move(time.Second)
	if status := s.Touch(customer, "confirm", ""); status != "closed" {
		t.Errorf("the phone says %q", status)
	}
	if state := s.query(no).text("trade_state"); state != "REVOKED" {
		t.Errorf("after 45 s it is %q", state)
	}
	s.want(s.pay(no, code, 1280), 400, "ORDER_CLOSED")
	if got := s.reverse(no); got.status != 200 {
		t.Errorf("the reversal that is still asked for answers %d", got.status)
	}
	if r := s.Row(no); r.Captured != 0 || !r.Reversed {
		t.Errorf("ledger says %+v", r)
	}
}
