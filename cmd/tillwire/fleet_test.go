package main

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/agent/fleet/brokertest"
	"tillwire/agent/fleet/embedded"
)

const fleetTID fleet.TID = "t-0001-corner"

func fleetKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("a key for tests only: " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// headOffice is a broker and a fleet's service in one.
type headOffice struct {
	t      *testing.T
	broker *mochi.Server
	addr   string
	seq    uint64

	mu    sync.Mutex
	heard map[fleet.Channel][][]byte
}

func openHeadOffice(t *testing.T) *headOffice {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	capabilities := mochi.NewDefaultServerCapabilities()
	capabilities.MaximumMessageExpiryInterval = 0 // it would forget what is retained
	o := &headOffice{t: t, addr: l.Addr().String(), heard: map[fleet.Channel][][]byte{},
		broker: mochi.New(&mochi.Options{InlineClient: true, Capabilities: capabilities, Logger: slog.New(slog.DiscardHandler)})}
	for _, err := range []error{o.broker.AddHook(&brokertest.OpenDoor{}, nil), o.broker.AddHook(&embedded.Numbers{}, nil), o.broker.AddListener(listeners.NewNet("fleet", l)), o.broker.Serve()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = o.broker.Close() })
	if err := o.broker.Subscribe(fleet.Uplink(), 1, func(_ *mochi.Client, _ packets.Subscription, pk packets.Packet) { o.hear(pk) }); err != nil {
		t.Fatal(err)
	}
	from, until := fleet.At(time.Now().Add(-time.Hour)), fleet.At(time.Now().Add(time.Hour))
	public := func(name string) ed25519.PublicKey { return fleetKey(name).Public().(ed25519.PublicKey) }
	o.send(fleet.DownKeys, fleet.TypeKeys, fleet.KeySet{Version: 1, Iat: from, Exp: until, Roots: []string{fleetRoot()},
		Keys: []fleet.Key{fleet.NewKey(fleet.Online, public("online"), from, until)}}, fleetKey("root"))
	return o
}

func fleetRoot() string {
	return base64.StdEncoding.EncodeToString(fleetKey("root").Public().(ed25519.PublicKey))
}

func (o *headOffice) hear(pk packets.Packet) {
	_, c, ok := fleet.ParseTopic(pk.TopicName)
	if !ok {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.heard[c] = append(o.heard[c], append([]byte(nil), pk.Payload...))
}

func (o *headOffice) send(c fleet.Channel, kind string, document any, key ed25519.PrivateKey) {
	o.t.Helper()
	raw, err := fleet.Seal(kind, document, key)
	if err != nil {
		o.t.Fatal(err)
	}
	d, _ := c.Delivery()
	if err := o.broker.Publish(fleetTID.Topic(c), raw, d.Retain, d.QoS); err != nil {
		o.t.Fatal(err)
	}
}

func (o *headOffice) claims() fleet.Claims {
	o.seq++
	return fleet.Claims{Aud: fleetTID, Iss: "fleet.example", Iat: fleet.At(time.Now()), Exp: fleet.At(time.Now().Add(5 * time.Minute)),
		Jti: fmt.Sprintf("01KAFN%020d", o.seq), Seq: o.seq}
}

// latest is the last message of a channel.
func latest[T any](o *headOffice, c fleet.Channel) (last T) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n := len(o.heard[c]); n > 0 {
		if err := json.Unmarshal(o.heard[c][n-1], &last); err != nil {
			o.t.Error(err)
		}
	}
	return last
}

// events are those of a stream, joined as text.
func (o *headOffice) events(s fleet.Stream) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var b strings.Builder
	for _, raw := range o.heard[s.Channel()] {
		b.Write(raw)
	}
	return b.String()
}

func (o *headOffice) command(name, args string) {
	o.t.Helper()
	e, _ := fleet.Find(name, 1)
	c := fleet.Command{Claims: o.claims(), Name: name, Class: e.Class, Actor: "ops@fleet.example", Nonce: latest[fleet.Hello](o, fleet.UpHello).Nonce}
	if args != "" {
		c.Args = json.RawMessage(args)
	}
	o.send(fleet.DownCommand, fleet.TypeCommand, c, fleetKey("online"))
}

func within(t *testing.T, what string, holds func() bool) {
	t.Helper()
	brokertest.Eventually(t, patience, what, holds)
}

func inFleet(addr string) string {
	return sound + fmt.Sprintf("\n[fleet]\nbroker = \"mqtt://%s\"\ntid = %q\nroots = [%q]\nspread = \"0s\"\n", addr, fleetTID, fleetRoot())
}

