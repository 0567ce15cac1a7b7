package alipay

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"tillwire/agent"
)

// params are the parameters of a request by name, as they are before any escaping.
type params map[string]string

// shanghai is the zone of the parameter timestamp. China has no summer time.
var shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

func stamp(at time.Time) string { return at.In(shanghai).Format(time.DateTime) }

// canonical is the string to sign (RSA2): every parameter but sign and the empty
// ones, in ASCII order, with its raw value.
func (p params) canonical() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if name == "sign" || p[name] == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(name + "=" + p[name])
	}
	return b.String()
}

// form escapes the parameters for the body of a POST. What was not signed because
// it is empty is not sent either.
func (p params) form() []byte {
	values := make(url.Values, len(p))
	for name, value := range p {
		if value != "" {
			values.Set(name, value)
		}
	}
	return []byte(values.Encode())
}

// signer makes the signed body of requests.
type signer struct {
	key   *rsa.PrivateKey
	clock agent.Clock
}

// body signs the parameters, with the signature made earlier if it fits them.
func (s *signer) body(p params, early *prepared) ([]byte, error) {
	now := s.clock.Now()
	if early != nil && early.covers(p, now) {
		p["timestamp"], p["sign"] = stamp(early.made), early.value
		return p.form(), nil
	}
	p["timestamp"] = stamp(now)
	value, err := signText(s.key, []byte(p.canonical()))
	if err != nil {
		return nil, err
	}
	p["sign"] = value
	return p.form(), nil
}

// signText is SHA256withRSA (PKCS#1 v1.5) in base64. The padding is deterministic.
func signText(key *rsa.PrivateKey, text []byte) (string, error) {
	sum := sha256.Sum256(text)
	raw, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign with app_key: %w", err)
	}
	return base64.StdEncoding.EncodeToString(raw), nil
}

// verifyText checks SHA256withRSA in base64.
func verifyText(key *rsa.PublicKey, text []byte, signature string) error {
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return fmt.Errorf("the signature is not base64: %w", err)
	}
	sum := sha256.Sum256(text)
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw)
}
