package service

import (
	"context"
	"errors"
	"time"

	"tillwire/agent/fleet"
)

// Hearing is the way from the terminals.
type Hearing interface {
	// Run hears every terminal until ctx ends. hear is called for one message after
	// another and must not wait for long; the message is delivered again, perhaps to
	// another service, until its Ack was called. state tells when there is a
	// connection and when not.
	Run(ctx context.Context, hear func(fleet.Heard), state func(up bool, err error)) error
}

// Broker is the way to the terminals and from them. agent/fleet/mqtt has the one for
// MQTT; on a NATS cluster agent/fleet/jetstream hears in its place.
type Broker interface {
	Hearing
	// Publish returns once the broker took the message, which proves nothing about the
	// terminal. The errors are fleet.ErrOffline, fleet.ErrTooLarge and the context's.
	Publish(ctx context.Context, to fleet.TID, m fleet.Message) error
}

// Keys are what the service signs with. The online key is the only one it has;
// roots and approvers are elsewhere.
type Keys interface {
	// Seal signs a document for a terminal with the online key and answers the
	// envelope (see fleet.Seal). The error says why there is no key to sign with.
	Seal(payloadType string, document any) ([]byte, error)
	// Set is the list of keys that terminals should have, as a root signed it, and
	// its version; version 0: there is none yet. It may change while the service runs.
	Set() (envelope []byte, version uint64)
}

// Authority issues and revokes the certificates by which brokers know terminals.
type Authority interface {
	// Issue signs a certificate for a terminal over the public key of a request
	// (PKCS #10, DER). The name in the request is ignored, tid is what counts.
	Issue(ctx context.Context, tid fleet.TID, request []byte) (Certificate, error)
	// Revoke withdraws every certificate of a terminal. The broker must be given the
	// new list, and live sessions must be ended there.
	Revoke(ctx context.Context, tid fleet.TID) error
	// Revocations is the current list (X.509 CRL, PEM).
	Revocations(ctx context.Context) ([]byte, error)
	// Root is the authority's own certificate (PEM), what terminals and brokers trust.
	Root() []byte
}

// Certificate is one that was issued.
type Certificate struct {
	Serial string    `json:"serial"` // hexadecimal
	PEM    []byte    `json:"pem"`    // the certificate and what stands between it and the root
	Until  time.Time `json:"until"`
}

// The ways the service refuses. Each is wrapped with what to do.
var (
	ErrUnknown  = errors.New("there is no such thing in the fleet's database") // a terminal, a command, a rollout
	ErrConflict = errors.New("the state of things forbids it now")
	ErrInvalid  = errors.New("it cannot work as it is")
	ErrDamaged  = errors.New("a row of the fleet's database is damaged") // of a Store
)
