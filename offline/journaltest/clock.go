package journaltest

import (
	"slices"
	"sync"
	"time"
)

// Clock stands still until a test moves it.
type Clock struct {
	mu     sync.Mutex
	now    time.Time
	mono   time.Duration
	alarms []alarm
}

type alarm struct {
	at   time.Duration
	ring chan time.Time
}

// NewClock returns a clock that shows an ordinary morning.
func NewClock() *Clock {
	return &Clock{now: time.Date(2026, 3, 14, 9, 30, 0, 0, time.UTC)}
}

// Now implements agent.Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Mono implements agent.Clock.
func (c *Clock) Mono() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mono
}

// After implements agent.Clock. The channel delivers during the Advance that
// reaches the moment.
func (c *Clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	ring := make(chan time.Time, 1)
	if d <= 0 {
		ring <- c.now
		return ring
	}
	c.alarms = append(c.alarms, alarm{c.mono + d, ring})
	return ring
}

// Advance moves both readings on and delivers what comes due.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.mono = c.now.Add(d), c.mono+d
	c.alarms = slices.DeleteFunc(c.alarms, func(a alarm) bool {
		if a.at <= c.mono {
			a.ring <- c.now
			return true
		}
		return false
	})
}

// Jump moves the wall clock alone, as NTP or a hand does.
func (c *Clock) Jump(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Waiting is how many alarms are set, for tests that wait until somebody waits.
func (c *Clock) Waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.alarms)
}
