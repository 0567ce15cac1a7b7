package gateway

import (
	"strconv"

	"tillwire/agent"
	"tillwire/agent/sandbox"
)

// reasons maps why a payment was refused to the contract's words.
var reasons = map[sandbox.Reason]string{
	sandbox.ReasonCodeUnknown: "code_invalid",
	sandbox.ReasonCodeExpired: "code_expired",
	sandbox.ReasonCodeUsed:    "code_used",
	sandbox.ReasonNotEnough:   "not_enough",
	sandbox.ReasonCurrency:    "other",

	sandbox.ReasonSpent:      "voucher_spent",
	sandbox.ReasonDenied:     "voucher_denied",
	sandbox.ReasonExpired:    "voucher_expired",
	sandbox.ReasonOverLimit:  "over_limit",
	sandbox.ReasonForged:     "voucher_forged",
	sandbox.ReasonMalformed:  "voucher_malformed",
	sandbox.ReasonOtherOrder: "voucher_other_order",
}

// stateOf maps an order to the contract's states. A charge that ran out was never
// confirmed; a presented order that ran out is closed.
func stateOf(o *sandbox.Order) (state, reason string) {
	switch o.State {
	case sandbox.StatePaid:
		return "paid", ""
	case sandbox.StateReversed:
		return "reversed", ""
	case sandbox.StateClosed:
		return "closed", ""
	case sandbox.StateCancelled:
		return "refused", "not_confirmed"
	case sandbox.StateDeclined:
		return "refused", reasons[o.Reason]
	case sandbox.StateCreated:
		return "unpaid", ""
	}
	// The brand asks its customer: with a password it waits for the customer, with a
	// slow one nobody knows what for.
	if o.Answers.IsZero() {
		return "awaiting", ""
	}
	return "pending", ""
}

// modeOf is who presented; a tombstone has none.
var modeOf = map[sandbox.Kind]string{sandbox.KindCode: "code", sandbox.KindShown: "show", sandbox.KindVoucher: modeOffline}

// paymentBody is an order as every answer tells it.
func (t *task) paymentBody(o *sandbox.Order) map[string]any {
	state, reason := stateOf(o)
	body := map[string]any{"merchant": o.Merchant, "brand": o.Wallet, "order_no": o.OrderNo, "state": state}
	if o.Kind == sandbox.KindUnseen {
		return body // nobody ever named an amount
	}
	body["mode"] = modeOf[o.Kind]
	if t.challenged(o) {
		body["mode"] = modeOffline
	}
	body["amount"] = money(o.Amount, o.Currency)
	if o.TransactionID != "" {
		body["txn"] = o.TransactionID
	}
	if o.Captured > 0 {
		body["paid_at"], body["refunded"] = stamp(o.Paid), o.Refunded
		if payer := t.wallet.payer(o); payer != nil {
			body["payer"] = payer
		}
	}
	switch state {
	case "refused":
		body["reason"], body["message"] = reason, "the payment was refused: "+reason
	case "unpaid":
		body["qr"], body["expires_at"] = o.QR, stamp(o.Expires)
	}
	return body
}

// refundBody is a refund as every answer tells it.
func (t *task) refundBody(r *sandbox.Refund) map[string]any {
	body := map[string]any{"merchant": r.Order.Merchant, "brand": r.Order.Wallet, "order_no": r.Order.OrderNo, "refund_no": r.RefundNo,
		"state": "processing", "amount": money(r.Amount, r.Order.Currency), "txn": r.RefundID}
	if r.State == sandbox.RefundSuccess {
		body["state"], body["done_at"] = "done", stamp(r.Done)
	}
	return body
}

func money(value int64, currency string) map[string]any {
	return map[string]any{"value": value, "currency": currency}
}

// rates to the payers' own currency, in units of 1/10000; a real brand's move
// every day.
var rates = map[string]int64{"SGD": 53000, "JPY": 481, "THB": 2050, "MYR": 16100, "HKD": 9200, "USD": 72000, "EUR": 78000}

// payer is what left the customer's account at home, rounded half up.
func (w *Wallet) payer(o *sandbox.Order) map[string]any {
	rate := rates[o.Currency]
	if w.brand.home == "" || rate == 0 {
		return nil
	}
	minor := o.Captured * rate
	for range 2 - agent.Currency(o.Currency).Exponent() {
		minor *= 10
	}
	text := strconv.FormatInt(rate+100000, 10)[1:] // five digits: one before the point
	return map[string]any{"amount": money((minor+5000)/10000, w.brand.home),
		"rate": "1 " + o.Currency + " = " + text[:1] + "." + text[1:] + " " + w.brand.home}
}

// lieAboutAmount is an answer that states one unit more, and nothing else wrong.
func lieAboutAmount(body map[string]any) {
	if m, ok := body["amount"].(map[string]any); ok {
		if v, ok := m["value"].(int64); ok {
			m["value"] = v + 1
		}
	}
}
