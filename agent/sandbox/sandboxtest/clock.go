package sandboxtest

import (
	"slices"
	"sync"
	"time"
)

// Clock is a wall clock that only moves when a test moves it.
type Clock struct {
	mu      sync.Mutex
	now     time.Time
	waiters []waiter
}

type waiter struct {
	at time.Time
	ch chan time.Time
}

// NewClock stands on a morning in Beijing.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 1, 1, 2, 34, 56, 0, time.UTC)} }

// Now implements agent.Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Mono implements agent.Clock.
func (c *Clock) Mono() time.Duration { return c.Now().Sub(time.Unix(0, 0)) }

// After implements agent.Clock. The channel delivers during the Move that reaches
// the moment.
func (c *Clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := make(chan time.Time, 1)
	c.waiters = append(c.waiters, waiter{c.now.Add(d), ch})
	return ch
}

// Waiting is how many channels of After have not delivered yet.
func (c *Clock) Waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiters)
}

// Move sets the clock forward and delivers what comes due.
func (c *Clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.waiters = slices.DeleteFunc(c.waiters, func(w waiter) bool {
		if w.at.After(c.now) {
			return false
		}
		w.ch <- c.now
		return true
	})
}
