package brokertest

import (
	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// OpenDoor lets everybody do everything at an embedded broker.
type OpenDoor struct{ mochi.HookBase }

// ID implements mochi.Hook.
func (*OpenDoor) ID() string { return "open-door" }

// Provides implements mochi.Hook.
func (*OpenDoor) Provides(what byte) bool {
	return what == mochi.OnConnectAuthenticate || what == mochi.OnACLCheck
}

// OnConnectAuthenticate implements mochi.Hook.
func (*OpenDoor) OnConnectAuthenticate(*mochi.Client, packets.Packet) bool { return true }

// OnACLCheck implements mochi.Hook.
func (*OpenDoor) OnACLCheck(*mochi.Client, string, bool) bool { return true }
