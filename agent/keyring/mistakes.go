package keyring

import (
	"crypto/x509"
	"encoding/pem"
)

// parsePrivate tries the two forms of private keys. The type line of the block
// is not trusted: tools and people get it wrong, the bytes do not lie.
func parsePrivate(b *pem.Block) (any, bool) {
	if key, err := x509.ParsePKCS8PrivateKey(b.Bytes); err == nil {
		return key, true
	}
	if key, err := x509.ParsePKCS1PrivateKey(b.Bytes); err == nil {
		return key, true
	}
	if key, err := x509.ParseECPrivateKey(b.Bytes); err == nil {
		return key, true
	}
	return nil, false
}

func parsePublic(b *pem.Block) (any, bool) {
	if key, err := x509.ParsePKIXPublicKey(b.Bytes); err == nil {
		return key, true
	}
	if key, err := x509.ParsePKCS1PublicKey(b.Bytes); err == nil {
		return key, true
	}
	return nil, false
}

// instead names what a file holds in place of what is wanted, for in a wallet's
// download the key, the certificate and the container lie side by side.
func (l loader) instead(blocks []*pem.Block, wanted string) error {
	need := "put there " + wanted
	for _, b := range blocks {
		if b.Type == "ENCRYPTED PRIVATE KEY" || b.Headers["DEK-Info"] != "" {
			return l.wrong("holds a private key under a passphrase", "remove the passphrase (openssl pkey -in OLD -out NEW) and chmod 600 the result")
		}
		if _, err := x509.ParseCertificate(b.Bytes); err == nil {
			return l.wrong("holds a certificate", need)
		}
		if _, ok := parsePrivate(b); ok {
			return l.wrong("holds a PRIVATE key", need+"; if others could read this file, replace that private key")
		}
		if _, ok := parsePublic(b); ok {
			return l.wrong("holds a public key", need)
		}
		if b.Type == "CERTIFICATE REQUEST" || b.Type == "NEW CERTIFICATE REQUEST" {
			return l.wrong("holds a request for a certificate", need)
		}
	}
	if len(blocks) == 1 && blocks[0].Type == "" {
		return l.wrong("holds bytes that are no key (a .p12 container?)", need)
	}
	return l.wrong("holds no key that can be read", need)
}
