package checkout

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"tillwire/agent"
)

// Resume takes a payment as far as it will go now. It serves the first try, every
// retry and the restart after a power cut: what to do follows from the recorded
// facts alone. It returns how long to wait before the next try, and why; zero
// means that a new fact has settled what comes next.
func (e *Engine) Resume(ctx context.Context, t agent.Task) (time.Duration, string) {
	if !e.take(t.Payment) {
		return time.Second, "another step of this payment is under way"
	}
	defer e.release(t.Payment)
	p, err := e.opt.Journal.Payment(ctx, t.Payment)
	if err != nil {
		return 10 * time.Second, err.Error()
	}
	if t.RefundNo != "" {
		return e.resumeRefund(ctx, p, t)
	}
	for {
		version := p.Version
		next, wait, why := e.step(ctx, p, t)
		if wait > 0 || next.Version == version {
			return wait, why
		}
		if wait, more := e.next(next, ""); wait > 0 || !more {
			return wait, "something new is known"
		}
		p = next
	}
}

// next is how long the payment's own next step, or a refund's, has to wait; more is
// false when there is none. What this run has announced but not sent is due.
func (e *Engine) next(p agent.Payment, refundNo string) (wait time.Duration, more bool) {
	for _, s := range p.Steps(e.timers(p)) {
		if s.RefundNo != refundNo {
			continue
		}
		if refundNo == "" && p.Status.State == agent.Sending {
			return 0, true
		}
		return s.Wait, true
	}
	return 0, false
}

// step does the one thing that the payment's state asks for. It returns the
// payment as it then stands.
func (e *Engine) step(ctx context.Context, p agent.Payment, t agent.Task) (agent.Payment, time.Duration, string) {
	for _, before := range []func(agent.Payment) (agent.Payment, time.Duration, string){e.restarted, e.exhausted} {
		if next, wait, why := before(p); wait > 0 || next.Version != p.Version {
			return next, wait, why
		}
	}
	state := p.Status.State
	if state == agent.Review {
		state = p.Status.Under
	}
	var next agent.Payment
	var wait time.Duration
	var why string
	switch state {
	case agent.Created:
		next, wait, why = e.expire(p)
	case agent.Sending:
		next, wait, why = e.send(ctx, p, t)
	case agent.AwaitPayer, agent.Unknown:
		next, wait, why = e.ask(ctx, p, t)
	case agent.QRShown:
		next, wait, why = e.pollQR(ctx, p)
	case agent.Reversing:
		next, wait, why = e.reverse(ctx, p, t)
	case agent.Closing:
		next, wait, why = e.close(ctx, p, t)
	case agent.Declined:
		next, wait, why = e.watch(ctx, p, t)
	case agent.RefundDue:
		next, wait, why = e.unreturned(ctx, p, t)
	case agent.OfflineAccepted, agent.Redeeming:
		next, wait, why = e.forward(ctx, p, t)
	case agent.Voided:
		next, wait, why = e.tellVoided(ctx, p, t)
	default:
		next = p
	}
	if p.Status.State == agent.Review && next.Version == p.Version && !e.denied(p.ID) {
		wait = max(wait, reviewRest)
	}
	return next, wait, why
}

// restarted records that the agent stopped while the payment was under way. What
// this run has not begun, the last run may have sent; as long as that is not on the disk
// the payment rests, or the next answer would be taken for that of its only try.
func (e *Engine) restarted(p agent.Payment) (agent.Payment, time.Duration, string) {
	if _, ours := e.known(p.ID); ours {
		return p, 0, ""
	}
	var fact agent.Fact
	switch s := p.Status; {
	case s.State == agent.Created:
		fact = agent.Fact{Kind: agent.FactUnsent, Reason: agent.ReasonRestart}
	case s.State == agent.Sending && s.Showing:
		fact = agent.Fact{Kind: agent.FactCloseDecided, Reason: agent.ReasonNoAnswer, By: "tillwire"}
	case s.State == agent.Sending, s.State == agent.Redeeming && !s.Exposed():
		fact = agent.Fact{Kind: agent.FactRestarted, Reason: agent.ReasonRestart}
	default:
		return p, 0, ""
	}
	return e.decide(p, fact)
}

