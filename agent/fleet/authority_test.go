package fleet

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

const (
	tid   TID = "t-0001-corner"
	nonce     = "AAECAwQFBgcICQoLDA0ODw"
)

// noon is when these tests take place.
func noon() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

// keyNamed is a key that is the same in every run, so that examples are too.
func keyNamed(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("a key for tests and examples only: " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func publicOfKey(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

func text64(key ed25519.PrivateKey) string {
	return base64.StdEncoding.EncodeToString(publicOfKey(key))
}

// authority is the fleet's office: roots, a service that runs, two approvers.
type authority struct {
	root, spare, online, anna, boris, stranger ed25519.PrivateKey
	seq                                        uint64
}

func newAuthority() *authority {
	return &authority{keyNamed("root"), keyNamed("spare"), keyNamed("online"), keyNamed("anna"), keyNamed("boris"), keyNamed("stranger"), 0}
}

// keySet lists the keys as they are in order.
func (a *authority) keySet(version uint64) KeySet {
	from, until := At(noon().AddDate(0, -1, 0)), At(noon().AddDate(0, 2, 0))
	return KeySet{Version: version, Iat: from, Exp: until, Roots: []string{text64(a.root), text64(a.spare)}, Keys: []Key{
		NewKey(Online, publicOfKey(a.online), from, until),
		NewKey(Approver, publicOfKey(a.anna), from, until),
		NewKey(Approver, publicOfKey(a.boris), from, until),
	}}
}

// opened is a set as a terminal has it.
func (a *authority) opened(t *testing.T, set KeySet) *KeySet {
	t.Helper()
	s, err := readKeySet(seal(t, TypeKeys, set, a.root), a.roots())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (a *authority) roots() []ed25519.PublicKey {
	return []ed25519.PublicKey{publicOfKey(a.root), publicOfKey(a.spare)}
}

// jti numbers documents in the shape of a ULID.
func jti(n uint64) string { return fmt.Sprintf("01KAFN0000000000000000%04d", n) }

func (a *authority) claims() Claims {
	a.seq++
	return Claims{Aud: tid, Iss: "fleet.example", Iat: At(noon().Add(-time.Second)), Exp: At(noon().Add(2 * time.Minute)), Jti: jti(a.seq), Seq: a.seq}
}

func (a *authority) ping() Command {
	return Command{Claims: a.claims(), Name: "ping", Class: Read, Actor: "ops@fleet.example"}
}

func (a *authority) wipe() Command {
	return Command{Claims: a.claims(), Name: "terminal.wipe", Args: json.RawMessage(`{"reason":"lost"}`), Class: Dangerous, Nonce: nonce, Actor: "ops@fleet.example", Ticket: "T-4711"}
}

func seal(t *testing.T, kind string, document any, keys ...ed25519.PrivateKey) []byte {
	t.Helper()
	raw, err := Seal(kind, document, keys...)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
