package alipay

import (
	"context"
	"crypto/sha256"
	"sync/atomic"
	"time"

	"tillwire/agent"
)

// preparedFor is how old a prepared signature may be when it is sent. A commit
// takes milliseconds; what took longer was held up, and the time in it is stale.
const preparedFor = 5 * time.Second

// prepared is a signature that was made before its request may leave. It knows the
// request by the digest of what was signed and by nothing else: the customer's
// code is not in it.
type prepared struct {
	made  time.Time
	sum   [sha256.Size]byte
	value string // of the parameter sign
	taken atomic.Bool
}

// Prepare implements agent.Preparer: the signature is most of the agent's own time
// between a scan and its request.
func (w *Wallet) Prepare(p agent.Payment, code agent.PayCode) (pay func(context.Context, agent.Payment, agent.PayCode) agent.Answer) {
	early, err := w.prepare(p, code)
	if err != nil {
		return w.Pay // which says what is wrong
	}
	return func(ctx context.Context, p agent.Payment, code agent.PayCode) agent.Answer {
		return w.pay(ctx, p, code, early)
	}
}

func (w *Wallet) prepare(p agent.Payment, code agent.PayCode) (*prepared, error) {
	m, err := w.params(w.tradePay(p, code))
	if err != nil {
		return nil, err
	}
	early := &prepared{made: w.c.Clock.Now()}
	m["timestamp"] = stamp(early.made)
	early.sum = sha256.Sum256([]byte(m.canonical()))
	early.value, err = m.sign(w.keys.app)
	return early, err
}

// covers holds once, for exactly the request that was signed, while it is young.
// The wall clock says so on purpose: when it was set since, the signed time is
// wrong.
func (e *prepared) covers(p params, now time.Time) bool {
	age := now.Round(0).Sub(e.made.Round(0))
	if age < 0 || age >= preparedFor || e.taken.Swap(true) {
		return false
	}
	p["timestamp"] = stamp(e.made)
	return sha256.Sum256([]byte(p.canonical())) == e.sum
}
