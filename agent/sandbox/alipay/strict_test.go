package alipay_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// What is wrong with a request as a whole is refused before its content is read.
func TestCommonParameters(t *testing.T) {
	s := open(t)
	for _, c := range []struct {
		name, param, value, code, sub string
	}{
		{"no timestamp", "timestamp", "", "40001", "isv.missing-timestamp"},
		{"a timestamp of another kind", "timestamp", "2026-01-01T10:34:56Z", "40002", "isv.invalid-timestamp"},
		{"no version", "version", "", "40001", "isv.missing-version"},
		{"another version", "version", "2.0", "40002", "isv.invalid-version"},
		{"no charset", "charset", "", "40001", "isv.missing-charset"},
		{"another charset", "charset", "GBK", "40002", "isv.invalid-charset"},
		{"another format", "format", "XML", "40002", "isv.invalid-format"},
		{"no kind of signature", "sign_type", "", "40001", "isv.missing-signature-type"},
		{"the old kind of signature", "sign_type", "RSA", "40002", "isv.invalid-signature-type"},
		{"no content", "biz_content", "", "40001", "isv.missing-biz-content"},
		{"no method", "method", "", "40001", "isv.missing-method"},
		{"an unknown method", "method", "alipay.trade.create", "40002", "isv.invalid-method"},
		{"somebody's authorization", "app_auth_token", "202601BB", "20001", "aop.invalid-app-auth-token"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.T = t
			p := s.params("alipay.trade.query", `{"out_trade_no":"1"}`)
			p[c.param] = c.value
			s.sign(p)
			got := s.send(s.post(p))
			s.want(got, c.code, c.sub)
			if member := "error_response"; (got.member == member) != (c.param == "method") {
				t.Errorf("it is said in %s", got.member)
			}
		})
	}
}

// Who signed is checked over what was sent, and an answer to nobody known is not
// signed.
func TestSignatures(t *testing.T) {
	s := open(t)
	refused := func(name, sub string, change func(p map[string]string)) {
		t.Helper()
		p := s.params("alipay.trade.query", `{"out_trade_no":"1"}`)
		s.sign(p)
		change(p)
		got := s.send(s.post(p))
		if got.text("sub_code") != sub {
			t.Errorf("%s: answered %v", name, got.body)
		}
	}
	refused("another content", "isv.invalid-signature", func(p map[string]string) { p["biz_content"] = `{"out_trade_no":"2"}` })
	refused("one parameter more", "isv.invalid-signature", func(p map[string]string) { p["notify_url"] = "https://a.example/" })
	refused("no base64", "isv.invalid-signature", func(p map[string]string) { p["sign"] = "?" })
	refused("no signature", "isv.missing-signature", func(p map[string]string) { p["sign"] = "" })
	refused("another key", "isv.invalid-signature", func(p map[string]string) {
		s.as = s.wallet.CertApp()
		s.sign(p)
		s.as = s.wallet.App()
	})
	refused("an empty one more", "ACQ.TRADE_NOT_EXIST", func(p map[string]string) { p["notify_url"] = "" })
	for sub, id := range map[string]string{"isv.invalid-app-id": "2021", "isv.missing-app-id": ""} {
		p := s.params("alipay.trade.query", "{}")
		p["app_id"] = id
		s.sign(p)
		status, _, body, err := s.Raw(s.post(p))
		if err != nil || status != 200 || !bytes.Contains(body, []byte(sub)) || bytes.Contains(body, []byte(`"sign"`)) {
			t.Errorf("answered %d %s %v", status, body, err)
		}
	}
}

func TestCertificateMode(t *testing.T) {
	s := open(t)
	s.as = s.wallet.CertApp()
	for _, c := range []struct{ param, value, sub string }{
		{"app_cert_sn", "", "isv.missing-app-cert-sn"},
		{"app_cert_sn", s.wallet.Platform().CertSN, "isv.invalid-app-cert-sn"},
		{"alipay_root_cert_sn", "", "isv.missing-alipay-root-cert-sn"},
		{"alipay_root_cert_sn", s.as.CertSN, "isv.invalid-alipay-root-cert-sn"},
		{"app_cert_sn", s.as.CertSN, "ACQ.TRADE_NOT_EXIST"},
	} {
		p := s.params("alipay.trade.query", `{"out_trade_no":"1"}`)
		p[c.param] = c.value
		s.sign(p)
		if got := s.send(s.post(p)); got.text("sub_code") != c.sub {
			t.Errorf("%+v answers %v", c, got.body)
		}
	}
}

// A request comes in one way only, and says each thing once.
func TestForms(t *testing.T) {
	s := open(t)
	want := func(name, sub string, r *http.Request) {
		t.Helper()
		if status, _, body, err := s.Raw(r); err != nil || status != 200 || !bytes.Contains(body, []byte(sub)) {
			t.Errorf("%s: answered %d %s %v", name, status, body, err)
		}
	}
	r := s.request("alipay.trade.query", "{}")
	r.Header.Set("Content-Type", "application/json")
	want("a form that says it is JSON", "isv.invalid-content-type", r)
	r = s.request("alipay.trade.query", "{}")
	r.URL.RawQuery = "charset=GBK"
	want("two charsets", "isv.invalid-parameter", r)
	r = s.request("alipay.trade.query", "{}")
	r.URL.RawQuery = "a=%ZZ"
	want("an address that cannot be read", "isv.invalid-parameter", r)
	r = s.request("alipay.trade.query", "{}")
	r.Method, r.Body, r.ContentLength = "GET", nil, 0
	want("a GET", "isv.invalid-method", r)
	r = s.request("alipay.trade.query", "{}")
	r.URL.Path = "/gateway"
	if status, _, _, err := s.Raw(r); status != 404 {
		t.Errorf("another address answers %d %v", status, err)
	}
}

