package alipay

import (
	"encoding/json"
	"strconv"
	"strings"

	"tillwire/agent"
)

// yuan is an amount in major units as Alipay writes it: a decimal text, in some
// answers a JSON number. It stays text until it is read as an integer.
type yuan string

// UnmarshalJSON implements json.Unmarshaler. What is neither a text nor a number
// becomes an amount that cannot be read.
func (y *yuan) UnmarshalJSON(b []byte) error {
	var text string
	switch {
	case string(b) == "null":
		return nil
	case json.Unmarshal(b, &text) == nil:
		*y = yuan(text)
	default:
		*y = yuan(b)
	}
	return nil
}

// minor is the amount in minor units of a currency; false when it is no plain
// decimal number or has more places than the currency.
func (y yuan) minor(c agent.Currency) (int64, bool) {
	whole, part, dot := strings.Cut(string(y), ".")
	exponent := c.Exponent()
	if dot {
		if part == "" {
			return 0, false
		}
		for len(part) > exponent && part[len(part)-1] == '0' {
			part = part[:len(part)-1]
		}
	}
	if !digits(whole) || part != "" && !digits(part) || len(part) > exponent || len(whole) > 12 {
		return 0, false
	}
	n, err := strconv.ParseInt(whole+part+strings.Repeat("0", exponent-len(part)), 10, 64)
	return n, err == nil
}

func digits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }
