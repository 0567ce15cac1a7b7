package wechat

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
)

// The wallets' names: at home, and the cross-border edition, which shares nothing
// with it but the phones' currency.
const (
	Name       = "wechat"
	NameGlobal = "wechatglobal"
)

// Options say what the wallet stands on. Keys may be nil.
type Options struct {
	Ledger *sandbox.Ledger
	Clock  agent.Clock
	Keys   sandbox.KeySource
	// BillsAtOnce gives out the bill of a day before the day is over, with what
	// happened so far. The real cloud takes until the next morning, which nobody who
	// tries a demo waits for.
	BillsAtOnce bool
	// Global makes it the cross-border edition: other addresses, merchants, keys and
	// words, prices in many currencies, and reversals on the same day only.
	Global bool
}

// Wallet is the sandbox's WeChat Pay. It implements [sandbox.Wallet].
type Wallet struct {
	ledger    *sandbox.Ledger
	clock     agent.Clock
	early     bool
	name      string
	global    bool
	routes    []route
	platform  *Platform
	authority *authority
	direct    *Merchant
	partner   *Merchant
	merchants map[string]*Merchant
	nonces    nonces
}

// New loads the wallet's keys from the ledger, or makes them there.
func New(ctx context.Context, o Options) (*Wallet, error) {
	if o.Keys == nil {
		o.Keys = sandbox.FreshKey
	}
	name, table := Name, routes
	own := Merchant{MerchantID: "1230000109", AppID: "wxd678efh567hg6787"}
	provider := Merchant{MerchantID: "1900000109", AppID: "wx8888888888888888", SubMerchantID: "1900000110", SubAppID: "wxd678efh567hg6999"}
	if o.Global {
		name, table = NameGlobal, globalRoutes
		own = Merchant{MerchantID: "1230000209", AppID: "wxa678efh567hg6787"}
		provider = Merchant{MerchantID: "1900000209", AppID: "wx8888888888888882", SubMerchantID: "1900000210", SubAppID: "wxa678efh567hg6999"}
	}
	v := vault{o.Ledger, o.Keys, name}
	platform, err := v.platform(ctx, o.Clock.Now())
	if err != nil {
		return nil, fmt.Errorf("sandbox wechat: %w", err)
	}
	ca, err := v.authority(ctx, o.Clock)
	if err != nil {
		return nil, fmt.Errorf("sandbox wechat: %w", err)
	}
	direct, err := v.merchant(ctx, ca, own)
	partner, errPartner := v.merchant(ctx, ca, provider)
	if err := errors.Join(err, errPartner); err != nil {
		return nil, fmt.Errorf("sandbox wechat: %w", err)
	}
	return &Wallet{ledger: o.Ledger, clock: o.Clock, early: o.BillsAtOnce, name: name, global: o.Global, routes: table, platform: platform, authority: ca, direct: direct, partner: partner,
		merchants: map[string]*Merchant{direct.MerchantID: direct, partner.MerchantID: partner},
		nonces:    nonces{seen: map[string]time.Time{}}}, nil
}

// Name implements [sandbox.Wallet].
func (w *Wallet) Name() string { return w.name }

// Platform is what answers are signed with.
func (w *Wallet) Platform() *Platform { return w.platform }

// Authority is the root (PEM) that the hosts which speak TLS are certified by.
func (w *Wallet) Authority() []byte { return w.authority.text }

// TLS implements [sandbox.Guarded]. A certificate is asked for and not demanded:
// only the calls of API v2 that move money back need one.
func (w *Wallet) TLS() *tls.Config { return w.authority.config() }

// Direct is the merchant that acts for itself.
func (w *Wallet) Direct() *Merchant { return w.direct }

// Partner is the service provider that acts for a sub-merchant.
func (w *Wallet) Partner() *Merchant { return w.partner }

// PayCode implements [sandbox.Wallet]: 18 digits that begin with 10 to 14.
// 15 is left out, because it belongs to the Hong Kong wallet, which another
// institution acquires.
func (w *Wallet) PayCode() (string, error) {
	v, err := rand.Int(rand.Reader, big.NewInt(50_000_000_000_000_000))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d", v.Int64()+100_000_000_000_000_000), nil
}

// codeURL is what a Native order shows; clients must not look into it.
// Nine random bytes are more than anyone guesses while a code is shown.
func codeURL() string {
	raw := make([]byte, 9)
	rand.Read(raw) // never fails
	return "weixin://wxpay/bizpayurl?pr=" + base64.RawURLEncoding.EncodeToString(raw)
}

// nonces remembers which nonces were used while their timestamps are still
// accepted. It is kept in memory: every operation is idempotent by its number,
// so what a restart forgets can be replayed but not executed twice.
type nonces struct {
	mu     sync.Mutex
	seen   map[string]time.Time
	pruned time.Time
}

// use reports whether the nonce is fresh, and remembers it.
func (n *nonces) use(merchant, nonce string, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	// Pruned now and then, so that a busy day does not fill the memory.
	if now.Sub(n.pruned) > clockTolerance {
		for key, until := range n.seen {
			if now.After(until) {
				delete(n.seen, key)
			}
		}
		n.pruned = now
	}
	key := merchant + " " + nonce
	if _, used := n.seen[key]; used {
		return false
	}
	// A timestamp from the future may be presented again that much later.
	n.seen[key] = now.Add(2 * clockTolerance)
	return true
}
