package network

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
)

// Loopback makes pairs of real TCP connections on the loopback.
type Loopback struct {
	listener net.Listener

	mu   sync.Mutex
	ends map[netip.AddrPort]chan net.Conn // by the address of the near end
}

// ListenLoopback opens a port for pairs.
func ListenLoopback() (*Loopback, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &Loopback{listener: l, ends: map[netip.AddrPort]chan net.Conn{}}
	go b.accept()
	return b, nil
}

// end is where the far end of a near one is handed over, whoever comes first.
func (b *Loopback) end(a net.Addr) chan net.Conn {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := a.(*net.TCPAddr).AddrPort()
	c := b.ends[key]
	if c == nil {
		c = make(chan net.Conn, 1)
		b.ends[key] = c
	} else {
		delete(b.ends, key) // both have come
	}
	return c
}

func (b *Loopback) accept() {
	for {
		c, err := b.listener.Accept()
		if err != nil {
			return // closed
		}
		b.end(c.RemoteAddr()) <- c
	}
}

// Pair implements the type of that name.
func (b *Loopback) Pair(ctx context.Context) (near, far net.Conn, err error) {
	near, err = (&net.Dialer{}).DialContext(ctx, "tcp", b.listener.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	select {
	case far = <-b.end(near.LocalAddr()):
		return near, far, nil
	case <-ctx.Done():
		// The far end may still come; its reader finds the near end closed.
		return nil, nil, errors.Join(ctx.Err(), near.Close())
	}
}

// Close ends the port; pairs that were made stay.
func (b *Loopback) Close() error { return b.listener.Close() }
