package alipay

import (
	"crypto/rsa"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet"
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

// sign is the signature over canonical.
func (p params) sign(key *rsa.PrivateKey) (string, error) {
	value, err := wallet.SignRSA(key, []byte(p.canonical()))
	if err != nil {
		return "", fmt.Errorf("sign with app_key: %w", err)
	}
	return value, nil
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
	value, err := p.sign(s.key)
	if err != nil {
		return nil, err
	}
	p["sign"] = value
	return p.form(), nil
}
