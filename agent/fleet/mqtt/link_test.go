package mqtt

import (
	"context"
	"crypto/x509"
	"errors"
	"os"
	"strings"
	"testing"

	"tillwire/agent"
	"tillwire/agent/fleet"
)

func TestAddressesOfBrokers(t *testing.T) {
	for address, ok := range map[string]bool{
		"mqtts://fleet.example:8883": true, "mqtts://10.0.0.1:8883": true, "mqtt://127.0.0.1:1883": true, "mqtt://[::1]:1883": true,
		"mqtt://fleet.example:1883": false, "mqtt://10.0.0.1:1883": false, "mqtt://localhost:1883": false, "tcp://127.0.0.1:1883": false,
		"mqtts://fleet.example": false, "mqtts://user:secret@fleet.example:8883": false, "mqtts://fleet.example:8883/path": false,
		"ws://127.0.0.1:80": false, "fleet.example:8883": false, "": false,
		"mqtts://one.example:8883, mqtts://two.example:8883": true, "mqtts://one.example:8883,": false, "mqtts://one.example:8883,mqtt://127.0.0.1:1883": false,
	} {
		if _, err := ParseBrokers(address); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, err := New(Options{TID: terminal, Broker: "mqtts://fleet.example:8883", Clock: agent.NewSystemClock()}); err == nil {
		t.Error("a broker behind TLS without an authority")
	}
	if _, err := New(Options{TID: "Nobody", Broker: "mqtt://127.0.0.1:1"}); err == nil {
		t.Error("a terminal without a name")
	}
}

func Test49OnlyTheFleetsOwnBroker(t *testing.T) {
	b := newBroker(t)
	good := b.pki.issue(t, string(terminal))
	public := newAuthority(t, "A public authority")
	alien := good
	alien.CA = public.ca()
	named := good
	named.ServerName = "another.example"
	without := Files{CA: good.CA}
	missing := good
	missing.CA += ".none"
	for name, c := range map[string]struct {
		files Files
		is    func(error) bool
	}{
		"an authority that is not the fleet's": {alien, func(err error) bool { return errors.As(err, new(x509.UnknownAuthorityError)) }},
		"another name":                         {named, func(err error) bool { return errors.As(err, new(x509.HostnameError)) }},
		"no certificate of ours":               {without, func(err error) bool { return err != nil }},
		"no file":                              {missing, func(err error) bool { return errors.Is(err, os.ErrNotExist) }},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{}
			_, stop := run(t, Options{TID: terminal, Broker: b.url(), TLS: c.files.Config}, r)
			eventually(t, "a failed attempt", func() bool { _, down, _ := r.counts(); return down > 0 })
			err := r.lastErr()
			stop()
			if up, _, _ := r.counts(); up != 0 || !c.is(err) {
				t.Errorf("connected %d times: %v", up, err)
			}
		})
	}
	r := &recorder{}
	run(t, Options{TID: terminal, Broker: b.url(), TLS: good.Config}, r)
	connected(t, r, 1)
}

func TestARenewedCertificateNeedsNoRestart(t *testing.T) {
	b := newBroker(t)
	p := newProxy(t, b.addr)
	files := b.pki.issue(t, string(terminal))
	r := &recorder{}
	run(t, Options{TID: terminal, Broker: "mqtts://" + p.addr(), TLS: tlsOf(files)}, r)
	connected(t, r, 1)
	b.pki.issue(t, string(terminal)) // in the place of the old one
	p.cut()
	connected(t, r, 2)
}

// TestRetainedFlagReachesTheJudge: the broker marks what it kept.
func TestRetainedFlagReachesTheJudge(t *testing.T) {
	b := newBroker(t)
	s := b.spy()
	s.send(terminal, fleet.DownConfig, "kept", true)
	s.send(terminal, fleet.DownCommand, "an attack", true)
	r := &recorder{}
	run(t, b.options(terminal, b.addr), r)
	eventually(t, "both", func() bool { _, _, n := r.counts(); return n == 2 })
	s.send(terminal, fleet.DownConfig, "fresh", true)
	eventually(t, "a third", func() bool { _, _, n := r.counts(); return n == 3 })
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.got {
		if want := string(m.Payload) != "fresh"; m.Retained != want {
			t.Errorf("%s: retained %v", m.Payload, m.Retained)
		}
	}
}

func TestAStopIsNoLoss(t *testing.T) {
	b := newBroker(t)
	s := b.spy()
	r := &recorder{}
	l, stop := run(t, b.options(terminal, b.addr), r)
	connected(t, r, 1)
	if err := l.Publish(context.Background(), fleet.Message{Channel: fleet.UpPresence, Payload: []byte("offline")}); err != nil {
		t.Fatal(err)
	}
	stop()
	if token := s.client.Publish(terminal.Topic(fleet.DownAck), 1, false, "x"); !token.WaitTimeout(patience) {
		t.Fatal("the broker hangs")
	}
	eventually(t, "the farewell", func() bool { return len(s.on(terminal, fleet.UpPresence)) > 0 })
	if got := strings.Join(s.on(terminal, fleet.UpPresence), " "); got != "offline" {
		t.Errorf("the broker says %q", got)
	}
}

func TestQueueIsBounded(t *testing.T) {
	q := newQueue(queueMost, queueBytes)
	n := 0
	for q.put(ofBytes(100)) {
		n++
	}
	if n != queueMost {
		t.Errorf("%d small messages", n)
	}
	q = newQueue(queueMost, queueBytes)
	for n = 0; q.put(ofBytes(fleet.MaxMessage)); n++ {
	}
	if n != queueBytes/fleet.MaxMessage {
		t.Errorf("%d large messages", n)
	}
}

func ofBytes(bytes int) fleet.Heard {
	return fleet.Heard{Incoming: fleet.Incoming{Received: fleet.Received{Payload: make([]byte, bytes)}}}
}
