package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"tillwire/agent/sandbox"
	"tillwire/agent/sandbox/gateway"
)

// shopBrand is a brand that the demo shop takes through the acquirer. The acquirer
// may know it in more currencies than the shop has a contract for.
type shopBrand struct {
	name       string
	currencies []string
	modes      []string // of a brand that the agent does not know beforehand
}

// shopBrands are two that can be sold to without a line, by vouchers and receipts and by
// a card of the shop's own that is charged later; three countries' codes to show, two of
// them EMV and one a link; and two brands with codes to scan, which share their forms
// with another wallet's. The first is what a register shows when the line is down.
var shopBrands = []shopBrand{{issuingBrand, []string{"CNY"}, []string{"show"}}, {"shopcard", []string{"CNY"}, []string{"code"}},
	{"promptpay", []string{"THB"}, nil}, {"pix", []string{"BRL"}, nil}, {"upi", []string{"INR"}, nil},
	{"unionpay", []string{"CNY"}, nil}, {"alipayplus", []string{"SGD", "MYR", "EUR"}, nil}}

// shopCardCodes is what the shop has to set for a card of its own: no table knows it.
const shopCardCodes = `shopcard ^8800\d{16}$`

// issuingBrand is the wallet whose customers can pay while the shop, or their own
// phone, has no line.
const issuingBrand = "cornerpay"

// issuerNumber is its issuer in codes.
const issuerNumber = 7

// gatewayCredentials is what a client of the sandbox's acquirer is configured
// with. Keys are files.
type gatewayCredentials struct {
	MerchantID    string `json:"merchant_id"`
	SigningKeyID  string `json:"signing_key_id"`
	SigningKey    string `json:"signing_key"`
	AcquirerKeyID string `json:"acquirer_key_id"`
	AcquirerKey   string `json:"acquirer_key"`
	// IssuerRoots are what key sets of the issuing brand are verified by: the root in
	// use and the spare one.
	IssuerRoots [2]string `json:"issuer_roots"`
}

// gatewayInfo is how to reach the acquirer and as whom. Hosts carry all brands;
// those of Brands carry one each, so that a fault can close its line alone.
type gatewayInfo struct {
	Hosts  []string            `json:"hosts"`
	Brands map[string][]string `json:"brands"`
	gatewayCredentials
}

// openGateway makes the acquirer's wallets; what the shop takes has a listener of
// its own besides the one that all share.
func (c *cloud) openGateway(o *sandbox.Options, p ports) {
	own := map[string]int{"promptpay": p.PromptPay, "pix": p.Pix, "upi": p.UPI, "unionpay": p.UnionPay, "alipayplus": p.Plus, issuingBrand: p.Corner, "shopcard": p.ShopCard}
	for _, w := range c.gateway.Wallets() {
		open := sandbox.Open{Wallet: w}
		if port := own[w.Name()]; port != 0 {
			open.Hosts = []string{local(port)}
		}
		o.Wallets = append(o.Wallets, open)
	}
	o.Doors = append(o.Doors, sandbox.OpenDoor{Door: c.gateway, Hosts: []string{local(p.Gateway)}})
}

// writeGateway puts the keys and the issuer's roots into dir, readable by the owner only.
func (c *cloud) writeGateway(dir string) (gatewayCredentials, error) {
	terminal := c.gateway.Terminal()
	private, err := terminal.PrivatePEM()
	public, errPublic := c.gateway.PublicPEM()
	cred := gatewayCredentials{MerchantID: terminal.Merchant, SigningKeyID: terminal.KeyID, AcquirerKeyID: c.gateway.KeyID(),
		SigningKey: filepath.Join(dir, "gateway-terminal.pem"), AcquirerKey: filepath.Join(dir, "gateway-acquirer.pem")}
	roots, errRoots := c.issuer.RootsPEM()
	for n, file := range roots {
		cred.IssuerRoots[n] = filepath.Join(dir, fmt.Sprintf("issuer-root-%d.pem", n+1))
		errRoots = errors.Join(errRoots, writeFile(cred.IssuerRoots[n], file, 0o600))
	}
	if err := errors.Join(err, errPublic, errRoots); err != nil {
		return cred, err
	}
	return cred, errors.Join(writeFile(cred.SigningKey, private, 0o600), writeFile(cred.AcquirerKey, public, 0o600))
}

// gatewayInfo writes the keys into dir and says where the acquirer is.
func (c *cloud) gatewayInfo(dir string) (info gatewayInfo, err error) {
	info.Hosts, info.Brands = c.HostURLs(gateway.Name), map[string][]string{}
	for _, brand := range shopBrands {
		info.Brands[brand.name] = c.HostURLs(brand.name)
	}
	info.gatewayCredentials, err = c.writeGateway(dir)
	return info, err
}