// TestATerminalInItsFleet is the whole way: the agent as a shop runs it, a
// broker, and what the fleet may see and do.
func TestATerminalInItsFleet(t *testing.T) {
	o := openHeadOffice(t)
	r := started(t, equipped(t, inFleet(o.addr)))
	within(t, "the hello", func() bool {
		return latest[fleet.Hello](o, fleet.UpHello).Keys.Version >= 0 && latest[fleet.Hello](o, fleet.UpHello).Sess > 0
	})
	within(t, "the state", func() bool { return latest[fleet.Report](o, fleet.UpState).Selling })
	if s := latest[fleet.Report](o, fleet.UpState); s.Shop != "Corner shop" || len(s.Devices) == 0 || s.DiskFree <= 0 {
		t.Errorf("the state is %+v", s)
	}
	o.command("display.message", `{"lane":"1","text":"Back in five minutes","ttl":60}`)
	within(t, "the message", func() bool { return strings.Contains(o.events(fleet.Commands), `"SUCCEEDED","result":{"lanes":["1"]}`) })
	o.command("queue.inspect", "")
	within(t, "the queue", func() bool { return strings.Contains(o.events(fleet.Commands), `{"first":[],"rows":0}`) })

	cfg := map[string]string{"shop.name": "Renamed by the fleet"}
	o.send(fleet.DownConfig, fleet.TypeConfig, fleet.Config{Claims: o.claims(), Rev: 1, Hash: fleet.HashOf(cfg), Cfg: cfg}, fleetKey("online"))
	within(t, "the configuration", func() bool { return latest[fleet.ConfigReport](o, fleet.UpConfig).Rev == 1 })
	if c := latest[fleet.ConfigReport](o, fleet.UpConfig); c.Status != fleet.ConfigTrial && c.Status != fleet.ConfigApplied {
		t.Errorf("the configuration is %+v", c)
	}
	for rev, theirs := range map[uint64][2]string{2: {"retention.days", "30"}, 3: {"offline.accept", "true"}, 4: {"offline.caps", "CNY 9000 9000 9000 9000"}, 5: {"offline.way.bearer", "true"}, 6: {"codes.wechat", ""}} {
		cfg := map[string]string{theirs[0]: theirs[1]} // the owner's alone
		o.send(fleet.DownConfig, fleet.TypeConfig, fleet.Config{Claims: o.claims(), Rev: rev, Hash: fleet.HashOf(cfg), Cfg: cfg}, fleetKey("online"))
		within(t, "the refusal of "+theirs[0], func() bool { return latest[fleet.ConfigReport](o, fleet.UpConfig).Rev == rev })
		if c := latest[fleet.ConfigReport](o, fleet.UpConfig); c.Status != fleet.ConfigRefused || c.Code != fleet.RefusedValue {
			t.Errorf("the owner's own setting %s: %+v", theirs[0], c)
		}
	}
	within(t, "the owner's log of it, told to the fleet", func() bool {
		return strings.Contains(o.events(fleet.Audits), `"actor":"fleet","action":"setting","object":"shop.name","detail":"Renamed by the fleet"`)
	})

	boot := latest[fleet.Hello](o, fleet.UpHello).Boot
	o.command("agent.restart", "")
	within(t, "another boot", func() bool { return latest[fleet.Hello](o, fleet.UpHello).Boot != boot })
	within(t, "the answer", func() bool { return strings.Contains(o.events(fleet.Commands), `"agent.restart","status":"SUCCEEDED"`) })
	r.ended()
	within(t, "the farewell", func() bool { return latest[fleet.Presence](o, fleet.UpPresence).State == fleet.StateOffline })
}

// TestAFleetThatIsWrongStopsNothing: neither a broker that is not there nor files
// that are missing keep the shop from opening.
func TestAFleetThatIsWrongStopsNothing(t *testing.T) {
	for name, text := range map[string]string{
		"no broker": inFleet("127.0.0.1:1"),
		"no files":  strings.Replace(inFleet("127.0.0.1:1"), "tid =", "ca = \"none.pem\"\ntid =", 1),
		"no roots":  strings.Replace(inFleet("127.0.0.1:1"), "roots = ", "roots = [] # ", 1),
	} {
		t.Run(name, func(t *testing.T) {
			file := equipped(t, text)
			owned(t, file)
			r := started(t, file)
			r.ready()
			if code, _ := r.call("GET", "/api/v1/status", ""); code != 200 {
				t.Errorf("a till is answered %d", code)
			}
		})
	}
}

func TestMistakesInTheFleetsTable(t *testing.T) {
	var b strings.Builder
	for _, c := range []struct{ from, to string }{
		{`broker = "mqtt://127.0.0.1:1883"`, `broker = "mqtt://fleet.example:1883"`},
		{`broker = "mqtt://127.0.0.1:1883"`, `broker = "mqtts://fleet.example:8883"`},
		{`broker = "mqtt://127.0.0.1:1883"`, ``},
		{`tid = "t-0001-corner"`, `tid = "Corner shop"`},
		{`roots = ["` + fleetRoot() + `"]`, `roots = []`},
		{`roots = ["` + fleetRoot() + `"]`, `roots = ["abc"]`},
		{`spread = "0s"`, `spread = "1h"`},
		{`spread = "0s"`, `refuse = ["dangerus"]`},
		{`spread = "0s"`, `certificate = "terminal.pem"`},
		{`spread = "0s"`, `passwort = "x"`},
	} {
		base := inFleet("127.0.0.1:1883")
		if !strings.Contains(base, c.from) {
			t.Fatalf("%q is not in the configuration", c.from)
		}
		file := configured(t, strings.Replace(base, c.from, c.to, 1))
		_, faults, err := readConfig(file)
		if err != nil || len(faults) == 0 || fatalOf(faults) != nil {
			t.Errorf("%q: %v, %v", c.to, faults, err)
		}
		fmt.Fprintf(&b, "%s\n", c.to)
		for _, f := range faults {
			fmt.Fprintf(&b, "    %s\n", strings.ReplaceAll(f.Error(), filepath.Dir(file)+"/", ""))
		}
	}
	golden(t, "fleet_config.txt", b.String())
}

// shownScreens is a display that remembers what it was shown.
type shownScreens struct {
	mu   sync.Mutex
	list []agent.Screen
}

func (s *shownScreens) Show(_ context.Context, one agent.Screen) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, one)
	return nil
}

func (s *shownScreens) kinds() (list string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.list {
		list += string(one.Kind) + " "
	}
	return list
}
