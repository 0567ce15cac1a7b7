package checkout

import (
	"context"
	"time"

	"tillwire/agent"
)

// How often and for how long a wallet must say that it does not know a payment
// before that can end it without an acknowledgement.
const (
	absentTimes = 3
	absentAfter = 90 * time.Second
)

// reverse undoes a payment until the wallet acknowledges it, then asks once more:
// only a query that agrees ends it.
func (e *Engine) reverse(ctx context.Context, p agent.Payment, t agent.Task) (agent.Payment, time.Duration, string) {
	if p.Status.Acked() || p.Status.Barred() {
		return e.confirm(ctx, p, t, agent.FactReversed)
	}
	tm := e.timers(p)
	if left := tm.MinReverse - e.sentFor(p); left > 0 {
		return p, left, "the wallet takes a reversal only later"
	}
	w, _ := e.opt.Wallets.Wallet(p.Status.Wallet)
	r, ok := w.(agent.Reverser)
	if !ok {
		return p, e.backoff(p, t.Tries), "the wallet is not set up, so nothing can be reversed"
	}
	once, cancel := context.WithTimeout(ctx, tm.Pay)
	a := r.Reverse(once, p)
	cancel()
	e.count(p, a)
	switch a.Verdict {
	case agent.Accepted:
		return e.record(p, agent.Fact{Kind: agent.FactReversalAccepted, Op: agent.OpReverse, Code: a.Code})
	case agent.Refused:
		return e.record(p, agent.Fact{Kind: agent.FactReversalRefused, Op: agent.OpReverse, Reason: either(a.Reason, agent.ReasonTooLate), Code: a.Code, Text: a.Text})
	case agent.Absent:
		return e.absent(ctx, p, t)
	}
	return p, e.backoff(p, t.Tries), "reversal: " + a.Verdict.String() + " " + a.Code
}

// close makes a shown code unpayable.
func (e *Engine) close(ctx context.Context, p agent.Payment, t agent.Task) (agent.Payment, time.Duration, string) {
	if p.Status.Acked() {
		return e.confirm(ctx, p, t, agent.FactClosed)
	}
	w, _ := e.opt.Wallets.Wallet(p.Status.Wallet)
	c, ok := w.(agent.Closer)
	if !ok {
		return p, e.backoff(p, t.Tries), "the wallet is not set up, so nothing can be closed"
	}
	once, cancel := context.WithTimeout(ctx, e.timers(p).Pay)
	a := c.Close(once, p)
	cancel()
	e.count(p, a)
	switch a.Verdict {
	case agent.Accepted:
		return e.record(p, agent.Fact{Kind: agent.FactCloseAccepted, Op: agent.OpClose, Code: a.Code})
	case agent.Absent:
		return e.absent(ctx, p, t)
	}
	// Not closed: perhaps because it was paid in the meantime.
	if q := e.query(ctx, p); q.Verdict == agent.Approved {
		return e.record(p, approved(q, agent.OpQuery))
	} else if q.Verdict == agent.Ended {
		return e.record(p, agent.Fact{Kind: agent.FactClosed, Op: agent.OpQuery, Code: q.Code})
	}
	return p, e.backoff(p, t.Tries), "close: " + a.Verdict.String() + " " + a.Code
}

// confirm asks after an acknowledgement (or a final no) what is true now.
func (e *Engine) confirm(ctx context.Context, p agent.Payment, t agent.Task, end agent.FactKind) (agent.Payment, time.Duration, string) {
	a := e.query(ctx, p)
	switch a.Verdict {
	case agent.Approved:
		return e.record(p, approved(a, agent.OpQuery))
	case agent.Ended, agent.Absent, agent.Refused:
		if !p.Status.Acked() {
			end = agent.FactNeverArrived
		}
		return e.record(p, agent.Fact{Kind: end, Op: agent.OpQuery, Code: a.Code})
	}
	return p, e.backoff(p, t.Tries), "waiting for the wallet to agree: " + a.Verdict.String()
}

// unknownFor notes that the wallet does not know the payment, and reports whether it
// has said so often and long enough to be believed.
func (e *Engine) unknownFor(id agent.PaymentID) (enough bool) {
	now := e.opt.Clock.Mono()
	e.update(id, func(l *live) {
		l.absent = append(l.absent, now)
		enough = len(l.absent) >= absentTimes && now-l.absent[0] >= absentAfter
	})
	return enough
}

// absent ends a payment that the wallet has never heard of, but only after it was
// said several times, long after the request could still be on its way.
func (e *Engine) absent(ctx context.Context, p agent.Payment, t agent.Task) (agent.Payment, time.Duration, string) {
	if !e.unknownFor(p.ID) {
		return p, max(e.backoff(p, t.Tries), absentAfter/6), "the wallet does not know the order yet"
	}
	switch a := e.query(ctx, p); {
	case a.Verdict == agent.Approved && p.Status.Showing:
		return e.record(p, approved(a, agent.OpQuery)) // scanned while it could not be closed yet
	case a.Verdict != agent.Absent:
		return p, e.backoff(p, t.Tries), "the wallet knows the order after all: " + a.Verdict.String()
	}
	return e.record(p, agent.Fact{Kind: agent.FactNeverArrived, Op: agent.OpQuery})
}

// denied reports that the wallet is saying that it does not know the payment, and is
// about to have said it often enough. Nobody in the office need wait an hour for that.
func (e *Engine) denied(id agent.PaymentID) bool {
	l, _ := e.known(id)
	return len(l.absent) > 0 && e.opt.Clock.Mono()-l.absent[0] < 2*absentAfter
}
