package sim_test

import (
	"sync"
	"time"

	"tillwire/agent"
	"tillwire/cmd/tillcloud/lab"
)

// doubts measures how long payments stay in doubt, by the monotonic clock: with a
// network, and after the last of line, cloud, clock and power is back.
type doubts struct {
	clock *lab.Clock

	mu       sync.Mutex
	since    map[agent.PaymentID]time.Duration
	bad      int           // disturbances under way
	lastEnd  time.Duration // of a disturbance
	seconds  [301]int      // resolved with a network all the while, by seconds; the last is "or more"
	longest  time.Duration // after the last disturbance
	reviewed int
	states   map[agent.State]int // how payments ended; a payment may end twice
}

func newDoubts(c *lab.Clock) *doubts {
	return &doubts{clock: c, since: map[agent.PaymentID]time.Duration{}, states: map[agent.State]int{}}
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
			d.seconds[min(int((now-since)/time.Second), len(d.seconds)-1)]++
		default:
			d.longest = max(d.longest, now-d.lastEnd)
		}
	}
}
