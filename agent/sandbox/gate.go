package sandbox

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// gate is one address of a wallet: a listener that can be closed for real and
// opened again on the same port. Closing it also resets what is connected, for
// a line that is down keeps no connection alive either.
type gate struct {
	handler http.Handler
	listen  Listen
	tls     *tls.Config // nil: plain HTTP
	log     *slog.Logger

	mu     sync.Mutex
	addr   string
	server *http.Server // nil while shut
	conns  map[net.Conn]struct{}
	serves sync.WaitGroup
}

// newGate opens the address; port 0 becomes a fixed port from then on.
func newGate(listen Listen, addr string, secure *tls.Config, handler http.Handler, log *slog.Logger) (*gate, error) {
	g := &gate{handler: handler, listen: listen, tls: secure, log: log, addr: addr, conns: map[net.Conn]struct{}{}}
	return g, g.open()
}

// open does nothing when the gate is open already.
func (g *gate) open() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.server != nil {
		return nil
	}
	listener, err := g.listen("tcp", g.addr)
	if err != nil {
		return fmt.Errorf("sandbox: listen on %s: %w", g.addr, err)
	}
	// From the first opening on the port is fixed, also if it was chosen freely:
	// clients have it in their configuration.
	g.addr = listener.Addr().String()
	if g.tls != nil {
		listener = tls.NewListener(listener, g.tls)
	}
	server := &http.Server{Handler: g.handler, ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		ConnState: g.track, ErrorLog: slog.NewLogLogger(g.log.Handler(), slog.LevelDebug)}
	g.server = server
	g.serves.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			g.log.Error("a listener of the sandbox ended", "address", g.addr, "error", err)
		}
	})
	return nil
}

// track keeps the open connections, so that shut can reset them. A hijacked one
// belongs to whoever took it.
func (g *gate) track(conn net.Conn, state http.ConnState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch state {
	case http.StateNew:
		g.conns[conn] = struct{}{}
	case http.StateHijacked, http.StateClosed:
		delete(g.conns, conn)
	}
}

// shut closes the listener and resets every connection.
func (g *gate) shut() error {
	g.mu.Lock()
	server := g.server
	g.server = nil
	for conn := range g.conns {
		abortive(conn)
	}
	g.mu.Unlock()
	if server == nil {
		return nil
	}
	return server.Close()
}

// set opens or shuts the gate. A port that was freed may be taken for a moment
// by somebody's outgoing connection, so opening is tried for a while.
func (g *gate) set(open bool) error {
	if !open {
		return g.shut()
	}
	var err error
	for range 40 {
		if err = g.open(); err == nil {
			return nil
		}
		<-time.After(50 * time.Millisecond)
	}
	return err
}

// url is the base address for clients.
func (g *gate) url() string {
	if g.tls != nil {
		return "https://" + g.address()
	}
	return "http://" + g.address()
}

// address is where the gate listens or will listen again.
func (g *gate) address() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.addr
}

// bare is the connection below TLS: a line that drops sends no farewell.
func bare(conn net.Conn) net.Conn {
	if secured, ok := conn.(*tls.Conn); ok {
		return secured.NetConn()
	}
	return conn
}

// abortive makes the close of a TCP connection a reset (RST) instead of an
// orderly end: that is what a dropped line looks like to a client.
func abortive(conn net.Conn) {
	if tcp, ok := bare(conn).(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // fails only on a connection that is closed already
	}
}

// reset ends a connection with a TCP reset.
func reset(conn net.Conn) {
	abortive(conn)
	_ = bare(conn).Close() // nobody is left to tell
}
