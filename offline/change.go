package offline

import (
	"cmp"
	"context"
	"slices"

	"tillwire/agent"
)

// change is what one commit will do to a payment, worked out before the writer
// sees it so that the writer's time goes into the disk.
type change struct {
	base    *entry       // of version 0 for a new payment
	next    *entry       // its last facts have no rows yet
	written []agent.Fact // the tail of its facts
	events  [][]byte
	path    []agent.State // through which the state comes, without standstill
	steps   []agent.Step
	print   []byte // of the payment code, when one was used
}

// prepare applies the law to a payment and encodes what will be written.
func (s *Store) prepare(base *entry, facts []agent.Fact) (*change, error) {
	if len(facts) == 0 {
		return nil, internal("record facts", "no facts")
	}
	p := &base.payment
	facts = slices.Clone(facts)
	for i := range facts {
		if facts[i].At.IsZero() {
			facts[i].At = s.opt.Clock.Now()
		}
		facts[i].At = facts[i].At.Round(0).UTC()
		if err := refundOnce(p, facts[i]); err != nil {
			return nil, err
		}
	}
	written, status, err := agent.Settle(*p, facts...)
	if err != nil {
		return nil, err
	}
	c := &change{base: base, next: &entry{payment: *p, held: base.held || p.Version == 0}}
	after := &c.next.payment
	after.Version, after.Status = p.Version+1, status
	after.Facts = append(p.Facts[:len(p.Facts):len(p.Facts)], written...)
	c.written = after.Facts[len(p.Facts):]
	if err := c.walk(s.codec); err != nil {
		return nil, err
	}
	c.steps = after.Steps(s.opt.Timers(status.Wallet))
	return c, nil
}

// walk goes through the facts one by one: what states they pass, whether the lane
// stays held throughout, and their encoding.
func (c *change) walk(enc codec) (err error) {
	status := c.base.payment.Status
	for i, f := range c.written {
		before := status.State
		if i == len(c.written)-1 {
			status = c.next.payment.Status // the law has said so already
		} else if status, err = status.Apply(f); err != nil {
			return err
		}
		c.next.held = c.next.held && status.Held()
		if status.State != before && before != "" {
			c.path = append(c.path, status.State)
		}
		if len(f.CodePrint) > 0 {
			c.print = f.CodePrint
		}
		var asked []byte
		if i == 0 && c.base.payment.Version == 0 {
			if asked, err = enc.asked(&c.next.payment); err != nil {
				return internal("record facts", "encode request: %w", err)
			}
		}
		ev, err := enc.fact(f, c.next.payment.Version, asked)
		if err != nil {
			return internal("record facts", "encode fact: %w", err)
		}
		c.events = append(c.events, ev)
	}
	return nil
}

// refundOnce guards what makes a repeated request for a refund harmless.
func refundOnce(p *agent.Payment, f agent.Fact) error {
	if f.Kind != agent.FactRefundRequested || f.RequestID == "" {
		return nil
	}
	for _, r := range p.Status.Refunds {
		if r.RequestID == f.RequestID {
			return &agent.Error{Op: "record facts", Class: agent.Conflict, Code: agent.CodeRequestReused, Payment: p.ID,
				Say: agent.Sentence{ID: "error.refund_repeated", English: "This request_id was used for another refund of the payment."}}
		}
	}
	return nil
}

// Open implements agent.Journal.
func (s *Store) Open(_ context.Context, p agent.Payment, facts ...agent.Fact) (agent.Payment, error) {
	const op = "open payment"
	if p.Created.IsZero() {
		p.Created = s.opt.Clock.Now()
	}
	p.Created = p.Created.Round(0).UTC()
	p.Version, p.Status, p.Facts = 0, agent.Status{}, nil
	c, lawless := s.prepare(&entry{payment: p}, facts)
	if lawless == nil {
		if lawless = p.Amount.Check(); lawless == nil && (p.ID == "" || p.OrderNo == "") {
			lawless = internal(op, "a payment needs its numbers before it is opened")
		}
	}
	var got agent.Payment
	err := s.write(op, func(b *batch) (err error) {
		got, err = b.open(p, c, facts, lawless)
		return err
	})
	return got, err
}

