package checkout

import (
	"context"

	"tillwire/agent"
)

// payCall has the form of agent.Charger's Pay.
type payCall func(context.Context, agent.Payment, agent.PayCode) agent.Answer

// attempt records the start of a payment and begins it. Its request is prepared
// while the disk syncs, since neither needs the other, by the goroutine that sends
// it then: the customer waits for the longer of the two. Nothing is sent before the
// record is on disk.
func (e *Engine) attempt(ctx context.Context, p agent.Payment, started agent.Fact, prepare func()) (agent.Payment, error) {
	var next agent.Payment
	var err error
	recorded := make(chan struct{})
	go func() {
		defer close(recorded)
		next, err = e.opt.Journal.Record(ctx, p.ID, p.Version, started)
	}()
	// Started last, and so the first to run: the processor at hand is awake, and with
	// a good disk a signature takes longer than a record.
	e.wg.Go(func() {
		prepare()
		if <-recorded; err == nil {
			e.resume(p.ID)
		}
	})
	<-recorded
	return next, err
}

// prepare has the wallet make the payment's request, which may not leave yet.
func (e *Engine) prepare(p agent.Payment, w agent.Wallet, code agent.PayCode) {
	early, ok := w.(agent.Preparer)
	if !ok {
		return
	}
	pay := early.Prepare(p, code)
	e.mu.Lock()
	defer e.mu.Unlock()
	// Where the code is gone already, what was made with it goes, too.
	if l := e.live[p.ID]; l != nil && l.code == code {
		l.pay = pay
	}
}

// prepared takes out what was prepared for the payment, or gives the ordinary way:
// a request is prepared for the first try only.
func (e *Engine) prepared(id agent.PaymentID, otherwise payCall) payCall {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := e.live[id]
	if l == nil || l.pay == nil {
		return otherwise
	}
	pay := l.pay
	l.pay = nil
	return pay
}
