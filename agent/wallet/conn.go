package wallet

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"sync"
	"time"
)

// counter is a TCP connection that counts what the kernel took. Anything the
// kernel took may reach the cloud; what it did not take cannot.
type counter struct {
	net.Conn
	mu     sync.Mutex
	taken  int64
	sealed bool
}

// Write implements net.Conn.
func (c *counter) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sealed {
		return 0, net.ErrClosed
	}
	n, err := c.Conn.Write(b)
	c.taken += int64(n)
	return n, err
}

func (c *counter) count() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.taken
}

// seal ends the connection for good and returns the final count. Without it a
// proof of "nothing was written" could be overtaken by a late write of
// net/http's own goroutine.
func (c *counter) seal() int64 {
	_ = c.Conn.Close() // also frees a Write that holds the lock
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sealed = true
	return c.taken
}

// conn is what net/http gets to use: the counted TCP connection, or TLS over it.
type conn struct {
	net.Conn
	wire *counter
}

// Close ends the TCP connection without a farewell alert of TLS, whose bytes
// would count as the request's.
func (c *conn) Close() error { return c.wire.Close() }

// dialer opens connections: no proxy, TLS 1.2 or newer, HTTP/1.1.
type dialer struct {
	limit time.Duration // for name resolution, TCP and TLS together
	tls   *tls.Config
	open  Dial
}

func newDialer(limit time.Duration, config *tls.Config, open Dial) *dialer {
	if open == nil {
		open = overTCP()
	}
	return &dialer{limit: limit, tls: config, open: open}
}

func (d *dialer) plain(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.limit)
	defer cancel()
	c, err := d.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, wire: c}, nil
}

func (d *dialer) dial(ctx context.Context, network, addr string) (*counter, error) {
	c, err := d.open(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &counter{Conn: c}, nil
}

// secure completes the handshake before net/http sees the connection, so that
// bytes counted afterwards are the request's and not the handshake's.
func (d *dialer) secure(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.limit)
	defer cancel()
	c, err := d.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	config := d.tls.Clone()
	if config.ServerName == "" {
		if config.ServerName, _, err = net.SplitHostPort(addr); err != nil {
			config.ServerName = addr
		}
	}
	secured := tls.Client(c, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = c.Close() // the handshake's error is the one to tell
		return nil, err
	}
	return &conn{Conn: secured, wire: c}, nil
}

// witness follows one request through net/http and knows on which connections
// it may have been written. A request can meet several when a kept connection
// turns out to be dead.
type witness struct {
	mu     sync.Mutex
	met    []meeting
	reused bool // the last connection had carried requests before
	blind  bool // a connection of unknown kind: claim nothing
}

type meeting struct {
	wire   *counter
	before int64
}

func (w *witness) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		w.mu.Lock()
		defer w.mu.Unlock()
		c, ok := info.Conn.(*conn)
		if !ok {
			w.blind = true
			return
		}
		w.met = append(w.met, meeting{c.wire, c.wire.count()})
		w.reused = info.Reused
	}}
}

// wrote ends every connection the request met and reports whether one of them
// took a byte of it. Call it only when there is no answer to read.
func (w *witness) wrote() (any, reused bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	any = w.blind
	for _, m := range w.met {
		any = m.wire.seal() > m.before || any
	}
	return any, w.reused
}
