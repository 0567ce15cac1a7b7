package checkout

import (
	"context"
	"strings"
	"time"

	"tillwire/agent"
)

// The waits of forwarding, and how long the note about a loss may be, in bytes. The
// return of the line makes everything due at once, so between looks nothing is gained by
// haste.
const (
	lineRest  = time.Minute
	takeBacks = 3 // tries that could not leave and are taken back, so that a void stays possible
	mostNote  = 256
)

// forward collects what was accepted offline, or finds out that it never will be. The
// try is on the disk before anything leaves.
func (e *Engine) forward(ctx context.Context, p agent.Payment, t agent.Task) (agent.Payment, time.Duration, string) {
	if e.unreachable(p.Status.Wallet) {
		return p, lineRest, "waiting for the line"
	}
	// From here on this run knows it: what it began is not a leftover of the last one.
	e.update(p.ID, func(*live) {})
	op := p.Status.Collects()
	if p.Status.State == agent.OfflineAccepted {
		next, wait, why := e.decide(p, agent.Fact{Kind: agent.FactForwardStarted, Op: op})
		if wait > 0 || next.Status.State != agent.Redeeming {
			return next, wait, why
		}
		p = next
	}
	a, rest := e.collect(ctx, p, t)
	if rest > 0 {
		return p, rest, "the wallet has no such payment yet"
	}
	e.count(p, a)
	switch {
	case a.Verdict == agent.Approved:
		return e.record(p, approved(a, op))
	case a.Verdict == agent.Refused && !a.Retry:
		return e.record(p, agent.Fact{Kind: agent.FactLoss, Op: op, Reason: either(a.Reason, agent.ReasonWalletRefused), Code: a.Code, Text: a.Text})
	case a.Verdict == agent.NotDelivered && a.Reason != agent.ReasonSetup && p.Status.State == agent.Redeeming && !p.Status.Exposed() && p.Status.Forwards <= takeBacks:
		return e.record(p, agent.Fact{Kind: agent.FactUnsent, Op: op, Reason: agent.ReasonLineDown})
	case a.Verdict == agent.InDoubt && p.Status.State == agent.Redeeming && !p.Status.Exposed():
		return e.record(p, agent.Fact{Kind: agent.FactInDoubt, Op: op, Reason: either(a.Reason, agent.ReasonNoAnswer), Code: a.Code, Text: a.Text})
	}
	return p, e.backoff(p, t.Tries), "forwarding: " + a.Verdict.String() + " " + a.Code
}

// unreachable reports that the wallet's line is known to be down, however lately.
func (e *Engine) unreachable(wallet string) bool {
	line := e.opt.Line()
	if w, watched := line.Wallets[wallet]; watched {
		return w.State == agent.LineDown
	}
	return line.State == agent.LineDown
}

// collect does the one request that the way asks for.
func (e *Engine) collect(ctx context.Context, p agent.Payment, t agent.Task) (a agent.Answer, rest time.Duration) {
	if p.Status.Way == agent.WaySight {
		return e.collectSeen(ctx, p, t)
	}
	o := e.opt.Offline
	if o == nil {
		return unable("offline selling is not set up")
	}
	sealed, err := o.Journal.Sealed(ctx, p.ID)
	if err != nil {
		return agent.Answer{Verdict: agent.NotDelivered, Reason: agent.ReasonSetup, Err: err}, 0
	}
	code, err := o.Unseal(string(p.ID), sealed)
	if err != nil {
		e.opt.Log.Error("what was accepted cannot be forwarded", "comp", "checkout", "code", "unseal", "tx", string(p.ID), "err", err)
		return agent.Answer{Verdict: agent.InDoubt, Reason: agent.ReasonSystem, Err: err}, 0 // so that the office hears of it
	}
	w, _ := e.opt.Wallets.Wallet(p.Status.Wallet)
	ctx, cancel := context.WithTimeout(ctx, e.timers(p).Pay)
	defer cancel()
	if p.Status.Way == agent.WayDeferred {
		later, ok := w.(agent.LateCharger)
		if !ok {
			return unable("the wallet does not charge codes later")
		}
		return later.ChargeLater(ctx, p, agent.NewPayCode(string(code)), p.Status.Accepted), 0
	}
	r, ok := w.(agent.Redeemer)
	if !ok {
		return unable("the wallet does not redeem")
	}
	return r.Redeem(ctx, p, agent.NewPayCode(string(code))), 0
}

