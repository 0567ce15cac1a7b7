package wechat

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"tillwire/agent/sandbox"
)

// keyBits is the size WeChat Pay asks of merchants and uses itself.
const keyBits = 2048

// certificateLife is that of WeChat Pay's platform certificates: five years.
const certificateLife = 5 * 365 * 24 * time.Hour

// Merchant is one merchant number of the sandbox with everything its client
// needs. A partner acts for SubMerchantID.
type Merchant struct {
	MerchantID    string
	AppID         string
	Serial        string // of the merchant's API certificate, upper-case hexadecimal
	SubMerchantID string // partner only
	SubAppID      string // partner only
	Key           *rsa.PrivateKey
	Certificate   []byte // PEM: the merchant's API certificate, which Serial is of
	APIv3Key      string // 32 characters
	APIv2Key      string // 32 characters
}

// Partner reports whether the merchant is a service provider.
func (m *Merchant) Partner() bool { return m.SubMerchantID != "" }

// Platform is what the cloud signs its answers with. A client in public-key
// mode verifies with PublicKeyID, one in certificate mode with the certificate;
// the request's Wechatpay-Serial header chooses.
type Platform struct {
	PublicKeyID string // PUB_KEY_ID_…
	Key         *rsa.PrivateKey
	Certificate []byte // PEM
	Serial      string // of the certificate, upper-case hexadecimal
	CertKey     *rsa.PrivateKey
}

// PublicPEM is the platform's public key as merchants download it.
func (p *Platform) PublicPEM() ([]byte, error) { return publicPEM(&p.Key.PublicKey) }

// KeySource makes a private key. The default is a fresh one of 2048 bits; tests
// hand out prepared ones, because making one takes a while.
type KeySource func() (*rsa.PrivateKey, error)

// freshKey is the KeySource of a real start.
func freshKey() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, keyBits) }

// vault reads keys from the ledger and makes them on the first start.
type vault struct {
	ledger *sandbox.Ledger
	source KeySource
	name   string // the wallet whose keys they are
}

// key is a private key that survives restarts, by name.
func (v vault) key(ctx context.Context, name string) (*rsa.PrivateKey, error) {
	der, err := v.ledger.Secret(ctx, v.name+"/"+name, func() ([]byte, error) {
		key, err := v.source()
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

// text is a random hexadecimal text of a size that survives restarts. Hexadecimal
// digits suit all three uses: serial numbers, key ids and the 32-character APIv3 key.
func (v vault) text(ctx context.Context, name string, size int) (string, error) {
	b, err := v.ledger.Secret(ctx, v.name+"/"+name, func() ([]byte, error) {
		raw := make([]byte, (size+1)/2)
		rand.Read(raw) // never fails
		return []byte(hex.EncodeToString(raw)[:size]), nil
	})
	return string(b), err
}

// merchant completes a merchant with its keys.
func (v vault) merchant(ctx context.Context, a *authority, m Merchant) (*Merchant, error) {
	var err, errSerial, errSecret, errSecret2 error
	m.Key, err = v.key(ctx, "merchant/"+m.MerchantID)
	m.Serial, errSerial = v.text(ctx, "serial/"+m.MerchantID, 40)
	m.APIv3Key, errSecret = v.text(ctx, "apiv3/"+m.MerchantID, 32)
	m.APIv2Key, errSecret2 = v.text(ctx, "apiv2/"+m.MerchantID, 32)
	m.Serial = strings.ToUpper(m.Serial)
	if err := errors.Join(err, errSerial, errSecret, errSecret2); err != nil {
		return nil, err
	}
	m.Certificate, err = v.ledger.Secret(ctx, v.name+"/merchant-certificate/"+m.MerchantID, func() ([]byte, error) { return a.merchant(&m) })
	return &m, err
}

// platform makes both generations of platform keys, because merchants of either
// mode may ask: the certificate of old, the public key since late 2024.
func (v vault) platform(ctx context.Context, now time.Time) (*Platform, error) {
	key, err := v.key(ctx, "platform")
	if err != nil {
		return nil, err
	}
	certKey, err := v.key(ctx, "platform-certificate")
	if err != nil {
		return nil, err
	}
	id, err := v.text(ctx, "platform-id", 32)
	if err != nil {
		return nil, err
	}
	cert, err := v.ledger.Secret(ctx, v.name+"/certificate", func() ([]byte, error) { return selfSigned(certKey, now) })
	if err != nil {
		return nil, err
	}
	parsed, err := parseCertificate(cert)
	if err != nil {
		return nil, err
	}
	return &Platform{PublicKeyID: "PUB_KEY_ID_" + id, Key: key, Certificate: cert,
		Serial: strings.ToUpper(hex.EncodeToString(parsed.SerialNumber.Bytes())), CertKey: certKey}, nil
}

// selfSigned is a platform certificate. No client checks its issuer: trust comes
// from the APIv3 key under which it is delivered.
func selfSigned(key *rsa.PrivateKey, now time.Time) ([]byte, error) {
	serial := make([]byte, 20)
	rand.Read(serial)                 // never fails
	serial[0] = serial[0]&0x3f | 0x40 // positive, and all 40 hexadecimal digits
	template := &x509.Certificate{SerialNumber: new(big.Int).SetBytes(serial), Subject: pkix.Name{CommonName: "Tenpay.com sandbox", Organization: []string{"Tillwire sandbox"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateLife), KeyUsage: x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	return b.Bytes(), err
}

// parseCertificate reads one certificate in PEM.
func parseCertificate(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("sandbox: the platform certificate in the ledger is no PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}

// publicPEM writes a key as PKIX, the form that merchants download.
func publicPEM(key *rsa.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// PrivatePEM is the merchant's private key as its client loads it (PKCS#8).
func (m *Merchant) PrivatePEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(m.Key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
