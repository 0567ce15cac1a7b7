package jetstream

import (
	"crypto/tls"
	"strings"
	"testing"

	"tillwire/agent"
	"tillwire/agent/fleet"
)

func TestAddressesOfServers(t *testing.T) {
	for address, ok := range map[string]bool{
		"tls://one.example:4222": true, "tls://one.example:4222, tls://10.0.0.2:4222": true, "nats://127.0.0.1:4222": true, "nats://[::1]:4222": true,
		"nats://one.example:4222": false, "nats://localhost:4222": false, "tls://one.example": false, "tls://user:secret@one.example:4222": false,
		"tls://one.example:4222/x": false, "tls://one.example:4222,nats://127.0.0.1:4222": false, "mqtts://one.example:8883": false, "tls://one.example:4222,": false, "": false,
	} {
		if _, err := ParseServers(address); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestOptionsThatCannotWork(t *testing.T) {
	some := func() (*tls.Config, error) { return &tls.Config{}, nil }
	for name, o := range map[string]Options{
		"servers behind TLS without an authority": {Servers: "tls://one.example:4222"},
		"a stream whose name is a subject":        {Servers: "tls://one.example:4222", TLS: some, Stream: "pos.up"},
		"more copies than there are servers for":  {Servers: "tls://one.example:4222", TLS: some, Replicas: 6},
		"fewer than none":                         {Servers: "tls://one.example:4222", TLS: some, Replicas: -1},
		"no server":                               {},
	} {
		o.Clock = agent.NewSystemClock()
		if _, err := New(o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	for servers, want := range map[string]int{"tls://a:1": 1, "tls://a:1,tls://b:1": 2, "tls://a:1,tls://b:1,tls://c:1": 3, "tls://a:1,tls://b:1,tls://c:1,tls://d:1": 3} {
		o, err := Options{Servers: servers, TLS: some}.check()
		if err != nil || o.Replicas != want || o.Stream != "POS_UP" {
			t.Errorf("%s: %d copies of %s: %v", servers, o.Replicas, o.Stream, err)
		}
	}
}

func TestSubjectsAreTopics(t *testing.T) {
	if got := subject(fleet.Uplink()); got != "pos.v1.*.up.>" {
		t.Errorf("the stream takes %s", got)
	}
	for _, c := range fleet.Channels() {
		id, channel, ok := fleet.ParseTopic(topic(subject(fleet.TID("t-0001-corner").Topic(c))))
		if !ok || id != "t-0001-corner" || channel != c {
			t.Errorf("%s comes back as %s of %s", c, channel, id)
		}
	}
}

func TestWhoMayComeIn(t *testing.T) {
	text, err := Users([]string{"fleet-server-1"}, "", []fleet.TID{"t-0001-corner", "t-0002-market"})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(text, "\n") {
		switch {
		case strings.Contains(line, "CN=t-0001-corner"):
			if strings.Contains(line, "*") || strings.Contains(line, "t-0002") || strings.Contains(line, "$JS") || !strings.Contains(line, `publish: ["pos.v1.t-0001-corner.up.>"]`) {
				t.Errorf("a terminal may do more or less than its own: %s", line)
			}
		case strings.Contains(line, "CN=fleet-server-1"):
			if strings.Contains(line, `"pos.v1.*.up.>"], subscribe`) || !strings.Contains(line, "$JS.ACK.POS_UP.>") {
				t.Errorf("a service: %s", line)
			}
		}
	}
	if n := strings.Count(text, "user:"); n != 3 {
		t.Errorf("%d users", n)
	}
	if _, err := Users([]string{`x"} {user: "y`}, "", nil); err == nil {
		t.Error("a name that breaks out of its quotes is taken")
	}
	if _, err := Users(nil, "a b", nil); err == nil {
		t.Error("a stream's name that breaks a subject is taken")
	}
}
