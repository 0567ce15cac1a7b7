package alipay

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"tillwire/agent/sandbox"
)

const (
	gatewayPath = "/gateway.do"
	billPath    = "/downloadBillFile.resource"
)

// task is one authenticated request on its way to the ledger.
type task struct {
	*Wallet
	ctx  context.Context
	call sandbox.Call
	app  *App
	in   object // biz_content
}

// method is one line of the API.
type method struct {
	op     sandbox.Operation
	fields func() []field
	run    func(*task) (map[string]any, error)
}

// methods is the part of the classic gateway that a counter uses.
var methods = map[string]method{
	"alipay.trade.pay":                               {sandbox.OpPay, payFields, (*task).pay},
	"alipay.trade.precreate":                         {sandbox.OpPresent, precreateFields, (*task).precreate},
	"alipay.trade.query":                             {sandbox.OpQuery, queryFields, (*task).query},
	"alipay.trade.cancel":                            {sandbox.OpReverse, undoFields, (*task).cancel},
	"alipay.trade.close":                             {sandbox.OpClose, undoFields, (*task).closeTrade},
	"alipay.trade.refund":                            {sandbox.OpRefund, refundFields, (*task).refund},
	"alipay.trade.fastpay.refund.query":              {sandbox.OpRefundQuery, refundQueryFields, (*task).refundQuery},
	"alipay.data.dataservice.bill.downloadurl.query": {sandbox.OpBill, billFields, (*task).billURL},
}

// Classify implements [sandbox.Wallet]. It knows the operation only of clients
// that put the method into the address.
func (w *Wallet) Classify(r *http.Request) (sandbox.Operation, string) {
	if r.URL.Path == billPath {
		return sandbox.OpBill, ""
	}
	query := r.URL.Query()
	if m, known := methods[query.Get("method")]; known && r.URL.Path == gatewayPath {
		return m.op, w.OrderNo([]byte(query.Get("biz_content")))
	}
	return sandbox.OpOther, ""
}

// Sniff implements [sandbox.Sniffer] for clients that put all into the form. A
// method counts only with the ampersand behind it, or half a name might match.
func (w *Wallet) Sniff(r *http.Request, head []byte) (sandbox.Operation, string) {
	if r.URL.Path != gatewayPath {
		return sandbox.OpOther, ""
	}
	complete := r.ContentLength >= 0 && int64(len(head)) >= r.ContentLength
	pairs := strings.Split(string(head), "&")
	for i, pair := range pairs {
		name, ok := strings.CutPrefix(pair, "method=")
		if !ok || i == len(pairs)-1 && !complete {
			continue
		}
		if name, err := url.QueryUnescape(name); err == nil && methods[name].run != nil {
			return methods[name].op, w.OrderNo(head)
		}
	}
	return sandbox.OpOther, ""
}

// orderNoMember finds the number also in half a body, which a parser would
// refuse, and both escaped and as it is.
var orderNoMember = regexp.MustCompile(`(?i)(?:"|%22)out_trade_no(?:"|%22)(?:\s|\+|%20)*(?::|%3A)(?:\s|\+|%20)*(?:"|%22)([0-9A-Za-z_]{1,64})(?:"|%22)`)

// OrderNo implements [sandbox.Wallet].
func (w *Wallet) OrderNo(body []byte) string {
	if m := orderNoMember.FindSubmatch(body); m != nil {
		return string(m[1])
	}
	return ""
}

// Answer implements [sandbox.Wallet]. The gateway answers everything with 200;
// what it is about stands in the body.
func (w *Wallet) Answer(ctx context.Context, call sandbox.Call) sandbox.Answer {
	switch call.Request.URL.Path {
	case billPath:
		return w.billFile(ctx, call.Request)
	case gatewayPath:
	default:
		return page(http.StatusNotFound, "There is nothing at this address.\n")
	}
	app, p, bad := w.authenticate(call)
	var body map[string]any
	if bad == nil {
		body, bad = w.perform(ctx, call, app, p)
	}
	if bad != nil {
		body = map[string]any{"code": bad.code, "msg": bad.msg, "sub_code": bad.sub, "sub_msg": bad.text}
	} else {
		body["code"], body["msg"] = firstOf(body["code"], "10000"), firstOf(body["msg"], "Success")
	}
	// A lie is told after the work was done and before the signature is made: a
	// wrong amount comes with a signature that holds.
	if call.Lie == sandbox.LieAmount {
		lieAboutAmount(body)
	}
	member := "error_response"
	if isMethod(p["method"]) {
		member = strings.ReplaceAll(p["method"], ".", "_") + "_response"
	}
	a := page(http.StatusOK, "")
	a.Body = w.seal(app, member, body, call.Lie)
	return a
}

// perform looks at biz_content only after it is known who asks.
func (w *Wallet) perform(ctx context.Context, call sandbox.Call, app *App, p params) (map[string]any, *problem) {
	m := methods[p["method"]]
	in, bad := parse(p["biz_content"])
	if bad == nil {
		bad = check(in, m.fields(), "")
	}
	if bad != nil {
		return nil, bad
	}
	body, err := m.run(&task{Wallet: w, ctx: ctx, call: call, app: app, in: in})
	if err != nil {
		return nil, explain(err)
	}
	return body, nil
}

// firstOf keeps what an operation said itself.
func firstOf(said any, otherwise string) any {
	if said != nil {
		return said
	}
	return otherwise
}

// page is an answer with the headers of the gateway, which calls its JSON HTML.
func page(status int, text string) sandbox.Answer {
	return sandbox.Answer{Status: status, Body: []byte(text),
		Header: http.Header{"Server": {"spanner/1.0.6"}, "Content-Type": {"text/html;charset=utf-8"}, "Cache-Control": {"no-cache"}}}
}
