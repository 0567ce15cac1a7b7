package checkout_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/veraison/go-cose"

	"tillwire/agent/wallet/voucher"
)

// fields is a CBOR map with its labels as FORMATS.md has them. Whoever issues here
// shares nothing with what is judged but the COSE library.
type fields map[any]any

// pen is a key that signs.
type pen struct{ key ed25519.PrivateKey }

func newPen(seed byte) pen { return pen{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32))} }

func (p pen) public() fields {
	return fields{1: 1, -1: 6, -2: []byte(p.key.Public().(ed25519.PublicKey))}
}

func canon(t *testing.T, v any) []byte {
	t.Helper()
	enc, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		t.Fatal(err)
	}
	out, err := enc.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (p pen) kid(t *testing.T) []byte {
	sum := sha256.Sum256(canon(t, p.public()))
	return sum[:8]
}

func (p pen) sign(t *testing.T, header fields, payload any) []byte {
	t.Helper()
	signer, err := cose.NewSigner(cose.AlgorithmEdDSA, p.key)
	if err != nil {
		t.Fatal(err)
	}
	h := cose.ProtectedHeader{cose.HeaderLabelAlgorithm: cose.AlgorithmEdDSA}
	maps.Copy(h, header)
	out, err := cose.Sign1(rand.Reader, signer, cose.Headers{Protected: h}, canon(t, payload), nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func base45(raw []byte) string {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
	var b strings.Builder
	put := func(n, digits int) {
		for range digits {
			b.WriteByte(alphabet[n%45])
			n /= 45
		}
	}
	for ; len(raw) > 1; raw = raw[2:] {
		put(int(raw[0])<<8|int(raw[1]), 3)
	}
	if len(raw) == 1 {
		put(int(raw[0]), 2)
	}
	return b.String()
}

// issuer 7 gives out receipts, bearer vouchers and the certificate of one phone.
var root, signs, phone = newPen(1), newPen(2), newPen(3)

func unix(at time.Time) uint64 { return uint64(at.Unix()) }

// shelf keeps a key set in memory.
type shelf struct{}

func (shelf) LoadKeySet() ([]byte, uint64, error) { return nil, 0, nil }
func (shelf) SaveKeySet([]byte, uint64) error     { return nil }

func keySet(t *testing.T, now time.Time) *voucher.KeySet {
	t.Helper()
	const day = 24 * time.Hour
	trusted, err := voucher.NewRoot(root.key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	trust, err := voucher.OpenTrust([]voucher.Root{trusted}, shelf{})
	if err != nil {
		t.Fatal(err)
	}
	key := []any{signs.kid(t), -8, signs.public(), 7, unix(now.Add(-30 * day)), unix(now.Add(60 * day)), 7, []any{}, 1}
	_, err = trust.Offer(root.sign(t, fields{int64(4): root.kid(t)}, fields{4: unix(now.Add(30 * day)), 6: unix(now.Add(-time.Hour)), -65620: 1,
		-65621: []any{key}, -65622: []any{unix(now.Add(-time.Hour)), []byte{}}, -65623: fields{}}))
	if err != nil {
		t.Fatal(err)
	}
	return trust.Current()
}

// receipt is the wallet's answer to a payment of the challenge.
func receipt(t *testing.T, shown string, now time.Time) string {
	t.Helper()
	c, err := voucher.ReadChallenge(shown)
	if err != nil {
		t.Fatal(err)
	}
	binding, err := c.Binding()
	if err != nil {
		t.Fatal(err)
	}
	return "RC1:" + base45(signs.sign(t, fields{int64(4): signs.kid(t)},
		fields{1: 7, 6: unix(now), -65601: []any{"CNY", 1280}, -65612: binding[:], -65613: []byte("txn-00000001")}))
}

// bearer is a voucher worth CNY 12.80.
func bearer(t *testing.T, id string, now time.Time) string {
	return "OV1:" + base45(signs.sign(t, fields{int64(4): signs.kid(t)}, fields{1: 7, 4: unix(now.Add(24 * time.Hour)), 5: unix(now.Add(-time.Hour)),
		7: []byte(id), -65601: []any{"CNY", 1280}, -65602: 0}))
}

// device is the phone's n-th code: for the challenge, or with a ceiling when it is "".
func device(t *testing.T, n int, shown string, now time.Time) string {
	t.Helper()
	return deviceWorth(t, n, 60000, shown, now)
}

// deviceWorth is one of a phone behind which its issuer stands with a sum.
func deviceWorth(t *testing.T, n, total int, shown string, now time.Time) string {
	t.Helper()
	cert := signs.sign(t, fields{int64(4): signs.kid(t)}, fields{1: 7, 4: unix(now.Add(48 * time.Hour)), 5: unix(now.Add(-time.Hour)), 7: []byte("device01"),
		8: fields{1: phone.public()}, -65601: []any{"CNY", total, min(total, 50000)}, -65602: 0})
	claims := fields{6: unix(now), -65610: n}
	if shown != "" {
		c, err := voucher.ReadChallenge(shown)
		if err != nil {
			t.Fatal(err)
		}
		claims[-65611], claims[-65612] = 1280, c.Order[:]
	}
	return "OV2:" + base45(phone.sign(t, fields{int64(13): cbor.RawMessage(cert[1:])}, claims))
}
