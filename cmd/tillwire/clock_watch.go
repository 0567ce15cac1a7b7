package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"tillwire/agent"
)

// clockWatch knows how far the wall clock is off. A wrong clock does not stop a
// sale by itself, but wallets refuse requests signed five minutes beside the
// time (WeChat Pay v3).
type clockWatch struct {
	clock agent.Clock
	mu    sync.Mutex
	off   time.Duration // the wallets' time minus ours; 0 when in order
	since time.Time
	from  string

	// The machine's own time service, nil when there is none, and both clocks when this
	// run began: what it has set before that is right as long as nobody turns it.
	service   func() bool
	startWall time.Time
	startMono time.Duration

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

// newClockWatch begins to watch; service may be nil.
func newClockWatch(clock agent.Clock, service func() bool) *clockWatch {
	return &clockWatch{clock: clock, service: service, startWall: clock.Now(), startMono: clock.Mono()}
}

// cloudOf begins the name under which a wallet's cloud tells the time; its own follows.
const cloudOf = "the cloud of "

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
	return c.told && c.straight(c.wall, c.mono)
}

// synced reports that the wall clock may be believed: a wallet or the machine's own
// time service has set it since the machine started, and it was not turned in this run.
func (c *clockWatch) synced() bool {
	if c.confirmed() {
		return true
	}
	steady := c.straight(c.startWall, c.startMono)
	return c.service != nil && steady && c.offset() == 0 && c.service()
}

// straight reports that the wall clock has gone on like the monotonic one since a moment.
func (c *clockWatch) straight(wall time.Time, mono time.Duration) bool {
	return (c.clock.Now().Sub(wall) - (c.clock.Mono() - mono)).Abs() < clockStray
}

// lastGood is when the clock was last found right in this run; zero: never.
func (c *clockWatch) lastGood() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall
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
	way, id := "behind", "problem.clock_behind"
	if c.off < 0 {
		way, id = "ahead of", "problem.clock_ahead"
	}
	return []agent.Problem{{Since: c.since, ID: id, Args: []string{strings.TrimPrefix(c.from, cloudOf), c.off.Abs().Round(time.Second).String()}, What: fmt.Sprintf("The clock of this machine is %s %s %s.", c.off.Abs().Round(time.Second), way, c.from),
		Do: "Set the time and switch on time synchronisation (`timedatectl set-ntp true`). Wallets refuse requests that are five minutes off."}}
}
