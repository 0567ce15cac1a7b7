package web

import (
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/url"
	"regexp"
	"strings"

	"tillwire/agent"
)

// The forms of WeChat Pay's numbers (WeChat Pay v3, merchant platform): ids of
// merchants are digits, application ids begin with wx, serial numbers are
// hexadecimal. They catch a value pasted into the wrong field.
var (
	merchantForm = regexp.MustCompile(`^[0-9]{8,32}$`)
	appForm      = regexp.MustCompile(`^wx[0-9A-Za-z]{6,30}$`)
	serialForm   = regexp.MustCompile(`^[0-9A-Fa-f]{8,64}$`)
	storeForm    = regexp.MustCompile(`^[0-9A-Za-z]{1,32}$`)
	alipayForm   = regexp.MustCompile(`^[0-9]{10,32}$`)
	brandForm    = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)
	wordForm     = regexp.MustCompile(`^[!-~]{1,64}$`)
	keyIDForm    = regexp.MustCompile(`^(PUB_KEY_ID_)?[0-9A-Za-z]{8,64}$`)
)

// checkWallet reads the part of the protocol that was chosen; what stands in the
// others' fields does not count.
func checkWallet(v map[string]string, need func(bool, string, string)) WalletSetup {
	switch v["protocol"] {
	case "", "wechat":
		return checkWechat(v, need)
	case "alipay":
		return checkAlipay(v, need)
	case "gateway":
		return checkGateway(v, need)
	}
	need(false, "protocol", "setup.wrong_choice")
	return WalletSetup{}
}

func checkWechat(v map[string]string, need func(bool, string, string)) WalletSetup {
	w := WalletSetup{
		Protocol: "wechat", Mode: v["mode"], AppID: v["app_id"], MerchantID: v["merchant_id"], MerchantSerial: strings.ToUpper(v["merchant_serial"]), MerchantKey: v["merchant_key"],
		Platform: v["platform"], PlatformKeyID: v["platform_key_id"], PlatformKey: v["platform_key"], APIv3Key: v["api_v3_key"], NotifyURL: v["notify_url"],
	}
	need(w.Mode == "direct" || w.Mode == "partner", "mode", "setup.wrong_choice")
	need(w.Platform == "public_key" || w.Platform == "certificate", "platform", "setup.wrong_choice")
	need(appForm.MatchString(w.AppID), "app_id", "setup.wrong_app")
	need(merchantForm.MatchString(w.MerchantID), "merchant_id", "setup.wrong_merchant")
	if w.Mode == "partner" {
		w.SubMerchantID, w.SubAppID = v["sub_merchant_id"], v["sub_app_id"]
		need(merchantForm.MatchString(w.SubMerchantID), "sub_merchant_id", "setup.wrong_merchant")
		need(w.SubAppID == "" || appForm.MatchString(w.SubAppID), "sub_app_id", "setup.wrong_app")
	}
	need(serialForm.MatchString(w.MerchantSerial), "merchant_serial", "setup.wrong_serial")
	need(privateKey(w.MerchantKey), "merchant_key", "setup.wrong_private")
	need(keyIDForm.MatchString(w.PlatformKeyID), "platform_key_id", "setup.wrong_key_id")
	need(platformKey(w.Platform, w.PlatformKey), "platform_key", "setup.wrong_platform_key")
	need(len(w.APIv3Key) == 32, "api_v3_key", "setup.wrong_v3")
	notify, err := url.Parse(w.NotifyURL)
	need(err == nil && notify.Scheme == "https" && notify.Host != "" && notify.RawQuery == "", "notify_url", "setup.wrong_notify")
	w.Hosts = checkHosts(v["hosts"], "hosts", need)
	return w
}

