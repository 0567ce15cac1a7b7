package voucher

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/veraison/go-cose"

	"tillwire/agent"
)

func TestGenuineCodesAreAccepted(t *testing.T) {
	m := newMint()
	keys := m.keys(t, nil)
	for _, name := range names(m.codes(t)) {
		code := m.codes(t)[name]
		t.Run(name, func(t *testing.T) {
			got, err := Verify(code+"\r\n", m.ask(), keys)
			if err != nil {
				t.Fatal(err)
			}
			if text(got.Kind, got.Raw()) != code || got.Issuer != issuerNumber || got.KeySet != 5 {
				t.Errorf("%v of key set %d", got, got.KeySet)
			}
		})
	}
}

func TestWhatACodeSays(t *testing.T) {
	m := newMint()
	codes := m.codes(t)
	for name, want := range map[string]string{
		"receipt": "exact CNY 1280 paid 2026-10-14T17:46:40Z, txn 74786e2d3030303030303031; redeem 7|74786e2d3030303030303031|0",
		"bearer":  "CNY 1280 until 2027-08-10T17:46:40Z; redeem 7|6265617265723031|0",
		"exact":   "exact CNY 1280 of at most 50000 of 60000, counter 300, signed 2026-10-14T17:46:40Z until 2026-10-17T17:46:40Z; redeem 7|6465766963653031|300",
		"ceiling": "CNY 0 of at most 50000 of 60000, counter 300, signed 2026-10-14T17:46:40Z until 2026-10-17T17:46:40Z; redeem 7|6465766963653031|300",
	} {
		c, err := Verify(codes[name], m.ask(), m.keys(t, nil))
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprintf("%s %d", c.Currency, c.Amount)
		if c.Exact() {
			got = "exact " + got
		}
		switch c.Kind {
		case RC1:
			got += fmt.Sprintf(" paid %s, txn %s", c.Signed.Format(time.RFC3339), c.Txn)
		case OV1:
			got += " until " + c.Until.Format(time.RFC3339)
		case OV2:
			got += fmt.Sprintf(" of at most %d of %d, counter %d, signed %s until %s", c.Most, c.Allowance, c.Counter, c.Signed.Format(time.RFC3339), c.Until.Format(time.RFC3339))
		}
		if got += "; redeem " + c.Redemption(); got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}
}

// refused is one thing that is wrong, and where Verify must stop.
type refused struct {
	name string
	text string
	ask  func(*Ask)
	set  fields
	want Reason
}

func check(t *testing.T, m mint, tests []refused) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ask := m.ask()
			if test.ask != nil {
				test.ask(&ask)
			}
			got, err := Verify(test.text, ask, m.keys(t, test.set))
			if ReasonOf(err) != test.want {
				t.Errorf("%v, %v; want %q", got, err, test.want)
			}
		})
	}
}

func TestWhatIsNoCode(t *testing.T) {
	m := newMint()
	exact := m.exact(t, nil)
	check(t, m, []refused{
		{"nothing", "", nil, nil, NotVoucher},
		{"a payment code", "134567890123456789", nil, nil, NotVoucher},
		{"a later version", "OV3:" + base45(exact), nil, nil, NotVoucher},
		{"small letters", "ov2:" + base45(exact), nil, nil, NotVoucher},
		{"a challenge", text(PC1, exact[:38]), nil, nil, NotVoucher},
		{"longer than anything", "OV2:" + strings.Repeat("0", 509), nil, nil, TooLong},
		{"longer than its symbol holds", text(OV2, make([]byte, 320)), nil, nil, TooLong},
		{"a receipt as long as a voucher", text(RC1, exact), nil, nil, TooLong},
		{"a letter that Base45 lacks", "OV2:" + strings.Replace(base45(exact), "0", "a", 1), nil, nil, Unreadable},
		{"a character lost", "OV2:" + base45(exact)[1:], nil, nil, Unreadable},
		{"a lone character", "OV2:0", nil, nil, Unreadable},
		{"a group above 65535", "OV2::::", nil, nil, Unreadable},
		{"nothing behind the prefix", "OV2:", nil, nil, Malformed},
	})
}

