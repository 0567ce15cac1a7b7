package mqtt

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/agent/fleet/brokertest"
)

// Each test here first shows one trap of the library or of MQTT 3.1.1 as it is,
// against a real broker, and then that the link does not fall into it. When a
// newer library has mended one, its test says so by failing.

func hb(payload string) fleet.Message {
	return fleet.Message{Channel: fleet.UpBeat, Payload: []byte(payload)}
}

func audit(payload string) fleet.Message {
	return fleet.Message{Channel: fleet.Audits.Channel(), Payload: []byte(payload)}
}

func TestE1WhatIsSentWithoutALineLooksSent(t *testing.T) {
	b := newBroker(t)
	raw := connectRaw(t, b.rawOptions(string(other), b.addr).SetMaxReconnectInterval(time.Hour))
	r := &recorder{}
	l, _ := run(t, b.options(terminal, b.addr), r)
	connected(t, r, 1)
	b.stop()
	eventually(t, "the library has noticed", func() bool { return !raw.IsConnectionOpen() })
	if token := raw.Publish(other.Topic(fleet.UpBeat), 0, false, "x"); !token.WaitTimeout(patience) || token.Error() != nil || !raw.IsConnected() {
		t.Error("the library now tells that a heartbeat was dropped: use that")
	}
	eventually(t, "the link has noticed", func() bool { _, down, _ := r.counts(); return down > 0 })
	if err := l.Publish(context.Background(), hb("x")); !errors.Is(err, fleet.ErrOffline) {
		t.Errorf("a heartbeat without a line: %v", err)
	}
}

func TestE2ATokenIsNoEvidence(t *testing.T) {
	b := newBroker(t)
	p := newProxy(t, b.addr)
	raw := connectRaw(t, b.rawOptions(string(other), p.addr()).SetCleanSession(false))
	p.setDeaf(true) // the broker's acknowledgement gets lost
	token := raw.Publish(other.Topic(fleet.Audits.Channel()), 1, false, "x")
	if token.WaitTimeout(300 * time.Millisecond) {
		t.Fatal("acknowledged by nobody")
	}
	b.write("acl", "") // and the second copy, too, is refused in silence
	p.setDeaf(false)
	p.cut()
	if !token.WaitTimeout(patience) || token.Error() != nil {
		t.Errorf("the library now says that it does not know: %v", token.Error())
	}
	b.write("acl", brokertest.ACL(service))

	r := &recorder{}
	l, _ := run(t, b.options(terminal, p.addr()), r)
	connected(t, r, 1)
	p.setDeaf(true)
	done := make(chan error, 1)
	go func() { done <- l.Publish(context.Background(), audit("x")) }()
	select {
	case err := <-done:
		t.Fatalf("ended without an acknowledgement: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	p.setDeaf(false)
	p.cut()
	if err := <-done; !errors.Is(err, fleet.ErrOffline) {
		t.Errorf("the link takes a lost acknowledgement for one: %v", err)
	}
}

func TestE3MessagesPileUpWithoutALine(t *testing.T) {
	b := newBroker(t)
	raw := connectRaw(t, b.rawOptions(string(other), b.addr).SetCleanSession(false).SetMaxReconnectInterval(time.Hour))
	r := &recorder{}
	l, _ := run(t, b.options(terminal, b.addr), r)
	connected(t, r, 1)
	b.stop()
	eventually(t, "the library has noticed", func() bool { return !raw.IsConnectionOpen() })
	var err error
	n := 0
	for ; err == nil && n < 70_000; n++ {
		if token := raw.Publish(other.Topic(fleet.UpHello), 1, false, "x"); token.WaitTimeout(0) {
			err = token.Error()
		}
	}
	if err == nil || n < 60_000 {
		t.Errorf("the library now bounds what it keeps: %d, %v", n, err)
	}
	eventually(t, "the link has noticed", func() bool { _, down, _ := r.counts(); return down > 0 })
	for range 1000 {
		if err := l.Publish(context.Background(), audit("x")); !errors.Is(err, fleet.ErrOffline) {
			t.Fatalf("without a line: %v", err)
		}
	}
	if len(l.window) != 0 {
		t.Errorf("%d messages are kept for later", len(l.window))
	}
}

// refusing answers every CONNECT with "not authorized" and counts them.
func refusing(t *testing.T) (addr string, count func() int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var mu sync.Mutex
	n := 0
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 4096)
			if _, err := c.Read(buf); err == nil {
				mu.Lock()
				n++
				mu.Unlock()
				_, _ = c.Write([]byte{0x20, 2, 0, 5})
			}
			_ = c.Close()
		}
	}()
	return l.Addr().String(), func() int { mu.Lock(); defer mu.Unlock(); return n }
}

