package alipay

import (
	"context"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"

	"tillwire/agent/sandbox"
)

// certificateLife is long enough for any demo; Alipay's own live five years.
const certificateLife = 5 * 365 * 24 * time.Hour

// App is one application of the open platform with everything its client needs.
// Certificate and CertSN are set in certificate mode only.
type App struct {
	AppID       string
	SellerID    string // the merchant whose money it is
	Key         *rsa.PrivateKey
	Certificate []byte // PEM
	CertSN      string
}

// Platform is what the cloud signs its answers with: the key alone for clients in
// public-key mode, the certificate's for those in certificate mode.
type Platform struct {
	Key         *rsa.PrivateKey
	CertKey     *rsa.PrivateKey
	Certificate []byte // PEM
	CertSN      string
	Root        []byte // PEM
	RootSN      string
}

// vault reads keys from the ledger and makes them on the first start.
type vault struct {
	ledger *sandbox.Ledger
	source sandbox.KeySource
}

// key is a private key that survives restarts, by name.
func (v vault) key(ctx context.Context, name string) (*rsa.PrivateKey, error) {
	return v.ledger.RSAKey(ctx, "alipay/"+name, v.source)
}

// app completes an application with its key.
func (v vault) app(ctx context.Context, a App) (*App, error) {
	var err error
	a.Key, err = v.key(ctx, "app/"+a.AppID)
	return &a, err
}

// platform makes the keys of both modes and the root that certificates stand under.
func (v vault) platform(ctx context.Context, now time.Time) (*Platform, error) {
	var p Platform
	var err, errCert error
	p.Key, err = v.key(ctx, "platform")
	p.CertKey, errCert = v.key(ctx, "platform-certificate")
	rootKey, errRoot := v.key(ctx, "root")
	if err := errors.Join(err, errCert, errRoot); err != nil {
		return nil, err
	}
	if p.Root, p.RootSN, err = v.certificate(ctx, "root", rootKey, rootKey, now); err != nil {
		return nil, err
	}
	p.Certificate, p.CertSN, err = v.certificate(ctx, "platform", p.CertKey, rootKey, now)
	return &p, err
}

// certify puts an application into certificate mode.
func (v vault) certify(ctx context.Context, a *App, p *Platform, now time.Time) error {
	rootKey, err := v.key(ctx, "root")
	if err != nil {
		return err
	}
	a.Certificate, a.CertSN, err = v.certificate(ctx, "app", a.Key, rootKey, now)
	return err
}

// certificate is one that survives restarts, with the serial number that the
// gateway's parameters name it by.
func (v vault) certificate(ctx context.Context, name string, key, issuer *rsa.PrivateKey, now time.Time) (text []byte, sn string, err error) {
	text, err = v.ledger.Secret(ctx, "alipay/certificate/"+name, func() ([]byte, error) { return issue(name, key, issuer, now) })
	if err != nil {
		return nil, "", err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, "", fmt.Errorf("sandbox: the certificate %s in the ledger is no PEM", name)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, "", err
	}
	return text, serialOf(cert), nil
}

// issue makes a certificate under the sandbox's root. The root's own subject has
// several parts, because a client that joins them in the wrong order computes a
// serial number that looks right and is not.
func issue(name string, key, issuer *rsa.PrivateKey, now time.Time) ([]byte, error) {
	serial := make([]byte, 16)
	rand.Read(serial)                 // never fails
	serial[0] = serial[0]&0x3f | 0x40 // positive
	root := &x509.Certificate{Subject: pkix.Name{Country: []string{"CN"}, Organization: []string{"Tillwire sandbox"}, OrganizationalUnit: []string{"Certification Authority"}, CommonName: "Tillwire sandbox root R1"}}
	cert := &x509.Certificate{SerialNumber: new(big.Int).SetBytes(serial), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateLife),
		Subject: pkix.Name{Country: []string{"CN"}, Organization: []string{"Tillwire sandbox"}, CommonName: "sandbox " + name}, KeyUsage: x509.KeyUsageDigitalSignature}
	if name == "root" {
		cert.Subject, cert.IsCA, cert.BasicConstraintsValid = root.Subject, true, true
		cert.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, root, &key.PublicKey, issuer)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), err
}

// serialOf is app_cert_sn, alipay_cert_sn and, for a file with one root,
// alipay_root_cert_sn: MD5 over the issuer's name in the order of RFC 2253 and
// the serial number in decimal.
func serialOf(cert *x509.Certificate) string {
	sum := md5.Sum([]byte(cert.Issuer.String() + cert.SerialNumber.String()))
	return hex.EncodeToString(sum[:])
}

// PublicPEM is the cloud's public key as merchants download it.
func (p *Platform) PublicPEM() ([]byte, error) { return sandbox.PublicPEM(&p.Key.PublicKey) }

// PrivatePEM is the application's private key as its client loads it (PKCS#8).
func (a *App) PrivatePEM() ([]byte, error) { return sandbox.PrivatePEM(a.Key) }
