package voucher

import (
	"context"
	"encoding/hex"
	"slices"

	"tillwire/agent/sandbox"
)

func readID(text string) ([8]byte, bool) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != 8 {
		return [8]byte{}, false
	}
	return [8]byte(b), true
}

// Office implements [sandbox.Issuer]. Every change comes with a new key set.
func (i *Issuer) Office(ctx context.Context, ask sandbox.OfficeAsk) error {
	switch ask.Do {
	case "rotate":
		return i.Rotate(ctx)
	case "revoke":
		return i.Revoke(ctx, ask.Key)
	case "deny", "allow":
		return i.Deny(ctx, ask.Voucher, ask.Do == "deny")
	case "publish":
		return i.Publish(ctx, ask.Version)
	}
	return sandbox.OfficeError("The issuer can rotate, revoke, deny, allow and publish.")
}

// Rotate makes a new key. The one before it stays valid for the overlap, so that
// what it signed can be taken for so long as it lives.
func (i *Issuer) Rotate(ctx context.Context) error {
	return i.change(ctx, func(v *vault) error {
		last := &v.Keys[len(v.Keys)-1]
		if end := i.now().Add(keyOverlap); end.Before(last.Until) {
			last.Until = end
		}
		v.addKey(i.now())
		return nil
	})
}

// Revoke withdraws a key at once. Where it is the last that could sign, a new one
// comes with it.
func (i *Issuer) Revoke(ctx context.Context, kid string) error {
	return i.change(ctx, func(v *vault) error {
		n := slices.IndexFunc(v.Keys, func(k ownKey) bool { return hex.EncodeToString(NewPen(k.Seed).ID()) == kid })
		if n < 0 {
			return sandbox.OfficeError("There is no key with this id.")
		}
		v.Keys[n].Revoked = true
		if !slices.ContainsFunc(v.Keys, func(k ownKey) bool { return !k.Revoked && i.now().Before(k.Until) }) {
			v.addKey(i.now())
		}
		return nil
	})
}

// Deny puts a voucher or a certificate on the deny list, or takes it off.
func (i *Issuer) Deny(ctx context.Context, id string, on bool) error {
	known, err := i.o.Ledger.Block(ctx, i.o.Brand, id, on)
	if err != nil {
		return err
	}
	if !known {
		return sandbox.OfficeError("There is no voucher with this id.")
	}
	return i.change(ctx, func(*vault) error { return nil })
}

// Publish gives an older key set out instead of the newest one, as whoever rolls a
// shop's trust back would; 0 is the newest again.
func (i *Issuer) Publish(ctx context.Context, version uint64) error {
	i.mu.Lock()
	known := version == 0 || slices.ContainsFunc(i.vault.Sets, func(s signedSet) bool { return s.Version == version })
	i.mu.Unlock()
	if !known {
		return sandbox.OfficeError("There is no key set of this version any more.")
	}
	return i.change(ctx, func(v *vault) error {
		v.Published = version
		return nil
	})
}

// Report implements [sandbox.Issuer].
func (i *Issuer) Report(ctx context.Context) (sandbox.IssuerReport, error) {
	all, err := i.o.Ledger.AllPrepaid(ctx, i.o.Brand)
	if err != nil {
		return sandbox.IssuerReport{}, err
	}
	roots := i.Roots()
	press, _ := i.press() // without one, no key is in use
	i.mu.Lock()
	defer i.mu.Unlock()
	r := sandbox.IssuerReport{Brand: i.o.Brand, Number: i.o.Number, Version: i.vault.Version, Published: i.vault.Published,
		Keys: []sandbox.IssuerKey{}, Vouchers: []sandbox.IssuerVoucher{}}
	for _, root := range roots {
		r.Roots = append(r.Roots, hex.EncodeToString(root))
	}
	for _, k := range i.vault.Keys {
		id := NewPen(k.Seed).ID()
		r.Keys = append(r.Keys, sandbox.IssuerKey{ID: hex.EncodeToString(id), From: k.From, Until: k.Until, Revoked: k.Revoked,
			InUse: slices.Equal(id, press.Pen.ID())})
	}
	for _, p := range all {
		r.Vouchers = append(r.Vouchers, sandbox.IssuerVoucher{ID: p.ID, Customer: p.Customer, Kind: p.Kind, Currency: p.Currency,
			Total: p.Total, Drawn: p.Drawn, Returned: p.Returned, Until: p.Until, Denied: p.Blocked})
	}
	return r, nil
}

func idText(id [8]byte) string { return hex.EncodeToString(id[:]) }
