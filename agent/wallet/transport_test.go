package wallet

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
)

// book notes what a test's cloud was asked.
type book struct {
	mu     sync.Mutex
	bodies []string
	seen   []Exchange
}

func (b *book) asked(body string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bodies = append(b.bodies, body)
}

func (b *book) observe(x Exchange) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen = append(b.seen, x)
}

// answering is a healthy host.
func (b *book) answering(t *testing.T, status int) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		b.asked(string(body))
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "answer")
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// breaking is a host that takes the connection and does what it is told.
func (b *book) breaking(t *testing.T, do func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				do(c)
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// resetting reads the whole request and resets.
func (b *book) resetting(c net.Conn) {
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	body, _ := io.ReadAll(r.Body)
	b.asked(string(body))
	_ = c.(*net.TCPConn).SetLinger(0)
}

// nobody is an address where nothing listens.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

func (b *book) transport(t *testing.T, hosts ...string) *Transport {
	t.Helper()
	timers := agent.DefaultTimers("wechat")
	timers.Connect, timers.Pay = 300*time.Millisecond, time.Second
	tr, err := NewTransport(Options{Wallet: "wechat", Hosts: hosts, Timers: timers, Clock: agent.NewSystemClock(), Observe: b.observe})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.CloseIdle)
	return tr
}

// post is a call whose answer counts as approved when it is a plain 200.
func post(once bool) Call {
	return Call{Op: agent.OpPay, Method: http.MethodPost, Target: "/pay?x=1", Body: []byte(`{"n":1}`), Once: once, Read: func(r Reply) agent.Answer {
		if r.Status == http.StatusOK {
			return agent.Answer{Verdict: agent.Approved, Text: string(r.Body)}
		}
		return agent.Answer{Verdict: agent.InDoubt, Reason: agent.ReasonSystem}
	}}
}

func TestWhatIsProvenAndWhatIsInDoubt(t *testing.T) {
	hang := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	half := func(c net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(c))
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it")
	}
	endless := func(c net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(c))
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n"+strings.Repeat("x", 2_000_000))
	}
	for _, row := range []struct {
		name    string
		once    bool
		hosts   func(*book) []string
		verdict agent.Verdict
		asked   int
	}{
		{"nothing listens: not delivered", true, func(b *book) []string { return []string{nobody(t)} }, agent.NotDelivered, 0},
		{"nothing listens anywhere: not delivered", true, func(b *book) []string { return []string{nobody(t), nobody(t)} }, agent.NotDelivered, 0},
		{"the first is not there, the second answers", true, func(b *book) []string { return []string{nobody(t), b.answering(t, 200)} }, agent.Approved, 1},
		{"a reset after the request: in doubt, and a payment goes nowhere else", true,
			func(b *book) []string { return []string{b.breaking(t, b.resetting), b.answering(t, 200)} }, agent.InDoubt, 1},
		{"a reset after the request: a question goes to the next host", false,
			func(b *book) []string { return []string{b.breaking(t, b.resetting), b.answering(t, 200)} }, agent.Approved, 2},
		{"two resets: in doubt", false, func(b *book) []string { return []string{b.breaking(t, b.resetting), b.breaking(t, b.resetting)} }, agent.InDoubt, 2},
		{"a reset, then nobody: the first byte still counts", false,
			func(b *book) []string { return []string{b.breaking(t, b.resetting), nobody(t)} }, agent.InDoubt, 1},
		{"a 503: a payment goes nowhere else", true, func(b *book) []string { return []string{b.answering(t, 503), b.answering(t, 200)} }, agent.InDoubt, 1},
		{"a 503: a question goes to the next host", false, func(b *book) []string { return []string{b.answering(t, 503), b.answering(t, 200)} }, agent.Approved, 2},
		{"a redirect is an answer, not a direction", false, func(b *book) []string { return []string{b.answering(t, 302)} }, agent.InDoubt, 1},
		{"silence: in doubt when the time is over", true, func(b *book) []string { return []string{b.breaking(t, hang)} }, agent.InDoubt, 0},
		{"silence on the first host leaves time for the second", false,
			func(b *book) []string { return []string{b.breaking(t, hang), b.answering(t, 200)} }, agent.Approved, 1},
		{"half an answer: in doubt", true, func(b *book) []string { return []string{b.breaking(t, half)} }, agent.InDoubt, 0},
		{"an endless answer: in doubt", true, func(b *book) []string { return []string{b.breaking(t, endless)} }, agent.InDoubt, 0},
		{"no TLS behind https: not delivered", true,
			func(b *book) []string {
				return []string{strings.Replace(b.breaking(t, hang), "http:", "https:", 1)}
			}, agent.NotDelivered, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			var b book
			a := b.transport(t, row.hosts(&b)...).Do(t.Context(), post(row.once))
			if a.Verdict != row.verdict {
				t.Errorf("verdict %v (%v), want %v", a.Verdict, a.Err, row.verdict)
			}
			if len(b.bodies) != row.asked {
				t.Errorf("the clouds were asked %d times, want %d", len(b.bodies), row.asked)
			}
			for _, body := range b.bodies {
				if body != `{"n":1}` {
					t.Errorf("a host was sent %q", body)
				}
			}
			if a.Verdict == agent.NotDelivered && (a.Reason != agent.ReasonLineDown || a.Err == nil) {
				t.Errorf("not delivered without saying why: %+v", a)
			}
		})
	}
}

