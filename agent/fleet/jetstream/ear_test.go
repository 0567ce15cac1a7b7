package jetstream

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/agent/fleet/brokertest"
	"tillwire/agent/logtest"
)

const patience = 2 * time.Minute

// eventually looks until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	brokertest.Eventually(t, patience, what, holds)
}

// server is one of Debian's NATS servers, with a stream's disk of its own.
type server struct {
	t    *testing.T
	addr string
	dir  string
	log  logtest.Log
	cmd  *exec.Cmd
}

func newServer(t *testing.T) *server {
	t.Helper()
	ports, err := brokertest.Ports(1)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, addr: net.JoinHostPort("127.0.0.1", ports[0]), dir: t.TempDir()}
	s.start()
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("the server said:\n%s", s.log.String())
		}
	})
	return s
}

func (s *server) start() {
	s.t.Helper()
	program, err := brokertest.Program("nats-server")
	if err != nil {
		s.t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(s.addr)
	s.cmd = exec.Command(program, "-a", host, "-p", port, "-js", "-sd", s.dir)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	eventually(s.t, "the server listens", func() bool {
		conn, err := net.Dial("tcp", s.addr)
		return err == nil && conn.Close() == nil
	})
}

func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(os.Kill)
	_ = s.cmd.Wait() // says that it was killed
	s.cmd = nil
}

// mouth is a client that says what terminals say; on this server no MQTT is spoken.
func (s *server) mouth() *nats.Conn {
	s.t.Helper()
	c, err := nats.Connect("nats://"+s.addr, nats.Timeout(patience))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.Close)
	return c
}

func (s *server) say(c *nats.Conn, subject, text string) {
	s.t.Helper()
	if err := c.Publish(subject, []byte(text)); err != nil {
		s.t.Fatal(err)
	}
	if err := c.FlushTimeout(patience); err != nil {
		s.t.Fatal(err)
	}
}

// desk is an ear and what it heard.
type desk struct {
	end func()

	mu    sync.Mutex
	heard []string
	keep  bool // nothing is acknowledged
	up    bool
}

// desk opens an ear; what is not acknowledged within wait another one is given.
func (s *server) desk(keep bool, wait time.Duration) *desk {
	s.t.Helper()
	e, err := New(Options{Servers: "nats://" + s.addr, Clock: agent.NewSystemClock(), Draw: func(time.Duration) time.Duration { return 10 * time.Millisecond }})
	if err != nil {
		s.t.Fatal(err)
	}
	e.ackWait = wait
	d := &desk{keep: keep}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = e.Run(ctx, d.hear, d.state) // its error is the context's
	}()
	d.end = sync.OnceFunc(func() { cancel(); <-ended })
	s.t.Cleanup(d.end)
	return d
}

func (d *desk) hear(m fleet.Heard) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.heard = append(d.heard, fmt.Sprintf("%s %s %s %v", m.TID, m.Channel, m.Payload, m.Retained))
	if !d.keep {
		m.Ack()
	}
}

func (d *desk) state(up bool, _ error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.up = up
}

func (d *desk) is() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.up
}

func (d *desk) all() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.heard)
}

// times is how often something was heard.
func (d *desk) times(text string) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, h := range d.heard {
		if h == text {
			n++
		}
	}
	return n
}

func TestServicesShareWhatTerminalsSay(t *testing.T) {
	s := newServer(t)
	one, two := s.desk(false, patience), s.desk(false, patience)
	for _, d := range []*desk{one, two} {
		eventually(t, "a connection", d.is)
	}
	c := s.mouth()
	s.say(c, "pos.v1.NOBODY.up.hello", "a name that is none")
	s.say(c, "pos.v1.t-0001-corner.up.nothing", "a channel that is none")
	const most = 200
	for n := range most {
		s.say(c, "pos.v1.t-0001-corner.up.ev.audit", fmt.Sprint(n))
	}
	for n := range most {
		text := fmt.Sprintf("t-0001-corner up/ev/audit %d false", n)
		eventually(t, text, func() bool { return one.times(text)+two.times(text) > 0 })
	}
	for n := range most {
		text := fmt.Sprintf("t-0001-corner up/ev/audit %d false", n)
		if got := one.times(text) + two.times(text); got != 1 {
			t.Errorf("message %d came %d times", n, got)
		}
	}
	if all := slices.Concat(one.all(), two.all()); len(all) != most {
		t.Errorf("%d messages were heard of %d: %q", len(all), most, all)
	}
}

func TestWhatAServiceDidNotAcknowledgeComesToAnother(t *testing.T) {
	s := newServer(t)
	one := s.desk(true, time.Second)
	eventually(t, "a connection", one.is)
	s.say(s.mouth(), "pos.v1.t-0001-corner.up.cmd", "x")
	const text = "t-0001-corner up/cmd x false"
	eventually(t, "the message", func() bool { return one.times(text) > 0 })
	one.end() // killed before it was stored
	two := s.desk(false, time.Second)
	eventually(t, "the message at the other", func() bool { return two.times(text) > 0 })
}

// TestAServerThatIsKilledForgetsNothing: what it took it brings once it is back.
func TestAServerThatIsKilledForgetsNothing(t *testing.T) {
	s := newServer(t)
	d := s.desk(true, time.Second)
	eventually(t, "a connection", d.is)
	s.say(s.mouth(), "pos.v1.t-0001-corner.up.state", "x")
	const text = "t-0001-corner up/state x false"
	eventually(t, "the message", func() bool { return d.times(text) > 0 })
	before := d.times(text)
	s.kill()
	eventually(t, "the loss", func() bool { return !d.is() })
	s.start()
	eventually(t, "the connection again", d.is)
	eventually(t, "the message again", func() bool { return d.times(text) > before })
}

// TestAStreamThatIsThereIsLeftAsItIs: an operator may have made it with other bounds.
func TestAStreamThatIsThereIsLeftAsItIs(t *testing.T) {
	s := newServer(t)
	js, err := jetstream.New(s.mouth())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: usualStream, Subjects: []string{subject(fleet.Uplink())}, Retention: jetstream.WorkQueuePolicy, MaxAge: time.Hour}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a connection", s.desk(false, time.Second).is)
	stream, err := js.Stream(ctx, usualStream)
	if err != nil || stream.CachedInfo().Config.MaxAge != time.Hour {
		t.Errorf("the stream is now %+v: %v", stream.CachedInfo().Config, err)
	}
}

func TestServersThatAreNotThereAreTriedAgain(t *testing.T) {
	s := newServer(t)
	s.kill()
	d := s.desk(false, time.Second)
	s.start()
	eventually(t, "a connection", d.is)
	if d.end(); d.is() {
		t.Error("it says that there is a connection after its end")
	}
}
