package wallet

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
)

// minBits is the size below which no RSA key is taken, neither ours nor a wallet's.
const minBits = 2048

// SignRSA is SHA256withRSA (PKCS#1 v1.5) in base64. The padding is deterministic, so
// there is nothing random to be had.
func SignRSA(key *rsa.PrivateKey, text []byte) (string, error) {
	sum := sha256.Sum256(text)
	raw, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(raw), nil
}

// VerifyRSA checks what SignRSA makes.
func VerifyRSA(key *rsa.PublicKey, text []byte, signature string) error {
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return fmt.Errorf("the signature is not base64: %w", err)
	}
	sum := sha256.Sum256(text)
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw)
}

// RSAPrivate reads a key from the DER of PKCS#8 or, failing that, PKCS#1. Its errors
// go on where the name of a setting stands: "cannot be read", "is damaged".
func RSAPrivate(der []byte) (*rsa.PrivateKey, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		parsed, err = x509.ParsePKCS1PrivateKey(der)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok || key.N.BitLen() < minBits {
		return nil, errWeak
	}
	if err := key.Validate(); err != nil {
		return nil, fmt.Errorf("is damaged: %w", err)
	}
	key.Precompute()
	return key, nil
}

// RSAPublic takes the key of a parsed file or certificate. Its error goes on where
// the name of a setting stands.
func RSAPublic(parsed any) (*rsa.PublicKey, error) {
	key, ok := parsed.(*rsa.PublicKey)
	if !ok || key.N.BitLen() < minBits {
		return nil, errWeak
	}
	return key, nil
}

var errWeak = errors.New("is not an RSA key of 2048 bits or more")
