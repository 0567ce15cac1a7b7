package alipay

import (
	"crypto/md5"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"tillwire/agent/wallet"
)

// keys is what signs our requests and verifies Alipay's answers.
type keys struct {
	app      *rsa.PrivateKey
	alipay   *rsa.PublicKey
	appSN    string // certificate mode: sent with each request
	rootSN   string // certificate mode: sent with each request
	alipaySN string // certificate mode: expected in each answer
}

// loadKeys reads the configured keys and refuses mix-ups of the downloads, which
// would otherwise show as answers that cannot be verified.
func loadKeys(c *Config) (keys, error) {
	app, err := parsePrivate(c.AppKey)
	if err != nil {
		return keys{}, err
	}
	if c.Mode == ModeCertificate {
		return loadCertificates(c, app)
	}
	public, err := parsePublic(c.AlipayKey)
	if err != nil {
		return keys{}, fmt.Errorf("alipay_key %w", err)
	}
	if public.Equal(&app.PublicKey) {
		return keys{}, errors.New("alipay_key is the application's own public key: copy Alipay's from the open platform; it stands beside the one that was entered there")
	}
	return keys{app: app, alipay: public}, nil
}

func loadCertificates(c *Config, app *rsa.PrivateKey) (keys, error) {
	k := keys{app: app}
	own, public, err := parseCertificate(c.AppCert)
	switch {
	case err != nil:
		return k, fmt.Errorf("app_cert %w", err)
	case !public.Equal(&app.PublicKey):
		return k, errors.New("app_cert is not the certificate of app_key: download appCertPublicKey of this application")
	}
	theirs, public, err := parseCertificate(c.AlipayCert)
	switch {
	case err != nil:
		return k, fmt.Errorf("alipay_cert %w", err)
	case public.Equal(&app.PublicKey):
		return k, errors.New("alipay_cert is the application's own certificate: download alipayCertPublicKey")
	}
	k.alipay = public
	if k.appSN, err = serial(own); err != nil {
		return k, fmt.Errorf("app_cert %w", err)
	}
	if k.alipaySN, err = serial(theirs); err != nil {
		return k, fmt.Errorf("alipay_cert %w", err)
	}
	k.rootSN, err = rootSerial(c.RootCert)
	return k, err
}

// serial is the name Alipay has for a certificate: the MD5 of its issuer (RFC
// 2253) and its serial number in decimal. The issuer is read in the order in
// which the certificate has it.
func serial(cert *x509.Certificate) (string, error) {
	var issuer pkix.RDNSequence
	if _, err := asn1.Unmarshal(cert.RawIssuer, &issuer); err != nil {
		return "", fmt.Errorf("has an issuer that cannot be read: %w", err)
	}
	sum := md5.Sum([]byte(issuer.String() + cert.SerialNumber.String()))
	return hex.EncodeToString(sum[:]), nil
}

// rootSerial joins the names of the RSA certificates in the root file. The file
// holds others too (SM2), which Go cannot read and Alipay does not count.
func rootSerial(text []byte) (string, error) {
	var list []string
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil || !signedWithRSA(cert) {
			continue
		}
		sn, err := serial(cert)
		if err != nil {
			return "", fmt.Errorf("alipay_root_cert %w", err)
		}
		list = append(list, sn)
	}
	if len(list) == 0 {
		return "", errors.New("alipay_root_cert holds no RSA certificate: download alipayRootCert")
	}
	return strings.Join(list, "_"), nil
}

func signedWithRSA(cert *x509.Certificate) bool {
	switch cert.SignatureAlgorithm {
	case x509.MD5WithRSA, x509.SHA1WithRSA, x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA:
		return true
	}
	return false
}

func parsePrivate(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("app_key is missing or not PEM: use the application's private key that the key tool made")
	}
	if block.Type != "PRIVATE KEY" && block.Type != "RSA PRIVATE KEY" {
		return nil, fmt.Errorf("app_key holds a %s: use the application's PRIVATE KEY", strings.ToLower(block.Type))
	}
	key, err := wallet.RSAPrivate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("app_key %w", err)
	}
	return key, nil
}

func parsePublic(text []byte) (*rsa.PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("is not PEM: put Alipay's public key there")
	}
	if block.Type != "PUBLIC KEY" {
		return nil, fmt.Errorf("holds a %s: put Alipay's PUBLIC KEY there", strings.ToLower(block.Type))
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	return wallet.RSAPublic(parsed)
}

func parseCertificate(text []byte) (*x509.Certificate, *rsa.PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, nil, errors.New("is not a certificate (PEM): download it again")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot be read: %w", err)
	}
	key, err := wallet.RSAPublic(cert.PublicKey)
	return cert, key, err
}
