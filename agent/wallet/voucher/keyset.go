package voucher

import (
	"bytes"
	"errors"
	"sort"
	"time"

	"tillwire/agent"
)

// Bounds of a key set: what a small machine reads without effort. A megabyte
// blocks more than 100,000 devices.
const (
	MaxKeySet = 1 << 20 // bytes
	MaxKeys   = 1024
)

// Use is what an issuer's key may sign, as bits.
type Use uint8

// The uses.
const (
	SignsReceipts Use = 1 << iota // RC1
	SignsBearer                   // OV1
	SignsDevices                  // the certificates in OV2
)

// Key is one issuer's key as a key set describes it.
type Key struct {
	ID          KeyID
	Issuer      uint16
	Uses        Use
	From, Until time.Time                // Until is the first moment it is not valid
	Revoked     bool                     //
	Most        map[agent.Currency]int64 // minor units of one payment; nil: any currency and amount

	public publicKey
}

// KeySet is a verified list of keys. It never changes; share it freely.
type KeySet struct {
	Version  uint64
	Issued   time.Time
	Expires  time.Time // the first moment it is not valid
	DenyAsOf time.Time // when the deny list was drawn up
	Policy   Limits    // what the issuers lower the shop's limits to

	keys map[KeyID]Key
	deny []byte // VoucherIDs, ascending
	raw  []byte
}

// Key finds a key by its id.
func (s *KeySet) Key(id KeyID) (Key, bool) {
	k, ok := s.keys[id]
	return k, ok
}

// Keys is how many keys the set has.
func (s *KeySet) Keys() int { return len(s.keys) }

// Blocked is how many vouchers and devices the deny list has.
func (s *KeySet) Blocked() int { return len(s.deny) / len(VoucherID{}) }

// Denies reports whether a voucher or a device's certificate is blocked.
func (s *KeySet) Denies(id VoucherID) bool {
	n := len(id)
	i := sort.Search(s.Blocked(), func(i int) bool { return bytes.Compare(s.deny[i*n:(i+1)*n], id[:]) >= 0 })
	return i < s.Blocked() && bytes.Equal(s.deny[i*n:(i+1)*n], id[:])
}

// Age is how long ago the set was issued, by a clock that may be wrong.
func (s *KeySet) Age(c Clock) time.Duration { return c.after(s.Issued).Latest().Sub(s.Issued) }

// setClaims is the payload of a key set, the content of a COSE_Sign1 message
// under tag 18 whose kid is that of a root.
type setClaims struct {
	Exp     uint32     `cbor:"4,keyasint"`
	Iat     uint32     `cbor:"6,keyasint"`
	Version uint64     `cbor:"-65620,keyasint"` // from 1
	Keys    []setKey   `cbor:"-65621,keyasint"`
	Deny    setDeny    `cbor:"-65622,keyasint"`
	Policy  policyWire `cbor:"-65623,keyasint"`
}

// The states of a key in a set.
const (
	stateInUse   = 1
	stateRevoked = 2 // listed so that the cashier is told, not only "unknown"
)

type setKey struct {
	_     struct{} `cbor:",toarray"`
	Kid   KeyID
	Alg   int64
	Key   coseKey
	Iss   uint16
	Nbf   uint32
	Exp   uint32
	Uses  Use
	Most  []money // empty: any
	State uint8
}

// setDeny is the deny list: ids of eight bytes, ascending, none twice, in one
// byte string.
type setDeny struct {
	_    struct{} `cbor:",toarray"`
	AsOf uint32
	IDs  []byte
}

// policyWire is Limits on the wire; what is zero is left out. Times in seconds.
type policyWire struct {
	Fresh        uint32    `cbor:"1,keyasint,omitempty"`
	KeySetAge    uint32    `cbor:"2,keyasint,omitempty"`
	DenyAge      uint32    `cbor:"3,keyasint,omitempty"`
	Certificate  uint32    `cbor:"4,keyasint,omitempty"`
	Session      uint32    `cbor:"5,keyasint,omitempty"`
	PerDeviceDay uint32    `cbor:"6,keyasint,omitempty"`
	SessionCount uint32    `cbor:"7,keyasint,omitempty"`
	Caps         []capWire `cbor:"8,keyasint,omitempty"`
}

type capWire struct {
	_        struct{} `cbor:",toarray"`
	Currency string
	Ceiling  uint64
	Exact    uint64
	Session  uint64
}

var (
	errSize    = errors.New("larger than a key set may be")
	errVersion = errors.New("the version is zero")
	errKid     = errors.New("a key does not have the id it is listed under, or twice")
	errUse     = errors.New("a key has an unknown use or state")
	errOrder   = errors.New("the deny list is not in ascending order")
	errTwice   = errors.New("a currency stands twice")
)

