package agent

import "time"

// Clock tells the time. Two readings are kept apart on purpose: a shop's wall
// clock jumps (no battery, NTP, a hand on the settings page), so it is only
// written down and shown; everything that waits uses the monotonic reading.
type Clock interface {
	// Now is the wall clock, for records and screens.
	Now() time.Time
	// Mono is the time since some fixed moment of this process; it never jumps and
	// is never zero, so that zero can stand for "not yet".
	Mono() time.Duration
	// After delivers once d has passed on the monotonic clock.
	After(d time.Duration) <-chan time.Time
}

// SystemClock reads the machine's clocks. Its zero value counts Mono from an
// arbitrary moment; use NewSystemClock.
type SystemClock struct{ start time.Time }

// NewSystemClock returns a clock whose Mono begins now.
func NewSystemClock() SystemClock { return SystemClock{start: time.Now()} }

// Now implements Clock.
func (SystemClock) Now() time.Time { return time.Now() }

// Mono implements Clock; time.Since uses the monotonic reading of start.
func (c SystemClock) Mono() time.Duration { return time.Since(c.start) + 1 }

// After implements Clock.
func (SystemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }
