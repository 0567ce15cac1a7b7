package till

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"testing"
)

// counted gives 00 01 02 … as random bytes.
type counted struct{ next byte }

func (c *counted) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = c.next
		c.next++
	}
	return len(b), nil
}

func protection(t *testing.T, passphrase string) *Protection {
	t.Helper()
	p, err := NewProtection("shop", 1, passphrase, &counted{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Vector 34 of the devices reference.
func TestAMessageIsProtectedAsTheVectorSays(t *testing.T) {
	p := protection(t, "mypassphrase")
	if got := hex.EncodeToString(p.mac); got != "cf7e99cf1feb743037cf74b5926d7f1860f45fb5f18d6603a4abb4137188143d" {
		t.Errorf("key of the digest %s", got)
	}
	if got := hex.EncodeToString(p.iv[:]); got != "12ecd9de01f69868b3e99e62fda5bf96" {
		t.Errorf("base of the nonce %s", got)
	}
	const plain = `{"SaleToPOIRequest":{}}`
	blob, tr, err := p.seal([]byte(plain))
	if err != nil || blob != "9lAQGZXU0Y8DatsLpE+MYTaxIBiyuHpbTvrY65n9rE0=" || tr.Hmac != "5uUmtJm8n0AXco+3xsXrYL5+HlWKP1w+UJ5gNvxIGf8=" {
		t.Errorf("blob %s, digest %s, %v", blob, tr.Hmac, err)
	}
	if back, err := p.open(blob, tr); err != nil || string(back) != plain {
		t.Errorf("opened %q, %v", back, err)
	}
}

func TestWhatWasChangedIsNotOpened(t *testing.T) {
	p := protection(t, "mypassphrase")
	blob, good, err := p.seal([]byte(`{"SaleToPOIRequest":{}}`))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := base64.StdEncoding.DecodeString(blob)
	for i := range raw {
		changed := bytes.Clone(raw)
		changed[i] ^= 1
		if plain, err := p.open(base64.StdEncoding.EncodeToString(changed), good); !errors.Is(err, ErrProtection) {
			t.Errorf("byte %d changed: %q, %v", i, plain, err)
		}
	}
	for name, tr := range map[string]trailer{
		"another key":     {good.AdyenCryptoVersion, "office", good.KeyVersion, good.Nonce, good.Hmac},
		"another version": {good.AdyenCryptoVersion, good.KeyIdentifier, 2, good.Nonce, good.Hmac},
		"another format":  {2, good.KeyIdentifier, good.KeyVersion, good.Nonce, good.Hmac},
		"no nonce":        {good.AdyenCryptoVersion, good.KeyIdentifier, good.KeyVersion, "", good.Hmac},
		"no digest":       {good.AdyenCryptoVersion, good.KeyIdentifier, good.KeyVersion, good.Nonce, ""},
		"no base64":       {good.AdyenCryptoVersion, good.KeyIdentifier, good.KeyVersion, good.Nonce, "*"},
	} {
		if _, err := p.open(blob, tr); !errors.Is(err, ErrProtection) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, short := range []string{"", "AAAA", blob[:20]} {
		if _, err := p.open(short, good); !errors.Is(err, ErrProtection) {
			t.Errorf("a blob of %d letters: %v", len(short), err)
		}
	}
	if _, err := protection(t, "another passphrase").open(blob, good); !errors.Is(err, ErrProtection) {
		t.Errorf("another passphrase: %v", err)
	}
}

// A header that is not the inner one's would put one message's authority on another.
func TestTheOuterHeaderMustBeTheInnerOne(t *testing.T) {
	p := protection(t, "mypassphrase")
	h := header{ProtocolVersion: "3.0", MessageClass: "Service", MessageCategory: "Payment", MessageType: "Request", ServiceID: "S1", SaleID: "T1", POIID: "P1"}
	plain, err := json.Marshal(envelope{Request: &message{Header: h, Payment: &paymentRequest{}}})
	if err != nil {
		t.Fatal(err)
	}
	blob, tr, err := p.seal(plain)
	if err != nil {
		t.Fatal(err)
	}
	if in, err := p.unwrap(message{Header: h, Blob: blob, Trailer: &tr}); err != nil || in.Payment == nil {
		t.Errorf("unwrapped %+v, %v", in, err)
	}
	other := h
	other.ServiceID = "S2"
	for name, m := range map[string]message{"another header": {Header: other, Blob: blob, Trailer: &tr}, "in the clear": {Header: h, Payment: &paymentRequest{}}} {
		if _, err := p.unwrap(m); !errors.Is(err, ErrProtection) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
