// Package keyring holds what makes a terminal itself and must never leave it:
// the device's signing key, the pepper of PINs and the key under which payment
// codes are fingerprinted. It also reads wallet key files and hashes PINs and
// passwords. Nothing here prints key material, whatever the verb.
//
// It imports the standard library, golang.org/x/crypto and golang.org/x/sys.
package keyring

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// Lengths in bytes.
const (
	SecretSize      = 32 // pepper and fingerprint key
	FingerprintSize = 16
)

// Keyring is the terminal's identity in memory. It belongs to the terminal,
// not to its database: a restored store keeps it. Safe for concurrent use.
type Keyring struct {
	device      ed25519.PrivateKey
	fingerprint []byte
	hasher      *Hasher
	created     bool
}

// Open loads the identity kept in dir, and on first use creates both: the
// folder 0700, the file 0600, written and synced before it gets its name. Two
// opens at once get the same identity. A file or folder that others may read,
// or that is damaged, is refused with an *Error that says what to do; it is
// never replaced, because PINs and the fleet's trust hang on it.
func Open(dir string) (*Keyring, error) {
	identity, created, err := openIdentity(dir)
	if err != nil {
		return nil, err
	}
	return &Keyring{
		device:      identity.device,
		fingerprint: identity.fingerprint,
		hasher:      NewHasher(identity.pepper),
		created:     created,
	}, nil
}

// Created tells whether Open made a new identity. On a terminal that was set
// up before it means that its old one is lost: PINs no longer match.
func (k Keyring) Created() bool { return k.created }

// PublicKey is the public half of the device's Ed25519 key.
func (k Keyring) PublicKey() ed25519.PublicKey {
	return slices.Clone(k.device.Public().(ed25519.PublicKey))
}

// Sign signs message with the device key (Ed25519, RFC 8032, no prehash).
func (k Keyring) Sign(message []byte) []byte { return ed25519.Sign(k.device, message) }

// DeviceID names the terminal: 16 characters a-z2-7, the first 80 bits of the
// SHA-256 of the public key. It is no secret.
func (k Keyring) DeviceID() string {
	sum := sha256.Sum256(k.PublicKey())
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
}

// Fingerprint is what may be stored of a payment code: the first
// FingerprintSize bytes of HMAC-SHA256 under the terminal's own key. A plain
// hash would not do, for 18 digits are soon tried through.
func (k Keyring) Fingerprint(code string) []byte {
	mac := hmac.New(sha256.New, k.fingerprint)
	mac.Write([]byte(code))
	return mac.Sum(nil)[:FingerprintSize]
}

// Hasher is the terminal's one hasher of PINs and passwords. There is one, so
// that the agent never needs memory for two verifications at a time.
func (k Keyring) Hasher() *Hasher { return k.hasher }

// Format prints the device id under every verb, %#v and %x included.
func (k Keyring) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "keyring of %s", k.name()) }

// LogValue is the device id.
func (k Keyring) LogValue() slog.Value { return slog.StringValue("keyring of " + k.name()) }

// MarshalText keeps encoders, too, to the device id.
func (k Keyring) MarshalText() ([]byte, error) { return []byte("keyring of " + k.name()), nil }

func (k Keyring) name() string {
	if k.device == nil {
		return "nobody"
	}
	return k.DeviceID()
}
