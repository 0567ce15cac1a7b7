package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"tillwire/agent/fleet/keyfile"
)

// openKeys opens what the service signs with: its own private key, and the list of
// keys that a root signed. A list that is not there yet is no error: the service
// hears its terminals without one, and says nothing that they would not believe.
func (a *app) openKeys(c keysConfig, log *slog.Logger) (*keyfile.Ring, error) {
	key, info, err := a.passphrases(c.Passphrase).open(c.Online)
	if err != nil {
		return nil, fmt.Errorf("keys.online: %w", err)
	}
	if info.Role != keyfile.Online && info.Role != plainKey {
		return nil, fmt.Errorf("keys.online: %s is a key for %s. The service has an online key, and no other lies beside it", c.Online, info.Role)
	}
	ring, err := keyfile.NewRing(key, c.Set, a.clock.Now)
	if err != nil {
		return nil, err
	}
	if err := ring.Trouble(); err != nil {
		log.Warn("the list of keys cannot be used", "code", "keys", "file", c.Set, "err", err, "do", "Make it with `tillfleet keys rotate`; it is taken up while the service runs.")
	}
	return ring, nil
}

// plainKey is the role of a key that does not say what it is for.
const plainKey keyfile.Role = ""

// readSigningKey reads a key as other programs make it, unlocked: PKCS #8 in PEM.
func readSigningKey(path string) (ed25519.PrivateKey, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("the signing key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("others may read the signing key %s; `chmod 600` it, and make a new one if they may have", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the signing key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s is no PEM file", path)
	}
	if block.Type != "PRIVATE KEY" {
		return nil, fmt.Errorf("%s holds a %s; a signing key is an unlocked PRIVATE KEY", path, block.Type)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, errors.Join(fmt.Errorf("%s holds no Ed25519 key", path), err)
	}
	return key, nil
}
