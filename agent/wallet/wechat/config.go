package wechat

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// The modes of a merchant and of WeChat's signatures, as the configuration
// writes them.
const (
	ModeDirect  = "direct"  // the merchant's own number
	ModePartner = "partner" // a service provider's number, the merchant as sub_mchid

	PlatformPublicKey   = "public_key"  // the WeChat Pay public key, configured once
	PlatformCertificate = "certificate" // platform certificates, downloaded
)

// The editions of WeChat Pay, which share nothing but the payer's phone, and the
// transports of code payments. Not every merchant is enabled for codepay in API v3.
const (
	RegionChina  = "china"  // the domestic edition
	RegionGlobal = "global" // cross-border: own hosts, keys, certificates and accounts

	CodepayV3 = "v3" // API v3
	CodepayV2 = "v2" // API v2 for payment, query and reversal of codes; everything else stays v3

	SignHMAC = "HMAC-SHA256" // of API v2
	SignMD5  = "MD5"
)

// Hosts are WeChat Pay's own, the second for disaster recovery with the same
// keys and data (WeChat Pay v3, cross-city disaster recovery).
func Hosts() []string {
	return []string{"https://api.mch.weixin.qq.com", "https://api2.mch.weixin.qq.com"}
}

// GlobalHosts are those of the cross-border edition: Hong Kong, then two regional
// accelerators on the same data (WeChat Pay Global, API v3).
func GlobalHosts() []string {
	return []string{"https://apihk.mch.weixin.qq.com", "https://apius.mch.weixin.qq.com", "https://apieu.mch.weixin.qq.com"}
}

// PlatformKey is a key that WeChat signs with, by the id its answers carry.
type PlatformKey struct {
	ID  string // PUB_KEY_ID_…, or a certificate's serial in hexadecimal
	PEM []byte // PUBLIC KEY or CERTIFICATE
}

// Config is one configured WeChat wallet. Keys are the contents of files.
type Config struct {
	Name   string   // brand; empty: "wechat"
	Region string   // RegionChina (also when empty) or RegionGlobal
	Hosts  []string // empty: the region's own
	Mode   string   // ModeDirect (also when empty) or ModePartner, which in the global region is an acquiring institution

	AppID         string // partner: the provider's (sp_appid)
	MerchantID    string // partner: the provider's (sp_mchid)
	SubAppID      string // partner, optional
	SubMerchantID string // partner, required

	MerchantSerial string // serial of the merchant API certificate, hexadecimal
	MerchantKey    []byte // its private key: PKCS#8 (or PKCS#1) PEM, RSA of 2048 bits or more

	Platform     string        // PlatformPublicKey (also when empty) or PlatformCertificate
	PlatformKeys []PlatformKey // public_key: at least one; certificate: none needed
	APIv3Key     []byte        // 32 bytes; certificate mode needs it, public-key mode may omit it

	Codepay      string // CodepayV3 (also when empty) or CodepayV2
	APIv2Key     []byte // v2: 32 bytes
	APIv2Sign    string // v2: SignHMAC (also when empty) or SignMD5
	MerchantCert []byte // v2: the merchant API certificate (PEM), which MerchantSerial is of; a reversal is only taken with it
	TerminalIP   string // v2: spbill_create_ip; empty: 127.0.0.1

	Currencies  []agent.Currency // global: what the contract prices in, at least one; a payment is asked in its own
	Category    string           // global: merchant_category_code (ISO 18245), digits
	PayPath     string           // global: empty: that of the API page; documents disagree
	ReversePath string           // global: likewise, with {} for the order number

	NotifyURL    string   // Native needs it: https, no query, up to 255 bytes. The terminal polls all the same
	Description  string   // what the payer reads on the phone, up to 127 characters
	StoreID      string   // the merchant's own store code, letters and digits, up to 256
	CodePrefixes []string // a shown code must begin with one; empty: weixin://wxpay/

	Timers       agent.Timers  // zero: agent.DefaultTimers("wechat")
	ExpireMargin time.Duration // a shown order lives this much longer than its code is shown; zero: 3 min
	Clock        agent.Clock   // nil: the machine's
	Log          *slog.Logger  // nil: none
	TLS          *tls.Config   // nil: the system's trust
	Dial         wallet.Dial   // nil: TCP
	UserAgent    string        // empty: "tillwire"

	Observe   func(wallet.Exchange)      // metrics; may be nil
	ClockSkew func(offset time.Duration) // how far WeChat's clock is ahead of ours, from its answers; may be nil
}

