package voucher

import (
	"crypto/sha256"
	"math"
	"time"

	"tillwire/agent"
)

// Merchant names the shop towards issuers: see MerchantOf.
type Merchant [8]byte

// OrderHash stands for one sale of one shop: see HashOrder.
type OrderHash [8]byte

// Binding is what a receipt says it was paid for: see Challenge.Binding.
type Binding [16]byte

// MerchantOf is the short form of the number under which the issuer knows the
// shop: the first eight bytes of its SHA-256.
func MerchantOf(number string) Merchant {
	sum := sha256.Sum256([]byte(number))
	return Merchant(sum[:8])
}

// HashOrder is the first eight bytes of the SHA-256 of the merchant followed by
// the order number. An order number has 80 random bits and is used once, so a
// phone that signs its hash signs for this sale and no other, and no clock is
// needed to know that the signature is fresh.
func HashOrder(m Merchant, orderNo string) OrderHash {
	sum := sha256.Sum256(append(m[:], orderNo...))
	return OrderHash(sum[:8])
}

// Challenge is what the lane shows while the line is down: whom, for which sale
// and how much to pay. A phone without a line answers it with an exact OV2; one
// with a line pays it at the wallet, which answers with an RC1.
type Challenge struct {
	Merchant Merchant
	Order    OrderHash
	Amount   agent.Money
	At       time.Time // to the second
}

// challengeWire is an array because the code is shown on the smallest displays:
// with amounts up to 65,535 it is 31 bytes, QR version 3.
type challengeWire struct {
	_        struct{} `cbor:",toarray"`
	Merchant Merchant
	Order    OrderHash
	Currency string
	Amount   uint64
	At       uint32
}

func (c Challenge) raw() ([]byte, error) {
	if err := c.Amount.Check(); err != nil {
		return nil, err
	}
	at := c.At.Unix()
	if at <= 0 || at > math.MaxUint32 {
		return nil, refuse(ClockUntrusted, nil)
	}
	return encode(challengeWire{Merchant: c.Merchant, Order: c.Order, Currency: string(c.Amount.Currency), Amount: uint64(c.Amount.Value), At: uint32(at)})
}

// Text is the challenge as a QR code shows it. The errors are those of the
// amount, and ClockUntrusted for a time before 1970 or after 2106.
func (c Challenge) Text() (string, error) {
	raw, err := c.raw()
	if err != nil {
		return "", err
	}
	return string(PC1) + ":" + base45(raw), nil
}

// Binding is the first sixteen bytes of the SHA-256 of the challenge's CBOR. A
// wallet signs it into its receipt, and so says that it paid this merchant this
// amount for this sale: a challenge that was changed on its way to the phone,
// say to another merchant, has another binding.
func (c Challenge) Binding() (Binding, error) {
	raw, err := c.raw()
	if err != nil {
		return Binding{}, err
	}
	sum := sha256.Sum256(raw)
	return Binding(sum[:16]), nil
}

// ReadChallenge reads what Text wrote. A refusal is TooLong, NotVoucher,
// Unreadable or Malformed.
func ReadChallenge(text string) (Challenge, error) {
	kind, raw, err := open(text)
	if err != nil {
		return Challenge{}, err
	}
	if kind != PC1 {
		return Challenge{}, refuse(NotVoucher, nil)
	}
	var w challengeWire
	if err := strict(raw, &w); err != nil {
		return Challenge{}, refuse(Malformed, err)
	}
	c := Challenge{Merchant: w.Merchant, Order: w.Order, At: moment(w.At),
		Amount: agent.Money{Value: int64(min(w.Amount, math.MaxInt64)), Currency: agent.Currency(w.Currency)}}
	if _, err := c.raw(); err != nil {
		return Challenge{}, refuse(Malformed, err)
	}
	return c, nil
}

func moment(unix uint32) time.Time { return time.Unix(int64(unix), 0).UTC() }