func TestE4OneConnectForEachAttempt(t *testing.T) {
	addr, count := refusing(t)
	o := paho.NewClientOptions().AddBroker("tcp://" + addr).SetClientID(string(other))
	if token := paho.NewClient(o).Connect(); !token.WaitTimeout(patience) || token.Error() == nil || count() != 2 {
		t.Errorf("the library by itself: %d connects, %v", count(), token.Error())
	}
	addr, count = refusing(t)
	r := &recorder{}
	hold := func(time.Duration) time.Duration { return time.Hour }
	_, stop := run(t, Options{TID: terminal, Broker: "mqtt://" + addr, Draw: hold}, r)
	eventually(t, "the refusal", func() bool { _, down, _ := r.counts(); return down == 1 })
	stop()
	if count() != 1 {
		t.Errorf("the link: %d connects for one attempt, %v", count(), r.lastErr())
	}
}

func TestE5AFleetComesBackSpreadOut(t *testing.T) {
	const window, clients = 40 * time.Second, 2000
	mean := func(p func() *pace, end ending, lasted time.Duration) (earliest, latest, average time.Duration) {
		earliest = time.Hour
		o, _, err := Options{TID: terminal, Broker: "mqtt://127.0.0.1:1"}.check()
		if err != nil {
			t.Fatal(err)
		}
		for range clients {
			one := p()
			one.draw = o.Draw
			w := one.next(end, lasted, window)
			earliest, latest, average = min(earliest, w), max(latest, w), average+w/clients
		}
		return earliest, latest, average
	}
	for _, c := range []struct {
		name   string
		from   pace
		end    ending
		lasted time.Duration
		within time.Duration
	}{
		{"a broker that ends, the first time in a day", pace{}, hungUp, time.Hour, window},
		{"a broker that ends again", pace{drops: 1}, hungUp, 10 * time.Second, window},
		{"a line that goes silent, the first time in a day", pace{}, wentSilent, time.Hour, 5 * time.Second},
		{"and soon again", pace{drops: 1}, wentSilent, 10 * time.Second, window},
		{"and after a minute in peace", pace{drops: 3}, wentSilent, time.Minute, 5 * time.Second},
		{"a broker that is not there", pace{}, neverThere, 0, window},
		{"and still not", pace{bound: longestWait}, neverThere, 0, longestWait},
	} {
		earliest, latest, average := mean(func() *pace { p := c.from; return &p }, c.end, c.lasted)
		if latest >= c.within || latest < c.within*9/10 || earliest > c.within/10 || average < c.within*4/10 || average > c.within*6/10 {
			t.Errorf("%s: from %v to %v, %v on average; want evenly up to %v", c.name, earliest, latest, average, c.within)
		}
	}
}

func TestE6SubscriptionsAreMadeOnEachConnect(t *testing.T) {
	b := newBroker(t)
	raw := connectRaw(t, b.rawOptions(string(other), b.addr).SetMaxReconnectInterval(time.Hour))
	p := newProxy(t, b.addr)
	r := &recorder{}
	run(t, b.options(terminal, p.addr()), r)
	connected(t, r, 1)
	b.stop()
	eventually(t, "the library has noticed", func() bool { return !raw.IsConnectionOpen() })
	if token := raw.Subscribe(other.Downlink(), 1, nil); !token.WaitTimeout(patience) || token.Error() == nil {
		t.Error("the library now subscribes while it reconnects")
	}
	// The broker forgets everything, sessions included.
	if err := os.Remove(filepath.Join(b.dir, "mosquitto.db")); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	b.start()
	connected(t, r, 2)
	b.spy().send(terminal, fleet.DownCommand, "hello", false)
	eventually(t, "a command after the broker forgot the session", func() bool { _, _, got := r.counts(); return got == 1 })
}

