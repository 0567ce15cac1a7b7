package main

import (
	"context"
	"crypto/ed25519"
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
	layout layout
	ports  ports
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
	f := &demoFleet{t: t, layout: layout{t.TempDir()}, ports: p}
	f.open()
	t.Cleanup(func() { f.close() })
	return f
}

func (f *demoFleet) open() {
	f.t.Helper()
	log := slog.New(slog.DiscardHandler)
	keys, err := loadOfficeKeys(f.layout.fleetKeys())
	if err == nil {
		f.broker, err = openBroker(f.ports.MQTT, log, map[string]string{fleetUser: "operators-password", string(demoTID): "terminals-password"})
	}
	if err == nil {
		f.office, err = openOffice(agent.NewSystemClock(), log, f.broker, f.layout, keys, f.ports.Fleet, "operators-password")
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *demoFleet) close() {
	if f.broker != nil {
		_ = f.broker.Close()
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
	case <-time.After(patience):
		t.Fatalf("%s: not within %s", what, patience)
	}
	return v
}

// The service is the program beside this one; in this test there is none, and the
// shop must not miss it.
func TestTheServiceIsToldWhatItNeeds(t *testing.T) {
	f := openDemoFleet(t)
	text, err := os.ReadFile(f.layout.fleetConfig())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`name = "office.demo"`, f.broker.url("", ""), filepath.Join(f.layout.fleetKeys(), "online.key"), f.layout.fleetSet()} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the configuration does not say %s:\n%s", want, text)
		}
	}
	for _, secret := range []string{f.layout.fleetPassword(), filepath.Join(f.layout.fleetKeys(), "root.key"), filepath.Join(f.layout.fleetKeys(), "approver-1.key")} {
		if info, err := os.Stat(secret); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", secret, info, err)
		}
	}
	if r := f.office.ready(); r != (fleetReady{}) {
		t.Errorf("without the program the ready file says %+v", r)
	}
}

func TestTheListOfKeysIsTheRootsAndNamesWhoMaySign(t *testing.T) {
	f := openDemoFleet(t)
	raw, err := os.ReadFile(f.layout.fleetSet())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := loadOfficeKeys(f.layout.fleetKeys())
	if err != nil {
		t.Fatal(err)
	}
	root, err := fleet.ReadPublic(keys.rootText())
	if err != nil {
		t.Fatal(err)
	}
	trust, err := fleet.OpenTrust(t.Context(), []ed25519.PublicKey{root}, fleet.NewMemory())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if fresh, err := trust.Offer(t.Context(), raw, fleet.Moment{Now: now, Floor: now, Quality: fleet.Synced}); err != nil || !fresh {
		t.Fatalf("a terminal does not take it: %v", err)
	}
	if list := trust.Current().Keys; len(list) != 3 || list[0].Use != fleet.Online || list[1].Use != fleet.Approver || list[2].Use != fleet.Approver {
		t.Errorf("it names %+v", list)
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
	for limit := time.After(patience); f.office.present() != 7; {
		select {
		case <-look.C:
		case <-limit:
			t.Fatalf("the office has not noticed: %v", f.office.attend(t.Context()))
		}
	}
}
