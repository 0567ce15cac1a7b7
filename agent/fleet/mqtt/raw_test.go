package mqtt

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"tillwire/agent/fleet"
)

// What the library or MQTT does by itself in the traps whose tests look at the
// link alone. A newer library that has mended one fails here.

// memo remembers what a raw client was brought.
type memo struct {
	mu  sync.Mutex
	got []paho.Message
}

func (m *memo) take(message paho.Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.got = append(m.got, message)
}

func (m *memo) list() []paho.Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]paho.Message(nil), m.got...)
}

// subscribed connects a raw client that hears what is sent down to a terminal.
func (b *broker) subscribed(id fleet.TID, addr string, change func(*paho.ClientOptions)) (paho.Client, *memo) {
	b.t.Helper()
	m := &memo{}
	o := b.rawOptions(string(id), addr).SetCleanSession(false)
	o.SetDefaultPublishHandler(func(_ paho.Client, message paho.Message) { m.take(message) })
	change(o)
	c := connectRaw(b.t, o)
	if token := c.Subscribe(id.Downlink(), 1, nil); !token.WaitTimeout(patience) || token.Error() != nil {
		b.t.Fatalf("subscribe: %v", token.Error())
	}
	return c, m
}

// TestE5TheLibraryAsksNobodyHowLongToWait: clients that lost their broker together
// are all back, while the link, whose wait the fleet has drawn, has not even tried.
func TestE5TheLibraryAsksNobodyHowLongToWait(t *testing.T) {
	const clients = 20
	b := newBroker(t)
	p := newProxy(t, b.addr)
	r := &recorder{}
	o := b.options(terminal, p.addr())
	o.Draw = func(time.Duration) time.Duration { return time.Hour }
	run(t, o, r)
	connected(t, r, 1)
	var raw []paho.Client
	var mu sync.Mutex
	reconnected := 0
	for i := range clients {
		first := true
		options := b.rawOptions(fmt.Sprintf("t-%04d-raw", i), p.addr())
		options.SetOnConnectHandler(func(paho.Client) {
			mu.Lock()
			defer mu.Unlock()
			if first {
				first = false
				return
			}
			reconnected++
		})
		raw = append(raw, connectRaw(t, options))
	}
	before := p.connections()
	p.cut()
	eventually(t, "every client of the library is back", func() bool { mu.Lock(); defer mu.Unlock(); return reconnected >= clients })
	if tries := p.connections() - before; tries < clients {
		t.Errorf("%d connections for %d clients", tries, clients)
	}
	if up, _, _ := r.counts(); up != 1 {
		t.Errorf("the link connected %d times though its wait is an hour", up)
	}
	for _, c := range raw {
		c.Disconnect(0)
	}
}

func TestE10TheLibraryBringsAgainWhatWasNotAcknowledged(t *testing.T) {
	b := newBroker(t)
	p := newProxy(t, b.addr)
	s := b.spy()
	c, m := b.subscribed(other, p.addr(), func(o *paho.ClientOptions) { o.SetAutoAckDisabled(true) })
	s.send(other, fleet.DownCommand, "once", false)
	eventually(t, "the message", func() bool { return len(m.list()) == 1 })
	p.cut()
	eventually(t, "the message again", func() bool { return len(m.list()) == 2 })
	again := m.list()[1]
	if !again.Duplicate() || string(again.Payload()) != "once" {
		t.Errorf("again: duplicate %v, %q", again.Duplicate(), again.Payload())
	}
	again.Ack()
	s.send(other, fleet.DownCommand, "next", false)
	eventually(t, "the next", func() bool { return len(m.list()) == 3 })
	m.list()[2].Ack()
	s.send(other, fleet.DownCommand, "third", false)
	eventually(t, "the third", func() bool { return len(m.list()) == 4 })
	// What the broker takes after the acknowledgements shows that it has them.
	if token := c.Publish(other.Topic(fleet.UpHello), 1, false, "x"); !token.WaitTimeout(patience) || token.Error() != nil {
		t.Fatal(token.Error())
	}
	p.cut()
	eventually(t, "the third again", func() bool { return len(m.list()) == 5 })
	if text := string(m.list()[4].Payload()); text != "third" {
		t.Errorf("after an acknowledgement %q came again", text)
	}
}