// What is wrong with the content is refused before anything happens, and named.
func TestContent(t *testing.T) {
	s := open(t)
	code := s.Code(s.Phone("approve", 5000))
	good := payment("ORDER_1", code, "1.00")
	swap := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for _, c := range []struct{ name, content, field string }{
		{"no order number", swap(`"out_trade_no":"ORDER_1",`, ""), "out_trade_no"},
		{"long order number", swap("ORDER_1", strings.Repeat("A", 65)), "out_trade_no"},
		{"order number with a dash", swap("ORDER_1", "ORDER-1"), "out_trade_no"},
		{"no amount", swap(`"total_amount":"1.00",`, ""), "total_amount"},
		{"amount zero", swap("1.00", "0.00"), "total_amount"},
		{"amount with three decimals", swap("1.00", "1.000"), "total_amount"},
		{"amount with a sign", swap("1.00", "+1.00"), "total_amount"},
		{"amount in scientific notation", swap(`"1.00"`, "1e0"), "total_amount"},
		{"amount too large", swap("1.00", "100000000.01"), "total_amount"},
		{"no code", swap(fmt.Sprintf(`"auth_code":%q,`, code), ""), "auth_code"},
		{"code as a number", swap(fmt.Sprintf("%q", code), code), "auth_code"},
		{"another scene", swap("bar_code", "wave_code"), "scene"},
		{"no subject", swap("咖啡 <面包>", ""), "subject"},
		{"a subject with a slash", swap("咖啡", "咖/啡"), "subject"},
		{"long subject", swap("咖啡", strings.Repeat("咖", 257)), "subject"},
		{"a time-out of a second", swap("2m", "1s"), "timeout_express"},
		{"a time-out of a month", swap("2m", "30d"), "timeout_express"},
		{"another currency", swap(`"scene"`, `"trans_currency":"USD","scene"`), "trans_currency"},
		{"another product", swap(`"scene"`, `"product_code":"X","scene"`), "product_code"},
		{"an empty list of goods", swap(`"scene"`, `"goods_detail":[],"scene"`), "goods_detail"},
		{"goods without a price", swap(`"scene"`, `"goods_detail":[{"goods_id":"1","goods_name":"tea","quantity":1}],"scene"`), "goods_detail[0].price"},
		{"a misspelt member", swap("timeout_express", "time_out_express"), "time_out_express"},
		{"a member in another case", swap("out_trade_no", "outTradeNo"), "out_trade_no"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.T = t
			got := s.call("alipay.trade.pay", c.content)
			s.want(got, "40004", "ACQ.INVALID_PARAMETER")
			if !strings.HasPrefix(got.text("sub_msg"), "The parameter "+c.field+" ") {
				t.Errorf("it names %q, want %q", got.text("sub_msg"), c.field)
			}
		})
	}
	s.T = t
	for name, content := range map[string]string{
		"null": swap(`"1.00"`, "null"), "twice": swap(`"scene"`, `"subject":"x","scene"`), "cut off": good[:50],
		"two values": good + "{}", "a list": "[]", "no JSON": "hello",
	} {
		if got := s.call("alipay.trade.pay", content); got.text("code") != "40002" || got.text("sub_code") != "isv.invalid-biz-content" {
			t.Errorf("%s answers %v", name, got.body)
		}
	}
	s.want(s.call("alipay.trade.pay", swap(`"scene"`, `"seller_id":"2088","scene"`)), "40004", "ACQ.PARTNER_ERROR")
	full := swap(`"1.00"`, `1.00,"goods_detail":[{"goods_id":"1","goods_name":"tea","quantity":1,"price":"1.00"}],"seller_id":"`+s.as.SellerID+`","extend_params":{"sys_service_provider_id":"2088"},"operator_id":"7"`)
	s.want(s.call("alipay.trade.pay", full), "10000", "")
}

// Slashes are escaped in every answer: whoever verifies what they wrote anew
// instead of what came finds out.
func TestSlashesAreEscaped(t *testing.T) {
	s := open(t)
	_, _, body, err := s.Raw(s.request("alipay.trade.precreate", `{"out_trade_no":"1","subject":"tea","total_amount":"1.00","timeout_express":"1c"}`))
	if err != nil || !bytes.Contains(body, []byte(`"https:\/\/qr.alipay.com\/bax`)) {
		t.Errorf("answered %s %v", body, err)
	}
	// 1c is the end of China's day: thirteen hours and a little more from here.
	s.Clock.Move(13*time.Hour + 26*time.Minute)
	s.want(s.call("alipay.trade.precreate", `{"out_trade_no":"1","subject":"tea","total_amount":"1.00","timeout_express":"1c"}`), "40004", "ACQ.TRADE_HAS_CLOSE")
}
