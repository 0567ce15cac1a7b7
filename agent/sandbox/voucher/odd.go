package voucher

import (
	"bytes"
	"crypto/elliptic"
	"math/big"
	"strings"
	"time"
)

// oddities are what a phone signs whose owner has taken it over: its key and its
// certificate are true, and the payload is none that the formats allow, or none for
// this sale. claims are those of an honest code.
var oddities = []func(claims table) []byte{
	func(c table) []byte { return pack(c.with(claimCounter, 0)) },
	func(c table) []byte { return pack(c.with(claimCounter, int64(maxTime)+1)) },
	func(c table) []byte { return pack(c.without(claimBinding)) },
	func(c table) []byte { return pack(c.without(claimAmount)) },
	func(c table) []byte { return pack(c.without(claimCounter)) },
	func(c table) []byte { return pack(append(c, entry{-65699, 1})) },
	func(c table) []byte { return pack(c.with(claimAmount, 0)) },
	func(c table) []byte { return pack(c.with(claimAmount, -1)) },
	func(c table) []byte { return pack(c.with(claimAmount, c.number(claimAmount, 1, maxAmount)+1)) },
	func(c table) []byte { return pack(c.with(claimAmount, uint64(1)<<63)) },
	func(c table) []byte { return pack(c.with(claimBinding, []byte("seven b"))) },
	func(c table) []byte { return pack(c.with(claimBinding, "eight by")) },
	func(c table) []byte { return pack(c.with(claimAt, c.number(claimAt, 0, maxTime)+3600)) },
	func(c table) []byte { return pack(c.with(claimAt, 0)) },
	func(c table) []byte { return append(pack(c), 0) },
	func(c table) []byte { // a length left open
		body := pack(c)
		return append(append([]byte{majorMap<<5 | 31}, body[1:]...), 0xff)
	},
	func(c table) []byte { // a member twice
		body, again := pack(c), append(pack(int64(claimAt)), pack(int64(0))...)
		body[0]++
		return append(body, again...)
	},
	func(c table) []byte { // a number written longer than it must be
		counter := pack(c.number(claimCounter, 1, maxTime))
		return bytes.Replace(pack(c), append(pack(int64(claimCounter)), counter...), append(pack(int64(claimCounter)), 0x1b, 0, 0, 0, 0, 0, 0, 0, 1), 1)
	},
	func(c table) []byte { return pack([]any{c}) },
	func(table) []byte { return nil },
}

// odd is a code of the true phone with one of the oddities; without a challenge it is
// about a sale of the thief's own making.
func (d Device) odd(at time.Time, counter uint32, c *Challenge, n uint64) string {
	if c == nil {
		c = &Challenge{Amount: 1}
	}
	claims := table{{claimAt, at.Unix()}, {claimCounter, int64(counter)}, {claimAmount, c.Amount}, {claimBinding, c.Order[:]}}
	return d.signBytes(oddities[n%uint64(len(oddities))](claims))
}

// with is the table with another value under a label that it has.
func (t table) with(label int64, value any) table {
	out := t.without(label)
	return append(out, entry{label, value})
}

func (t table) without(label int64) table {
	var out table
	for _, e := range t {
		if e.label != label {
			out = append(out, e)
		}
	}
	return out
}

// orderEd25519 is the order of the curve in hexadecimal (RFC 8032, 5.1).
const orderEd25519 = "1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed"

// Twin is the same code with another signature of its device: one that fits as well
// (ES256), or would if nobody looked closely (Ed25519; RFC 8032, 5.1.7 forbids it). ok is false for codes that no device signed.
func Twin(text string) (twin string, ok bool) {
	c, ok := readCode(text)
	if !ok || c.kind != "OV2" {
		return "", false
	}
	_, body, _ := strings.Cut(trimmed(text), ":")
	raw, _ := unbase45(body) // readCode has
	s := raw[len(raw)-signatureSize/2:]
	if c.device.alg() == algES256 {
		new(big.Int).Sub(elliptic.P256().Params().N, new(big.Int).SetBytes(s)).FillBytes(s)
		return "OV2:" + base45(raw), true
	}
	// Ed25519 writes its numbers the other way round.
	order, _ := new(big.Int).SetString(orderEd25519, 16) // a constant that is one
	copy(s, reversed(order.Add(order, new(big.Int).SetBytes(reversed(s))).FillBytes(make([]byte, len(s)))))
	return "OV2:" + base45(raw), true
}

func reversed(b []byte) []byte {
	out := make([]byte, len(b))
	for i, v := range b {
		out[len(b)-1-i] = v
	}
	return out
}