// TestE11WithoutTheOptionASessionIsStolen: on a broker that lets a client choose
// its id, another terminal's certificate throws the victim out.
func TestE11WithoutTheOptionASessionIsStolen(t *testing.T) {
	b := newBroker(t)
	b.stop()
	b.change("use_username_as_clientid true\n", "")
	b.start()
	lost := make(chan struct{}, 1)
	connectRaw(t, b.rawOptions(string(terminal), b.addr).SetAutoReconnect(false).SetConnectionLostHandler(func(paho.Client, error) { lost <- struct{}{} }))
	connectRaw(t, b.rawOptions(string(other), b.addr).SetClientID(string(terminal)))
	select {
	case <-lost:
	case <-time.After(patience):
		t.Error("the broker now keeps sessions apart by itself")
	}
}

func TestE12TheLibraryTakesANewWillWhenItReconnects(t *testing.T) {
	b := newBroker(t)
	p := newProxy(t, b.addr)
	s := b.spy()
	topic := other.Topic(fleet.UpPresence)
	n := 1
	o := b.rawOptions(string(other), p.addr()).SetBinaryWill(topic, []byte("will 1"), 1, false)
	o.SetReconnectingHandler(func(_ paho.Client, o *paho.ClientOptions) {
		n++
		o.SetBinaryWill(topic, fmt.Appendf(nil, "will %d", n), 1, false)
	})
	c := connectRaw(t, o)
	for i := 1; i <= 2; i++ {
		before := p.connections()
		p.cut()
		eventually(t, "a will", func() bool { return len(s.on(other, fleet.UpPresence)) >= i })
		eventually(t, "the next connection", func() bool { return p.connections() > before && c.IsConnectionOpen() })
	}
	wills := s.on(other, fleet.UpPresence)
	if wills[0] != "will 1" || !strings.HasPrefix(wills[1], "will ") || wills[1] == "will 1" {
		t.Errorf("the wills: %q", wills)
	}
}

// TestE13AHandlerThatWaitsStopsTheLibrary: what it waits for stands behind the
// messages that wait for it.
func TestE13AHandlerThatWaitsStopsTheLibrary(t *testing.T) {
	const messages = 300
	b := newBroker(t)
	s := b.spy()
	first, _ := b.subscribed(other, b.addr, func(*paho.ClientOptions) {})
	first.Disconnect(0) // from here on the broker keeps them
	for range messages {
		s.send(other, fleet.DownCommand, "x", false)
	}
	answered := make(chan bool, messages)
	o := b.rawOptions(string(other), b.addr).SetCleanSession(false).SetOrderMatters(true).SetAutoReconnect(false)
	o.SetDefaultPublishHandler(func(c paho.Client, _ paho.Message) {
		answered <- c.Publish(other.Topic(fleet.UpHello), 1, false, "answer").WaitTimeout(3 * time.Second)
	})
	c := paho.NewClient(o)
	token := c.Connect()
	select {
	case ok := <-answered:
		if ok {
			t.Error("a handler of the library may now wait: use that")
		}
	case <-time.After(patience):
		t.Fatal("the broker has kept nothing")
	}
	c.Disconnect(0)
	token.WaitTimeout(0) // whether it had ended is not asked
}

// change replaces a part of the broker's configuration for its next start.
func (b *broker) change(old, new string) {
	b.t.Helper()
	path := filepath.Join(b.dir, "mosquitto.conf")
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), old) {
		b.t.Fatalf("the configuration has no %q: %v", old, err)
	}
	b.write("mosquitto.conf", strings.Replace(string(text), old, new, 1))
}
