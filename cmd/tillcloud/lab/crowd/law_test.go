package crowd_test

import (
	"fmt"
	"hash/maphash"
	"net/http"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"

	"tillwire/agent"
)

// The bounds of one history.
const (
	mostSlots   = 6 // payments
	mostRefunds = 6 // of one payment
)

type operation uint8

const (
	opOpen operation = iota
	opScan
	opCancel
	opShow
	opRead // GET, and a check: both answer with the payment
	opList
	opRefund
)

func (o operation) String() string {
	return [...]string{"open", "scan", "cancel", "show", "read", "list", "refund"}[o]
}

// input is a call. Lanes are counted from 0, slots (the payments that clients ask
// for, each under its own request id), codes, refunds and approvals from 1.
type input struct {
	op      operation
	slot    int
	lane    int
	variant int
	show    bool
	code    int
	ref     int
	amount  int64
	// approval is a manager's word; 0 is none.
	approval int
}

// output is what a call brought: failed when nobody knows.
type output struct {
	failed  bool
	status  int
	say     string          // the code of an error, the sentence of a scan
	payment agent.PaymentID // that the error names
	sights  []sight

	slots []int // of sights, once all are known; 0: of nobody
	names int   // slot of payment; 0: not known
}

func (o output) sight() sight {
	if len(o.sights) == 0 {
		return sight{}
	}
	return o.sights[0]
}

// sale is one payment in the specification.
type sale struct {
	lane    int
	variant int
	show    bool // asked for with a code to show: another body than without
	at      place
	version int // facts, at least
	code    int
	money   int64
	refunds [mostRefunds]refund
}

// world is a state of the specification. It is comparable, and is never changed.
type world struct {
	sales     [mostSlots + 1]sale // by slot; one that is nowhere was not asked for
	approvals uint64              // that a refund was made with
}

// law is the sequential specification of the local API: what it may answer when
// calls come one after the other, and what the payments are afterwards. Between any
// two calls payments may move on by themselves.
type law struct{ far [places]set }

func newLaw(restarted bool) *law { return &law{alone(restarted)} }

// model is the law in the words of porcupine.
func (l *law) model() porcupine.Model {
	seed := maphash.MakeSeed()
	m := porcupine.NondeterministicModel{
		Init:              func() []any { return []any{world{}} },
		Step:              func(state, in, out any) []any { return l.step(state.(world), in.(input), out.(output)) },
		Hash:              func(state any) uint64 { return maphash.Comparable(seed, state.(world)) },
		DescribeOperation: func(in, out any) string { return describe(in.(input), out.(output)) },
		DescribeState:     func(state any) string { return fmt.Sprint(state) },
	}
	return m.ToModel()
}

// step gives every state that a call may lead to; none when the answer is wrong.
func (l *law) step(w world, in input, out output) []any {
	var next []world
	switch {
	case out.failed:
		next = append(l.maybe(w, in), w)
	case in.op == opOpen:
		next = l.open(w, in, out)
	case in.op == opScan:
		next = l.scan(w, in, out)
	case in.op == opCancel:
		next = l.cancel(w, in, out)
	case in.op == opShow:
		next = l.show(w, in, out)
	case in.op == opList:
		next = l.list(w, in, out)
	case in.op == opRefund:
		next = l.refund(w, in, out)
	case out.status == http.StatusOK:
		next = l.seen(w, out, 0, ^set(0))
	}
	states := make([]any, len(next))
	for i, n := range next {
		states[i] = n
	}
	return states
}

// canBe reports whether a payment can have come to a place with so many facts.
func (l *law) canBe(s sale, at place, version int) bool {
	switch {
	case s.at == nowhere || version < s.version:
		return false
	case version == s.version:
		return s.at == at
	}
	return s.at == at || l.far[s.at].has(at)
}

// seen takes in the i-th sight of an answer, when the payment may be so and stands
// in one of the places.
func (l *law) seen(w world, out output, i int, where set) []world {
	if i >= len(out.sights) || out.slots[i] == 0 {
		return nil
	}
	got, slot := out.sights[i], out.slots[i]
	s := w.sales[slot]
	if !where.has(got.at) || !l.canBe(s, got.at, len(got.facts)) || !same(s, got.refunds) {
		return nil
	}
	if got.at == refunded && s.at != refunded && s.sum() != s.money && !l.throughDue(s) {
		return nil // paid back, and nobody asked
	}
	s.at, s.version = got.at, len(got.facts)
	w.sales[slot] = s
	return []world{w}
}

// throughDue reports whether a payment can have been paid back by itself, as a
// success that came too late is.
func (l *law) throughDue(s sale) bool { return s.at == refundDue || l.far[s.at].has(refundDue) }

func same(s sale, refunds []refund) bool {
	n := slices.Index(s.refunds[:], refund{})
	if n < 0 {
		n = mostRefunds
	}
	return slices.Equal(s.refunds[:n], refunds)
}

func (s sale) sum() (sum int64) {
	for _, r := range s.refunds {
		sum += r.amount
	}
	return sum
}

