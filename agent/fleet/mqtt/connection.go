package mqtt

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"tillwire/agent"
	"tillwire/agent/fleet"
)

// connection is one client of the library, used once.
type connection struct {
	client paho.Client
	queue  *queue
	lost   chan struct{} // closed when it is over
	end    context.CancelFunc
	closed atomic.Bool // by the other side

	mu    sync.Mutex
	cause error
}

// The ways a connection cannot be used.
var (
	errRefused  = errors.New("the broker refuses the subscription")
	errNoAnswer = errors.New("the broker does not answer")
	errTooMuch  = errors.New("the broker sends more than it may have on its way")
)

// connect dials, says who we are, and subscribes. Nothing is published before:
// what the broker kept for us must come first.
func (l *Link) connect(ctx context.Context, s fleet.Session, will fleet.Message) (*connection, error) {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	c := &connection{queue: newQueue(queueMost, queueBytes), lost: make(chan struct{}), end: end}
	at := l.servers.current()
	opt, err := l.options(ctx, c, at, will)
	if err != nil {
		end()
		return nil, err
	}
	c.client = paho.NewClient(opt)
	c.queue.start(life, func(m fleet.Heard) { s.Incoming(m.Incoming) })
	if err := c.wait(ctx, l.opt.Clock, c.client.Connect()); err != nil {
		c.close()
		return nil, fmt.Errorf("connect to %s: %w", at.Host, err)
	}
	// Without a handler of its own the subscription's messages come to the default
	// one, where also those arrive that the broker kept and sends before it has
	// answered the subscription.
	filter := l.opt.TID.Downlink()
	token, _ := c.client.Subscribe(filter, 1, nil).(*paho.SubscribeToken)
	if err := c.wait(ctx, l.opt.Clock, token); err != nil {
		c.close()
		return nil, fmt.Errorf("subscribe: %w", err)
	}
	if granted, answered := token.Result()[filter]; !answered || granted > 1 {
		c.close()
		return nil, errRefused
	}
	return c, nil
}

// wait waits for a token: the connection's end, the owner's or a limit of time.
func (c *connection) wait(ctx context.Context, clock agent.Clock, token paho.Token) error {
	select {
	case <-token.Done():
		return token.Error()
	case <-c.lost:
		return c.why()
	case <-ctx.Done():
		return ctx.Err()
	case <-clock.After(connectTimeout):
		return errNoAnswer
	}
}

func (l *Link) options(ctx context.Context, c *connection, at *url.URL, will fleet.Message) (*paho.ClientOptions, error) {
	id := string(l.opt.TID)
	o, err := l.opt.client(ctx, c, at, id, id, false)
	if err != nil {
		return nil, err
	}
	d, _ := will.Channel.Delivery()
	o.SetBinaryWill(l.opt.TID.Topic(will.Channel), will.Payload, d.QoS, d.Retain)
	o.SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) { l.take(c, m) })
	return o, nil
}

// client is what the connections of both sides have in common. clean: the broker
// keeps nothing of it when it ends.
func (o Options) client(ctx context.Context, c *connection, at *url.URL, id, user string, clean bool) (*paho.ClientOptions, error) {
	p := paho.NewClientOptions().AddBroker(at.String()).SetClientID(id).SetUsername(user).
		SetProtocolVersion(4). // named, or each refusal is tried again as MQTT 3.1
		SetCleanSession(clean).SetOrderMatters(true).SetAutoAckDisabled(true).
		SetAutoReconnect(false).SetConnectRetry(false).SetResumeSubs(false).
		SetStore(paho.NewOrderedMemoryStore()).
		SetKeepAlive(keepAlive).SetPingTimeout(pingTimeout).SetConnectTimeout(connectTimeout).SetWriteTimeout(writeTimeout)
	if o.Password != nil {
		password, err := o.Password()
		if err != nil {
			return nil, err
		}
		p.SetPassword(password)
	}
	p.SetCustomOpenConnectionFn(func(u *url.URL, _ paho.ClientOptions) (net.Conn, error) {
		conn, err := o.dial(ctx, u)
		if err != nil {
			return nil, err
		}
		return &observed{conn, &c.closed}, nil
	})
	p.SetConnectionLostHandler(func(_ paho.Client, err error) { c.over(err) })
	return p, nil
}

// dial opens the connection itself, so that ctx ends it and TLS is ours to say.
func (o Options) dial(ctx context.Context, u *url.URL) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := o.Dial(ctx, "tcp", u.Host)
	if err != nil || u.Scheme == "mqtt" {
		return conn, err
	}
	config, err := o.TLS()
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if config.ServerName == "" {
		config.ServerName = u.Hostname()
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return secure, nil
}

// take runs on the library's goroutine, which must never wait for anything: a
// handler that does stops the acknowledgements it waits for.
func (l *Link) take(c *connection, m paho.Message) {
	id, channel, ours := fleet.ParseTopic(m.Topic())
	in := fleet.Incoming{Received: fleet.Received{Channel: channel, Payload: m.Payload(), Retained: m.Retained()}, Ack: m.Ack}
	if !ours || id != l.opt.TID {
		l.opt.Log.Warn("the broker delivers what is not for this terminal", "comp", "fleet", "code", "mqtt_foreign", "bytes", len(m.Payload()))
		in = fleet.Incoming{Ack: m.Ack} // still to be acknowledged, off this goroutine
	}
	if !c.queue.put(fleet.Heard{TID: id, Incoming: in}) {
		c.over(errTooMuch)
	}
}

// publish hands one message to the broker and waits for its acknowledgement. A
// token that is done after the connection ended says nothing, so the end is
// looked at first.
func (c *connection) publish(ctx context.Context, id fleet.TID, m fleet.Message) error {
	d, known := m.Channel.Delivery()
	if !known {
		return fmt.Errorf("there is no channel %q", m.Channel)
	}
	if len(m.Payload) > fleet.MaxMessage {
		return fleet.ErrTooLarge
	}
	if !c.client.IsConnectionOpen() {
		return fleet.ErrOffline
	}
	token := c.client.Publish(id.Topic(m.Channel), d.QoS, d.Retain, m.Payload)
	limit := time.NewTimer(writeTimeout + pingTimeout)
	defer limit.Stop()
	select {
	case <-token.Done():
	case <-c.lost:
		return fleet.ErrOffline
	case <-ctx.Done():
		return ctx.Err()
	case <-limit.C:
		c.over(errNoAnswer)
		return fleet.ErrOffline
	}
	select {
	case <-c.lost:
		return fleet.ErrOffline
	default:
	}
	if err := token.Error(); err != nil {
		return fmt.Errorf("%w: %w", fleet.ErrOffline, err)
	}
	return nil
}

// over notes the first reason why the connection cannot be used any more.
func (c *connection) over(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return
	}
	if err == nil {
		err = errEnded
	}
	c.cause = err
	close(c.lost)
}

// ending tells how a connection ended that there was.
func (c *connection) ending() ending {
	if c.closed.Load() {
		return hungUp
	}
	return wentSilent
}

func (c *connection) why() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// close ends the client and the queue; what was not delivered the broker sends
// again.
func (c *connection) close() {
	c.over(errEnded)
	c.end()
	c.client.Disconnect(quiesceMS)
	c.queue.wait()
}
