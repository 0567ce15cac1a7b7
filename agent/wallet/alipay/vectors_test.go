package alipay

import (
	"testing"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

const (
	bizVector       = `{"out_trade_no":"POS01_20260101_000003","scene":"bar_code","auth_code":"28763443825664394","subject":"咖啡","total_amount":"12.80","timeout_express":"2m"}`
	canonicalVector = `app_id=2021000000000001&biz_content=` + bizVector + `&charset=utf-8&format=JSON&method=alipay.trade.pay&sign_type=RSA2&timestamp=2026-01-01 10:34:56&version=1.0`
	signVector      = `rVvZR+VAPfJKm8v1NFnnaz79ZLI6gn+yFLKtRhUv3j2PSc4hPF82/Jqm7GIU7UXgQThRNtah2CVhifc7wkrfLLb/dUD2KJdWQOnk4zndLlzvwYTQc3ZJ1Cs5glvafoy3N/saACEAKs/ycVAxQPu90XRRM0z8cfIjgDiYv67Rv1YXcEUGFMvzH721TptOsKWolDt704TZ/+jSxpJzAw1OvCoN4giK17OtxPw9i+SLQC6+2ptvKqn5utOS8jI+x/lVrsmq7Y4WChhW2j0TW4Z3TL/ksPG46cHeXmozCZDBRFcMJSTOAL67NUIvwKAohxGi3EtRnWS2f4dwk4JLICmeyg==`
)

// TestVectorOfACodePayment signs a pay request byte for byte: the order of
// biz_content, the raw values, and the empty parameters that must vanish.
func TestVectorOfACodePayment(t *testing.T) {
	w := &Wallet{c: Config{AppID: "2021000000000001", Description: "咖啡", Timers: agent.DefaultTimers("alipay")}}
	w.c.Clock = &clock{at: now}
	p := agent.Payment{OrderNo: "POS01_20260101_000003", Amount: agent.Money{Value: 1280, Currency: "CNY"}}
	r := w.tradePay(p, agent.NewPayCode("28763443825664394"))
	b := r.biz.(tradePay)
	b.Terminal = "" // the vector's terminal has no name
	r.biz = b
	m, err := w.params(r)
	if err != nil {
		t.Fatal(err)
	}
	if m["biz_content"] != bizVector {
		t.Errorf("biz_content %s", m["biz_content"])
	}
	if _, ok := m["notify_url"]; !ok || m["notify_url"] != "" {
		t.Error("the vector has an empty notify_url")
	}
	s := signer{key: k1Key(t), clock: w.c.Clock}
	if _, err := s.body(m, nil); err != nil {
		t.Fatal(err)
	}
	if m.canonical() != canonicalVector {
		t.Errorf("string to sign:\n%s\nwant\n%s", m.canonical(), canonicalVector)
	}
	if m["sign"] != signVector {
		t.Errorf("sign %s", m["sign"])
	}
	if err := wallet.VerifyRSA(&s.key.PublicKey, []byte(canonicalVector), signVector); err != nil {
		t.Error(err)
	}
	if err := wallet.VerifyRSA(&s.key.PublicKey, []byte(canonicalVector+" "), signVector); err == nil {
		t.Error("a signature covers more than it should")
	}
}

// TestTheRawBytesAreVerified: escapes, blanks and the order of members are part
// of what Alipay signs, and a text with another spelling of the same is not.
func TestTheRawBytesAreVerified(t *testing.T) {
	raw := `{ "msg":"Success" , "url":"https:\/\/qr.alipay.com\/bax", "name":"\u5496啡", "code" : "10000", "z":1.0e2,"total_amount":"12.80", "trade_status":"TRADE_SUCCESS","out_trade_no":"` + payment().OrderNo + `"}`
	if a := newCloud(t, answer{content: raw}).wallet().Query(t.Context(), payment()); a.Verdict != agent.Approved {
		t.Errorf("%v (%v)", a.Verdict, a.Err)
	}
	e, err := unwrap("alipay.trade.query", []byte(` {"sign" : "c2ln", "alipay_trade_query_response" : `+raw+` } `))
	if err != nil || string(e.content) != raw || e.sign != "c2ln" {
		t.Errorf("%q %q (%v)", e.content, e.sign, err)
	}
}
