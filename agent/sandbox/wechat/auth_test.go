package wechat_test

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tillwire/agent/sandbox/sandboxtest"
)

// Whoever does not sign as the documentation says is refused, with an answer
// that is signed all the same (send verifies that).
func TestUnsignedAndBadlySignedRequests(t *testing.T) {
	s := open(t)
	uri := "/v3/pay/transactions/out-trade-no/" + sandboxtest.OrderNo() + "?mchid=" + s.as.MerchantID
	authorize := func(change func(string) string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", change(r.Header.Get("Authorization"))) }
	}
	at := func(d time.Duration) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", s.sign("GET", uri, "", s.Clock.Now().Add(d), fmt.Sprint("T", d)))
		}
	}
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		status int
		code   string
	}{
		{"untouched", func(*http.Request) {}, 404, "ORDER_NOT_EXIST"},
		{"no header", func(r *http.Request) { r.Header.Del("Authorization") }, 401, "SIGN_ERROR"},
		{"another scheme", authorize(func(a string) string { return "Bearer x" }), 401, "SIGN_ERROR"},
		{"one character of the signature", authorize(func(a string) string { return strings.Replace(a, `signature="`, `signature="A`, 1) }), 401, "SIGN_ERROR"},
		{"another nonce", authorize(func(a string) string { return strings.Replace(a, `nonce_str="N`, `nonce_str="M`, 1) }), 401, "SIGN_ERROR"},
		{"another merchant", authorize(func(a string) string { return strings.Replace(a, `mchid="12`, `mchid="13`, 1) }), 401, "SIGN_ERROR"},
		{"another certificate", authorize(func(a string) string { return strings.Replace(a, `serial_no="`, `serial_no="0`, 1) }), 401, "SIGN_ERROR"},
		{"an attribute twice", authorize(func(a string) string { return a + `,mchid="1"` }), 401, "SIGN_ERROR"},
		{"spaces after commas", authorize(func(a string) string { return strings.ReplaceAll(a, `",`, `", `) }), 404, "ORDER_NOT_EXIST"},
		{"299 s slow", at(-299 * time.Second), 404, "ORDER_NOT_EXIST"},
		{"301 s slow", at(-301 * time.Second), 401, "SIGN_ERROR"},
		{"301 s fast", at(301 * time.Second), 401, "SIGN_ERROR"},
		{"no Accept", func(r *http.Request) { r.Header.Del("Accept") }, 400, "PARAM_ERROR"},
		{"no User-Agent", func(r *http.Request) { r.Header.Set("User-Agent", "") }, 400, "PARAM_ERROR"},
		{"another query", func(r *http.Request) { r.URL.RawQuery += "&x=1" }, 401, "SIGN_ERROR"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.T = t
			r := s.request("GET", uri, "")
			c.change(r)
			s.want(s.send(r), c.status, c.code)
		})
	}
}

func TestANonceIsUsedOnce(t *testing.T) {
	s := open(t)
	uri := "/v3/pay/transactions/out-trade-no/" + sandboxtest.OrderNo() + "?mchid=" + s.as.MerchantID
	first := s.request("GET", uri, "")
	s.want(s.send(first), 404, "ORDER_NOT_EXIST")
	again := s.request("GET", uri, "")
	again.Header.Set("Authorization", first.Header.Get("Authorization"))
	s.want(s.send(again), 401, "SIGN_ERROR")
}

func TestTheSignatureErrorShowsNoPaymentCode(t *testing.T) {
	s := open(t)
	code := s.Code(s.Phone("approve", 5000))
	r := s.request("POST", "/v3/pay/transactions/codepay", s.codepay(sandboxtest.OrderNo(), code, 100))
	r.Header.Set("Authorization", s.sign("POST", "/v3/pay/transactions/codepay", "another body", s.Clock.Now(), "X1"))
	got := s.send(r)
	s.want(got, 401, "SIGN_ERROR")
	shown := got.text("detail.sign_information.truncated_sign_message")
	if !strings.HasPrefix(shown, "POST\n/v3/pay/transactions/codepay\n") || strings.Contains(fmt.Sprint(got.body), code) {
		t.Errorf("it shows %v", got.body)
	}
}

