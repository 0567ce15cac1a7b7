package voucher

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
	"time"
)

// The codes that the formats' own page gives, made again from the values in them:
// whoever issues must write the same bytes.
func TestTheGoldenCodes(t *testing.T) {
	content, err := os.ReadFile("../../wallet/voucher/testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Name, Text, Challenge string
		KeySet                string `json:"key_set"`
		IssuerSeed            byte   `json:"issuer_seed"`
		DeviceSeed            byte   `json:"device_seed"`
		RootSeed              byte   `json:"root_seed"`
	}
	if err := json.Unmarshal(content, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) < 4 {
		t.Fatalf("%d golden codes", len(all))
	}
	for _, g := range all {
		t.Run(g.Name, func(t *testing.T) {
			shown, ok := ReadChallenge(g.Challenge)
			if !ok || (Challenge{shown.Merchant, shown.Order, shown.Currency, shown.Amount, shown.At, nil}).Text() != g.Challenge {
				t.Fatalf("the challenge is not written again: %+v", shown)
			}
			c, ok := readCode(g.Text)
			if !ok {
				t.Fatal("it cannot be read")
			}
			press := Press{int(c.issuer), fixedPen(g.IssuerSeed)}
			if !c.genuine(press.Pen.Public()) || !bytes.Equal(c.kid, press.Pen.ID()) {
				t.Error("it is not genuine")
			}
			if again := mintAgain(c, press, shown, g.DeviceSeed); again != g.Text {
				t.Errorf("it is written\n%s\nand not\n%s", again, g.Text)
			}
			raw, err := hex.DecodeString(g.KeySet)
			if err != nil {
				t.Fatal(err)
			}
			checkGoldenSet(t, raw, fixedPen(g.RootSeed), press)
		})
	}
}

func fixedPen(seed byte) Pen { return NewPen(bytes.Repeat([]byte{seed}, ed25519.SeedSize)) }

func mintAgain(c code, press Press, shown Challenge, device byte) string {
	switch c.kind {
	case "RC1":
		return press.Receipt(Receipt{c.at, shown, c.txn})
	case "OV1":
		return press.Bearer(c.worth)
	}
	d := Device{Pen: fixedPen(device)}
	d.Certificate = press.Certificate(c.worth, d.Pen.Public())
	if c.order == nil {
		return d.Sign(c.at, c.counter, nil)
	}
	return d.Sign(c.at, c.counter, &shown)
}

func checkGoldenSet(t *testing.T, raw []byte, root Pen, press Press) {
	t.Helper()
	v, err := unpack(raw[1:])
	if err != nil {
		t.Fatal(err)
	}
	m, ok := open(v)
	if !ok || !m.by(root.Public()) {
		t.Fatal("the key set is not the root's")
	}
	keys, _ := m.claims.get(-65621)
	key := keys.([]any)[0].([]any)
	deny, _ := m.claims.get(-65622)
	asOf, ids := deny.([]any)[0].(int64), deny.([]any)[1].([]byte)
	set := KeySet{Version: uint64(m.claims.number(-65620, 1, maxTime)), Issued: time.Unix(m.claims.number(claimAt, 0, maxTime), 0),
		Expires: time.Unix(m.claims.number(claimUntil, 0, maxTime), 0), DenyAsOf: time.Unix(asOf, 0),
		Keys: []Key{{Public: press.Pen.Public(), Issuer: press.Number, From: time.Unix(key[4].(int64), 0), Until: time.Unix(key[5].(int64), 0), Uses: int(key[6].(int64))}}}
	for id := range bytesOf(ids, 8) {
		set.Denied = append([][8]byte{[8]byte(id)}, set.Denied...) // the press sorts them
	}
	if again := set.Sign(root); !bytes.Equal(again, raw) {
		t.Errorf("the key set is written\n%x\nand not\n%x", again, raw)
	}
}

func bytesOf(b []byte, n int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for ; len(b) >= n && yield(b[:n]); b = b[n:] {
		}
	}
}

// Whatever is not the one form of a code is not read, and nothing ends the program.
func TestDamagedCodesAreNotGenuine(t *testing.T) {
	press, device := Press{7, fixedPen(2)}, Device{Pen: fixedPen(3)}
	now := time.Unix(1_792_000_000, 0)
	w := Worth{ID: [8]byte{1}, From: now.Add(-time.Hour), Until: now.Add(time.Hour), Currency: "CNY", Total: 1000, Most: 500}
	device.Certificate = press.Certificate(w, device.Pen.Public())
	shown := Challenge{Merchant: MerchantOf("M-1001"), Currency: "CNY", Amount: 100, At: now}
	texts := []string{device.Sign(now, 1, &shown), device.Sign(now, 1, nil), press.Bearer(w), press.Receipt(Receipt{now, shown, make([]byte, 12)})}
	for n := range uint64(4000) {
		whole := texts[n%4]
		damaged := Maim(whole, n*2654435761)
		if c, ok := readCode(damaged); damaged == whole || ok && c.genuine(press.Pen.Public()) {
			t.Fatalf("%d: %s", n, damaged)
		}
	}
	for _, text := range []string{"", "OV2:", "OV2", "RC1:00", "PC1:" + base45([]byte{0x85}), "OV1:" + base45([]byte{0xd2, 0x84, 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})} {
		if _, ok := readCode(text); ok {
			t.Errorf("%q is read", text)
		}
		if _, ok := ReadChallenge(text); ok {
			t.Errorf("%q is a challenge", text)
		}
	}
}
