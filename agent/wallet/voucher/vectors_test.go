package voucher

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"
	"time"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// RFC 9285, 4.3 and 4.4.
func TestBase45OfTheStandard(t *testing.T) {
	for plain, coded := range map[string]string{
		"AB": "BB8", "Hello!!": "%69 VD92EX0", "base-45": "UJCLQE7W581", "ietf!": "QED8WEX0", "": "",
		"\xff\xff": "FGW", "\xff": "U5", "\x00": "00", "\x00\x00": "000",
	} {
		if got := base45([]byte(plain)); got != coded {
			t.Errorf("%q is written %q, want %q", plain, got, coded)
		}
		if got, err := unbase45(coded); err != nil || string(got) != plain {
			t.Errorf("%q is read %q, %v; want %q", coded, got, err, plain)
		}
	}
	for _, wrong := range []string{"G", "GGW", ":::", "BB8A", "FGWG", "V5", "::", "bb8", "BB8\n", "BB_", "B\x00B", "éé"} {
		if got, err := unbase45(wrong); err == nil {
			t.Errorf("%q is read %x", wrong, got)
		}
	}
}

// No scanner that trims spaces can damage a code: the last character of a group
// of three is at most W, of two at most 5, and the space comes after both.
func TestBase45NeverEndsInASpace(t *testing.T) {
	for n := range 0x10000 {
		three := base45([]byte{byte(n >> 8), byte(n)})
		two := base45([]byte{byte(n)})
		if three[2] > 'W' || two[1] > '5' || three[2] == ' ' || two[1] == ' ' {
			t.Fatalf("%#04x: %q, %q", n, three, two)
		}
	}
}

// RFC 8392, A.3: a CWT signed with ES256 under the key of A.2.3. Its claims are
// texts, so it is no receipt; its envelope and signature are what ours are.
func TestSignedTokenOfTheStandard(t *testing.T) {
	e, err := tagged(unhex(t, "d28443a10126a104524173796d6d657472696345434453413235365850a70175636f61703a2f2f61732e6578616d706c652e636f6d02656572696b77037818636f61703a2f2f6c696768742e6578616d706c652e636f6d041a5612aeb0051a5610d9f0061a5610d9f007420b7158405427c1ff28d23fbad1f29c4c7c6a555e601d6fa29f9179bc3d7438bacaca5acd08c8d4d4f96131680c429a01f85951ecee743a52b9b63632c57209120e1c9e30"))
	if err == nil {
		t.Fatalf("its key id is unprotected, and was read: %x", e.Protected)
	}
	odd := true // y ends in b9
	key, err := coseKey{Type: 2, Curve: 1, X: unhex(t, "143329cce7868e416927599cf65a34f3ce2ffda55a7eca69ed8919a394d42f0f"), Y: &odd}.public()
	if err != nil {
		t.Fatal(err)
	}
	if y := hex.EncodeToString(key.ec.Y.Bytes()); y != "60f7f1a780d8a783bfb7a2dd6b2796e8128dbbcef9d3d168db9529971a36e7b9" {
		t.Errorf("y is %s", y)
	}
	e = envelope{
		Protected: unhex(t, "a10126"),
		Payload:   unhex(t, "a70175636f61703a2f2f61732e6578616d706c652e636f6d02656572696b77037818636f61703a2f2f6c696768742e6578616d706c652e636f6d041a5612aeb0051a5610d9f0061a5610d9f007420b71"),
		Signature: unhex(t, "5427c1ff28d23fbad1f29c4c7c6a555e601d6fa29f9179bc3d7438bacaca5acd08c8d4d4f96131680c429a01f85951ecee743a52b9b63632c57209120e1c9e30"),
	}
	if err := e.verify(algES256, key); err != nil {
		t.Error(err)
	}
	e.Payload[10] ^= 1
	if err := e.verify(algES256, key); err == nil {
		t.Error("another payload has the same signature")
	}
}

// The example eddsa-sig-01 of the COSE working group, with the key of RFC 8032, 7.1.
func TestEdwardsSignatureOfTheWorkingGroup(t *testing.T) {
	key, err := coseKey{Type: 1, Curve: 6, X: unhex(t, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")}.public()
	if err != nil {
		t.Fatal(err)
	}
	e := envelope{
		Protected: unhex(t, "a201270300"),
		Payload:   []byte("This is the content."),
		Signature: unhex(t, "7142fd2ff96d56db85bee905a76ba1d0b7321a95c8c4d3607c5781932b7afb8711497dfa751bf40b58b3bcc32300b1487f3db34085eef013bf08f4a44d6fef0d"),
	}
	if err := e.verify(algEdDSA, key); err != nil {
		t.Error(err)
	}
	e.Signature[0] ^= 1
	if err := e.verify(algEdDSA, key); err == nil {
		t.Error("another signature passes")
	}
}

var update = flag.Bool("update", false, "write the golden files anew")

// golden is one code whose bytes never change again: phones and issuers that
// others write are held against it. Seeds are of Ed25519 keys, 32 equal bytes.
type golden struct {
	Name       string `json:"name"`
	Text       string `json:"text"`
	IssuerSeed byte   `json:"issuer_seed"`
	DeviceSeed byte   `json:"device_seed,omitempty"`
	Challenge  string `json:"challenge"`
	Now        string `json:"now"`
	KeySet     string `json:"key_set"` // hexadecimal
	RootSeed   byte   `json:"root_seed"`
}

func TestGolden(t *testing.T) {
	m := newMint()
	challenge, err := m.challenge().Text()
	if err != nil {
		t.Fatal(err)
	}
	var now []golden
	for _, name := range names(m.codes(t)) {
		g := golden{Name: name, Text: m.codes(t)[name], IssuerSeed: 2, Challenge: challenge, Now: noon.Format(time.RFC3339), KeySet: hex.EncodeToString(m.set(t, nil)), RootSeed: 1}
		if KindOf(g.Text) == OV2 {
			g.DeviceSeed = 3
		}
		now = append(now, g)
	}
	const file = "testdata/golden.json"
	if *update {
		out, err := json.MarshalIndent(now, "", "  ")
		if err == nil {
			err = os.WriteFile(file, append(out, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var kept []golden
	if err := json.Unmarshal(content, &kept); err != nil {
		t.Fatal(err)
	}
	if len(kept) != len(now) {
		t.Fatalf("%d golden codes, %d made", len(kept), len(now))
	}
	for i, g := range kept {
		if g != now[i] {
			t.Errorf("%s is made differently now:\n%s\n%s", g.Name, g.Text, now[i].Text)
		}
		set, err := readKeySet(unhex(t, g.KeySet), m.roots(t))
		if err != nil {
			t.Fatal(err)
		}
		ask := m.ask()
		shown, err := ReadChallenge(g.Challenge)
		if err != nil {
			t.Fatal(err)
		}
		ask.Shown = &shown
		if _, err := Verify(g.Text, ask, set); err != nil {
			t.Errorf("%s: %v", g.Name, err)
		}
	}
}
