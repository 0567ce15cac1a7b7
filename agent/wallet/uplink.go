package wallet

import (
	"context"
	"errors"
	"net"
	"time"

	"tillwire/agent"
)

// Uplinks connects over the first of two ways to the network, and over the second where
// the first gives no connection within a head start. Only connections are tried twice,
// never requests: a request goes out on the one connection that it is given, and what may
// have been written is counted there.
type Uplinks struct {
	First  Dial // nil: TCP, wherever the machine's own routes lead
	Second Dial
	Head   time.Duration // of the first; zero: a second
	Clock  agent.Clock
	// Over hears after each connection whether it was made over the second way; nil: nobody.
	Over func(second bool)
}

// KeepAlive is what every connection to a wallet is opened with: a line that has died
// silently is noticed within half a minute.
func KeepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}
}

// overTCP is how connections are opened where nobody says otherwise.
func overTCP() Dial { return (&net.Dialer{KeepAliveConfig: KeepAlive()}).DialContext }

// attempt is one of the two ways, ended.
type attempt struct {
	conn   net.Conn
	err    error
	second bool
}

// Dial is a Dial over both ways. Its error names the failures of both.
func (u Uplinks) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	first, head := u.First, u.Head
	if first == nil {
		first = overTCP()
	}
	if head == 0 {
		head = time.Second
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop() // ends the way that is not needed any more
	ended := make(chan attempt, 2)
	begin := func(d Dial, second bool) {
		go func() {
			conn, err := d(ctx, network, addr)
			ended <- attempt{conn, err, second}
		}()
	}
	begin(first, false)
	open, late := 1, u.Clock.After(head)
	var errs []error
	for {
		select {
		case <-late:
		case a := <-ended:
			open--
			if a.err == nil {
				u.won(a, ended, open)
				return a.conn, nil
			}
			errs = append(errs, a.err)
		}
		if late != nil {
			late = nil
			open++
			begin(u.Second, true)
		}
		if open == 0 {
			return nil, errors.Join(errs...)
		}
	}
}

// won says over which way it went, and hangs up on the other one should it answer, too.
func (u Uplinks) won(a attempt, ended <-chan attempt, open int) {
	if u.Over != nil {
		u.Over(a.second)
	}
	if open == 0 {
		return
	}
	go func() {
		if other := <-ended; other.conn != nil {
			_ = other.conn.Close() // nothing was written on it
		}
	}()
}
