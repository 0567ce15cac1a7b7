package voucher

import (
	"encoding/hex"
	"math"
	"testing"
	"time"

	"tillwire/agent"
)

func TestChallenge(t *testing.T) {
	c := newMint().challenge()
	shown, err := c.Text()
	if err != nil {
		t.Fatal(err)
	}
	back, err := ReadChallenge(shown)
	if err != nil || back != c {
		t.Errorf("%+v, %v; want %+v", back, err, c)
	}
	raw, err := c.raw()
	if err != nil {
		t.Fatal(err)
	}
	// Five elements: merchant, order, currency, amount, time.
	want := "85" + "48" + hex.EncodeToString(c.Merchant[:]) + "48" + hex.EncodeToString(c.Order[:]) + "63434e59" + "190500" + "1a6acfc000"
	if got := hex.EncodeToString(raw); got != want {
		t.Errorf("the bytes are\n%s, want\n%s", got, want)
	}
}

// Whoever changes what the phone sees gets a receipt that this sale refuses.
func TestBindingCoversTheWholeChallenge(t *testing.T) {
	seen := map[Binding]string{}
	for name, change := range map[string]func(*Challenge){
		"as it is":  func(*Challenge) {},
		"merchant":  func(c *Challenge) { c.Merchant = MerchantOf("M-1002") },
		"order":     func(c *Challenge) { c.Order[7]++ },
		"amount":    func(c *Challenge) { c.Amount.Value++ },
		"currency":  func(c *Challenge) { c.Amount.Currency = "HKD" },
		"a second":  func(c *Challenge) { c.At = c.At.Add(time.Second) },
		"next hour": func(c *Challenge) { c.At = c.At.Add(time.Hour) },
	} {
		c := newMint().challenge()
		change(&c)
		b, err := c.Binding()
		if err != nil {
			t.Fatal(err)
		}
		if other, twice := seen[b]; twice {
			t.Errorf("%s and %s have one binding", name, other)
		}
		seen[b] = name
	}
}

func TestHashesDependOnShopAndOrder(t *testing.T) {
	a := HashOrder(MerchantOf("M-1"), "A")
	if a != HashOrder(MerchantOf("M-1"), "A") || a == HashOrder(MerchantOf("M-2"), "A") || a == HashOrder(MerchantOf("M-1"), "B") {
		t.Error("an order's hash does not stand for one shop's one order")
	}
}

func TestChallengesThatCannotBeShown(t *testing.T) {
	for name, change := range map[string]func(*Challenge){
		"nothing to pay":     func(c *Challenge) { c.Amount.Value = 0 },
		"less than nothing":  func(c *Challenge) { c.Amount.Value = -5 },
		"thirteen digits":    func(c *Challenge) { c.Amount.Value = agent.MaxMinor + 1 },
		"an unknown money":   func(c *Challenge) { c.Amount.Currency = "ABC" },
		"before time began":  func(c *Challenge) { c.At = time.Time{} },
		"after its last day": func(c *Challenge) { c.At = time.Unix(math.MaxUint32+1, 0) },
	} {
		c := newMint().challenge()
		change(&c)
		if shown, err := c.Text(); err == nil {
			t.Errorf("%s: shows %s", name, shown)
		}
		if _, err := c.Binding(); err == nil {
			t.Errorf("%s: has a binding", name)
		}
	}
}

func TestChallengesThatAreNone(t *testing.T) {
	m := newMint()
	raw, err := m.challenge().raw()
	if err != nil {
		t.Fatal(err)
	}
	wire := func(value ...any) string { return text(PC1, canon(t, value)) }
	id := make([]byte, 8)
	for name, test := range map[string]struct {
		text string
		want Reason
	}{
		"a receipt":           {text(RC1, m.receipt(t, nil)), NotVoucher},
		"a byte more":         {text(PC1, append(raw[:len(raw):len(raw)], 0)), Malformed},
		"four elements":       {wire(id, id, "CNY", 1280), Malformed},
		"no amount":           {wire(id, id, "CNY", 0, 1), Malformed},
		"an overflow":         {wire(id, id, "CNY", uint64(math.MaxUint64), 1), Malformed},
		"an unknown currency": {wire(id, id, "ABC", 1, 1), Malformed},
		"no time":             {wire(id, id, "CNY", 1, 0), Malformed},
		"a short merchant":    {wire(id[:7], id, "CNY", 1, 1), Malformed},
		"too long":            {text(PC1, make([]byte, 60)), TooLong},
		"no Base45":           {"PC1:!!!", Unreadable},
	} {
		if c, err := ReadChallenge(test.text); ReasonOf(err) != test.want {
			t.Errorf("%s: %+v, %v; want %q", name, c, err, test.want)
		}
	}
}
