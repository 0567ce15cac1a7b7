package voucher

import (
	"cmp"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"slices"
	"sync"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
)

// How long things last at this issuer.
const (
	keyLife      = 90 * 24 * time.Hour
	keyOverlap   = 14 * 24 * time.Hour // of an old key with its successor
	setLife      = 7 * 24 * time.Hour
	setFresh     = time.Hour // a key set is drawn up again after it, with the same content
	deviceLife   = 7 * 24 * time.Hour
	bearerLife   = 30 * 24 * time.Hour
	startsBefore = time.Hour // what begins now began an hour ago: clocks differ
	keptSets     = 32
)

// Options say who the issuer is and what it stands on.
type Options struct {
	Ledger *sandbox.Ledger
	Clock  agent.Clock
	// Brand and Title are those of the wallet whose customers' phones it serves.
	Brand, Title string
	Number       int              // in codes; 0 to 65535
	Currencies   []agent.Currency // that phones may hold
	Merchants    []string         // the shops' numbers, as the acquirer knows them
	// Policy lowers the shops' limits; nil is DefaultPolicy.
	Policy *Policy
	// Allowance and Most are what a new certificate covers and allows in one payment,
	// in major units; zero is 1000 and 500. A phone with less money gets less.
	Allowance, Most int64
}

// DefaultPolicy names the usual limits of offline acceptance.
func DefaultPolicy() Policy {
	const day = 24 * time.Hour
	return Policy{Fresh: 2 * time.Minute, KeySetAge: 3 * day, DenyAge: 3 * day, Certificate: deviceLife, Session: day, PerDeviceDay: 3, PerSession: 50}
}

// Issuer issues codes and honours them. It implements [sandbox.Issuer] and what
// the acquirer's room asks of one. It is safe for concurrent use.
type Issuer struct {
	o         Options
	policy    Policy
	merchants map[[8]byte]string

	mu    sync.Mutex
	vault vault

	thieves pockets
}

// vault is what the issuer keeps with the ledger.
type vault struct {
	Roots     [2][]byte   `json:"roots"` // seeds: in use, spare
	Keys      []ownKey    `json:"keys"`  // oldest first
	Version   uint64      `json:"version"`
	Published uint64      `json:"published"` // 0: the newest
	Sets      []signedSet `json:"sets"`      // newest last
}

type ownKey struct {
	Seed        []byte    `json:"seed"`
	From, Until time.Time // to the second
	Revoked     bool
}

type signedSet struct {
	Version uint64
	Issued  time.Time
	Raw     []byte
}

// New loads the issuer's keys from the ledger, or makes them there with a first
// key set.
func New(ctx context.Context, o Options) (*Issuer, error) {
	i := &Issuer{o: o, policy: DefaultPolicy(), merchants: map[[8]byte]string{}}
	if o.Policy != nil {
		i.policy = *o.Policy
	}
	i.o.Allowance, i.o.Most = cmp.Or(o.Allowance, 1000), cmp.Or(o.Most, 500)
	for _, number := range o.Merchants {
		i.merchants[MerchantOf(number)] = number
	}
	err := o.Ledger.Update(ctx, i.name(), func(kept []byte) ([]byte, error) {
		if kept != nil {
			return kept, json.Unmarshal(kept, &i.vault)
		}
		i.vault.Roots = [2][]byte{seed(), seed()}
		i.vault.addKey(i.now())
		return json.Marshal(i.vault)
	})
	if err == nil && i.vault.Version == 0 {
		err = i.change(ctx, func(*vault) error { return nil })
	}
	return i, err
}

func (i *Issuer) name() string { return "issuer " + i.o.Brand }

// now is to the second, as everything in codes is.
func (i *Issuer) now() time.Time { return i.o.Clock.Now().Truncate(time.Second) }

func seed() []byte {
	b := make([]byte, ed25519.SeedSize)
	rand.Read(b) // never fails: crypto/rand ends the program instead
	return b
}

// addKey makes the key that signs from now on.
func (v *vault) addKey(now time.Time) {
	v.Keys = append(v.Keys, ownKey{Seed: seed(), From: now.Add(-startsBefore), Until: now.Add(keyLife)})
}

