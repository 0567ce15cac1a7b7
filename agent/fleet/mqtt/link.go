package mqtt

import (
	"context"
	"errors"
	"sync"

	"tillwire/agent/fleet"
)

// Link connects a terminal to its broker.
type Link struct {
	opt     Options
	servers *servers
	window  chan struct{} // messages on their way

	mu   sync.Mutex
	live *connection // nil while there is none
}

// New checks the options; nothing is opened.
func New(opt Options) (*Link, error) {
	opt, servers, err := opt.check()
	if err != nil {
		return nil, err
	}
	if _, err := fleet.ParseTID(string(opt.TID)); err != nil {
		return nil, err
	}
	return &Link{opt: opt, servers: servers, window: make(chan struct{}, inFlight)}, nil
}

// Run implements fleet.Link.
func (l *Link) Run(ctx context.Context, s fleet.Session) error {
	p := pace{draw: l.opt.Draw}
	for ctx.Err() == nil {
		began := l.opt.Clock.Mono()
		end, err := l.once(ctx, s)
		if ctx.Err() != nil {
			break
		}
		l.servers.leave()
		wait := p.next(end, l.opt.Clock.Mono()-began, l.opt.Spread())
		l.opt.Log.Info("no connection to the fleet's broker", "comp", "fleet", "code", "mqtt_lost", "err", err, "wait", wait.String())
		select {
		case <-ctx.Done():
		case <-l.opt.Clock.After(wait):
		}
	}
	return ctx.Err()
}

// Probe opens the way to the broker and closes it again: address, authority and
// certificates are right when there is no error. Of a cluster, one server will do.
// Nothing is said to the broker.
func (l *Link) Probe(ctx context.Context) (err error) {
	for _, u := range l.servers.list {
		conn, failed := l.opt.dial(ctx, u)
		if failed == nil {
			return conn.Close()
		}
		err = errors.Join(err, failed)
	}
	return err
}

// once is one connection from its beginning to its end.
func (l *Link) once(ctx context.Context, s fleet.Session) (end ending, err error) {
	will, err := s.Connecting(ctx)
	if err != nil {
		s.Disconnected(err)
		return neverThere, err
	}
	c, err := l.connect(ctx, s, will)
	if err != nil {
		s.Disconnected(err)
		return neverThere, err
	}
	l.set(c)
	s.Connected()
	select {
	case <-ctx.Done():
		err = ctx.Err()
	case <-c.lost:
		err = c.why()
	}
	end = c.ending() // before it is closed from this side
	l.set(nil)
	c.close()
	s.Disconnected(err)
	return end, err
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

var errEnded = errors.New("the broker ended the connection")
