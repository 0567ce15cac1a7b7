package gateway

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
)

// Name is what requests that are about no brand are listed under, and what the
// listener that all brands share is called in faults.
const Name = "gateway"

// Merchant is the shop's number at the acquirer.
const Merchant = "SANDBOX01"

// zone is where the days of bills begin: an acquirer's office, with no summer.
var zone = time.FixedZone("+08", 8*60*60)

// zoneName is its IANA name.
const zoneName = "Asia/Singapore"

// Options say what the acquirer stands on.
type Options struct {
	Ledger *sandbox.Ledger
	Clock  agent.Clock
	// BillsAtOnce calls the bill of a day final before the day is over, with what
	// happened so far. The contract forbids that; nobody who tries a demo waits for
	// the next morning.
	BillsAtOnce bool
	// Page is how many lines or operations a page has; zero is the most, 1000.
	Page int
	// Issuer adds a brand whose customers can pay while the shop, or their own phone,
	// has no line; nil adds none.
	Issuer Issuer
}

// Terminal is the merchant's side of the connection: who it is and what it signs
// with.
type Terminal struct {
	Merchant string
	KeyID    string
	Key      ed25519.PrivateKey
}

// PrivatePEM is the key as a client loads it (PKCS #8).
func (t *Terminal) PrivatePEM() ([]byte, error) { return sandbox.PrivatePEM(t.Key) }

// Acquirer is the sandbox's gateway. It implements [sandbox.Door]: a listener of
// its own carries all brands. It is safe for concurrent use.
type Acquirer struct {
	ledger   *sandbox.Ledger
	clock    agent.Clock
	early    bool
	page     int
	key      ed25519.PrivateKey
	keyID    string
	terminal *Terminal
	brands   []*Wallet
	issuer   Issuer // nil: no brand has one
	nonces   nonces
	flights  flights
}

// New loads the keys from the ledger, or makes them there.
func New(ctx context.Context, o Options) (*Acquirer, error) {
	key, err := loadKey(ctx, o.Ledger, "gateway acquirer")
	terminal, errTerminal := loadKey(ctx, o.Ledger, "gateway terminal")
	if err := errors.Join(err, errTerminal); err != nil {
		return nil, fmt.Errorf("sandbox gateway: %w", err)
	}
	a := &Acquirer{ledger: o.Ledger, clock: o.Clock, early: o.BillsAtOnce, page: o.Page, issuer: o.Issuer, key: key, keyID: "sandbox-acquirer",
		terminal: &Terminal{Merchant: Merchant, KeyID: "sandbox-terminal", Key: terminal},
		nonces:   nonces{seen: map[string]time.Time{}}, flights: flights{busy: map[string]bool{}}}
	if a.page <= 0 || a.page > maxPage {
		a.page = maxPage
	}
	for _, b := range brands() {
		a.brands = append(a.brands, &Wallet{Acquirer: a, brand: b})
	}
	if o.Issuer != nil {
		a.brands = append(a.brands, &Wallet{Acquirer: a, brand: issuing(o.Issuer)})
	}
	return a, nil
}

// loadKey keeps the seed with the ledger that it signs for.
func loadKey(ctx context.Context, l *sandbox.Ledger, name string) (ed25519.PrivateKey, error) {
	seed, err := l.Secret(ctx, name, func() ([]byte, error) {
		seed := make([]byte, ed25519.SeedSize)
		_, err := rand.Read(seed)
		return seed, err
	})
	if err != nil {
		return nil, err
	}
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("%s has %d bytes", name, len(seed))
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// Terminal is what a client is configured with.
func (a *Acquirer) Terminal() *Terminal { return a.terminal }

// KeyID names the key that answers are signed with.
func (a *Acquirer) KeyID() string { return a.keyID }

// Key is what answers are signed with, for those who forge them.
func (a *Acquirer) Key() ed25519.PrivateKey { return a.key }

// PublicPEM is that key as a client loads it (SubjectPublicKeyInfo).
func (a *Acquirer) PublicPEM() ([]byte, error) { return sandbox.PublicPEM(a.key.Public()) }

// Wallets are all brands, each to be opened as a wallet of the sandbox.
func (a *Acquirer) Wallets() []*Wallet { return a.brands }

// Wallet finds a brand, or nil.
func (a *Acquirer) Wallet(brand string) *Wallet {
	for _, w := range a.brands {
		if w.brand.Name == brand {
			return w
		}
	}
	return nil
}

// Name implements [sandbox.Speaker].
func (a *Acquirer) Name() string { return Name }

// Behind implements [sandbox.Door]: the brand stands in the address of a GET and
// in the body of a POST.
func (a *Acquirer) Behind(r *http.Request, head []byte) (w sandbox.Wallet, more bool) {
	name := r.URL.Query().Get("brand")
	if r.Method == http.MethodPost {
		m := brandMember.FindSubmatch(head)
		if m == nil {
			return nil, true
		}
		name = string(m[1])
	}
	if w := a.Wallet(name); w != nil {
		return w, false
	}
	return nil, false
}

// flights are the order numbers that are being worked on (guarantee 2).
type flights struct {
	mu   sync.Mutex
	busy map[string]bool
}

// enter takes a number, unless somebody has it.
func (f *flights) enter(number string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.busy[number] {
		return false
	}
	f.busy[number] = true
	return true
}

func (f *flights) leave(number string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.busy, number)
}
