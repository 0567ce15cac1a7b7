package fleet

import (
	"context"
	"errors"
)

// ErrOffline reports that a message was not sent, or that nobody knows whether it
// was, because there is no connection to a broker.
var ErrOffline = errors.New("there is no connection to the fleet's broker")

// ErrTooLarge reports a message above MaxMessage. Brokers acknowledge such a
// message and drop it.
var ErrTooLarge = errors.New("larger than a message to the fleet may be")

// Message is what is published.
type Message struct {
	Channel Channel
	Payload []byte
}

// Incoming is a message with its acknowledgement towards the broker. Until Ack
// is called the broker delivers it again after the next connect; every message
// must be acknowledged once it is dealt with, also one that was refused, or the
// broker's window fills with it.
type Incoming struct {
	Received
	Ack func()
}

// Session is what a Link tells of its connections. The calls come one at a time
// and in order: Connecting, Connected, Incoming any number of times from there
// on or a little before, Disconnected.
type Session interface {
	// Connecting comes before each attempt and answers the will it carries. An error
	// puts the attempt off.
	Connecting(ctx context.Context) (will Message, err error)
	// Connected comes once the broker granted the subscription.
	Connected()
	// Incoming comes for each message below down/.
	Incoming(m Incoming)
	// Disconnected comes after each attempt that failed and each connection that
	// ended.
	Disconnected(err error)
}

// Link is a connection to a broker that is made again and again.
type Link interface {
	// Run connects until ctx ends.
	Run(ctx context.Context, s Session) error
	// Publish returns once the broker acknowledged, which proves that something took
	// the message and nothing more. The errors are ErrOffline, ErrTooLarge and the
	// context's.
	Publish(ctx context.Context, m Message) error
}

// Heard is a message of a terminal, as a service takes it. Below up/ Channel is
// one of the contract's; the payload is whatever the terminal sent.
type Heard struct {
	TID TID
	Incoming
}
