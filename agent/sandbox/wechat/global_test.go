package wechat_test

import (
	"fmt"
	"testing"
	"time"
)

func (s *shop) payAbroad(no, code, currency string, total int) reply {
	s.Helper()
	return s.call("POST", "/v3/global/micropay/transactions/pay", fmt.Sprintf(
		`{"appid":%q,"mchid":%q,"description":"coffee","out_trade_no":%q,"trade_type":"MICROPAY","merchant_category_code":"5812","payer":{"auth_code":%q},"amount":{"total":%d,"currency":%q}}`,
		s.as.AppID, s.as.MerchantID, no, code, total, currency))
}

func (s *shop) reverseAbroad(no string) reply {
	s.Helper()
	return s.call("POST", "/v3/global/micropay/transactions/out-trade-no/"+no+"/reverse", fmt.Sprintf(`{"appid":%q,"mchid":%q}`, s.as.AppID, s.as.MerchantID))
}

func (s *shop) balance(customer string) (n int64) {
	s.Helper()
	var out struct{ Balance int64 }
	s.Control("GET", "customers/"+customer, "", &out)
	return out.Balance
}

// The shop prices in its currency, the phone pays yuan, and what goes back goes
// back at the rate of the payment, to the last fen.
func TestPayingAbroad(t *testing.T) {
	s := openEdition(t, true)
	phone := s.Phone("approve", 10000)
	got := s.payAbroad("ABROAD_1", s.Code(phone), "JPY", 1280)
	for name, want := range map[string]string{"trade_state": "SUCCESS", "amount.total": "1280", "amount.currency": "JPY", "amount.payer_total": "6144",
		"amount.payer_currency": "CNY", "amount.exchange_rate.rate": "4800000", "transaction_id": ""} {
		if got.text(name) != want {
			t.Errorf("%s is %q, want %q", name, got.text(name), want)
		}
	}
	if got.text("id") == "" || s.balance(phone) != 10000-6144 {
		t.Errorf("id %q, the phone has %d", got.text("id"), s.balance(phone))
	}
	for i, part := range []int{333, 333, 614} {
		r := s.call("POST", "/v3/global/refunds", fmt.Sprintf(`{"out_trade_no":"ABROAD_1","out_refund_no":"ABROAD_1P%d","amount":{"refund":%d,"total":1280,"currency":"JPY"}}`, i, part))
		if r.status != 200 || r.text("amount.payer_currency") != "CNY" || r.text("id") == "" {
			t.Errorf("refund: %d %v", r.status, r.body)
		}
	}
	if s.balance(phone) != 10000 {
		t.Errorf("the phone has %d back", s.balance(phone))
	}
	s.want(s.payAbroad("ABROAD_2", s.Code(s.Phone("approve", 6143)), "JPY", 1280), 403, "NOT_ENOUGH")
	s.want(s.payAbroad("ABROAD_3", s.Code(phone), "XYZ", 1280), 400, "PARAM_ERROR")
	s.want(s.pay("ABROAD_4", s.Code(phone), 100), 403, "NO_AUTH")
	home := open(t)
	home.want(home.payAbroad("ABROAD_5", "130000000000000000", "USD", 1), 403, "NO_AUTH")
}

func TestAReversalAbroadEndsWithTheDay(t *testing.T) {
	s := openEdition(t, true) // it is 10:34 in Beijing
	phone := s.Phone("approve", 100000)
	s.payAbroad("ABROAD_1", s.Code(phone), "USD", 100)
	s.Clock.Move(13 * time.Hour)
	s.payAbroad("ABROAD_2", s.Code(phone), "USD", 100)
	if got := s.reverseAbroad("ABROAD_1"); got.status != 204 || s.balance(phone) != 100000-720 {
		t.Errorf("before midnight: %d, %d left", got.status, s.balance(phone))
	}
	s.Clock.Move(30 * time.Minute)
	s.want(s.reverseAbroad("ABROAD_2"), 400, "REVERSE_EXPIRE")
	if got := s.reverseAbroad("ABROAD_1"); got.status != 204 {
		t.Errorf("again: %d", got.status)
	}
}
