package wechat

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

// TestVectorV2Signature is the official example of API v2's signature.
func TestVectorV2Signature(t *testing.T) {
	v := values{"appid": "wxd930ea5d5a258f4f", "mch_id": "10000100", "device_info": "1000", "body": "test", "nonce_str": "ibuaiVcKdpRxkhJA", "attach": "", "sign": "x"}
	key := []byte("192006250b4c09247ec02edce69f6a2d")
	if got := v.sign(key, SignMD5); got != "9A0A8659F005D6984697E2CA0A9CF3B7" {
		t.Error(got)
	}
	if got := v.sign(key, SignHMAC); got != "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6" {
		t.Error(got)
	}
}

const v2Key = "192006250b4c09247ec02edce69f6a2d"

// merchantCertificate is apiclient_cert.pem for merchantKey.
func merchantCertificate(t testing.TB, serial string) []byte {
	t.Helper()
	number, ok := new(big.Int).SetString(serial, 16)
	if !ok {
		t.Fatal(serial)
	}
	c := &x509.Certificate{SerialNumber: number, NotAfter: now.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &merchantKey().PublicKey, merchantKey())
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// classicWallet speaks API v2 to a cloud that answers what a test wants.
func classicWallet(t *testing.T, answer func(path string, asked values) string, edit ...func(*Config)) *Wallet {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		asked, err := decode(body)
		if err != nil {
			t.Errorf("%v in %s", err, body)
		}
		if len(r.TLS.PeerCertificates) != 1 {
			t.Error("the merchant's certificate is not shown")
		}
		_, _ = io.WriteString(w, answer(r.URL.Path, asked))
	}))
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	c := newCloud(t).config()
	c.Hosts, c.TLS, c.Codepay, c.APIv2Key = []string{s.URL}, &tls.Config{RootCAs: roots}, CodepayV2, []byte(v2Key)
	c.MerchantCert = merchantCertificate(t, "D7CE59D1F522D701")
	for _, e := range edit {
		e(&c)
	}
	w, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.CloseIdle)
	return w
}

// told is an answer as the cloud writes and signs it.
func told(v values) string {
	for name, value := range map[string]string{"return_code": "SUCCESS", "appid": "wxd678efh567hg6787", "mch_id": "1230000109", "nonce_str": "N"} {
		if _, set := v[name]; !set {
			v[name] = value
		}
	}
	v["sign"] = v.sign([]byte(v2Key), SignHMAC)
	text, err := v.encode()
	if err != nil {
		panic(err)
	}
	return string(text)
}

func taken(edit values) values {
	v := values{"result_code": "SUCCESS", "out_trade_no": payment().OrderNo, "transaction_id": "42", "trade_type": "MICROPAY", "fee_type": "CNY",
		"total_fee": "1280", "cash_fee": "1270"}
	for name, value := range edit {
		v[name] = value
	}
	return v
}

func refused(code string) string {
	return told(values{"result_code": "FAIL", "err_code": code, "err_code_des": "about " + code})
}

