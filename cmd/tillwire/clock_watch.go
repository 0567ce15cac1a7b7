package main

import (
	"fmt"
	"sync"
	"time"

	"tillwire/agent"
)

// clockWatch knows how far the wall clock is off. A wrong clock does not stop a
// sale by itself, but wallets refuse requests signed five minutes beside the
// time (WeChat Pay v3).
type clockWatch struct {
	clock  agent.Clock
	kernel func() bool // the machine's own time service has set the clock; nil: there is none
	mu     sync.Mutex
	off    time.Duration // the wallets' time minus ours; 0 when in order
	since  time.Time
	from   string

	// When somebody last found the clock right, by both clocks; told is false as long
	// as nobody has, which an offset of 0 does not say.
	told bool
	wall time.Time
	mono time.Duration
}

// clockTolerance is what network and rounding may add up to; clockStray how far
// the wall clock may have strayed from the monotonic one since it was confirmed.
const (
	clockTolerance = 60 * time.Second
	clockStray     = 5 * time.Minute
)

// set takes how far somebody else's clock is ahead of ours.
func (c *clockWatch) set(from string, off time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if off.Abs() <= clockTolerance {
		c.off = 0
		c.told, c.wall, c.mono = true, c.clock.Now(), c.clock.Mono()
		return
	}
	if c.off == 0 {
		c.since = c.clock.Now()
	}
	c.off, c.from, c.told = off, from, false
}

// confirmed reports that a wallet's verified answer found the clock right in this
// run and that it has not been turned since. A difference within the tolerance is
// only ever taken from a verified answer.
func (c *clockWatch) confirmed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.told && (c.clock.Now().Sub(c.wall)-(c.clock.Mono()-c.mono)).Abs() < clockStray
}

// synced reports that the wall clock may be believed: a wallet or the machine's own
// time service has set it since the start, and it was not turned since.
func (c *clockWatch) synced() bool {
	return c.confirmed() || c.kernel != nil && c.kernel() && c.offset() == 0
}

func (c *clockWatch) offset() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.off
}

func (c *clockWatch) problems() []agent.Problem {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.off == 0 {
		return nil
	}
	way := "behind"
	if c.off < 0 {
		way = "ahead of"
	}
	return []agent.Problem{{Since: c.since, What: fmt.Sprintf("The clock of this machine is %s %s %s.", c.off.Abs().Round(time.Second), way, c.from),
		Do: "Set the time and switch on time synchronisation (`timedatectl set-ntp true`). Wallets refuse requests that are five minutes off."}}
}
