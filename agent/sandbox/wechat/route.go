package wechat

import (
	"context"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"tillwire/agent/sandbox"
)

// task is one authenticated request on its way to the ledger.
type task struct {
	*Wallet
	ctx    context.Context
	call   sandbox.Call
	who    *Merchant
	id     string // the variable part of the path, decoded
	params url.Values
}

// result is what an operation answers: a status and a body, or neither.
type result struct {
	status int
	body   any // nil for 204
}

// route is one line of the API. A {} in the path stands for one segment.
type route struct {
	method  string
	path    string
	op      sandbox.Operation
	partner bool // the path is the partners' form
	any     bool // both direct merchants and partners use the path
	run     func(*task) (result, error)
}

const (
	direct  = "/v3/pay/transactions"
	partner = "/v3/pay/partner/transactions"
	refunds = "/v3/refund/domestic/refunds"
)

// routes is the part of API v3 that a counter uses.
var routes = []route{
	{"POST", direct + "/codepay", sandbox.OpPay, false, false, (*task).codepay},
	{"POST", partner + "/codepay", sandbox.OpPay, true, false, (*task).codepay},
	{"POST", direct + "/native", sandbox.OpPresent, false, false, (*task).native},
	{"POST", partner + "/native", sandbox.OpPresent, true, false, (*task).native},
	{"GET", direct + "/out-trade-no/{}", sandbox.OpQuery, false, false, (*task).query},
	{"GET", partner + "/out-trade-no/{}", sandbox.OpQuery, true, false, (*task).query},
	{"GET", direct + "/id/{}", sandbox.OpQuery, false, false, (*task).queryTransaction},
	{"GET", partner + "/id/{}", sandbox.OpQuery, true, false, (*task).queryTransaction},
	{"POST", direct + "/out-trade-no/{}/reverse", sandbox.OpReverse, false, false, (*task).reverse},
	{"POST", partner + "/out-trade-no/{}/reverse", sandbox.OpReverse, true, false, (*task).reverse},
	{"POST", direct + "/out-trade-no/{}/close", sandbox.OpClose, false, false, (*task).closeOrder},
	{"POST", partner + "/out-trade-no/{}/close", sandbox.OpClose, true, false, (*task).closeOrder},
	{"POST", refunds, sandbox.OpRefund, false, true, (*task).refund},
	{"GET", refunds + "/{}", sandbox.OpRefundQuery, false, true, (*task).refundQuery},
	{"GET", "/v3/bill/tradebill", sandbox.OpBill, false, true, (*task).tradeBill},
	{"GET", "/v3/bill/fundflowbill", sandbox.OpBill, false, true, (*task).fundBill},
	{"GET", billFilePath, sandbox.OpBill, false, true, (*task).billFile},
	{"GET", "/v3/certificates", sandbox.OpKeys, false, true, (*task).certificates},
}

// find matches a request against the table. known is true when only the
// method is wrong.
// Paths are compared escaped, so that an order number with an escaped slash
// stays one segment.
func (w *Wallet) find(r *http.Request) (found *route, id string, known bool) {
	routes := w.routes
	path := r.URL.EscapedPath()
	for i := range routes {
		head, tail, variable := strings.Cut(routes[i].path, "{}")
		if !variable && path != head {
			continue
		}
		segment := ""
		if variable {
			rest, ok := strings.CutPrefix(path, head)
			if !ok {
				continue
			}
			if segment, ok = strings.CutSuffix(rest, tail); !ok || segment == "" || strings.Contains(segment, "/") {
				continue
			}
		}
		decoded, err := url.PathUnescape(segment)
		if err != nil {
			continue
		}
		if routes[i].method == r.Method {
			return &routes[i], decoded, true
		}
		known = true
	}
	return nil, "", known
}

