package wechat

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"
	"time"

	"tillwire/agent/sandbox"
)

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
func (p *Platform) PublicPEM() ([]byte, error) { return sandbox.PublicPEM(&p.Key.PublicKey) }

// vault reads keys from the ledger and makes them on the first start.
type vault struct {
	ledger *sandbox.Ledger
	source sandbox.KeySource
	name   string // the wallet whose keys they are
}

// key is a private key that survives restarts, by name.
func (v vault) key(ctx context.Context, name string) (*rsa.PrivateKey, error) {
	return v.ledger.RSAKey(ctx, v.name+"/"+name, v.source)
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
	c := template("Tenpay.com sandbox", now)
	c.SerialNumber.SetBytes(serial)
	return certify(c, c, &key.PublicKey, key)
}

// parseCertificate reads one certificate in PEM.
func parseCertificate(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("sandbox: the platform certificate in the ledger is no PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}

// PrivatePEM is the merchant's private key as its client loads it (PKCS#8).
func (m *Merchant) PrivatePEM() ([]byte, error) { return sandbox.PrivatePEM(m.Key) }