// exhausted hands a payment to the office when automation has tried long enough. A
// wall clock that was set right and a shop that was switched off over the weekend
// are no tries, so this run must have tried for a while, too.
func (e *Engine) exhausted(p agent.Payment) (agent.Payment, time.Duration, string) {
	s := p.Status
	if s.Final() || s.State == agent.Created || s.State == agent.Review || s.State == agent.OfflineAccepted {
		return p, 0, ""
	}
	tried, age := e.metFor(p.ID), e.opt.Clock.Now().Sub(p.Created)
	l, _ := e.known(p.ID)
	if l.opened > 0 { // the wall clock may have been years behind then
		age = e.opt.Clock.Mono() - l.opened
	}
	if s.AtStake() {
		tried = 0 // a line that is down for days is no try
	}
	if l.doubts < maxDoubts && (tried < leastTried || max(tried, age) < e.patience(p)) {
		return p, 0, ""
	}
	return e.decide(p, agent.Fact{Kind: agent.FactReviewOpened, Reason: agent.ReasonExhausted, By: "tillwire"})
}

// expire ends a payment whose code never came.
func (e *Engine) expire(p agent.Payment) (agent.Payment, time.Duration, string) {
	l, _ := e.known(p.ID)
	if left := e.timers(p).Scan - (e.opt.Clock.Mono() - l.started); left > 0 {
		return p, left, "waiting for a code"
	}
	return e.decide(p, agent.Fact{Kind: agent.FactUnsent, Reason: agent.ReasonNoScan})
}

// ask queries a payment in doubt, sends it once more when the wallet never heard
// of it and the code is still fresh, and gives up by reversing.
func (e *Engine) ask(ctx context.Context, p agent.Payment, t agent.Task) (agent.Payment, time.Duration, string) {
	tm := e.timers(p)
	a := e.query(ctx, p)
	switch a.Verdict {
	case agent.Approved:
		return e.record(p, approved(a, agent.OpQuery))
	case agent.Refused, agent.Ended:
		return e.record(p, agent.Fact{Kind: agent.FactRefused, Op: agent.OpQuery, Reason: either(a.Reason, agent.ReasonNotConfirmed), Code: a.Code, Text: a.Text})
	case agent.Awaiting:
		if p.Status.State == agent.Unknown {
			return e.record(p, agent.Fact{Kind: agent.FactAwaiting, Op: agent.OpQuery, Code: a.Code})
		}
	case agent.Absent:
		if l, _ := e.known(p.ID); !l.code.IsZero() && p.Status.State == agent.Unknown && p.Status.Attempt < 2 && e.fresh(l, tm) {
			return e.decide(p, agent.Fact{Kind: agent.FactPayStarted, Op: agent.OpPay, Attempt: p.Status.Attempt + 1, Code: a.Code})
		}
	}
	// The decision follows the query at once: a gap would be time for the customer
	// to confirm a payment that is about to be undone.
	left := tm.GiveUp - e.sentFor(p)
	if left <= 0 {
		return e.decide(p, agent.Fact{Kind: agent.FactReversalDecided, Reason: agent.ReasonTimeout, By: "tillwire"})
	}
	wait := tm.Cadence[min(max(t.Tries-1, 0), len(tm.Cadence)-1)]
	return p, min(wait, left), "the wallet says: " + a.Verdict.String()
}

