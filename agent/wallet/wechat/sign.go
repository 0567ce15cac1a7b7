package wechat

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// scheme names the signature: RSA PKCS#1 v1.5 over SHA-256 (WeChat Pay v3,
// request signature).
const scheme = "WECHATPAY2-SHA256-RSA2048"

// signer signs requests with the merchant's key.
type signer struct {
	merchant string
	serial   string
	key      *rsa.PrivateKey
	clock    agent.Clock
	platform func() string // id of the key we can verify with, or ""
}

// sign implements wallet.Signer. What is signed is what net/http will send: the
// request line's target and the body's bytes.
func (s *signer) sign(r *http.Request, body []byte) error {
	value, err := s.authorization(r.Method, r.URL.RequestURI(), body, s.clock.Now(), rand.Text())
	if err != nil {
		return err
	}
	s.put(r, value)
	return nil
}

// put writes the headers that prove the sender.
func (s *signer) put(r *http.Request, authorization string) {
	r.Header["Authorization"] = []string{authorization}
	if id := s.platform(); id != "" {
		r.Header["Wechatpay-Serial"] = []string{id}
	}
}

func (s *signer) authorization(method, target string, body []byte, at time.Time, nonce string) (string, error) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	signature, err := wallet.SignRSA(s.key, message(method, target, stamp, nonce, body))
	if err != nil {
		return "", fmt.Errorf("sign with the merchant key: %w", err)
	}
	return scheme + ` mchid="` + s.merchant + `",nonce_str="` + nonce + `",timestamp="` + stamp +
		`",serial_no="` + s.serial + `",signature="` + signature + `"`, nil
}

// message is the string to sign of a request: five lines, the last one ended too.
func message(method, target, stamp, nonce string, body []byte) []byte {
	b := make([]byte, 0, len(method)+len(target)+len(stamp)+len(nonce)+len(body)+5)
	for _, line := range [...]string{method, target, stamp, nonce} {
		b = append(append(b, line...), '\n')
	}
	return append(append(b, body...), '\n')
}

// parseMerchantKey reads apiclient_key.pem, and says what else it was given.
func parseMerchantKey(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("merchant_key is not PEM: use the file apiclient_key.pem that the certificate tool made")
	}
	if block.Type != "PRIVATE KEY" && block.Type != "RSA PRIVATE KEY" {
		return nil, fmt.Errorf("merchant_key holds a %s: use apiclient_key.pem, which holds a PRIVATE KEY", strings.ToLower(block.Type))
	}
	key, err := wallet.RSAPrivate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("merchant_key %w", err)
	}
	return key, nil
}

// parsePlatformKey reads a public key or a certificate.
func parsePlatformKey(text []byte) (*rsa.PublicKey, *x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, nil, errors.New("it is not PEM: use the file pub_key.pem from the merchant platform")
	}
	var parsed any
	var cert *x509.Certificate
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		parsed, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "CERTIFICATE":
		if cert, err = x509.ParseCertificate(block.Bytes); err == nil {
			parsed = cert.PublicKey
		}
	default:
		return nil, nil, fmt.Errorf("it holds a %s: use pub_key.pem, which holds a PUBLIC KEY", strings.ToLower(block.Type))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("it cannot be read: %w", err)
	}
	key, err := wallet.RSAPublic(parsed)
	if err != nil {
		return nil, nil, fmt.Errorf("it %w", err)
	}
	return key, cert, nil
}
