package road

import (
	"bytes"
	"context"
	"net"
	"sync"

	"tillwire/cmd/tillcloud/lab"
)

// Strike is something that happens to the shop at a point of the road.
type Strike struct {
	// When decides at a point: nth is how often that point was passed since the strike
	// was next in turn, the count of this one included, and passed how many points in
	// all.
	When func(p lab.Point, nth, passed int) bool
	// Do happens there, on the goroutine that passes. PowerOff is one.
	Do func(*lab.Shop)
}

// At strikes when a point is passed for the nth time.
func At(p lab.Point, nth int, do func(*lab.Shop)) Strike {
	return Strike{When: func(q lab.Point, n, _ int) bool { return p == q && n == nth }, Do: do}
}

// After strikes at the nth point, whatever it is.
func After(nth int, do func(*lab.Shop)) Strike {
	return Strike{When: func(_ lab.Point, _, passed int) bool { return passed == nth }, Do: do}
}

// Script lets strikes happen one after the other, and remembers the points that
// were passed. After a power cut it waits for the power.
type Script struct {
	mu      sync.Mutex
	shop    *lab.Shop
	turn    []Strike
	waits   bool
	nth     map[lab.Point]int
	passed  int
	struck  []lab.Point
	trace   []lab.Point
	anytime map[lab.Point]int
}

func newScript(turn []Strike) *Script {
	return &Script{turn: turn, waits: true, nth: map[lab.Point]int{}, anytime: map[lab.Point]int{}}
}

// Struck lists the points at which something happened.
func (s *Script) Struck() []lab.Point {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]lab.Point(nil), s.struck...)
}

// Passed lists the points in the order in which each was first passed.
func (s *Script) Passed() []lab.Point {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]lab.Point(nil), s.trace...)
}

// begin lets the next strike come.
func (s *Script) begin(shop *lab.Shop) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shop, s.waits, s.passed = shop, false, 0
	clear(s.nth)
}

// at is lab.Options.At.
func (s *Script) at(p lab.Point) {
	if strike, shop := s.pass(p); strike != nil {
		strike(shop)
		s.rest(shop)
	}
}

// pass counts a point and returns what happens there, if anything does.
func (s *Script) pass(p lab.Point) (strike func(*lab.Shop), shop *lab.Shop) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.anytime[p]++; s.anytime[p] == 1 {
		s.trace = append(s.trace, p)
	}
	if s.waits || len(s.turn) == 0 {
		return nil, nil
	}
	s.passed++
	s.nth[p]++
	next := s.turn[0]
	if !next.When(p, s.nth[p], s.passed) {
		return nil, nil
	}
	s.turn, s.struck, s.waits = s.turn[1:], append(s.struck, p), true
	return next.Do, s.shop
}

// rest goes on with the next strike, or leaves that to whoever brings the power.
func (s *Script) rest(shop *lab.Shop) {
	if shop.Till() != nil {
		s.begin(shop)
	}
}

// dial gives the shop connections on which something may happen in the middle of
// a request.
func (s *Script) dial(n *lab.Network) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := n.Dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &wire{c, s}, nil
	}
}

type wire struct {
	net.Conn
	script *Script
}

// Write implements net.Conn.
func (w *wire) Write(b []byte) (int, error) {
	if !bytes.Contains(b, []byte(" HTTP/1.1\r\n")) {
		return w.Conn.Write(b)
	}
	strike, shop := w.script.pass(lab.Point{Place: "sending", What: string(lab.OperationOf(b))})
	if strike == nil {
		return w.Conn.Write(b)
	}
	half := len(b) / 2
	n, err := w.Conn.Write(b[:half])
	if err != nil {
		return n, err
	}
	strike(shop)
	w.script.rest(shop)
	if shop.Till() == nil {
		return n, lab.ErrPowerOff
	}
	m, err := w.Conn.Write(b[half:])
	return n + m, err
}
