package jetstream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"tillwire/agent/fleet"
)

// The settings of a connection and of what is kept.
const (
	connectTimeout = 5 * time.Second // for one server
	pingEvery      = 20 * time.Second
	pingsMissed    = 2
	setUpTimeout   = 20 * time.Second

	firstWait   = time.Second
	longestWait = 15 * time.Second

	// What is not acknowledged within ackWait is given to another service: far longer
	// than a commit takes.
	ackWait = 30 * time.Second
	// ackPending is how many messages may be with all services together; pullMost how
	// many lie ready at one.
	ackPending = 4096
	pullMost   = 256
	// A consumer that has nothing to bring says so this often.
	heartbeat = 5 * time.Second

	// What nobody takes is given up at last: terminals say again what is not
	// acknowledged to them.
	keepFor   = 24 * time.Hour
	keepBytes = 1 << 30

	consumerName = "office" // all services of a fleet are one consumer
)

// Ear hears every terminal of a fleet.
type Ear struct {
	opt     Options
	ackWait time.Duration
}

// New checks the options; nothing is opened.
func New(opt Options) (*Ear, error) {
	opt, err := opt.check()
	if err != nil {
		return nil, err
	}
	return &Ear{opt, ackWait}, nil
}

// Run hears until ctx ends. hear is called for one message after another; a message
// whose Ack is not called is delivered again after half a minute, perhaps to
// another service. state tells when there is a connection and when not.
func (e *Ear) Run(ctx context.Context, hear func(fleet.Heard), state func(up bool, err error)) error {
	bound := firstWait
	for ctx.Err() == nil {
		connected, err := e.once(ctx, hear, state)
		state(false, err)
		if ctx.Err() != nil {
			break
		}
		if bound = min(2*bound, longestWait); connected {
			bound = firstWait
		}
		wait := e.opt.Draw(bound)
		e.opt.Log.Info("no connection to the servers of the stream", "comp", "fleet", "code", "nats_lost", "err", err, "wait", wait.String())
		select {
		case <-ctx.Done():
		case <-e.opt.Clock.After(wait):
		}
	}
	return ctx.Err()
}

// once is one connection from its beginning to its end. The library would mend it
// by itself; a new one asks for the stream and the consumer again, which a server
// that lost its disk has lost as well.
func (e *Ear) once(ctx context.Context, hear func(fleet.Heard), state func(bool, error)) (connected bool, err error) {
	conn, lost, err := e.connect()
	if err != nil {
		return false, err
	}
	defer conn.Close()
	messages, err := e.open(ctx, conn)
	if err != nil {
		return false, err
	}
	defer messages.Stop()
	state(true, nil)
	life, end := context.WithCancel(ctx)
	defer end()
	go func() {
		select {
		case <-life.Done():
		case <-lost.ended:
		}
		messages.Stop()
	}()
	for {
		m, err := messages.Next()
		if err != nil {
			return true, errors.Join(lost.why(), err)
		}
		e.take(m, hear)
	}
}

// loss is the end of a connection and its reason.
type loss struct {
	ended chan struct{}
	once  sync.Once
	err   error // read after ended is closed
}

func (l *loss) over(err error) {
	l.once.Do(func() {
		l.err = err
		close(l.ended)
	})
}

func (l *loss) why() error {
	select {
	case <-l.ended:
		return l.err
	default:
		return nil
	}
}

func (e *Ear) connect() (*nats.Conn, *loss, error) {
	l := &loss{ended: make(chan struct{})}
	options := []nats.Option{nats.Name("tillfleet"), nats.Timeout(connectTimeout), nats.NoReconnect(), nats.IgnoreDiscoveredServers(),
		nats.PingInterval(pingEvery), nats.MaxPingsOutstanding(pingsMissed),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { l.over(err) }),
		nats.ClosedHandler(func(c *nats.Conn) { l.over(c.LastError()) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			e.opt.Log.Warn("the servers of the stream complain", "comp", "fleet", "code", "nats", "err", err)
		})}
	if e.opt.TLS != nil {
		config, err := e.opt.TLS()
		if err != nil {
			return nil, nil, err
		}
		options = append(options, nats.Secure(config))
	}
	if e.opt.Password != nil {
		password, err := e.opt.Password()
		if err != nil {
			return nil, nil, err
		}
		options = append(options, nats.UserInfo(e.opt.User, password))
	}
	conn, err := nats.Connect(e.opt.Servers, options...)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to %s: %w", e.opt.Servers, err)
	}
	return conn, l, nil
}

// open finds the stream and the consumer, or makes them.
func (e *Ear) open(ctx context.Context, conn *nats.Conn) (jetstream.MessagesContext, error) {
	ctx, cancel := context.WithTimeout(ctx, setUpTimeout)
	defer cancel()
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, err
	}
	stream, err := js.Stream(ctx, e.opt.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = js.CreateStream(ctx, jetstream.StreamConfig{Name: e.opt.Stream, Description: "What terminals say, until an office has stored it",
			Subjects: []string{subject(fleet.Uplink())}, Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage, Replicas: e.opt.Replicas,
			Discard: jetstream.DiscardOld, MaxAge: keepFor, MaxBytes: keepBytes, MaxMsgSize: fleet.MaxMessage})
	}
	if err != nil {
		return nil, fmt.Errorf("the stream %s: %w", e.opt.Stream, err)
	}
	consumer, err := stream.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{Durable: consumerName, AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: e.ackWait, MaxDeliver: -1, MaxAckPending: ackPending})
	if err != nil {
		return nil, fmt.Errorf("the consumer of %s: %w", e.opt.Stream, err)
	}
	return consumer.Messages(jetstream.PullMaxMessages(pullMost), jetstream.PullHeartbeat(heartbeat))
}

// subject is a topic as NATS writes it, and topic the other way. No part of ours
// has a dot.
func subject(topic string) string {
	return strings.NewReplacer("/", ".", "+", "*", "#", ">").Replace(topic)
}

func topic(subject string) string { return strings.ReplaceAll(subject, ".", "/") }

// take hands one message on.
func (e *Ear) take(m jetstream.Msg, hear func(fleet.Heard)) {
	ack := func() {
		if err := m.Ack(); err != nil { // then it comes again, and is known
			e.opt.Log.Debug("a message was not acknowledged", "comp", "fleet", "code", "nats_ack", "err", err)
		}
	}
	id, channel, ours := fleet.ParseTopic(topic(m.Subject()))
	if !ours {
		e.opt.Log.Warn("a message on no channel of the contract", "comp", "fleet", "code", "nats_foreign", "subject", m.Subject())
		ack()
		return
	}
	hear(fleet.Heard{TID: id, Incoming: fleet.Incoming{Received: fleet.Received{Channel: channel, Payload: m.Data()}, Ack: ack}})
}
