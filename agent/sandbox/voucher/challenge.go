package voucher

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"time"
)

// Bounds of the formats.
const (
	maxAmount = 999_999_999_999
	maxTime   = math.MaxUint32
)

// Challenge is what a shop's lane shows for one sale: PC1.
type Challenge struct {
	Merchant, Order [8]byte
	Currency        string
	Amount          int64 // minor units
	At              time.Time

	raw []byte
}

// isText reports whether a text begins like one of the formats.
func isText(text, prefix string) bool { return strings.HasPrefix(trimmed(text), prefix+":") }

// trimmed leaves a space alone: it is a digit of Base45.
func trimmed(text string) string { return strings.Trim(text, "\r\n\t") }

// ReadChallenge reads a scanned PC1, or answers false.
func ReadChallenge(text string) (Challenge, bool) {
	body, is := strings.CutPrefix(trimmed(text), "PC1:")
	raw, ok := unbase45(body)
	if !is || !ok || len(raw) > 38 {
		return Challenge{}, false
	}
	v, err := unpack(raw)
	parts, isArray := v.([]any)
	if err != nil || !isArray || len(parts) != 5 {
		return Challenge{}, false
	}
	merchant, isMerchant := parts[0].([]byte)
	order, isOrder := parts[1].([]byte)
	c := Challenge{Amount: number(parts[3], 1, maxAmount), raw: raw}
	at := number(parts[4], 1, maxTime)
	var isCurrency bool
	c.Currency, isCurrency = parts[2].(string)
	if !isMerchant || !isOrder || !isCurrency || len(merchant) != 8 || len(order) != 8 || !currencyLike(c.Currency) || c.Amount < 0 || at < 0 {
		return Challenge{}, false
	}
	c.Merchant, c.Order, c.At = [8]byte(merchant), [8]byte(order), time.Unix(at, 0)
	return c, true
}

// Text writes it as a lane shows it.
func (c Challenge) Text() string { return "PC1:" + base45(c.bytes()) }

func (c Challenge) bytes() []byte {
	if c.raw != nil {
		return c.raw
	}
	return pack([]any{c.Merchant[:], c.Order[:], c.Currency, c.Amount, c.At.Unix()})
}

// binding ties a receipt to the challenge as it was received.
func (c Challenge) binding() []byte {
	sum := sha256.Sum256(c.bytes())
	return sum[:16]
}

// alias names the sale before its order number is known: 32 characters that an
// order number could have, too.
func (c Challenge) alias() string { return aliasOf(c.Merchant, c.Order) }

func aliasOf(merchant, order [8]byte) string {
	return strings.ToUpper(hex.EncodeToString(slices.Concat(merchant[:], order[:])))
}

// MerchantOf is how codes name a shop that the issuer knows under a number.
func MerchantOf(number string) [8]byte {
	sum := sha256.Sum256([]byte(number))
	return [8]byte(sum[:8])
}

// OrderOf is how codes name a sale of a shop.
func OrderOf(merchant [8]byte, orderNo string) [8]byte {
	sum := sha256.Sum256(append(merchant[:], orderNo...))
	return [8]byte(sum[:8])
}

func currencyLike(s string) bool {
	return len(s) == 3 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}