func TestTheClientChoosesTheKey(t *testing.T) {
	s := open(t)
	uri := "/v3/pay/transactions/out-trade-no/" + sandboxtest.OrderNo() + "?mchid=" + s.as.MerchantID
	for asked, want := range map[string]string{"": s.wallet.Platform().PublicKeyID, s.wallet.Platform().PublicKeyID: s.wallet.Platform().PublicKeyID,
		s.wallet.Platform().Serial: s.wallet.Platform().Serial, "UNKNOWN": s.wallet.Platform().PublicKeyID} {
		s.serial = asked
		if got := s.call("GET", uri, "").header.Get("Wechatpay-Serial"); got != want {
			t.Errorf("asked with %q, signed with %q", asked, got)
		}
	}
}

func TestCertificates(t *testing.T) {
	s := open(t)
	got := s.call("GET", "/v3/certificates", "")
	if got.status != 200 || got.header.Get("Wechatpay-Serial") != s.wallet.Platform().Serial {
		t.Fatalf("answers %d %v", got.status, got.body)
	}
	entry := got.body["data"].([]any)[0].(map[string]any)
	sealed := reply{body: entry}
	block, err := aes.NewCipher([]byte(s.as.APIv3Key))
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	text, err := base64.StdEncoding.DecodeString(sealed.text("encrypt_certificate.ciphertext"))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := gcm.Open(nil, []byte(sealed.text("encrypt_certificate.nonce")), text, []byte(sealed.text("encrypt_certificate.associated_data")))
	if err != nil || string(plain) != string(s.wallet.Platform().Certificate) || sealed.text("serial_no") != s.wallet.Platform().Serial {
		t.Errorf("the certificate is %q: %v", plain, err)
	}
}

func TestPartner(t *testing.T) {
	s := open(t)
	rich := s.Phone("approve", 100000)
	s.as = s.wallet.Partner()
	no := sandboxtest.OrderNo()
	who := fmt.Sprintf(`"sp_mchid":%q,"sub_mchid":%q`, s.as.MerchantID, s.as.SubMerchantID)
	body := fmt.Sprintf(`{"sp_appid":%q,%s,"description":"tea","out_trade_no":%q,"payer":{"auth_code":%q},"amount":{"total":900},"scene_info":{"store_info":{"id":"77"}}}`,
		s.as.AppID, who, no, s.Code(rich))
	got := s.call("POST", "/v3/pay/partner/transactions/codepay", body)
	for path, want := range map[string]string{"trade_state": "SUCCESS", "sp_mchid": s.as.MerchantID, "sub_mchid": s.as.SubMerchantID, "sp_appid": s.as.AppID, "mchid": ""} {
		if got.text(path) != want {
			t.Errorf("%s is %q, want %q", path, got.text(path), want)
		}
	}
	query := "?sp_mchid=" + s.as.MerchantID + "&sub_mchid=" + s.as.SubMerchantID
	if got := s.call("GET", "/v3/pay/partner/transactions/out-trade-no/"+no+query, ""); got.text("trade_state") != "SUCCESS" {
		t.Errorf("query says %v", got.body)
	}
	refund := fmt.Sprintf(`{"sub_mchid":%q,"out_trade_no":%q,"out_refund_no":"R1","amount":{"refund":100,"total":900,"currency":"CNY"}}`, s.as.SubMerchantID, no)
	if got := s.call("POST", "/v3/refund/domestic/refunds", refund); got.text("status") != "SUCCESS" {
		t.Errorf("refund says %v", got.body)
	}
	if got := s.call("GET", "/v3/refund/domestic/refunds/R1?sub_mchid="+s.as.SubMerchantID, ""); got.text("status") != "SUCCESS" {
		t.Errorf("refund query says %v", got.body)
	}
	unseen := sandboxtest.OrderNo()
	s.want(s.call("POST", "/v3/pay/partner/transactions/out-trade-no/"+unseen+"/close", "{"+who+"}"), 204, "")
	s.want(s.call("POST", "/v3/pay/partner/transactions/out-trade-no/"+unseen+"/reverse", fmt.Sprintf(`{"sp_appid":%q,%s}`, s.as.AppID, who)), 200, "")
	s.want(s.call("GET", "/v3/pay/transactions/out-trade-no/"+no+"?mchid="+s.as.MerchantID, ""), 403, "NO_AUTH")
	s.want(s.call("GET", "/v3/pay/partner/transactions/out-trade-no/"+no+"?sp_mchid="+s.as.MerchantID+"&sub_mchid=1", ""), 403, "NO_AUTH")
	// The direct merchant sees nothing of the partner's.
	s.as = s.wallet.Direct()
	s.want(s.query(no), 404, "ORDER_NOT_EXIST")
}