// Every code has one form; all others are refused before a key is looked at.
func TestStrictReading(t *testing.T) {
	m := newMint()
	receipt := m.receipt(t, nil)
	change := func(old, new string) string {
		a, _ := hex.DecodeString(old)
		b, err := hex.DecodeString(new)
		if err != nil || bytes.Count(receipt, a) != 1 {
			t.Fatalf("%s stands %d times in the receipt", old, bytes.Count(receipt, a))
		}
		return text(RC1, bytes.Replace(receipt, a, b, 1))
	}
	signed := func(header fields, payload []byte) string { return text(RC1, m.issuer.sign1(t, header, payload)) }
	kid := fields{int64(4): m.issuer.kid(t)}
	claims := canon(t, m.receiptClaims(t))
	raw := func(from, to string) string {
		a, _ := hex.DecodeString(from)
		b, _ := hex.DecodeString(to)
		if !bytes.Contains(claims, a) {
			t.Fatalf("%s is not in the claims", from)
		}
		return signed(kid, bytes.Replace(claims, a, b, 1))
	}
	tests := map[string]string{
		"another tag":                    text(RC1, append([]byte{0xD1}, receipt[1:]...)),
		"no tag":                         text(RC1, receipt[1:]),
		"a tag inside a tag":             text(RC1, append([]byte{0xD2}, receipt...)),
		"a byte behind the end":          text(RC1, append(receipt[:len(receipt):len(receipt)], 0)),
		"a byte short":                   text(RC1, receipt[:len(receipt)-1]),
		"an array of indefinite length":  text(RC1, append(append([]byte{0xD2, 0x9F}, receipt[2:]...), 0xFF)),
		"a short signature":              text(RC1, append(bytes.Clone(receipt[:len(receipt)-66]), append([]byte{0x58, 63}, receipt[len(receipt)-63:]...)...)),
		"something unprotected":          change("a0583e", "a10100583e"),
		"a critical header":              signed(fields{int64(4): m.issuer.kid(t), int64(2): []any{int64(77)}, int64(77): int64(1)}, claims),
		"a critical header that is ours": signed(fields{int64(4): m.issuer.kid(t), int64(2): []any{int64(4)}}, claims),
		"an unknown header":              signed(fields{int64(4): m.issuer.kid(t), int64(3): int64(61)}, claims),
		"no key id":                      signed(fields{}, claims),
		"a short key id":                 signed(fields{int64(4): m.issuer.kid(t)[:7]}, claims),
		"a long key id":                  signed(fields{int64(4): append(m.issuer.kid(t), 0)}, claims),
		"the map in another order":       raw("a50107061a", "a5061a"+hex.EncodeToString(claims[4:8])+"0107"+"061a"),
		"a key twice":                    raw("a50107", "a601070107"),
		"a length written too long":      raw("a50107", "a5011807"),
		"the issuer as a text":           raw("a50107", "a5016137"),
		"the issuer as a float":          raw("a50107", "a501f94700"),
		"no value for the issuer":        raw("a50107", "a501f6"),
		"a map of indefinite length":     signed(kid, append(append([]byte{0xBF}, claims[1:]...), 0xFF)),
		"a tag in the claims":            raw("a50107", "a501c107"),
		"a text where bytes are meant":   raw("4c74786e", "6c74786e"),
		"an array where bytes are meant": raw("4c74786e2d3030303030303031", "8c187418781"+"86e182d18301830183018301830183018301831"),
		"a transaction id of 11":         text(RC1, m.receipt(t, fields{-65613: []byte("txn-0000001")})),
		"a transaction id of 13":         text(RC1, m.receipt(t, fields{-65613: []byte("txn-000000001")})),
		"a claim more":                   text(RC1, m.receipt(t, fields{9: 1})),
		"a claim less":                   text(RC1, m.receipt(t, fields{6: nil})),
		"an issuer too high":             text(RC1, m.receipt(t, fields{1: 65536})),
		"an issuer below zero":           text(RC1, m.receipt(t, fields{1: -1})),
		"no amount":                      text(RC1, m.receipt(t, fields{-65601: []any{"CNY", 0}})),
		"an amount below zero":           text(RC1, m.receipt(t, fields{-65601: []any{"CNY", -1280}})),
		"an amount of thirteen digits":   text(RC1, m.receipt(t, fields{-65601: []any{"CNY", 1_000_000_000_000}})),
		"an amount that overflows":       text(RC1, m.receipt(t, fields{-65601: []any{"CNY", uint64(1<<63 + 1280)}})),
		"a currency in small letters":    text(RC1, m.receipt(t, fields{-65601: []any{"cny", 1280}})),
		"a currency of two letters":      text(RC1, m.receipt(t, fields{-65601: []any{"CN", 1280}})),
		"an amount and something else":   text(RC1, m.receipt(t, fields{-65601: []any{"CNY", 1280, 1}})),
		"a bearer voucher as a receipt":  text(RC1, m.bearer(t, nil)),
		"a receipt as a bearer voucher":  text(OV1, m.receipt(t, nil)[:140]),
		"a voucher that ends too soon":   text(OV1, m.bearer(t, fields{4: unix(noon), 5: unix(noon)})),
		"a certificate in a byte string": text(OV2, m.device.sign1(t, fields{int64(13): m.cert(t, nil)}, canon(t, m.ceilingClaims()))),
		"a certificate with a tag":       text(OV2, m.device.sign1(t, fields{int64(13): cbor.RawMessage(append([]byte{0xD2}, m.cert(t, nil)...))}, canon(t, m.ceilingClaims()))),
		"no certificate":                 text(OV2, m.device.sign1(t, fields{}, canon(t, m.ceilingClaims()))),
		"a counter of zero":              text(OV2, m.exact(t, fields{-65610: 0})),
		"an amount without an order":     text(OV2, m.exact(t, fields{-65612: nil})),
		"an order without an amount":     text(OV2, m.exact(t, fields{-65611: nil})),
		"an amount of zero spelled out":  text(OV2, m.ceiling(t, fields{-65611: 0})),
		"an order of seven bytes":        text(OV2, m.exact(t, fields{-65612: []byte("seven77")})),
		"a device key of 31 bytes":       text(OV2, m.voucher(t, m.cert(t, fields{8: fields{1: fields{1: 1, -1: 6, -2: make([]byte, 31)}}}), m.ceilingClaims())),
		"an allowance of nothing":        text(OV2, m.voucher(t, m.cert(t, fields{-65601: []any{"CNY", 0, 0}}), m.ceilingClaims())),
	}
	for _, name := range names(tests) {
		t.Run(name, func(t *testing.T) {
			if c, err := Read(tests[name]); ReasonOf(err) != Malformed {
				t.Errorf("%v, %v; want %q", c, err, Malformed)
			}
		})
	}
}

