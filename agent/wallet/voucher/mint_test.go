package voucher

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/veraison/go-cose"

	"tillwire/agent"
)

// What follows issues codes with nothing of the package but the COSE library:
// maps with the labels as the formats name them, so that a field the package
// reads under a wrong label is not written under the same wrong label.

type fields = map[any]any

var (
	noon     = time.Unix(1_792_000_000, 0).UTC() // the tests' now
	merchant = MerchantOf("M-1001")
	total    = agent.Money{Value: 12_80, Currency: "CNY"}
)

const issuerNumber = 7

// pen signs. name is what its COSE algorithm is called in headers.
type pen struct {
	alg    cose.Algorithm
	key    crypto.Signer
	public fields // COSE_Key
}

func edPen(seed byte) pen {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32))
	return pen{cose.AlgorithmEdDSA, key, fields{1: 1, -1: 6, -2: []byte(key.Public().(ed25519.PublicKey))}}
}

func ecPen(t testing.TB) pen {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		t.Fatal(err)
	}
	return pen{cose.AlgorithmES256, key, fields{1: 2, -1: 1, -2: point[1:33], -3: point[64]&1 == 1}}
}

func (p pen) kid(t testing.TB) []byte {
	sum := sha256.Sum256(canon(t, p.public))
	return sum[:8]
}

// newName signs as EdDSA and says Ed25519 (-19).
type newName struct{ cose.Signer }

func (newName) Algorithm() cose.Algorithm { return -19 }

