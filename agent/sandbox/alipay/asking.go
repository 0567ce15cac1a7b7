package alipay

import (
	"net/url"
	"time"

	"tillwire/agent/sandbox"
)

// codeLife is how long a code payment may stay unpaid when the request does not
// say (Alipay: three minutes).
const codeLife = 3 * time.Minute

// key names an order. Numbers are unique per seller.
func (t *task) key(orderNo string) sandbox.Key {
	return sandbox.Key{Wallet: Name, Merchant: t.app.SellerID, OrderNo: orderNo}
}

// seller refuses money for somebody else.
func (t *task) seller() *problem {
	if id := t.in.text("seller_id"); id != "" && id != t.app.SellerID {
		return failed("ACQ.PARTNER_ERROR", "seller_id is not the merchant of the application.")
	}
	return nil
}

// pay is the payment with a code that the shop scanned.
func (t *task) pay() (map[string]any, error) {
	if bad := t.seller(); bad != nil {
		return nil, bad
	}
	life := codeLife
	if given, ok := express(t.in.text("timeout_express"), t.clock.Now()); ok {
		life = given
	}
	order, err := t.ledger.Pay(t.ctx, sandbox.Charge{
		Key: t.key(t.in.text("out_trade_no")), Amount: t.in.money("total_amount"), Currency: "CNY", Description: t.in.text("subject"),
		Details: t.details(), Code: t.in.text("auth_code"), Request: t.ledger.Fingerprint("alipay.trade.pay", t.in.canonical()), Life: life,
	})
	if err != nil {
		return nil, err
	}
	if order.State == sandbox.StateAwaiting {
		return map[string]any{"code": "10003", "msg": "order success pay inprocess", "out_trade_no": order.OrderNo,
			"total_amount": yuan(order.Amount), "buyer_logon_id": logon(order), "buyer_user_id": buyer(order)}, nil
	}
	body := paidBody(order)
	body["gmt_payment"] = stamp(order.Paid)
	return body, nil
}

// precreate gives a code to show. On Alipay the order only comes to be when a
// phone scans it; see query.
func (t *task) precreate() (map[string]any, error) {
	if bad := t.seller(); bad != nil {
		return nil, bad
	}
	var expires time.Time
	for _, name := range []string{"timeout_express", "qr_code_timeout_express"} {
		life, ok := express(t.in.text(name), t.clock.Now())
		if at := t.clock.Now().Add(life); ok && (expires.IsZero() || at.Before(expires)) {
			expires = at
		}
	}
	order, err := t.ledger.Present(t.ctx, sandbox.Showing{
		Key: t.key(t.in.text("out_trade_no")), Amount: t.in.money("total_amount"), Currency: "CNY", Description: t.in.text("subject"),
		Details: t.details(), Expires: expires, QR: qrCode(), Request: t.ledger.Fingerprint("alipay.trade.precreate", t.in.canonical()),
	})
	if err != nil {
		return nil, err
	}
	return map[string]any{"out_trade_no": order.OrderNo, "qr_code": order.QR}, nil
}

// details keeps what later answers and bills repeat.
func (t *task) details() string {
	v := url.Values{}
	for _, name := range []string{"store_id", "operator_id", "terminal_id"} {
		if s := t.in.text(name); s != "" {
			v.Set(name, s)
		}
	}
	return v.Encode()
}

// find loads the trade that a request names; trade_no wins over out_trade_no.
func (t *task) find() (*sandbox.Order, error) {
	number, orderNo := t.in.text("trade_no"), t.in.text("out_trade_no")
	switch {
	case number != "":
		return t.ledger.OrderByTransaction(t.ctx, Name, t.app.SellerID, number)
	case orderNo != "":
		return t.ledger.Order(t.ctx, t.key(orderNo))
	}
	return nil, badContent("out_trade_no", "and trade_no are both missing")
}

// query answers what is true now; it is linearizable with payment and cancel. A
// code that is shown and that no phone has looked at yet is no trade: the answer
// is the one for a number that nobody knows.
func (t *task) query() (map[string]any, error) {
	order, err := t.find()
	if err != nil {
		return nil, err
	}
	if order.State == sandbox.StateCreated && !order.Scanned {
		return nil, sandbox.Refusal{Reason: sandbox.ReasonNotFound}
	}
	return tradeBody(order), nil
}
