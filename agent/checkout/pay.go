package checkout

import (
	"context"
	"time"

	"tillwire/agent"
)

// redial is the pause between two tries while the line is being ridden through.
const redial = time.Second

// send carries out what FactPayStarted or FactPresentStarted announced. If this
// run does not hold the code any more, the payment can only be asked about.
func (e *Engine) send(ctx context.Context, p agent.Payment, t agent.Task) (agent.Payment, time.Duration, string) {
	if p.Status.Showing {
		return e.present(ctx, p)
	}
	l, _ := e.known(p.ID)
	if l.code.IsZero() {
		return e.decide(p, agent.Fact{Kind: agent.FactInDoubt, Op: agent.OpPay, Reason: agent.ReasonNoAnswer})
	}
	a := e.pay(ctx, p, l)
	e.count(p, a)
	switch a.Verdict {
	case agent.Approved:
		e.wipe(p.ID)
		return e.lateOr(ctx, p, approved(a, agent.OpPay))
	case agent.Awaiting:
		e.wipe(p.ID)
		return e.record(p, agent.Fact{Kind: agent.FactAwaiting, Op: agent.OpPay, Code: a.Code, Text: a.Text})
	case agent.Refused:
		e.wipe(p.ID)
		return e.record(p, agent.Fact{Kind: agent.FactRefused, Op: agent.OpPay, Reason: either(a.Reason, agent.ReasonWalletRefused), Code: a.Code, Text: a.Text})
	case agent.NotDelivered:
		if p.Status.Attempt == 1 {
			e.wipe(p.ID)
			return e.record(p, agent.Fact{Kind: agent.FactUnsent, Op: agent.OpPay, Reason: either(a.Reason, agent.ReasonLineDown), Text: a.Text})
		}
	}
	return e.record(p, agent.Fact{Kind: agent.FactInDoubt, Op: agent.OpPay, Reason: either(a.Reason, agent.ReasonNoAnswer), Code: a.Code, Text: a.Text})
}

// pay sends the code, again with the same order number as long as provably
// nothing left the shop, the code is young and nobody has cancelled.
func (e *Engine) pay(ctx context.Context, p agent.Payment, l live) agent.Answer {
	w, _ := e.opt.Wallets.Wallet(p.Status.Wallet)
	charger, ok := w.(agent.Charger)
	if !ok {
		return agent.Answer{Verdict: agent.NotDelivered, Reason: agent.ReasonSetup}
	}
	pay := e.prepared(p.ID, charger.Pay)
	tm := e.timers(p)
	for {
		once, cancel := context.WithTimeout(ctx, tm.Pay)
		a := pay(once, p, l.code)
		cancel()
		pay = charger.Pay
		if a.Verdict != agent.NotDelivered || a.Reason == agent.ReasonSetup || !e.fresh(l, tm) || !e.rideOn(ctx, p) {
			return a
		}
	}
}

// fresh reports whether the customer's code may still be sent.
func (e *Engine) fresh(l live, tm agent.Timers) bool {
	return e.opt.Clock.Mono()-l.scanned+redial < min(tm.CodeAge, e.opt.RideThrough())
}

// rideOn waits for the next try and reports whether there should be one.
func (e *Engine) rideOn(ctx context.Context, p agent.Payment) bool {
	select {
	case <-ctx.Done():
		return false
	case <-e.work.Done(): // a till that asks does not keep an agent alive that stops
		return false
	case <-e.opt.Clock.After(redial):
	}
	now, err := e.opt.Journal.Payment(ctx, p.ID)
	return err == nil && now.Status.State == agent.Sending
}

// lateOr records a success. Where the payment has ended in the meantime, the pay
// answer is old news; only the wallet's present word counts.
func (e *Engine) lateOr(ctx context.Context, p agent.Payment, f agent.Fact) (agent.Payment, time.Duration, string) {
	next, wait, why := e.record(p, f)
	if next.Version == p.Version || !next.Status.Final() || next.Status.State == agent.Paid {
		return next, wait, why
	}
	if a := e.query(ctx, next); a.Verdict == agent.Approved {
		return e.record(next, approved(a, agent.OpQuery))
	}
	return next, wait, why
}