func TestWhatEachAnswerOfAPIv2Means(t *testing.T) {
	second := payment()
	second.Status.Attempt = 2
	pay := func(w *Wallet) agent.Answer { return w.Pay(t.Context(), payment(), code) }
	again := func(w *Wallet) agent.Answer { return w.Pay(t.Context(), second, code) }
	query := func(w *Wallet) agent.Answer { return w.Query(t.Context(), payment()) }
	reverse := func(w *Wallet) agent.Answer { return w.Reverse(t.Context(), payment()) }
	state := func(s string) string {
		return told(values{"result_code": "SUCCESS", "out_trade_no": payment().OrderNo, "trade_state": s})
	}
	for _, row := range []struct {
		name   string
		call   func(*Wallet) agent.Answer
		answer string
		want   agent.Verdict
		reason agent.Reason
	}{
		{"paid", pay, told(taken(nil)), agent.Approved, ""},
		{"must confirm", pay, refused("USERPAYING"), agent.Awaiting, ""},
		{"no money", pay, refused("NOTENOUGH"), agent.Refused, agent.ReasonNotEnough},
		{"old code", pay, refused("AUTHCODEEXPIRE"), agent.Refused, agent.ReasonCodeExpired},
		{"used code", pay, refused("AUTH_CODE_ERROR"), agent.Refused, agent.ReasonCodeUsed},
		{"used code, said of our own first try", again, refused("AUTH_CODE_ERROR"), agent.InDoubt, agent.ReasonSystem},
		{"card", pay, refused("NOTSUPORTCARD"), agent.Refused, agent.ReasonPayerBlocked},
		{"dead order", pay, refused("ORDERREVERSED"), agent.Refused, agent.ReasonDeadOrder},
		{"number paid", pay, refused("ORDERPAID"), agent.InDoubt, agent.ReasonSystem},
		{"system", pay, refused("SYSTEMERROR"), agent.InDoubt, agent.ReasonSystem},
		{"bank", pay, refused("BANKERROR"), agent.InDoubt, agent.ReasonSystem},
		{"not allowed", pay, refused("NOAUTH"), agent.Refused, agent.ReasonSetup},
		{"a word nobody knows", pay, refused("FOO"), agent.InDoubt, agent.ReasonSystem},
		{"another sum", pay, told(taken(values{"total_fee": "1281"})), agent.InDoubt, agent.ReasonUnverified},
		{"another currency", pay, told(taken(values{"fee_type": "HKD"})), agent.InDoubt, agent.ReasonUnverified},
		{"another order", pay, told(taken(values{"out_trade_no": "DEMO0101KDVE6QRC0000000000000002"})), agent.InDoubt, agent.ReasonUnverified},
		{"no order", pay, told(taken(values{"out_trade_no": ""})), agent.InDoubt, agent.ReasonUnverified},
		{"no sum", pay, told(taken(values{"total_fee": ""})), agent.InDoubt, agent.ReasonUnverified},
		{"no number", pay, told(taken(values{"total_fee": "1e3"})), agent.InDoubt, agent.ReasonUnverified},
		{"another merchant", pay, told(taken(values{"mch_id": "1"})), agent.InDoubt, agent.ReasonUnverified},
		{"another shop", pay, told(taken(values{"sub_mch_id": "1"})), agent.InDoubt, agent.ReasonUnverified},
		{"a sum that was changed", pay, strings.Replace(told(taken(values{"total_fee": "1281"})), "1281", "1280", 1), agent.InDoubt, agent.ReasonUnverified},
		{"no signature", pay, "<xml><return_code>SUCCESS</return_code><result_code>FAIL</result_code><err_code>NOTENOUGH</err_code></xml>", agent.InDoubt, agent.ReasonUnverified},
		{"the message failed", pay, "<xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA[signature error]]></return_msg></xml>", agent.InDoubt, agent.ReasonUnverified},
		{"a web page", pay, "<html><body>Welcome</body></html>", agent.InDoubt, agent.ReasonUnverified},
		{"a document type", pay, "<!DOCTYPE xml [<!ENTITY x SYSTEM 'file:///etc/hostname'>]>" + told(taken(nil)), agent.InDoubt, agent.ReasonUnverified},
		{"twice the same", pay, strings.Replace(told(taken(nil)), "<xml>", "<xml><total_fee>1</total_fee>", 1), agent.InDoubt, agent.ReasonUnverified},
		{"nothing", pay, "", agent.InDoubt, agent.ReasonUnverified},
		{"the answer to a query: confirming", pay, told(taken(values{"trade_state": "USERPAYING"})), agent.Awaiting, ""},
		{"the answer to a query: not paid", pay, told(taken(values{"trade_state": "NOTPAY"})), agent.InDoubt, agent.ReasonSystem},
		{"the answer to a query: revoked", pay, told(taken(values{"trade_state": "REVOKED"})), agent.Refused, agent.ReasonDeadOrder},
		{"the answer to a query: paid", pay, told(taken(values{"trade_state": "SUCCESS"})), agent.Approved, ""},
		{"asked: paid", query, told(taken(values{"trade_state": "SUCCESS"})), agent.Approved, ""},
		{"asked: paid, refunded", query, told(taken(values{"trade_state": "REFUND"})), agent.Approved, ""},
		{"asked: confirming", query, state("USERPAYING"), agent.Awaiting, ""},
		{"asked: not paid", query, state("NOTPAY"), agent.Unpaid, ""},
		{"asked: revoked", query, state("REVOKED"), agent.Ended, agent.ReasonDeadOrder},
		{"asked: failed", query, state("PAYERROR"), agent.Refused, agent.ReasonWalletRefused},
		{"asked: something new", query, state("ACCEPT"), agent.InDoubt, agent.ReasonSystem},
		{"asked: never seen", query, refused("ORDERNOTEXIST"), agent.Absent, ""},
		{"asked: not allowed", query, refused("NOAUTH"), agent.InDoubt, agent.ReasonSetup},
		{"reversed", reverse, told(values{"result_code": "SUCCESS", "recall": "N"}), agent.Accepted, ""},
		{"reversed, call again", reverse, told(values{"result_code": "SUCCESS", "recall": "Y"}), agent.InDoubt, agent.ReasonSystem},
		{"reversal failed, call again", reverse, told(values{"result_code": "FAIL", "err_code": "SYSTEMERROR", "recall": "Y"}), agent.InDoubt, agent.ReasonSystem},
		{"reversal while paying", reverse, refused("USERPAYING"), agent.InDoubt, agent.ReasonSystem},
		{"too late to reverse", reverse, refused("REVERSE_EXPIRE"), agent.Refused, agent.ReasonTooLate},
		{"not allowed to reverse", reverse, refused("NOAUTH"), agent.InDoubt, agent.ReasonSetup},
		{"reversed, says the answer to a query", reverse, state("NOTPAY"), agent.InDoubt, agent.ReasonUnverified},
		{"reversed, says the answer to a payment", reverse, told(taken(nil)), agent.InDoubt, agent.ReasonUnverified},
		{"reversed another", reverse, told(values{"result_code": "SUCCESS", "recall": "N", "out_trade_no": "DEMO0101KDVE6QRC0000000000000002"}), agent.InDoubt, agent.ReasonUnverified},
	} {
		w := classicWallet(t, func(string, values) string { return row.answer })
		if a := row.call(w); a.Verdict != row.want || a.Reason != row.reason {
			t.Errorf("%s: %v (%s, %v), want %v (%s)", row.name, a.Verdict, a.Reason, a.Err, row.want, row.reason)
		}
	}
}

