package wechat_test

import (
	"crypto/md5"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tillwire/agent/sandbox/wechat"
)

// fields is a message of API v2 as this client writes and reads it.
type fields map[string]string

func (f fields) sign(key string) string {
	text := ""
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if f[name] != "" && name != "sign" {
			text += name + "=" + f[name] + "&"
		}
	}
	sum := md5.Sum([]byte(text + "key=" + key))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

func (f fields) text() string {
	text := "<xml>"
	for name, value := range f {
		text += "<" + name + ">" + value + "</" + name + ">"
	}
	return text + "</xml>"
}

var elementOf = regexp.MustCompile(`<([a-z_]+)><!\[CDATA\[(.*?)\]\]></`)

// classic sends a message; an answer that succeeded as a message must be signed.
func (s *shop) classic(path string, body string, proven *wechat.Merchant) (int, fields) {
	s.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.wallet.Authority())
	config := &tls.Config{RootCAs: roots}
	if proven != nil {
		block, _ := pem.Decode(proven.Certificate)
		config.Certificates = []tls.Certificate{{Certificate: [][]byte{block.Bytes}, PrivateKey: proven.Key}}
	}
	config.Time = s.Clock.Now
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
	hosts := s.Cloud.HostURLs("wechat")
	response, err := client.Post(hosts[len(hosts)-1]+path, "text/xml", strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		s.Fatal(err)
	}
	out := fields{}
	for _, m := range elementOf.FindAllStringSubmatch(string(raw), -1) {
		out[m[1]] = m[2]
	}
	if out["return_code"] == "SUCCESS" && (out["sign"] != out.sign(s.as.APIv2Key) || out["mch_id"] != s.as.MerchantID) {
		s.Errorf("%s answers with a wrong signature: %s", path, raw)
	}
	return response.StatusCode, out
}

// signed completes a message in the merchant's name.
func (s *shop) signed(f fields) string {
	f["appid"], f["mch_id"], f["nonce_str"] = s.as.AppID, s.as.MerchantID, "N1"
	f["sign"] = f.sign(s.as.APIv2Key)
	return f.text()
}

func (s *shop) micropay(no, code string, fee int) fields {
	s.Helper()
	_, got := s.classic("/pay/micropay", s.signed(fields{"out_trade_no": no, "auth_code": code, "total_fee": fmt.Sprint(fee), "body": "coffee", "spbill_create_ip": "127.0.0.1"}), nil)
	return got
}

// A merchant pays, asks and takes back in API v2, and API v3 knows the same order.
func TestAPIv2(t *testing.T) {
	s := open(t)
	code := s.Code(s.Phone("approve", 5000))
	got := s.micropay("CLASSIC_1", code, 1280)
	if got["result_code"] != "SUCCESS" || got["total_fee"] != "1280" || got["out_trade_no"] != "CLASSIC_1" || got["trade_type"] != "MICROPAY" || got["transaction_id"] == "" {
		t.Errorf("paying answers %v", got)
	}
	if again := s.micropay("CLASSIC_1", code, 1280); again["transaction_id"] != got["transaction_id"] {
		t.Errorf("paying again answers %v", again)
	}
	if other := s.micropay("CLASSIC_1", code, 1281); other["err_code"] != "OUT_TRADE_NO_USED" {
		t.Errorf("another sum answers %v", other)
	}
	if v3 := s.query("CLASSIC_1"); v3.text("trade_state") != "SUCCESS" || v3.text("transaction_id") != got["transaction_id"] || v3.text("appid") != s.as.AppID {
		t.Errorf("API v3 says %v", v3.body)
	}
	reverse := s.signed(fields{"out_trade_no": "CLASSIC_1"})
	if status, _ := s.classic("/secapi/pay/reverse", reverse, nil); status != 400 {
		t.Errorf("without a certificate: HTTP %d", status)
	}
	if _, got := s.classic("/secapi/pay/reverse", reverse, s.wallet.Partner()); got["return_code"] != "FAIL" {
		t.Errorf("with another's certificate: %v", got)
	}
	if s.Row("CLASSIC_1").Reversed {
		t.Error("it was reversed all the same")
	}
	if _, got := s.classic("/secapi/pay/reverse", reverse, s.as); got["result_code"] != "SUCCESS" || got["recall"] != "N" {
		t.Errorf("reversing answers %v", got)
	}
	if _, got := s.classic("/pay/orderquery", s.signed(fields{"out_trade_no": "CLASSIC_1"}), nil); got["trade_state"] != "REVOKED" {
		t.Errorf("asking answers %v", got)
	}
	if _, got := s.classic("/pay/orderquery", s.signed(fields{"out_trade_no": "NEVER_SEEN"}), nil); got["err_code"] != "ORDERNOTEXIST" {
		t.Errorf("asking for nothing answers %v", got)
	}
	for behaviour, code := range map[string]string{"password": "USERPAYING", "decline": "NOTENOUGH"} {
		if got := s.micropay("CLASSIC_"+behaviour, s.Code(s.Phone(behaviour, 5000)), 700); got["result_code"] != "FAIL" || got["err_code"] != code {
			t.Errorf("%s answers %v", behaviour, got)
		}
	}
}

// What is wrong with a message is said without a signature, and nothing happens.
func TestMessagesOfAPIv2ThatAreRefused(t *testing.T) {
	s := open(t)
	code := s.Code(s.Phone("approve", 5000))
	good := func(edit fields) string {
		f := fields{"out_trade_no": "CLASSIC_1", "auth_code": code, "total_fee": "100", "body": "coffee", "spbill_create_ip": "127.0.0.1"}
		maps.Copy(f, edit)
		return s.signed(f)
	}
	for name, body := range map[string]string{
		"another signature": strings.Replace(good(nil), ">100<", ">101<", 1),
		"no XML":            `{"out_trade_no":"CLASSIC_1"}`,
		"a document type":   `<!DOCTYPE xml [<!ENTITY x SYSTEM "file:///etc/hostname">]>` + good(nil),
		"an inner element":  strings.Replace(good(nil), "<xml>", "<xml><detail><a>b</a></detail>", 1),
		"something behind":  good(nil) + "<xml></xml>",
		"twice":             strings.Replace(good(nil), "<xml>", "<xml><body>coffee</body>", 1),
		"an unknown name":   good(fields{"notify_url": "https://pay.example.com/notify"}),
		"no address":        good(fields{"spbill_create_ip": ""}),
		"a sum of nothing":  good(fields{"total_fee": "0"}),
		"another hash":      good(fields{"sign_type": "SHA1"}),
		"dollars":           good(fields{"fee_type": "USD"}),
	} {
		if status, got := s.classic("/pay/micropay", body, nil); status != 200 || got["return_code"] != "FAIL" || got["sign"] != "" {
			t.Errorf("%s: %d %v", name, status, got)
		}
	}
	if got := s.Row("CLASSIC_1"); got.OrderNo != "" {
		t.Errorf("an order was made: %+v", got)
	}
}
