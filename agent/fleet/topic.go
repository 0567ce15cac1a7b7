package fleet

import (
	"fmt"
	"regexp"
	"strings"

	"tillwire/agent"
)

// Root is the first levels of every topic. There is no level for a merchant or a
// shop: brokers' access lists know the user's name and nothing else, and
// terminals move between merchants.
const Root = "pos/v1"

// MaxMessage is the largest message that is sent or read, in bytes. Some brokers
// acknowledge a larger one and drop it.
const MaxMessage = 128 << 10

// TID names a terminal towards the fleet: the common name of its certificate, its
// user and its client id at the broker.
type TID string

var tidPattern = regexp.MustCompile(`^[a-z0-9-]{8,40}$`)

// ParseTID checks a terminal's name. None can hold a character that means
// something in a topic.
func ParseTID(text string) (TID, error) {
	if !tidPattern.MatchString(text) {
		return "", &agent.Error{Op: "fleet", Class: agent.Invalid, Code: agent.CodeUnreadable,
			Say: agent.Sentence{ID: "error.fleet_tid", Args: []string{text},
				English: fmt.Sprintf("%q is no terminal name. It takes 8 to 40 of a-z, 0-9 and -, as the fleet gave it.", text)}}
	}
	return TID(text), nil
}

// Channel is the part of a topic behind the terminal's name.
type Channel string

// The channels. Up is written by the terminal alone, down read by it alone.
const (
	UpPresence Channel = "up/presence"
	UpHello    Channel = "up/hello"
	UpState    Channel = "up/state"
	UpConfig   Channel = "up/config"
	UpBeat     Channel = "up/hb"
	UpCommand  Channel = "up/cmd"
	UpJob      Channel = "up/job"
	UpEvents   Channel = "up/ev/" // and a stream's name

	DownConfig  Channel = "down/config"
	DownJob     Channel = "down/job"
	DownKeys    Channel = "down/keys"
	DownCommand Channel = "down/cmd"
	DownAck     Channel = "down/ack"
)

// Delivery is how messages of a channel travel.
type Delivery struct {
	QoS    byte // 0 or 1; some brokers know no 2
	Retain bool // the broker keeps the last one for whoever comes later
}

// deliveries has a row for each channel. A command is never retained: one from
// last week must not wait for a terminal that comes back.
var deliveries = map[Channel]Delivery{
	UpPresence: {1, true}, UpHello: {1, false}, UpState: {1, true}, UpConfig: {1, true}, UpBeat: {0, false},
	UpCommand: {1, false}, UpJob: {1, false},
	UpEvents + "alert": {1, false}, UpEvents + "audit": {1, false}, UpEvents + "tx": {1, false}, UpEvents + "metric": {1, false},
	DownConfig: {1, true}, DownJob: {1, true}, DownKeys: {1, true}, DownCommand: {1, false}, DownAck: {1, false},
}

// Delivery answers how the channel's messages travel; ok is false for a channel
// that does not exist.
func (c Channel) Delivery() (d Delivery, ok bool) {
	d, ok = deliveries[c]
	return d, ok
}

// Channels lists every channel.
func Channels() []Channel {
	list := make([]Channel, 0, len(deliveries))
	for c := range deliveries {
		list = append(list, c)
	}
	return list
}

// Topic is where the terminal's messages of a channel are published.
func (id TID) Topic(c Channel) string { return Root + "/" + string(id) + "/" + string(c) }

// Downlink is the one filter that a terminal subscribes to.
func (id TID) Downlink() string { return id.Topic("down/#") }

// Uplink is the filter under which a service hears every terminal.
func Uplink() string { return Root + "/+/up/#" }

// ParseTopic takes a topic apart. ok is false for one that is not of this tree.
func ParseTopic(topic string) (id TID, c Channel, ok bool) {
	rest, ours := strings.CutPrefix(topic, Root+"/")
	name, channel, split := strings.Cut(rest, "/")
	if !ours || !split || !tidPattern.MatchString(name) {
		return "", "", false
	}
	_, known := deliveries[Channel(channel)]
	return TID(name), Channel(channel), known
}