func TestTheIssuersKey(t *testing.T) {
	m := newMint()
	codes := m.codes(t)
	entry := func(change func(e []any)) fields { return fields{-65621: []any{m.key(t, m.issuer, change)}} }
	stranger := newMint()
	stranger.issuer = edPen(77)
	later := func(d time.Duration) func(*Ask) { return func(a *Ask) { a.Clock.Wall = noon.Add(d) } }
	const day = 24 * time.Hour
	check(t, m, []refused{
		{"the list has ended", codes["receipt"], later(10 * day), nil, KeysExpired},
		{"the list is two days too old", codes["receipt"], later(5 * day), nil, KeysOld},
		{"the list is a second too old", codes["receipt"], later(71*time.Hour + time.Second), nil, KeysOld},
		{"the issuers want it fresher", codes["receipt"], nil, fields{-65623: fields{2: 3599}}, KeysOld},
		{"an unknown key", text(RC1, stranger.receipt(t, nil)), nil, nil, KeyUnknown},
		{"a key of another issuer", codes["receipt"], nil, entry(func(e []any) { e[3] = issuerNumber + 1 }), KeyUnknown},
		{"a key withdrawn", codes["receipt"], nil, entry(func(e []any) { e[8] = 2 }), KeyRevoked},
		{"a key not valid yet", codes["receipt"], nil, entry(func(e []any) { e[4] = unix(noon) + 1 }), KeyNotYet},
		{"a key run out", codes["receipt"], nil, entry(func(e []any) { e[5] = unix(noon) }), KeyExpired},
		{"a key for vouchers signs a receipt", codes["receipt"], nil, entry(func(e []any) { e[6] = 6 }), KeyUse},
		{"a key for receipts signs a voucher", codes["exact"], nil, entry(func(e []any) { e[6] = 1 }), KeyUse},
		{"a key for devices signs a bearer voucher", codes["bearer"], nil, entry(func(e []any) { e[6] = 4 }), KeyUse},
		{"a key for another currency", codes["exact"], nil, entry(func(e []any) { e[7] = []any{[]any{"EUR", 50000}} }), KeyUse},
		{"more than the key may sign", codes["exact"], nil, entry(func(e []any) { e[7] = []any{[]any{"CNY", 1279}} }), OverIssuer},
		{"as much as the key may sign", codes["exact"], nil, entry(func(e []any) { e[7] = []any{[]any{"CNY", 1280}} }), ""},
		{"the key in force now beside the old one", codes["exact"], nil, fields{-65621: []any{m.key(t, edPen(4), nil), m.key(t, m.issuer, nil)}}, ""},
	})
	if _, err := Verify(codes["receipt"], m.ask(), nil); ReasonOf(err) != NoKeys {
		t.Errorf("without a list: %v", err)
	}
}

