package reconcile

import "tillwire/agent"

// judge holds one line of the bill against the journal.
func (c *comparison) judge(l agent.BillLine, again bool) error {
	p, known, err := c.find(l)
	if err != nil {
		return err
	}
	if !known && ofOtherTerminal(l.OrderNo, c.terminal, c.to) {
		c.out.Elsewhere++
		return nil
	}
	add(&c.sum(l.Amount.Currency).There, l.Kind, l.Amount.Value)
	switch {
	case again:
		c.line(l, p, agent.DiffDuplicate, agent.Money{})
	case !known:
		c.stranger(l)
	case p.Status.Wallet != c.wallet && p.Status.Wallet != "":
		c.otherWallets(l, p)
	case c.before(l, p):
		c.line(l, p, agent.DiffDuplicate, agent.Money{})
	case l.Kind == agent.BillPayment:
		c.payment(l, p)
	case l.Kind == agent.BillRefund:
		c.refund(l, p)
	default:
		c.reversal(l, p)
	}
	return nil
}

// otherWallets is a line about an order that was settled with another wallet. What was
// taken back as a whole is nothing; a refund is one that nobody asked for here.
func (c *comparison) otherWallets(l agent.BillLine, p agent.Payment) {
	switch {
	case l.Kind == agent.BillRefund:
		c.line(l, p, agent.DiffRefundUnknown, agent.Money{})
	case l.Kind == agent.BillPayment && !c.today.has(key{agent.BillReversal, l.OrderNo}):
		c.line(l, p, agent.DiffOtherWallet, agent.Money{})
	}
}

// line notes a difference that a line of the bill shows. here is what the journal has
// instead; zero is nothing.
func (c *comparison) line(l agent.BillLine, p agent.Payment, kind agent.DifferenceKind, here agent.Money) {
	d := c.about(p, kind)
	d.OrderNo, d.RefundNo, d.There, d.Here, d.At, d.Line = l.OrderNo, l.RefundNo, l.Amount, here, l.At, l.Text
	if l.Txn != "" {
		d.Txn = l.Txn
	}
	if here.Currency != "" {
		add(&c.sum(here.Currency).Here, l.Kind, here.Value)
	}
	c.differ(d)
}

// agree notes a line that the journal has as well.
func (c *comparison) agree(l agent.BillLine) {
	add(&c.sum(l.Amount.Currency).Here, l.Kind, l.Amount.Value)
}

// stranger is a line about an order that is not in the journal. What was paid and
// taken back within the day is one difference, not two.
func (c *comparison) stranger(l agent.BillLine) {
	kind := agent.DiffUnknownHere
	switch l.Kind {
	case agent.BillRefund:
		kind = agent.DiffRefundUnknown
	case agent.BillReversal:
		if c.today.has(key{agent.BillPayment, keyOf(l).no}) {
			return
		}
		kind = agent.DiffReversalUnknown
	}
	c.line(l, agent.Payment{}, kind, agent.Money{})
}

func (c *comparison) payment(l agent.BillLine, p agent.Payment) {
	s := p.Status
	here := agent.Money{Value: s.Captured, Currency: p.Amount.Currency}
	switch {
	case standing(s) && l.Amount.Currency != here.Currency:
		c.line(l, p, agent.DiffCurrency, here)
	case standing(s) && l.Amount != here:
		c.line(l, p, agent.DiffAmount, here)
	case standing(s):
		c.agree(l)
	default:
		c.undone(l, p)
	}
}

// undone is a payment on the bill that the journal does not have as paid: fine when
// the wallet took all of it back as well.
func (c *comparison) undone(l agent.BillLine, p agent.Payment) {
	back := key{agent.BillReversal, p.OrderNo}
	given, found := c.today.line(back)
	waits := ""
	if !found && p.Status.State == agent.Reversed {
		given, found, waits = c.elsewhen(back, c.from, p.Status.Since.Add(slack))
	}
	switch {
	case found && given.Amount != l.Amount:
		c.line(l, p, agent.DiffPaidThere, given.Amount)
	case found:
		c.agree(l)
	case waits != "":
		c.agree(l)
		c.later[waits]++
	case p.Status.Final():
		c.line(l, p, agent.DiffPaidThere, agent.Money{})
	default:
		c.line(l, p, agent.DiffUnsettled, agent.Money{})
	}
}

func (c *comparison) refund(l agent.BillLine, p agent.Payment) {
	r, ok := p.Status.Refund(l.RefundNo)
	here := agent.Money{Value: r.Amount, Currency: p.Amount.Currency}
	switch {
	case !ok:
		c.line(l, p, agent.DiffRefundUnknown, agent.Money{})
	case r.State != agent.RefundDone:
		c.line(l, p, agent.DiffRefundUnsettled, agent.Money{})
	case l.Amount.Currency != here.Currency:
		c.line(l, p, agent.DiffCurrency, here)
	case l.Amount != here:
		c.line(l, p, agent.DiffRefundAmount, here)
	default:
		c.agree(l)
	}
}

func (c *comparison) reversal(l agent.BillLine, p agent.Payment) {
	switch {
	case p.Status.State == agent.RefundDue:
		c.line(l, p, agent.DiffUnsettled, agent.Money{})
	case standing(p.Status):
		c.line(l, p, agent.DiffReversedThere, agent.Money{})
	default:
		c.agree(l)
	}
}
