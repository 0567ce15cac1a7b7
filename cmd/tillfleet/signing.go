package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"tillwire/agent/fleet"
)

// readSigningKey reads a private key: PKCS #8 in PEM. passphrase names the file
// with the words that unlock it; empty where it is not locked.
func readSigningKey(path, passphrase string) (ed25519.PrivateKey, error) {
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
	if block.Type != "PRIVATE KEY" || passphrase != "" {
		return nil, fmt.Errorf("%s holds a %s; a signing key is an unlocked PRIVATE KEY", path, block.Type)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, errors.Join(fmt.Errorf("%s holds no Ed25519 key", path), err)
	}
	return key, nil
}

// fileKeys are the service's keys from files: its own private one, and the list of
// keys that a root signed. A new list is taken up while the service runs.
type fileKeys struct {
	key     ed25519.PrivateKey
	setFile string
	log     *slog.Logger

	mu      sync.Mutex
	changed time.Time // of the file that was read last
	raw     []byte
	version uint64
	trouble string
}

// openKeys reads both. A list that is not there yet is no error: the service hears
// its terminals without one, and they believe nothing it says.
func openKeys(c keysConfig, log *slog.Logger) (*fileKeys, error) {
	key, err := readSigningKey(c.Online, c.Passphrase)
	if err != nil {
		return nil, err
	}
	k := &fileKeys{key: key, setFile: c.Set, log: log}
	k.Set()
	return k, nil
}

// Seal implements service.Keys.
func (k *fileKeys) Seal(payloadType string, document any) ([]byte, error) {
	return fleet.Seal(payloadType, document, k.key)
}

// Set implements service.Keys. It looks at the file's time, so it is cheap.
func (k *fileKeys) Set() (envelope []byte, version uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	info, err := os.Stat(k.setFile)
	if err == nil && info.ModTime().Equal(k.changed) {
		return k.raw, k.version
	}
	var raw []byte
	var set fleet.KeySet
	if err == nil {
		raw, err = os.ReadFile(k.setFile)
	}
	if err == nil {
		set, err = keySetIn(raw)
	}
	if err != nil {
		if why := err.Error(); why != k.trouble && !errors.Is(err, fs.ErrNotExist) {
			k.trouble = why
			k.log.Warn("the list of keys cannot be used; the last one holds", "code", "keys", "file", k.setFile, "err", err)
		}
		return k.raw, k.version
	}
	k.changed, k.trouble = info.ModTime(), ""
	if set.Version < k.version {
		k.log.Warn("the list of keys is older than the one in use; the newer one holds", "code", "keys", "version", set.Version, "holds", k.version)
		return k.raw, k.version
	}
	k.raw, k.version = raw, set.Version
	return k.raw, k.version
}

// keySetIn reads the list in an envelope. Its signature is the terminals' to
// judge: they alone know their roots.
func keySetIn(envelope []byte) (set fleet.KeySet, err error) {
	var e fleet.Envelope
	if err := json.Unmarshal(envelope, &e); err != nil {
		return set, fmt.Errorf("it is no envelope: %w", err)
	}
	if e.PayloadType != fleet.TypeKeys {
		return set, fmt.Errorf("it holds a %q and no list of keys", e.PayloadType)
	}
	body, err := base64.StdEncoding.DecodeString(e.Payload)
	if err == nil {
		err = json.Unmarshal(body, &set)
	}
	if err == nil && set.Version == 0 {
		err = errors.New("its version is zero")
	}
	return set, err
}
