package network

import (
	"bufio"
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"

	"tillwire/agent/sandbox"
)

// Dial opens a connection, as net.Dialer does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Pair makes the two ends of the shop's connection to the proxy.
type Pair func(ctx context.Context) (near, far net.Conn, err error)

// Proxy stands between a shop and its cloud. It carries every exchange faithfully
// but those for which a fault is armed. It is safe for concurrent use.
type Proxy struct {
	pair Pair
	dial Dial
	done chan struct{}
	runs sync.WaitGroup

	swaps chan offer
	// Mixed hears of an order whose answer to "present" goes to another, or that is
	// told another's; it is set before the first exchange, and may be nil.
	Mixed func(orderNo string)

	mu     sync.Mutex
	armed  map[string][]*Armed // by order number
	heard  []heard             // the last answers of all orders, oldest first
	conns  map[net.Conn]struct{}
	closed bool
}

// NewProxy returns a proxy that reaches the cloud by dial and the shop by pair.
func NewProxy(pair Pair, dial Dial) *Proxy {
	return &Proxy{pair: pair, dial: dial, done: make(chan struct{}), swaps: make(chan offer), armed: map[string][]*Armed{}, conns: map[net.Conn]struct{}{}}
}

// Fault carries one exchange in its own way. With an error the connection is over.
type Fault func(*Trip) error

// Armed is a fault that waits for its exchange.
type Armed struct {
	op    sandbox.Operation
	fault Fault
	acted atomic.Bool
}

// HasActed reports whether the fault has done what it is for: an exchange that it
// took may have ended before, or may have offered nothing to make wrong.
func (a *Armed) HasActed() bool { return a.acted.Load() }

// Arm puts a fault in the way of the order's next exchange of the operation that no
// fault armed before takes.
func (p *Proxy) Arm(orderNo string, op sandbox.Operation, f Fault) *Armed {
	a := &Armed{op: op, fault: f}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed[orderNo] = append(p.armed[orderNo], a)
	return a
}

// Disarm forgets what is still armed for an order.
func (p *Proxy) Disarm(orderNo string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.armed, orderNo)
}

// take hands out the fault for an exchange; nil when it is to go through.
func (p *Proxy) take(orderNo string, op sandbox.Operation) *Armed {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, a := range p.armed[orderNo] {
		if a.op == op {
			p.armed[orderNo] = append(p.armed[orderNo][:i:i], p.armed[orderNo][i+1:]...)
			return a
		}
	}
	return nil
}

// Dial is the shop's way to the cloud.
func (p *Proxy) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	cloud, err := p.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	near, far, err := p.pair(ctx)
	if err != nil {
		return nil, errors.Join(err, cloud.Close())
	}
	again := func(ctx context.Context) (net.Conn, error) { return p.dial(ctx, network, address) }
	l := &line{proxy: p, shop: far, cloud: cloud, answers: bufio.NewReader(cloud), again: again}
	if !p.keep(far, cloud) {
		return nil, errors.Join(net.ErrClosed, near.Close(), l.close())
	}
	p.runs.Go(l.serve)
	return near, nil
}

// keep remembers connections until Close; false when it is too late for that.
func (p *Proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = struct{}{}
	}
	return !p.closed
}

func (p *Proxy) drop(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.conns, c)
	}
}

// Close ends every connection, those in silence too, and waits for all of them.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	close(p.done)
	for c := range p.conns {
		_ = c.Close() // nobody is left to tell
	}
	p.mu.Unlock()
	p.runs.Wait()
}

// line is one connection of the shop, with its own one to the cloud.
type line struct {
	proxy       *Proxy
	shop, cloud net.Conn
	answers     *bufio.Reader
	again       func(context.Context) (net.Conn, error)
	held        atomic.Bool // the shop may hang up, the cloud does not hear of it
}

func (l *line) close() error { return errors.Join(l.shop.Close(), l.cloud.Close()) }

// serve carries one exchange after the other, as a client without pipelining
// makes them.
func (l *line) serve() {
	requests, cloud := make(chan Message), l.cloud
	l.proxy.runs.Go(func() {
		defer close(requests)
		shop := bufio.NewReader(l.shop)
		for {
			m, err := readMessage(shop)
			if err != nil {
				if !l.held.Load() {
					_ = cloud.Close() // the shop has hung up
				}
				return
			}
			select {
			case requests <- m:
			case <-l.proxy.done:
				return
			}
		}
	})
	for m := range requests {
		t := &Trip{line: l, Op: m.Operation(), OrderNo: m.OrderNo(), Request: m}
		carry := Carry
		if a := l.proxy.take(t.OrderNo, t.Op); a != nil {
			carry, t.armed = a.fault, a
		}
		if carry(t) != nil {
			break
		}
	}
	_ = l.close() // one side ended it already
	l.proxy.drop(l.shop, l.cloud)
	for range requests { // the shop may have one more under way
	}
}

// errOver ends a connection on purpose.
var errOver = errors.New("the proxy has ended this connection")

// Trip is one exchange on its way through the proxy.
type Trip struct {
	*line
	Op      sandbox.Operation
	OrderNo string
	Request Message

	armed *Armed // nil: no fault
}

// acts notes that the exchange is not what it would have been.
func (t *Trip) acts() {
	if t.armed != nil {
		t.armed.acted.Store(true)
	}
}

// mixes notes that the answer is told to another order's request too, or is another's.
// WeChat Pay's code names no order, so that no terminal could know.
func (t *Trip) mixes() {
	t.acts()
	if t.Op == sandbox.OpPresent && t.proxy.Mixed != nil {
		t.proxy.Mixed(t.OrderNo)
	}
}

// Carry is the fault that is none.
func Carry(t *Trip) error {
	answer, err := t.Deliver()
	if err != nil {
		return err
	}
	return t.Tell(answer)
}

// Pass sends bytes to the cloud.
func (t *Trip) Pass(b []byte) error {
	_, err := t.cloud.Write(b)
	return err
}

// Tell sends bytes to the shop.
func (t *Trip) Tell(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	_, err := t.shop.Write(b)
	return err
}

// Deliver passes the request and waits for the answer.
func (t *Trip) Deliver() (Message, error) {
	if err := t.Pass(t.Request); err != nil {
		return nil, err
	}
	answer, err := readMessage(t.answers)
	if err == nil {
		t.proxy.hear(heard{t.Op, t.OrderNo, answer})
	}
	return answer, err
}

// heard is an answer that the cloud gave.
type heard struct {
	op      sandbox.Operation
	orderNo string
	answer  Message
}

// mostHeard bounds what a proxy remembers.
const mostHeard = 400

func (p *Proxy) hear(h heard) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.heard) == mostHeard {
		p.heard = append(p.heard[:0:0], p.heard[mostHeard/2:]...)
	}
	p.heard = append(p.heard, h)
}

// recall finds an answer that was given to the operation before: to the same order,
// the oldest there is, or to another one, the newest.
func (p *Proxy) recall(op sandbox.Operation, orderNo string, same bool) (found Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.heard {
		if h.op != op || same != (h.orderNo == orderNo) {
			continue
		}
		if found = h.answer; same {
			break
		}
	}
	return found
}