// open looks for a repeat before anything else can refuse it. The search costs a
// read, so a payment that nothing refuses is simply inserted: the database finds
// the repeat then.
func (b *batch) open(p agent.Payment, c *change, facts []agent.Fact, lawless error) (agent.Payment, error) {
	other, why := b.refusal(p, facts, lawless)
	if why == nil {
		why = b.insert(c)
		if why == nil {
			return c.next.payment, nil
		}
		if !isConstraint(why) {
			return agent.Payment{}, why
		}
		why = internal("open payment", "the database refused it: %w", why)
	}
	stored, found, err := b.byRequest(p.Client, p.RequestID)
	switch {
	case err != nil:
		return agent.Payment{}, err
	case !found:
		return other, why
	case !slices.Equal(stored.RequestHash, p.RequestHash):
		return stored, &agent.Error{Op: "open payment", Class: agent.Conflict, Code: agent.CodeRequestReused, Payment: stored.ID,
			Say: agent.Sentence{ID: "error.request_reused", English: "This request_id was used for another payment. Use a new one."}}
	}
	return stored, agent.ErrRepeated
}

// refusal is why a payment may not begin now, with the payment in its way.
func (b *batch) refusal(p agent.Payment, facts []agent.Fact, lawless error) (agent.Payment, error) {
	if holder := b.holder(p.Lane); holder != "" {
		var other agent.Payment
		if e, ok := b.payment(holder); ok {
			other = e.payment
		}
		return other, &agent.Error{Op: "open payment", Class: agent.Conflict, Code: agent.CodeLaneBusy, Payment: holder,
			Say: agent.Sentence{ID: "error.lane_busy", Args: []string{p.Lane},
				English: "Another payment is under way on this lane. Finish or cancel it first."}}
	}
	if by := b.seen("", facts); by != "" {
		return b.refuseCode(by)
	}
	if lawless != nil {
		return agent.Payment{}, lawless
	}
	if b.w.tight() {
		return agent.Payment{}, lowSpace("open payment", b.w.s.opt.Dir, errTight)
	}
	return agent.Payment{}, nil
}

// seen finds the other payment that a fact's code belongs to.
func (b *batch) seen(self agent.PaymentID, facts []agent.Fact) agent.PaymentID {
	for _, f := range facts {
		if len(f.CodePrint) == 0 {
			continue
		}
		if c, ok := b.code(string(f.CodePrint)); ok && c.by != self && b.w.s.opt.Clock.Mono() < c.until {
			return c.by
		}
	}
	return ""
}

func (b *batch) refuseCode(by agent.PaymentID) (agent.Payment, error) {
	e, err := b.load(by)
	if err != nil {
		return agent.Payment{}, err
	}
	return e.payment, agent.ErrCodeSeen
}

// Record implements agent.Journal.
func (s *Store) Record(ctx context.Context, id agent.PaymentID, version int64, facts ...agent.Fact) (agent.Payment, error) {
	const op = "record facts"
	base, err := s.current(context.WithoutCancel(ctx), id)
	if err != nil {
		return agent.Payment{}, err
	}
	if base.payment.Version != version {
		return base.payment, agent.ErrStale
	}
	c, lawless := s.prepare(base, facts)
	var got agent.Payment
	err = s.write(op, func(b *batch) (err error) {
		got, err = b.record(id, version, c, facts, lawless)
		return err
	})
	return got, err
}

func (b *batch) record(id agent.PaymentID, version int64, c *change, facts []agent.Fact, lawless error) (agent.Payment, error) {
	now, err := b.load(id)
	if err != nil {
		return agent.Payment{}, err
	}
	if now.payment.Version != version {
		return now.payment, agent.ErrStale
	}
	if by := b.seen(id, facts); by != "" {
		return b.refuseCode(by)
	}
	if lawless != nil {
		return agent.Payment{}, lawless
	}
	if err := b.update(c); err != nil {
		return agent.Payment{}, err
	}
	return c.next.payment, nil
}

// stepKey is the number by which a wallet knows a step.
func stepKey(p *agent.Payment, refundNo string) string { return cmp.Or(refundNo, p.OrderNo) }
