package wechat_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"tillwire/agent/sandbox"
	"tillwire/agent/sandbox/sandboxtest"
	"tillwire/agent/sandbox/wechat"
)

var keys sandboxtest.Keys

// shop is a running cloud with a client that signs by itself.
type shop struct {
	*sandboxtest.Shop
	wallet *wechat.Wallet
	as     *wechat.Merchant
	serial string // sent as Wechatpay-Serial
	global bool   // the cross-border edition
	nonces int
}

func open(t *testing.T) *shop {
	t.Helper()
	return openEdition(t, false)
}

func openEdition(t *testing.T, global bool) *shop {
	t.Helper()
	s := &shop{Shop: sandboxtest.NewShop(t), global: global}
	s.start()
	t.Cleanup(s.Stop)
	return s
}

func (s *shop) start() {
	s.Helper()
	s.Start(func(l *sandbox.Ledger) (_ sandbox.Open, err error) {
		s.wallet, err = wechat.New(s.Context(), wechat.Options{Ledger: l, Clock: s.Clock, Keys: keys.Source(), Global: s.global})
		return sandbox.Open{Wallet: s.wallet, Hosts: []string{sandboxtest.Local, sandboxtest.Local}, Secure: []string{sandboxtest.Local}}, err
	})
	s.as = s.wallet.Direct()
}

// reply is an answer whose signature has been verified.
type reply struct {
	status int
	body   map[string]any
	header http.Header
}

func (r reply) text(path string) string {
	var v any = r.body
	for name := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return ""
		}
		v = m[name]
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// sign writes the Authorization header as a client does.
func (s *shop) sign(method, uri, body string, stamp time.Time, nonce string) string {
	s.Helper()
	when := strconv.FormatInt(stamp.Unix(), 10)
	sum := sha256.Sum256([]byte(method + "\n" + uri + "\n" + when + "\n" + nonce + "\n" + body + "\n"))
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.as.Key, crypto.SHA256, sum[:])
	if err != nil {
		s.Fatal(err)
	}
	return fmt.Sprintf(`WECHATPAY2-SHA256-RSA2048 mchid="%s",nonce_str="%s",timestamp="%s",serial_no="%s",signature="%s"`,
		s.as.MerchantID, nonce, when, s.as.Serial, base64.StdEncoding.EncodeToString(signature))
}

func (s *shop) request(method, uri, body string) *http.Request {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, s.Cloud.HostURLs(s.wallet.Name())[0]+uri, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	s.nonces++
	r.Header.Set("Authorization", s.sign(method, uri, body, s.Clock.Now(), fmt.Sprintf("N%015d", s.nonces)))
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "sandbox-test")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if s.serial != "" {
		r.Header.Set("Wechatpay-Serial", s.serial)
	}
	return r
}

// call sends a signed request and verifies the answer.
func (s *shop) call(method, uri, body string) reply {
	s.Helper()
	return s.send(s.request(method, uri, body))
}

func (s *shop) send(r *http.Request) reply {
	s.Helper()
	status, header, raw, err := s.Raw(r)
	if err != nil {
		s.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	if err := s.verify(header, raw); err != nil {
		s.Fatalf("%s %s: %d %s: %v", r.Method, r.URL.Path, status, raw, err)
	}
	out := reply{status: status, header: header}
	if len(raw) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.UseNumber()
		if err := decoder.Decode(&out.body); err != nil {
			s.Fatalf("%s: %v", raw, err)
		}
	}
	return out
}

func (s *shop) verify(h http.Header, body []byte) error {
	key := &s.wallet.Platform().Key.PublicKey
	switch h.Get("Wechatpay-Serial") {
	case s.wallet.Platform().PublicKeyID:
	case s.wallet.Platform().Serial:
		key = &s.wallet.Platform().CertKey.PublicKey
	default:
		return fmt.Errorf("signed by nobody known: %q", h.Get("Wechatpay-Serial"))
	}
	signature, err := base64.StdEncoding.DecodeString(h.Get("Wechatpay-Signature"))
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(h.Get("Wechatpay-Timestamp") + "\n" + h.Get("Wechatpay-Nonce") + "\n" + string(body) + "\n"))
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature); err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	return nil
}

// codepay is the body of a payment; edit changes it before it is sent.
func (s *shop) codepay(orderNo, code string, total int) string {
	return fmt.Sprintf(`{"appid":%q,"mchid":%q,"description":"咖啡 & 面包","out_trade_no":%q,"payer":{"auth_code":%q},"amount":{"total":%d,"currency":"CNY"},"scene_info":{"device_id":"1","store_info":{"out_id":"SH0001"}}}`,
		s.as.AppID, s.as.MerchantID, orderNo, code, total)
}

func (s *shop) pay(orderNo, code string, total int) reply {
	s.Helper()
	return s.call("POST", "/v3/pay/transactions/codepay", s.codepay(orderNo, code, total))
}

func (s *shop) native(orderNo string, total int, extra string) reply {
	s.Helper()
	return s.call("POST", "/v3/pay/transactions/native", fmt.Sprintf(
		`{"appid":%q,"mchid":%q,"description":"coffee","out_trade_no":%q,"notify_url":"https://pay.example.com/notify","amount":{"total":%d,"currency":"CNY"}%s}`,
		s.as.AppID, s.as.MerchantID, orderNo, total, extra))
}

func (s *shop) query(orderNo string) reply {
	s.Helper()
	return s.call("GET", "/v3/pay/transactions/out-trade-no/"+orderNo+"?mchid="+s.as.MerchantID, "")
}

func (s *shop) reverse(orderNo string) reply {
	s.Helper()
	return s.call("POST", "/v3/pay/transactions/out-trade-no/"+orderNo+"/reverse", fmt.Sprintf(`{"appid":%q,"mchid":%q}`, s.as.AppID, s.as.MerchantID))
}

func (s *shop) close(orderNo string) reply {
	s.Helper()
	return s.call("POST", "/v3/pay/transactions/out-trade-no/"+orderNo+"/close", fmt.Sprintf(`{"mchid":%q}`, s.as.MerchantID))
}

func (s *shop) refund(orderNo, refundNo string, amount, total int) reply {
	s.Helper()
	return s.call("POST", "/v3/refund/domestic/refunds", fmt.Sprintf(
		`{"out_trade_no":%q,"out_refund_no":%q,"reason":"returned","amount":{"refund":%d,"total":%d,"currency":"CNY"}}`, orderNo, refundNo, amount, total))
}

func (s *shop) want(got reply, status int, code string) {
	s.Helper()
	if got.status != status || got.text("code") != code {
		s.Errorf("answered %d %s (%s), want %d %s", got.status, got.text("code"), got.text("message"), status, code)
	}
}
