package checkout

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tillwire/agent"
)

// refundLater is the pause before a refund that the wallet could not pay from the
// shop's balance is tried again, under its own number.
const refundLater = time.Hour

// Refund records a refund that a person approved. It is sent as soon as the line
// allows; repeated reports that the same request was recorded before.
func (e *Engine) Refund(ctx context.Context, r agent.RefundRequest) (p agent.Payment, refund agent.Refund, repeated bool, err error) {
	p, err = e.learn(r.Payment, func(now agent.Payment) ([]agent.Fact, error) {
		repeated, err = checkRefund(now, r)
		if repeated || err != nil {
			return nil, err
		}
		return []agent.Fact{{Kind: agent.FactRefundRequested, RefundNo: now.NextRefundNo(), RequestID: r.RequestID,
			Amount: r.Amount.Value, Text: r.Why, By: r.By}}, nil
	})
	if err != nil {
		return p, refund, false, err
	}
	i := slices.IndexFunc(p.Status.Refunds, func(x agent.Refund) bool { return x.RequestID == r.RequestID })
	if i < 0 {
		return p, refund, false, fmt.Errorf("refund: payment %s does not carry the refund it just recorded", p.ID)
	}
	return p, p.Status.Refunds[i], repeated, nil
}

func checkRefund(p agent.Payment, r agent.RefundRequest) (repeated bool, err error) {
	fail := func(class agent.Class, code, id, english string) (bool, error) {
		return false, &agent.Error{Op: "refund", Class: class, Code: code, Payment: p.ID, Say: agent.Sentence{ID: id, English: english}}
	}
	for _, x := range p.Status.Refunds {
		if x.RequestID != r.RequestID {
			continue
		}
		if x.Amount != r.Amount.Value {
			return fail(agent.Conflict, agent.CodeRequestReused, "error.request_reused", "This request_id was used for another refund. Use a new one.")
		}
		return true, nil
	}
	switch {
	case r.RequestID == "" || len(r.RequestID) > 128:
		return fail(agent.Invalid, agent.CodeUnreadable, "error.request_id", "A refund needs a request_id of 1 to 128 characters that is never used for another one.")
	case p.Status.State != agent.Paid:
		return fail(agent.Conflict, agent.CodeRefund, "error.refund_state", "Only a paid payment can be refunded; this one is "+string(p.Status.State)+".")
	case r.Amount.Currency != p.Amount.Currency:
		return fail(agent.Invalid, agent.CodeCurrency, "error.refund_currency", "A refund is in the payment's own currency, "+string(p.Amount.Currency)+".")
	case r.Amount.Value <= 0:
		return fail(agent.Invalid, agent.CodeAmount, "error.amount_zero", "The amount must be more than zero.")
	case r.Amount.Value > p.Status.Refundable():
		left := agent.Money{Value: p.Status.Refundable(), Currency: p.Amount.Currency}
		return fail(agent.Invalid, agent.CodeAmount, "error.refund_sum", "No more than "+left.String()+" can still be refunded on this payment.")
	}
	return false, nil
}

// resumeRefund takes one refund as far as it will go. The first try sends it;
// afterwards it is asked about first and sent again, under the same number, only
// when the wallet does not know it.
func (e *Engine) resumeRefund(ctx context.Context, p agent.Payment, t agent.Task) (time.Duration, string) {
	r, ok := p.Status.Refund(t.RefundNo)
	if !ok || r.State.Final() {
		return 0, ""
	}
	w, _ := e.opt.Wallets.Wallet(p.Status.Wallet)
	rf, ok := w.(agent.Refunder)
	if !ok {
		return e.backoff(p, t.Tries), "the wallet is not set up, so nothing can be refunded"
	}
	ctx, cancel := context.WithTimeout(ctx, 2*e.timers(p).Pay)
	defer cancel()
	if r.State != agent.RefundRequested || t.Tries > 1 {
		a := rf.QueryRefund(ctx, p, r)
		if a.Verdict != agent.Absent {
			return e.refundAnswer(ctx, p, r, t, a)
		}
	}
	return e.refundAnswer(ctx, p, r, t, rf.Refund(ctx, p, r))
}

func (e *Engine) refundAnswer(ctx context.Context, p agent.Payment, r agent.Refund, t agent.Task, a agent.Answer) (time.Duration, string) {
	fact := agent.Fact{RefundNo: r.No, Op: agent.OpRefund, Reason: a.Reason, Code: a.Code, Text: a.Text}
	switch a.Verdict {
	case agent.Accepted:
		fact.Kind = agent.FactRefundDone
	case agent.Processing:
		if r.State == agent.RefundProcessing {
			return e.refundBackoff(p, t), "the wallet is working on the refund"
		}
		fact.Kind = agent.FactRefundAccepted
	case agent.Refused:
		switch {
		case a.Retry && a.Reason == agent.ReasonShopBalance:
			return refundLater, "the wallet cannot pay it now: " + a.Code
		case a.Retry: // a clock or a key that a person has put right is found out soon
			return e.refundBackoff(p, t), "the wallet does not take the request: " + a.Code
		}
		fact.Kind, fact.Reason = agent.FactRefundRefused, either(a.Reason, agent.ReasonWalletRefused)
	case agent.InDoubt:
		if r.State != agent.RefundRequested {
			return e.refundBackoff(p, t), "refund not confirmed: " + string(a.Reason)
		}
		fact.Kind = agent.FactRefundInDoubt
	default:
		return e.refundBackoff(p, t), "refund: " + a.Verdict.String()
	}
	facts := []agent.Fact{fact}
	if fact.Kind == agent.FactRefundRefused && r.Auto {
		// The one refund that no person asked for must not end in silence.
		end, undone := e.undone(ctx, p)
		if !undone {
			end = agent.Fact{Kind: agent.FactReviewOpened, Reason: fact.Reason, By: "tillwire"}
		}
		facts = append(facts, end)
	}
	next, wait, why := e.record(p, facts...)
	if wait == 0 {
		wait, _ = e.next(next, r.No)
	}
	return wait, why
}

// refundBackoff is backoff, and hourly once the office should have a look: the
// queue shows the refund with its age all the while.
func (e *Engine) refundBackoff(p agent.Payment, t agent.Task) time.Duration {
	if t.Tries >= maxDoubts {
		return refundLater
	}
	return e.backoff(p, t.Tries)
}

// undone asks about a payment whose late refund the wallet refuses. A wallet that
// acknowledged the undoing, told of a success afterwards and now says again that
// nothing stands has nothing to give back: the success was old.
func (e *Engine) undone(ctx context.Context, p agent.Payment) (agent.Fact, bool) {
	if !p.Status.Acked() {
		return agent.Fact{}, false
	}
	a := e.query(ctx, p)
	kind := agent.FactReversed
	if p.Status.Showing {
		kind = agent.FactClosed
	}
	return agent.Fact{Kind: kind, Op: agent.OpQuery, Code: a.Code}, a.Verdict == agent.Ended
}

// unreturned looks after money in review that the wallet refused to give back.
func (e *Engine) unreturned(ctx context.Context, p agent.Payment, t agent.Task) (agent.Payment, time.Duration, string) {
	late, ok := p.Status.Refund(p.LateRefundNo())
	if !ok || late.State != agent.RefundFailed {
		return p, e.backoff(p, t.Tries), "the refund is under way"
	}
	if end, undone := e.undone(ctx, p); undone {
		return e.record(p, end)
	}
	return p, e.backoff(p, t.Tries), "the wallet refuses the refund; the office settles it"
}
