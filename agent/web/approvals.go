package web

import (
	"crypto/rand"
	"sync"
	"time"

	"tillwire/agent"
)

// approvalLife is how long a manager's PIN stands for the act it was given for.
const approvalLife = 60 * time.Second

// act is what a manager is asked for. The words are part of the local API.
type act string

// The acts. A PIN that lets a phone's screen count as a payment gives no money back.
const (
	actRefund  act = "refund"  // give an amount back
	actOffline act = "offline" // sell without a line
	actSight   act = "sight"   // accept what the customer's screen shows
	actVoid    act = "void"    // take back what was accepted without a line
)

var acts = []act{actRefund, actOffline, actSight, actVoid}

// approval is one manager's yes to one act with one amount of one payment, which has one
// lane. It lives in memory only: after a restart the PIN is asked again.
type approval struct {
	act     act
	payment agent.PaymentID
	amount  agent.Money
	by      string // Person.ID
	request string // what took it; empty while nothing has
	expires time.Duration
}

type approvals struct {
	clock agent.Clock
	mu    sync.Mutex
	open  map[string]approval
}

// grant remembers an approval and returns its id.
func (a *approvals) grant(what act, payment agent.PaymentID, amount agent.Money, by string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock.Mono()
	for id, old := range a.open {
		if old.expires < now {
			delete(a.open, id)
		}
	}
	id := rand.Text()
	a.open[id] = approval{act: what, payment: payment, amount: amount, by: by, expires: now + approvalLife}
	return id
}

// take uses an approval up for one request and returns who gave it. The same
// request may come again: a second click can be here before the first one is
// recorded, and its request_id lets it move nothing. A try with another act, payment or
// amount uses the approval up as well.
func (a *approvals) take(what act, id, request string, payment agent.PaymentID, amount agent.Money) (by string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	given, ok := a.open[id]
	if !ok || given.expires < a.clock.Mono() || given.act != what || given.payment != payment || given.amount != amount {
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
	return &agent.Error{Op: "take an approval", Class: agent.Forbidden, Code: agent.CodeApproval, Payment: payment,
		Say: agent.Sentence{ID: "error.approval", English: "A manager must approve exactly this amount. Enter the manager's PIN again."}}
}
