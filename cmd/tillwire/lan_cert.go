package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"tillwire/agent"
)

// lanKeyFile in the data folder holds the key and the certificate of the pages in the shop's
// network. They are of this terminal alone and say nothing about any other.
const lanKeyFile = "lan.pem"

// How long a certificate lasts, since browsers of phones refuse longer ones, and how long
// before its end it is made anew.
const (
	lanCertLife = 820 * 24 * time.Hour
	lanCertLate = 30 * 24 * time.Hour
)

// lanCert is the terminal's certificate for the shop's network. No authority knows it: a
// person compares its fingerprint when a device is paired.
type lanCert struct {
	file  string
	hosts []string
	clock agent.Clock

	mu   sync.Mutex
	made *tls.Certificate
}

// ready reads the certificate, or makes one where there is none that can be used.
func (c *lanCert) ready() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.readyFor(nil)
}

// get gives the certificate for a connection. An address that this machine got later makes it
// anew: a browser believes no certificate that does not name where it went.
func (c *lanCert) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var at net.IP
	if tcp, ok := hello.Conn.LocalAddr().(*net.TCPAddr); ok {
		at = tcp.IP
	}
	if err := c.readyFor(at); err != nil {
		return nil, err
	}
	return c.made, nil
}

// print is the fingerprint as browsers show it, "" without a certificate.
func (c *lanCert) print() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made == nil {
		return ""
	}
	sum := sha256.Sum256(c.made.Certificate[0])
	pairs := make([]string, len(sum))
	for i, b := range sum {
		pairs[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(pairs, ":")
}

func (c *lanCert) readyFor(at net.IP) error {
	if c.made == nil {
		pair, err := loadLANCert(c.file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the certificate for the shop's network cannot be read; remove %s and a new one is made: %w", c.file, err)
		}
		c.made = pair
	}
	if c.made != nil && c.serves(at) {
		return nil
	}
	names := lanAddresses()
	if at != nil {
		names = append(names, at)
	}
	if c.made != nil {
		// Two addresses that come in turn must not make two certificates for ever.
		old := c.made.Leaf.IPAddresses
		names = append(names, old[:min(len(old), 2*len(names)+4)]...)
	}
	pair, text, err := makeLANCert(c.clock.Now(), names, c.hosts)
	if err == nil {
		err = writeFile(c.file, text)
	}
	if err != nil {
		return fmt.Errorf("make a certificate for the shop's network: %w", err)
	}
	c.made = pair
	return nil
}

// serves holds while the certificate is in its time and names an address.
func (c *lanCert) serves(at net.IP) bool {
	now, leaf := c.clock.Now(), c.made.Leaf
	return now.After(leaf.NotBefore) && now.Before(leaf.NotAfter.Add(-lanCertLate)) && (at == nil || leaf.VerifyHostname(at.String()) == nil)
}

func loadLANCert(file string) (*tls.Certificate, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, err
	}
	return &pair, nil
}

// makeLANCert makes a key and its certificate, and the file that holds both.
func makeLANCert(now time.Time, addresses []net.IP, hosts []string) (*tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Tillwire"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(lanCertLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			addresses = append(addresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	for _, ip := range addresses {
		if !slices.ContainsFunc(template.IPAddresses, ip.Equal) {
			template.IPAddresses = append(template.IPAddresses, ip)
		}
	}
	body, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: body}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...)
	pair, err := tls.X509KeyPair(text, text)
	return &pair, text, err
}
