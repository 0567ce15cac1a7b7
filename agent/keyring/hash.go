package keyring

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/crypto/argon2"
)

// ErrHash: a stored hash is not one of ours or asks for absurd work.
var ErrHash = errors.New("keyring: not a hash of a PIN or password")

// cost is what one hash takes (RFC 9106).
type cost struct {
	memory  uint32 // KiB
	time    uint32 // passes
	threads uint8
}

// currentCost is that of new hashes: about 50 ms on a core of a mini PC, and
// 12 MiB, which the agent's idle memory has room for. It is written into every
// hash, so it may grow without locking anyone out.
func currentCost() cost { return cost{memory: 12 << 10, time: 4, threads: 1} }

// highestCost bounds what a stored hash may ask of us, for the database is not
// to decide how much memory the agent takes.
func highestCost() cost { return cost{memory: 64 << 10, time: 16, threads: 4} }

const (
	saltSize = 16 // bytes
	hashSize = 32 // bytes
)

// Hasher hashes PINs and passwords: argon2id over HMAC-SHA256(pepper, secret).
// It does one at a time; others wait. Make it with NewHasher.
type Hasher struct {
	pepper []byte
	turn   chan struct{} // of one
	cost   cost
}

// NewHasher makes a hasher with a pepper of SecretSize bytes.
func NewHasher(pepper []byte) *Hasher {
	return &Hasher{pepper: slices.Clone(pepper), turn: make(chan struct{}, 1), cost: currentCost()}
}

// Hash gives the string to store for secret, in PHC form with its own random
// salt and its cost. The error is that of ctx while waiting for a turn.
func (h *Hasher) Hash(ctx context.Context, secret string) (string, error) {
	salt := make([]byte, saltSize)
	rand.Read(salt)
	sum, err := h.derive(ctx, secret, salt, h.cost)
	if err != nil {
		return "", err
	}
	return stored{cost: h.cost, salt: salt, sum: sum}.String(), nil
}

// Verify tells whether encoded was made of secret, comparing in constant time.
// An empty encoded does the same work and answers false: whether a person
// exists must not show in the time. The errors are ErrHash and that of ctx
// while waiting for a turn.
func (h *Hasher) Verify(ctx context.Context, encoded, secret string) (bool, error) {
	known := encoded != ""
	s := stored{cost: h.cost, salt: make([]byte, saltSize), sum: make([]byte, hashSize)}
	if known {
		var err error
		if s, err = parseStored(encoded); err != nil {
			return false, err
		}
	}
	sum, err := h.derive(ctx, secret, s.salt, s.cost)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(sum, s.sum) == 1 && known, nil
}

func (h *Hasher) derive(ctx context.Context, secret string, salt []byte, c cost) ([]byte, error) {
	select {
	case h.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("keyring: hash: waiting for a turn: %w", ctx.Err())
	}
	defer func() { <-h.turn }()
	mac := hmac.New(sha256.New, h.pepper)
	mac.Write([]byte(secret))
	sum := argon2.IDKey(mac.Sum(nil), salt, c.time, c.memory, c.threads, hashSize)
	// The blocks are garbage now; without this they would stay resident until
	// the next collection, which an idle agent may not see for minutes.
	debug.FreeOSMemory()
	return sum, nil
}

// Format hides the pepper from every verb.
func (h *Hasher) Format(f fmt.State, _ rune) { fmt.Fprint(f, "hasher") }

// stored is a hash as it stands in the database.
type stored struct {
	cost cost
	salt []byte
	sum  []byte
}

func (s stored) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, s.cost.memory, s.cost.time, s.cost.threads,
		base64.RawStdEncoding.EncodeToString(s.salt), base64.RawStdEncoding.EncodeToString(s.sum))
}

func parseStored(encoded string) (stored, error) {
	var s stored
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return s, ErrHash
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &s.cost.memory, &s.cost.time, &s.cost.threads); err != nil {
		return s, fmt.Errorf("%w: its cost cannot be read", ErrHash)
	}
	var err error
	if s.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil || len(s.salt) < 8 {
		return s, fmt.Errorf("%w: its salt cannot be read", ErrHash)
	}
	if s.sum, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(s.sum) != hashSize {
		return s, fmt.Errorf("%w: its end is missing", ErrHash)
	}
	c, most := s.cost, highestCost()
	if c.time < 1 || c.threads < 1 || c.memory < 8*uint32(c.threads) || c.memory > most.memory || c.time > most.time || c.threads > most.threads {
		return s, fmt.Errorf("%w: its cost is out of bounds", ErrHash)
	}
	if s.String() != encoded {
		return s, fmt.Errorf("%w: it is not written as we write it", ErrHash)
	}
	return s, nil
}
