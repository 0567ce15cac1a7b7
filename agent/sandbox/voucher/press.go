package voucher

import (
	"crypto"
	"slices"
	"time"
)

// The claims of the formats.
const (
	claimIssuer  = 1
	claimUntil   = 4
	claimFrom    = 5
	claimAt      = 6
	claimID      = 7
	claimKey     = 8
	claimWorth   = -65601
	claimScope   = -65602
	claimCounter = -65610
	claimAmount  = -65611
	claimBinding = -65612 // in a device's code: the order
	claimTxn     = -65613
)

// Press makes codes in the name of an issuer: whoever has its number and its key.
type Press struct {
	Number int // 0 to 65535
	Pen    Pen
}

// Receipt is that a challenge was paid. Txn has twelve bytes.
type Receipt struct {
	At        time.Time
	Challenge Challenge
	Txn       []byte
}

// Receipt makes an RC1.
func (p Press) Receipt(r Receipt) string {
	return "RC1:" + base45(tagged(p.Pen.seal(p.Pen.named(), table{{claimIssuer, p.Number}, {claimAt, r.At.Unix()},
		{claimWorth, []any{r.Challenge.Currency, r.Challenge.Amount}}, {claimBinding, r.Challenge.binding()}, {claimTxn, r.Txn}})))
}

// Worth is what stands behind a voucher or a certificate. Amounts are minor units.
type Worth struct {
	ID          [8]byte
	From, Until time.Time // Until is the first moment too late
	Currency    string
	Total       int64 // of a bearer voucher: its value
	Most        int64 // one payment; not in a bearer voucher
	Scope       int64 // 0: every shop
}

func (p Press) claims(w Worth, worth []any) table {
	return table{{claimIssuer, p.Number}, {claimUntil, w.Until.Unix()}, {claimFrom, w.From.Unix()}, {claimID, w.ID[:]},
		{claimWorth, worth}, {claimScope, w.Scope}}
}

// Bearer makes an OV1.
func (p Press) Bearer(w Worth) string {
	return "OV1:" + base45(tagged(p.Pen.seal(p.Pen.named(), p.claims(w, []any{w.Currency, w.Total}))))
}

// Certificate makes what a device carries in every OV2.
func (p Press) Certificate(w Worth, device crypto.PublicKey) []byte {
	claims := append(p.claims(w, []any{w.Currency, w.Total, w.Most}), entry{claimKey, table{{1, coseKey(device)}}})
	return p.Pen.seal(p.Pen.named(), claims)
}

// Device is a phone's own key with a certificate.
type Device struct {
	Pen         Pen
	Certificate []byte
}

// Sign makes an OV2 under a counter: exact with a challenge, with a ceiling
// without one.
func (d Device) Sign(at time.Time, counter uint32, c *Challenge) string {
	claims := table{{claimAt, at.Unix()}, {claimCounter, int64(counter)}}
	if c != nil {
		claims = append(claims, entry{claimAmount, c.Amount}, entry{claimBinding, c.Order[:]})
	}
	return d.signBytes(pack(claims))
}

// signBytes makes an OV2 of any payload.
func (d Device) signBytes(payload []byte) string {
	return "OV2:" + base45(tagged(d.Pen.sealBytes(table{{labelAlg, d.Pen.alg()}, {labelKCWT, item(d.Certificate)}}, payload)))
}

// The uses of an issuer's key, added up.
const (
	UseReceipts = 1
	UseBearer   = 2
	UseDevices  = 4
)

// Key is a line of a key set.
type Key struct {
	Public      crypto.PublicKey
	Issuer      int
	From, Until time.Time
	Uses        int
	Most        []Amount // of one payment; empty: any currency and amount
	Revoked     bool
}

// Amount is in minor units.
type Amount struct {
	Currency string
	Value    int64
}

// Policy lowers the shops' own limits; what is zero is left out.
type Policy struct {
	Fresh, KeySetAge, DenyAge, Certificate, Session time.Duration
	PerDeviceDay, PerSession                        int
	Caps                                            []Cap
}

// Cap bounds one currency, in minor units; 0 says nothing.
type Cap struct {
	Currency                string
	Ceiling, Exact, Session int64
}

// KeySet is a list of keys before it is signed.
type KeySet struct {
	Version         uint64
	Issued, Expires time.Time
	DenyAsOf        time.Time
	Keys            []Key
	Denied          [][8]byte
	Policy          Policy
}

// Sign makes the document that shops fetch.
func (s KeySet) Sign(root Pen) []byte {
	keys := []any{}
	for _, k := range s.Keys {
		most, state := []any{}, 1
		for _, m := range k.Most {
			most = append(most, []any{m.Currency, m.Value})
		}
		if k.Revoked {
			state = 2
		}
		keys = append(keys, []any{keyID(k.Public), algEdDSA, coseKey(k.Public), k.Issuer, k.From.Unix(), k.Until.Unix(), k.Uses, most, state})
	}
	denied := slices.Clone(s.Denied)
	slices.SortFunc(denied, func(a, b [8]byte) int { return slices.Compare(a[:], b[:]) })
	ids := []byte{}
	for _, id := range slices.Compact(denied) {
		ids = append(ids, id[:]...)
	}
	return tagged(root.seal(root.named(), table{{claimUntil, s.Expires.Unix()}, {claimAt, s.Issued.Unix()}, {-65620, s.Version}, {-65621, keys},
		{-65622, []any{s.DenyAsOf.Unix(), ids}}, {-65623, s.Policy.table()}}))
}

func (p Policy) table() table {
	t := table{}
	for i, d := range []time.Duration{p.Fresh, p.KeySetAge, p.DenyAge, p.Certificate, p.Session} {
		if d > 0 {
			t = append(t, entry{int64(i + 1), int64(d / time.Second)})
		}
	}
	for i, n := range []int{p.PerDeviceDay, p.PerSession} {
		if n > 0 {
			t = append(t, entry{int64(i + 6), n})
		}
	}
	caps := []any{}
	for _, c := range p.Caps {
		caps = append(caps, []any{c.Currency, c.Ceiling, c.Exact, c.Session})
	}
	if len(caps) > 0 {
		t = append(t, entry{8, caps})
	}
	return t
}
