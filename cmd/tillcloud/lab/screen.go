package lab

import (
	"context"
	"time"

	"tillwire/agent"
)

// lingers is how long a customer's display may still show a code that is not to be
// paid any more: the commit comes first, the display hears of it.
const lingers = 5 * time.Second

// picture is a code that the shop had for a customer to scan.
type picture struct {
	orderNo string
	lane    string
	left    time.Duration // Clock.Mono when its payment was not in qr_shown any more
	gone    bool
	mixed   bool // the wallet gave it to two payments, so that no display can be right
}

// picture notes which code a payment has now. The shop's mutex is held.
func (e *evidence) picture(p agent.Payment, now time.Duration) {
	qr := ""
	if p.Status.State == agent.QRShown {
		qr = p.Status.QR
	}
	before := e.codeOf[p.ID]
	if before == qr {
		return
	}
	if one := e.shown[before]; one != nil {
		one.left, one.gone = now, true
	}
	delete(e.codeOf, p.ID)
	if qr != "" {
		other := e.shown[qr]
		e.codeOf[p.ID], e.shown[qr] = qr, &picture{orderNo: p.OrderNo, lane: p.Lane, mixed: e.mixed[p.OrderNo] || other != nil && other.mixed}
	}
}

// found notes the codes that stood on the disk when the power came, which nobody
// commits again: of a run before, or of another machine.
func (s *Shop) found(ctx context.Context, t *till) error {
	var open []agent.Payment
	var err error
	s.opt.Look(func() { open, err = t.reader.OpenPayments(context.WithoutCancel(ctx)) })
	now := s.opt.Clock.Mono()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range open {
		s.seen.picture(p, now)
	}
	return err
}

// screen is a lane's display for the customer. It remembers the code that it shows,
// as it was told to, whatever the campaign's own display does with it.
type screen struct {
	shop *Shop
	till *till
	lane string
	real agent.Display // nil: there is only this one

	// Under the shop's mutex.
	qr    string        // empty: no code
	since time.Duration // Clock.Mono
	ttl   time.Duration // zero: for ever
}

// screen makes the display of a lane.
func (s *Shop) screen(t *till, lane string) agent.Display {
	d := &screen{shop: s, till: t, lane: lane}
	if s.opt.Display != nil {
		d.real = s.opt.Display(lane)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t.screens = append(t.screens, d)
	return d
}

// Show implements agent.Display. A display that fails is not judged from then on: the
// agent has tried, and who looks at it sees that it is broken.
func (d *screen) Show(ctx context.Context, s agent.Screen) error {
	d.turn("", 0)
	if d.real != nil {
		if err := d.real.Show(ctx, s); err != nil {
			return err
		}
	}
	if !d.till.on.Load() {
		return ErrPowerOff
	}
	d.turn(s.QR, s.TTL)
	return nil
}

// turn puts another code, or none, in the place of the one that stands there.
func (d *screen) turn(qr string, ttl time.Duration) {
	now := d.shop.opt.Clock.Mono()
	d.shop.mu.Lock()
	before, end := d.qr, now
	if d.ttl > 0 {
		end = min(now, d.since+d.ttl)
	}
	one := d.shop.seen.shown[before]
	var known picture
	if one != nil {
		known = *one
	}
	d.qr, d.since, d.ttl = qr, now, ttl
	d.shop.mu.Unlock()
	switch {
	case before == "" || known.mixed:
	case one == nil:
		d.shop.accuse(CheckScreen, "the display of lane %s shows a code that no payment has", d.lane)
	case known.lane != d.lane:
		d.shop.accuse(CheckScreen, "the display of lane %s shows the code of %s, which is paid on lane %s", d.lane, known.orderNo, known.lane)
	case known.gone && end > known.left+lingers:
		d.shop.accuse(CheckScreen, "the display of lane %s shows the code of %s for %s after it was not to be paid any more", d.lane, known.orderNo, end-known.left)
	}
}

// darken ends what the displays of a run show.
func (s *Shop) darken(t *till) {
	s.mu.Lock()
	all := t.screens
	s.mu.Unlock()
	for _, d := range all {
		d.turn("", 0)
	}
}

// judgeScreens looks at what the displays show in the end.
func (s *Shop) judgeScreens() {
	s.mu.Lock()
	t := s.till
	s.mu.Unlock()
	if t != nil {
		s.darken(t)
	}
}
