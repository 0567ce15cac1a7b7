package gateway

import (
	"context"
	"encoding/hex"
	"net/url"
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
)

const (
	// codeLife is how long a charge may wait for its customer.
	codeLife = 60 * time.Second
	// patience is how long an answer to a charge may take; after it the order is
	// told as it is.
	patience = 5 * time.Second
)

// tender is what a charge and a presentation have in common.
type tender struct {
	amount      agent.Money
	description string
	details     string // store and lane, kept as they came
}

// tender reads it. The reference is the last part of the order number and nothing
// else, so that the shop finds it again in the scheme's records.
func (t *task) tender() (tender, error) {
	m, err := t.in.money("amount")
	reference, errReference := t.in.text("short_ref", 20, 20)
	description, errDescription := t.in.text("description", 0, 64)
	store, errStore := t.in.text("store", 0, 32)
	lane, errLane := t.in.text("lane", 0, 32)
	for _, err := range []error{err, errReference, errDescription, errStore, errLane} {
		if err != nil {
			return tender{}, err
		}
	}
	if reference != t.orderNo[len(t.orderNo)-20:] {
		return tender{}, invalid("short_ref is not the last 20 characters of the order number")
	}
	return tender{m, description, url.Values{"store": {store}, "lane": {lane}}.Encode()}, nil
}

// charge takes a customer's code. What the customer says is part of the answer,
// not an error.
func (t *task) charge() (map[string]any, error) {
	in, err := t.tender()
	if err != nil {
		return nil, err
	}
	code, errCode := t.in.text("code", 6, 1024)
	switch {
	case errCode != nil:
		return nil, errCode
	case t.wallet.brand.code == nil:
		return nil, errMode
	}
	if err := t.wallet.brand.takes(in.amount); err != nil {
		return nil, err
	}
	accepted, err := t.accepted(in.amount)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	go func() {
		select {
		case <-t.clock.After(patience):
			cancel()
		case <-ctx.Done():
		}
	}()
	order, err := t.ledger.Pay(ctx, sandbox.Charge{Key: t.key(), Amount: in.amount.Value, Currency: string(in.amount.Currency),
		Description: in.description, Details: in.details, Code: code, Request: t.digest, Life: codeLife, Accepted: accepted})
	switch {
	case err == nil:
	case t.ctx.Err() != nil:
		// The client left while its customer thought. The charge was accepted all the
		// same, and is kept.
		t.ctx = context.WithoutCancel(t.ctx)
		return t.query()
	case ctx.Err() != nil:
		// A slow customer: the order is there and is told as it is.
		return t.query()
	case reasons[sandbox.RefusedFor(err)] != "":
		return t.query()
	default:
		return nil, err
	}
	return t.paymentBody(order), nil
}

// ahead is how far a shop's clock may be before ours.
const ahead = 5 * time.Minute

// accepted is when the shop took the code that it charges now, or zero where the code
// is judged by our own time: so are those of a charge that comes too late.
func (t *task) accepted(m agent.Money) (time.Time, error) {
	if t.in["accepted_at"] == nil {
		return time.Time{}, nil
	}
	text, err := t.in.text("accepted_at", 20, 40)
	at, errTime := time.Parse(time.RFC3339, text)
	later := t.wallet.brand.Later
	age := t.clock.Now().Sub(at)
	switch {
	case err != nil || errTime != nil:
		return time.Time{}, invalid("accepted_at is no time")
	case later.Age == 0:
		return time.Time{}, invalid("accepted_at is only for brands whose codes may be charged later")
	case m.Value > later.Most*sandbox.Unit(string(m.Currency)):
		return time.Time{}, errAmount
	case age > later.Age || age < -ahead:
		return time.Time{}, nil
	}
	return at, nil
}

// present gives a code to show. Asked again it gives one for the same order, and
// the ledger lets the newest alone be paid.
func (t *task) present() (map[string]any, error) {
	in, err := t.tender()
	if err != nil {
		return nil, err
	}
	life, errLife := t.in.number("lifetime_s", 30, 7200)
	switch {
	case errLife != nil:
		return nil, errLife
	case t.wallet.brand.show == nil:
		return nil, errMode
	}
	if err := t.wallet.brand.takes(in.amount); err != nil {
		return nil, err
	}
	now := t.clock.Now()
	s := shown{orderNo: t.orderNo, reference: t.orderNo[len(t.orderNo)-20:], name: in.description, amount: in.amount, made: now,
		expires: now.Add(time.Duration(life) * time.Second), token: hex.EncodeToString(t.ledger.Fingerprint("gateway shown", t.wallet.brand.Name, t.orderNo))}
	s.lane, _ = t.in["lane"].(string) // tender has checked it
	order, err := t.ledger.Present(t.ctx, sandbox.Showing{Key: t.key(), Amount: in.amount.Value, Currency: string(in.amount.Currency),
		Description: in.description, Details: in.details, Expires: s.expires, QR: t.wallet.brand.show(s), Request: t.digest})
	if err != nil {
		return nil, err
	}
	return t.paymentBody(order), nil
}

// query tells what is true now; it is linearizable with everything else.
func (t *task) query() (map[string]any, error) {
	order, err := t.ledger.Order(t.ctx, t.key())
	if err != nil {
		return nil, err
	}
	return t.paymentBody(order), nil
}

// find is the order of the request, or nil when its number was never seen.
func (t *task) find() (*sandbox.Order, error) {
	order, err := t.ledger.Order(t.ctx, t.key())
	if sandbox.RefusedFor(err) == sandbox.ReasonNotFound {
		return nil, nil
	}
	return order, err
}

// terminalOf is the terminal that an order number begins with.
func terminalOf(orderNo string) string { return strings.ToUpper(orderNo[:min(6, len(orderNo))]) }