// readKeySet verifies a key set under one of the roots and opens it. It judges
// neither version nor age: those are questions about now.
func readKeySet(raw []byte, roots []Root) (*KeySet, error) {
	if len(raw) > MaxKeySet {
		return nil, refuse(SetMalformed, errSize)
	}
	e, err := tagged(raw)
	if err != nil {
		return nil, refuse(SetMalformed, err)
	}
	var h keyHeader
	if err := strict(e.Protected, &h); err != nil {
		return nil, refuse(SetMalformed, err)
	}
	root, ok := rootOf(roots, h.Kid)
	if !ok {
		return nil, refuse(SetRoot, nil)
	}
	// Before the payload is opened: it is a megabyte of a stranger's making.
	if err := e.verify(h.Alg, root.key); err != nil {
		return nil, refuse(SetForged, err)
	}
	var claims setClaims
	if err := strict(e.Payload, &claims); err != nil {
		return nil, refuse(SetMalformed, err)
	}
	set, err := claims.open()
	if err != nil {
		return nil, refuse(SetMalformed, err)
	}
	set.raw = append([]byte(nil), raw...)
	return set, nil
}

func rootOf(roots []Root, id KeyID) (Root, bool) {
	for _, r := range roots {
		if r.key.id == id {
			return r, true
		}
	}
	return Root{}, false
}

func (c setClaims) open() (*KeySet, error) {
	switch {
	case c.Version == 0:
		return nil, errVersion
	case c.Iat == 0 || c.Exp <= c.Iat:
		return nil, errSpan
	case len(c.Keys) > MaxKeys:
		return nil, errSize
	}
	set := &KeySet{
		Version: c.Version, Issued: moment(c.Iat), Expires: moment(c.Exp), DenyAsOf: moment(c.Deny.AsOf),
		keys: make(map[KeyID]Key, len(c.Keys)), deny: c.Deny.IDs,
	}
	for _, w := range c.Keys {
		key, err := w.open()
		if err != nil {
			return nil, err
		}
		if _, twice := set.keys[key.ID]; twice || key.ID != w.Kid {
			return nil, errKid
		}
		set.keys[key.ID] = key
	}
	n := len(VoucherID{})
	if len(set.deny)%n != 0 {
		return nil, errOrder
	}
	for i := n; i < len(set.deny); i += n {
		if bytes.Compare(set.deny[i-n:i], set.deny[i:i+n]) >= 0 {
			return nil, errOrder
		}
	}
	var err error
	set.Policy, err = c.Policy.open()
	return set, err
}

func (w setKey) open() (Key, error) {
	public, err := w.Key.public()
	if err != nil {
		return Key{}, err
	}
	if _, err := public.verifier(w.Alg); err != nil {
		return Key{}, err
	}
	switch {
	case w.Nbf == 0 || w.Exp <= w.Nbf:
		return Key{}, errSpan
	case w.Uses == 0 || w.Uses > SignsReceipts|SignsBearer|SignsDevices, w.State != stateInUse && w.State != stateRevoked:
		return Key{}, errUse
	}
	key := Key{ID: public.id, Issuer: w.Iss, Uses: w.Uses, From: moment(w.Nbf), Until: moment(w.Exp), Revoked: w.State == stateRevoked, public: public}
	for _, m := range w.Most {
		cur, err := currency(m.Currency)
		if err != nil {
			return Key{}, err
		}
		most, err := amount(m.Amount)
		if err != nil {
			return Key{}, err
		}
		if key.Most == nil {
			key.Most = map[agent.Currency]int64{}
		}
		if _, twice := key.Most[cur]; twice {
			return Key{}, errTwice
		}
		key.Most[cur] = most
	}
	return key, nil
}

func (w policyWire) open() (Limits, error) {
	seconds := func(n uint32) time.Duration { return time.Duration(n) * time.Second }
	l := Limits{
		Fresh: seconds(w.Fresh), KeySetAge: seconds(w.KeySetAge), DenyAge: seconds(w.DenyAge),
		Certificate: seconds(w.Certificate), Session: seconds(w.Session),
		PerDeviceDay: int(w.PerDeviceDay), SessionCount: int(w.SessionCount), Caps: map[agent.Currency]Cap{},
	}
	for _, c := range w.Caps {
		cur, err := currency(c.Currency)
		if err != nil {
			return Limits{}, err
		}
		if _, twice := l.Caps[cur]; twice {
			return Limits{}, errTwice
		}
		if max(c.Ceiling, c.Exact, c.Session) > uint64(agent.MaxMinor) {
			return Limits{}, errAmount
		}
		l.Caps[cur] = Cap{Ceiling: int64(c.Ceiling), Exact: int64(c.Exact), Session: int64(c.Session)}
	}
	return l, nil
}
