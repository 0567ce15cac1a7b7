package web

import (
	"sync"
	"time"
)

// handClock moves only when a test moves it. Its wall and its running time move
// apart when a test says so.
type handClock struct {
	mu    sync.Mutex
	wall  time.Time
	mono  time.Duration
	waits []handWait
}

type handWait struct {
	at time.Duration
	c  chan time.Time
}

// newHandClock starts at the next noon: deadlines of real sockets are set from it and must
// not be over, and no day may end because a test runs late in the evening.
func newHandClock() *handClock {
	return &handClock{wall: time.Now().UTC().Add(12 * time.Hour).Truncate(24 * time.Hour).Add(12 * time.Hour)}
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall
}

func (c *handClock) Mono() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mono
}

func (c *handClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := make(chan time.Time, 1)
	if d <= 0 {
		ch <- c.wall
		return ch
	}
	c.waits = append(c.waits, handWait{c.mono + d, ch})
	return ch
}

// advance lets running time pass, and the wall clock with it.
func (c *handClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mono += d
	c.wall = c.wall.Add(d)
	rest := c.waits[:0]
	for _, w := range c.waits {
		if w.at <= c.mono {
			w.c <- c.wall
			continue
		}
		rest = append(rest, w)
	}
	c.waits = rest
}

// jump moves the wall clock alone, as a hand or NTP does.
func (c *handClock) jump(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall = c.wall.Add(d)
}

// waiting is how many timers run, so that a test can tell that a stream sleeps.
func (c *handClock) waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waits)
}
