package reconcile_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tillwire/agent"
)

// draw makes a journal of random payments of three days and the bills that a wallet
// without a fault would have of them.
func draw(t *rapid.T) *shop {
	s := newShop()
	minutes := func(most int, name string) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(t, name)) * time.Minute
	}
	for range rapid.IntRange(1, 12).Draw(t, "payments") {
		began := at(1, 0, 0).Add(minutes(3*24*60-1, "began"))
		if rapid.Bool().Draw(t, "by midnight") {
			began = at(rapid.IntRange(2, 3).Draw(t, "midnight"), 0, 0).Add(minutes(20, "around") - 10*time.Minute)
		}
		amount := int64(rapid.IntRange(1, 100_000).Draw(t, "amount"))
		theirs := began.Add(minutes(3, "theirs"))
		known := theirs.Add(minutes(3, "known"))
		switch rapid.IntRange(0, 4).Draw(t, "life") {
		case 0:
			s.declined(amount, began)
		case 1:
			n := s.reversed(amount, began, known.Add(10*time.Minute))
			if rapid.Bool().Draw(t, "taken") {
				s.billPaid(n, theirs)
				s.bill(s.line(agent.BillReversal, n, amount, ""), known.Add(minutes(10, "undone")))
			}
		case 2: // found paid after it had ended, and given back
			n := s.declined(amount, began)
			s.fact(n, known, agent.Fact{Kind: agent.FactApproved, Op: agent.OpQuery, Amount: amount})
			no, back := s.payments[n].LateRefundNo(), known.Add(minutes(90, "back"))
			s.fact(n, back.Add(minutes(9, "told")), agent.Fact{Kind: agent.FactRefundDone, RefundNo: no})
			s.billPaid(n, theirs)
			s.bill(s.line(agent.BillRefund, n, amount, no), back)
		default:
			n := s.open(amount, began)
			s.sent(n, began)
			s.fact(n, known, agent.Fact{Kind: agent.FactApproved, Op: agent.OpPay, Amount: amount, Txn: txn(n)})
			s.billPaid(n, theirs)
			for part := range rapid.IntRange(0, 2).Draw(t, "refunds") {
				if amount/3 == 0 {
					break
				}
				asked := known.Add(time.Duration(part) * time.Hour)
				back := asked.Add(minutes(1500, "refund takes"))
				no := s.refunded(n, amount/3, asked, back.Add(minutes(5, "told")))
				s.bill(s.line(agent.BillRefund, n, amount/3, no), back)
			}
		}
	}
	return s
}

// found is every difference of all days that any movement can be on.
func (s *shop) found(t *rapid.T) (list []agent.Difference) {
	for day := 1; day <= 8; day++ {
		w := s.compare(t, at(day, 0, 0).Format(time.DateOnly))
		list = append(list, w.Differences...)
		if len(w.Later) > 0 {
			t.Fatalf("waits for %+v", w.Later)
		}
	}
	return list
}

func TestPropertyABillThatFollowsFromTheJournalAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if list := draw(t).found(t); len(list) > 0 {
			t.Fatalf("found %+v", list)
		}
	})
}

// mutation plants one difference; it reports whether this shop has room for it.
type mutation struct {
	kind agent.DifferenceKind
	make func(t *rapid.T, s *shop) bool
}

// anyLine picks a line of a kind and returns how to replace its place on the bill.
func anyLine(t *rapid.T, s *shop, kind agent.BillKind, fits func(agent.Payment) bool) (agent.BillLine, func(...agent.BillLine), bool) {
	type place struct {
		day string
		i   int
	}
	var places []place
	for day, lines := range s.bills {
		for i, l := range lines {
			if p, err := s.ByOrderNo(t.Context(), l.OrderNo); err == nil && l.Kind == kind && fits(p) {
				places = append(places, place{day, i})
			}
		}
	}
	if len(places) == 0 {
		return agent.BillLine{}, nil, false
	}
	slices.SortFunc(places, func(a, b place) int {
		return slices.Compare([]string{a.day, string(rune(a.i))}, []string{b.day, string(rune(b.i))})
	})
	at := rapid.SampledFrom(places).Draw(t, "line")
	return s.bills[at.day][at.i], func(with ...agent.BillLine) {
		s.bills[at.day] = slices.Replace(slices.Clone(s.bills[at.day]), at.i, at.i+1, with...)
	}, true
}

