package lab

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"tillwire/agent"
	"tillwire/agent/checkout"
	"tillwire/agent/sandbox"
	cloudgateway "tillwire/agent/sandbox/gateway"
	issuing "tillwire/agent/sandbox/voucher"
	"tillwire/agent/wallet"
	"tillwire/agent/wallet/gateway"
	"tillwire/agent/wallet/voucher"
)

// The wallets that a shop can sell by while it has no line.
const (
	Corner = "cornerpay" // its phones sign receipts and vouchers
	Card   = "shopcard"  // the shop's own scheme, whose codes may be charged later
	Union  = "unionpay"  // signs nothing: the shop makes a code of its printed one
)

// cardCodes recognises the codes of the shop's own card, as the owner's setting does.
var cardCodes = wallet.Rule{Name: Card, Kind: agent.CodeConsumer, Scheme: Card, Pattern: `^8800\d{16}$`}

// Apart lists the wallets beside Wallets that sell without a line, in a shop whose
// Options have an Outage.
func Apart() []Wallet {
	yuan := []agent.Currency{"CNY"}
	filed := func(_, refundNo string) string { return refundNo }
	return []Wallet{
		{Name: Corner, Protocol: "gateway", Currency: "CNY", Shows: true, asks: true, cloud: issuingCloud,
			connect: gatewayClient(gateway.Brand{Name: Corner, Shows: true, Currencies: yuan}), filed: filed},
		{Name: Card, Protocol: "gateway", Currency: "CNY", Scans: true, Takes: []string{Card}, asks: true, cloud: gatewayCloud(Card),
			connect: gatewayClient(gateway.Brand{Name: Card, Charges: true, Takes: []string{Card}, Currencies: yuan}), filed: filed},
		{Name: Union, Protocol: "gateway", Currency: "CNY", Shows: true, asks: true, cloud: gatewayCloud(Union),
			connect: gatewayClient(gateway.Brand{Name: Union, Shows: true, Currencies: yuan, Kind: gateway.KindEMV}), filed: filed},
	}
}

// issuerNumber is the issuer of Corner in codes.
const issuerNumber = 7

// issuingCloud is an acquirer with one brand that has an issuer. It bounds nothing by
// itself, so that the owner's caps are what is judged.
func issuingCloud(ctx context.Context, o Options, l *sandbox.Ledger) (sandbox.Wallet, error) {
	issuer, err := issuing.New(ctx, issuing.Options{Ledger: l, Clock: o.Clock.SystemClock, Brand: Corner, Title: "Corner Pay", Number: issuerNumber,
		Currencies: []agent.Currency{"CNY"}, Merchants: []string{cloudgateway.Merchant}, Policy: &issuing.Policy{}, Allowance: 100_000})
	if err != nil {
		return nil, err
	}
	acquirer, err := cloudgateway.New(ctx, cloudgateway.Options{Ledger: l, Clock: o.Clock.SystemClock, Issuer: issuer})
	if err != nil {
		return nil, err
	}
	return acquirer.Wallet(Corner), nil
}

// Issuer is the issuer behind Corner, or nil where the shop does not take it.
func (c *Cloud) Issuer() *issuing.Issuer {
	w, ok := c.wallets[Corner].(*cloudgateway.Wallet)
	if !ok {
		return nil
	}
	issuer, _ := w.Issuer().(*issuing.Issuer)
	return issuer
}

// elsewhere begins the order numbers of another shop of the same merchant.
const elsewhere = "OTHER1"

// RedeemElsewhere hands a code in at another shop, as whoever copied it would.
func (s *Shop) RedeemElsewhere(ctx context.Context, code string, amount agent.Money) error {
	digits, err := sandbox.RandomDigits(26)
	if err != nil {
		return err
	}
	_, err = s.Cloud().Issuer().Redeem(ctx, sandbox.Redemption{Key: sandbox.Key{Wallet: Corner, Merchant: cloudgateway.Merchant, OrderNo: elsewhere + digits},
		Amount: amount.Value, Currency: string(amount.Currency), Code: code, Accepted: s.opt.Clock.SystemClock.Now()})
	return err
}

// Issuer implements sandbox.Issuing for what phones ask the cloud itself.
func (t *tap) Issuer() sandbox.Issuer {
	if w, ok := t.Wallet.(sandbox.Issuing); ok {
		return w.Issuer()
	}
	return nil
}

// ReadShopMade implements sandbox.ShopMade, for the same.
func (t *tap) ReadShopMade(text string) (sandbox.Showing, bool) {
	if w, ok := t.Wallet.(sandbox.ShopMade); ok {
		return w.ReadShopMade(text)
	}
	return sandbox.Showing{}, false
}

