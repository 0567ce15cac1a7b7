package gateway

import "tillwire/agent/sandbox"

// forever stands for a brand that knows no end of its reversals.
const forever = 100 * 365 * day

// reverse undoes a charge whatever became of it. A presented order is closed, not
// reversed, unless it was the shop's own challenge; a number never seen is
// remembered.
func (t *task) reverse() (map[string]any, error) {
	order, err := t.find()
	switch {
	case err != nil:
		return nil, err
	case order != nil && order.Kind == sandbox.KindShown && !t.challenged(order):
		return nil, errWrongMode
	}
	window := t.wallet.brand.Reverse
	if window == 0 {
		window = forever
	}
	if order, err = t.ledger.Cancel(t.ctx, t.key(), window); err != nil {
		return nil, err
	}
	return t.paymentBody(order), nil
}

// closeOrder makes a presented code unpayable; a paid one stays paid.
func (t *task) closeOrder() (map[string]any, error) {
	order, err := t.ledger.CloseOrder(t.ctx, t.key())
	if err != nil {
		return nil, err
	}
	return t.paymentBody(order), nil
}

// refund gives money back once for each refund number.
func (t *task) refund() (map[string]any, error) {
	sum, err := t.in.money("amount")
	reason, errReason := t.in.text("reason", 0, 80)
	switch {
	case err != nil:
		return nil, err
	case errReason != nil:
		return nil, errReason
	case t.refundNo[:len(t.orderNo)] != t.orderNo:
		return nil, invalid("the refund number does not begin with the order number")
	}
	kept, known, err := t.ledger.Kept(t.ctx, t.operation("refund"))
	switch {
	case err != nil:
		return nil, err
	case known && string(kept.Digest) != string(t.digest):
		return nil, errReused
	case known:
		return t.refundQuery()
	}
	order, err := t.ledger.Order(t.ctx, t.key())
	if err != nil {
		return nil, err
	}
	if order.Captured > 0 && string(sum.Currency) != order.Currency {
		return nil, invalid("the refund's currency is not the payment's")
	}
	if err := t.mayRefund(order, sum.Value); err != nil {
		return nil, err
	}
	refund, err := t.ledger.Refund(t.ctx, sandbox.RefundRequest{Key: t.key(), RefundNo: t.refundNo, Amount: sum.Value, Reason: reason})
	if err != nil {
		return nil, err
	}
	return t.refundBody(refund), nil
}

// mayRefund holds a new refund against the brand's rules. What the ledger judges
// better, state and sum, is left to it.
func (t *task) mayRefund(o *sandbox.Order, value int64) error {
	rules := t.wallet.brand.Refund
	switch {
	case o.State != sandbox.StatePaid:
		return nil
	case rules.Window > 0 && t.clock.Now().Sub(o.Paid) > rules.Window:
		return errRefundLate
	case !rules.Partial && value < o.Captured:
		return errNotPartial
	case rules.Most > 0:
		_, err := t.ledger.RefundByNumber(t.ctx, o.Wallet, o.Merchant, t.refundNo)
		if sandbox.RefusedFor(err) != sandbox.ReasonRefundNotFound {
			return err // made before, but not yet kept as an operation
		}
		made, err := t.ledger.Refunds(t.ctx, t.key())
		if err == nil && made >= rules.Most {
			err = errRefundMany
		}
		return err
	}
	return nil
}

// refundQuery tells what became of a refund of this order.
func (t *task) refundQuery() (map[string]any, error) {
	refund, err := t.ledger.RefundByNumber(t.ctx, t.wallet.brand.Name, t.terminal.Merchant, t.refundNo)
	if err != nil {
		return nil, err
	}
	if refund.Order.OrderNo != t.orderNo {
		return nil, errNoRefund
	}
	return t.refundBody(refund), nil
}
