package desk

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
)

// The files of an authority.
const (
	RootFile = "authority.pem"
	KeyFile  = "authority.key"
)

const (
	rootLife   = 20 * 366 * 24 * time.Hour
	serverLife = 2 * 366 * 24 * time.Hour
	early      = time.Hour // of what is signed, for clocks that are behind
	certPrefix = "cert/"
	page       = 500
)

// Authority implements service.Authority with a key on this machine. It is safe
// for concurrent use.
type Authority struct {
	root  *x509.Certificate
	pem   []byte
	key   crypto.Signer
	store agent.FleetStore
	now   func() time.Time

	mu   sync.Mutex
	list revocations // the last one that was signed
}

var _ service.Authority = (*Authority)(nil)

// record is a certificate that was issued, as the store keeps it.
type record struct {
	TID     fleet.TID `json:"tid"`
	Until   time.Time `json:"until"`
	Revoked time.Time `json:"revoked,omitzero"`
}

// MakeAuthority makes the root and its key in a folder; name is shown in certificates.
// One that is there already is left alone: whoever lost it would have to enrol
// every terminal anew.
func MakeAuthority(dir, name string, now time.Time) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := newSerial()
	if err != nil {
		return err
	}
	tmpl := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, NotBefore: now.Add(-early), NotAfter: now.Add(rootLife)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	// The key first: without it a certificate would be worth nothing.
	if err := create(filepath.Join(dir, KeyFile), 0o600, "PRIVATE KEY", secret); err != nil {
		return err
	}
	return create(filepath.Join(dir, RootFile), 0o644, "CERTIFICATE", der)
}

func create(path string, mode fs.FileMode, kind string, der []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	return errors.Join(pem.Encode(f, &pem.Block{Type: kind, Bytes: der}), f.Sync(), f.Close())
}

func newSerial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	return n.Add(n, big.NewInt(1)), nil
}

// OpenAuthority reads an authority. fs.ErrNotExist in the error: none was made yet.
func OpenAuthority(dir string, store agent.FleetStore, now func() time.Time) (*Authority, error) {
	a := &Authority{store: store, now: now}
	info, err := os.Stat(filepath.Join(dir, KeyFile))
	if err != nil {
		return nil, fmt.Errorf("the authority's key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("others may read %s: chmod 600, and make a new authority if others use this machine", filepath.Join(dir, KeyFile))
	}
	if a.pem, err = os.ReadFile(filepath.Join(dir, RootFile)); err != nil {
		return nil, fmt.Errorf("the authority's certificate: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, KeyFile))
	if err != nil {
		return nil, fmt.Errorf("the authority's key: %w", err)
	}
	root, _ := pem.Decode(a.pem)
	secret, _ := pem.Decode(text)
	if root == nil || secret == nil {
		return nil, fmt.Errorf("%s and %s are not both in PEM", RootFile, KeyFile)
	}
	if a.root, err = x509.ParseCertificate(root.Bytes); err != nil {
		return nil, fmt.Errorf("the authority's certificate: %w", err)
	}
	key, err := x509.ParsePKCS8PrivateKey(secret.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the authority's key: %w", err)
	}
	signer, ok := key.(*ecdsa.PrivateKey)
	if !ok || !signer.PublicKey.Equal(a.root.PublicKey) {
		return nil, fmt.Errorf("%s is not the key of %s", KeyFile, RootFile)
	}
	a.key = signer
	return a, nil
}

// Root implements service.Authority.
func (a *Authority) Root() []byte { return a.pem }

// Issue implements service.Authority: a certificate for a client, for ninety days.
func (a *Authority) Issue(ctx context.Context, tid fleet.TID, request []byte) (service.Certificate, error) {
	r, err := service.ReadRequest(request)
	if err != nil {
		return service.Certificate{}, err
	}
	name, err := url.Parse("urn:pos:tid:" + string(tid))
	if err != nil {
		return service.Certificate{}, err
	}
	until := a.now().Add(fleet.CertificateLife)
	tmpl := &x509.Certificate{Subject: pkix.Name{CommonName: string(tid)}, URIs: []*url.URL{name}, NotAfter: until, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	c, err := a.sign(tmpl, r.PublicKey)
	if err != nil {
		return c, err
	}
	value, err := json.Marshal(record{TID: tid, Until: until})
	if err != nil {
		return c, err
	}
	// What is not on the disk could not be revoked, so it is not given out either.
	return c, a.store.Save(ctx, agent.FleetItem{Key: certPrefix + c.Serial, Value: value})
}

func (a *Authority) sign(tmpl *x509.Certificate, public any) (c service.Certificate, err error) {
	if tmpl.SerialNumber, err = newSerial(); err != nil {
		return c, err
	}
	tmpl.NotBefore, tmpl.KeyUsage = a.now().Add(-early), x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.root, public, a.key)
	if err != nil {
		return c, fmt.Errorf("sign a certificate: %w", err)
	}
	return service.Certificate{Serial: tmpl.SerialNumber.Text(16), PEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), Until: tmpl.NotAfter}, nil
}

// IssueServer makes a key and a certificate for a broker or a service that listens
// under names or addresses, for two years.
func (a *Authority) IssueServer(names []string) (certificate, key []byte, err error) {
	return a.issueServer(names, x509.ExtKeyUsageServerAuth)
}

// IssuePeer is IssueServer for one of several that are a broker together: it also
// calls the others.
func (a *Authority) IssuePeer(names []string) (certificate, key []byte, err error) {
	return a.issueServer(names, x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth)
}

func (a *Authority) issueServer(names []string, uses ...x509.ExtKeyUsage) (certificate, key []byte, err error) {
	if len(names) == 0 {
		return nil, nil, fmt.Errorf("%w: a server's certificate needs a name", service.ErrInvalid)
	}
	tmpl := &x509.Certificate{Subject: pkix.Name{CommonName: names[0]}, NotAfter: a.now().Add(serverLife), ExtKeyUsage: uses}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			tmpl.IPAddresses = append(tmpl.IPAddresses, ip)
		} else {
			tmpl.DNSNames = append(tmpl.DNSNames, name)
		}
	}
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	c, err := a.sign(tmpl, own.Public())
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(own)
	return c.PEM, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

// Holder answers which terminal a certificate names, if this authority issued it,
// it was not revoked, and it has not been over for longer than the grace.
func (a *Authority) Holder(ctx context.Context, c *x509.Certificate) (fleet.TID, error) {
	tid, err := fleet.ParseTID(c.Subject.CommonName)
	if err != nil {
		return "", err
	}
	at := a.now()
	if at.After(c.NotAfter) && at.Before(c.NotAfter.Add(fleet.CertificateGrace)) {
		at = c.NotAfter
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.root)
	if _, err := c.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		return "", fmt.Errorf("%w: the certificate is not good: %w", service.ErrInvalid, err)
	}
	key := certPrefix + c.SerialNumber.Text(16)
	rows, err := a.store.Load(ctx, key, "", 1)
	if err != nil {
		return "", err
	}
	var r record
	if len(rows) == 0 || rows[0].Key != key || json.Unmarshal(rows[0].Value, &r) != nil || r.TID != tid {
		return "", fmt.Errorf("%w: this authority's books do not know the certificate", service.ErrInvalid)
	}
	if !r.Revoked.IsZero() {
		return "", fmt.Errorf("%w: the certificate was revoked", service.ErrInvalid)
	}
	return tid, nil
}
