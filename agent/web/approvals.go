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
	request string // the refund that took it; empty while none has
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

// take uses an approval up for one request and returns who gave it. The same
// request may come again: a second click can be here before the first one is
// recorded, and its request_id lets it move nothing. A try with another payment or
// amount uses the approval up as well.
func (a *approvals) take(id, request string, payment agent.PaymentID, amount agent.Money) (by string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	given, ok := a.open[id]
	if !ok || given.expires < a.clock.Mono() || given.payment != payment || given.amount != amount {
		delete(a.open, id)
		return "", errApproval(payment)
	}
	if given.request != "" && given.request != request {
		return "", errApproval(payment)
	}
	given.request = request
	a.open[id] = given
	return given.by, nil
}

func errApproval(payment agent.PaymentID) error {
	return &agent.Error{Op: "refund", Class: agent.Forbidden, Code: agent.CodeApproval, Payment: payment,
		Say: agent.Sentence{ID: "error.approval", English: "A manager must approve exactly this amount. Enter the manager's PIN again."}}
}
