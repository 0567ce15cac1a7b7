package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
)

// Network is a network in memory, so that a shop and its cloud can run in virtual
// time. Its connections are synchronous pipes: what a writer is told was taken has
// been read by the other side.
type Network struct {
	mu    sync.Mutex
	last  int
	ports map[string]*listener
	conns map[net.Conn]struct{} // the dialled ends
}

// NewNetwork returns a network on which nobody listens.
func NewNetwork() *Network {
	return &Network{ports: map[string]*listener{}, conns: map[net.Conn]struct{}{}}
}

// Listen opens a listener, as net.Listen does; port 0 becomes a free one.
func (n *Network) Listen(_, address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if port == "0" {
		n.last++
		address = net.JoinHostPort(host, fmt.Sprint(10_000+n.last))
	}
	if n.ports[address] != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, syscall.EADDRINUSE)
	}
	l := &listener{network: n, address: memoryAddress(address), calls: make(chan net.Conn), closed: make(chan struct{})}
	n.ports[address] = l
	return l, nil
}

// Dial connects to a listener, as a net.Dialer does.
func (n *Network) Dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	l := n.ports[address]
	n.mu.Unlock()
	if l == nil {
		return nil, fmt.Errorf("dial %s: %w", address, syscall.ECONNREFUSED)
	}
	near, far := net.Pipe()
	select {
	case l.calls <- far:
	case <-l.closed:
		return nil, fmt.Errorf("dial %s: %w", address, syscall.ECONNREFUSED)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	c := &dialled{Conn: near, network: n}
	n.conns[c] = struct{}{}
	return c, nil
}

// Sever ends every connection that somebody dialled: the machine that dialled is
// without power.
func (n *Network) Sever() error {
	n.mu.Lock()
	conns := make([]net.Conn, 0, len(n.conns))
	for c := range n.conns {
		conns = append(conns, c)
	}
	n.mu.Unlock()
	var errs []error
	for _, c := range conns {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

type dialled struct {
	net.Conn
	network *Network
}

// Close implements net.Conn.
func (d *dialled) Close() error {
	d.network.mu.Lock()
	delete(d.network.conns, d)
	d.network.mu.Unlock()
	return d.Conn.Close()
}

type listener struct {
	network *Network
	address memoryAddress
	calls   chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.calls:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *listener) Close() error {
	l.once.Do(func() {
		l.network.mu.Lock()
		delete(l.network.ports, string(l.address))
		l.network.mu.Unlock()
		close(l.closed)
	})
	return nil
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return l.address }

type memoryAddress string

// Network implements net.Addr.
func (memoryAddress) Network() string { return "memory" }

// String implements net.Addr.
func (a memoryAddress) String() string { return string(a) }
