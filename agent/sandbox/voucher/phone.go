package voucher

import (
	"context"
	"encoding/json"
	"time"

	"tillwire/agent/sandbox"
)

// renewBefore is how long before its end a phone fetches a new certificate.
const renewBefore = 24 * time.Hour

// phone is what a customer's phone keeps: its own key, the certificate for it and
// how far it has counted. It is kept with the ledger, because a phone that forgot
// its counter would look like a copy of itself.
type phone struct {
	Seed        []byte `json:"seed"`
	Certificate []byte `json:"certificate,omitempty"`
	Worth       Worth  `json:"worth"` // of the certificate
	Signed      int64  `json:"signed"`
	Counter     uint32 `json:"counter"`
	Flight      bool   `json:"flight"`
	Attack      Attack `json:"attack,omitempty"`
	ES256       bool   `json:"es256,omitempty"` // its secure element has no Ed25519
}

func (p *phone) pen() Pen {
	if p.ES256 {
		return NewES256(p.Seed)
	}
	return NewPen(p.Seed)
}

func (p *phone) device() Device { return Device{p.pen(), p.Certificate} }

// covers reports whether the phone may sign for an amount; a code with a ceiling
// has none and needs only a certificate.
func (p *phone) covers(now time.Time, currency string, amount int64) bool {
	w := p.Worth
	return len(p.Certificate) > 0 && !now.Before(w.From) && now.Before(w.Until) && (amount == 0 ||
		currency == w.Currency && amount <= w.Most && amount <= w.Total-p.Signed)
}

// hold changes a phone in one step, and makes its key when it has none. use must
// not ask the ledger.
func (i *Issuer) hold(ctx context.Context, customer string, use func(*phone) error) (phone, error) {
	var p phone
	err := i.o.Ledger.Update(ctx, "phone "+customer, func(kept []byte) ([]byte, error) {
		p = phone{Seed: seed()}
		if kept != nil {
			if err := json.Unmarshal(kept, &p); err != nil {
				return nil, err
			}
		}
		if err := use(&p); err != nil {
			return nil, err
		}
		return json.Marshal(p)
	})
	return p, err
}

func look(*phone) error { return nil }

// Carry implements [sandbox.Issuer]. Whoever boards a plane had a line just before,
// so the phone has a certificate that is as fresh as it can be.
func (i *Issuer) Carry(ctx context.Context, customer string, c sandbox.Carriage) (sandbox.Pocket, error) {
	if c.Attack != nil && !Attack(*c.Attack).known() {
		return sandbox.Pocket{}, sandbox.OfficeError("There is no such attack.")
	}
	p, err := i.hold(ctx, customer, look)
	if err == nil && c.ES256 != nil && *c.ES256 != p.ES256 {
		err = i.exchange(ctx, customer, p.Flight, *c.ES256)
	}
	if err == nil && c.Flight != nil && *c.Flight && !p.Flight {
		err = i.provision(ctx, customer)
		if sandbox.RefusedFor(err) == sandbox.ReasonNotEnough {
			err = nil // a phone without money flies, too; it will sign nothing
		}
	}
	if err != nil {
		return sandbox.Pocket{}, err
	}
	p, err = i.hold(ctx, customer, func(p *phone) error {
		if c.Flight != nil {
			p.Flight = *c.Flight
		}
		if c.Attack != nil {
			p.Attack = Attack(*c.Attack)
		}
		return nil
	})
	pocket := sandbox.Pocket{Flight: p.Flight, Attack: string(p.Attack), ES256: p.ES256, Currency: p.Worth.Currency, Counter: p.Counter}
	if len(p.Certificate) > 0 {
		pocket.Voucher, pocket.Left, pocket.Most, pocket.Until = idText(p.Worth.ID), p.Worth.Total-p.Signed, p.Worth.Most, p.Worth.Until
	}
	return pocket, err
}

// exchange gives the customer another phone, with the other sort of key. What stands
// behind the certificate of the old one goes back when that has ended, as when a phone
// is lost.
func (i *Issuer) exchange(ctx context.Context, id string, flight, es256 bool) error {
	if flight {
		return sandbox.OfficeError("A phone gets a new key with a line; end flight mode first.")
	}
	_, err := i.hold(ctx, id, func(p *phone) error {
		*p = phone{Seed: seed(), Attack: p.Attack, ES256: es256}
		return nil
	})
	return err
}

