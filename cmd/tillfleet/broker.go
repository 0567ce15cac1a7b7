package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/jetstream"
	"tillwire/agent/fleet/mqtt"
	"tillwire/agent/fleet/service"
)

// open makes the way to the terminals: over MQTT both ways, or on a NATS cluster
// with its stream for what they say.
func (b brokerConfig) open(a *app, log *slog.Logger) (service.Broker, error) {
	o := mqtt.OfficeOptions{User: b.User, ID: b.ID, Elsewhere: b.NATS != "",
		Options: mqtt.Options{Broker: b.Address, TLS: b.tls(), Password: b.password(), Clock: a.clock, Log: log}}
	if o.ID == "" {
		host, _ := os.Hostname()
		o.ID = b.User + "-" + host
	}
	if b.Share != "-" {
		o.Share = b.Share
	}
	office, err := mqtt.NewOffice(o)
	if err != nil || b.NATS == "" {
		return office, err
	}
	ear, err := jetstream.New(jetstream.Options{Servers: b.NATS, TLS: b.tls(), User: b.User, Password: b.password(), Stream: b.Stream, Replicas: b.Replicas, Clock: a.clock, Log: log})
	if err != nil {
		return nil, fmt.Errorf("broker.nats: %w", err)
	}
	return &twoWays{ear, office}, nil
}

// tls reads the files anew for each connection; nil where there are none.
func (b brokerConfig) tls() func() (*tls.Config, error) {
	if b.CA == "" {
		return nil
	}
	return mqtt.Files{CA: b.CA, Cert: b.Certificate, Key: b.Key, ServerName: b.ServerName}.Config
}

func (b brokerConfig) password() func() (string, error) {
	if b.Password == "" {
		return nil
	}
	return func() (string, error) {
		text, err := os.ReadFile(b.Password)
		return strings.TrimRight(string(text), "\r\n"), err
	}
}

// twoWays hears the terminals over one connection and speaks to them over another.
type twoWays struct {
	ear    service.Hearing
	office service.Broker
}

// Run implements service.Broker.
func (w *twoWays) Run(ctx context.Context, hear func(fleet.Heard), state func(bool, error)) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	var mu sync.Mutex
	one := func(m fleet.Heard) { // after another
		mu.Lock()
		defer mu.Unlock()
		hear(m)
	}
	both := &bothUp{tell: state}
	ended := make(chan error, 2)
	go func() { ended <- w.ear.Run(ctx, one, both.part(0)) }()
	go func() { ended <- w.office.Run(ctx, one, both.part(1)) }()
	first := <-ended
	end()
	return errors.Join(first, <-ended)
}

// Publish implements service.Broker.
func (w *twoWays) Publish(ctx context.Context, to fleet.TID, m fleet.Message) error {
	return w.office.Publish(ctx, to, m)
}

// bothUp tells that there is a way to the terminals once there are both.
type bothUp struct {
	mu    sync.Mutex
	parts [2]struct {
		up  bool
		err error
	}
	tell func(bool, error)
}

func (b *bothUp) part(i int) func(bool, error) {
	return func(up bool, err error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.parts[i].up, b.parts[i].err = up, err
		b.tell(b.parts[0].up && b.parts[1].up, errors.Join(b.parts[0].err, b.parts[1].err))
	}
}
