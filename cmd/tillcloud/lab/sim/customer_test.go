package sim_test

import (
	"context"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
)

// customerScans is a customer before a shown code: now, late, or twice.
func (w *weather) customerScans(ctx context.Context, dice lab.Dice, who phone, id agent.PaymentID) {
	var qr string
	for range 60 {
		w.day.wait(dice.Between(500*time.Millisecond, 3*time.Second))
		p, ok := w.day.payment(ctx, id)
		if ok && p.Status.Final() {
			return
		}
		if qr = p.Status.QR; ok && qr != "" {
			break
		}
	}
	if qr == "" {
		return
	}
	switch {
	case dice.Chance(15):
		w.day.wait(dice.Between(time.Minute, 5*time.Minute)) // a photograph, paid later
	case w.slow.Load():
		w.day.wait(dice.Between(20*time.Second, 2*time.Minute))
	default:
		w.day.wait(dice.Between(time.Second, 15*time.Second))
	}
	status := w.phoneCall(ctx, func(ctx context.Context, l *sandbox.Ledger) (sandbox.ScanStatus, error) {
		return l.Scan(ctx, who.id, qr)
	})
	if status == sandbox.ScanPassword {
		w.customerConfirms(ctx, dice, who)
	}
}

// customerConfirms types the password, or takes too long over it.
func (w *weather) customerConfirms(ctx context.Context, dice lab.Dice, who phone) {
	most := 12 * time.Second
	if w.slow.Load() || dice.Chance(8) {
		most = 70 * time.Second
	}
	w.day.wait(dice.Between(time.Second, most))
	w.phoneCall(ctx, func(ctx context.Context, l *sandbox.Ledger) (sandbox.ScanStatus, error) {
		return l.Confirm(ctx, who.id)
	})
}

// phoneCall is a phone's way to the cloud. No fault of the shop's touches it, but
// the cloud may be down: people try again.
func (w *weather) phoneCall(ctx context.Context, call func(context.Context, *sandbox.Ledger) (sandbox.ScanStatus, error)) sandbox.ScanStatus {
	for range 4 {
		status, err := call(ctx, w.day.shop.Cloud().Ledger)
		if err == nil {
			return status
		}
		w.day.wait(5 * time.Second)
	}
	return sandbox.ScanUnknown
}
