package wechat

import (
	"net/http"
	"net/url"
	"time"

	"tillwire/agent/sandbox"
)

// beijing is the zone of every time on WeChat Pay's wire; it knows no summer.
var beijing = time.FixedZone("CST", 8*60*60)

// body reads the request, holds it against its table, and then against who
// signed it: a merchant must not act in the name of another.
func (t *task) body(fields []field) (object, *problem) {
	o, p := parse(t.call.Body)
	if p == nil {
		p = check(o, fields, "")
	}
	if p != nil {
		return nil, p
	}
	return o, t.identity(o)
}

// identity holds the numbers in a body against who signed it.
func (t *task) identity(o object) *problem {
	prefix := ""
	if t.who.Partner() {
		prefix = "sp_"
	}
	if id, named := o[prefix+"mchid"]; named && id != t.who.MerchantID {
		return paramError(prefix+"mchid", "is not the merchant who signed")
	}
	if id, named := o[prefix+"appid"]; named && id != t.who.AppID {
		return &problem{http.StatusBadRequest, "APPID_MCHID_NOT_MATCH", "The appid is not bound to the merchant number.", "268445527", nil}
	}
	return t.subMerchant(o.text("sub_mchid"), o.text("sub_appid"))
}

// subMerchant checks whom a partner acts for; a direct merchant acts for itself.
func (t *task) subMerchant(id, app string) *problem {
	if !t.who.Partner() {
		return nil
	}
	if id != t.who.SubMerchantID || app != "" && app != t.who.SubAppID {
		return &problem{http.StatusForbidden, "NO_AUTH", "The provider does not act for this sub-merchant.", "268443701", nil}
	}
	return nil
}

// asker holds the query parameters of a GET against who signed it.
func (t *task) asker() *problem {
	name := "mchid"
	if t.who.Partner() {
		name = "sp_mchid"
		if p := t.subMerchant(t.params.Get("sub_mchid"), ""); p != nil {
			return p
		}
	}
	if t.params.Get(name) != t.who.MerchantID {
		return paramError(name, "is missing in the query or is not the merchant who signed")
	}
	return nil
}

// key names an order. A partner's orders are its sub-merchant's, so both are part
// of the name and a direct merchant sees neither.
func (t *task) key(orderNo string) sandbox.Key {
	merchant := t.who.MerchantID
	if t.who.Partner() {
		merchant += "/" + t.who.SubMerchantID
	}
	return sandbox.Key{Wallet: t.name, Merchant: merchant, OrderNo: orderNo}
}

// orderNo holds the number in the path against the grammar.
func (t *task) orderNo() *problem {
	if !isOrderNo(t.id) {
		return paramError("out_trade_no", "has a value that is not allowed")
	}
	return nil
}

// codepay is the payment with a code that the shop scanned.
func (t *task) codepay() (result, error) {
	o, p := t.body(codepayFields(t.who.Partner()))
	if p == nil && o.sub("scene_info").sub("store_info").empty() {
		p = paramError("scene_info.store_info", "needs id or out_id")
	}
	if p != nil {
		return result{}, p
	}
	order, err := t.ledger.Pay(t.ctx, sandbox.Charge{
		Key: t.key(o.text("out_trade_no")), Amount: o.sub("amount").whole("total"), Currency: "CNY", Description: o.text("description"),
		Details: t.details(o), Code: o.sub("payer").text("auth_code"), Request: t.ledger.Fingerprint("codepay", o.canonical()),
	})
	if err != nil {
		return result{}, err
	}
	// Awaiting is not an error and not a success; see HTTP 202 in the documentation
	// of codepay.
	if order.State == sandbox.StateAwaiting {
		// The live system answers 202 with nothing else, not even the members
		// that the documentation calls required.
		return result{http.StatusAccepted, map[string]any{"trade_state": "USERPAYING"}}, nil
	}
	return result{http.StatusOK, orderBody(order)}, nil
}

// native makes an order that a customer will scan.
func (t *task) native() (result, error) {
	o, p := t.body(nativeFields(t.who.Partner()))
	if p != nil {
		return result{}, p
	}
	var expires time.Time
	if given := o.text("time_expire"); given != "" {
		expires, _ = time.Parse(time.RFC3339, given) // the table has checked it
		if !expires.After(t.clock.Now()) {
			return result{}, paramError("time_expire", "is not in the future")
		}
	}
	return t.show(o, sandbox.Showing{Amount: o.sub("amount").whole("total"), Currency: "CNY", Expires: expires})
}

// show presents an order that both editions describe in the same words.
func (t *task) show(o object, s sandbox.Showing) (result, error) {
	s.Key, s.Description, s.Details = t.key(o.text("out_trade_no")), o.text("description"), t.details(o)
	s.QR, s.Request = codeURL(), t.ledger.Fingerprint("native", o.canonical())
	order, err := t.ledger.Present(t.ctx, s)
	if err != nil {
		return result{}, err
	}
	return result{http.StatusOK, map[string]any{"code_url": order.QR}}, nil
}

// details keeps what later answers repeat.
func (t *task) details(o object) string {
	v := url.Values{}
	for _, name := range []string{"appid", "mchid", "sp_appid", "sp_mchid", "sub_appid", "sub_mchid", "attach"} {
		if s := o.text(name); s != "" {
			v.Set(name, s)
		}
	}
	return v.Encode()
}

// empty also holds for a member that is missing.
func (o object) empty() bool { return len(o) == 0 }

// query answers what is true now; it is linearizable with payment and reversal.
func (t *task) query() (result, error) {
	p := t.orderNo()
	if p == nil {
		p = t.asker()
	}
	if p != nil {
		return result{}, p
	}
	order, err := t.ledger.Order(t.ctx, t.key(t.id))
	if err != nil {
		return result{}, err
	}
	return result{http.StatusOK, t.ownOrder(order)}, nil
}

// queryTransaction finds only what was paid: before that there is no such number.
func (t *task) queryTransaction() (result, error) {
	if p := t.asker(); p != nil {
		return result{}, p
	}
	order, err := t.ledger.OrderByTransaction(t.ctx, t.name, t.key("").Merchant, t.id)
	if err != nil {
		return result{}, err
	}
	return result{http.StatusOK, t.ownOrder(order)}, nil
}

// ownOrder is an order in the words of the edition.
func (t *task) ownOrder(order *sandbox.Order) map[string]any {
	if t.global {
		return t.orderAbroad(order)
	}
	return t.namedOrder(order)
}

// namedOrder adds who asks, which a tombstone does not hold.
func (t *task) namedOrder(order *sandbox.Order) map[string]any {
	body := orderBody(order)
	if order.Kind == sandbox.KindUnseen {
		for name, value := range t.names() {
			body[name] = value
		}
	}
	return body
}

// names is who asks, as answers repeat it.
func (t *task) names() map[string]any {
	if t.who.Partner() {
		return map[string]any{"sp_appid": t.who.AppID, "sp_mchid": t.who.MerchantID, "sub_mchid": t.who.SubMerchantID}
	}
	return map[string]any{"appid": t.who.AppID, "mchid": t.who.MerchantID}
}
