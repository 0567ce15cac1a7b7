package lab

import (
	"cmp"
	"slices"

	"tillwire/agent"
	"tillwire/agent/sandbox"
)

// acceptance is a sale that was accepted without the wallet's word, and how long it was
// at stake by the rows of the journal, which are the order in which the disk learnt it.
type acceptance struct {
	p        *agent.Payment
	fact     agent.Fact
	from, to int64 // to is 0 while it is at stake
}

// acceptances lists them in that order.
func acceptances(b *Books) (list []acceptance) {
	for i := range b.Payments {
		p := &b.Payments[i]
		a := acceptance{p: p}
		var status agent.Status
		for _, f := range p.Facts {
			next, err := status.Apply(f)
			if err != nil {
				break // the law is another check's
			}
			status = next
			switch {
			case f.Kind == agent.FactOfflineAccepted:
				a.fact, a.from = f, f.Seq
			case a.from > 0 && a.to == 0 && !uncollected(status):
				a.to = f.Seq
			}
		}
		if a.from > 0 {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(x, y acceptance) int { return cmp.Compare(x.from, y.from) })
	return list
}

// uncollected reports that the goods are gone on a promise. The oracle has a list of its
// own: what the product adds up is what is judged.
func uncollected(s agent.Status) bool {
	state := s.State
	if state == agent.Review {
		state = s.Under
	}
	return state == agent.OfflineAccepted || state == agent.Redeeming
}

// judgeOutage judges what was accepted while the line was down.
func (s *Shop) judgeOutage(b *Books) {
	list := acceptances(b)
	s.judgeOnce(list)
	s.judgeCaps(list)
	s.judgeDevices(b, list)
	for i := range list {
		s.judgeLoss(b, &list[i])
	}
}

// takenKey is what may be accepted once: the key of a receipt or voucher, or the print
// of a code that is charged later; empty for a look at the customer's screen.
func (a *acceptance) takenKey() string {
	if a.fact.Key != "" {
		return a.fact.Wallet + " " + a.fact.Key
	}
	if len(a.fact.CodePrint) > 0 {
		return a.fact.Wallet + " " + string(a.fact.CodePrint)
	}
	return ""
}

// comesBack reports that the code was the customer's again before a row of the journal:
// nobody but the shop knew of it, and the sale was taken back unsent.
func (a *acceptance) comesBack(before int64) bool {
	return (a.fact.Way == agent.WayBearer || a.fact.Way == agent.WayDeferred) && a.p.Status.State == agent.Voided && a.to > 0 && a.to < before
}

// judgeOnce looks for codes that paid two sales.
func (s *Shop) judgeOnce(list []acceptance) {
	last := map[string]*acceptance{}
	for i := range list {
		a := &list[i]
		key := a.takenKey()
		if key == "" {
			continue
		}
		if before := last[key]; before != nil && !before.comesBack(a.from) {
			s.accuse(CheckOnce, "the %s code of %s was accepted for %s before: %v", a.fact.Way, a.p.OrderNo, before.p.OrderNo, kinds(*before.p))
		}
		last[key] = a
	}
}

// exposed is what is at stake, of the terminal or of a lane.
type exposed struct {
	count int
	sums  map[agent.Currency]int64
}

func (e *exposed) add(a *acceptance, sign int) {
	if e.sums == nil {
		e.sums = map[agent.Currency]int64{}
	}
	e.count += sign
	e.sums[a.p.Amount.Currency] += int64(sign) * a.p.Amount.Value
}

// judgeCaps adds up what was at stake whenever one more was accepted: the owner's caps and
// the time they hold for are kept then, whatever was under way beside it and wherever the
// power went, and by whom the owner lets it be done.
func (s *Shop) judgeCaps(list []acceptance) {
	if s.opt.Outage == nil {
		for i := range list {
			s.accuse(CheckCaps, "%s was accepted by %s in a shop that accepts nothing", list[i].p.OrderNo, list[i].fact.Way)
		}
		return
	}
	type step struct {
		at   int64
		sign int
		a    *acceptance
	}
	var steps []step
	for i := range list {
		steps = append(steps, step{list[i].from, 1, &list[i]})
		if list[i].to > 0 {
			steps = append(steps, step{list[i].to, -1, &list[i]})
		}
	}
	slices.SortFunc(steps, func(x, y step) int { return cmp.Compare(x.at, y.at) })
	var all exposed
	var waiting []*acceptance
	lanes := map[string]*exposed{}
	for _, st := range steps {
		lane := lanes[st.a.p.Lane]
		if lane == nil {
			lane = &exposed{}
			lanes[st.a.p.Lane] = lane
		}
		all.add(st.a, st.sign)
		lane.add(st.a, st.sign)
		if st.sign < 0 {
			waiting = without(waiting, st.a)
			continue
		}
		s.judgeCap(st.a, all, *lane)
		s.judgeWindow(st.a, waiting)
		s.judgeWho(st.a)
		waiting = append(waiting, st.a)
	}
}

// judgeCap compares what is at stake with one acceptance in it.
func (s *Shop) judgeCap(a *acceptance, all, lane exposed) {
	p, c := s.opt.Outage, a.p.Amount.Currency
	limit := p.Caps[c]
	over := func(what string, is, most int64) {
		if is > most {
			s.accuse(CheckCaps, "with %s, accepted by %s, %s is %d and may be %d", a.p.OrderNo, a.fact.Way, what, is, most)
		}
	}
	over("the number of sales that wait", int64(all.count), int64(p.Count))
	over("that number on its lane", int64(lane.count), int64(p.LaneCount))
	over("the sum", all.sums[c], limit.Stored)
	over("the sum on its lane", lane.sums[c], limit.Lane)
	switch {
	case a.fact.Way == agent.WayReceipt: // its money is at the wallet
	case a.fact.Way == agent.WayDevice && a.p.Status.Showing:
		// The journal does not tell whether it was signed for this sale.
		over("its amount", a.p.Amount.Value, max(limit.Exact, limit.Ceiling))
	default:
		over("its amount", a.p.Amount.Value, limit.Ceiling)
	}
	if !slices.Contains(p.Ways, a.fact.Way) {
		s.accuse(CheckCaps, "%s was accepted by %s, which the owner does not allow", a.p.OrderNo, a.fact.Way)
	}
}

// judgeLoss holds the end of what was accepted against the ledger: it is collected, or
// taken back, or a loss that has a name and that the wallet has proven. That the sums
// agree is the books' own check.
func (s *Shop) judgeLoss(b *Books, a *acceptance) {
	status, o := a.p.Status, b.byOrder[a.p.OrderNo]
	s.mu.Lock()
	lied := s.seen.lied[a.p.OrderNo]
	s.mu.Unlock()
	switch status.State {
	case agent.Paid, agent.Refunded, agent.Voided, agent.Closed:
	case agent.OfflineRejected:
		switch {
		case lied:
		case status.Reason == agent.ReasonNone:
			s.accuse(CheckLoss, "the loss of %s, accepted by %s, has no name: %v", a.p.OrderNo, a.fact.Way, kinds(*a.p))
		case o.Order == nil:
			s.accuse(CheckLoss, "%s, accepted by %s, is called lost (%s), and its wallet never refused it: %v", a.p.OrderNo, a.fact.Way, status.Reason, kinds(*a.p))
		case o.State != sandbox.StateDeclined && o.State != sandbox.StateReversed && o.State != sandbox.StateClosed && o.State != sandbox.StateCancelled:
			s.accuse(CheckLoss, "%s, accepted by %s, is called lost (%s), and the ledger has it as %s", a.p.OrderNo, a.fact.Way, status.Reason, o.State)
		}
	default:
		if status.Final() {
			s.accuse(CheckLoss, "%s was accepted by %s and ends as %s: %v", a.p.OrderNo, a.fact.Way, status.State, kinds(*a.p))
		}
	}
}