// wantsCertificates holds for the one answer that must be signed with the
// certificate it carries.
func wantsCertificates(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/certificates") }

// Classify implements [sandbox.Wallet].
func (w *Wallet) Classify(r *http.Request) (sandbox.Operation, string) {
	found, id, _ := w.find(r)
	switch {
	case w.classicOf(r) != nil:
		return w.classicOf(r).op, ""
	case found == nil:
		return sandbox.OpOther, ""
	// Only here is the variable part the shop's order number.
	case strings.Contains(found.path, "/out-trade-no/"):
		return found.op, id
	}
	return found.op, ""
}

// orderNoMember finds the number also in half a body, which a parser would refuse.
var orderNoMember = regexp.MustCompile(`"out_trade_no"\s*:\s*"([0-9A-Za-z_*-]{6,32})"`)

// OrderNo implements [sandbox.Wallet].
func (w *Wallet) OrderNo(body []byte) string {
	for _, member := range []*regexp.Regexp{orderNoMember, orderNoElement} {
		if m := member.FindSubmatch(body); m != nil {
			return string(m[1])
		}
	}
	return ""
}

// Answer implements [sandbox.Wallet].
func (w *Wallet) Answer(ctx context.Context, call sandbox.Call) sandbox.Answer {
	if c := w.classicOf(call.Request); c != nil {
		return w.answerClassic(ctx, c, call)
	}
	out, err := w.perform(ctx, call)
	tail := "0"
	if err != nil {
		p := explain(err)
		tail = p.tail
		body := map[string]any{"code": p.code, "message": p.message}
		if p.detail != nil {
			body["detail"] = p.detail
		}
		out = result{p.status, body}
	}
	a := sandbox.Answer{Status: out.status, Header: http.Header{"Server": {"nginx"}, "Cache-Control": {"no-cache, must-revalidate"}}}
	// A lie is told after the work was done and before the signature is made: a
	// wrong amount comes with a signature that holds.
	if file, ok := out.body.(plain); ok {
		a.Body = file.body
		if file.sha1 != "" {
			a.Header.Set("Wechatpay-Statement-Sha1", file.sha1)
		}
		a.Header.Set("Content-Type", "application/octet-stream")
		return a
	}
	if out.body != nil {
		if call.Lie == sandbox.LieAmount {
			out.body = lieAboutAmount(out.body)
		}
		a.Body = encode(out.body)
		a.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	w.sign(&a, call.Request, tail, call.Lie)
	return a
}

// perform checks in the order of the real gateway: the address, the headers, who
// signed, whether they may; only then is the body looked at.
func (w *Wallet) perform(ctx context.Context, call sandbox.Call) (result, error) {
	r := call.Request
	found, id, known := w.find(r)
	if abroad := strings.HasPrefix(r.URL.Path, "/v3/global/"); found == nil && abroad != w.global {
		return result{}, &problem{http.StatusForbidden, "NO_AUTH", "The merchant belongs to another edition; use its hosts.", "268501838", nil}
	}
	if found == nil {
		if known {
			return result{}, &problem{http.StatusMethodNotAllowed, "INVALID_REQUEST", "The method is not allowed here.", "268435461", nil}
		}
		return result{}, &problem{http.StatusNotFound, "NOT_FOUND", "There is nothing at this address.", "268435461", nil}
	}
	if p := checkHeaders(call); p != nil {
		return result{}, p
	}
	who, p := w.authenticate(call)
	if p != nil {
		return result{}, p
	}
	if !found.any && found.partner != who.Partner() {
		return result{}, &problem{http.StatusForbidden, "NO_AUTH", "The merchant has no permission for this form of the API.", "268445527", nil}
	}
	params, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return result{}, badRequest("The query cannot be read.")
	}
	return found.run(&task{Wallet: w, ctx: ctx, call: call, who: who, id: id, params: params})
}

// checkHeaders refuses what the real gateway may refuse.
func checkHeaders(call sandbox.Call) *problem {
	h := call.Request.Header
	accept := h.Get("Accept")
	switch {
	case !strings.Contains(accept, "application/json") && !strings.Contains(accept, "*/*"):
		return badRequest("The header Accept must allow application/json.")
	case h.Get("User-Agent") == "":
		return badRequest("The header User-Agent must not be empty.")
	}
	if len(call.Body) == 0 {
		return nil
	}
	if media, _, err := mime.ParseMediaType(h.Get("Content-Type")); err != nil || media != "application/json" {
		return &problem{http.StatusUnsupportedMediaType, "PARAM_ERROR", "The header Content-Type must be application/json.", "268435461", nil}
	}
	return nil
}

// encode writes JSON as WeChat Pay does: without escaping <, > and &.
func encode(v any) []byte {
	return sandbox.WriteJSON(v, `{"code":"SYSTEM_ERROR","message":"The answer could not be written."}`)
}
