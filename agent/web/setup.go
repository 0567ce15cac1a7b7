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

// WalletSetup is a WeChat Pay account. The key members are the texts of files.
type WalletSetup struct {
	Mode           string // "direct" or "partner"
	AppID          string
	MerchantID     string
	SubMerchantID  string // partner only
	SubAppID       string // partner only, may be empty
	MerchantSerial string
	MerchantKey    string // PKCS#8 PEM
	Platform       string // "public_key" or "certificate"
	PlatformKeyID  string
	PlatformKey    string // PEM
	APIv3Key       string // 32 bytes
	NotifyURL      string
	Hosts          []string // empty: the brand's own
}

// LaneSetup is one register.
type LaneSetup struct {
	ID      string
	Name    string
	Scanner string // path of its port; empty for none
	Baud    int
}