func TestSignatures(t *testing.T) {
	m := newMint()
	last := func(raw []byte) []byte { raw[len(raw)-1] ^= 1; return raw }
	cert := m.cert(t, nil)
	forged := last(bytes.Clone(cert))
	other := m
	other.device = edPen(88)
	// The issuer's certificate and a device's signature, each genuine, of two customers.
	mixed := other.voucher(t, cert, m.exactClaims())
	es := m
	es.device = ecPen(t)
	esIssuer := m
	esIssuer.issuer = ecPen(t)
	esKeys := fields{-65621: []any{m.key(t, esIssuer.issuer, nil)}}
	newer := m
	newer.issuer.alg, newer.device.alg = -19, -19
	wrongAlg := m.issuer
	wrongAlg.alg = cose.AlgorithmES256
	offCurve := fields{1: 2, -1: 1, -2: bytes.Repeat([]byte{0xFF}, 32), -3: true}
	check(t, m, []refused{
		{"a bit of the receipt's signature", text(RC1, last(m.receipt(t, nil))), nil, nil, Forged},
		{"a bit of the certificate's signature", text(OV2, m.voucher(t, forged, m.exactClaims())), nil, nil, Forged},
		{"a bit of the device's signature", text(OV2, last(m.exact(t, nil))), nil, nil, Copied},
		{"another device's signature", text(OV2, mixed), nil, nil, Copied},
		{"a device signed as Ed25519, the newer name", text(OV2, newer.exact(t, nil)), nil, nil, ""},
		{"a device with P-256", text(OV2, es.exact(t, nil)), nil, nil, ""},
		{"a bit of a P-256 signature", text(OV2, last(es.exact(t, nil))), nil, nil, Copied},
		{"a device key off its curve", text(OV2, m.voucher(t, m.cert(t, fields{8: fields{1: offCurve}}), m.exactClaims())), nil, nil, Copied},
		{"an issuer with P-256", text(RC1, esIssuer.receipt(t, nil)), nil, esKeys, ""},
		{"a bit of a P-256 issuer's signature", text(RC1, last(esIssuer.receipt(t, nil))), nil, esKeys, Forged},
	})
	// The header names an algorithm that is not the key's.
	raw := bytes.Replace(m.receipt(t, nil), []byte{0xA2, 1, 0x27, 4}, []byte{0xA2, 1, 0x26, 4}, 1)
	if _, err := Verify(text(RC1, raw), m.ask(), m.keys(t, nil)); ReasonOf(err) != Forged {
		t.Errorf("another algorithm: %v", err)
	}
}

// Every bit of every genuine code counts: no change of one bit is accepted.
func TestNoBitMayChange(t *testing.T) {
	m := newMint()
	keys, ask := m.keys(t, nil), m.ask()
	for name, raw := range map[string][]byte{"RC1": m.receipt(t, nil), "OV1": m.bearer(t, nil), "OV2": m.exact(t, nil)} {
		for i := range len(raw) * 8 {
			raw[i/8] ^= 1 << (i % 8)
			if _, err := Verify(text(Kind(name), raw), ask, keys); err == nil {
				t.Errorf("%s: bit %d of byte %d may change", name, i%8, i/8)
			}
			raw[i/8] ^= 1 << (i % 8)
		}
	}
}

