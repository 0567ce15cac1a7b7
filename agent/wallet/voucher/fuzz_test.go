package voucher

import (
	"bytes"
	"testing"

	"github.com/veraison/go-cose"
)

// FuzzVerify holds that nothing but the codes that were issued is accepted.
func FuzzVerify(f *testing.F) {
	m := newMint()
	keys, ask := m.keys(f, nil), m.ask()
	issued := map[string]bool{}
	for _, name := range names(m.codes(f)) {
		issued[m.codes(f)[name]] = true
		f.Add(m.codes(f)[name])
	}
	f.Fuzz(func(t *testing.T, scanned string) {
		if c, err := Verify(scanned, ask, keys); err == nil && !issued[Trim(scanned)] {
			t.Errorf("accepted %q as %v", scanned, c)
		}
	})
}

// FuzzRead goes past Base45, so that changes of bytes reach the CBOR. What is
// read must be a message to the COSE library too, and mean the same there.
func FuzzRead(f *testing.F) {
	m := newMint()
	for kind, raw := range map[uint8][]byte{0: m.receipt(f, nil), 1: m.bearer(f, nil), 2: m.exact(f, nil), 5: m.ceiling(f, nil)} {
		f.Add(kind, raw)
	}
	f.Fuzz(func(t *testing.T, kind uint8, raw []byte) {
		c, err := Read(text([]Kind{RC1, OV1, OV2}[kind%3], raw))
		if err != nil {
			if ReasonOf(err) == "" {
				t.Errorf("refused without a reason: %v", err)
			}
			return
		}
		if !bytes.Equal(c.Raw(), raw) || c.Issuer == 0 && c.Kind == "" || c.Amount < 0 || c.Most < 0 || c.Most > c.Allowance {
			t.Errorf("%x is read as %+v", raw, c.Kind)
		}
		var message cose.Sign1Message
		if err := message.UnmarshalCBOR(raw); err != nil {
			t.Fatalf("%x is no COSE_Sign1: %v", raw, err)
		}
		outer := c.issued
		if c.Kind == OV2 {
			outer = c.device
		}
		if !bytes.Equal(message.Payload, outer.Payload) || !bytes.Equal(message.Signature, outer.Signature) || len(message.Headers.Unprotected) > 0 {
			t.Errorf("%x: another payload or signature", raw)
		}
	})
}

// FuzzReadChallenge: what is read is written the same.
func FuzzReadChallenge(f *testing.F) {
	raw, err := newMint().challenge().raw()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := ReadChallenge(text(PC1, raw))
		if err != nil {
			return
		}
		if again, err := c.Text(); err != nil || again != text(PC1, raw) {
			t.Errorf("%x is written %s, %v", raw, again, err)
		}
	})
}

// FuzzBase45: a text that is read has no other form, and every byte survives.
func FuzzBase45(f *testing.F) {
	f.Add("QED8WEX0", []byte("ietf!"))
	f.Fuzz(func(t *testing.T, coded string, plain []byte) {
		if raw, err := unbase45(coded); err == nil && base45(raw) != coded {
			t.Errorf("%q is read %x, which is written %q", coded, raw, base45(raw))
		}
		if back, err := unbase45(base45(plain)); err != nil || !bytes.Equal(back, plain) {
			t.Errorf("%x comes back as %x, %v", plain, back, err)
		}
	})
}

// FuzzKeySet opens payloads that a root has signed: the issuers' own mistakes.
// What is left of a set must still be one.
func FuzzKeySet(f *testing.F) {
	m := newMint()
	f.Add(canon(f, m.setClaims(f)))
	f.Add(canon(f, with(m.setClaims(f), fields{-65623: fields{1: 60, 8: []any{[]any{"CNY", 1, 2, 3}}}, -65621: []any{m.key(f, m.issuer, func(e []any) { e[7] = []any{[]any{"CNY", 5}} })}})))
	roots := m.roots(f)
	f.Fuzz(func(t *testing.T, payload []byte) {
		raw := m.root.sign1(t, fields{int64(4): m.root.kid(t)}, payload)
		set, err := readKeySet(raw, roots)
		if err != nil {
			if ReasonOf(err) != SetMalformed {
				t.Errorf("%x: %v", payload, err)
			}
			return
		}
		if set.Version == 0 || !set.Expires.After(set.Issued) {
			t.Errorf("%x: version %d from %v to %v", payload, set.Version, set.Issued, set.Expires)
		}
		for id, key := range set.keys {
			if key.ID != id || !key.Until.After(key.From) || key.Uses == 0 {
				t.Errorf("%x: key %+v", payload, key)
			}
		}
		for i := range set.Blocked() {
			if !set.Denies(VoucherID(set.deny[i*8 : i*8+8])) {
				t.Errorf("%x: the deny list does not find its entry %d", payload, i)
			}
		}
	})
}

// FuzzOffer feeds a trust what a line can bring: no set but the one signed is
// ever in use.
func FuzzOffer(f *testing.F) {
	m := newMint()
	genuine := m.set(f, nil)
	f.Add(genuine)
	f.Add(m.root.sign1(f, fields{int64(4): m.root.kid(f), int64(3): int64(61)}, canon(f, m.setClaims(f))))
	roots := m.roots(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		trust, err := OpenTrust(roots, &shelf{})
		if err != nil {
			t.Fatal(err)
		}
		if fresh, err := trust.Offer(raw); (fresh || err == nil) && !bytes.Equal(raw, genuine) {
			t.Errorf("took %x: %v", raw, err)
		}
	})
}
