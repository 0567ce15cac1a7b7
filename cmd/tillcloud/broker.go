package main

import (
	"crypto/subtle"
	"errors"
	"log/slog"
	"net"
	"strings"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/embedded"
)

// The names at the demo's broker.
const (
	demoTID   fleet.TID = "demo-shop-1"
	fleetUser           = "fleet"
)

// broker is the demo's MQTT broker: on the loopback interface, with a password
// for the terminal and one for whoever operates the fleet. A real fleet has
// mosquitto or NATS with client certificates.
type broker struct {
	server *mochi.Server
	port   int
}

// openBroker listens. What is retained lives as long as the broker.
func openBroker(port int, log *slog.Logger, passwords map[string]string) (*broker, error) {
	l, err := net.Listen("tcp", local(port))
	if err != nil {
		return nil, err
	}
	capabilities := mochi.NewDefaultServerCapabilities()
	capabilities.MaximumMessageExpiryInterval = 0 // by default it forgets what is retained after a day
	capabilities.MaximumPacketSize = 2 * fleet.MaxMessage
	s := mochi.New(&mochi.Options{InlineClient: true, Capabilities: capabilities, Logger: log.With("comp", "broker")})
	err = errors.Join(s.AddHook(&doorkeeper{passwords: passwords}, nil), s.AddHook(&embedded.Numbers{}, nil))
	if err == nil {
		err = s.AddListener(listeners.NewNet("fleet", l))
	}
	if err == nil {
		err = s.Serve()
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &broker{s, port}, nil
}

// Close ends the broker.
func (b *broker) Close() error { return b.server.Close() }

// url is the address for a user.
func (b *broker) url(user, password string) string {
	who := ""
	if user != "" {
		who = user + ":" + password + "@"
	}
	return "mqtt://" + who + local(b.port)
}

// doorkeeper lets in who knows a password, and each to what is his. Everything
// else is denied: the library's own list allows what no rule names.
type doorkeeper struct {
	mochi.HookBase
	passwords map[string]string
}

// ID implements mochi.Hook.
func (*doorkeeper) ID() string { return "doorkeeper" }

// Provides implements mochi.Hook.
func (*doorkeeper) Provides(b byte) bool {
	return b == mochi.OnConnectAuthenticate || b == mochi.OnACLCheck
}

// OnConnectAuthenticate implements mochi.Hook. A terminal's client id is its name,
// so that nobody takes another's session.
func (d *doorkeeper) OnConnectAuthenticate(cl *mochi.Client, pk packets.Packet) bool {
	user := string(pk.Connect.Username)
	want, known := d.passwords[user]
	right := subtle.ConstantTimeCompare([]byte(want), pk.Connect.Password) == 1
	return known && right && (user == fleetUser || cl.ID == user)
}

// OnACLCheck implements mochi.Hook.
func (d *doorkeeper) OnACLCheck(cl *mochi.Client, topic string, write bool) bool {
	user := string(cl.Properties.Username)
	if user == fleetUser {
		return true
	}
	own := fleet.Root + "/" + user + "/down/"
	if write {
		own = fleet.Root + "/" + user + "/up/"
	}
	return strings.HasPrefix(topic, own)
}
