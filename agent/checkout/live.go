package checkout

import (
	"context"
	"errors"
	"time"

	"tillwire/agent"
)

// live is what only this run of the agent knows of a payment: the customer's code
// and monotonic moments. It is never on disk, so after a restart a payment has
// none, and that is how Resume recognises a restart.
type live struct {
	code    agent.PayCode
	pay     payCall         // Pay with a request that was made beforehand; nil when there is none
	scanned time.Duration   // Clock.Mono when the code was read
	opened  time.Duration   // Clock.Mono when this run opened it; zero for one that it found
	started time.Duration   // Clock.Mono when the current way of paying began
	shown   time.Duration   // Clock.Mono when the code to pay came
	seen    time.Duration   // Clock.Mono when this run first worked on it
	absent  []time.Duration // Clock.Mono of each time the wallet did not know the order
	doubtQR bool            // a request for a code may have arrived
	offline permission      // who lets it be accepted without the wallet's word
	doubts  int             // answers that left us in doubt, for the limit of automation
}

// When automation is exhausted and the office is asked.
const (
	maxDoubts  = 200              // answers in doubt
	maxOpen    = 24 * time.Hour   // since the payment was opened
	leastTried = 10 * time.Minute // by this run of the agent
	reviewRest = time.Hour        // between two looks at what the office has
)

// patience is how old a payment may become: a day, or less where the wallet takes
// a reversal only for so long, to leave the office time to act.
func (e *Engine) patience(p agent.Payment) time.Duration {
	return min(maxOpen, e.timers(p).ReverseWindow/12*11)
}

func (e *Engine) remember(id agent.PaymentID, l *live) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.live[id] = l
}

// known returns what this run knows of the payment.
func (e *Engine) known(id agent.PaymentID) (live, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if l := e.live[id]; l != nil {
		return *l, true
	}
	return live{}, false
}

func (e *Engine) update(id agent.PaymentID, change func(*live)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := e.live[id]
	if l == nil {
		l = &live{}
		e.live[id] = l
	}
	change(l)
}

func (e *Engine) forget(id agent.PaymentID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.live, id)
}

// wipe drops the customer's code, and what was prepared with it, as soon as it can
// no longer be sent.
func (e *Engine) wipe(id agent.PaymentID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if l := e.live[id]; l != nil {
		l.code, l.pay = agent.PayCode{}, nil
	}
}

// unstart takes back that a way of paying began at now: a code that was not taken
// must not make the wait for one longer.
func (e *Engine) unstart(id agent.PaymentID, now, before time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if l := e.live[id]; l != nil && l.started == now {
		l.started = before
	}
}

// take marks the payment as worked on; false when somebody else is at it.
func (e *Engine) take(id agent.PaymentID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.busy[id] {
		return false
	}
	e.busy[id] = true
	return true
}

func (e *Engine) release(id agent.PaymentID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.busy, id)
}

// begin resumes a payment in the engine's own time, so that the caller's context
// and patience do not matter.
func (e *Engine) begin(id agent.PaymentID) { e.wg.Go(func() { e.resume(id) }) }

func (e *Engine) resume(id agent.PaymentID) {
	if wait, why := e.Resume(e.work, agent.Task{Payment: id, Tries: 1}); wait > 0 {
		e.opt.Log.Debug("payment waits", "comp", "checkout", "tx", string(id), "wait", wait, "why", why)
	}
}

// learn records what build makes of the payment as it stands, again when the
// payment moved in between. Without facts nothing is recorded.
func (e *Engine) learn(id agent.PaymentID, build func(agent.Payment) ([]agent.Fact, error)) (agent.Payment, error) {
	ctx := context.Background()
	for {
		p, err := e.opt.Journal.Payment(ctx, id)
		if err != nil {
			return p, err
		}
		facts, err := build(p)
		if err != nil || len(facts) == 0 {
			return p, err
		}
		e.stamp(facts)
		next, err := e.opt.Journal.Record(ctx, id, p.Version, facts...)
		if errors.Is(err, agent.ErrStale) {
			continue
		}
		if err != nil {
			return p, err
		}
		return next, nil
	}
}

func (e *Engine) stamp(facts []agent.Fact) {
	now := e.opt.Clock.Now()
	for i := range facts {
		facts[i].At = now
	}
}

// unrecorded says that something true is not on disk yet. The payment's intent is,
// so the outbox asks for the outcome again.
func (e *Engine) unrecorded(id agent.PaymentID, facts []agent.Fact, err error) {
	e.opt.Log.Error("a fact could not be recorded; it will be asked for again", "comp", "checkout", "code", "record_failed",
		"tx", string(id), "fact", string(facts[0].Kind), "err", err)
}

// sentFor is how long ago the first request of the payment began. After a restart
// the wall clock says so, and where it was set back, the time that this run has
// known the payment: a wait may become longer, never endless.
func (e *Engine) sentFor(p agent.Payment) time.Duration {
	met := e.metFor(p.ID)
	if l, _ := e.known(p.ID); l.started > 0 {
		return e.opt.Clock.Mono() - l.started
	}
	return max(e.opt.Clock.Now().Sub(p.Status.Started), met)
}

// metFor is how long this run of the agent has been at the payment.
func (e *Engine) metFor(id agent.PaymentID) (met time.Duration) {
	mono := e.opt.Clock.Mono()
	e.update(id, func(l *live) {
		if l.seen == 0 {
			l.seen = mono
		}
		met = mono - l.seen
	})
	return met
}