// change changes the vault, draws up a new key set and keeps both before anyone
// sees them. The lock is never held across the ledger's own work on phones.
func (i *Issuer) change(ctx context.Context, do func(*vault) error) error {
	denied, err := i.denied(ctx)
	if err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	next := i.vault
	next.Keys, next.Sets = slices.Clone(next.Keys), slices.Clone(next.Sets)
	if err := do(&next); err != nil {
		return err
	}
	next.Version++
	next.Sets = append(next.Sets, i.draw(next, denied))
	next.Sets = next.Sets[max(0, len(next.Sets)-keptSets):]
	err = i.o.Ledger.Update(ctx, i.name(), func([]byte) ([]byte, error) { return json.Marshal(next) })
	if err == nil {
		i.vault = next
	}
	return err
}

// draw signs the key set of a vault.
func (i *Issuer) draw(v vault, denied [][8]byte) signedSet {
	now := i.now()
	set := KeySet{Version: v.Version, Issued: now, Expires: now.Add(setLife), DenyAsOf: now, Denied: denied, Policy: i.policy}
	for _, k := range v.Keys {
		set.Keys = append(set.Keys, Key{Public: NewPen(k.Seed).Public(), Issuer: i.o.Number, From: k.From, Until: k.Until,
			Uses: UseReceipts + UseBearer + UseDevices, Revoked: k.Revoked})
	}
	return signedSet{v.Version, now, set.Sign(NewPen(v.Roots[0]))}
}

// denied are the blocked vouchers.
func (i *Issuer) denied(ctx context.Context) ([][8]byte, error) {
	all, err := i.o.Ledger.AllPrepaid(ctx, i.o.Brand)
	var list [][8]byte
	for _, p := range all {
		if id, ok := readID(p.ID); p.Blocked && ok {
			list = append(list, id)
		}
	}
	return list, err
}

// KeySet is the signed key set that shops are given, with its version.
func (i *Issuer) KeySet(ctx context.Context) (raw []byte, version uint64, err error) {
	i.mu.Lock()
	newest := i.vault.Sets[len(i.vault.Sets)-1]
	i.mu.Unlock()
	if i.now().Sub(newest.Issued) >= setFresh {
		if err := i.change(ctx, func(*vault) error { return nil }); err != nil {
			return nil, 0, err
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, s := range i.vault.Sets {
		if s.Version == i.vault.Published {
			return s.Raw, s.Version, nil
		}
	}
	newest = i.vault.Sets[len(i.vault.Sets)-1]
	return newest.Raw, newest.Version, nil
}

// Roots are the public keys that terminals are given: the one that signs key
// sets and a spare one.
func (i *Issuer) Roots() [2]ed25519.PublicKey {
	i.mu.Lock()
	defer i.mu.Unlock()
	var roots [2]ed25519.PublicKey
	for n, seed := range i.vault.Roots {
		roots[n], _ = NewPen(seed).Public().(ed25519.PublicKey) // as NewPen makes them
	}
	return roots
}

// RootsPEM are the roots as files (SubjectPublicKeyInfo), in the same order.
func (i *Issuer) RootsPEM() (files [2][]byte, err error) {
	for n, key := range i.Roots() {
		der, errKey := x509.MarshalPKIXPublicKey(key)
		files[n], err = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), errors.Join(err, errKey)
	}
	return files, err
}

// Names are the brand as requests name it, as customers call it, and what its
// phones hold.
func (i *Issuer) Names() (brand, title string, currencies []agent.Currency) {
	return i.o.Brand, i.o.Title, i.o.Currencies
}

// Number is the issuer in codes.
func (i *Issuer) Number() int { return i.o.Number }

var errNoKey = errors.New("sandbox voucher: every key of the issuer is withdrawn or over; rotate")

// press is what signs now: the newest key that may.
func (i *Issuer) press() (Press, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for n := len(i.vault.Keys) - 1; n >= 0; n-- {
		if k := i.vault.Keys[n]; !k.Revoked && i.now().Before(k.Until) {
			return Press{i.o.Number, NewPen(k.Seed)}, nil
		}
	}
	return Press{}, errNoKey
}

// keyNamed finds a key that the issuer ever had.
func (i *Issuer) keyNamed(kid []byte) (crypto.PublicKey, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, k := range i.vault.Keys {
		if pen := NewPen(k.Seed); slices.Equal(pen.ID(), kid) {
			return pen.Public(), true
		}
	}
	return nil, false
}
