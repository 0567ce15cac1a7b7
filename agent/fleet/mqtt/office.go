package mqtt

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"tillwire/agent/fleet"
)

// OfficeOptions are what the office's connection is made with; TID and Spread of
// the others are not looked at.
type OfficeOptions struct {
	Options
	// User is the service's name at the broker. Brokers that take it for the client id
	// need one for each service, or the services end each other's sessions.
	User string
	// ID tells services apart that share a user; empty: the user.
	ID string
	// Share is the name of the shared subscription, so that of several services each
	// message comes to one that is there; empty where the broker has none.
	Share string
	// Elsewhere: another way brings what terminals say (agent/fleet/jetstream), and of
	// the broker only what it retains is asked for.
	Elsewhere bool
}

// Office is the office's side of a broker.
type Office struct {
	opt     OfficeOptions
	servers *servers
	window  chan struct{}

	mu    sync.Mutex
	live  *connection
	begun bool // what brokers retain was asked for once; only the goroutine of Run looks
}

// An office hears thousands of terminals. A broker keeps to its window for what
// must be acknowledged; heartbeats have none.
const (
	officeQueue  = 65536
	officeBytes  = 64 << 20
	officeWindow = 64
	officeSpread = 2 * time.Second
)

var errUser = errors.New("the office needs a name at the broker")

// NewOffice checks the options; nothing is opened.
func NewOffice(opt OfficeOptions) (*Office, error) {
	var servers *servers
	var err error
	if opt.Options, servers, err = opt.check(); err != nil {
		return nil, err
	}
	if opt.User == "" {
		return nil, errUser
	}
	if opt.ID == "" {
		opt.ID = opt.User
	}
	return &Office{opt: opt, servers: servers, window: make(chan struct{}, officeWindow)}, nil
}

// Run hears every terminal until ctx ends. hear is called for one message after
// another; state tells when there is a connection and when not.
func (o *Office) Run(ctx context.Context, hear func(fleet.Heard), state func(up bool, err error)) error {
	p := pace{draw: o.opt.Draw}
	for ctx.Err() == nil {
		began := o.opt.Clock.Mono()
		end, err := o.once(ctx, hear, state)
		if ctx.Err() != nil {
			break
		}
		o.servers.leave()
		wait := p.next(end, o.opt.Clock.Mono()-began, officeSpread)
		o.opt.Log.Info("no connection to the broker", "comp", "fleet", "code", "mqtt_lost", "err", err, "wait", wait.String())
		select {
		case <-ctx.Done():
		case <-o.opt.Clock.After(wait):
		}
	}
	return ctx.Err()
}

// once is one connection from its beginning to its end.
func (o *Office) once(ctx context.Context, hear func(fleet.Heard), state func(bool, error)) (end ending, err error) {
	c, err := o.connect(ctx, hear)
	if err != nil {
		state(false, err)
		return neverThere, err
	}
	o.set(c)
	state(true, nil)
	select {
	case <-ctx.Done():
		err = ctx.Err()
	case <-c.lost:
		err = c.why()
	}
	end = c.ending() // before it is closed from this side
	o.set(nil)
	c.close()
	state(false, err)
	return end, err
}

func (o *Office) set(c *connection) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.live = c
}

func (o *Office) connect(ctx context.Context, hear func(fleet.Heard)) (*connection, error) {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	c := &connection{queue: newQueue(officeQueue, officeBytes), lost: make(chan struct{}), end: end}
	at := o.servers.current()
	opt, err := o.opt.client(ctx, c, at, o.opt.ID, o.opt.User, o.opt.shares())
	if err != nil {
		end()
		return nil, err
	}
	opt.SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) { o.take(c, m) })
	c.client = paho.NewClient(opt)
	c.queue.start(life, hear)
	if err := c.wait(ctx, o.opt.Clock, c.client.Connect()); err != nil {
		c.close()
		return nil, fmt.Errorf("connect to %s: %w", at.Host, err)
	}
	if err := o.subscribe(ctx, c); err != nil {
		c.close()
		return nil, fmt.Errorf("subscribe: %w", err)
	}
	return c, nil
}