func TestE7NothingIsKeptInTheLibrarysFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	store := paho.NewFileStore(dir)
	store.Open()
	if err := os.RemoveAll(dir); err != nil { // as bad as a full disk
		t.Fatal(err)
	}
	panicked := func() (is bool) {
		defer func() { is = recover() != nil }()
		raw := paho.NewClient(paho.NewClientOptions().SetStore(store))
		_ = raw
		store.Put("o.1", nil)
		return false
	}()
	if !panicked {
		t.Error("the library's files are no danger any more")
	}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range sources {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(file, "_test.go") && strings.Contains(string(text), "FileStore") {
			t.Errorf("%s uses the library's files", file)
		}
	}
}

func TestE8Test50AForbiddenPublishLooksDelivered(t *testing.T) {
	b := newBroker(t)
	s := b.spy()
	r := &recorder{}
	l, _ := run(t, b.options(terminal, b.addr), r)
	connected(t, r, 1)
	raw := connectRaw(t, b.rawOptions(string(other), b.addr))
	if token := raw.Publish(terminal.Topic(fleet.UpHello), 1, false, "forged"); !token.WaitTimeout(patience) || token.Error() != nil {
		t.Errorf("MQTT 3.1.1 now tells: %v", token.Error())
	}
	if err := l.Publish(context.Background(), fleet.Message{Channel: fleet.UpHello, Payload: []byte("own")}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its own arrives", func() bool { return len(s.on(terminal, fleet.UpHello)) > 0 })
	if got := s.on(terminal, fleet.UpHello); got[0] != "own" || len(got) != 1 {
		t.Errorf("50: under the terminal's topics stands %q", got)
	}
}

func TestE9Test50AForbiddenSubscriptionLooksGranted(t *testing.T) {
	b := newBroker(t)
	s := b.spy()
	raw := connectRaw(t, b.rawOptions(string(other), b.addr))
	got := make(chan string, 1)
	token, _ := raw.Subscribe(terminal.Downlink(), 1, func(_ paho.Client, m paho.Message) { got <- string(m.Payload()) }).(*paho.SubscribeToken)
	if !token.WaitTimeout(patience) || token.Error() != nil || token.Result()[terminal.Downlink()] != 1 {
		t.Errorf("the broker now refuses: %v, %v", token.Result(), token.Error())
	}
	r := &recorder{}
	run(t, b.options(terminal, b.addr), r)
	connected(t, r, 1)
	s.send(terminal, fleet.DownCommand, "secret", false)
	eventually(t, "the terminal's own", func() bool { _, _, n := r.counts(); return n == 1 })
	select {
	case text := <-got:
		t.Errorf("50: another terminal hears %q", text)
	default:
	}
}

func TestE10WhatIsNotAcknowledgedComesAgain(t *testing.T) {
	b := newBroker(t)
	p := newProxy(t, b.addr)
	s := b.spy()
	r := &recorder{on: func(fleet.Incoming) {}} // takes it and says nothing
	run(t, b.options(terminal, p.addr()), r)
	connected(t, r, 1)
	s.send(terminal, fleet.DownCommand, "once", false)
	eventually(t, "the command", func() bool { _, _, n := r.counts(); return n == 1 })
	r.mu.Lock()
	r.on = nil
	r.mu.Unlock()
	p.cut()
	eventually(t, "46: the command again", func() bool { _, _, n := r.counts(); return n == 2 })
	s.send(terminal, fleet.DownCommand, "next", false)
	eventually(t, "the next", func() bool { _, _, n := r.counts(); return n == 3 })
	// Only what has reached the broker is acknowledged: a cut on the way there brings it again.
	eventually(t, "both acknowledgements at the broker", func() bool {
		return strings.Count(b.log.String(), "Received PUBACK from "+string(terminal)+" ") == 2
	})
	p.cut()
	connected(t, r, 3)
	s.send(terminal, fleet.DownCommand, "last", false)
	eventually(t, "the last", func() bool { _, _, n := r.counts(); return n >= 4 })
	r.mu.Lock()
	defer r.mu.Unlock()
	if text := string(r.got[3].Payload); text != "last" {
		t.Errorf("what was acknowledged came again: %q", text)
	}
}

func TestE11Test50NobodyTakesAnothersSession(t *testing.T) {
	b := newBroker(t)
	r := &recorder{}
	run(t, b.options(terminal, b.addr), r)
	connected(t, r, 1)
	raw := connectRaw(t, b.rawOptions(string(other), b.addr).SetClientID(string(terminal)))
	s := b.spy()
	s.send(terminal, fleet.DownCommand, "x", false)
	eventually(t, "the terminal still hears", func() bool { _, _, n := r.counts(); return n == 1 })
	if _, down, _ := r.counts(); down != 0 || !raw.IsConnectionOpen() {
		t.Errorf("50: thrown out %d times: %v", down, r.lastErr())
	}
}

func TestE12EachConnectionHasItsOwnWill(t *testing.T) {
	b := newBroker(t)
	p := newProxy(t, b.addr)
	s := b.spy()
	r := &recorder{}
	run(t, b.options(terminal, p.addr()), r)
	for i, want := range []string{`"sess":1}`, `"sess":2}`, `"sess":3}`} {
		connected(t, r, i+1)
		p.cut()
		eventually(t, "the will with "+want, func() bool {
			wills := s.on(terminal, fleet.UpPresence)
			return len(wills) > i && strings.HasSuffix(wills[i], want)
		})
	}
}

func TestE13AHandlerMayWait(t *testing.T) {
	const commands = 300
	b := newBroker(t)
	s := b.spy()
	r := &recorder{}
	_, stop := run(t, b.options(terminal, b.addr), r)
	connected(t, r, 1)
	stop() // from here on the broker keeps them
	for range commands {
		s.send(terminal, fleet.DownCommand, "x", false)
	}
	answers := &recorder{}
	ready := make(chan *Link, 1)
	var link *Link
	var answered atomic.Int64 // those whose sender knows of it
	answers.on = func(m fleet.Incoming) {
		if link == nil {
			link = <-ready
			// The first come before the connection is told.
			for up, _, _ := answers.counts(); up == 0; up, _, _ = answers.counts() {
				runtime.Gosched()
			}
		}
		if err := link.Publish(context.Background(), audit("answer")); err != nil {
			t.Errorf("an answer: %v", err)
		}
		m.Ack()
		answered.Add(1)
	}
	l, _ := run(t, b.options(terminal, b.addr), answers)
	ready <- l
	eventually(t, "an answer to each of 300", func() bool {
		return answered.Load() == commands && len(s.on(terminal, fleet.Audits.Channel())) == commands
	})
	if _, down, _ := answers.counts(); down != 0 {
		t.Errorf("the connection was lost %d times: %v", down, answers.lastErr())
	}
}

func TestE14AMessageTooLargeLooksDelivered(t *testing.T) {
	b := newBroker(t)
	s := b.spy()
	raw := connectRaw(t, b.rawOptions(string(other), b.addr))
	if token := raw.Publish(other.Topic(fleet.UpHello), 1, false, make([]byte, 200_000)); !token.WaitTimeout(patience) || token.Error() != nil {
		t.Errorf("the broker now tells: %v", token.Error())
	}
	if token := raw.Publish(other.Topic(fleet.UpHello), 1, false, "after"); !token.WaitTimeout(patience) || token.Error() != nil {
		t.Fatal(token.Error())
	}
	eventually(t, "the message after it", func() bool { return len(s.on(other, fleet.UpHello)) > 0 })
	if got := s.on(other, fleet.UpHello); len(got) != 1 || got[0] != "after" {
		t.Errorf("%d messages arrived", len(got))
	}
	l, err := New(Options{TID: terminal, Broker: "mqtt://127.0.0.1:1", Clock: agent.NewSystemClock()})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Publish(context.Background(), audit(strings.Repeat("x", fleet.MaxMessage+1))); !errors.Is(err, fleet.ErrTooLarge) {
		t.Errorf("the link: %v", err)
	}
}
