package alipay

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

// How Alipay's answers are verified and the sender named, as the configuration
// writes it.
const (
	ModePublicKey   = "public_key"  // Alipay's public key, configured once
	ModeCertificate = "certificate" // the application's, Alipay's and the root certificates
)

// Hosts are Alipay's own (classic gateway).
func Hosts() []string { return []string{"https://openapi.alipay.com"} }

// Config is one configured Alipay wallet. Keys and certificates are the contents
// of PEM files.
type Config struct {
	Name  string   // brand; empty: "alipay"
	Hosts []string // empty: Hosts()
	Mode  string   // ModePublicKey (also when empty) or ModeCertificate

	AppID  string // of the application at the open platform, digits
	AppKey []byte // its private key: RSA of 2048 bits or more

	AlipayKey []byte // public_key: the key that Alipay answers with, not the application's own

	AppCert    []byte // certificate: appCertPublicKey
	AlipayCert []byte // certificate: alipayCertPublicKey
	RootCert   []byte // certificate: alipayRootCert, all of its certificates

	AppAuthToken string // a service provider acting for a merchant; up to 40 characters

	Product      string   // product_code; empty: FACE_TO_FACE_PAYMENT
	NotifyURL    string   // optional, up to 256 bytes. The terminal asks all the same
	Description  string   // subject: what the payer reads on the phone, up to 256 characters
	StoreID      string   // the merchant's own store code, up to 32 characters
	CodePrefixes []string // a shown code must begin with one; empty: https://qr.alipay.com/
	BillHosts    []string // further hosts a bill may be fetched from, "pay.example.com:8443"

	Timers    agent.Timers // zero: agent.DefaultTimers("alipay")
	Clock     agent.Clock  // nil: the machine's
	Log       *slog.Logger // nil: none
	TLS       *tls.Config  // nil: the system's trust
	Dial      wallet.Dial  // nil: TCP
	UserAgent string       // empty: "tillwire"

	Observe func(wallet.Exchange) // metrics; may be nil
}

// complete fills in the defaults.
func (c *Config) complete() {
	c.Name = cmp.Or(c.Name, "alipay")
	c.Mode = cmp.Or(c.Mode, ModePublicKey)
	c.Product = cmp.Or(c.Product, "FACE_TO_FACE_PAYMENT")
	c.UserAgent = cmp.Or(c.UserAgent, "tillwire")
	if len(c.Hosts) == 0 {
		c.Hosts = Hosts()
	}
	if len(c.CodePrefixes) == 0 {
		// alipay.trade.precreate: qr_code "https://qr.alipay.com/bax…".
		c.CodePrefixes = []string{"https://qr.alipay.com/"}
	}
	if c.Timers.Pay == 0 {
		c.Timers = agent.DefaultTimers("alipay")
	}
	if c.Clock == nil {
		c.Clock = agent.NewSystemClock()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// check returns everything that is wrong, each with what to do.
func (c *Config) check() error {
	var wrong wallet.Complaints
	ask := wrong.If
	certificates := c.Mode == ModeCertificate
	ask(!certificates && c.Mode != ModePublicKey, "mode is %q: write public_key or certificate", c.Mode)
	ask(len(c.AppID) < 8 || len(c.AppID) > 32 || strings.Trim(c.AppID, "0123456789") != "", "app_id is missing or not a number: copy it from the Alipay open platform (20…)")
	ask(c.Mode == ModePublicKey && len(c.AlipayKey) == 0, "alipay_key is missing: copy Alipay's public key from the open platform, where the application's own was entered")
	ask(certificates && len(c.AppCert) == 0, "app_cert is missing: download appCertPublicKey from the open platform")
	ask(certificates && len(c.AlipayCert) == 0, "alipay_cert is missing: download alipayCertPublicKey from the open platform")
	ask(certificates && len(c.RootCert) == 0, "alipay_root_cert is missing: download alipayRootCert from the open platform")
	ask(!certificates && len(c.AppCert)+len(c.AlipayCert)+len(c.RootCert) != 0, "app_cert, alipay_cert and alipay_root_cert belong to mode certificate: remove them or set the mode")
	ask(certificates && len(c.AlipayKey) != 0, "alipay_key belongs to mode public_key: remove it, the certificate holds the key")
	ask(len(c.AppAuthToken) > 40 || strings.ContainsFunc(c.AppAuthToken, func(r rune) bool { return r <= ' ' || r >= 0x7f }), "app_auth_token is not a token: up to 40 characters without blanks")
	ask(c.Description == "" || len([]rune(c.Description)) > 256, "description is missing or longer than 256 characters: it is what the customer reads, for example the shop's name")
	ask(c.StoreID == "" || len(c.StoreID) > 32, "store_id is missing or longer than 32 characters: it is the shop's own code for this store")
	wrong = append(wrong, checkNotify(c.NotifyURL), checkHosts(c.Hosts))
	if err := errors.Join(wrong...); err != nil {
		return c.wrong(err)
	}
	return nil
}

// wrong dresses what must be corrected for the page and the command line.
func (c *Config) wrong(err error) error {
	return wallet.Misconfigured("wallet", c.Name, err)
}

func checkNotify(text string) error {
	if text == "" {
		return nil
	}
	if u, err := url.Parse(text); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || len(text) > 256 {
		return errors.New("notify_url must be https and up to 256 bytes: for example https://pay.example.com/notify")
	}
	return nil
}

// checkHosts refuses payment codes over plain HTTP to Alipay's own names, its test
// cloud's too, and a list that mixes Alipay with something else: one payment would
// be two orders.
func checkHosts(hosts []string) error {
	own := 0
	for _, h := range hosts {
		u, err := url.Parse(h)
		switch {
		case slices.Contains(Hosts(), strings.TrimSuffix(h, "/")):
			own++
		case err != nil: // the transport says what is wrong with it
		case below(u.Hostname(), "alipay.com"):
			return fmt.Errorf("host %q is not %s", h, strings.Join(Hosts(), " or "))
		case below(u.Hostname(), "alipaydev.com") && u.Scheme != "https":
			return fmt.Errorf("host %q must begin with https://", h)
		}
	}
	if own != 0 && own != len(hosts) {
		return errors.New("hosts mixes Alipay's own with others: use one or the other")
	}
	return nil
}

// below holds for a domain and the names in it.
func below(name, domain string) bool { return strings.HasSuffix("."+strings.ToLower(name), "."+domain) }

// test holds when a host is not Alipay's own; its public test cloud is not.
func (c *Config) test() bool {
	return slices.ContainsFunc(c.Hosts, func(h string) bool { return !slices.Contains(Hosts(), strings.TrimSuffix(h, "/")) })
}

// minutes writes a time limit as Alipay reads it, rounded up: "2m".
func minutes(d time.Duration) string {
	return fmt.Sprintf("%dm", max((d+time.Minute-1)/time.Minute, 1))
}
