package wechat_test

import (
	"fmt"
	"strings"
	"testing"

	"tillwire/agent/sandbox/sandboxtest"
)

// What is wrong with a body is refused before anything happens, and named.
func TestBodies(t *testing.T) {
	s := open(t)
	code := s.Code(s.Phone("approve", 5000))
	good := s.codepay("ORDER-1*_x", code, 100)
	swap := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for _, c := range []struct{ name, body, field string }{
		{"no order number", swap(`"out_trade_no":"ORDER-1*_x",`, ""), "out_trade_no"},
		{"short order number", swap("ORDER-1*_x", "ORDER"), "out_trade_no"},
		{"long order number", swap("ORDER-1*_x", strings.Repeat("A", 33)), "out_trade_no"},
		{"order number with a dot", swap("ORDER-1*_x", "ORDER.1"), "out_trade_no"},
		{"no amount", swap(`"amount":{"total":100,"currency":"CNY"},`, ""), "amount"},
		{"amount zero", swap(`"total":100`, `"total":0`), "amount.total"},
		{"amount as text", swap(`"total":100`, `"total":"100"`), "amount.total"},
		{"amount with a fraction", swap(`"total":100`, `"total":100.5`), "amount.total"},
		{"amount in scientific notation", swap(`"total":100`, `"total":1e2`), "amount.total"},
		{"another currency", swap("CNY", "USD"), "amount.currency"},
		{"no code", swap(fmt.Sprintf(`"payer":{"auth_code":%q},`, code), ""), "payer"},
		{"empty code", swap(code, ""), "payer.auth_code"},
		{"no store", swap(`,"store_info":{"out_id":"SH0001"}`, ""), "scene_info.store_info"},
		{"empty store", swap(`{"out_id":"SH0001"}`, "{}"), "scene_info.store_info"},
		{"wrong address", swap(`"device_id":"1"`, `"device_ip":"somewhere"`), "scene_info.device_ip"},
		{"unknown member", swap(`"amount"`, `"notify_url":"https://a.example/","amount"`), "notify_url"},
		{"member in another case", swap(`"description"`, `"Description"`), "description"},
		{"long description", swap("咖啡 & 面包", strings.Repeat("咖", 128)), "description"},
		{"another merchant", swap(s.as.MerchantID, "1230000110"), "mchid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.T = t
			got := s.call("POST", "/v3/pay/transactions/codepay", c.body)
			s.want(got, 400, "PARAM_ERROR")
			if got.text("detail.field") != c.field {
				t.Errorf("it names %q (%s), want %q", got.text("detail.field"), got.text("message"), c.field)
			}
		})
	}
	s.T = t
	for name, body := range map[string]string{
		"null": swap(`"device_id":"1"`, `"device_id":null`), "twice": swap(`"amount"`, `"mchid":"x","amount"`), "cut off": good[:50],
		"two values": good + "{}", "a list": "[]", "nothing": "", "not UTF-8": swap("面", "\xff"),
	} {
		if got := s.call("POST", "/v3/pay/transactions/codepay", body); got.status != 400 || got.text("code") != "PARAM_ERROR" {
			t.Errorf("%s answers %d %v", name, got.status, got.body)
		}
	}
	s.want(s.call("POST", "/v3/pay/transactions/codepay", swap(s.as.AppID, "wx0")), 400, "APPID_MCHID_NOT_MATCH")
	if got := s.call("POST", "/v3/pay/transactions/codepay", good); got.text("trade_state") != "SUCCESS" {
		t.Errorf("the good one answers %v", got.body)
	}
}

func TestNativeBodies(t *testing.T) {
	s := open(t)
	for _, c := range []struct{ extra, field string }{
		{`,"time_expire":"tomorrow"`, "time_expire"},
		{`,"time_expire":"2020-01-01T00:00:00+08:00"`, "time_expire"},
		{`,"scene_info":{"device_id":"1"}`, "scene_info.payer_client_ip"},
		{`,"limit_pay":[]`, "limit_pay"},
		{`,"detail":{"cost_price":1}`, "detail.goods_detail"},
		{`,"payer":{"auth_code":"1"}`, "payer"},
	} {
		if got := s.native(sandboxtest.OrderNo(), 100, c.extra); got.status != 400 || got.text("detail.field") != c.field {
			t.Errorf("%s answers %d %v", c.extra, got.status, got.body)
		}
	}
	for notify, field := range map[string]string{`"notify_url":"http://pay.example.com/",`: "notify_url", `"notify_url":"https://pay.example.com/?a=1",`: "notify_url", "": "notify_url"} {
		body := fmt.Sprintf(`{"appid":%q,"mchid":%q,"description":"x",%s"out_trade_no":%q,"amount":{"total":1}}`, s.as.AppID, s.as.MerchantID, notify, sandboxtest.OrderNo())
		if got := s.call("POST", "/v3/pay/transactions/native", body); got.text("detail.field") != field {
			t.Errorf("%s answers %d %v", notify, got.status, got.body)
		}
	}
	full := `,"time_expire":"2026-01-01T11:00:00+08:00","attach":"a","goods_tag":"g","limit_pay":["no_credit"],"support_fapiao":true,` +
		`"detail":{"cost_price":100,"goods_detail":[{"merchant_goods_id":"1","quantity":1,"unit_price":100}]},` +
		`"scene_info":{"payer_client_ip":"127.0.0.1","device_id":"1","store_info":{"id":"S1","name":"shop"}},"settle_info":{"profit_sharing":false}`
	no := sandboxtest.OrderNo()
	if got := s.native(no, 100, full); got.status != 200 {
		t.Errorf("everything at once answers %d %v", got.status, got.body)
	}
	if got := s.query(no); got.text("attach") != "a" {
		t.Errorf("attach is not echoed: %v", got.body)
	}
}

func TestAddresses(t *testing.T) {
	s := open(t)
	s.want(s.call("GET", "/v3/pay/transactions/codepay", ""), 405, "INVALID_REQUEST")
	s.want(s.call("POST", "/v3/pay/transactions/jsapi", "{}"), 404, "NOT_FOUND")
	s.want(s.call("GET", "/v3/pay/transactions/out-trade-no/a.b?mchid="+s.as.MerchantID, ""), 400, "PARAM_ERROR")
	s.want(s.call("GET", "/v3/pay/transactions/out-trade-no/"+sandboxtest.OrderNo(), ""), 400, "PARAM_ERROR")
	s.want(s.call("GET", "/v3/pay/transactions/id/4200?mchid="+s.as.MerchantID, ""), 404, "ORDER_NOT_EXIST")
	// An order number may hold a star, which clients escape.
	no := "A*B_C-" + sandboxtest.OrderNo()[:10]
	s.reverse(strings.Replace(no, "*", "%2A", 1))
	if state := s.query(no).text("trade_state"); state != "REVOKED" {
		t.Errorf("the star is lost: %q", state)
	}
}
