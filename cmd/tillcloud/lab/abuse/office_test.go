package abuse_test

import (
	"bytes"
	"crypto/ed25519"
	"slices"
	"time"

	issuing "tillwire/agent/sandbox/voucher"
	"tillwire/cmd/tillcloud/lab"
)

// office is an issuer without a ledger: its keys, its lists, and every key set that it
// ever gave out.
type office struct {
	root, spare issuing.Pen
	keys        []issuing.Pen // oldest first; the last signs
	narrow      issuing.Pen   // of our issuer, for receipts alone
	cheap       issuing.Pen   // of our issuer, for small sums alone
	other       issuing.Pen   // of the neighbour
	set         issuing.KeySet
	given       [][]byte
}

func pen(d lab.Dice) issuing.Pen { return issuing.NewPen(random(d, ed25519.SeedSize)) }

// random are bytes that the dice repeat.
func random(d lab.Dice, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(d.IntN(256))
	}
	return b
}

// mostOfCheap is what the key for small sums may sign, in minor units.
const mostOfCheap = 100

func newOffice(d lab.Dice, now time.Time) office {
	o := office{root: pen(d), spare: pen(d), narrow: pen(d), cheap: pen(d), other: pen(d)}
	all := issuing.UseReceipts + issuing.UseBearer + issuing.UseDevices
	o.addKey(d, now)
	for _, k := range []issuing.Key{
		{Public: o.narrow.Public(), Issuer: issuerNo, Uses: issuing.UseReceipts},
		{Public: o.cheap.Public(), Issuer: issuerNo, Uses: all, Most: []issuing.Amount{{Currency: currency, Value: mostOfCheap}}},
		{Public: o.other.Public(), Issuer: neighbour, Uses: all},
	} {
		k.From, k.Until = now.Add(-time.Hour), now.Add(90*24*time.Hour)
		o.set.Keys = append(o.set.Keys, k)
	}
	return o
}

func (o *office) roots() []ed25519.PublicKey {
	var list []ed25519.PublicKey
	for _, p := range []issuing.Pen{o.root, o.spare} {
		public, _ := p.Public().(ed25519.PublicKey) // as NewPen makes them
		list = append(list, public)
	}
	return list
}

func (o *office) addKey(d lab.Dice, now time.Time) {
	o.keys = append(o.keys, pen(d))
	o.set.Keys = append(o.set.Keys, issuing.Key{Public: o.keys[len(o.keys)-1].Public(), Issuer: issuerNo, From: now.Add(-time.Hour),
		Until: now.Add(90 * 24 * time.Hour), Uses: issuing.UseReceipts + issuing.UseBearer + issuing.UseDevices})
}

// press is what signs now.
func (o *office) press() issuing.Press {
	return issuing.Press{Number: issuerNo, Pen: o.keys[len(o.keys)-1]}
}

// revoke withdraws the oldest key that is left, where another one signs.
func (o *office) revoke() {
	for i, k := range o.set.Keys {
		if key, ok := k.Public.(ed25519.PublicKey); ok && len(o.keys) > 1 && key.Equal(o.keys[0].Public()) {
			o.set.Keys[i].Revoked = true
			o.keys = o.keys[1:]
			return
		}
	}
}

// publish signs the next key set.
func (o *office) publish(now time.Time) []byte {
	o.set.Version++
	o.set.Issued, o.set.Expires, o.set.DenyAsOf = now, now.Add(7*24*time.Hour), now
	raw := o.set.Sign(o.root)
	o.given = append(o.given, raw)
	return raw
}

// phone is a customer's phone with its certificate.
type phone struct {
	press   issuing.Press // that certified it
	device  issuing.Device
	worth   issuing.Worth
	counter uint32
	last    string // the code that was taken last, empty before the first
}

// revoked reports that the key of the phone's certificate was withdrawn.
func (o *office) revoked(p *phone) bool {
	return !slices.ContainsFunc(o.keys, func(k issuing.Pen) bool { return bytes.Equal(k.ID(), p.press.Pen.ID()) })
}

// thief is whoever has the phone in hand.
func (p *phone) thief() *issuing.Thief {
	return &issuing.Thief{Press: p.press, Device: p.device, Worth: p.worth, Counter: p.counter, Last: p.last}
}

// phone certifies a new phone, one with Ed25519 or one with ES256.
func (o *office) phone(d lab.Dice, now time.Time, es256 bool) *phone {
	p := &phone{press: o.press(), worth: worth(d, now, 1_000_000)}
	p.device.Pen = pen(d)
	if es256 {
		p.device.Pen = issuing.NewES256(random(d, 32))
	}
	p.device.Certificate = p.press.Certificate(p.worth, p.device.Pen.Public())
	return p
}

// worth is what a voucher of a new id covers.
func worth(d lab.Dice, now time.Time, total int64) issuing.Worth {
	w := issuing.Worth{From: now.Add(-time.Hour), Currency: currency, Total: total, Most: min(total, 50_000)}
	w.Until, w.ID = w.From.Add(7*24*time.Hour), [8]byte(random(d, 8))
	return w
}