// TestWhatAnUnsignedFailureQuotesIsNotRepeated: it is in no answer, so it is in no log.
func TestWhatAnUnsignedFailureQuotesIsNotRepeated(t *testing.T) {
	w := classicWallet(t, func(string, values) string {
		return "<xml><return_code>FAIL</return_code><return_msg>auth_code " + code.Reveal() + " is wrong</return_msg></xml>"
	})
	a := w.Pay(t.Context(), payment(), code)
	if said := fmt.Sprintf("%+v %v", a, a.Err); strings.Contains(said, code.Reveal()) || !errors.Is(a.Err, ErrUnsigned) {
		t.Errorf("the answer is %s", said)
	}
}

// TestRequestsOfAPIv2 holds what is sent against the documentation's table, and
// the signature against what was sent.
func TestRequestsOfAPIv2(t *testing.T) {
	var path string
	var got values
	w := classicWallet(t, func(p string, asked values) string { path, got = p, asked; return "" })
	who := values{"appid": "wxd678efh567hg6787", "mch_id": "1230000109", "sign_type": "HMAC-SHA256", "out_trade_no": payment().OrderNo}
	for _, row := range []struct {
		path string
		call func()
		more values
	}{
		{"/pay/micropay", func() { w.Pay(t.Context(), payment(), code) }, values{"auth_code": "134567890123456789", "body": "咖啡 & 面包", "device_info": "LANE-03",
			"total_fee": "1280", "fee_type": "CNY", "spbill_create_ip": "127.0.0.1"}},
		{"/pay/orderquery", func() { w.Query(t.Context(), payment()) }, nil},
		{"/secapi/pay/reverse", func() { w.Reverse(t.Context(), payment()) }, nil},
	} {
		row.call()
		if path != row.path || got["sign"] != got.sign([]byte(v2Key), SignHMAC) || len(got["nonce_str"]) < 16 || len(got["nonce_str"]) > 32 {
			t.Errorf("%s: %v", path, got)
		}
		if len(got) != len(who)+len(row.more)+2 {
			t.Errorf("%s sends %v", path, got)
		}
		for _, want := range []values{who, row.more} {
			for name, value := range want {
				if got[name] != value {
					t.Errorf("%s sends %s %q, want %q", path, name, got[name], value)
				}
			}
		}
	}
}