// complete fills in the defaults.
func (c *Config) complete() {
	c.Name = cmp.Or(c.Name, "wechat")
	c.Mode = cmp.Or(c.Mode, ModeDirect)
	c.Platform = cmp.Or(c.Platform, PlatformPublicKey)
	c.MerchantSerial = strings.ToUpper(c.MerchantSerial)
	c.Region = cmp.Or(c.Region, RegionChina)
	c.Codepay = cmp.Or(c.Codepay, CodepayV3)
	c.APIv2Sign = cmp.Or(c.APIv2Sign, SignHMAC)
	c.TerminalIP = cmp.Or(c.TerminalIP, "127.0.0.1")
	c.PayPath = cmp.Or(c.PayPath, "/v3/global/micropay/transactions/pay")
	c.ReversePath = cmp.Or(c.ReversePath, "/v3/global/micropay/transactions/out-trade-no/{}/reverse")
	if len(c.Hosts) == 0 {
		c.Hosts = c.ownHosts()
	}
	if len(c.CodePrefixes) == 0 {
		// Native, API v3: code_url "weixin://wxpay/bizpayurl?pr=…" and newer forms.
		c.CodePrefixes = []string{"weixin://wxpay/"}
	}
	if c.Timers.Pay == 0 {
		c.Timers = agent.DefaultTimers("wechat")
	}
	c.ExpireMargin = cmp.Or(c.ExpireMargin, 3*time.Minute)
	if c.Clock == nil {
		c.Clock = agent.NewSystemClock()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.ClockSkew == nil {
		c.ClockSkew = func(time.Duration) {}
	}
}

// check returns everything that is wrong, each with what to do.
func (c *Config) check() error {
	var wrong wallet.Complaints
	ask := wrong.If
	partner := c.Mode == ModePartner
	ask(!partner && c.Mode != ModeDirect, "mode is %q: write direct or partner", c.Mode)
	ask(!plain(c.AppID, 32), "app_id is missing or not an id: copy it from the WeChat Pay merchant platform (wx…)")
	ask(!plain(c.MerchantID, 32), "merchant_id is missing or not a number: copy the mchid from the merchant platform")
	ask(partner && !plain(c.SubMerchantID, 32), "sub_merchant_id is missing: partner mode needs the shop's own sub_mchid")
	ask(!partner && c.SubMerchantID+c.SubAppID != "", "sub_merchant_id and sub_app_id belong to partner mode: remove them or set mode to partner")
	ask(c.SubAppID != "" && !plain(c.SubAppID, 32), "sub_app_id is not an id")
	ask(c.MerchantSerial == "" || strings.Trim(c.MerchantSerial, "0123456789ABCDEF") != "",
		"merchant_serial is missing or not hexadecimal: it is the serial number of the merchant API certificate")
	ask(c.Platform != PlatformPublicKey && c.Platform != PlatformCertificate, "platform is %q: write public_key or certificate", c.Platform)
	ask(c.Platform == PlatformPublicKey && len(c.PlatformKeys) == 0, "platform_key is missing: download the WeChat Pay public key and set platform_key_id and platform_key")
	ask(c.Platform == PlatformCertificate && len(c.APIv3Key) == 0, "api_v3_key is missing: certificate mode needs it to open the platform certificates")
	ask(len(c.APIv3Key) != 0 && len(c.APIv3Key) != 32, "api_v3_key has %d bytes: it is exactly 32 characters, without a line end", len(c.APIv3Key))
	ask(c.Description == "" || len([]rune(c.Description)) > 127, "description is missing or longer than 127 characters: it is what the customer reads, for example the shop's name")
	ask(!plain(c.StoreID, 256), "store_id is missing or not letters and digits: it is the shop's own code for this store")
	wrong = append(wrong, c.checkEdition(), checkNotify(c.NotifyURL), checkHosts(c.Hosts, c.ownHosts()))
	if err := errors.Join(wrong...); err != nil {
		return c.wrong(err)
	}
	return nil
}

// wrong dresses what must be corrected for the page and the command line.
func (c *Config) wrong(err error) error {
	return wallet.Misconfigured("wallet", c.Name, err)
}

// checkNotify holds the address to WeChat's rules (Native, notify_url). It is
// never relied on, but an order to show is refused without it.
func checkNotify(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" || strings.Contains(text, "?") || len(text) > 255 {
		return errors.New("notify_url must be https, without a query, and up to 255 bytes: for example https://pay.example.com/notify")
	}
	return nil
}

// checkHosts refuses payment codes over plain HTTP to WeChat's own names, and a
// list that mixes WeChat with something else: one payment would be two orders.
func checkHosts(hosts, ours []string) error {
	own := 0
	for _, h := range hosts {
		if slices.Contains(ours, strings.TrimSuffix(h, "/")) {
			own++
		} else if u, err := url.Parse(h); err == nil && strings.HasSuffix("."+u.Hostname(), ".weixin.qq.com") {
			return fmt.Errorf("hosts has %q, which is not one of %s", h, strings.Join(ours, " and "))
		}
	}
	if own != 0 && own != len(hosts) {
		return errors.New("hosts mixes WeChat's own with others: use one or the other")
	}
	return nil
}

// test holds when a host is not WeChat's own.
func (c *Config) test() bool {
	return slices.ContainsFunc(c.Hosts, func(h string) bool { return !slices.Contains(c.ownHosts(), strings.TrimSuffix(h, "/")) })
}

// plain holds for 1 to limit letters, digits, hyphens and underscores.
func plain(text string, limit int) bool {
	return text != "" && len(text) <= limit && strings.IndexFunc(text, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '_')
	}) < 0
}