func TestACallerWhoGaveUpSendsNothing(t *testing.T) {
	var b book
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if a := b.transport(t, b.answering(t, 200)).Do(ctx, post(true)); a.Verdict != agent.NotDelivered || len(b.bodies) != 0 {
		t.Errorf("%v after %d requests, want not_sent after none", a.Verdict, len(b.bodies))
	}
}

func TestObserverSeesEachExchangeOnce(t *testing.T) {
	var b book
	b.transport(t, nobody(t), b.answering(t, 200)).Do(t.Context(), post(true))
	if len(b.seen) != 2 {
		t.Fatalf("%d exchanges, want 2", len(b.seen))
	}
	first, second := b.seen[0], b.seen[1]
	if first.Written || first.Class() != "none" || first.Verdict != agent.NotDelivered || first.Err == nil {
		t.Errorf("first exchange: %+v", first)
	}
	if !second.Written || second.Class() != "2xx" || second.Verdict != agent.Approved || second.Wallet != "wechat" || second.Op != agent.OpPay {
		t.Errorf("second exchange: %+v", second)
	}
}

// brittle is a kept connection that the kernel knows to be dead: once it has
// carried one exchange, it takes no byte any more.
type brittle struct {
	net.Conn
	uses *atomic.Int32
}

func (c *brittle) Write(p []byte) (int, error) {
	if c.uses.Add(1) > 1 {
		return 0, syscall.EPIPE
	}
	return c.Conn.Write(p)
}

func TestADeadKeptConnectionIsReplacedWhenItTookNothing(t *testing.T) {
	var b book
	tr := b.transport(t, b.answering(t, 200))
	tcp := tr.dialer.open
	tr.dialer.open = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := tcp(ctx, network, addr)
		return &brittle{c, new(atomic.Int32)}, err
	}
	for i := range 3 {
		if a := tr.Do(t.Context(), post(true)); a.Verdict != agent.Approved {
			t.Fatalf("request %d: %v (%v)", i+1, a.Verdict, a.Err)
		}
	}
	if len(b.bodies) != 3 {
		t.Errorf("the cloud was asked %d times for 3 payments", len(b.bodies))
	}
}

// torn takes a few bytes of a request and then fails.
type torn struct{ net.Conn }

func (c torn) Write(p []byte) (int, error) { return 7, syscall.ECONNRESET }