// Down reports whether the register takes a wallet's line for gone for longer than is
// ridden through, so that going offline is offered.
func (s *Shop) Down(wallet string) bool {
	t := s.running()
	if t == nil {
		return false
	}
	line := t.link.Line().Wallets[wallet]
	return line.State == agent.LineDown && line.Down > s.opt.RideThrough
}

// apart is what selling without a line takes, put together as the agent does.
func (s *Shop) apart(t *till, journal *gated) (*checkout.Offline, error) {
	if s.opt.Outage == nil {
		return nil, nil
	}
	o := &checkout.Offline{Journal: journal, Policy: func() agent.OfflinePolicy { return *s.opt.Outage }, Synced: s.synced, Seal: seal, Unseal: unseal,
		Keys: func() *voucher.KeySet { return nil }, ShopCodes: map[string]string{}}
	if w, ok := s.Cloud().Wallet(Union).(*cloudgateway.Wallet); ok {
		o.ShopCodes[Union] = w.Printed()
	}
	issuer := s.Cloud().Issuer()
	if issuer == nil {
		return o, nil
	}
	var roots []voucher.Root
	for _, public := range issuer.Roots() {
		root, err := voucher.NewRoot(public)
		if err != nil {
			return nil, err
		}
		roots = append(roots, root)
	}
	trust, err := voucher.OpenTrust(roots, journal)
	if err != nil {
		return nil, err
	}
	t.trust, t.renew = trust, make(chan struct{}, 1)
	o.Keys = trust.Current
	o.Issuers = []checkout.Issuer{{Number: issuerNumber, Wallet: Corner, Merchant: cloudgateway.Merchant}}
	return o, nil
}

// synced is the machine's time service: it knows when its clock is right.
func (s *Shop) synced() bool { return s.opt.Clock.Off() == 0 }

// The rhythm of what the agent keeps fresh while it runs.
const (
	keySetEvery = time.Hour
	keySetRetry = 2 * time.Minute
	seenEvery   = 5 * time.Minute
)

// freshen lets the till keep what it needs for the next outage: what its gateways can
// do, the list of issuers, and the time.
func (s *Shop) freshen(ctx context.Context, t *till) {
	if s.opt.Outage == nil {
		return
	}
	for _, w := range t.wallets {
		known, _ := WalletNamed(w.Info().Name)
		if asking, ok := w.(interface{ Run(context.Context) error }); ok && known.asks {
			t.runs.Go(func() { _ = asking.Run(ctx) }) // ends with ctx alone
		}
		if source, ok := w.(keySource); ok && known.Name == Corner {
			t.runs.Go(func() { s.keepTrust(ctx, t, source) })
		}
	}
	t.runs.Go(func() { s.keepTime(ctx, &gated{s: s, t: t}) })
}

// keySource gives the list of issuers out.
type keySource interface {
	KeySet(context.Context) ([]byte, error)
}

func (s *Shop) keepTrust(ctx context.Context, t *till, source keySource) {
	for {
		wait := keySetEvery
		raw, err := source.KeySet(ctx)
		if err == nil {
			_, err = t.trust.Offer(raw)
		}
		if err != nil {
			wait = keySetRetry // the list in use stays
		}
		select {
		case <-ctx.Done():
			return
		case <-s.opt.Clock.After(wait):
		case <-t.renew:
		}
	}
}

func (s *Shop) keepTime(ctx context.Context, journal *gated) {
	for {
		if now := s.opt.Clock.Now(); s.synced() {
			_ = journal.Saw(ctx, now) // a store that is going down keeps the time of before
		}
		select {
		case <-ctx.Done():
			return
		case <-s.opt.Clock.After(seenEvery):
		}
	}
}

// kept and keep stand for the file in which the agent keeps what a gateway can do.
func (s *Shop) kept(wallet string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.abilities[wallet]
}

func (s *Shop) keep(wallet string) func([]byte) {
	return func(said []byte) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.abilities[wallet] = said
	}
}

// sealing is the key that the agent has in its keyring. A laboratory has no secrets to
// keep, but what is on its disk must be sealed all the same.
func sealing() (cipher.AEAD, error) {
	key := sha256.Sum256([]byte("lab"))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

var errSealed = errors.New("the laboratory's seal is broken")

func seal(about string, secret []byte) ([]byte, error) {
	lock, err := sealing()
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, lock.NonceSize())
	rand.Read(nonce) // never fails
	return lock.Seal(nonce, nonce, secret, []byte(about)), nil
}

func unseal(about string, sealed []byte) ([]byte, error) {
	lock, err := sealing()
	if err != nil {
		return nil, err
	}
	if len(sealed) < lock.NonceSize() {
		return nil, fmt.Errorf("%w: it has %d bytes", errSealed, len(sealed))
	}
	return lock.Open(nil, sealed[:lock.NonceSize()], sealed[lock.NonceSize():], []byte(about))
}