// wrote takes in an answer that shows the payment as the call itself left it, one
// fact after it stood in one of the places.
func (l *law) wrote(w world, out output, from set, change func(*sale)) []world {
	if len(out.sights) == 0 || out.slots[0] == 0 {
		return nil
	}
	got, slot := out.sights[0], out.slots[0]
	s := w.sales[slot]
	can := false
	for at := range places {
		can = can || from.has(at) && l.canBe(s, at, len(got.facts)-1)
	}
	if !can {
		return nil
	}
	s.at, s.version = got.at, len(got.facts)
	change(&s)
	if !same(s, got.refunds) {
		return nil
	}
	w.sales[slot] = s
	return []world{w}
}

// forced moves payments on by themselves until none that is picked stands outside
// the places; each way is a state of its own.
func (l *law) forced(w world, pick func(sale) bool, where set) []world {
	next := []world{w}
	for slot, s := range w.sales {
		if s.at == nowhere || !pick(s) || where.has(s.at) {
			continue
		}
		var more []world
		for at := range places {
			if !where.has(at) || !l.far[s.at].has(at) {
				continue
			}
			for _, n := range next {
				n.sales[slot].at, n.sales[slot].version = at, s.version+1
				more = append(more, n)
			}
		}
		next = more
	}
	return next
}

func onLane(lane int) func(sale) bool { return func(s sale) bool { return s.lane == lane } }

// free are the states in which nothing holds the lane.
func (l *law) free(w world, lane int) []world {
	return l.forced(w, onLane(lane), ^holding())
}

func (l *law) open(w world, in input, out output) []world {
	s := w.sales[in.slot]
	switch {
	case out.status == http.StatusCreated:
		got := out.sight()
		first := fresh(in)
		if s.at != nowhere || out.slots[0] != in.slot || got.at != first.at || len(got.facts) != first.version || len(got.refunds) > 0 {
			return nil
		}
		return l.begun(w, in)
	case out.status == http.StatusOK:
		if s.at == nowhere || !s.askedBy(in) || out.slots[0] != in.slot {
			return nil
		}
		return l.seen(w, out, 0, ^set(0))
	case out.status == http.StatusConflict && out.say == agent.CodeRequestReused:
		if s.at != nowhere && !s.askedBy(in) {
			return []world{w}
		}
	case out.status == http.StatusConflict && out.say == agent.CodeLaneBusy:
		if s.at != nowhere {
			return nil // a repeat is looked up before the lane is
		}
		for slot, other := range w.sales {
			if other.at != nowhere && other.lane == in.lane && holding().has(other.at) && (out.names == 0 || out.names == slot) {
				return []world{w}
			}
		}
	}
	return nil
}

// askedBy reports whether a call asks for this payment in the same words.
func (s sale) askedBy(in input) bool {
	return s.variant == in.variant && s.lane == in.lane && s.show == in.show
}

func fresh(in input) sale {
	s := sale{lane: in.lane, variant: in.variant, show: in.show, at: created, version: 1, money: amountOf(in.slot, in.variant).Value}
	if in.show {
		s.at, s.version = fetching, 2
	}
	return s
}

// begun are the states after a payment was opened on a free lane.
func (l *law) begun(w world, in input) []world {
	next := l.free(w, in.lane)
	for i := range next {
		next[i].sales[in.slot] = fresh(in)
	}
	return next
}

func (l *law) scan(w world, in input, out output) []world {
	used := slices.ContainsFunc(w.sales[:], func(s sale) bool { return s.code == in.code })
	if out.status == http.StatusOK && out.say == "scan.no_payment" {
		return l.free(w, in.lane)
	}
	if len(out.sights) == 0 || w.sales[out.slots[0]].lane != in.lane {
		return nil
	}
	s := w.sales[out.slots[0]]
	switch {
	case out.status == http.StatusAccepted:
		var next []world
		if s.code == in.code {
			next = l.seen(w, out, 0, ^(ended() | of(created)))
		}
		if !used && out.sight().at == sending {
			next = append(next, l.wrote(w, out, of(created), func(s *sale) { s.code = in.code })...)
		}
		return next
	case out.say == "scan.busy" && s.code != in.code:
		return l.seen(w, out, 0, ^(ended() | of(created)))
	case out.say == "scan.used" && used && s.code != in.code:
		return l.seen(w, out, 0, of(created))
	}
	return nil
}

func (l *law) cancel(w world, in input, out output) []world {
	switch {
	case out.status == http.StatusAccepted:
		from := undone()[out.sight().at]
		return l.wrote(w, out, from, func(*sale) {})
	case out.status == http.StatusOK:
		return l.seen(w, out, 0, of(reversing, letGo, refundDue))
	case out.status == http.StatusConflict && out.say == agent.CodeFinal:
		return l.one(w, in.slot, ended())
	}
	return nil
}