func TestOneByteIsEnoughForDoubt(t *testing.T) {
	var b book
	tr := b.transport(t, b.answering(t, 200), b.answering(t, 200))
	tcp := tr.dialer.open
	tr.dialer.open = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := tcp(ctx, network, addr)
		return torn{c}, err
	}
	if a := tr.Do(t.Context(), post(true)); a.Verdict != agent.InDoubt || a.Reason != agent.ReasonNoAnswer {
		t.Errorf("%v (%s), want in_doubt (no_answer)", a.Verdict, a.Reason)
	}
}

func TestASealedConnectionTakesNothing(t *testing.T) {
	near, far := net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, far) }()
	c := &counter{Conn: near}
	if _, err := c.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	if n := c.seal(); n != 3 {
		t.Errorf("counted %d bytes, want 3", n)
	}
	if n, err := c.Write([]byte("late")); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("a late write took %d bytes (%v)", n, err)
	}
}

// pipes answers on in-memory connections for the hosts that are up, so that a
// test can own the time.
type pipes struct {
	mu   sync.Mutex
	down map[string]bool
	log  []string // hosts as they were dialled
}

func (p *pipes) dial(_ context.Context, _, addr string) (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	host, _, _ := strings.Cut(addr, ":")
	p.log = append(p.log, host)
	if p.down[host] {
		return nil, syscall.ECONNREFUSED
	}
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		if r, err := http.ReadRequest(bufio.NewReader(far)); err == nil {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(far, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		}
	}()
	return near, nil
}

func (p *pipes) take() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.log = nil }()
	return strings.Join(p.log, " ")
}

func TestAHostThatKeepsFailingRestsForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b book
		p := pipes{down: map[string]bool{"one": true}}
		tr := b.transport(t, "http://one", "http://two")
		tr.dialer.open = p.dial
		pay := func(want string) {
			t.Helper()
			if a := tr.Do(t.Context(), post(true)); a.Verdict != agent.Approved {
				t.Errorf("%v (%v)", a.Verdict, a.Err)
			}
			if got := p.take(); got != want {
				t.Errorf("dialled %q, want %q", got, want)
			}
		}
		for range failuresToRest {
			pay("one two")
		}
		if h := tr.hosts; !h[0].resting() || h[1].resting() {
			t.Error("want the first host resting, and only that")
		}
		pay("two")
		<-time.After(rest)
		pay("one two") // the probe fails
		pay("two")
		<-time.After(rest)
		p.down["one"] = false
		pay("one") // the probe succeeds
		pay("one")
		p.down["two"] = true
		p.down["one"] = true
		for range failuresToRest {
			tr.Do(t.Context(), post(true))
		}
		p.take()
		p.down["two"] = false
		pay("one two") // nobody is healthy: everybody is tried
		if tr.hosts[1].resting() {
			t.Error("a host that answers does not rest")
		}
	})
}

func TestReachConnectsAndAsksNothing(t *testing.T) {
	var b book
	if err := b.transport(t, nobody(t), b.answering(t, 200)).Reach(t.Context()); err != nil {
		t.Error(err)
	}
	if err := b.transport(t, nobody(t)).Reach(t.Context()); err == nil {
		t.Error("reached an address where nothing listens")
	}
	if len(b.bodies) != 0 {
		t.Errorf("asked %d times", len(b.bodies))
	}
}

func TestHostsAreSchemeAndNameOnly(t *testing.T) {
	for _, host := range []string{"", "pay.example.com", "ftp://pay.example.com", "https://pay.example.com/v3", "https://u:p@pay.example.com", "https://pay.example.com?x=1", "https://"} {
		if _, err := NewTransport(Options{Hosts: []string{host}}); err == nil {
			t.Errorf("%q was taken for a host", host)
		}
	}
	tr, err := NewTransport(Options{Hosts: []string{"https://pay.example.com/", "http://127.0.0.1:8080"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(tr.Hosts(), " "); got != "https://pay.example.com http://127.0.0.1:8080" {
		t.Error(got)
	}
}
