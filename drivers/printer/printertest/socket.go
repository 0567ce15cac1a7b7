package printertest

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Serve connects a line to the printer until it ends: what arrives is fed, answers are
// sent back. It returns when the line is closed.
func (m *Machine) Serve(line io.ReadWriter) {
	out := make(chan []byte, 256)
	var writer sync.WaitGroup
	writer.Go(func() {
		for b := range out {
			_, _ = line.Write(b) // the host went away
		}
	})
	var mu sync.Mutex
	over := false
	m.Connect(func(b []byte) {
		mu.Lock()
		defer mu.Unlock()
		if over {
			return
		}
		select {
		case out <- append([]byte(nil), b...):
		default: // nobody reads its answers
		}
	})
	buf := make([]byte, 4096)
	for {
		n, err := line.Read(buf)
		m.Feed(buf[:n])
		if err != nil {
			break
		}
	}
	mu.Lock()
	over = true
	mu.Unlock()
	close(out)
	writer.Wait()
}

// Socket is a printer on the network. It serves one host at a time.
type Socket struct {
	Machine *Machine
	Address string

	mu     sync.Mutex
	listen net.Listener
	line   net.Conn
	ended  sync.WaitGroup
}

// Listen plugs a printer into the network of this machine until the test ends.
func Listen(t testing.TB, m *Machine) *Socket {
	t.Helper()
	s := &Socket{Machine: m, Address: "127.0.0.1:0"}
	if err := s.Plug(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Unplug)
	return s
}

// takenFor is how long somebody else may have the port that an unplugged printer left.
const takenFor = time.Minute

// Plug opens the port; the address stays the same after the first time.
func (s *Socket) Plug() error {
	l, err := net.Listen("tcp", s.Address)
	for limit := time.After(takenFor); err != nil; l, err = net.Listen("tcp", s.Address) {
		select {
		case <-limit:
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
	s.mu.Lock()
	s.listen, s.Address = l, l.Addr().String()
	s.mu.Unlock()
	s.ended.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			gone := s.listen != l
			s.line = c
			s.mu.Unlock()
			if !gone {
				s.Machine.Serve(c)
			}
			_ = c.Close()
		}
	})
	return nil
}

// Unplug cuts the line and closes the port.
func (s *Socket) Unplug() {
	s.mu.Lock()
	l, c := s.listen, s.line
	s.listen, s.line = nil, nil
	s.mu.Unlock()
	if l == nil {
		return
	}
	_ = l.Close()
	if c != nil {
		_ = c.Close()
	}
	s.ended.Wait()
}
