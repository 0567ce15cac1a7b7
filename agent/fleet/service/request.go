package service

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"fmt"
)

// mostRequest bounds a request for a certificate, in bytes.
const mostRequest = 4 << 10

// ReadRequest checks a request for a certificate (PKCS #10, DER): its own
// signature, and a key of the curve P-256, with which handshakes cost brokers
// least.
func ReadRequest(der []byte) (*x509.CertificateRequest, error) {
	if len(der) > mostRequest {
		return nil, fmt.Errorf("%w: the request for a certificate is too large", ErrInvalid)
	}
	r, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, fmt.Errorf("%w: the request for a certificate cannot be read: %w", ErrInvalid, err)
	}
	if err := r.CheckSignature(); err != nil {
		return nil, fmt.Errorf("%w: whoever made the request has not its key: %w", ErrInvalid, err)
	}
	if key, ok := r.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%w: the key must be of the curve P-256", ErrInvalid)
	}
	return r, nil
}