func TestValidityAndBlocking(t *testing.T) {
	m := newMint()
	vouchers := func(change fields) string { return text(OV2, m.voucher(t, m.cert(t, change), m.exactClaims())) }
	const day = 24 * time.Hour
	old := fields{-65622: []any{unix(noon.Add(-72*time.Hour - time.Second)), []byte{}}}
	check(t, m, []refused{
		{"not valid yet", vouchers(fields{5: unix(noon) + 1}), nil, nil, NotYet},
		{"valid from now", vouchers(fields{5: unix(noon)}), nil, nil, ""},
		{"run out now", vouchers(fields{4: unix(noon)}), nil, nil, Expired},
		{"valid for another second", vouchers(fields{4: unix(noon) + 1}), nil, nil, ""},
		{"a bearer voucher run out", text(OV1, m.bearer(t, fields{4: unix(noon)})), nil, nil, Expired},
		{"a certificate for eight days", vouchers(fields{4: unix(noon.Add(7 * day))}), nil, nil, LivesLong},
		{"a certificate for seven days", vouchers(fields{4: unix(noon.Add(6 * day))}), nil, nil, ""},
		{"the issuers want two days", vouchers(nil), nil, fields{-65623: fields{4: 2 * 86400}}, LivesLong},
		{"for a group of shops", vouchers(fields{-65602: 42}), nil, nil, ""},
		{"for another group of shops", vouchers(fields{-65602: 43}), nil, nil, OtherShop},
		{"a device blocked", vouchers(fields{7: []byte("blocked2")}), nil, nil, Denied},
		{"a bearer voucher blocked", text(OV1, m.bearer(t, fields{7: []byte("blocked1")})), nil, nil, Denied},
		{"a device named like one blocked", vouchers(fields{7: []byte("blocked3")}), nil, nil, ""},
		{"the deny list is too old", vouchers(nil), nil, old, DenyOld},
		{"a receipt needs no deny list", text(RC1, m.receipt(t, nil)), nil, old, ""},
	})
}

func TestFreshnessAndClocks(t *testing.T) {
	m := newMint()
	codes := m.codes(t)
	at := func(d time.Duration) string { return text(OV2, m.ceiling(t, fields{6: unix(noon.Add(d))})) }
	exactAt := func(d time.Duration) string { return text(OV2, m.exact(t, fields{6: unix(noon.Add(d))})) }
	noNetwork := func(a *Ask) { a.Clock.Synced = false }
	battery := func(a *Ask) { a.Clock = Clock{Wall: noon, Battery: true} }
	back := func(d time.Duration) func(*Ask) {
		return func(a *Ask) { a.Clock = Clock{Wall: noon.Add(-d), MaxSeen: noon, Synced: true, Battery: true} }
	}
	const year = 365 * 24 * time.Hour
	check(t, m, []refused{
		{"signed two minutes ago", at(-2 * time.Minute), nil, nil, ""},
		{"signed longer ago: a screenshot", at(-121 * time.Second), nil, nil, Stale},
		{"signed by a clock ahead", at(121 * time.Second), nil, nil, Ahead},
		{"the issuers want one minute", at(-61 * time.Second), nil, fields{-65623: fields{1: 60}}, Stale},
		{"the issuers' ten minutes do not loosen it", at(-121 * time.Second), nil, fields{-65623: fields{1: 600}}, Stale},
		{"an exact code ages too", exactAt(-121 * time.Second), nil, nil, Stale},
		{"a receipt does not", text(RC1, m.receipt(t, fields{6: unix(noon.Add(-time.Hour))})), nil, nil, ""},
		{"a ceiling code on a clock that nobody set", codes["ceiling"], noNetwork, nil, ClockUntrusted},
		{"a bearer voucher on a clock that nobody set", codes["bearer"], noNetwork, nil, ClockUntrusted},
		{"an exact code on a clock that nobody set", exactAt(-time.Hour), noNetwork, nil, ""},
		{"a receipt on a clock that nobody set", codes["receipt"], noNetwork, nil, ""},
		{"a ceiling code on a clock with a battery", codes["ceiling"], battery, nil, ""},
		{"the clock four minutes back", exactAt(-4 * time.Minute), back(4 * time.Minute), nil, ""},
		{"a ceiling code, the clock six minutes back", at(-6 * time.Minute), back(6 * time.Minute), nil, ClockUntrusted},
		{"a ceiling code, the clock a year back", codes["ceiling"], back(year), nil, ClockUntrusted},
		{"an exact code, the clock a year back", codes["exact"], back(year), nil, ""},
		{"a voucher that had run out before the clock went back", text(OV2, m.voucher(t, m.cert(t, fields{4: unix(noon)}), m.exactClaims())), back(year), nil, Expired},
		{"the list of issuers proves that the clock is back", codes["ceiling"], func(a *Ask) { a.Clock = Clock{Wall: noon.Add(-year), Synced: true} }, nil, ClockUntrusted},
	})
}

