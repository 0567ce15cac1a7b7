package alipay_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tillwire/agent/sandbox"
	"tillwire/agent/sandbox/alipay"
	"tillwire/agent/sandbox/sandboxtest"
)

var keys sandboxtest.Keys

// shop is a running cloud with a client that signs by itself.
type shop struct {
	*sandboxtest.Shop
	wallet *alipay.Wallet
	early  bool // the cloud gives out bills at once
	as     *alipay.App
	inForm bool // all parameters in the form; else all but biz_content in the address
}

func open(t *testing.T) *shop {
	t.Helper()
	s := &shop{Shop: sandboxtest.NewShop(t), inForm: true}
	s.start()
	t.Cleanup(s.Stop)
	return s
}

func (s *shop) start() {
	s.Helper()
	s.Start(func(l *sandbox.Ledger) (_ sandbox.Open, err error) {
		s.wallet, err = alipay.New(s.Context(), alipay.Options{Ledger: l, Clock: s.Clock, Keys: keys.Source(), BillsAtOnce: s.early})
		return sandbox.Open{Wallet: s.wallet, Hosts: []string{sandboxtest.Local}}, err
	})
	s.as = s.wallet.App()
}

// reply is an answer whose signature has been verified.
type reply struct {
	member string
	body   map[string]any
}

func (r reply) text(name string) string {
	if v, ok := r.body[name]; ok {
		return fmt.Sprint(v)
	}
	return ""
}

// params are the common parameters of a request, unsigned.
func (s *shop) params(method, content string) map[string]string {
	p := map[string]string{"app_id": s.as.AppID, "method": method, "format": "JSON", "charset": "utf-8", "sign_type": "RSA2", "version": "1.0",
		"timestamp": s.Clock.Now().In(time.FixedZone("", 8*3600)).Format("2006-01-02 15:04:05"), "biz_content": content}
	if s.as.CertSN != "" {
		p["app_cert_sn"], p["alipay_root_cert_sn"] = s.as.CertSN, s.wallet.Platform().RootSN
	}
	return p
}

// sign adds the signature over all of them, as a client does.
func (s *shop) sign(p map[string]string) {
	s.Helper()
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if name != "sign" && p[name] != "" {
			parts = append(parts, name+"="+p[name])
		}
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "&")))
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.as.Key, crypto.SHA256, sum[:])
	if err != nil {
		s.Fatal(err)
	}
	p["sign"] = base64.StdEncoding.EncodeToString(signature)
}

// request is a signed request as one of the two kinds of client sends it.
func (s *shop) request(method, content string) *http.Request {
	s.Helper()
	p := s.params(method, content)
	s.sign(p)
	return s.post(p)
}

func (s *shop) post(p map[string]string) *http.Request {
	s.Helper()
	query, form := url.Values{}, url.Values{}
	for name, value := range p {
		if s.inForm || name == "biz_content" {
			form.Set(name, value)
		} else {
			query.Set(name, value)
		}
	}
	if s.inForm {
		query.Set("charset", p["charset"])
	}
	r, err := http.NewRequestWithContext(s.Context(), "POST", s.Cloud.HostURLs("alipay")[0]+"/gateway.do?"+query.Encode(), strings.NewReader(form.Encode()))
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=utf-8")
	return r
}

// call sends a signed request and verifies the answer.
func (s *shop) call(method, content string) reply {
	s.Helper()
	return s.send(s.request(method, content))
}

func (s *shop) send(r *http.Request) reply {
	s.Helper()
	status, _, raw, err := s.Raw(r)
	if err != nil || status != 200 {
		s.Fatalf("%s: %d %v", r.URL.Path, status, err)
	}
	out, err := s.verify(raw)
	if err != nil {
		s.Fatalf("%s: %v", raw, err)
	}
	return out
}

// verify holds the signature against the very bytes of the answer's member.
func (s *shop) verify(raw []byte) (reply, error) {
	var outer map[string]json.RawMessage
	if err := json.Unmarshal(raw, &outer); err != nil {
		return reply{}, err
	}
	var text, sn string
	var out reply
	for name, value := range outer {
		into := any(&out.body)
		switch name {
		case "sign":
			into = &text
		case "alipay_cert_sn":
			into = &sn
		default:
			out.member = name
		}
		if err := json.Unmarshal(value, into); err != nil {
			return reply{}, err
		}
	}
	key := &s.wallet.Platform().Key.PublicKey
	if s.as.CertSN != "" {
		if key = &s.wallet.Platform().CertKey.PublicKey; sn != s.wallet.Platform().CertSN {
			return out, fmt.Errorf("alipay_cert_sn is %q", sn)
		}
	}
	signature, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return out, err
	}
	sum := sha256.Sum256(outer[out.member])
	return out, rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature)
}

// payment is biz_content of a payment with a code.
func payment(orderNo, code, total string) string {
	return fmt.Sprintf(`{"out_trade_no":%q,"scene":"bar_code","auth_code":%q,"subject":"咖啡 <面包>","total_amount":%q,"store_id":"SH0001","timeout_express":"2m"}`, orderNo, code, total)
}

func (s *shop) pay(orderNo, code, total string) reply {
	s.Helper()
	return s.call("alipay.trade.pay", payment(orderNo, code, total))
}

func (s *shop) precreate(orderNo, total string) reply {
	s.Helper()
	return s.call("alipay.trade.precreate", fmt.Sprintf(`{"out_trade_no":%q,"subject":"tea","total_amount":%q}`, orderNo, total))
}

// named is a call about an order by its number.
func (s *shop) named(method, orderNo string) reply {
	s.Helper()
	return s.call("alipay.trade."+method, fmt.Sprintf(`{"out_trade_no":%q}`, orderNo))
}

func (s *shop) status(orderNo string) string {
	s.Helper()
	got := s.named("query", orderNo)
	if got.text("code") != "10000" {
		return got.text("sub_code")
	}
	return got.text("trade_status")
}

func (s *shop) refund(orderNo, requestNo, amount string) reply {
	s.Helper()
	return s.call("alipay.trade.refund", fmt.Sprintf(`{"out_trade_no":%q,"out_request_no":%q,"refund_amount":%q,"refund_reason":"returned"}`, orderNo, requestNo, amount))
}

func (s *shop) refunded(orderNo, requestNo string) reply {
	s.Helper()
	return s.call("alipay.trade.fastpay.refund.query", fmt.Sprintf(`{"out_trade_no":%q,"out_request_no":%q}`, orderNo, requestNo))
}

// want compares the code, and the sub-code of one that failed.
func (s *shop) want(got reply, code, sub string) {
	s.Helper()
	if got.text("code") != code || got.text("sub_code") != sub {
		s.Errorf("answered %s %s (%s), want %s %s", got.text("code"), got.text("sub_code"), got.text("sub_msg"), code, sub)
	}
}
