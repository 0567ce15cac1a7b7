package web

import (
	"context"

	"tillwire/agent"
)

// FirstStart is how a terminal that nobody has set up becomes a shop's.
type FirstStart struct {
	// Claim prints a new claim code on the terminal's console.
	Claim func(code string)
	// Scanners lists the serial ports that a scanner may be plugged into.
	Scanners func() []Port
	// Brands lists what can be reached through an acquirer's gateway, by name.
	Brands []string
	// Apply writes configuration and secrets. It is called before the people are
	// saved and must not end the program; its error is shown to the person.
	Apply func(ctx context.Context, s Setup) error
	// Done is called when everything is saved, usually to start anew.
	Done func()
}

// Port is a serial port that was found.
type Port struct {
	Path string // stable name, such as /dev/serial/by-id/…
	Name string // what the device calls itself
}

// Setup is what the form of the first start gathered, checked field by field.
type Setup struct {
	Shop     string
	StoreID  string // the shop's own code at the wallet: letters and digits
	Currency agent.Currency
	Language string
	Zone     string // IANA name such as Asia/Shanghai
	Wallet   WalletSetup
	Lanes    []LaneSetup
}

// WalletSetup is the first wallet's account: of WeChat Pay, of Alipay, or of one
// brand behind an acquirer's gateway. The key members are the texts of files.
type WalletSetup struct {
	Protocol string   // "wechat", "alipay" or "gateway"
	Mode     string   // wechat: "direct" or "partner"; alipay: "public_key" or "certificate"
	Hosts    []string // empty: the brand's own
	AppID    string   // wechat, alipay

	MerchantID     string // wechat, gateway
	SubMerchantID  string // partner only
	SubAppID       string // partner only, may be empty
	MerchantSerial string
	MerchantKey    string // PKCS#8 PEM
	Platform       string // "public_key" or "certificate"
	PlatformKeyID  string
	PlatformKey    string // PEM
	APIv3Key       string // 32 bytes
	NotifyURL      string

	AppKey         string // alipay: the application's RSA key, PEM
	AlipayKey      string // public_key: the key Alipay answers with, PEM
	AppCert        string // certificate: PEM, like the two below
	AlipayCert     string
	AlipayRootCert string

	Brand         string           // gateway: as the acquirer calls it
	Currency      []agent.Currency // gateway: empty for the brand's own
	SigningKeyID  string
	SigningKey    string // Ed25519, PEM
	AcquirerKeyID string
	AcquirerKey   string // Ed25519, PEM
	Live          bool   // money moves there
}

// Name is what the wallet is called in the configuration: its brand.
func (w WalletSetup) Name() string {
	if w.Protocol == "gateway" {
		return w.Brand
	}
	return w.Protocol
}

// LaneSetup is one register.
type LaneSetup struct {
	ID      string
	Name    string
	Scanner string // path of its port; empty for none
	Baud    int
}
