package alipay

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// certificate makes one as Alipay's authority would, in PEM.
func certificate(t testing.TB, number int64, issuer pkix.Name, public, signer any) []byte {
	t.Helper()
	own := &x509.Certificate{SerialNumber: big.NewInt(number), Subject: pkix.Name{CommonName: "shop"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	above := &x509.Certificate{Subject: issuer}
	der, err := x509.CreateCertificate(rand.Reader, own, above, public, signer)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func authority() pkix.Name {
	return pkix.Name{Country: []string{"CN"}, Organization: []string{"Ant Financial"}, OrganizationalUnit: []string{"Certification Authority"}, CommonName: "Ant Financial Certification Authority Class 2 R1"}
}

// certified turns a configuration to certificate mode.
func certified(t testing.TB, k *Config) {
	t.Helper()
	k.Mode, k.AlipayKey = ModeCertificate, nil
	k.AppCert = certificate(t, 1001, authority(), &appKey().PublicKey, k1Key(t))
	k.AlipayCert = certificate(t, 1002, authority(), &k1Key(t).PublicKey, k1Key(t))
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	foreign := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("an SM2 certificate, which Go cannot read")})
	k.RootCert = append(certificate(t, 1, authority(), &k1Key(t).PublicKey, k1Key(t)), certificate(t, 2, authority(), &curve.PublicKey, curve)...)
	k.RootCert = append(append(k.RootCert, foreign...), certificate(t, 3, authority(), &k1Key(t).PublicKey, k1Key(t))...)
}

// TestACertificatesNameAtAlipay compares with MD5 sums taken by another program
// of the issuer as RFC 2253 writes it and the number in decimal.
func TestACertificatesNameAtAlipay(t *testing.T) {
	var k Config
	certified(t, &k)
	k.AppKey = privatePEM(t, appKey())
	got, err := loadKeys(&k)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ name, got, want string }{
		{"application", got.appSN, appSerial}, {"Alipay", got.alipaySN, alipaySerial}, {"root", got.rootSN, rootSerial1 + "_" + rootSerial3},
	} {
		if row.got != row.want {
			t.Errorf("%s: %s, want %s", row.name, row.got, row.want)
		}
	}
}

const (
	appSerial    = "17d01f28fa8218e4b42132e5180946fe"
	alipaySerial = "64d38f9128a4236f7d654aa29228dd7a"
	rootSerial1  = "95694504876dec7a7f80f6409163e885"
	rootSerial3  = "d2e93327810f99eb05864a0d5672aa8f"
)

func TestCertificateModeVerifiesByTheCertificate(t *testing.T) {
	for name, row := range map[string]struct {
		a    answer
		want agent.Verdict
		err  error
	}{
		"named":                    {answer{content: traded("TRADE_SUCCESS", nil), serial: alipaySerial}, agent.Approved, nil},
		"not named":                {answer{content: traded("TRADE_SUCCESS", nil)}, agent.Approved, nil},
		"another name, same key":   {answer{content: traded("TRADE_SUCCESS", nil), serial: "0"}, agent.Approved, nil},
		"another name and key":     {answer{content: traded("TRADE_SUCCESS", nil), serial: "0", spoil: resign}, agent.InDoubt, ErrUnknownKey},
		"the right name, bad sign": {answer{content: traded("TRADE_SUCCESS", nil), serial: alipaySerial, spoil: resign}, agent.InDoubt, ErrSignature},
	} {
		a := newCloud(t, row.a).wallet(func(k *Config) { certified(t, k) }).Query(t.Context(), payment())
		if a.Verdict != row.want || !errors.Is(a.Err, row.err) {
			t.Errorf("%s: %v (%v)", name, a.Verdict, a.Err)
		}
	}
}

// resign puts another key's signature in the place of Alipay's.
func resign(body string) string {
	content := body[strings.Index(body, ":")+1 : strings.Index(body, `,"sign":"`)]
	sign, err := wallet.SignRSA(appKey(), []byte(content))
	if err != nil {
		panic(err)
	}
	before, after, _ := strings.Cut(body, `,"sign":"`)
	_, rest, _ := strings.Cut(after, `"`)
	return before + `,"sign":"` + sign + `"` + rest
}