// watch looks once more at a refusal: in rare cases the wallet takes the money
// after all.
func (e *Engine) watch(ctx context.Context, p agent.Payment, t agent.Task) (agent.Payment, time.Duration, string) {
	if left := e.timers(p).Watch - e.sentFor(p); left > 0 {
		return p, left, "too early to look at the refusal again"
	}
	a := e.query(ctx, p)
	switch a.Verdict {
	case agent.Approved:
		return e.record(p, approved(a, agent.OpQuery))
	case agent.Refused, agent.Ended, agent.Absent, agent.Unpaid:
		return e.record(p, agent.Fact{Kind: agent.FactWatched, Op: agent.OpQuery, Code: a.Code})
	}
	return p, e.backoff(p, t.Tries), "watching the refusal: " + a.Verdict.String()
}

// query asks the wallet what became of the payment.
func (e *Engine) query(ctx context.Context, p agent.Payment) agent.Answer {
	w, ok := e.opt.Wallets.Wallet(p.Status.Wallet)
	if !ok {
		return agent.Answer{Verdict: agent.NotDelivered, Reason: agent.ReasonSetup}
	}
	ctx, cancel := context.WithTimeout(ctx, e.timers(p).Pay)
	defer cancel()
	a := w.Query(ctx, p)
	e.count(p, a)
	return a
}

// count keeps the tally that ends automation.
func (e *Engine) count(p agent.Payment, a agent.Answer) {
	if a.Verdict == agent.InDoubt && !p.Status.Final() {
		e.update(p.ID, func(l *live) { l.doubts++ })
	}
}

// decide writes a decision of ours about the payment as the caller saw it. When it
// has moved since, the decision was made about something else: nothing is written
// and the payment comes back as it now is.
func (e *Engine) decide(p agent.Payment, fact agent.Fact) (agent.Payment, time.Duration, string) {
	next, err := e.learn(p.ID, func(now agent.Payment) ([]agent.Fact, error) {
		if now.Version != p.Version {
			return nil, nil
		}
		return []agent.Fact{fact}, nil
	})
	if err != nil {
		e.unrecorded(p.ID, []agent.Fact{fact}, err)
		return p, 5 * time.Second, err.Error()
	}
	return next, 0, ""
}

// record writes what a wallet answered. Unlike a decision of ours an answer stays
// true when the payment has moved since, so it is still recorded where the law
// gives it a meaning.
func (e *Engine) record(p agent.Payment, facts ...agent.Fact) (agent.Payment, time.Duration, string) {
	e.stamp(facts)
	next, err := e.opt.Journal.Record(context.Background(), p.ID, p.Version, facts...)
	if errors.Is(err, agent.ErrStale) {
		next, err = e.learn(p.ID, func(now agent.Payment) ([]agent.Fact, error) {
			if allowed(now, facts) {
				return facts, nil
			}
			return nil, nil
		})
	}
	if err != nil {
		e.unrecorded(p.ID, facts, err)
		return p, 5 * time.Second, err.Error()
	}
	return next, 0, ""
}

// allowed reports whether the law lets the facts follow on what the payment has
// become since; a late answer is worth recording where it still means something.
func allowed(p agent.Payment, facts []agent.Fact) bool {
	_, _, err := agent.Settle(p, facts...)
	return err == nil
}

func approved(a agent.Answer, op agent.Operation) agent.Fact {
	return agent.Fact{Kind: agent.FactApproved, Op: op, Amount: a.Amount, Txn: a.Txn, Payer: a.Payer, Code: a.Code}
}

func either(r, other agent.Reason) agent.Reason {
	if r != agent.ReasonNone {
		return r
	}
	return other
}

func (e *Engine) timers(p agent.Payment) agent.Timers { return e.opt.Timers(p.Status.Wallet) }

// backoff doubles from Retry to RetryMax, with a fifth of jitter so that lanes
// that failed together do not retry together.
func (e *Engine) backoff(p agent.Payment, tries int) time.Duration {
	tm := e.timers(p)
	wait := tm.RetryMax
	if tries < 16 {
		wait = min(tm.Retry<<max(tries-1, 0), tm.RetryMax)
	}
	fifth := int64(wait / 5)
	return wait - time.Duration(fifth) + time.Duration(rand.Int64N(2*fifth+1))
}
