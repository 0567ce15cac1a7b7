package wechat

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"time"

	"tillwire/agent"
)

// authority certifies merchants and the hosts that speak TLS.
type authority struct {
	key   *rsa.PrivateKey
	cert  *x509.Certificate
	text  []byte // cert in PEM
	host  tls.Certificate
	clock agent.Clock
}

// authority loads the root, or makes it. The hosts' own certificate is made at
// every start: clients know the root.
func (v vault) authority(ctx context.Context, clock agent.Clock) (*authority, error) {
	key, err := v.key(ctx, "authority")
	if err != nil {
		return nil, err
	}
	a := &authority{key: key, clock: clock}
	a.text, err = v.ledger.Secret(ctx, v.name+"/authority-certificate", func() ([]byte, error) {
		root := template("Tillwire sandbox root", clock.Now())
		root.IsCA, root.BasicConstraintsValid, root.KeyUsage = true, true, x509.KeyUsageCertSign
		a.cert = root
		return a.certify(root, &key.PublicKey)
	})
	if err != nil {
		return nil, err
	}
	if a.cert, err = parseCertificate(a.text); err != nil {
		return nil, err
	}
	leaf, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	host := template("sandbox of WeChat Pay", clock.Now())
	host.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	host.DNSNames, host.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	text, err := a.certify(host, &leaf.PublicKey)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	a.host = tls.Certificate{Certificate: [][]byte{block.Bytes}, PrivateKey: leaf}
	return a, nil
}

// template is a certificate with a name and a serial number of its own.
func template(name string, now time.Time) *x509.Certificate {
	serial := make([]byte, 16)
	rand.Read(serial) // never fails
	return &x509.Certificate{SerialNumber: new(big.Int).SetBytes(serial), Subject: pkix.Name{CommonName: name, Organization: []string{"Tillwire sandbox"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateLife), KeyUsage: x509.KeyUsageDigitalSignature}
}

// certify signs a certificate and writes it as PEM.
func (a *authority) certify(c *x509.Certificate, key crypto.PublicKey) ([]byte, error) {
	return certify(c, a.cert, key, a.key)
}

func certify(c, issuer *x509.Certificate, public crypto.PublicKey, key *rsa.PrivateKey) ([]byte, error) {
	der, err := x509.CreateCertificate(rand.Reader, c, issuer, public, key)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), err
}

// merchant certifies a merchant's API key. Its name is the merchant number, as
// on the certificates of the merchant platform.
func (a *authority) merchant(m *Merchant) ([]byte, error) {
	serial, ok := new(big.Int).SetString(m.Serial, 16)
	if !ok {
		return nil, errors.New("the serial of the merchant's certificate is not hexadecimal")
	}
	c := template(m.MerchantID, a.clock.Now())
	c.SerialNumber, c.ExtKeyUsage = serial, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.certify(c, &m.Key.PublicKey)
}

// config asks clients for their certificate and takes none that another signed.
func (a *authority) config() *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	return &tls.Config{Certificates: []tls.Certificate{a.host}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: roots,
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, Time: a.clock.Now}
}
