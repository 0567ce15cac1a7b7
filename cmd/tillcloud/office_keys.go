package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"tillwire/agent/fleet"
)

// officeKeys are the keys of the demo's fleet. A real root lies in a safe.
type officeKeys struct{ root, online, first, second ed25519.PrivateKey }

// loadOfficeKeys reads the keys of a folder, or makes those that are missing.
func loadOfficeKeys(dir string) (k officeKeys, err error) {
	for name, key := range map[string]*ed25519.PrivateKey{"root": &k.root, "online": &k.online, "approver-1": &k.first, "approver-2": &k.second} {
		if *key, err = loadOfficeKey(filepath.Join(dir, name+".key")); err != nil {
			return k, err
		}
	}
	return k, nil
}

func loadOfficeKey(path string) (ed25519.PrivateKey, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, err
		}
		return key, writeFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s is no PEM file; remove it to have a new key", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, fmt.Errorf("%s holds no Ed25519 key; remove it to have a new one: %w", path, err)
	}
	return key, nil
}

// rootText is the root's public half as the agent's configuration names it.
func (k officeKeys) rootText() string {
	return base64.StdEncoding.EncodeToString(k.root.Public().(ed25519.PublicKey))
}

// set is the list of keys that the terminal is to believe, signed by the root. A
// later start has a later version.
func (k officeKeys) set(now time.Time) ([]byte, error) {
	from, until := fleet.At(now.Add(-time.Hour)), fleet.At(now.AddDate(1, 0, 0))
	key := func(use fleet.Use, k ed25519.PrivateKey) fleet.Key {
		return fleet.NewKey(use, k.Public().(ed25519.PublicKey), from, until)
	}
	set := fleet.KeySet{Version: uint64(now.Unix()), Iat: from, Exp: until, Roots: []string{k.rootText()},
		Keys: []fleet.Key{key(fleet.Online, k.online), key(fleet.Approver, k.first), key(fleet.Approver, k.second)}}
	return fleet.Seal(fleet.TypeKeys, set, k.root)
}
