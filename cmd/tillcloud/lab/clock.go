package lab

import (
	"sync/atomic"
	"time"

	"tillwire/agent"
)

// Clock is the shop's clock. Its wall reading can be set wrong, as a battery, a
// time server or a hand does; its monotonic reading cannot.
type Clock struct {
	agent.SystemClock
	off atomic.Int64 // nanoseconds that the wall is ahead
}

// NewClock returns a clock that is right.
func NewClock() *Clock { return &Clock{SystemClock: agent.NewSystemClock()} }

// Now implements agent.Clock.
func (c *Clock) Now() time.Time { return c.SystemClock.Now().Add(time.Duration(c.off.Load())) }

// Jump sets the wall ahead, or back when d is negative.
func (c *Clock) Jump(d time.Duration) { c.off.Add(int64(d)) }

// Off is how far the wall is ahead.
func (c *Clock) Off() time.Duration { return time.Duration(c.off.Load()) }

// Right sets the wall right again.
func (c *Clock) Right() { c.off.Store(0) }
