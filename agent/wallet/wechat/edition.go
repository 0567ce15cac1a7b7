package wechat

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// global holds for the cross-border edition.
func (c *Config) global() bool { return c.Region == RegionGlobal }

// classic holds where code payments go over API v2.
func (c *Config) classic() bool { return c.Codepay == CodepayV2 }

// ownHosts are the brand's, of the configured region.
func (c *Config) ownHosts() []string {
	if c.global() {
		return GlobalHosts()
	}
	return Hosts()
}

// currencies are what can be asked for. The domestic edition takes yuan only.
func (c *Config) currencies() []agent.Currency {
	if c.global() {
		return c.Currencies
	}
	return []agent.Currency{"CNY"}
}

// checkEdition looks at what belongs to a region or to a transport.
func (c *Config) checkEdition() error {
	var wrong wallet.Complaints
	ask := wrong.If
	ask(c.Region != RegionChina && !c.global(), "region is %q: write china or global", c.Region)
	ask(c.Codepay != CodepayV3 && !c.classic(), "codepay is %q: write v3 or v2", c.Codepay)
	ask(!c.global() && c.Category != "", "merchant_category_code belongs to the region global: remove it or set region to global")
	ask(!c.global() && len(c.Currencies) != 0, "currencies belong to the region global: in China every payment is in CNY")
	if c.global() {
		ask(c.classic(), "codepay cannot be v2 in the region global")
		ask(len(c.Currencies) == 0, "currencies is missing: name those that the contract prices in")
		for _, currency := range c.Currencies {
			ask(!currency.Known(), "currencies has %q, which is not a known ISO 4217 currency", currency)
		}
		ask(c.Category == "" || len(c.Category) > 16 || strings.Trim(c.Category, "0123456789") != "",
			"merchant_category_code is missing or no number: it is the shop's ISO 18245 code, for example 5812")
		ask(!ownPath(c.PayPath), "pay_path %q is not a path such as /v3/global/micropay/transactions/pay", c.PayPath)
		ask(!ownPath(c.ReversePath) || strings.Count(c.ReversePath, "{}") != 1, "reverse_path %q is not a path with {} in the place of the order number", c.ReversePath)
	}
	if c.classic() {
		wrong = append(wrong, c.checkClassic())
	}
	return errors.Join(wrong...)
}

// checkClassic looks at what API v2 needs.
func (c *Config) checkClassic() error {
	var wrong wallet.Complaints
	ask := wrong.If
	const size = 32 // API v2: the key is 32 characters
	ask(len(c.APIv2Key) != size, "api_v2_key has %d bytes: codepay v2 needs the API key, which is exactly %d characters", len(c.APIv2Key), size)
	ask(c.APIv2Sign != SignHMAC && c.APIv2Sign != SignMD5, "api_v2_sign is %q: write %s or %s", c.APIv2Sign, SignHMAC, SignMD5)
	_, err := netip.ParseAddr(c.TerminalIP)
	ask(err != nil, "terminal_ip %q is not an address", c.TerminalIP)
	for _, h := range c.Hosts {
		ask(!strings.HasPrefix(h, "https://"), "hosts has %q, but codepay v2 proves who reverses by TLS: write https://", h)
	}
	_, err = c.certificate()
	return errors.Join(append(wrong, err)...)
}

// certificate is what a reversal of API v2 proves the merchant with.
func (c *Config) certificate() (tls.Certificate, error) {
	block, _ := pem.Decode(c.MerchantCert)
	if block == nil || block.Type != "CERTIFICATE" {
		return tls.Certificate{}, errors.New("merchant_certificate is missing or no certificate: codepay v2 needs apiclient_cert.pem")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("merchant_certificate cannot be read: %w", err)
	}
	key, err := parseMerchantKey(c.MerchantKey)
	if err != nil {
		return tls.Certificate{}, nil // said where the key is read
	}
	if !key.PublicKey.Equal(cert.PublicKey) {
		return tls.Certificate{}, errors.New("merchant_certificate does not belong to merchant_key: both come from the same download")
	}
	if serial := fmt.Sprintf("%X", cert.SerialNumber); strings.TrimLeft(c.MerchantSerial, "0") != serial {
		return tls.Certificate{}, fmt.Errorf("merchant_certificate carries the serial %s and merchant_serial is %s", serial, c.MerchantSerial)
	}
	return tls.Certificate{Certificate: [][]byte{block.Bytes}, PrivateKey: key, Leaf: cert}, nil
}

// ownPath holds for a path that is sent as it is written.
func ownPath(text string) bool {
	u, err := url.Parse(strings.Replace(text, "{}", "X", 1))
	return err == nil && strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "//") && u.RawQuery == "" && u.Fragment == "" && u.EscapedPath() == u.Path
}

// transactions puts an operation below the orders of the configured edition.
func (w *Wallet) transactions(rest string) string {
	switch {
	case w.c.global():
		return "/v3/global/transactions/" + rest
	case w.c.Mode == ModePartner:
		return "/v3/pay/partner/transactions/" + rest
	}
	return "/v3/pay/transactions/" + rest
}

// payPath is where a code payment goes in API v3.
func (w *Wallet) payPath() string {
	if w.c.global() {
		return w.c.PayPath
	}
	return w.transactions("codepay")
}

// orderPath is below one order number; what a path cannot hold is escaped and
// signed in that form.
func (w *Wallet) orderPath(no, rest string) string {
	return w.transactions("out-trade-no/" + url.PathEscape(no) + rest)
}

// reversePath is where an order is reversed in API v3.
func (w *Wallet) reversePath(no string) string {
	if w.c.global() {
		return strings.Replace(w.c.ReversePath, "{}", url.PathEscape(no), 1)
	}
	return w.orderPath(no, "/reverse")
}

// asks is the query that says who asks.
func (w *Wallet) asks() string {
	v := url.Values{"mchid": {w.c.MerchantID}}
	if w.c.Mode == ModePartner {
		v = url.Values{"sp_mchid": {w.c.MerchantID}, "sub_mchid": {w.c.SubMerchantID}}
	}
	return "?" + v.Encode()
}

// refundsPath is where refunds are asked for.
func (w *Wallet) refundsPath() string {
	if w.c.global() {
		return "/v3/global/refunds"
	}
	return "/v3/refund/domestic/refunds"
}

// refundPath is one refund number's.
func (w *Wallet) refundPath(no string) string {
	switch {
	case w.c.global():
		return w.refundsPath() + "/out-refund-no/" + url.PathEscape(no) + w.asks()
	case w.c.SubMerchantID != "":
		return w.refundsPath() + "/" + url.PathEscape(no) + "?" + url.Values{"sub_mchid": {w.c.SubMerchantID}}.Encode()
	}
	return w.refundsPath() + "/" + url.PathEscape(no)
}

// certificatesPath is where the platform's certificates are.
func (w *Wallet) certificatesPath() string {
	if w.c.global() {
		return "/v3/global/certificates"
	}
	return "/v3/certificates"
}
