package lab

import "testing"

func TestARefundIsKnownByTheNumberBehindItsOrders(t *testing.T) {
	const no = "LAB00100VHNCZB004YV34CE79MVQE9P6" // it looks like a refund's own
	for request, want := range map[string]string{
		`{"out_trade_no":"` + no + `","out_refund_no":"` + no + `P12"}`:                       no + "P12",
		"biz_content=%7B%22out_trade_no%22%3A%22" + no + "%22%2C%22x%22%3A%22" + no + "R0%22": no + "R0",
		"/payments/" + no + "/refunds/" + no + "P1\n{}":                                       no + "P1",
		"out_request_no=" + no: "",
		"":                     "",
	} {
		if got := refundNumber(no, []byte(request)); got != want {
			t.Errorf("%s: %q, want %q", request, got, want)
		}
	}
	if got := refundNumber("", []byte("P1")); got != "" {
		t.Errorf("a refund of no order: %q", got)
	}
}

func TestAnOperationIsReadFromTheWire(t *testing.T) {
	for request, want := range map[string]string{
		"POST /v3/pay/transactions/codepay HTTP/1.1\r\n":                                                    "pay",
		"GET /v3/pay/transactions/out-trade-no/1?mchid=2 HTTP/1.1\r\n":                                      "query",
		"GET /v3/refund/domestic/refunds/1P1 HTTP/1.1\r\n":                                                  "refund_query",
		"POST /gateway.do?charset=utf-8 HTTP/1.1\r\nHost: x\r\n\r\na=b&method=alipay.trade.cancel&sign=c":   "reverse",
		"POST /gateway.do?charset=utf-8 HTTP/1.1\r\n\r\nmethod=alipay.trade.fastpay.refund.query&version=1": "refund_query",
		"POST /gateway.do?charset=utf-8 HTTP/1.1\r\n\r\na=method%3Dalipay.trade.pay":                        "other",
		"POST /tillwire/v1/payments/1/charge HTTP/1.1\r\n":                                                  "pay",
		"POST /tillwire/v1/payments/1/present HTTP/1.1\r\n":                                                 "present",
		"GET /tillwire/v1/payments/1?brand=charge HTTP/1.1\r\n":                                             "query",
		"POST /tillwire/v1/payments/1/reverse HTTP/1.1\r\n":                                                 "reverse",
		"POST /tillwire/v1/payments/1/close HTTP/1.1\r\n":                                                   "close",
		"POST /tillwire/v1/payments/1/redeem HTTP/1.1\r\n":                                                  "redeem",
		"POST /tillwire/v1/payments/1/refunds/1P1 HTTP/1.1\r\n":                                             "refund",
		"GET /tillwire/v1/payments/1/refunds/1P1?merchant=a HTTP/1.1\r\n":                                   "refund_query",
		"GET /tillwire/v1/capabilities HTTP/1.1\r\n":                                                        "other",
		"GET / HTTP/1.1\r\n": "other",
	} {
		if got := OperationOf([]byte(request)); string(got) != want {
			t.Errorf("%q: %q, want %q", request, got, want)
		}
	}
}
