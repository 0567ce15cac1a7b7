package web

import (
	"crypto/rand"
	"sync"
	"time"

	"tillwire/agent"
)

// approvalLife is how long a manager's PIN stands for the refund it was given for.
const approvalLife = 60 * time.Second

// approval is one manager's yes to one amount of one payment. It lives in memory
// only: after a restart the PIN is asked again.
type approval struct {
	payment agent.PaymentID
	amount  agent.Money
	by      string // Person.ID
	expires time.Duration
}

type approvals struct {
	clock agent.Clock
	mu    sync.Mutex
	open  map[string]approval
}

// grant remembers an approval and returns its id.
func (a *approvals) grant(payment agent.PaymentID, amount agent.Money, by string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock.Mono()
	for id, old := range a.open {
		if old.expires < now {
			delete(a.open, id)
		}
	}
	id := rand.Text()
	a.open[id] = approval{payment: payment, amount: amount, by: by, expires: now + approvalLife}
	return id
}

// take uses an approval up and returns who gave it. A try with another payment
// or amount uses it up as well.
func (a *approvals) take(id string, payment agent.PaymentID, amount agent.Money) (by string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	given, ok := a.open[id]
	delete(a.open, id)
	if !ok || given.expires < a.clock.Mono() || given.payment != payment || given.amount != amount {
		return "", &agent.Error{Op: "refund", Class: agent.Forbidden, Code: agent.CodeApproval, Payment: payment,
			Say: agent.Sentence{ID: "error.approval", English: "A manager must approve exactly this amount. Enter the manager's PIN again."}}
	}
	return given.by, nil
}
