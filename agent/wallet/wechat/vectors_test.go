package wechat

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// k1 is the published test key of WeChat Pay's Go SDK. Its file says TESTING so
// that no scanner for lost keys is alarmed.
func k1(t testing.TB) []byte {
	t.Helper()
	return bytes.ReplaceAll(read(t, "testdata/k1.pem"), []byte("TESTING"), []byte("PRIVATE"))
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func k1Key(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := parseMerchantKey(k1(t))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

const (
	sigA1 = "BKyAfU4iMCuvXMXS0Wzam3V/cnxZ+JaqigPM5OhljS2iOT95OO6Fsuml2JkFANJU9K6q9bLlDhPXuoVz+pp4hAm6pHU4ld815U4jsKu1RkyaII+1CYBUYC8TK0XtJ8FwUXXz8vZHh58rrAVN1XwNyvD1vfpxrMT4SL536GLwvpUHlCqIMzoZUguLli/K8V29QiOhuH6IEqLNJn8e9b3nwNcQ7be3CzYGpDAKBfDGPCqCv8Rw5zndhlffk2FEA70G4hvMwe51qMN/RAJbknXG23bSlObuTCN7Ndj1aJGH6/L+hdwfLpUtJm4QYVazzW7DFD27EpSQEqA8bX9+8m1rLg=="
	sigA2 = "mG2drrUCDR7EVrJmQVI6eW5VlDB0zzpcYLC83UiNxe1aNAomazwWci4q/HPA7MmlbGAswwSE7iPiLy3vflXohf42WXNA031htDbpBCVt1ti2teKFPh531KK07unc+CrCiepz6veTgsylXYO4iBI+DYQ4UDj+r8A/lhqj7yHmtLjvcJ45Og6Wdecd/T7jGgMwcEe1mR7HLzC7R6snnLOaRwnPCe6WyiWGDHHuQzvNFeaztpM3noedCPEwGculoy2MPVvNER6TpM8CUijpKChWM7Q5vIwg8QYv9bH7IuZitLMAgx0+cgaNzFbzZuXxwGB6wIAmv70dWcQx8F2erR/Nzw=="
	sigA3 = "k63Yo9/ErtD31yKCxe41cPTmJg6r+7fIQ5X5St0vPX7CWsBvLNhlCc/sAfIebZ4rSpsXsLUFhm4bHgdMCnjSjuViYfXZt+UKielH6W7mY8KLy91ynk2jaKohXWFpRJuw77a9RIP+lW5x9F5AZ20VGDnmQ2RxeCxhMOC40lnsMNurXtpIkMK6Xp2glcBTKNChfYy2RUdiRZKjYVJDP2O4dt09lAR0DaHnkdpntlDb89ko5VDSHH5JmjqdopKB0NlXraBGGup0p/gFDh7CqEaTu8i9bioSh2pHInjw3y6pOs7oC0PU0P+nDxIt320AnSVZx2mlJuT2uLUxoGSwFabaiw=="
	sigA4 = "huWqIF9Jm+f47HE6y74hjD5Sy2XuBBbwQBRS2euWWMjxioI2Wa3XB/yqI4DCOjVqZrictl46rBs90Pup0XN9ND+std7nQ+lEIy589e9nFjJHvVXskD+MIc3ZxEwyu2RSkoUcLXGBSJLx+mGclvDP/6eoYZnV9SYZGIzXZWqAjKfAEKuWTClU0EE+dQccZB8nEiKEwLDZ79vuPc9kF1rv4sHmU/h8Fe7rJOPmHY425JpHGhs+LT79V7SiuWF71AcZQI8F54y6AW1NfeBwlDcJGGast4WrTGAlFkL+IVkbibmBnc0Rf4yt4JUMtrgj3V/5PH/GkfBGG/FHGkHhQWJFfg=="

	bodyA3 = `{"appid":"wxd678efh567hg6787","mchid":"1230000109","description":"咖啡 & 面包","out_trade_no":"POS01-20260101-000001","payer":{"auth_code":"130061098828009406"},"amount":{"total":1280,"currency":"CNY"},"scene_info":{"device_id":"LANE-03","store_info":{"out_id":"SH0001"}}}`
	bodyA4 = `{"mchid":"1230000109","out_trade_no":"POS01-20260101-000001","trade_state":"USERPAYING","trade_state_desc":"需要用户输入支付密码"}`
)

func TestVectorA1SignsAText(t *testing.T) {
	got, err := wallet.SignRSA(k1Key(t), []byte("source"))
	if err != nil || got != sigA1 {
		t.Errorf("%s (%v)", got, err)
	}
}

func TestVectorA2SignsAGet(t *testing.T) {
	text := message("GET", "/v3/certificates", "1624523846", "A1B2C3D4E5F6G7", nil)
	if string(text) != "GET\n/v3/certificates\n1624523846\nA1B2C3D4E5F6G7\n\n" ||
		digest(text) != "891d9fae1cd25a7a1acbaeda95c7b0aacc125dc919b3453dd912550c02ed421d" {
		t.Errorf("string to sign: %q", text)
	}
	if got, err := wallet.SignRSA(k1Key(t), text); err != nil || got != sigA2 {
		t.Errorf("%s (%v)", got, err)
	}
}

func TestVectorA3SignsACodePayment(t *testing.T) {
	w := &Wallet{c: Config{AppID: "wxd678efh567hg6787", MerchantID: "1230000109", Description: "咖啡 & 面包", StoreID: "SH0001"}}
	p := agent.Payment{OrderNo: "POS01-20260101-000001", Lane: "03", Amount: agent.Money{Value: 1280, Currency: "CNY"}}
	body, err := wallet.Encode(w.codepay(p, agent.NewPayCode("130061098828009406")))
	if err != nil || string(body) != bodyA3 || len(body) != 276 {
		t.Fatalf("%d bytes: %s (%v)", len(body), body, err)
	}
	text := message("POST", w.payPath(), "1700000000", "A1B2C3D4E5F6G7", body)
	if digest(text) != "37e8024e1f2a4129b18392c4e5766845bfb18fc90f3eed6635bbab645b72f9b8" {
		t.Errorf("string to sign: %q", text)
	}
	s := signer{merchant: "1230000109", serial: "D7CE59D1F522D701", key: k1Key(t)}
	got, err := s.authorization("POST", "/v3/pay/transactions/codepay", body, time.Unix(1700000000, 0), "A1B2C3D4E5F6G7")
	want := `WECHATPAY2-SHA256-RSA2048 mchid="1230000109",nonce_str="A1B2C3D4E5F6G7",timestamp="1700000000",serial_no="D7CE59D1F522D701",signature="` + sigA3 + `"`
	if err != nil || got != want {
		t.Errorf("%s (%v)", got, err)
	}
}

func TestVectorA4VerifiesAnAnswer(t *testing.T) {
	header := func() http.Header {
		h := http.Header{}
		h.Set("Wechatpay-Timestamp", "1700000001")
		h.Set("Wechatpay-Nonce", "NONCERESP0001")
		h.Set("Wechatpay-Serial", "PUB_KEY_ID_1")
		h.Set("Wechatpay-Signature", sigA4)
		return h
	}
	public, _, err := parsePlatformKey(read(t, "testdata/k1.pub.pem"))
	if err != nil {
		t.Fatal(err)
	}
	verify := func(h http.Header, body string, now int64) error {
		s, err := readSigned(h)
		if err != nil {
			return err
		}
		if err := s.check(public, []byte(body)); err != nil {
			return err
		}
		return s.fresh(time.Unix(now, 0))
	}
	for _, row := range []struct {
		name string
		now  int64
		edit func(http.Header)
		body string
		want error
	}{
		{"at its own second", 1700000001, nil, bodyA4, nil},
		{"299 seconds later", 1700000300, nil, bodyA4, nil},
		{"299 seconds earlier", 1699999702, nil, bodyA4, nil},
		{"300 seconds later", 1700000301, nil, bodyA4, ErrClock},
		{"301 seconds later", 1700000302, nil, bodyA4, ErrClock},
		{"301 seconds earlier", 1699999700, nil, bodyA4, ErrClock},
		{"a probe", 1700000001, func(h http.Header) { h.Set("Wechatpay-Signature", probe+sigA4) }, bodyA4, ErrProbe},
		{"a changed body", 1700000001, nil, strings.Replace(bodyA4, "USERPAYING", "SUCCESS", 1), ErrSignature},
		{"a line end behind the body", 1700000001, nil, bodyA4 + "\n", ErrSignature},
		{"another nonce", 1700000001, func(h http.Header) { h.Set("Wechatpay-Nonce", "NONCERESP0002") }, bodyA4, ErrSignature},
		{"another time", 1700000001, func(h http.Header) { h.Set("Wechatpay-Timestamp", "1700000002") }, bodyA4, ErrSignature},
		{"a time that is none", 1700000001, func(h http.Header) { h.Set("Wechatpay-Timestamp", "now") }, bodyA4, ErrSignature},
		{"another kind of signature", 1700000001, func(h http.Header) { h.Set("Wechatpay-Signature-Type", "WECHATPAY2-SM2-WITH-SM3") }, bodyA4, ErrSignature},
		{"no signature", 1700000001, func(h http.Header) { h.Del("Wechatpay-Signature") }, bodyA4, ErrUnsigned},
		{"no serial", 1700000001, func(h http.Header) { h.Del("Wechatpay-Serial") }, bodyA4, ErrUnsigned},
	} {
		h := header()
		if row.edit != nil {
			row.edit(h)
		}
		if err := verify(h, row.body, row.now); !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", row.name, err, row.want)
		}
	}
}

func TestVectorsA5AndA6Decrypt(t *testing.T) {
	for _, row := range []struct{ name, key, nonce, additional, sealed, want string }{
		{"A-5", "testAPIv3Key0000", "wCq51qZv4Yfg", "Dl56FrqWQJF1t9LtC3vEUsniZKvbqdR8", "FsdXzxryWfKwvLJKf8LG/ToRPTRh8RN9wROC", "Hello World"},
		{"A-6", "0123456789abcdef0123456789ABCDEF", "n0nce_12byte", "transaction", "eTDX8ihAl+otvqS1uLMqSFg9Yj4qFINC4dSWnlKX1aKCeK10itUYDBAtkXJuM08ZPvwFwAJPVKAVMd8qVrpB58bPI+dJXqXUNtTHs1em/XElKi5nw+EAKNMVgAjYCvZMX6ivD5mQA5cDSZKtOXMtue6dY1Q7gXg0UHNgj677jzhA+1o9HTgX95kQ5yd3n1yNLb313Gu+JtRaFyHmsEI9ZVmEvWmCY9nh7sXFM0jHuMqVr5FDQwIsUB0yXId3SVA3z8MHvVETA8ZiaVHAxIACFr2A/sEdZNySgMuan0geATCdQcCkAkFbDoM8ItejuWphoFm2rc9LPDgJGykUKBF9/ng9ciWXnSg4XTQAx7tUFgcVgY5FxsJHvx+YhPhMuMcXrTVq4mkZXK79GQBs+qN5LMZJimrDIVRKsX9p+oSe8LY0xrC4Rp6/Y/brHTMo4YclviUVagsHWP7SdkXfqlh+c5ggUStW179wmL2Y+OxbBnZjiqf4vSZTxYbtyQ2B/yHX44+QujmaYDgXw6rAQQ==",
			`{"mchid":"1230000109","appid":"wxd678efh567hg6787","out_trade_no":"POS01-20260101-000002","transaction_id":"4200000000202601010000000001","trade_type":"NATIVE","trade_state":"SUCCESS","bank_type":"OTHERS","success_time":"2026-01-01T10:34:56+08:00","payer":{"openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},"amount":{"total":1280,"payer_total":1280,"currency":"CNY","payer_currency":"CNY"}}`},
	} {
		got, err := open([]byte(row.key), row.nonce, row.additional, row.sealed)
		if err != nil || string(got) != row.want {
			t.Errorf("%s: %q (%v)", row.name, got, err)
		}
		for what, err := range map[string]error{
			"another associated data": second(open([]byte(row.key), row.nonce, "x", row.sealed)),
			"a short nonce":           second(open([]byte(row.key), "short", row.additional, row.sealed)),
			"no base64":               second(open([]byte(row.key), row.nonce, row.additional, "%")),
			"a key of no length":      second(open([]byte("x"), row.nonce, row.additional, row.sealed)),
			"a cut text":              second(open([]byte(row.key), row.nonce, row.additional, row.sealed[:8])),
		} {
			if err == nil {
				t.Errorf("%s: %s was taken", row.name, what)
			}
		}
	}
}

func second(_ []byte, err error) error { return err }

func BenchmarkSign(b *testing.B) {
	s := signer{merchant: "1230000109", serial: "D7CE59D1F522D701", key: k1Key(b)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.authorization("POST", "/v3/pay/transactions/codepay", []byte(bodyA3), time.Unix(1700000000, 0), "A1B2C3D4E5F6G7"); err != nil {
			b.Fatal(err)
		}
	}
}
