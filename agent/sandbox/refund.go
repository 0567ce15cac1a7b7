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
// long as that customer takes, and so is one that will not arrive; to all others it
// arrives at once.
const (
	RefundProcessing RefundState = "processing"
	RefundSuccess    RefundState = "success"
	RefundClosed     RefundState = "closed"   // given up after it was accepted; nothing went back
	RefundAbnormal   RefundState = "abnormal" // hangs: the customer's account does not take it
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
	switch customer.Behaviour {
	case Slow, NoRefund, StuckRefund:
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

// mayRefund counts refunds on their way as given, also those that hang: money
// promised twice is gone.
func (t *tx) mayRefund(o *Order, r RefundRequest) error {
	if o.State != StatePaid {
		return Refusal{ReasonStateForbids}
	}
	var count int
	var given int64
	if err := t.row("SELECT count(*), coalesce(sum(amount) FILTER (WHERE state <> ?), 0) FROM refund WHERE order_id = ?", RefundClosed, o.id).Scan(&count, &given); err != nil {
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

// settleRefunds lets refunds arrive, or fail, whose time has come.
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
		customer, err := t.customer(o.Customer)
		if err != nil {
			return err
		}
		switch customer.Behaviour {
		case NoRefund:
			err = t.strand(o, id, done, RefundClosed)
		case StuckRefund:
			err = t.strand(o, id, done, RefundAbnormal)
		default:
			err = t.arrive(o, id, done, amount)
		}
		if err != nil {
			return err
		}
	}
}

// arrive gives the money of a refund to its customer.
func (t *tx) arrive(o *Order, id, done, amount int64) error {
	if err := t.exec("UPDATE refund SET state = ?, done = ? WHERE id = ?", RefundSuccess, done, id); err != nil {
		return err
	}
	// Counted from the sum, so that the parts add up to what was taken.
	back := o.PayerPart(o.Refunded+amount) - o.PayerPart(o.Refunded)
	if err := t.credit(o.Customer, back); err != nil {
		return err
	}
	o.Refunded += amount
	return t.note(o, fromMillis(done), "refunded", amount)
}

// strand ends the way of a refund that does not arrive.
func (t *tx) strand(o *Order, id, done int64, state RefundState) error {
	if err := t.exec("UPDATE refund SET state = ? WHERE id = ?", state, id); err != nil {
		return err
	}
	return t.note(o, fromMillis(done), "refund "+string(state), 0)
}

// CompleteRefund is what the office does about a refund that hangs: it is made after
// all, under its number. Any other refund stays as it is.
func (l *Ledger) CompleteRefund(ctx context.Context, wallet, merchant, refundNo string) error {
	return l.do(ctx, func(t *tx) error {
		r, err := t.findRefund(wallet, merchant, refundNo)
		if err != nil || r == nil || r.State != RefundAbnormal {
			return err
		}
		o, err := t.find("id = ?", r.orderID)
		if err != nil {
			return err
		}
		var id int64
		if err := t.row("SELECT id FROM refund WHERE wallet = ? AND merchant = ? AND refund_no = ?", wallet, merchant, refundNo).Scan(&id); err != nil {
			return err
		}
		return t.arrive(o, id, millis(t.now), r.Amount)
	})
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
