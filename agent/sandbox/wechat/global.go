package wechat

import (
	"crypto/sha1"
	"encoding/hex"
	"net/http"
	"time"

	"tillwire/agent/sandbox"
)

const (
	abroad        = "/v3/global/transactions"
	abroadPay     = "/v3/global/micropay/transactions"
	abroadRefunds = "/v3/global/refunds"
)

// globalRoutes is the part of the cross-border edition that a counter uses (API
// page of 2025-03-21). Merchants of both kinds use the same addresses.
var globalRoutes = []route{
	{"POST", abroadPay + "/pay", sandbox.OpPay, false, true, (*task).payAbroad},
	{"POST", abroadPay + "/out-trade-no/{}/reverse", sandbox.OpReverse, false, true, (*task).reverseAbroad},
	{"POST", abroad + "/native", sandbox.OpPresent, false, true, (*task).nativeAbroad},
	{"GET", abroad + "/out-trade-no/{}", sandbox.OpQuery, false, true, (*task).query},
	{"POST", abroad + "/out-trade-no/{}/close", sandbox.OpClose, false, true, (*task).closeOrder},
	{"POST", abroadRefunds, sandbox.OpRefund, false, true, (*task).refundAbroad},
	{"GET", abroadRefunds + "/out-refund-no/{}", sandbox.OpRefundQuery, false, true, (*task).refundQueryAbroad},
	{"GET", "/v3/global/statements", sandbox.OpBill, false, true, (*task).statement},
	{"GET", "/v3/global/certificates", sandbox.OpKeys, false, true, (*task).certificates},
}

// rates is what one of a currency costs in yuan, times 10^8. The real ones change
// twice a day; these stay, so that tests can count on them.
var rates = map[string]int64{"CNY": 100_000_000, "HKD": 92_050_000, "MOP": 89_370_000, "USD": 720_000_000, "EUR": 781_230_000, "GBP": 912_000_000, "JPY": 4_800_000,
	"KRW": 520_000, "THB": 20_940_000, "SGD": 535_000_000, "AUD": 471_000_000, "MYR": 161_500_000}

func isPriced(s string) bool { _, known := rates[s]; return known }

// isMicropay and isNative hold trade_type.
func isMicropay(s string) bool { return s == "MICROPAY" }
func isNative(s string) bool   { return s == "NATIVE" }

// isSource holds where a refund's money comes from.
func isSource(s string) bool {
	return s == "REFUND_SOURCE_UNSETTLED_FUNDS" || s == "REFUND_SOURCE_RECHARGE_FUNDS"
}

// sharedAbroad is what both kinds of orders have in common.
func sharedAbroad(partner bool, kind func(string) bool) []field {
	return append(who(partner),
		field{name: "description", need: true, most: 127},
		field{name: "out_trade_no", need: true, most: 32, check: isOrderNo},
		field{name: "attach", most: 127},
		field{name: "goods_tag", most: 32},
		field{name: "trade_type", need: true, most: 16, check: kind},
		field{name: "limit_pay", most: 32},
		field{name: "merchant_category_code", need: true, most: 16, check: isDigits},
		field{name: "amount", kind: sub, need: true, in: []field{
			{name: "total", kind: whole, need: true, min: 1},
			{name: "currency", need: true, most: 16, check: isPriced},
		}},
		field{name: "scene_info", kind: sub, in: []field{
			{name: "device_id", most: 32},
			{name: "device_ip", most: 45, check: isAddress},
			{name: "payer_client_ip", most: 45, check: isAddress},
			{name: "operator_id", most: 32},
			{name: "store_info", kind: sub, in: []field{
				{name: "id", most: 32},
				{name: "name", need: true, most: 256},
				{name: "address", need: true, most: 512},
			}},
		}},
		detail("wechatpay_goods_id"))
}

// quote is what the payer gives for the amount of a body.
func (t *task) quote(o object) (total int64, currency string, q sandbox.Quote) {
	total, currency = o.sub("amount").whole("total"), o.sub("amount").text("currency")
	return total, currency, sandbox.Convert(total, currency, sandbox.HomeCurrency, rates[currency])
}

// payAbroad is the payment with a code that the shop scanned.
func (t *task) payAbroad() (result, error) {
	o, p := t.body(append(sharedAbroad(t.who.Partner(), isMicropay), field{name: "payer", kind: sub, need: true, in: []field{{name: "auth_code", need: true, most: 32}}}))
	if p != nil {
		return result{}, p
	}
	total, currency, quote := t.quote(o)
	order, err := t.ledger.Pay(t.ctx, sandbox.Charge{Key: t.key(o.text("out_trade_no")), Amount: total, Currency: currency, Quote: quote,
		Description: o.text("description"), Details: t.details(o), Code: o.sub("payer").text("auth_code"), Request: t.ledger.Fingerprint("micropay", o.canonical())})
	if err != nil {
		return result{}, err
	}
	return result{http.StatusOK, t.orderAbroad(order)}, nil
}

