package wechat

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strconv"

	"tillwire/agent/sandbox"
)

// classic is one call of API v2: XML, signed with a shared key. It stands beside
// API v3 on the same hosts and the same orders.
type classic struct {
	path   string
	op     sandbox.Operation
	proven bool // only with the merchant's certificate
	fields func() []element
	run    func(*classicTask) (values, error)
}

// classics is the part of API v2 that a counter uses.
var classics = []classic{
	{"/pay/micropay", sandbox.OpPay, false, micropayElements, (*classicTask).micropay},
	{"/pay/orderquery", sandbox.OpQuery, false, orderElements, (*classicTask).query},
	{"/secapi/pay/reverse", sandbox.OpReverse, true, orderElements, (*classicTask).reverse},
}

// classicOf is the call of a request, or nil.
func (w *Wallet) classicOf(r *http.Request) *classic {
	if w.global {
		return nil
	}
	for i := range classics {
		if classics[i].path == r.URL.Path {
			return &classics[i]
		}
	}
	return nil
}

// orderNoElement finds the number also in half a body.
var orderNoElement = regexp.MustCompile(`<out_trade_no>(?:<!\[CDATA\[)?([0-9A-Za-z_*-]{6,32})[\]<]`)

// classicTask is one authenticated request of API v2.
type classicTask struct {
	*Wallet
	ctx context.Context
	who *Merchant
	in  values
}

// answerClassic answers what concerns the message (return_code) without a
// signature, as the real gateway does, and everything after that with one.
func (w *Wallet) answerClassic(ctx context.Context, c *classic, call sandbox.Call) sandbox.Answer {
	header := http.Header{"Server": {"nginx"}, "Content-Type": {"text/plain"}}
	if c.proven && (call.Request.TLS == nil || len(call.Request.TLS.PeerCertificates) == 0) {
		header.Set("Content-Type", "text/html")
		return sandbox.Answer{Status: http.StatusBadRequest, Header: header,
			Body: []byte("<html><head><title>400 No required SSL certificate was sent</title></head></html>\r\n")}
	}
	out, who, kind := w.performClassic(ctx, c, call)
	if who != nil {
		if call.Lie == sandbox.LieAmount {
			out = lieAboutFees(out)
		}
		out["appid"], out["mch_id"], out["nonce_str"] = who.AppID, who.MerchantID, randomHex(32)
		if who.Partner() {
			out["sub_mch_id"] = who.SubMerchantID
		}
		sign := seal(out, who.APIv2Key, kind)
		if call.Lie == sandbox.LieSignature {
			sign = flipped(sign)
		}
		out["sign"] = sign
	}
	return sandbox.Answer{Status: http.StatusOK, Header: header, Body: out.xml()}
}

// performClassic returns no merchant where the answer goes out unsigned.
func (w *Wallet) performClassic(ctx context.Context, c *classic, call sandbox.Call) (values, *Merchant, string) {
	fail := func(text string) (values, *Merchant, string) {
		return values{"return_code": "FAIL", "return_msg": text}, nil, ""
	}
	if call.Request.Method != http.MethodPost {
		return fail("only POST is allowed")
	}
	in, err := parseXML(call.Body)
	if err != nil {
		return fail("XML format error: " + err.Error())
	}
	who := w.merchants[in["mch_id"]]
	if who == nil {
		return fail("mch_id does not exist")
	}
	kind := in["sign_type"]
	if kind == "" {
		kind = signMD5
	}
	if kind != signMD5 && kind != signHMAC {
		return fail("sign_type is not known")
	}
	if in["sign"] == "" || seal(in, who.APIv2Key, kind) != in["sign"] {
		return fail("signature error")
	}
	if c.proven && call.Request.TLS.PeerCertificates[0].Subject.CommonName != who.MerchantID {
		return fail("the certificate is not that of mch_id")
	}
	if text := holdElements(in, c.fields(), who); text != "" {
		return fail(text)
	}
	out := values{"return_code": "SUCCESS", "return_msg": "OK", "result_code": "SUCCESS"}
	if code := w.refuseApp(who, in); code != "" {
		out["result_code"], out["err_code"], out["err_code_des"] = "FAIL", code, "appid or sub_mch_id does not belong to mch_id"
		return out, who, kind
	}
	told, err := c.run(&classicTask{Wallet: w, ctx: ctx, who: who, in: in})
	maps.Copy(out, told)
	if err != nil {
		code, text := explainClassic(err)
		out["result_code"], out["err_code"], out["err_code_des"] = "FAIL", code, text
	}
	return out, who, kind
}

