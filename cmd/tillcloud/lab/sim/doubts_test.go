package sim_test

import (
	"slices"
	"sync"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
)

// doubts measures how long payments stay in doubt, by the monotonic clock: with a
// network, and after the last of line, cloud, clock and power is back. With a
// network means that all four were well and that no fault befell another request
// of the payment once it was in doubt.
type doubts struct {
	clock *lab.Clock

	mu       sync.Mutex
	since    map[agent.PaymentID]time.Duration
	bad      int                        // disturbances under way
	lastEnd  time.Duration              // of a disturbance
	resolved []resolved                 // while all four were well
	struck   map[string][]time.Duration // order number to the tap's faults
	after    []resolved                 // the same, from the end of the last disturbance on
	reviewed int
}

// resolved is a doubt that ended.
type resolved struct {
	orderNo     string
	since, took time.Duration
}

func newDoubts(c *lab.Clock) *doubts {
	return &doubts{clock: c, since: map[agent.PaymentID]time.Duration{}, struck: map[string][]time.Duration{}}
}

// begin and end enclose a disturbance.
func (d *doubts) begin() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bad++
}

func (d *doubts) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bad = max(0, d.bad-1)
	d.lastEnd = d.clock.Mono()
}

// disturbed reports that the wallet cannot be reached, or the clock is wrong.
func (d *doubts) disturbed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.bad > 0
}

// told hears of every commit.
func (d *doubts) told(p agent.Payment) {
	now := d.clock.Mono()
	d.mu.Lock()
	defer d.mu.Unlock()
	switch state := p.Status.State; {
	case state == agent.Unknown:
		if _, known := d.since[p.ID]; !known {
			d.since[p.ID] = now
		}
	case state == agent.Review:
		d.reviewed++
	case p.Status.Final() || state == agent.RefundDue:
		since, doubted := d.since[p.ID]
		if !doubted {
			return
		}
		delete(d.since, p.ID)
		switch {
		case d.bad > 0: // resolved in the middle of it, by luck
		case since > d.lastEnd:
			d.resolved = append(d.resolved, resolved{p.OrderNo, since, now - since})
		default:
			d.after = append(d.after, resolved{p.OrderNo, d.lastEnd, now - d.lastEnd})
		}
	}
}

// strike notes that the tap meddled with a request of an order.
func (d *doubts) strike(orderNo string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.struck[orderNo] = append(d.struck[orderNo], d.clock.Mono())
}

// handed is how many payments went to the office.
func (d *doubts) handed() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reviewed
}

// tally is what a day's doubts come to.
type tally struct {
	seconds     [301]int      // resolved with a network, by seconds; the last is "or more"
	longest     time.Duration // from the end of the last disturbance on
	struckAgain int           // left out of both: a fault befell another request of theirs
}

// count sorts the doubts. seen are the requests that the sandbox remembers with its
// own faults, begin is when the monotonic clock began.
func (d *doubts) count(seen []sandbox.Seen, begin time.Time) (t tally) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range seen {
		if s.Fault != "" {
			d.struck[s.OrderNo] = append(d.struck[s.OrderNo], s.At.Sub(begin))
		}
	}
	again := func(r resolved) bool {
		return slices.ContainsFunc(d.struck[r.orderNo], func(at time.Duration) bool { return at > r.since && at < r.since+r.took })
	}
	for _, r := range d.resolved {
		if again(r) {
			t.struckAgain++
			continue
		}
		t.seconds[min(int(r.took/time.Second), len(t.seconds)-1)]++
	}
	for _, r := range d.after {
		if again(r) {
			t.struckAgain++
			continue
		}
		t.longest = max(t.longest, r.took)
	}
	return t
}
