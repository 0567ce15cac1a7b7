package embedded

import (
	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// Numbers is a hook that keeps a client's packet numbers apart from the broker's.
// Each side counts its own (MQTT 3.1.1, 2.3.1), but mochi 2.7.9 has one table for
// both: a subscription whose number is that of a message on its way to the same
// client is refused, and a publication forgets that message.
type Numbers struct{ mochi.HookBase }

// ID implements mochi.Hook.
func (*Numbers) ID() string { return "numbers" }

// Provides implements mochi.Hook.
func (*Numbers) Provides(what byte) bool {
	return what == mochi.OnPacketRead || what == mochi.OnPacketEncode
}

// OnPacketRead implements mochi.Hook: what a client numbers.
func (*Numbers) OnPacketRead(_ *mochi.Client, pk packets.Packet) (packets.Packet, error) {
	switch pk.FixedHeader.Type {
	case packets.Publish, packets.Subscribe, packets.Unsubscribe, packets.Pubrel:
		pk.PacketID = otherRow(pk.PacketID)
	}
	return pk, nil
}

// OnPacketEncode implements mochi.Hook: the answers to that.
func (*Numbers) OnPacketEncode(_ *mochi.Client, pk packets.Packet) packets.Packet {
	switch pk.FixedHeader.Type {
	case packets.Puback, packets.Pubrec, packets.Pubcomp, packets.Suback, packets.Unsuback:
		pk.PacketID = otherRow(pk.PacketID)
	}
	return pk
}

// half is between two rows of numbers. Both sides count up from 1, so as long as
// they are half of all apart they do not meet.
const half = 1 << 15

// otherRow answers a number's place in the other row, and from there the number
// again. Zero is no number, so the one that would take its place stays.
func otherRow(id uint16) uint16 {
	if id == 0 || id == half {
		return id
	}
	return id ^ half
}