func taken(p agent.Payment) bool {
	return p.Status.State == agent.Paid || p.Status.State == agent.Refunded
}
func undone(p agent.Payment) bool { return p.Status.State == agent.Reversed }

// edit is a mutation that changes one line.
func edit(kind agent.DifferenceKind, of agent.BillKind, fits func(agent.Payment) bool, change func(l agent.BillLine) []agent.BillLine) mutation {
	return mutation{kind, func(t *rapid.T, s *shop) bool {
		l, replace, ok := anyLine(t, s, of, fits)
		if ok {
			replace(change(l)...)
		}
		return ok
	}}
}

func mutations() []mutation {
	more := func(l agent.BillLine) []agent.BillLine { l.Amount.Value++; return []agent.BillLine{l} }
	gone := func(agent.BillLine) []agent.BillLine { return nil }
	twice := func(l agent.BillLine) []agent.BillLine { return []agent.BillLine{l, l} }
	abroad := func(l agent.BillLine) []agent.BillLine { l.Amount.Currency = "HKD"; return []agent.BillLine{l} }
	return []mutation{
		edit(agent.DiffAmount, agent.BillPayment, taken, more),
		edit(agent.DiffRefundAmount, agent.BillRefund, taken, more),
		edit(agent.DiffMissingThere, agent.BillPayment, taken, gone),
		edit(agent.DiffRefundMissing, agent.BillRefund, taken, gone),
		edit(agent.DiffDuplicate, agent.BillPayment, taken, twice),
		edit(agent.DiffDuplicate, agent.BillRefund, taken, twice),
		edit(agent.DiffDuplicate, agent.BillReversal, undone, twice),
		edit(agent.DiffCurrency, agent.BillPayment, taken, abroad),
		edit(agent.DiffCurrency, agent.BillRefund, taken, abroad),
		edit(agent.DiffPaidThere, agent.BillReversal, undone, gone),
		edit(agent.DiffUnknownHere, agent.BillPayment, taken, func(l agent.BillLine) []agent.BillLine {
			other := l
			other.OrderNo, other.Txn = "till-4711", "T-4711"
			return []agent.BillLine{l, other}
		}),
		edit(agent.DiffRefundUnknown, agent.BillPayment, taken, func(l agent.BillLine) []agent.BillLine {
			other := l
			other.Kind, other.RefundNo = agent.BillRefund, "portal-1"
			return []agent.BillLine{l, other}
		}),
		edit(agent.DiffReversedThere, agent.BillPayment, taken, func(l agent.BillLine) []agent.BillLine {
			other := l
			other.Kind = agent.BillReversal
			return []agent.BillLine{l, other}
		}),
		{agent.DiffPaidThere, func(_ *rapid.T, s *shop) bool {
			for n, p := range s.payments {
				if p.Status.State == agent.Declined {
					s.billPaid(n, p.Created)
					return true
				}
			}
			return false
		}},
	}
}

func TestPropertyOneChangeIsOneDifference(t *testing.T) {
	planted := map[agent.DifferenceKind]int{}
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t)
		m := rapid.SampledFrom(mutations()).Draw(t, "mutation")
		if !m.make(t, s) {
			return // this shop has nothing that could be changed so
		}
		planted[m.kind]++
		if list := s.found(t); len(list) != 1 || list[0].Kind != m.kind {
			t.Fatalf("planted %s, found %+v", m.kind, list)
		}
	})
	if len(planted) < 8 {
		t.Errorf("only %v were planted: this test does not see the comparison", planted)
	}
}
