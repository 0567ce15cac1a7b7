package mqtt

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// ending is how an attempt to have a connection came to its end.
type ending int

const (
	neverThere ending = iota // there was none
	wentSilent               // nothing came any more: the line between, most likely this shop's own
	hungUp                   // the other side closed it, as a broker does that ends
)

// pace is how long to wait before the next attempt.
type pace struct {
	draw  func(time.Duration) time.Duration
	bound time.Duration // of the wait after a failed attempt
	drops int           // connections lost in a row that had not lasted
}

// next answers the wait. A broker that ends closes the connections of the whole
// fleet in one moment, so then the wait is drawn from the fleet's window. A line
// that goes silent is found by each terminal at a time of its own, and most likely
// it is this shop's alone: the first time the window is small. After an attempt
// that failed it doubles.
func (p *pace) next(end ending, lasted, spread time.Duration) time.Duration {
	if end == neverThere {
		p.bound = min(max(2*p.bound, firstWait), longestWait)
		return p.draw(max(p.bound, min(spread, longestWait)))
	}
	p.bound = 0
	if lasted >= steadyAfter {
		p.drops = 0
	}
	p.drops++
	if end == wentSilent && p.drops == 1 {
		return p.draw(min(firstDrop, spread))
	}
	return p.draw(spread)
}

// observed notes when it is the other side that ends a connection. The library's
// own words for what happened do not tell.
type observed struct {
	net.Conn
	closed *atomic.Bool
}

// Read implements net.Conn.
func (o *observed) Read(p []byte) (int, error) {
	n, err := o.Conn.Read(p)
	return n, o.note(err)
}

// Write implements net.Conn.
func (o *observed) Write(p []byte) (int, error) {
	n, err := o.Conn.Write(p)
	return n, o.note(err)
}

func (o *observed) note(err error) error {
	for _, theirs := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, theirs) {
			o.closed.Store(true)
		}
	}
	return err
}
