package fleet

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"
)

// KeyID names a key: the first eight bytes of the SHA-256 of its public half, in
// hexadecimal.
type KeyID string

// IDOf is the id of a public key.
func IDOf(public ed25519.PublicKey) KeyID {
	sum := sha256.Sum256(public)
	return KeyID(hex.EncodeToString(sum[:8]))
}

// Use is what a key of the set may sign.
type Use string

// The uses. The key of the running service cannot sign a dangerous command, and
// the keys that can are in two people's hands.
const (
	Online   Use = "online"   // acknowledgements, configuration, jobs, all commands but dangerous ones
	Approver Use = "approver" // dangerous commands, two at a time
)

// Key is one key of a set.
type Key struct {
	ID      KeyID  `json:"id"`
	Use     Use    `json:"use"`
	Public  string `json:"public"` // base64 of 32 bytes
	From    Stamp  `json:"from"`
	Until   Stamp  `json:"until"` // the first moment it is not valid
	Revoked bool   `json:"revoked,omitempty"`
}

// KeySet is the list of keys that may sign, itself signed by a root. It is one
// document for the whole fleet, so it names no terminal.
type KeySet struct {
	Version uint64   `json:"version"` // from 1; never lower than one seen before
	Iat     Stamp    `json:"iat"`
	Exp     Stamp    `json:"exp"`
	Roots   []string `json:"roots"` // base64; who signs the next set
	Keys    []Key    `json:"keys"`

	public map[KeyID]ed25519.PublicKey
	roots  []ed25519.PublicKey
}

// Bounds of a key set.
const (
	maxKeys  = 64
	maxRoots = 4
)

var (
	errVersion = errors.New("the version is zero")
	errSpan    = errors.New("it ends before it begins")
	errCount   = errors.New("too many keys, or no root")
	errKey     = errors.New("a key is no Ed25519 key, or not the one its id names, or stands twice")
	errUse     = errors.New("a key has an unknown use")
)

// NewKey describes a public key for a set.
func NewKey(use Use, public ed25519.PublicKey, from, until Stamp) Key {
	return Key{ID: IDOf(public), Use: use, Public: base64.StdEncoding.EncodeToString(public), From: from, Until: until}
}

// ReadPublic reads a public key as sets and configurations write it.
func ReadPublic(text string) (ed25519.PublicKey, error) {
	raw, err := decode64(text)
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return nil, errKey
	}
	return raw, nil
}

// readKeySet opens a set that a root in force signed. Roots that change hands
// must have signed as well, so that nobody locks the fleet out with a key that
// has no other half. It judges neither version nor age.
func readKeySet(raw []byte, roots []ed25519.PublicKey) (*KeySet, error) {
	s, err := unwrap(raw, TypeKeys)
	if err != nil {
		return nil, refuse(shapeCode(err), err)
	}
	if s.signers(roots) == 0 {
		return nil, refuse(RefusedSignature, errors.New("no root in force signed it"))
	}
	set := &KeySet{}
	if err := strict(s.body, set); err != nil {
		return nil, refuse(RefusedMalformed, err)
	}
	if err := set.open(); err != nil {
		return nil, refuse(RefusedMalformed, err)
	}
	if !sameKeys(set.roots, roots) && s.signers(set.roots) == 0 {
		return nil, refuse(RefusedSigners, errors.New("it names new roots and none of them signed it"))
	}
	return set, nil
}

func sameKeys(a, b []ed25519.PublicKey) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(k ed25519.PublicKey) bool {
		return !slices.ContainsFunc(b, func(o ed25519.PublicKey) bool { return o.Equal(k) })
	})
}

func (s *KeySet) open() error {
	switch {
	case s.Version == 0:
		return errVersion
	case !s.Exp.After(s.Iat.Time):
		return errSpan
	case len(s.Keys) > maxKeys || len(s.Roots) == 0 || len(s.Roots) > maxRoots:
		return errCount
	}
	s.public = map[KeyID]ed25519.PublicKey{}
	for _, text := range s.Roots {
		root, err := ReadPublic(text)
		if err != nil {
			return err
		}
		s.roots = append(s.roots, root)
	}
	for _, k := range s.Keys {
		public, err := ReadPublic(k.Public)
		_, twice := s.public[k.ID]
		switch {
		case err != nil || twice || IDOf(public) != k.ID:
			return fmt.Errorf("%w: %s", errKey, k.ID)
		case k.Use != Online && k.Use != Approver:
			return fmt.Errorf("%w: %.20q", errUse, k.Use)
		case !k.Until.After(k.From.Time):
			return errSpan
		}
		s.public[k.ID] = public
	}
	return nil
}

// lasts is until when at most anything that the running service signs can be
// believed.
func (s *KeySet) lasts() time.Time {
	var last time.Time
	for _, k := range s.Keys {
		if k.Use == Online && !k.Revoked && k.Until.After(last) {
			last = k.Until.Time
		}
	}
	if s.Exp.Before(last) {
		return s.Exp.Time
	}
	return last
}

// valid answers which keys of a use signed and may sign now. The error says why
// the first that signed and may not, may not.
func (s *KeySet) valid(doc sealed, use Use, now Moment) (n int, err error) {
	why := refuse(RefusedKey, errors.New("no key of the set signed it"))
	for _, k := range s.Keys {
		sig, signed := doc.signatures[k.ID]
		if !signed {
			continue
		}
		switch {
		case k.Revoked:
			why = refuse(RefusedKeyRevoked, nil)
		case now.ended(k.Until.Time), now.notYet(k.From.Time):
			why = refuse(RefusedKeyExpired, nil)
		case k.Use != use:
			why = refuse(RefusedSigners, fmt.Errorf("the key %s may not sign this", k.ID))
		case !ed25519.Verify(s.public[k.ID], pae(doc.kind, doc.body), sig):
			return 0, refuse(RefusedSignature, nil)
		default:
			n++
		}
	}
	if n == 0 {
		return 0, why
	}
	return n, nil
}
