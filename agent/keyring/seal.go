package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// errSealed reports that sealed bytes are not ours, not whole, or of something else.
var errSealed = errors.New("sealed with another key, for another purpose, or damaged")

// Seal encrypts what must be kept until it can be sent: AES-256-GCM under the
// terminal's own key, bound to what it is about. The result differs each time.
func (k Keyring) Seal(about string, secret []byte) ([]byte, error) {
	box, err := k.box()
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, box.NonceSize())
	rand.Read(nonce) // never fails, by its contract
	return box.Seal(nonce, nonce, secret, []byte(about)), nil
}

// Unseal opens what Seal made for the same thing.
func (k Keyring) Unseal(about string, sealed []byte) ([]byte, error) {
	box, err := k.box()
	if err != nil {
		return nil, err
	}
	if len(sealed) < box.NonceSize() {
		return nil, errSealed
	}
	secret, err := box.Open(nil, sealed[:box.NonceSize()], sealed[box.NonceSize():], []byte(about))
	if err != nil {
		return nil, errSealed
	}
	return secret, nil
}

// box derives the key from the one of fingerprints, so that a terminal needs no new
// secret for it; the label keeps the two uses apart.
func (k Keyring) box() (cipher.AEAD, error) {
	mac := hmac.New(sha256.New, k.fingerprint)
	mac.Write([]byte("tillwire seal 1"))
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return cipher.NewGCM(block)
}
