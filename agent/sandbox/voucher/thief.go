package voucher

import (
	"context"
	"errors"
	"time"

	"tillwire/agent/sandbox"
)

// rob makes the code of a thief's phone, and counts on as the phone would.
func (p *phone) rob(t *Thief, press Press, now time.Time, c *Challenge) string {
	t.Press, t.Device, t.Worth, t.Counter = press, p.device(), p.Worth, p.Counter
	text := t.Code(p.Attack, now, c, uint64(now.UnixNano())^uint64(p.Counter)<<40)
	p.Counter = t.Counter
	return text
}

var errCannot = errors.New("sandbox voucher: the phone may not sign this")

// sign lets the phone sign: for a challenge, or with a ceiling. The counter is kept
// before the code is shown.
func (i *Issuer) sign(ctx context.Context, customer string, c *Challenge) (sandbox.Slip, error) {
	var amount int64
	var currency string
	if c != nil {
		amount, currency = c.Amount, c.Currency
	}
	press, err := i.press()
	if err != nil {
		return sandbox.Slip{}, err
	}
	thief := i.thieves.of(customer)
	var text string
	_, err = i.hold(ctx, customer, func(p *phone) error {
		now := i.now()
		switch {
		case p.Attack != "" && len(p.Certificate) > 0:
			text = p.rob(thief, press, now, c)
			return nil
		case !p.covers(now, currency, amount):
			return errCannot
		}
		p.Counter++
		p.Signed += amount
		text = p.device().Sign(now, p.Counter, c)
		thief.Last = text // a phone that turns thief has it to show again
		return nil
	})
	if errors.Is(err, errCannot) {
		return sandbox.Slip{Status: sandbox.ScanDeclined}, nil
	}
	if err != nil {
		return sandbox.Slip{}, err
	}
	return sandbox.Slip{Status: sandbox.ScanSigned, Code: text}, nil
}
