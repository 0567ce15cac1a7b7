package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/agent/fleet/mqtt"
)

// demoFleet is a demo's broker and office on a free port.
type demoFleet struct {
	t      *testing.T
	dir    string
	port   int
	broker *broker
	office *office
}

func openDemoFleet(t *testing.T) *demoFleet {
	t.Helper()
	p, claim, err := randomPorts()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = claim.Close() })
	f := &demoFleet{t: t, dir: t.TempDir(), port: p.MQTT}
	f.open()
	t.Cleanup(func() { f.close() })
	return f
}

func (f *demoFleet) open() {
	f.t.Helper()
	log := slog.New(slog.DiscardHandler)
	keys, err := loadOfficeKeys(f.dir)
	if err == nil {
		f.broker, err = openBroker(f.port, log, map[string]string{fleetUser: "operators-password", string(demoTID): "terminals-password"})
	}
	if err == nil {
		f.office, err = openOffice(agent.NewSystemClock(), log, f.broker, f.dir, keys)
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *demoFleet) close() {
	if f.broker != nil {
		_ = f.broker.Close()
		_ = f.office.Close()
		f.broker = nil
	}
}

// terminal is one that connects with a password, or in vain.
func (f *demoFleet) terminal(id fleet.TID, password string) (*mqtt.Link, *listener) {
	f.t.Helper()
	s := &listener{up: make(chan struct{}, 9), failed: make(chan error, 9), got: make(chan fleet.Received, 99)}
	l, err := mqtt.New(mqtt.Options{TID: id, Broker: f.broker.url("", ""), Password: func() (string, error) { return password, nil }, Clock: agent.NewSystemClock(),
		Draw: func(time.Duration) time.Duration { return 10 * time.Millisecond }})
	if err != nil {
		f.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = l.Run(ctx, s) }()
	f.t.Cleanup(func() { cancel(); <-ended })
	return l, s
}

type listener struct {
	up     chan struct{}
	failed chan error
	got    chan fleet.Received
}

func (s *listener) Connecting(context.Context) (fleet.Message, error) {
	return fleet.Message{Channel: fleet.UpPresence, Payload: []byte(`{"v":1,"state":"lost","sess":1}`)}, nil
}
func (s *listener) Connected() { s.up <- struct{}{} }
func (s *listener) Disconnected(err error) {
	select {
	case s.failed <- err:
	default:
	}
}
func (s *listener) Incoming(m fleet.Incoming) { s.got <- m.Received; m.Ack() }

func receive[T any](t *testing.T, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(30 * time.Second):
		t.Fatalf("%s: not within half a minute", what)
	}
	return v
}

func TestTheOfficeStoresOnceAndThenAcknowledges(t *testing.T) {
	f := openDemoFleet(t)
	link, s := f.terminal(demoTID, "terminals-password")
	receive(t, "a session", s.up)
	if m := receive(t, "the keys", s.got); m.Channel != fleet.DownKeys || !m.Retained {
		t.Fatalf("first came %+v", m)
	}
	ctx := context.Background()
	batch := func(from, to uint64) []byte {
		b := fleet.Batch{V: fleet.Wire, Stream: fleet.Payments, Epoch: "01KAFN00000000000000000000", First: from, Last: to}
		for n := from; n <= to; n++ {
			b.Events = append(b.Events, fleet.Event{SpecVersion: "1.0", Sequence: fleet.Sequence(n), Data: json.RawMessage(`{}`)})
		}
		text, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	acked := func() string { return string(receive(t, "an acknowledgement", s.got).Payload) }
	for _, part := range [][2]uint64{{1, 3}, {1, 3}, {2, 5}} {
		if err := link.Publish(ctx, fleet.Message{Channel: fleet.Payments.Channel(), Payload: batch(part[0], part[1])}); err != nil {
			t.Fatal(err)
		}
		if text := acked(); !strings.Contains(text, fleet.TypeAck) {
			t.Errorf("answered %s", text)
		}
	}
	lines := func() int {
		text, err := os.ReadFile(filepath.Join(f.dir, "events.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(text), "\n")
	}
	if n := lines(); n != 5 {
		t.Errorf("%d events are stored of 5", n)
	}
	f.close()
	torn, err := os.OpenFile(filepath.Join(f.dir, "events.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := torn.WriteString(`{"tid":"demo-sh`); err != nil || torn.Close() != nil {
		t.Fatal(err)
	}
	f.open()
	if mark := f.office.stored[fleet.Payments]; mark.Upto != 5 || lines() != 5 {
		t.Errorf("after a restart it goes on at %+v with %d lines", mark, lines())
	}
}

func TestTheBrokerLetsInWhoItKnows(t *testing.T) {
	f := openDemoFleet(t)
	for name, c := range map[string]struct {
		id       fleet.TID
		password string
	}{"a wrong password": {demoTID, "operators-password"}, "no password": {demoTID, ""}, "a stranger": {"t-0002-other", "terminals-password"}} {
		_, s := f.terminal(c.id, c.password)
		if err := receive(t, name, s.failed); err == nil || len(s.up) > 0 {
			t.Errorf("%s was let in", name)
		}
	}
}

func TestWhatATerminalMayWriteAndRead(t *testing.T) {
	f := openDemoFleet(t)
	link, s := f.terminal(demoTID, "terminals-password")
	receive(t, "a session", s.up)
	door := &doorkeeper{}
	cl := f.broker.server.NewClient(nil, "x", "x", false)
	cl.Properties.Username = []byte(demoTID)
	for topic, may := range map[string][2]bool{ // read, write
		demoTID.Topic(fleet.UpHello):                   {false, true},
		demoTID.Topic(fleet.DownCommand):               {true, false},
		demoTID.Downlink():                             {true, false},
		fleet.TID("t-0002-other").Topic(fleet.UpHello): {false, false},
		"#":             {false, false},
		fleet.Uplink():  {false, false},
		"$SYS/broker/#": {false, false},
	} {
		if got := [2]bool{door.OnACLCheck(cl, topic, false), door.OnACLCheck(cl, topic, true)}; got != may {
			t.Errorf("%s: reads and writes %v, want %v", topic, got, may)
		}
	}
	if err := link.Publish(context.Background(), fleet.Message{Channel: fleet.UpPresence, Payload: []byte(`{"v":1,"state":"online","sess":7}`)}); err != nil {
		t.Fatal(err)
	}
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for limit := time.After(30 * time.Second); f.office.present() != 7; {
		select {
		case <-look.C:
		case <-limit:
			t.Fatalf("the office has not noticed: %v", f.office.attend(t.Context()))
		}
	}
}