// nativeAbroad makes an order that a customer will scan.
func (t *task) nativeAbroad() (result, error) {
	o, p := t.body(append(sharedAbroad(t.who.Partner(), isNative), field{name: "notify_url", need: true, most: 255, check: isNotify},
		field{name: "time_expire", most: 64, check: isTime}))
	if p != nil {
		return result{}, p
	}
	var expires time.Time
	if given := o.text("time_expire"); given != "" {
		expires, _ = time.Parse(time.RFC3339, given) // the table has checked it
	}
	total, currency, quote := t.quote(o)
	return t.show(o, sandbox.Showing{Amount: total, Currency: currency, Quote: quote, Expires: expires})
}

// orderAbroad is an order in the words of the edition: its id has another name,
// and what the payer gave is told with the rate.
func (t *task) orderAbroad(o *sandbox.Order) map[string]any {
	body := t.namedOrder(o)
	if id, paid := body["transaction_id"]; paid {
		delete(body, "transaction_id")
		body["id"] = id
	}
	if amount, ok := body["amount"].(map[string]any); ok && o.Captured > 0 {
		amount["payer_total"], amount["payer_currency"] = o.PayerAmount, o.PayerCurrency
		amount["exchange_rate"] = map[string]any{"type": "USERPAYMENT_RATE", "rate": o.Rate}
	}
	return body
}

// reverseAbroad is possible on the day of the payment in Beijing; yuan that were
// converted cannot be taken back, only refunded.
func (t *task) reverseAbroad() (result, error) {
	if p := t.ends(who(t.who.Partner())); p != nil {
		return result{}, p
	}
	_, err := t.ledger.ReverseUntil(t.ctx, t.key(t.id), func(created time.Time) time.Time {
		y, m, d := created.In(beijing).Date()
		return time.Date(y, m, d+1, 0, 0, 0, -1, beijing)
	})
	if err != nil {
		return result{}, explain(err, reversalsAbroad)
	}
	return result{http.StatusNoContent, nil}, nil
}

// reversalsAbroad holds where the edition says it in other words.
var reversalsAbroad = map[sandbox.Reason]*problem{
	sandbox.ReasonReverseTooLate: {http.StatusBadRequest, "REVERSE_EXPIRE", "An order can be reversed on the same day; use a refund.", "268449386", nil},
}

// refundAbroad is idempotent by out_refund_no, like the one at home.
func (t *task) refundAbroad() (result, error) {
	named := who(t.who.Partner())
	for i := range named {
		// Who asks is in the signature; whom a provider asks for is not.
		named[i].need = named[i].name == "sub_mchid"
	}
	o, p := t.refundAsked(append(named,
		field{name: "transaction_id", most: 32},
		field{name: "out_trade_no", most: 32, check: isOrderNo},
		field{name: "out_refund_no", need: true, most: 64, check: isRefundNo},
		field{name: "reason", most: 80},
		field{name: "source", most: 32, check: isSource},
		field{name: "notify_url", most: 255, check: isNotify},
		field{name: "amount", kind: sub, need: true, in: []field{
			{name: "refund", kind: whole, need: true, min: 1},
			{name: "total", kind: whole, need: true, min: 1},
			{name: "currency", need: true, most: 16, check: isPriced},
		}}))
	if p != nil {
		return result{}, p
	}
	order, err := t.ledger.Order(t.ctx, t.key(o.text("out_trade_no")))
	if err == nil && order.Captured > 0 && order.Currency != o.sub("amount").text("currency") {
		return result{}, paramError("amount.currency", "is not that of the order")
	}
	return t.giveBack(o, refundBodyAbroad)
}

func (t *task) refundQueryAbroad() (result, error) {
	return t.toldRefund(t.asker, refundBodyAbroad)
}

// refundBodyAbroad is a refund in the words of the edition. It goes back at the
// rate of the payment.
func refundBodyAbroad(r *sandbox.Refund) map[string]any {
	body := refundBody(r)
	if r.State == sandbox.RefundClosed {
		body["status"] = "REFUNDCLOSE"
	}
	body["id"] = body["refund_id"]
	delete(body, "refund_id")
	body["amount"] = map[string]any{"refund": r.Amount, "total": r.Order.Captured, "currency": r.Order.Currency,
		"payer_refund": r.Order.PayerPart(r.Amount), "payer_currency": r.Order.PayerCurrency,
		"exchange_rate": map[string]any{"type": "USERPAYMENT_RATE", "rate": r.Order.Rate}}
	return body
}

// statement is the bill of a day: the file itself, with its hash in a header.
func (t *task) statement() (result, error) {
	day, err := time.ParseInLocation("20060102", t.params.Get("date"), beijing)
	if err != nil {
		return result{}, paramError("date", "is not a day")
	}
	if err := t.billable(day); err != nil {
		return result{}, err
	}
	file, empty, err := t.file(t.ctx, "ALL", t.key("").Merchant, day)
	switch {
	case err != nil:
		return result{}, err
	case empty:
		return result{}, errNoBill
	}
	sum := sha1.Sum(file)
	return result{http.StatusOK, plain{lied(file, t.call.Lie), hex.EncodeToString(sum[:])}}, nil
}