// refuseApp checks whom the merchant acts as and for.
func (w *Wallet) refuseApp(who *Merchant, in values) string {
	switch {
	case in["appid"] != who.AppID:
		return "APPID_MCHID_NOT_MATCH"
	case in["sub_mch_id"] != who.SubMerchantID, in["sub_appid"] != "" && in["sub_appid"] != who.SubAppID:
		return "NOAUTH"
	}
	return ""
}

// key is the same as in API v3: one order, whichever way it is asked about.
func (t *classicTask) key() sandbox.Key {
	return (&task{Wallet: t.Wallet, who: t.who}).key(t.in["out_trade_no"])
}

// micropay is the payment with a code that the shop scanned.
func (t *classicTask) micropay() (values, error) {
	total, err := strconv.ParseInt(t.in["total_fee"], 10, 64)
	if err != nil {
		return nil, err
	}
	details := url.Values{}
	for name, to := range map[string]string{"appid": "appid", "mch_id": "mchid", "sub_appid": "sub_appid", "sub_mch_id": "sub_mchid", "attach": "attach"} {
		if t.who.Partner() && (to == "appid" || to == "mchid") {
			to = "sp_" + to
		}
		if s := t.in[name]; s != "" {
			details.Set(to, s)
		}
	}
	business := maps.Clone(t.in)
	for _, name := range []string{"nonce_str", "sign", "sign_type"} {
		delete(business, name)
	}
	order, err := t.ledger.Pay(t.ctx, sandbox.Charge{Key: t.key(), Amount: total, Currency: "CNY", Description: t.in["body"], Details: details.Encode(),
		Code: t.in["auth_code"], Request: t.ledger.Fingerprint("micropay", string(business.xml()))})
	switch {
	case err != nil:
		return nil, err
	case order.State == sandbox.StateAwaiting:
		return nil, errUserPaying
	}
	return paidValues(order), nil
}

// paidValues describes an order that was paid.
func paidValues(o *sandbox.Order) values {
	fee := strconv.FormatInt(o.Captured, 10)
	v := values{"out_trade_no": o.OrderNo, "transaction_id": o.TransactionID, "openid": "oSandbox" + o.Customer, "is_subscribe": "N",
		"trade_type": "MICROPAY", "bank_type": "OTHERS", "fee_type": o.Currency, "total_fee": fee, "cash_fee": fee, "cash_fee_type": o.Currency,
		"time_end": o.Paid.In(beijing).Format("20060102150405")}
	if o.Kind == sandbox.KindShown {
		v["trade_type"] = "NATIVE"
	}
	if details, err := url.ParseQuery(o.Details); err == nil && details.Get("attach") != "" {
		v["attach"] = details.Get("attach")
	}
	return v
}

// query describes an order. Only what was ever paid has an amount.
func (t *classicTask) query() (values, error) {
	order, err := t.ledger.Order(t.ctx, t.key())
	if err != nil {
		return nil, err
	}
	v := values{}
	if order.Captured > 0 {
		v = paidValues(order)
	}
	v["out_trade_no"] = order.OrderNo
	state := orderBody(order)
	v["trade_state"], v["trade_state_desc"] = fmt.Sprint(state["trade_state"]), fmt.Sprint(state["trade_state_desc"])
	return v, nil
}

// reverse never asks to be called again: this ledger undoes at once. Its answer
// names no order; the documentation has none.
func (t *classicTask) reverse() (values, error) {
	_, err := t.ledger.Reverse(t.ctx, t.key())
	return values{"recall": "N"}, err
}
