package voucher

import "time"

// backwards is how far the wall clock may stand behind a time that was already
// seen before it is called wrong.
const backwards = 5 * time.Minute

// Clock is what a terminal knows about the time. Boards without a battery start
// in the past, so the wall clock alone proves nothing.
type Clock struct {
	Wall    time.Time // what the clock says
	MaxSeen time.Time // the latest time ever trusted, kept on disk; zero when none
	Synced  bool      // set by the network since the machine started
	Battery bool      // the machine keeps the time while it is off
}

// Trusted reports whether the wall clock may decide about seconds: it does not
// stand more than five minutes before a time already seen, and it was set by
// the network or runs on a battery. The caller advances MaxSeen only with a
// trusted clock; otherwise one jump into the future would outdate everything.
func (c Clock) Trusted() bool {
	return (c.Synced || c.Battery) && !c.Wall.Before(c.MaxSeen.Add(-backwards))
}

// Latest is the later of the wall clock and the latest time seen. It is never
// too early by more than the clock is, so nothing that has ended looks valid
// again because a clock was put back.
func (c Clock) Latest() time.Time {
	if c.Wall.Before(c.MaxSeen) {
		return c.MaxSeen
	}
	return c.Wall
}

// after is the clock with one more moment known to have passed: whoever holds a
// document verified under a root knows it is not earlier than its issue.
func (c Clock) after(t time.Time) Clock {
	if c.MaxSeen.Before(t) {
		c.MaxSeen = t
	}
	return c
}
