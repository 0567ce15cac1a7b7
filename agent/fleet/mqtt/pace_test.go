package mqtt

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// drawn is a dice that remembers below which bounds it was thrown.
type drawn struct {
	mu     sync.Mutex
	bounds []time.Duration
}

func (d *drawn) draw(most time.Duration) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bounds = append(d.bounds, most)
	return time.Millisecond
}

func (d *drawn) first() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.bounds) == 0 {
		return 0
	}
	return d.bounds[0]
}

// TestE5ABrokersEndIsDrawnFromTheWholeWindow: a real broker that is restarted, and
// a terminal whose first loss it is.
func TestE5ABrokersEndIsDrawnFromTheWholeWindow(t *testing.T) {
	const window = 40 * time.Second
	b := newBroker(t)
	d, r := &drawn{}, &recorder{}
	o := b.options(terminal, b.addr)
	o.Draw, o.Spread = d.draw, func() time.Duration { return window }
	run(t, o, r)
	connected(t, r, 1)
	b.stop()
	eventually(t, "the loss", func() bool { return d.first() > 0 })
	if got := d.first(); got != window {
		t.Errorf("the first wait is drawn from %v, want the fleet's window of %v", got, window)
	}
	b.start()
	connected(t, r, 2)
}

// timedOut is how the kernel reports a line on which nothing comes back.
type timedOut struct{}

func (timedOut) Error() string   { return "i/o timeout" }
func (timedOut) Timeout() bool   { return true }
func (timedOut) Temporary() bool { return true }

func TestWhoEndedAConnection(t *testing.T) {
	reset := &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	for name, c := range map[string]struct {
		err    error
		theirs bool
	}{
		"closed over there":       {io.EOF, true},
		"closed within a message": {io.ErrUnexpectedEOF, true},
		"reset":                   {reset, true},
		"written to a closed one": {&net.OpError{Op: "write", Err: syscall.EPIPE}, true},
		"closed here":             {net.ErrClosed, false},
		"nothing came":            {timedOut{}, false},
		"no way out":              {&net.OpError{Op: "read", Err: syscall.ENETUNREACH}, false},
		"nothing wrong":           {nil, false},
	} {
		closed := &atomic.Bool{}
		o := &observed{closed: closed}
		if got := o.note(c.err); !errors.Is(got, c.err) || closed.Load() != c.theirs {
			t.Errorf("%s: theirs %v, want %v", name, closed.Load(), c.theirs)
		}
	}
}

// TestAServerThatIsLostIsLeftForAnother: of three addresses two answer nothing.
func TestAServerThatIsLostIsLeftForAnother(t *testing.T) {
	b := newBroker(t)
	p := newProxy(t, b.addr)
	o := b.options(terminal, b.addr)
	dead := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return "mqtts://" + l.Addr().String()
	}
	o.Broker = dead() + ", mqtts://" + p.addr() + "," + dead()
	r := &recorder{}
	l, _ := run(t, o, r)
	connected(t, r, 1)
	if err := l.Probe(t.Context()); err != nil {
		t.Errorf("one of three servers answers, and the way is called wrong: %v", err)
	}
	p.cut()
	connected(t, r, 2)
}

func TestWhoLeavesAServerGoesToAnyOther(t *testing.T) {
	list, err := ParseBrokers("mqtt://127.0.0.1:1,mqtt://127.0.0.1:2,mqtt://127.0.0.1:3")
	if err != nil {
		t.Fatal(err)
	}
	s, to := newServers(list), map[string]int{}
	for range 600 {
		from := s.current().String()
		s.leave()
		if s.current().String() == from {
			t.Fatal("it stays where it is")
		}
		to[s.current().String()]++
	}
	for _, u := range list {
		if n := to[u.String()]; n < 100 {
			t.Errorf("%d of 600 moves lead to %s", n, u)
		}
	}
	one := newServers(list[:1])
	if one.leave(); one.current() != list[0] {
		t.Error("a broker of one server is left")
	}
}
