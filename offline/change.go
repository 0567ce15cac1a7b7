package offline

import (
	"cmp"
	"context"
	"database/sql/driver"
	"slices"

	"tillwire/agent"
)

// change is what one commit will do to a payment, worked out before the writer
// sees it so that the writer's time goes into the disk.
type change struct {
	base    *entry       // of version 0 for a new payment
	next    *entry       // its last facts have no rows yet
	written []agent.Fact // the tail of its facts
	links   []chained    // one for each of them
	steps   []agent.Step
	print   []byte // of the payment code, when one was used

	id     driver.Value   // the payment's, as an argument
	args   []driver.Value // of the statement that writes the payment's row, without the journal's rows
	detour []agent.State  // through which the row's state is taken, where no single move leads to it
}

// chained is a fact as the journal will hold it.
type chained struct {
	ev   []byte
	hash [32]byte                            // known to the writer alone
	args struct{ at, ev, hash driver.Value } // of the journal's row; hash refers to the member beside it
}

// prepare applies the law to a payment and encodes what will be written. The facts
// are the caller's own; they are not changed.
func (s *Store) prepare(base *entry, facts []agent.Fact) (*change, error) {
	if len(facts) == 0 {
		return nil, internal("record facts", "no facts")
	}
	p := &base.payment
	old := len(p.Facts)
	all := append(make([]agent.Fact, 0, old+len(facts)), p.Facts...)
	all = append(all, facts...)
	facts = all[old:]
	for i := range facts {
		f := &facts[i]
		if f.At.IsZero() {
			f.At = s.opt.Clock.Now()
		}
		f.At = f.At.Round(0).UTC()
		if err := refundOnce(p, f); err != nil {
			return nil, err
		}
	}
	written, status, err := agent.Settle(*p, facts...)
	if err != nil {
		return nil, err
	}
	all = append(all, written[len(facts):]...) // the law may add one of its own
	c := &change{base: base, next: &entry{payment: *p, held: base.held || p.Version == 0}, id: string(p.ID), written: all[old:]}
	after := &c.next.payment
	after.Version, after.Status, after.Facts = p.Version+1, status, all
	path, err := c.walk(s.codec)
	if err != nil {
		return nil, err
	}
	c.steps = after.Steps(s.opt.Timers(status.Wallet))
	if p.Version == 0 {
		c.inserts(s, path)
	} else {
		c.updates(s, path)
	}
	return c, nil
}

// walk goes through the facts one by one: what states they pass without standstill,
// whether the lane stays held throughout, and their encoding.
func (c *change) walk(enc codec) (path []agent.State, err error) {
	status := c.base.payment.Status
	c.links = make([]chained, len(c.written))
	for i := range c.written {
		f, before := &c.written[i], status.State
		if i == len(c.written)-1 {
			status = c.next.payment.Status // the law has said so already
		} else if status, err = status.Apply(*f); err != nil {
			return nil, err
		}
		c.next.held = c.next.held && status.Held()
		if status.State != before && before != "" {
			path = append(path, status.State)
		}
		if len(f.CodePrint) > 0 {
			c.print = f.CodePrint
		}
		var asked []byte
		if i == 0 && c.base.payment.Version == 0 {
			if asked, err = enc.asked(&c.next.payment); err != nil {
				return nil, internal("record facts", "encode request: %w", err)
			}
		}
		l := &c.links[i]
		if l.ev, err = enc.fact(f, c.next.payment.Version, asked); err != nil {
			return nil, internal("record facts", "encode fact: %w", err)
		}
		l.args.at, l.args.ev, l.args.hash = f.At.UnixNano(), l.ev, l.hash[:]
	}
	return path, nil
}

// inserts makes the arguments of a new payment's row.
func (c *change) inserts(s *Store, path []agent.State) {
	p := &c.next.payment
	begin := p.Status.State
	if begin != agent.Created && !s.allowed(agent.Created, begin) {
		begin, c.detour = agent.Created, path
	}
	print, at := c.code(s)
	if at == nil {
		at = int64(0)
	}
	c.args = values(c.id, p.OrderNo, p.Client, p.RequestID, p.RequestHash, p.Lane, p.Amount.Value,
		string(p.Amount.Currency), p.Reference, string(p.Mode), p.Cashier, flag(p.Test), p.Created.UnixNano(), nil, p.Version,
		string(begin), flag(p.Status.Final()), flag(c.next.held), p.Status.Wallet, p.Status.Txn, p.Status.Captured, p.Status.RefundedSum(),
		nil, print, at)
}

