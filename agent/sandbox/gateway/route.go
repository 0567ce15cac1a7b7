package gateway

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"tillwire/agent/sandbox"
)

// root is where the protocol lives.
const root = "/tillwire/v1"

// endpoint is one line of the API.
type endpoint struct {
	op    sandbox.Operation
	name  string // of the operation, as it is kept; empty for one that changes nothing
	run   func(*task) (map[string]any, error)
	brand bool // the request names one
}

// endpoints by their last part; a POST and a GET of one address differ.
var endpoints = map[string]endpoint{
	"GET capabilities": {op: sandbox.OpOther, run: (*task).capabilities},
	"GET operations":   {op: sandbox.OpOther, run: (*task).operations},
	"GET keyset":       {op: sandbox.OpKeys, run: (*task).keySet, brand: true},
	"GET bills/":       {op: sandbox.OpBill, run: (*task).bill, brand: true},
	"GET payments/":    {op: sandbox.OpQuery, run: (*task).query, brand: true},
	"POST charge":      {op: sandbox.OpPay, name: "charge", run: (*task).charge, brand: true},
	"POST present":     {op: sandbox.OpPresent, name: "present", run: (*task).present, brand: true},
	"POST redeem":      {op: sandbox.OpRedeem, name: "redeem", run: (*task).redeem, brand: true},
	"POST reverse":     {op: sandbox.OpReverse, name: "reverse", run: (*task).reverse, brand: true},
	"POST close":       {op: sandbox.OpClose, name: "close", run: (*task).closeOrder, brand: true},
	"POST refunds/":    {op: sandbox.OpRefund, name: "refund", run: (*task).refund, brand: true},
	"GET refunds/":     {op: sandbox.OpRefundQuery, run: (*task).refundQuery, brand: true},
}

// place is what an address names.
type place struct{ orderNo, refundNo, date string }

// endpointOf finds what a request asks for, or nil. Numbers that are not as the
// contract has them are no numbers: the address does not exist.
func endpointOf(r *http.Request) (*endpoint, place) {
	path, ok := strings.CutPrefix(r.URL.Path, root+"/")
	if !ok {
		return nil, place{}
	}
	parts := strings.Split(path, "/")
	var p place
	key := ""
	switch {
	case len(parts) == 1:
		key = parts[0]
	case parts[0] == "bills" && len(parts) == 2:
		key, p.date = "bills/", parts[1]
	case parts[0] != "payments" || !isOrderNo.MatchString(parts[1]):
		return nil, place{}
	case len(parts) == 2:
		key, p.orderNo = "payments/", parts[1]
	case len(parts) == 3:
		key, p.orderNo = parts[2], parts[1]
	case len(parts) == 4 && parts[2] == "refunds" && isRefundNo.MatchString(parts[3]):
		key, p.orderNo, p.refundNo = "refunds/", parts[1], parts[3]
	}
	if e, known := endpoints[r.Method+" "+key]; known {
		return &e, p
	}
	return nil, place{}
}

// task is one authenticated request on its way to the ledger.
type task struct {
	*Acquirer
	place
	ctx    context.Context
	call   sandbox.Call
	has    []*Wallet // the brands of this listener
	wallet *Wallet   // the brand of the request
	in     object    // the body
	digest []byte    // of the body: what idempotency compares
}

// answer is every answer: signed, with a body, errors included.
func (a *Acquirer) answer(ctx context.Context, call sandbox.Call, has []*Wallet) sandbox.Answer {
	proof, bad := a.authenticate(call)
	var body map[string]any
	if bad == nil {
		t := &task{Acquirer: a, ctx: ctx, call: call, has: has}
		var err error
		if body, err = t.perform(); err != nil {
			bad = explain(err)
		}
	}
	answer := sandbox.Answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}}}
	if bad != nil {
		answer.Status = bad.status
		body = map[string]any{"code": bad.code, "message": bad.text}
		if bad.retry > 0 {
			answer.Header.Set("Retry-After", retryAfter(bad.retry))
		}
	}
	// A lie is told after the work was done and before the signature is made: a
	// wrong amount comes with a signature that holds.
	if call.Lie == sandbox.LieAmount {
		lieAboutAmount(body)
	}
	answer.Body = encode(body)
	answer.Header.Set("Date", a.clock.Now().UTC().Format(http.TimeFormat))
	a.sign(&answer, proof, call.Lie)
	return answer
}

// perform reads the request, finds whom it is for and executes it, one at a time
// for each order number.
func (t *task) perform() (map[string]any, error) {
	e, at := endpointOf(t.call.Request)
	if e == nil {
		return nil, invalid("there is nothing at this address")
	}
	t.place = at
	if err := t.read(e); err != nil {
		return nil, err
	}
	if err := t.keepHead(); err != nil {
		return nil, err
	}
	if err := t.know(); err != nil {
		return nil, err
	}
	if e.name == "" {
		return e.run(t)
	}
	number := t.wallet.brand.Name + " " + t.orderNo
	if !t.flights.enter(number) {
		return nil, errProgress
	}
	defer t.flights.leave(number)
	if err := t.reused(e.name); err != nil {
		return nil, err
	}
	body, err := e.run(t)
	if err != nil {
		return nil, err
	}
	return body, t.keep(e.name)
}

// read takes merchant and brand from the body or from the query.
func (t *task) read(e *endpoint) (err error) {
	query := t.call.Request.URL.Query()
	if t.call.Request.Method == http.MethodGet {
		t.in = object{"merchant": query.Get("merchant"), "brand": query.Get("brand")}
		if len(t.call.Body) > 0 {
			return invalid("a GET has no body")
		}
	} else if t.in, err = parse(t.call.Body); err != nil {
		return err
	}
	t.digest = t.ledger.Fingerprint("gateway "+e.name, string(t.call.Body))
	merchant, err := t.in.matching("merchant", isMerchant)
	if err != nil {
		return err
	}
	if merchant != t.terminal.Merchant {
		return errMerchant
	}
	if !e.brand {
		return nil
	}
	name, err := t.in.matching("brand", isBrand)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(t.has, func(w *Wallet) bool { return w.brand.Name == name })
	if i < 0 {
		return errBrand
	}
	t.wallet = t.has[i]
	return nil
}

// key names the order of the request.
func (t *task) key() sandbox.Key {
	return sandbox.Key{Wallet: t.wallet.brand.Name, Merchant: t.terminal.Merchant, OrderNo: t.orderNo}
}

// encode writes JSON with <, > and & as they are.
func encode(v any) []byte {
	return sandbox.WriteJSON(v, `{"code":"unavailable","message":"the answer could not be written"}`)
}

// stamp writes a time as RFC 3339, in the zone of the capabilities.
func stamp(t time.Time) string { return t.In(zone).Format("2006-01-02T15:04:05.000Z07:00") }