// present asks for a code to show. Nobody has seen it yet, so asking again with
// the same order number is harmless until the time to ride through is over.
func (e *Engine) present(ctx context.Context, p agent.Payment) (agent.Payment, time.Duration, string) {
	w, err := e.presenter(p.Status.Wallet, p.Amount)
	if err != nil {
		return e.decide(p, agent.Fact{Kind: agent.FactCloseDecided, Reason: agent.ReasonSetup, By: "tillwire"})
	}
	a := e.fetch(ctx, p, w.(agent.Presenter))
	switch a.Verdict {
	case agent.Shown:
		e.update(p.ID, func(l *live) { l.shown = e.opt.Clock.Mono() })
		return e.record(p, agent.Fact{Kind: agent.FactQRReady, Op: agent.OpPresent, QR: a.QR})
	case agent.Refused:
		return e.record(p, agent.Fact{Kind: agent.FactRefused, Op: agent.OpPresent, Reason: either(a.Reason, agent.ReasonWalletRefused), Code: a.Code, Text: a.Text})
	}
	if l, _ := e.known(p.ID); !l.doubtQR && a.Verdict == agent.NotDelivered {
		return e.record(p, agent.Fact{Kind: agent.FactUnsent, Op: agent.OpPresent, Reason: either(a.Reason, agent.ReasonLineDown), Text: a.Text})
	}
	why := agent.ReasonNoAnswer
	if a.Reason == agent.ReasonShownElse {
		why = a.Reason
		e.opt.Log.Error("the wallet sent a code that is not this payment's; nobody has seen it", "comp", "checkout", "code", "foreign_code", "tx", string(p.ID), "wallet", p.Status.Wallet, "err", a.Err)
	}
	return e.decide(p, agent.Fact{Kind: agent.FactCloseDecided, Reason: why, By: "tillwire"})
}

// fetch asks for a code until there is an answer or the time to ride through is
// over, and remembers whether any request may have arrived.
func (e *Engine) fetch(ctx context.Context, p agent.Payment, w agent.Presenter) agent.Answer {
	for {
		once, cancel := context.WithTimeout(ctx, e.timers(p).Pay)
		a := w.Present(once, p)
		cancel()
		switch a.Verdict {
		case agent.Shown, agent.Refused:
			return a
		case agent.NotDelivered:
		default:
			e.update(p.ID, func(l *live) { l.doubtQR = true })
		}
		if a.Reason == agent.ReasonSetup || a.Reason == agent.ReasonShownElse || e.sentFor(p)+redial >= e.opt.RideThrough() || !e.rideOn(ctx, p) {
			return a
		}
	}
}

// pollQR asks whether the shown code was paid, and closes it when its time is over.
func (e *Engine) pollQR(ctx context.Context, p agent.Payment) (agent.Payment, time.Duration, string) {
	a := e.query(ctx, p)
	switch a.Verdict {
	case agent.Approved:
		return e.record(p, approved(a, agent.OpQuery))
	case agent.Ended:
		return e.record(p, agent.Fact{Kind: agent.FactClosed, Op: agent.OpQuery, Reason: agent.ReasonQRExpired, Code: a.Code})
	}
	left := e.qrLeft(p)
	if left <= 0 {
		return e.decide(p, agent.Fact{Kind: agent.FactCloseDecided, Reason: agent.ReasonQRExpired, By: "tillwire"})
	}
	return p, min(e.timers(p).QRPoll, left), "waiting for the customer: " + a.Verdict.String()
}

// qrLeft is how long the shown code may stay. After a restart the wall clock
// decides, never to the customer's favour beyond one full life.
func (e *Engine) qrLeft(p agent.Payment) time.Duration {
	life := e.timers(p).QRLife
	if l, ok := e.known(p.ID); ok && l.shown > 0 {
		return life - (e.opt.Clock.Mono() - l.shown)
	}
	age := e.opt.Clock.Now().Sub(p.Status.ShownAt)
	if age < 0 {
		return 0
	}
	return life - age
}