// updates makes the arguments that change a payment's row: sameWidth of them when
// the index of open payments need not be written.
func (c *change) updates(s *Store, path []agent.State) {
	p, was := &c.next.payment, &c.base.payment
	if to := p.Status.State; to != was.Status.State && !s.allowed(was.Status.State, to) {
		c.detour = path
	}
	print, at := c.code(s)
	c.args = values(c.id, p.Version, string(p.Status.State), p.Status.Wallet, p.Status.Txn, p.Status.Captured,
		p.Status.RefundedSum(), nil, print, at)
	if p.Status.Final() != was.Status.Final() || c.next.held != c.base.held {
		c.args = append(c.args, flag(p.Status.Final()), flag(c.next.held))
	}
}

// code is the fingerprint to remember and when it was seen, NULL when there is none.
func (c *change) code(s *Store) (print, at driver.Value) {
	if c.print == nil {
		return nil, nil
	}
	return c.print, s.opt.Clock.Now().UnixNano()
}

// refundOnce guards what makes a repeated request for a refund harmless.
func refundOnce(p *agent.Payment, f *agent.Fact) error {
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
	base := &entry{payment: p}
	asked := &base.payment
	if asked.Created.IsZero() {
		asked.Created = s.opt.Clock.Now()
	}
	asked.Created = asked.Created.Round(0).UTC()
	asked.Version, asked.Status, asked.Facts = 0, agent.Status{}, nil
	c, lawless := s.prepare(base, facts)
	if lawless == nil {
		if lawless = asked.Amount.Check(); lawless == nil && (asked.ID == "" || asked.OrderNo == "") {
			lawless = internal(op, "a payment needs its numbers before it is opened")
		}
	}
	var got *entry
	err := s.write(op, func(b *batch) (err error) {
		got, err = b.open(asked, c, facts, lawless)
		return err
	})
	return got.orNone(), err
}

// open looks for a repeat before anything else can refuse it. The search costs a
// read, so a payment that nothing refuses is simply inserted: the database finds
// the repeat then.
func (b *batch) open(p *agent.Payment, c *change, facts []agent.Fact, lawless error) (*entry, error) {
	other, why := b.refusal(p, facts, lawless)
	if why == nil {
		why = b.insert(c)
		if why == nil {
			return c.next, nil
		}
		if !isConstraint(why) {
			return nil, why
		}
		why = internal("open payment", "the database refused it: %w", why)
	}
	stored, found, err := b.byRequest(p.Client, p.RequestID)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return other, why
	case !slices.Equal(stored.payment.RequestHash, p.RequestHash):
		return stored, &agent.Error{Op: "open payment", Class: agent.Conflict, Code: agent.CodeRequestReused, Payment: stored.payment.ID,
			Say: agent.Sentence{ID: "error.request_reused", English: "This request_id was used for another payment. Use a new one."}}
	}
	return stored, agent.ErrRepeated
}

// refusal is why a payment may not begin now, with the payment in its way.
func (b *batch) refusal(p *agent.Payment, facts []agent.Fact, lawless error) (*entry, error) {
	if holder := b.holder(p.Lane); holder != "" {
		other, _ := b.payment(holder)
		return other, &agent.Error{Op: "open payment", Class: agent.Conflict, Code: agent.CodeLaneBusy, Payment: holder,
			Say: agent.Sentence{ID: "error.lane_busy", Args: []string{p.Lane},
				English: "Another payment is under way on this lane. Finish or cancel it first."}}
	}
	if by := b.seen("", facts); by != "" {
		return b.refuseCode(by)
	}
	if lawless != nil {
		return nil, lawless
	}
	if b.w.tight() {
		return nil, lowSpace("open payment", b.w.s.opt.Dir, errTight)
	}
	return nil, nil
}

// seen finds the other payment that a fact's code belongs to.
func (b *batch) seen(self agent.PaymentID, facts []agent.Fact) agent.PaymentID {
	for i := range facts {
		print := facts[i].CodePrint
		if len(print) == 0 {
			continue
		}
		if c, ok := b.code(string(print)); ok && c.by != self && b.mono < c.until {
			return c.by
		}
	}
	return ""
}

func (b *batch) refuseCode(by agent.PaymentID) (*entry, error) {
	e, err := b.load(by)
	if err != nil {
		return nil, err
	}
	return e, agent.ErrCodeSeen
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
	var got *entry
	err = s.write(op, func(b *batch) (err error) {
		got, err = b.record(id, version, c, facts, lawless)
		return err
	})
	return got.orNone(), err
}

func (b *batch) record(id agent.PaymentID, version int64, c *change, facts []agent.Fact, lawless error) (*entry, error) {
	now, err := b.load(id)
	if err != nil {
		return nil, err
	}
	if now.payment.Version != version {
		return now, agent.ErrStale
	}
	if by := b.seen(id, facts); by != "" {
		return b.refuseCode(by)
	}
	if lawless != nil {
		return nil, lawless
	}
	if err := b.update(c); err != nil {
		return nil, err
	}
	return c.next, nil
}

// stepKey is the number by which a wallet knows a step.
func stepKey(p *agent.Payment, refundNo string) string { return cmp.Or(refundNo, p.OrderNo) }