// undone is what cancelling makes, and of what. A code whose close was acknowledged
// has let its lane go already; giving it up is still a fact of its own, once.
func undone() map[place]set {
	return map[place]set{notSent: of(created), reversing: of(sending, awaiting, unknown), letGo: of(fetching, shown, closing, letGo)}
}

// one are the states in which the payment of a slot stands in one of the places.
func (l *law) one(w world, slot int, where set) []world {
	s := w.sales[slot]
	if s.at == nowhere {
		return nil
	}
	return l.forced(w, func(other sale) bool { return other == s }, where)
}

func (l *law) show(w world, in input, out output) []world {
	switch {
	case out.status == http.StatusAccepted:
		next := l.seen(w, out, 0, of(fetching, shown, closing, letGo, refundDue))
		if out.sight().at == fetching {
			next = append(next, l.wrote(w, out, of(created), func(*sale) {})...)
		}
		return next
	case out.status == http.StatusConflict:
		return l.one(w, in.slot, ^of(created))
	}
	return nil
}

// list must tell of every payment on the lane, all at one moment.
func (l *law) list(w world, in input, out output) []world {
	if out.status != http.StatusOK {
		return nil
	}
	for slot, s := range w.sales {
		if s.at != nowhere && s.lane == in.lane && !slices.Contains(out.slots, slot) {
			return nil
		}
	}
	next := []world{w}
	for i := range out.sights {
		if next = l.seen(next[0], out, i, ^set(0)); len(next) == 0 {
			return nil
		}
	}
	return next
}

func (l *law) refund(w world, in input, out output) []world {
	s := w.sales[in.slot]
	i := slices.IndexFunc(s.refunds[:], func(r refund) bool { return r.ref == in.ref })
	spent := w.approvals&(1<<in.approval) != 0
	after := w
	after.approvals |= 1 << in.approval
	switch {
	case out.status == http.StatusCreated:
		if spent || i >= 0 || s.sum()+in.amount > s.money {
			return nil
		}
		return l.wrote(after, out, of(paid), func(s *sale) { s.add(in) })
	case out.status == http.StatusOK:
		if i < 0 || s.refunds[i].amount != in.amount {
			return nil
		}
		return l.seen(w, out, 0, of(paid, refunded))
	case out.say == agent.CodeRequestReused:
		if i >= 0 && s.refunds[i].amount != in.amount {
			return []world{w}
		}
	case out.status == http.StatusUnprocessableEntity:
		if i < 0 && s.sum()+in.amount > s.money {
			return []world{w}
		}
	case out.status == http.StatusConflict:
		return l.one(w, in.slot, ^of(paid))
	case out.status == http.StatusForbidden && out.say == agent.CodeApproval:
		// Whose approval it was stands in another check: it is used up a moment before
		// the refund is seen.
		if i < 0 {
			return []world{w}
		}
	}
	return nil
}

func (s *sale) add(in input) {
	if i := slices.Index(s.refunds[:], refund{}); i >= 0 {
		s.refunds[i] = refund{in.ref, in.amount}
	}
}

// maybe are the states that a call without an answer may have led to.
func (l *law) maybe(w world, in input) (next []world) {
	s := w.sales[in.slot]
	switch in.op {
	case opOpen:
		if s.at == nowhere {
			next = l.begun(w, in)
		}
	case opScan:
		for slot, s := range w.sales {
			if s.at == created && s.lane == in.lane {
				n := w
				n.sales[slot].at, n.sales[slot].version, n.sales[slot].code = sending, s.version+1, in.code
				next = append(next, n)
			}
		}
	case opCancel, opShow:
		table := undone()
		if in.op == opShow {
			table = map[place]set{fetching: of(created)}
		}
		for to, from := range table {
			for at := range places {
				if from.has(at) && (s.at == at || l.far[s.at].has(at)) {
					n := w
					n.sales[in.slot].at, n.sales[in.slot].version = to, s.version+1
					next = append(next, n)
				}
			}
		}
	case opRefund:
		n := w
		n.approvals |= 1 << in.approval
		next = append(next, n)
		if (s.at == paid || l.far[s.at].has(paid)) && s.sum()+in.amount <= s.money {
			moved := n.sales[in.slot]
			moved.add(in)
			moved.at, moved.version = paid, s.version+1
			n.sales[in.slot] = moved
			next = append(next, n)
		}
	}
	return next
}

// describe is one line of a history that is printed.
func describe(in input, out output) string {
	text := fmt.Sprintf("%s(slot %d lane %d", in.op, in.slot, in.lane)
	switch in.op {
	case opOpen:
		text += fmt.Sprintf(" variant %d show %t", in.variant, in.show)
	case opScan:
		text += fmt.Sprintf(" code %d", in.code)
	case opRefund:
		text += fmt.Sprintf(" R%d %d approval %d", in.ref, in.amount, in.approval)
	}
	if out.failed {
		return text + ") -> ?"
	}
	var list []string
	for _, s := range out.sights {
		list = append(list, s.String())
	}
	return fmt.Sprintf("%s) -> %d %s [%s]", text, out.status, out.say, strings.Join(list, "; "))
}