func unable(why string) (agent.Answer, time.Duration) {
	return agent.Answer{Verdict: agent.NotDelivered, Reason: agent.ReasonSetup, Code: why}, 0
}

// collectSeen asks for an order that was accepted on sight. When the wallet has said
// often enough that nobody paid it, it is closed, so that nobody pays it any more, and
// asked for once more: only that ends in a loss.
func (e *Engine) collectSeen(ctx context.Context, p agent.Payment, t agent.Task) (a agent.Answer, rest time.Duration) {
	lost := agent.Answer{Verdict: agent.Refused, Reason: agent.ReasonNeverPaid}
	a = e.query(ctx, p)
	switch a.Verdict {
	case agent.Ended, agent.Refused:
		lost.Code = a.Code
		return lost, 0
	case agent.Absent, agent.Unpaid, agent.Awaiting:
	default:
		return a, 0
	}
	if !e.unknownFor(p.ID) {
		return a, max(e.backoff(p, t.Tries), absentAfter/absentTimes)
	}
	w, _ := e.opt.Wallets.Wallet(p.Status.Wallet)
	closer, ok := w.(agent.Closer)
	if !ok {
		return lost, 0
	}
	once, cancel := context.WithTimeout(ctx, e.timers(p).Pay)
	closed := closer.Close(once, p)
	cancel()
	if closed.Verdict != agent.Accepted && closed.Verdict != agent.Absent {
		return agent.Answer{Verdict: agent.InDoubt, Reason: closed.Reason, Code: closed.Code}, 0
	}
	switch a = e.query(ctx, p); a.Verdict {
	case agent.Ended, agent.Absent, agent.Refused:
		lost.Code = a.Code
		return lost, 0
	}
	return a, 0
}

// WriteOff ends a sale whose collection was tried and does not end by itself: its wallet
// is not configured any more, what was sealed cannot be opened, or the office has settled
// it another way. It is the owner's own decision about money that may be lost, so it
// keeps who decided and why, in 1 to mostNote bytes. Doing it again is harmless.
func (e *Engine) WriteOff(ctx context.Context, id agent.PaymentID, by, why string) (agent.Payment, error) {
	if why = strings.TrimSpace(why); why == "" || len(why) > mostNote {
		return agent.Payment{}, &agent.Error{Op: "write off", Class: agent.Invalid, Code: agent.CodeUnreadable, Payment: id,
			Say: agent.Sentence{ID: "form.write_off", English: "Write in a few words why it is given up."}}
	}
	// Not beside a request on its way: its answer may be the money.
	if !e.take(id) {
		p, err := e.opt.Journal.Payment(ctx, id)
		if err != nil {
			return p, err
		}
		return p, stateError(p, "write off", "It is being collected at this moment. Look at it again in a minute.")
	}
	defer e.release(id)
	return e.learn(id, func(p agent.Payment) ([]agent.Fact, error) {
		switch s := p.Status; {
		case s.State == agent.OfflineRejected:
			return nil, nil
		case s.State == agent.OfflineAccepted:
			return nil, stateError(p, "write off", "It was not tried yet. Forward it first, or take it back.")
		case !s.AtStake():
			return nil, stateError(p, "write off", "Only a sale that was accepted without a connection and is not collected can be written off.")
		}
		return []agent.Fact{{Kind: agent.FactLoss, Op: p.Status.Collects(), Reason: agent.ReasonWrittenOff, Text: why, By: by}}, nil
	})
}

// tellVoided lets the issuer know that a voucher was not used after all.
func (e *Engine) tellVoided(ctx context.Context, p agent.Payment, t agent.Task) (agent.Payment, time.Duration, string) {
	if e.unreachable(p.Status.Wallet) {
		return p, lineRest, "waiting for the line"
	}
	w, _ := e.opt.Wallets.Wallet(p.Status.Wallet)
	r, ok := w.(agent.Redeemer)
	if !ok {
		return p, refundLater, "the wallet is not set up, so its issuer cannot be told"
	}
	once, cancel := context.WithTimeout(ctx, e.timers(p).Pay)
	a := r.Void(once, p)
	cancel()
	switch a.Verdict {
	case agent.Accepted, agent.Refused:
		return e.record(p, agent.Fact{Kind: agent.FactVoidTold, Op: agent.OpVoid, Reason: a.Reason, Code: a.Code})
	case agent.Approved:
		return e.record(p, approved(a, agent.OpVoid))
	}
	return p, e.backoff(p, t.Tries), "telling the issuer: " + a.Verdict.String()
}
