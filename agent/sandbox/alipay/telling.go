package alipay

import (
	"net/url"
	"time"

	"tillwire/agent/sandbox"
)

// tradeStatus maps an order to trade_status. TRADE_CLOSED says both that nobody
// paid and that all went back; a paid one has a send_pay_date beside it.
func tradeStatus(o *sandbox.Order) string {
	switch {
	case o.Open():
		return "WAIT_BUYER_PAY"
	case o.State == sandbox.StatePaid && o.Refunded < o.Captured:
		return "TRADE_SUCCESS"
	}
	return "TRADE_CLOSED"
}

// tradeBody is an order as query answers it.
func tradeBody(o *sandbox.Order) map[string]any {
	body := map[string]any{"out_trade_no": o.OrderNo, "total_amount": yuan(o.Amount)}
	switch {
	case o.Captured > 0:
		body = paidBody(o)
		body["send_pay_date"] = stamp(o.Paid)
	case o.Customer != "":
		body["buyer_logon_id"], body["buyer_user_id"] = logon(o), buyer(o)
	}
	if o.Kind == sandbox.KindUnseen {
		delete(body, "total_amount") // nobody ever named one
	}
	body["trade_status"] = tradeStatus(o)
	return body
}

// paidBody is what pay and query say of a paid order. No coupon is ever involved,
// so the shop receives what the buyer pays.
func paidBody(o *sandbox.Order) map[string]any {
	sum := yuan(o.Captured)
	body := map[string]any{"trade_no": o.TransactionID, "out_trade_no": o.OrderNo, "buyer_logon_id": logon(o), "buyer_user_id": buyer(o),
		"total_amount": sum, "receipt_amount": sum, "buyer_pay_amount": sum, "invoice_amount": sum, "point_amount": "0.00",
		"fund_bill_list": []any{map[string]any{"fund_channel": "ALIPAYACCOUNT", "amount": sum}}}
	if details, err := url.ParseQuery(o.Details); err == nil {
		for _, name := range []string{"store_id", "terminal_id"} {
			if s := details.Get(name); s != "" {
				body[name] = s
			}
		}
	}
	return body
}

// logon is the buyer's account, masked as Alipay masks it.
func logon(o *sandbox.Order) string {
	return o.Customer[:min(3, len(o.Customer))] + "***@sandbox.example"
}

// buyer is the buyer's number, stable per customer: 2088 and twelve digits.
func buyer(o *sandbox.Order) string {
	n := uint64(0)
	for _, c := range []byte(o.Customer) {
		n = n*31 + uint64(c)
	}
	digits := []byte("2088000000000000")
	for i := len(digits) - 1; i >= 4; i-- {
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	return string(digits)
}

// stamp writes a time as the gateway does.
func stamp(t time.Time) string { return t.In(china).Format(stampLayout) }

// lieAboutAmount is an answer that states one fen more, and nothing else wrong.
func lieAboutAmount(body map[string]any) {
	for _, name := range []string{"total_amount", "receipt_amount", "buyer_pay_amount", "invoice_amount", "refund_fee", "refund_amount"} {
		if s, ok := body[name].(string); ok {
			if fen, good := parseYuan(s); good {
				body[name] = yuan(fen + 1)
			}
		}
	}
}