func TestAWrongConfigurationSaysWhatToDo(t *testing.T) {
	c := newCloud(t, answer{content: "{}"})
	publicPEM := func(key *rsa.PrivateKey) []byte {
		der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	}
	certs := func(edit func(*Config)) func(*Config) {
		return func(k *Config) { certified(t, k); edit(k) }
	}
	for _, row := range []struct {
		name string
		edit func(*Config)
		says string
	}{
		{"mode", func(k *Config) { k.Mode = "direct" }, "public_key or certificate"},
		{"no application", func(k *Config) { k.AppID = "" }, "app_id"},
		{"the app id of WeChat", func(k *Config) { k.AppID = "wxd678efh567hg6787" }, "app_id"},
		{"no key", func(k *Config) { k.AppKey = nil }, "app_key is missing"},
		{"a public key for ours", func(k *Config) { k.AppKey = publicPEM(appKey()) }, "app_key holds a public key"},
		{"no key of theirs", func(k *Config) { k.AlipayKey = nil }, "alipay_key is missing"},
		{"our own key for theirs", func(k *Config) { k.AlipayKey = publicPEM(appKey()) }, "application's own public key"},
		{"a certificate for their key", func(k *Config) { k.AlipayKey = certificate(t, 1, authority(), &k1Key(t).PublicKey, k1Key(t)) }, "alipay_key holds a certificate"},
		{"certificates beside a key", func(k *Config) { k.AppCert = []byte("x") }, "mode certificate"},
		{"a key beside certificates", certs(func(k *Config) { k.AlipayKey = publicPEM(appKey()) }), "belongs to mode public_key"},
		{"no certificate", certs(func(k *Config) { k.AppCert = nil }), "app_cert is missing"},
		{"no certificate of theirs", certs(func(k *Config) { k.AlipayCert = nil }), "alipay_cert is missing"},
		{"no root", certs(func(k *Config) { k.RootCert = nil }), "alipay_root_cert is missing"},
		{"an empty root", certs(func(k *Config) { k.RootCert = []byte("x") }), "no RSA certificate"},
		{"the certificates swapped", certs(func(k *Config) { k.AppCert, k.AlipayCert = k.AlipayCert, k.AppCert }), "app_cert is not the certificate of app_key"},
		{"our own certificate twice", certs(func(k *Config) { k.AlipayCert = k.AppCert }), "application's own certificate"},
		{"a token with a line end", func(k *Config) { k.AppAuthToken = "abc\n" }, "app_auth_token"},
		{"description", func(k *Config) { k.Description = strings.Repeat("咖", 257) }, "description"},
		{"store", func(k *Config) { k.StoreID = strings.Repeat("1", 33) }, "store_id"},
		{"notify over http", func(k *Config) { k.NotifyURL = "http://pay.example.com/notify" }, "https"},
		{"mixed hosts", func(k *Config) { k.Hosts = append(k.Hosts, Hosts()[0]) }, "mixes"},
		{"Alipay without TLS", func(k *Config) { k.Hosts = []string{"http://openapi.alipay.com"} }, "openapi.alipay.com"},
		{"another door of Alipay", func(k *Config) { k.Hosts = []string{"https://mapi.alipay.com"} }, "is not https://openapi.alipay.com"},
		{"their test cloud without TLS", func(k *Config) { k.Hosts = []string{"http://openapi-sandbox.dl.alipaydev.com"} }, "https://"},
		{"the whole address", func(k *Config) { k.Hosts = []string{"https://pay.example.com/gateway.do"} }, "without path"},
	} {
		config := c.config()
		row.edit(&config)
		_, err := New(config)
		if err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v, want it to say %q", row.name, err, row.says)
			continue
		}
		var e *agent.Error
		if !errors.As(err, &e) || e.Class != agent.Invalid || !strings.Contains(e.Op, "alipay") {
			t.Errorf("%s: %#v is not a configuration error of this wallet", row.name, err)
		}
		if strings.Contains(err.Error(), "PRIVATE KEY-----") {
			t.Errorf("%s: the error tells a secret", row.name)
		}
	}
}

func TestEverythingWrongIsSaidAtOnce(t *testing.T) {
	_, err := New(Config{})
	for _, name := range []string{"app_id", "alipay_key", "description", "store_id"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is missing and not named: %v", name, err)
		}
	}
}

func TestAHostThatIsNotAlipaysIsATest(t *testing.T) {
	c := newCloud(t, answer{content: "{}"})
	if info := c.wallet().Info(); !info.Test || info.Name != "alipay" || info.Protocol != "alipay" || len(info.Hosts) != 1 || info.Currency[0] != "CNY" {
		t.Errorf("%+v", info)
	}
	for _, hosts := range [][]string{nil, Hosts(), {"https://openapi.alipay.com/"}} {
		if info := c.wallet(func(k *Config) { k.Hosts = hosts }).Info(); info.Test {
			t.Errorf("%v are marked as a test", hosts)
		}
	}
	for _, hosts := range [][]string{{"https://openapi-sandbox.dl.alipaydev.com"}, {"https://openapi.alipay.com.example.com"}} {
		if info := c.wallet(func(k *Config) { k.Hosts = hosts }).Info(); !info.Test {
			t.Errorf("%v are taken for Alipay", hosts)
		}
	}
}

func TestTheCustomerReadsNoForbiddenSigns(t *testing.T) {
	if got := subject("Tom & Jerry a/b x=1"); got != "Tom ＆ Jerry a／b x＝1" {
		t.Error(got)
	}
}

func TestTimesAreWrittenInWholeMinutes(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "1m", time.Second: "1m", time.Minute: "1m", 61 * time.Second: "2m", 90 * time.Second: "2m"} {
		if got := minutes(d); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}