// provision gives the phone a certificate unless it has one that lasts. The money
// is taken from the customer first: a certificate without it would be a promise.
func (i *Issuer) provision(ctx context.Context, id string) error {
	p, err := i.hold(ctx, id, look)
	if err != nil {
		return err
	}
	if now := i.now(); p.covers(now.Add(renewBefore), p.Worth.Currency, 1) {
		return nil
	}
	customer, err := i.o.Ledger.Customer(ctx, id)
	if err != nil {
		return err
	}
	unit := sandbox.Unit(customer.Currency)
	w := i.worth(customer.Currency, min(customer.Balance, i.o.Allowance*unit), deviceLife)
	w.Most = min(w.Total, i.o.Most*unit)
	if err := i.prepay(ctx, id, "device", w); err != nil {
		return err
	}
	press, err := i.press()
	if err != nil {
		return err
	}
	_, err = i.hold(ctx, id, func(p *phone) error {
		// A new device key with every certificate: a copy of the old one is worth nothing.
		p.Seed = seed()
		p.Worth, p.Certificate, p.Signed, p.Counter = w, press.Certificate(w, p.pen().Public()), 0, 0
		return nil
	})
	return err
}

// worth is what a new voucher covers. Its life is counted from its beginning, an
// hour ago, so that no shop finds it too long.
func (i *Issuer) worth(currency string, total int64, life time.Duration) Worth {
	from := i.now().Add(-startsBefore)
	return Worth{ID: [8]byte(seed()[:8]), From: from, Until: from.Add(life), Currency: currency, Total: total, Most: total}
}

// prepay takes what stands behind a voucher.
func (i *Issuer) prepay(ctx context.Context, customer, kind string, w Worth) error {
	if w.Total <= 0 {
		return sandbox.Refusal{Reason: sandbox.ReasonNotEnough}
	}
	return i.o.Ledger.Prepay(ctx, sandbox.Prepaid{Wallet: i.o.Brand, ID: idText(w.ID), Customer: customer, Kind: kind,
		Currency: w.Currency, Total: w.Total, Most: w.Most, From: w.From, Until: w.Until})
}

// Voucher implements [sandbox.Issuer].
func (i *Issuer) Voucher(ctx context.Context, id string, ask sandbox.VoucherAsk) (sandbox.Slip, error) {
	p, err := i.hold(ctx, id, look)
	if err != nil {
		return sandbox.Slip{}, err
	}
	switch {
	case ask.Kind == "bearer" && p.Flight:
		return sandbox.Slip{}, sandbox.OfficeError("A bearer voucher is bought with a line; end flight mode first.")
	case ask.Kind == "bearer":
		return i.bearer(ctx, id, ask.Amount)
	case ask.Kind != "" && ask.Kind != "ceiling":
		return sandbox.Slip{}, sandbox.OfficeError("Vouchers are ceiling or bearer.")
	case !p.Flight:
		if err := i.provision(ctx, id); err != nil && sandbox.RefusedFor(err) != sandbox.ReasonNotEnough {
			return sandbox.Slip{}, err
		}
	}
	return i.sign(ctx, id, nil)
}

// bearer sells the customer a voucher of a fixed value.
func (i *Issuer) bearer(ctx context.Context, id string, amount int64) (sandbox.Slip, error) {
	customer, err := i.o.Ledger.Customer(ctx, id)
	if err != nil {
		return sandbox.Slip{}, err
	}
	if amount < 1 || amount > maxAmount {
		return sandbox.Slip{}, sandbox.OfficeError("A bearer voucher needs an amount in minor units.")
	}
	press, err := i.press()
	if err != nil {
		return sandbox.Slip{}, err
	}
	w := i.worth(customer.Currency, amount, bearerLife)
	err = i.prepay(ctx, id, "bearer", w)
	if sandbox.RefusedFor(err) == sandbox.ReasonNotEnough {
		return sandbox.Slip{Status: sandbox.ScanDeclined}, nil
	}
	return sandbox.Slip{Status: sandbox.ScanSigned, Code: press.Bearer(w)}, err
}
