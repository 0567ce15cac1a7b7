package alipay

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
)

// Name is the wallet's brand.
const Name = "alipay"

// china is the zone of every time on Alipay's wire; it knows no summer.
var china = time.FixedZone("CST", 8*60*60)

// Options say what the wallet stands on. Keys may be nil.
type Options struct {
	Ledger *sandbox.Ledger
	Clock  agent.Clock
	Keys   sandbox.KeySource
	// BillsAtOnce gives out the bill of a day before the day is over, with what
	// happened so far. The real cloud takes until the next morning, which nobody who
	// tries a demo waits for.
	BillsAtOnce bool
}

// Wallet is the sandbox's Alipay. It implements [sandbox.Wallet] and
// [sandbox.Sniffer].
type Wallet struct {
	ledger   *sandbox.Ledger
	clock    agent.Clock
	early    bool
	platform *Platform
	plain    *App
	certs    *App
	apps     map[string]*App
}

// New loads the wallet's keys from the ledger, or makes them there.
func New(ctx context.Context, o Options) (*Wallet, error) {
	if o.Keys == nil {
		o.Keys = sandbox.FreshKey
	}
	v := vault{o.Ledger, o.Keys}
	platform, err := v.platform(ctx, o.Clock.Now())
	if err != nil {
		return nil, fmt.Errorf("sandbox alipay: %w", err)
	}
	plain, err := v.app(ctx, App{AppID: "2021000100000001", SellerID: "2088000100000001"})
	certs, errCerts := v.app(ctx, App{AppID: "2021000100000002", SellerID: "2088000100000002"})
	if err := errors.Join(err, errCerts); err != nil {
		return nil, fmt.Errorf("sandbox alipay: %w", err)
	}
	if err := v.certify(ctx, certs, platform, o.Clock.Now()); err != nil {
		return nil, fmt.Errorf("sandbox alipay: %w", err)
	}
	return &Wallet{ledger: o.Ledger, clock: o.Clock, early: o.BillsAtOnce, platform: platform, plain: plain, certs: certs,
		apps: map[string]*App{plain.AppID: plain, certs.AppID: certs}}, nil
}

// Name implements [sandbox.Wallet].
func (w *Wallet) Name() string { return Name }

// Platform is what answers are signed with.
func (w *Wallet) Platform() *Platform { return w.platform }

// App is the application in public-key mode.
func (w *Wallet) App() *App { return w.plain }

// CertApp is the application in certificate mode. It belongs to another seller.
func (w *Wallet) CertApp() *App { return w.certs }

// PayCode implements [sandbox.Wallet]: 16 to 24 digits that begin with 25 to 30.
// Every length is as likely, because a client must take them all.
func (w *Wallet) PayCode() (string, error) {
	prefix, err := rand.Int(rand.Reader, big.NewInt(6))
	if err != nil {
		return "", err
	}
	more, err := rand.Int(rand.Reader, big.NewInt(9))
	if err != nil {
		return "", err
	}
	rest, err := sandbox.RandomDigits(14 + int(more.Int64()))
	return fmt.Sprintf("%d%s", 25+prefix.Int64(), rest), err
}

// qrCode is what a precreated order shows; clients must not look into it.
// Fifteen random bytes are more than anyone guesses while a code is shown.
func qrCode() string {
	raw := make([]byte, 15)
	rand.Read(raw) // never fails
	return "https://qr.alipay.com/bax" + base64.RawURLEncoding.EncodeToString(raw)
}
