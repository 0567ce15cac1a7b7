package drivers

import (
	"math/rand/v2"
	"time"
)

// The patience of the supervisor with a device.
const (
	backoffFirst = 250 * time.Millisecond
	backoffLimit = 10 * time.Second
	backoffReset = 30 * time.Second // ready for so long: the next loss starts anew
	jitterPart   = 5                // delays vary by a fifth either way, so that lanes do not retry in step

	panicLimit  = 5 // so many panics within panicWindow and the driver is given up
	panicWindow = 10 * time.Minute

	lookEvery   = 250 * time.Millisecond // how often the path of a device that is away is looked at
	openingLong = 10 * time.Second       // opening for longer is worth telling
	stopGrace   = 5 * time.Second        // how long a stop waits for devices
)

// backoff yields the delays between tries: 250 ms, doubled to 10 s, ±20 %.
type backoff struct {
	next   time.Duration
	random func(n int64) int64 // like rand.Int64N; tests make it even
}

func newBackoff() backoff { return backoff{random: rand.Int64N} }

func (b *backoff) reset() { b.next = 0 }

func (b *backoff) delay() time.Duration {
	if b.next == 0 {
		b.next = backoffFirst
	}
	d := b.next
	b.next = min(2*b.next, backoffLimit)
	spread := d / jitterPart
	return d - spread + time.Duration(b.random(int64(2*spread)+1))
}