// shares reports that this office is one of several. Its session ends with its
// connection then: mosquitto deals messages to those of a share, too, that are away,
// and keeps them for whoever may never come back, so that with one of two services
// dead every second message is lost for as long as sessions last.
//
// What that costs: a message on its way to an office whose connection ends, and what
// is said while none is there, does not come again by the broker. Events do by the
// terminal, which repeats what no service has acknowledged (down/ack). Presence,
// state and configuration are asked for with each connection, since brokers retain
// them. A heartbeat is lost, as any may be. A hello is said again
// every five minutes until it is answered: for so long the office may have no nonce
// of a session, and a dangerous command is refused by the terminal as one for
// another.
func (o OfficeOptions) shares() bool { return o.Share != "" && !o.Elsewhere }

// subscribe asks for every terminal's messages. A shared subscription brings nothing
// of what brokers retain, and a session that is new nothing of what came while there
// was none; so that is asked for by itself: which terminals are there, and in which
// state.
func (o *Office) subscribe(ctx context.Context, c *connection) error {
	filter := fleet.Uplink()
	if o.opt.Share != "" {
		filter = "$share/" + o.opt.Share + "/" + filter
	}
	if !o.opt.Elsewhere {
		if err := o.ask(ctx, c, filter); err != nil {
			return err
		}
	}
	if !o.opt.Elsewhere && o.opt.Share == "" || o.begun && !o.opt.shares() {
		return nil
	}
	for _, channel := range []fleet.Channel{fleet.UpPresence, fleet.UpState, fleet.UpConfig} {
		filter := fleet.Root + "/+/" + string(channel)
		if err := o.ask(ctx, c, filter); err != nil {
			return err
		}
		if err := c.wait(ctx, o.opt.Clock, c.client.Unsubscribe(filter)); err != nil {
			return err
		}
	}
	o.begun = true
	return nil
}

func (o *Office) ask(ctx context.Context, c *connection, filter string) error {
	token, _ := c.client.Subscribe(filter, 1, nil).(*paho.SubscribeToken)
	if err := c.wait(ctx, o.opt.Clock, token); err != nil {
		return err
	}
	granted := slices.Collect(maps.Values(token.Result())) // its key is not the filter when that is shared
	if len(granted) != 1 || granted[0] > 1 {
		return fmt.Errorf("%w: %s", errRefused, filter)
	}
	return nil
}

// take runs on the library's goroutine and never waits.
func (o *Office) take(c *connection, m paho.Message) {
	id, channel, ours := fleet.ParseTopic(m.Topic())
	h := fleet.Heard{TID: id, Incoming: fleet.Incoming{Received: fleet.Received{Channel: channel, Payload: m.Payload(), Retained: m.Retained()}, Ack: m.Ack}}
	if !ours {
		o.opt.Log.Warn("a message on no channel of the contract", "comp", "fleet", "code", "mqtt_foreign", "topic", m.Topic())
		h = fleet.Heard{Incoming: fleet.Incoming{Ack: m.Ack}} // still to be acknowledged, off this goroutine
	}
	if !c.queue.put(h) {
		c.over(errTooMuch)
	}
}

// Publish brings a message to a terminal. It returns once the broker took it,
// which proves nothing about the terminal. The errors are fleet.ErrOffline,
// fleet.ErrTooLarge and the context's.
func (o *Office) Publish(ctx context.Context, to fleet.TID, m fleet.Message) error {
	o.mu.Lock()
	c := o.live
	o.mu.Unlock()
	if c == nil {
		return fleet.ErrOffline
	}
	select {
	case o.window <- struct{}{}:
		defer func() { <-o.window }()
	case <-c.lost:
		return fleet.ErrOffline
	case <-ctx.Done():
		return ctx.Err()
	}
	return c.publish(ctx, to, m)
}
