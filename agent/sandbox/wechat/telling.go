package wechat

import (
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
)

// tradeStates maps an order to trade_state and its sentence. A code payment
// that died unpaid shows as revoked, as the real cloud cancels it.
var tradeStates = map[sandbox.State][2]string{
	sandbox.StateCreated:   {"NOTPAY", "Not paid"},
	sandbox.StateAwaiting:  {"USERPAYING", "The customer must enter the password"},
	sandbox.StatePaid:      {"SUCCESS", "Paid"},
	sandbox.StateDeclined:  {"PAYERROR", "The payment failed; reverse the order"},
	sandbox.StateCancelled: {"REVOKED", "Cancelled, because it was not paid in time"},
	sandbox.StateClosed:    {"CLOSED", "Closed"},
	sandbox.StateReversed:  {"REVOKED", "Reversed"},
}

// orderBody is an order as codepay and query answer it.
func orderBody(o *sandbox.Order) map[string]any {
	state := tradeStates[o.State]
	body := map[string]any{"out_trade_no": o.OrderNo, "trade_state": state[0], "trade_state_desc": state[1]}
	// REFUND is said from the first fen on that went back.
	if o.State == sandbox.StatePaid && o.Refunded > 0 {
		body["trade_state"], body["trade_state_desc"] = "REFUND", "Paid, then refunded at least in part"
	}
	// What the shop sent is repeated from the order, not from the query: another
	// terminal of the same merchant may be asking.
	details, err := url.ParseQuery(o.Details)
	if err == nil {
		for name := range details {
			body[name] = details.Get(name)
		}
	}
	switch o.Kind {
	case sandbox.KindUnseen:
		return body // a tombstone knows no amount
	case sandbox.KindCode:
		body["trade_type"] = "MICROPAY"
	case sandbox.KindShown:
		body["trade_type"] = "NATIVE"
	}
	amount := map[string]any{"total": o.Amount, "currency": o.Currency}
	// Only what was paid has a transaction, a time and a payer; it keeps them after a
	// reversal.
	if o.Captured > 0 {
		amount["payer_total"], amount["payer_currency"] = o.Captured, o.Currency
		body["transaction_id"] = o.TransactionID
		body["success_time"] = stamp(o.Paid)
		body["bank_type"] = "OTHERS"
		body["promotion_detail"] = []any{}
		body["payer"] = payer(o, details.Has("sp_mchid"))
	}
	body["amount"] = amount
	return body
}

// payer is who paid: an id that is stable per customer and says nothing else.
func payer(o *sandbox.Order, partner bool) map[string]any {
	id := "oSandbox" + o.Customer
	if partner {
		return map[string]any{"sp_openid": id}
	}
	return map[string]any{"openid": id}
}

// stamp writes a time with its offset, never Z, as WeChat Pay does.
func stamp(t time.Time) string { return t.In(beijing).Format("2006-01-02T15:04:05-07:00") }

// lieAboutAmount is an answer that states one fen more, and nothing else wrong.
func lieAboutAmount(body any) any {
	o, ok := body.(map[string]any)
	if !ok {
		return body
	}
	amount, ok := o["amount"].(map[string]any)
	if !ok {
		return body
	}
	o, amount = maps.Clone(o), maps.Clone(amount)
	for name, value := range amount {
		if n, ok := value.(int64); ok {
			amount[name] = n + 1
		}
	}
	o["amount"] = amount
	return o
}

// local writes a time as bills do.
func local(t time.Time) string { return t.In(beijing).Format("2006-01-02 15:04:05") }

// yuan writes fen as bills do: the only amounts of this wallet that are not fen.
func yuan(fen int64) string { return major(fen, "CNY") }

// major writes minor units with the decimals of their currency.
func major(minor int64, currency string) string {
	sign := ""
	if minor < 0 {
		sign, minor = "-", -minor
	}
	digits := strconv.FormatInt(minor, 10)
	exp := agent.Currency(currency).Exponent()
	if exp == 0 {
		return sign + digits
	}
	digits = strings.Repeat("0", max(exp+1-len(digits), 0)) + digits
	return sign + digits[:len(digits)-exp] + "." + digits[len(digits)-exp:]
}