func TestTheSale(t *testing.T) {
	m := newMint()
	codes := m.codes(t)
	value := func(v int64) func(*Ask) { return func(a *Ask) { a.Amount.Value = v } }
	other := func(change func(*Challenge)) func(*Ask) { return func(a *Ask) { change(a.Shown) } }
	check(t, m, []refused{
		{"an exact code without a display", codes["exact"], func(a *Ask) { a.Shown = nil }, nil, OtherOrder},
		{"a receipt without a display", codes["receipt"], func(a *Ask) { a.Shown = nil }, nil, OtherOrder},
		{"a ceiling code without a display", codes["ceiling"], func(a *Ask) { a.Shown = nil }, nil, ""},
		{"an exact code of another sale", codes["exact"], other(func(c *Challenge) { c.Order = HashOrder(merchant, "X") }), nil, OtherOrder},
		{"a receipt of another sale", codes["receipt"], other(func(c *Challenge) { c.Order = HashOrder(merchant, "X") }), nil, OtherOrder},
		{"a receipt for another merchant", codes["receipt"], other(func(c *Challenge) { c.Merchant = MerchantOf("thief") }), nil, OtherOrder},
		{"a receipt for a challenge of another time", codes["receipt"], other(func(c *Challenge) { c.At = noon.Add(time.Second) }), nil, OtherOrder},
		{"an exact code for less", codes["exact"], value(1281), nil, OtherAmount},
		{"an exact code for more", codes["exact"], value(1279), nil, OtherAmount},
		{"a receipt for less", text(RC1, m.receipt(t, fields{-65601: []any{"CNY", 1279}})), nil, nil, OtherAmount},
		{"a bearer voucher of another value", codes["bearer"], value(1279), nil, OtherAmount},
		{"a ceiling code for any amount below", codes["ceiling"], value(1), nil, ""},
		{"another currency", codes["ceiling"], func(a *Ask) { a.Amount.Currency = "JPY" }, nil, OtherCurrency},
		{"above one payment of the voucher", text(OV2, m.voucher(t, m.cert(t, fields{-65601: []any{"CNY", 60000, 1279}}), m.exactClaims())), nil, nil, OverVoucher},
		{"above what is left at best", text(OV2, m.voucher(t, m.cert(t, fields{-65601: []any{"CNY", 1279, 60000}}), m.exactClaims())), nil, nil, OverVoucher},
		{"a ceiling code at the shop's cap", codes["ceiling"], value(200_00), nil, ""},
		{"a ceiling code above it", codes["ceiling"], value(200_01), nil, OverShop},
		{"a currency the shop does not take offline", codes["ceiling"], func(a *Ask) { a.Limits.Caps = nil }, nil, OverShop},
		{"the issuers lower the cap", codes["ceiling"], nil, fields{-65623: fields{8: []any{[]any{"CNY", 1279, 0, 0}}}}, OverShop},
		{"the issuers cannot raise it", codes["ceiling"], value(200_01), fields{-65623: fields{8: []any{[]any{"CNY", 99999, 0, 0}}}}, OverShop},
		{"an exact code has a cap of its own", codes["exact"], nil, fields{-65623: fields{8: []any{[]any{"CNY", 1279, 1280, 0}}}}, ""},
		{"and is held to it", codes["exact"], nil, fields{-65623: fields{8: []any{[]any{"CNY", 0, 1279, 0}}}}, OverShop},
		{"a receipt has none", codes["receipt"], func(a *Ask) { a.Limits.Caps = nil }, nil, ""},
	})
}