func (p pen) signer(t testing.TB) cose.Signer {
	t.Helper()
	if p.alg == -19 {
		s, err := cose.NewSigner(cose.AlgorithmEdDSA, p.key)
		if err != nil {
			t.Fatal(err)
		}
		return newName{s}
	}
	s, err := cose.NewSigner(p.alg, p.key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sign1 makes a COSE_Sign1 message, tagged. The header gets the algorithm.
func (p pen) sign1(t testing.TB, header fields, payload []byte) []byte {
	t.Helper()
	h := cose.ProtectedHeader{cose.HeaderLabelAlgorithm: p.alg}
	maps.Copy(h, header)
	out, err := cose.Sign1(rand.Reader, p.signer(t), cose.Headers{Protected: h}, payload, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func canon(t testing.TB, v any) []byte {
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

func unix(t time.Time) uint64 { return uint64(t.Unix()) }

// with is a copy of fields with some changed; a nil value takes one out.
func with(base fields, change fields) fields {
	out := maps.Clone(base)
	for k, v := range change {
		if v == nil {
			delete(out, k)
		} else {
			out[k] = v
		}
	}
	return out
}

// mint is an issuer, a customer's device and the root of the key sets.
type mint struct {
	root, issuer, device pen
}

func newMint() mint { return mint{root: edPen(1), issuer: edPen(2), device: edPen(3)} }

func (m mint) roots(t testing.TB) []Root {
	t.Helper()
	inUse, err := NewRoot(m.root.public[-2].([]byte))
	if err != nil {
		t.Fatal(err)
	}
	spare, err := NewRoot(edPen(9).public[-2].([]byte))
	if err != nil {
		t.Fatal(err)
	}
	return []Root{spare, inUse}
}

func (m mint) challenge() Challenge {
	return Challenge{Merchant: merchant, Order: HashOrder(merchant, "DEMO0101JABCDEFGHJKMNPQRSTVWXYZ0"), Amount: total, At: noon}
}

func (m mint) receiptClaims(t testing.TB) fields {
	binding, err := m.challenge().Binding()
	if err != nil {
		t.Fatal(err)
	}
	return fields{1: issuerNumber, 6: unix(noon), -65601: []any{"CNY", 1280}, -65612: binding[:], -65613: []byte("txn-00000001")}
}

func (m mint) receipt(t testing.TB, change fields) []byte {
	return m.issuer.sign1(t, fields{int64(4): m.issuer.kid(t)}, canon(t, with(m.receiptClaims(t), change)))
}

func (m mint) bearerClaims() fields {
	return fields{1: issuerNumber, 4: unix(noon.Add(300 * 24 * time.Hour)), 5: unix(noon.Add(-24 * time.Hour)), 7: []byte("bearer01"), -65601: []any{"CNY", 1280}, -65602: 0}
}

func (m mint) bearer(t testing.TB, change fields) []byte {
	return m.issuer.sign1(t, fields{int64(4): m.issuer.kid(t)}, canon(t, with(m.bearerClaims(), change)))
}

func (m mint) certClaims() fields {
	return fields{1: issuerNumber, 4: unix(noon.Add(3 * 24 * time.Hour)), 5: unix(noon.Add(-24 * time.Hour)), 7: []byte("device01"),
		8: fields{1: m.device.public}, -65601: []any{"CNY", 60000, 50000}, -65602: 0}
}

// cert is the issuer's certificate, untagged.
func (m mint) cert(t testing.TB, change fields) []byte {
	return m.issuer.sign1(t, fields{int64(4): m.issuer.kid(t)}, canon(t, with(m.certClaims(), change)))[1:]
}

func (m mint) exactClaims() fields {
	order := m.challenge().Order
	return fields{6: unix(noon), -65610: 300, -65611: 1280, -65612: order[:]}
}

func (m mint) ceilingClaims() fields { return fields{6: unix(noon), -65610: 300} }

func (m mint) voucher(t testing.TB, cert []byte, claims fields) []byte {
	return m.device.sign1(t, fields{int64(13): cbor.RawMessage(cert)}, canon(t, claims))
}

func (m mint) exact(t testing.TB, change fields) []byte {
	return m.voucher(t, m.cert(t, nil), with(m.exactClaims(), change))
}

func (m mint) ceiling(t testing.TB, change fields) []byte {
	return m.voucher(t, m.cert(t, nil), with(m.ceilingClaims(), change))
}

// key is the entry of a pen in a key set.
func (m mint) key(t testing.TB, p pen, change func(entry []any)) []any {
	entry := []any{p.kid(t), int64(p.alg), p.public, issuerNumber, unix(noon.Add(-30 * 24 * time.Hour)), unix(noon.Add(60 * 24 * time.Hour)), 7, []any{}, 1}
	if change != nil {
		change(entry)
	}
	return entry
}

func (m mint) setClaims(t testing.TB) fields {
	return fields{4: unix(noon.Add(10 * 24 * time.Hour)), 6: unix(noon.Add(-time.Hour)), -65620: 5,
		-65621: []any{m.key(t, m.issuer, nil)}, -65622: []any{unix(noon.Add(-time.Hour)), []byte("blocked1blocked2")}, -65623: fields{}}
}

func (m mint) set(t testing.TB, change fields) []byte {
	return m.root.sign1(t, fields{int64(4): m.root.kid(t)}, canon(t, with(m.setClaims(t), change)))
}

func (m mint) keys(t testing.TB, change fields) *KeySet {
	t.Helper()
	set, err := readKeySet(m.set(t, change), m.roots(t))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func text(k Kind, raw []byte) string { return string(k) + ":" + base45(raw) }

// ask is the sale that the mint's codes are for.
func (m mint) ask() Ask {
	shown := m.challenge()
	limits := DefaultLimits()
	limits.Caps["CNY"] = DefaultCap("CNY")
	return Ask{Amount: total, Shown: &shown, Groups: []uint32{42}, Clock: Clock{Wall: noon, MaxSeen: noon.Add(-time.Minute), Synced: true}, Limits: limits}
}

// codes are one genuine code of each sort, by name.
func (m mint) codes(t testing.TB) map[string]string {
	return map[string]string{
		"receipt": text(RC1, m.receipt(t, nil)), "bearer": text(OV1, m.bearer(t, nil)),
		"exact": text(OV2, m.exact(t, nil)), "ceiling": text(OV2, m.ceiling(t, nil)),
	}
}

func names[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
