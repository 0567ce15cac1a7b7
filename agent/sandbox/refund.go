package sandbox

import (
	"context"
	"time"
)

// maxRefunds is the most partial refunds one order can have (WeChat Pay: 50).
const maxRefunds = 50

// RefundState is what became of a refund.
type RefundState string

// The states of a refund. A refund to a slow customer is on its way for as
// long as that customer takes; to all others it arrives at once.
const (
	RefundProcessing RefundState = "processing"
	RefundSuccess    RefundState = "success"
)

// Refund is one refund number's row. Amount is in minor units.
type Refund struct {
	RefundNo string // the shop's number
	RefundID string // the cloud's
	Amount   int64
	Reason   string
	State    RefundState
	Created  time.Time
	Done     time.Time // when it arrives or arrived
	Order    *Order
	Again    bool // this call repeated an earlier one and moved nothing

	orderID int64
}

// RefundRequest asks to give money back. Either OrderNo of the key or the
// transaction number names the order; when both are given they must agree.
type RefundRequest struct {
	Key           Key
	TransactionID string
	RefundNo      string
	Amount        int64 // minor units
	Total         int64 // what the caller believes was paid; zero: it did not say
	Reason        string
}

// Refund gives money back once per refund number: the same number with the
// same amounts answers the same refund, with others it is refused.
func (l *Ledger) Refund(ctx context.Context, r RefundRequest) (*Refund, error) {
	var refund *Refund
	err := l.do(ctx, func(t *tx) (err error) {
		refund, err = t.refund(r)
		return err
	})
	return refund, err
}

// refund looks for the number first: repeating a refund must work even when
// nothing is left of the order to give back.
func (t *tx) refund(r RefundRequest) (*Refund, error) {
	o, err := t.refundOrder(r)
	if err != nil {
		return nil, err
	}
	old, err := t.findRefund(r.Key.Wallet, r.Key.Merchant, r.RefundNo)
	if err != nil {
		return nil, err
	}
	if old != nil {
		if old.orderID != o.id || old.Amount != r.Amount || r.Total != 0 && r.Total != o.Captured {
			return nil, Refusal{ReasonRefundChanged}
		}
		old.Order, old.Again = o, true
		return old, nil
	}
	if err := t.mayRefund(o, r); err != nil {
		return nil, err
	}
	id, err := t.number("50000")
	if err != nil {
		return nil, err
	}
	refund := &Refund{RefundNo: r.RefundNo, RefundID: id, Amount: r.Amount, Reason: r.Reason, State: RefundProcessing,
		Created: t.now, Done: t.now, Order: o, orderID: o.id}
	customer, err := t.customer(o.Customer)
	if err != nil {
		return nil, err
	}
	if customer.Behaviour == Slow {
		refund.Done = t.now.Add(slowAnswer)
	}
	err = t.exec(`INSERT INTO refund (order_id, wallet, merchant, refund_no, refund_id, amount, reason, state, created, done) VALUES (?,?,?,?,?,?,?,?,?,?)`,
		o.id, r.Key.Wallet, r.Key.Merchant, r.RefundNo, id, r.Amount, r.Reason, refund.State, millis(t.now), millis(refund.Done))
	if err != nil {
		return nil, err
	}
	if err := t.note(o, t.now, "refund asked", r.Amount); err != nil {
		return nil, err
	}
	o.arriving = true
	if err := t.settleRefunds(o); err != nil {
		return nil, err
	}
	if !refund.Done.After(t.now) {
		refund.State = RefundSuccess
	}
	return refund, nil
}

// refundOrder finds the order by either name. A transaction that belongs to
// another order number than the one stated is treated as not found.
func (t *tx) refundOrder(r RefundRequest) (o *Order, err error) {
	if r.TransactionID != "" {
		o, err = t.findTransaction(r.Key.Wallet, r.Key.Merchant, r.TransactionID)
	} else {
		o, err = t.findKey(r.Key)
	}
	switch {
	case err != nil:
		return nil, err
	case o == nil, r.Key.OrderNo != "" && o.OrderNo != r.Key.OrderNo:
		return nil, Refusal{ReasonNotFound}
	}
	return o, nil
}

// mayRefund counts refunds on their way as given: money promised twice is gone.
func (t *tx) mayRefund(o *Order, r RefundRequest) error {
	if o.State != StatePaid {
		return Refusal{ReasonStateForbids}
	}
	var count int
	var given int64
	if err := t.row("SELECT count(*), coalesce(sum(amount), 0) FROM refund WHERE order_id = ?", o.id).Scan(&count, &given); err != nil {
		return err
	}
	switch {
	case r.Total != 0 && r.Total != o.Captured:
		return Refusal{ReasonRefundTotal}
	case r.Amount <= 0 || r.Amount > o.Captured-given:
		return Refusal{ReasonRefundExceeds}
	case count >= maxRefunds:
		return Refusal{ReasonRefundsTooMany}
	}
	return nil
}

// settleRefunds lets refunds arrive whose time has come.
func (t *tx) settleRefunds(o *Order) error {
	if !o.arriving {
		return nil
	}
	for {
		var id, amount, done int64
		err := t.row("SELECT id, amount, done FROM refund WHERE order_id = ? AND state = ? AND done <= ? ORDER BY id LIMIT 1",
			o.id, RefundProcessing, millis(t.now)).Scan(&id, &amount, &done)
		if noRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := t.exec("UPDATE refund SET state = ? WHERE id = ?", RefundSuccess, id); err != nil {
			return err
		}
		// Counted from the sum, so that the parts add up to what was taken.
		back := o.PayerPart(o.Refunded+amount) - o.PayerPart(o.Refunded)
		if err := t.credit(o.Customer, back); err != nil {
			return err
		}
		o.Refunded += amount
		if err := t.note(o, fromMillis(done), "refunded", amount); err != nil {
			return err
		}
	}
}

// RefundByNumber answers what became of a refund, or [ReasonRefundNotFound].
func (l *Ledger) RefundByNumber(ctx context.Context, wallet, merchant, refundNo string) (*Refund, error) {
	var refund *Refund
	err := l.do(ctx, func(t *tx) (err error) {
		if refund, err = t.findRefund(wallet, merchant, refundNo); err != nil {
			return err
		}
		if refund == nil {
			return Refusal{ReasonRefundNotFound}
		}
		// Loading the order lets the refund arrive; only then is it read for good.
		o, err := t.find("id = ?", refund.orderID)
		if err != nil {
			return err
		}
		refund, err = t.findRefund(wallet, merchant, refundNo)
		if err == nil {
			refund.Order = o
		}
		return err
	})
	return refund, err
}

// findRefund reads a refund without its order.
func (t *tx) findRefund(wallet, merchant, refundNo string) (*Refund, error) {
	var r Refund
	var created, done int64
	err := t.row("SELECT order_id, refund_no, refund_id, amount, reason, state, created, done FROM refund WHERE wallet = ? AND merchant = ? AND refund_no = ?",
		wallet, merchant, refundNo).Scan(&r.orderID, &r.RefundNo, &r.RefundID, &r.Amount, &r.Reason, &r.State, &created, &done)
	if noRows(err) {
		return nil, nil
	}
	r.Created, r.Done = fromMillis(created), fromMillis(done)
	return &r, err
}