// When several things are wrong, the first step speaks: nothing is computed for
// a stranger that a cheaper look would have refused.
func TestTheOrderOfTheSteps(t *testing.T) {
	m := newMint()
	broken := m
	broken.issuer = edPen(66) // signs as the issuer, and is not
	wreck := func(c fields, claims fields) string {
		raw := broken.issuer.sign1(t, fields{int64(4): m.issuer.kid(t)}, canon(t, with(m.certClaims(), c)))[1:]
		return text(OV2, edPen(55).voucher(t, raw, claims))
	}
	genuine := func(c fields, claims fields) string { return text(OV2, edPen(55).voucher(t, m.cert(t, c), claims)) }
	own := func(c fields, claims fields) string { return text(OV2, m.voucher(t, m.cert(t, c), claims)) }
	expired := fields{4: unix(noon), 7: []byte("blocked1")}
	blocked := fields{7: []byte("blocked1")}
	late := with(m.exactClaims(), fields{6: unix(noon.Add(-time.Hour)), -65612: []byte("anything")})
	revoked := fields{-65621: []any{m.key(t, m.issuer, func(e []any) { e[8] = 2 })}}
	check(t, m, []refused{
		{"the list before the key", wreck(expired, late), func(a *Ask) { a.Clock.Wall = noon.Add(5 * 24 * time.Hour) }, revoked, KeysOld},
		{"the key before the signature", wreck(expired, late), nil, revoked, KeyRevoked},
		{"the issuer's signature before validity", wreck(expired, late), nil, nil, Forged},
		{"validity before the deny list", genuine(expired, late), nil, nil, Expired},
		{"the deny list before the device", genuine(blocked, late), nil, nil, Denied},
		{"the device before freshness", genuine(nil, late), nil, nil, Copied},
		{"freshness before the sale", own(nil, late), nil, nil, Stale},
		{"the sale before the caps", own(nil, with(m.exactClaims(), fields{-65612: []byte("anything")})), func(a *Ask) { a.Limits.Caps = nil }, nil, OtherOrder},
		{"the caps last", own(nil, m.exactClaims()), func(a *Ask) { a.Limits.Caps = nil }, nil, OverShop},
	})
}

// voucher signs with a pen that need not be the device of the certificate.
func (p pen) voucher(t testing.TB, cert []byte, claims fields) []byte {
	return mint{device: p}.voucher(t, cert, claims)
}

// A code is worth money to whoever copies it out of a log.
func TestNothingPrintsACode(t *testing.T) {
	m := newMint()
	code := m.codes(t)["exact"]
	got, err := Verify(code, m.ask(), m.keys(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	_, refusal := Verify(code[:len(code)-3]+"000", m.ask(), m.keys(t, nil))
	secret := hex.EncodeToString(got.Raw()[200:220])
	for _, printed := range []string{fmt.Sprint(got), fmt.Sprintf("%+v", got), fmt.Sprintf("%#v", got), fmt.Sprintf("%+v", got.Code), fmt.Sprintf("%#v", got.Code), refusal.Error()} {
		plain := strings.ReplaceAll(strings.ReplaceAll(printed, "0x", ""), ", ", "")
		if strings.Contains(plain, secret) || strings.Contains(printed, code[20:60]) || strings.Contains(printed, fmt.Sprint(got.Raw()[200:220])[1:40]) {
			t.Errorf("prints the code: %s", printed)
		}
	}
}

func TestEveryRefusalSpeaks(t *testing.T) {
	for _, r := range Reasons() {
		say := (&Refusal{Reason: r}).Say()
		if say.English == "" || say.ID != string(r) || !strings.HasPrefix(say.ID, "voucher.") {
			t.Errorf("%s: %+v", r, say)
		}
		if strings.Count(say.English, "%s") > 1 {
			t.Errorf("%s has more places than a refusal has arguments", r)
		}
	}
	m := newMint()
	ask := m.ask()
	ask.Amount = agent.Money{Value: 200_01, Currency: "CNY"}
	_, err := Verify(m.codes(t)["ceiling"], ask, m.keys(t, nil))
	refusal, ok := err.(*Refusal)
	if !ok || refusal.Say().English != "Without a connection this shop takes at most 200.00 CNY by such a code. Take another way to pay" || refusal.Say().Args[0] != "200.00 CNY" {
		t.Errorf("%v", err)
	}
}
