package reconcile

import (
	"context"
	"maps"
	"slices"
	"time"

	"tillwire/agent"
)

// slack is how far the clocks of shop and wallet may be apart: a payment that we know
// to be paid just before midnight may be on the next day's bill.
const slack = 10 * time.Minute

// The most days of bills that are looked through for one movement: the first ones and
// the last ones of a span that is longer.
const (
	headDays = 3
	tailDays = 7
)

// comparison is one wallet's day. Each line is judged on the day whose bill has it,
// each movement of the journal that no bill has on the day on which it was known, so
// that the days of a month add up.
type comparison struct {
	ctx      context.Context
	wallet   string
	terminal string
	zone     *time.Location
	day      string
	from, to time.Time
	lines    func(day string) ([]agent.BillLine, error) // asked once for each day
	journal  journal
	asked    time.Time // when the bill was asked for: what was known later need not be on it

	today   bill
	read    map[string]bill          // by day, what was indexed already
	touched map[string]agent.Payment // by order number, and by "txn " and transaction
	later   map[string]int
	sums    map[agent.Currency]*agent.BillSum
	out     *agent.WalletBill
}

// bill is a day's lines with the first of each movement by its key.
type bill struct {
	lines []agent.BillLine
	first map[key]int // index in lines
}

// bill returns the bill of a day, indexed once: a chain's has a hundred thousand lines,
// and every movement that is not where it should be is looked for on several. A line
// without an order number gets it by its transaction, where the journal knows that one.
func (c *comparison) bill(day string) (bill, error) {
	if b, ok := c.read[day]; ok {
		return b, nil
	}
	lines, err := c.lines(day)
	if err != nil {
		return bill{}, err
	}
	b := bill{slices.Clone(lines), make(map[key]int, len(lines))}
	for i := range b.lines {
		l := &b.lines[i]
		if p, ok := c.touched["txn "+l.Txn]; ok && l.OrderNo == "" && l.Txn != "" {
			l.OrderNo = p.OrderNo
		}
		if _, again := b.first[keyOf(*l)]; !again {
			b.first[keyOf(*l)] = i
		}
	}
	c.read[day] = b
	return b, nil
}

// line is the first line about a movement.
func (b bill) line(k key) (l agent.BillLine, ok bool) {
	i, ok := b.first[k]
	if ok {
		l = b.lines[i]
	}
	return l, ok
}

func (b bill) has(k key) bool { _, ok := b.first[k]; return ok }

func (c *comparison) run() error {
	// The bill first: what is paid between the two looks is known here then, too.
	if _, err := c.lines(c.day); err != nil {
		return err
	}
	list, err := c.journal.Touched(c.ctx, c.from, c.to)
	if err != nil {
		return err
	}
	c.touched, c.later, c.sums = map[string]agent.Payment{}, map[string]int{}, map[agent.Currency]*agent.BillSum{}
	c.read = map[string]bill{}
	for _, p := range list {
		c.touched[p.OrderNo] = p
		if p.Status.Txn != "" {
			c.touched["txn "+p.Status.Txn] = p
		}
	}
	if c.today, err = c.bill(c.day); err != nil {
		return err
	}
	for i, l := range c.today.lines {
		if err := c.judge(l, c.today.first[keyOf(l)] != i); err != nil {
			return err
		}
	}
	for _, p := range list {
		if p.Status.Wallet != c.wallet {
			continue
		}
		for _, m := range movements(p) {
			if c.dayOf(m.known) == c.day && m.known.Before(c.asked) {
				c.expect(p, m)
			}
		}
	}
	c.finish()
	return nil
}

func (c *comparison) finish() {
	for _, currency := range slices.Sorted(maps.Keys(c.sums)) {
		c.out.Sums = append(c.out.Sums, *c.sums[currency])
	}
	for _, day := range slices.Sorted(maps.Keys(c.later)) {
		c.out.Later = append(c.out.Later, agent.LaterBill{Day: day, Count: c.later[day]})
	}
}

func (c *comparison) dayOf(t time.Time) string { return t.In(c.zone).Format(time.DateOnly) }

// find looks for the payment of a line.
func (c *comparison) find(l agent.BillLine) (agent.Payment, bool, error) {
	if p, ok := c.touched[l.OrderNo]; ok || l.OrderNo == "" {
		return p, ok, nil
	}
	p, err := c.journal.ByOrderNo(c.ctx, l.OrderNo)
	if agent.ClassOf(err) == agent.NotFound {
		return p, false, nil
	}
	return p, err == nil, err
}

// expect looks for a movement of the journal on the bills that may have it.
func (c *comparison) expect(p agent.Payment, m movement) {
	if c.today.has(m.key) || m.key.kind == agent.BillPayment && c.today.has(key{agent.BillReversal, p.OrderNo}) {
		return
	}
	_, found, waits := c.elsewhen(m.key, m.first.Add(-slack), m.known.Add(slack))
	switch {
	case found:
	case waits != "":
		c.later[waits]++
	default:
		d := c.about(p, agent.DiffMissingThere)
		if d.Here = m.amount; m.key.kind == agent.BillRefund {
			d.Kind, d.RefundNo = agent.DiffRefundMissing, m.key.no
		}
		d.At = m.known.In(c.zone).Format(time.DateTime)
		add(&c.sum(m.amount.Currency).Here, m.key.kind, m.amount.Value)
		c.differ(d)
	}
}

// before reports whether the bill of an earlier day has the movement of a line as well:
// it may be on either side of a midnight, and not on both.
func (c *comparison) before(l agent.BillLine, p agent.Payment) bool {
	for _, m := range movements(p) {
		if m.key != keyOf(l) {
			continue
		}
		to := m.known.Add(slack)
		if eve := c.from.Add(-1); to.After(eve) {
			to = eve
		}
		_, found, _ := c.elsewhen(m.key, m.first.Add(-slack), to)
		return found
	}
	return false
}

// elsewhen looks for a movement on the bills of other days. waits is a day whose bill
// cannot be had and could have it.
func (c *comparison) elsewhen(k key, from, to time.Time) (l agent.BillLine, found bool, waits string) {
	var days []string
	// Days of the wallet's zone are counted by its calendar: some have 23 or 25 hours.
	for at := from.In(c.zone); ; at = at.AddDate(0, 0, 1) {
		day := c.dayOf(at)
		if last := c.dayOf(to); day > last {
			break
		}
		if day != c.day {
			days = append(days, day)
		}
	}
	if len(days) > headDays+tailDays {
		days = append(days[:headDays:headDays], days[len(days)-tailDays:]...)
	}
	for _, day := range days {
		b, err := c.bill(day)
		if err != nil {
			waits = day
		} else if l, found = b.line(k); found {
			return l, true, ""
		}
	}
	return l, false, waits
}

func (c *comparison) about(p agent.Payment, kind agent.DifferenceKind) agent.Difference {
	return agent.Difference{Kind: kind, Wallet: c.wallet, Payment: p.ID, OrderNo: p.OrderNo, Txn: p.Status.Txn, State: p.Status.State}
}

func (c *comparison) differ(d agent.Difference) {
	c.sum(d.Amount().Currency).Differences++
	c.out.Differences = append(c.out.Differences, d)
}

func (c *comparison) sum(currency agent.Currency) *agent.BillSum {
	s := c.sums[currency]
	if s == nil {
		s = &agent.BillSum{Currency: currency}
		c.sums[currency] = s
	}
	return s
}

func add(f *agent.BillFlow, kind agent.BillKind, v int64) {
	if kind == agent.BillPayment {
		f.Payments++
		f.Paid += v
		return
	}
	f.Returns++
	f.Returned += v
}
