package wechat

import (
	"net/http"

	"tillwire/agent/sandbox"
)

// reverse has no minimum age: the fifteen seconds that the documentation asks for
// are the terminal's to keep.
func (t *task) reverse() (result, error) {
	if p := t.ends(who(t.who.Partner())); p != nil {
		return result{}, p
	}
	order, err := t.ledger.Reverse(t.ctx, t.key(t.id))
	if err != nil {
		return result{}, err
	}
	body := t.names()
	body["out_trade_no"] = order.OrderNo
	return result{http.StatusOK, body}, nil
}

// ends holds a request to end an order against the grammar of its number and the
// table of its body, which says nothing but who asks.
func (t *task) ends(fields []field) *problem {
	if p := t.orderNo(); p != nil {
		return p
	}
	_, p := t.body(fields)
	return p
}

// closeOrder answers 204, the one answer whose signature covers an empty body.
func (t *task) closeOrder() (result, error) {
	if p := t.ends(closer(t.who.Partner())); p != nil {
		return result{}, p
	}
	if _, err := t.ledger.CloseOrder(t.ctx, t.key(t.id)); err != nil {
		return result{}, err
	}
	return result{http.StatusNoContent, nil}, nil
}

// refund is idempotent by out_refund_no and always a full answer: accepted is not
// arrived, the status says which.
func (t *task) refund() (result, error) {
	o, p := t.refundAsked(refundFields(t.who.Partner()))
	if p != nil {
		return result{}, p
	}
	return t.giveBack(o, refundBody)
}

// refundAsked reads a refund, which must name its order one way or the other.
func (t *task) refundAsked(fields []field) (object, *problem) {
	o, p := t.body(fields)
	if p == nil && o.text("transaction_id") == "" && o.text("out_trade_no") == "" {
		p = paramError("out_trade_no", "and transaction_id are both missing")
	}
	return o, p
}

// giveBack makes the refund of a body that is as documented; say writes it as the
// edition does.
func (t *task) giveBack(o object, say func(*sandbox.Refund) map[string]any) (result, error) {
	amount := o.sub("amount")
	refund, err := t.ledger.Refund(t.ctx, sandbox.RefundRequest{
		Key: t.key(o.text("out_trade_no")), TransactionID: o.text("transaction_id"), RefundNo: o.text("out_refund_no"),
		Amount: amount.whole("refund"), Total: amount.whole("total"), Reason: o.text("reason"),
	})
	if err != nil {
		return result{}, explain(err, refundRefusals)
	}
	return result{http.StatusOK, say(refund)}, nil
}

// refundQuery is the only way to learn that a refund arrived.
func (t *task) refundQuery() (result, error) {
	return t.toldRefund(func() *problem { return t.subMerchant(t.params.Get("sub_mchid"), "") }, refundBody)
}

// toldRefund answers what became of a refund to whom may know it.
func (t *task) toldRefund(may func() *problem, say func(*sandbox.Refund) map[string]any) (result, error) {
	if !isRefundNo(t.id) {
		return result{}, paramError("out_refund_no", "has a value that is not allowed")
	}
	if p := may(); p != nil {
		return result{}, p
	}
	refund, err := t.ledger.RefundByNumber(t.ctx, t.name, t.key("").Merchant, t.id)
	if err != nil {
		return result{}, explain(err, refundRefusals)
	}
	return result{http.StatusOK, say(refund)}, nil
}

// refundBody is a refund as both calls answer it. No coupon is ever involved, so
// payer and settlement amounts equal the others.
func refundBody(r *sandbox.Refund) map[string]any {
	body := map[string]any{
		"refund_id": r.RefundID, "out_refund_no": r.RefundNo, "transaction_id": r.Order.TransactionID, "out_trade_no": r.Order.OrderNo,
		"channel": "ORIGINAL", "user_received_account": "balance of the payer", "create_time": stamp(r.Created),
		"funds_account": "UNSETTLED", "status": "PROCESSING", "promotion_detail": []any{},
		"amount": map[string]any{"total": r.Order.Captured, "refund": r.Amount, "from": []any{}, "payer_total": r.Order.Captured, "payer_refund": r.Amount,
			"settlement_refund": r.Amount, "settlement_total": r.Order.Captured, "discount_refund": int64(0), "currency": r.Order.Currency, "refund_fee": int64(0)},
	}
	switch r.State {
	case sandbox.RefundSuccess:
		body["status"], body["success_time"] = "SUCCESS", stamp(r.Done)
	case sandbox.RefundClosed:
		body["status"] = "CLOSED"
	case sandbox.RefundAbnormal:
		body["status"] = "ABNORMAL"
	}
	return body
}
