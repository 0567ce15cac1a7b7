package voucher

import (
	"math"
	"testing"

	qrcode "github.com/skip2/go-qrcode"

	"tillwire/agent"
)

// The sizes of offline codes decide whether a phone's screen can be read by a
// shop's scanner: RC1 at most 150 bytes and QR version 9, OV2 at most 290 and
// version 13, both at level M. The figures are those of shop-sized amounts.
func TestSizes(t *testing.T) {
	m := newMint()
	challenge, err := m.challenge().raw()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name               string
		kind               Kind
		raw                []byte
		bytes, chars, most int
		low, medium, high  int // QR versions at L, M, Q
	}{
		{"challenge", PC1, challenge, 31, 51, 38, 3, 3, 4},
		{"receipt", RC1, m.receipt(t, nil), 147, 225, 150, 8, 9, 11},
		{"bearer voucher", OV1, m.bearer(t, nil), 129, 198, 133, 7, 8, 10},
		{"device voucher, ceiling", OV2, m.ceiling(t, nil), 265, 402, 290, 11, 12, 15},
		{"device voucher, exact", OV2, m.exact(t, nil), 288, 436, 290, 11, 13, 16},
		{"receipt of a high issuer and amount", RC1, m.receipt(t, fields{1: 255, -65601: []any{"CNY", math.MaxUint32}}), 150, 229, 150, 8, 9, 11},
		{"exact voucher of a high issuer and group", OV2, m.voucher(t, m.cert(t, fields{1: 255, -65602: 255}), m.exactClaims()), 290, 439, 290, 11, 13, 16},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			code := text(test.kind, test.raw)
			if len(test.raw) != test.bytes || len(code) != test.chars {
				t.Errorf("%d bytes, %d characters; want %d and %d", len(test.raw), len(code), test.bytes, test.chars)
			}
			if len(test.raw) > test.most {
				t.Errorf("%d bytes, at most %d are allowed", len(test.raw), test.most)
			}
			for level, want := range map[qrcode.RecoveryLevel]int{qrcode.Low: test.low, qrcode.Medium: test.medium, qrcode.High: test.high} {
				if got := version(t, code, level); got > want {
					t.Errorf("QR version %d at level %d, want %d", got, level, want)
				}
			}
		})
	}
}

func version(t *testing.T, code string, level qrcode.RecoveryLevel) int {
	t.Helper()
	symbol, err := qrcode.New(code, level)
	if err != nil {
		t.Fatal(err)
	}
	return symbol.VersionNumber
}

// Whatever values an issuer writes within the formats' bounds, the symbol stays
// within its version: no customer holds a voucher that the scanner cannot see.
func TestTheLargestCodesKeepTheirVersion(t *testing.T) {
	m := newMint()
	m.device = ecPen(t)
	const big, word = uint64(agent.MaxMinor), math.MaxUint32
	order := m.challenge().Order
	cert := m.cert(t, fields{1: math.MaxUint16, -65601: []any{"IDR", big, big}, -65602: word})
	largest := m.challenge()
	largest.Amount = agent.Money{Value: agent.MaxMinor, Currency: "IDR"}
	challenge, err := largest.raw()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		kind Kind
		raw  []byte
		want int
	}{
		{PC1, challenge, 3},
		{RC1, m.receipt(t, fields{1: math.MaxUint16, 6: word, -65601: []any{"IDR", big}}), 9},
		{OV1, m.bearer(t, fields{1: math.MaxUint16, -65601: []any{"IDR", big}, -65602: word}), 8},
		{OV2, m.voucher(t, cert, fields{6: word, -65610: word, -65611: big, -65612: order[:]}), 13},
	}
	for _, test := range tests {
		t.Run(string(test.kind), func(t *testing.T) {
			code := text(test.kind, test.raw)
			if test.kind == PC1 {
				if _, err := ReadChallenge(code); err != nil {
					t.Error(err)
				}
			} else if _, err := Read(code); err != nil {
				t.Error(err)
			}
			if got := version(t, code, qrcode.Medium); got > test.want {
				t.Errorf("%d bytes are QR version %d, want %d", len(test.raw), got, test.want)
			}
		})
	}
}
