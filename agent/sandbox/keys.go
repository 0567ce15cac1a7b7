package sandbox

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

// KeySource makes a private key. The default is a fresh one of 2048 bits; tests
// hand out prepared ones, because making one takes a while.
type KeySource func() (*rsa.PrivateKey, error)

// FreshKey is the KeySource of a real start. 2048 bits are what WeChat Pay and Alipay
// ask of merchants and use themselves.
func FreshKey() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }

// RSAKey is a private key that survives restarts, by a name that begins with the
// wallet's; source makes it on the first start.
func (l *Ledger) RSAKey(ctx context.Context, name string, source KeySource) (*rsa.PrivateKey, error) {
	der, err := l.Secret(ctx, name, func() ([]byte, error) {
		key, err := source()
		if err != nil {
			return nil, err
		}
		return x509.MarshalPKCS8PrivateKey(key)
	})
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("sandbox key %s: %w", name, err)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("sandbox key %s is %T, not RSA", name, parsed)
	}
	return key, nil
}

// PrivatePEM is a private key as a client loads it (PKCS #8).
func PrivatePEM(key any) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

// PublicPEM is a public key as a client loads it (SubjectPublicKeyInfo).
func PublicPEM(key any) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), err
}