func checkAlipay(v map[string]string, need func(bool, string, string)) WalletSetup {
	w := WalletSetup{Protocol: "alipay", Mode: v["alipay_mode"], AppID: v["alipay_app_id"], AppKey: v["app_key"]}
	need(alipayForm.MatchString(w.AppID), "alipay_app_id", "setup.wrong_alipay_app")
	need(privateKey(w.AppKey), "app_key", "setup.wrong_private")
	switch w.Mode {
	case "public_key":
		w.AlipayKey = v["alipay_key"]
		need(platformKey("public_key", w.AlipayKey), "alipay_key", "setup.wrong_platform_key")
	case "certificate":
		w.AppCert, w.AlipayCert, w.AlipayRootCert = v["app_cert"], v["alipay_cert"], v["alipay_root_cert"]
		need(platformKey("certificate", w.AppCert), "app_cert", "setup.wrong_certificate")
		need(platformKey("certificate", w.AlipayCert), "alipay_cert", "setup.wrong_certificate")
		// Its first certificate may be of any algorithm: some of Alipay's roots are SM2.
		block, _ := pem.Decode([]byte(w.AlipayRootCert + "\n"))
		need(block != nil && block.Type == "CERTIFICATE", "alipay_root_cert", "setup.wrong_certificate")
	default:
		need(false, "alipay_mode", "setup.wrong_choice")
	}
	w.Hosts = checkHosts(v["alipay_hosts"], "alipay_hosts", need)
	return w
}

func checkGateway(v map[string]string, need func(bool, string, string)) WalletSetup {
	w := WalletSetup{Protocol: "gateway", Brand: v["brand"], MerchantID: v["gateway_merchant"], SigningKeyID: v["signing_key_id"], SigningKey: v["signing_key"],
		AcquirerKeyID: v["acquirer_key_id"], AcquirerKey: v["acquirer_key"], Live: v["money"] == "live"}
	need(brandForm.MatchString(w.Brand), "brand", "setup.wrong_brand")
	need(wordForm.MatchString(w.MerchantID), "gateway_merchant", "setup.wrong_word")
	need(wordForm.MatchString(w.SigningKeyID), "signing_key_id", "setup.wrong_word")
	need(wordForm.MatchString(w.AcquirerKeyID), "acquirer_key_id", "setup.wrong_word")
	need(signingKey(w.SigningKey), "signing_key", "setup.wrong_signing")
	need(verifyKey(w.AcquirerKey), "acquirer_key", "setup.wrong_acquirer")
	need(v["money"] == "test" || w.Live, "money", "setup.wrong_choice")
	w.Hosts = checkHosts(v["gateway_hosts"], "gateway_hosts", need)
	need(len(w.Hosts) > 0, "gateway_hosts", "setup.wrong_hosts")
	for _, c := range strings.Fields(strings.ToUpper(strings.ReplaceAll(v["currencies"], ",", " "))) {
		need(agent.Currency(c).Known(), "currencies", "setup.wrong_currency")
		w.Currency = append(w.Currency, agent.Currency(c))
	}
	return w
}

func checkHosts(text, field string, need func(bool, string, string)) (hosts []string) {
	for _, host := range strings.Fields(strings.ReplaceAll(text, ",", " ")) {
		u, err := url.Parse(host)
		need(err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "", field, "setup.wrong_hosts")
		hosts = append(hosts, strings.TrimSuffix(host, "/"))
	}
	return hosts
}

// privateKey holds for an RSA key in PKCS#8 PEM of at least 2048 bits, which is
// what the merchant platform's tool writes.
func privateKey(text string) bool {
	key, ok := pasted[*rsa.PrivateKey](text, x509.ParsePKCS8PrivateKey)
	return ok && key.N.BitLen() >= 2048
}

// platformKey holds for a PEM of the kind that was chosen.
func platformKey(kind, text string) bool {
	parse := x509.ParsePKIXPublicKey
	if kind == "certificate" {
		parse = func(der []byte) (any, error) {
			cert, err := x509.ParseCertificate(der)
			if err != nil {
				return nil, err
			}
			return cert.PublicKey, nil
		}
	}
	_, ok := pasted[*rsa.PublicKey](text, parse)
	return ok
}

// signingKey holds for an Ed25519 private key in PKCS#8 PEM.
func signingKey(text string) bool {
	_, ok := pasted[ed25519.PrivateKey](text, x509.ParsePKCS8PrivateKey)
	return ok
}

// verifyKey holds for an Ed25519 public key in PEM.
func verifyKey(text string) bool {
	_, ok := pasted[ed25519.PublicKey](text, x509.ParsePKIXPublicKey)
	return ok
}

// pasted reads the first PEM block of a text field as a key K.
func pasted[K any](text string, parse func(der []byte) (any, error)) (key K, ok bool) {
	block, _ := pem.Decode([]byte(text + "\n"))
	if block == nil {
		return key, false
	}
	parsed, err := parse(block.Bytes)
	if err != nil {
		return key, false
	}
	key, ok = parsed.(K)
	return key, ok
}
