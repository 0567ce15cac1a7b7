package mqtt

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"time"

	"tillwire/agent/fleet"
)

// Link connects a terminal to its broker.
type Link struct {
	opt    Options
	broker *url.URL
	window chan struct{} // messages on their way

	mu   sync.Mutex
	live *connection // nil while there is none
}

// New checks the options; nothing is opened.
func New(opt Options) (*Link, error) {
	opt, broker, err := opt.check()
	if err != nil {
		return nil, err
	}
	if _, err := fleet.ParseTID(string(opt.TID)); err != nil {
		return nil, err
	}
	return &Link{opt: opt, broker: broker, window: make(chan struct{}, inFlight)}, nil
}

// Run implements fleet.Link.
func (l *Link) Run(ctx context.Context, s fleet.Session) error {
	p := pace{draw: l.opt.Draw}
	for ctx.Err() == nil {
		began := l.opt.Clock.Mono()
		connected, err := l.once(ctx, s)
		if ctx.Err() != nil {
			break
		}
		wait := p.next(connected, l.opt.Clock.Mono()-began, l.opt.Spread())
		l.opt.Log.Info("no connection to the fleet's broker", "comp", "fleet", "code", "mqtt_lost", "err", err, "wait", wait.String())
		select {
		case <-ctx.Done():
		case <-l.opt.Clock.After(wait):
		}
	}
	return ctx.Err()
}

// Probe opens the way to the broker and closes it again: address, authority and
// certificates are right when there is no error. Nothing is said to the broker.
func (l *Link) Probe(ctx context.Context) error {
	conn, err := l.opt.dial(ctx, l.broker)
	if err != nil {
		return err
	}
	return conn.Close()
}

// once is one connection from its beginning to its end.
func (l *Link) once(ctx context.Context, s fleet.Session) (connected bool, err error) {
	will, err := s.Connecting(ctx)
	if err != nil {
		s.Disconnected(err)
		return false, err
	}
	c, err := l.connect(ctx, s, will)
	if err != nil {
		s.Disconnected(err)
		return false, err
	}
	l.set(c)
	s.Connected()
	select {
	case <-ctx.Done():
		err = ctx.Err()
	case <-c.lost:
		err = c.why()
	}
	l.set(nil)
	c.close()
	s.Disconnected(err)
	return true, err
}

func (l *Link) set(c *connection) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.live = c
}

// Publish implements fleet.Link.
func (l *Link) Publish(ctx context.Context, m fleet.Message) error {
	if len(m.Payload) > fleet.MaxMessage {
		return fleet.ErrTooLarge
	}
	l.mu.Lock()
	c := l.live
	l.mu.Unlock()
	if c == nil {
		return fleet.ErrOffline
	}
	select {
	case l.window <- struct{}{}:
		defer func() { <-l.window }()
	case <-c.lost:
		return fleet.ErrOffline
	case <-ctx.Done():
		return ctx.Err()
	}
	return c.publish(ctx, l.opt.TID, m)
}

// pace is how long to wait before the next attempt.
type pace struct {
	draw  func(time.Duration) time.Duration
	bound time.Duration // of the wait after a failed attempt
	drops int           // connections lost in a row that had not lasted
}

// next answers the wait. After a connection that was lost it is drawn from the
// fleet's window, because everybody else has lost it too; the first time from a
// small one, because then it is most likely this shop alone. After an attempt
// that failed the window doubles.
func (p *pace) next(connected bool, lasted, spread time.Duration) time.Duration {
	if !connected {
		p.bound = min(max(2*p.bound, firstWait), longestWait)
		return p.draw(max(p.bound, min(spread, longestWait)))
	}
	p.bound = 0
	if lasted >= steadyAfter {
		p.drops = 0
	}
	p.drops++
	if p.drops == 1 {
		return p.draw(min(firstDrop, spread))
	}
	return p.draw(spread)
}

var errEnded = errors.New("the broker ended the connection")
