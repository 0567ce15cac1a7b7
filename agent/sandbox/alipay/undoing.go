package alipay

import (
	"time"

	"tillwire/agent/sandbox"
)

// cancelWindow is how long after its creation a trade may be cancelled (Alipay: 24 h).
const cancelWindow = 24 * time.Hour

// named is the shop's own number of the trade that a request means.
func (t *task) named() (sandbox.Key, error) {
	if t.in.text("trade_no") == "" && t.in.text("out_trade_no") != "" {
		return t.key(t.in.text("out_trade_no")), nil
	}
	order, err := t.find()
	if err != nil {
		return sandbox.Key{}, err
	}
	return order.Key, nil
}

// cancel undoes a trade whatever became of it: not there, it never will be;
// unpaid, it is closed; paid, the money goes back.
func (t *task) cancel() (map[string]any, error) {
	key, err := t.named()
	if err != nil {
		return nil, err
	}
	order, err := t.ledger.Cancel(t.ctx, key, cancelWindow)
	if sandbox.RefusedFor(err) == sandbox.ReasonStateForbids {
		return nil, errCancelBack
	}
	if err != nil {
		return nil, err
	}
	body := t.number(order)
	body["retry_flag"] = "N"
	// action says what this trade came to, the first time and every time after.
	switch {
	case order.Captured > 0:
		body["action"] = "refund"
	case order.Kind != sandbox.KindUnseen:
		body["action"] = "close"
	}
	return body, nil
}

// closeTrade ends a trade that nobody paid. A number that was never seen is
// remembered, too: a code that is asked for later must not be payable.
func (t *task) closeTrade() (map[string]any, error) {
	key, err := t.named()
	if err != nil {
		return nil, err
	}
	order, err := t.ledger.CloseUnpaid(t.ctx, key)
	if sandbox.RefusedFor(err) == sandbox.ReasonOrderPaid {
		return nil, errClosePaid
	}
	if err != nil {
		return nil, err
	}
	return t.number(order), nil
}

// number is how every answer names the trade.
func (t *task) number(o *sandbox.Order) map[string]any {
	body := map[string]any{"out_trade_no": o.OrderNo}
	if o.TransactionID != "" {
		body["trade_no"] = o.TransactionID
	}
	return body
}

// requestNo is the ledger's number of a refund: request numbers are unique per
// trade only, and without one the trade's own number stands for it.
func requestNo(o *sandbox.Order, asked string) string {
	if asked == "" {
		asked = o.OrderNo
	}
	return o.OrderNo + "/" + asked
}

// refund is idempotent by out_request_no. A refund that is still on its way has
// moved no money yet, so fund_change is N, as it is for one that is repeated.
func (t *task) refund() (map[string]any, error) {
	order, err := t.find()
	if err != nil {
		return nil, err
	}
	amount, asked := t.in.money("refund_amount"), t.in.text("out_request_no")
	switch {
	case order.State == sandbox.StateCreated && !order.Scanned:
		return nil, sandbox.Refusal{Reason: sandbox.ReasonNotFound}
	case asked == "" && amount != order.Captured && order.Captured > 0:
		return nil, sandbox.Refusal{Reason: sandbox.ReasonRefundTotal}
	}
	refund, err := t.ledger.Refund(t.ctx, sandbox.RefundRequest{
		Key: order.Key, RefundNo: requestNo(order, asked), Amount: amount, Reason: t.in.text("refund_reason"),
	})
	if err != nil {
		return nil, err
	}
	body := t.number(refund.Order)
	body["buyer_logon_id"], body["buyer_user_id"] = logon(refund.Order), buyer(refund.Order)
	body["refund_fee"] = yuan(refund.Order.Refunded)
	body["fund_change"] = "N"
	if refund.State == sandbox.RefundSuccess {
		body["gmt_refund_pay"] = stamp(refund.Done)
		if !refund.Again {
			body["fund_change"] = "Y"
		}
	}
	return body, nil
}

// refundQuery says nothing about the money of a refund that did not happen, or
// has not arrived: the answer is a success all the same.
func (t *task) refundQuery() (map[string]any, error) {
	order, err := t.find()
	if err != nil {
		return nil, err
	}
	asked := t.in.text("out_request_no")
	body := map[string]any{}
	refund, err := t.ledger.RefundByNumber(t.ctx, Name, t.app.SellerID, requestNo(order, asked))
	switch {
	case sandbox.RefusedFor(err) == sandbox.ReasonRefundNotFound:
		// A trade that was cancelled was refunded under its own number.
		if !order.Reversed || order.Captured == 0 || asked != order.OrderNo {
			return body, nil
		}
		body["refund_amount"] = yuan(order.Captured)
	case err != nil:
		return nil, err
	case refund.State != sandbox.RefundSuccess:
		return body, nil
	default:
		body["refund_amount"], body["refund_reason"] = yuan(refund.Amount), refund.Reason
		body["gmt_refund_pay"] = stamp(refund.Done)
	}
	body["trade_no"], body["out_trade_no"], body["out_request_no"] = order.TransactionID, order.OrderNo, asked
	body["total_amount"], body["refund_status"] = yuan(order.Captured), "REFUND_SUCCESS"
	return body, nil
}
