package main

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/enrol"
	"tillwire/agent/fleet/keyfile"
	"tillwire/agent/fleet/mqtt"
	"tillwire/agent/fleet/service/desk"
	"tillwire/agent/fleet/sim"
	"tillwire/cmd/cli"
)

// simulation is what `sim` is asked for.
type simulation struct {
	terminals  int
	broker     string
	serverName string
	prefix     string
	script     string
	start      time.Duration
	every      time.Duration
	spread     time.Duration
	length     time.Duration
	settle     time.Duration
	refuse     int
}

func (a *app) simCommand() *cobra.Command {
	var s simulation
	c := &cobra.Command{Use: "sim", Short: "Simulate thousands of terminals against a broker", Args: cli.Exactly(),
		Long: `Runs terminals in this process: the agent's own side of the fleet with a store in memory and payments
that nobody made, each with a certificate of the fleet's authority. It says every second how many are
connected and what waits for the office, to people on standard error, with --json one object a line on
standard output. It ends after --for, or with Ctrl-C: then no more payments are made, and it waits until
the office has acknowledged all of them. Exit code 1: that did not happen within --settle.

Lines can be cut by a script, one outage a line:

  30s 50% 10s    # after 30 s the lines of half of the terminals are cut for 10 s

The terminals are named sim-000001 and so on; a real fleet's broker and service take them for terminals,
so simulate beside it and not in it.`,
		Example: `  tillfleet sim --terminals 1000 --for 10m --script afternoon.txt`,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := readConfig(a.config)
			if err != nil {
				return err
			}
			return a.simulate(c.Context(), cfg, s)
		}}
	c.Flags().IntVar(&s.terminals, "terminals", 100, "how many")
	c.Flags().StringVar(&s.broker, "broker", "", "the broker's address, or those of a cluster with commas between them; without it the configuration's")
	c.Flags().StringVar(&s.serverName, "server-name", "", "the name in the broker's certificate, where it is not the address")
	c.Flags().StringVar(&s.prefix, "prefix", "", `start of the terminals' names; without it "sim-"`)
	c.Flags().StringVar(&s.script, "script", "", "file with outages")
	c.Flags().DurationVar(&s.start, "start", 30*time.Second, "time over which the terminals begin")
	c.Flags().DurationVar(&s.every, "every", time.Minute, "time between two payments of a terminal; 0 for none")
	c.Flags().DurationVar(&s.spread, "spread", 30*time.Second, "how long a terminal waits at most before it connects again")
	c.Flags().DurationVar(&s.length, "for", 0, "when to end; 0 for with Ctrl-C")
	c.Flags().DurationVar(&s.settle, "settle", 5*time.Minute, "how long to wait at the end until everything is acknowledged")
	c.Flags().IntVar(&s.refuse, "refuse", 0, "in a hundred terminals, those that refuse every setting")
	return c
}

// simLink makes the terminals' links: each gets a certificate, as if it had been
// enrolled, that no book knows.
type simLink struct {
	a      *app
	s      simulation
	ca     *desk.Authority
	pool   *x509.CertPool
	broker string
}

func (a *app) newSimLink(cfg config, s simulation) (*simLink, error) {
	l := &simLink{a: a, s: s, broker: s.broker, pool: x509.NewCertPool()}
	if l.broker == "" {
		l.broker = cfg.Broker.Address
		if l.s.serverName == "" {
			l.s.serverName = cfg.Broker.ServerName
		}
	}
	servers, err := mqtt.ParseBrokers(l.broker)
	if err != nil {
		return nil, cli.Wrong("--broker: %w", err)
	}
	if servers[0].Scheme == "mqtt" {
		return l, nil
	}
	if l.ca, err = desk.OpenAuthority(cfg.authorityFolder(), fleet.NewMemory(), a.clock.Now); err != nil {
		return nil, fmt.Errorf("%w; simulated terminals need the fleet's authority, which `tillfleet enrol init` makes", err)
	}
	l.pool.AppendCertsFromPEM(l.ca.Root())
	return l, nil
}

func (l *simLink) link(tid fleet.TID, line *sim.Line) (fleet.Link, error) {
	o := mqtt.Options{TID: tid, Broker: l.broker, Clock: l.a.clock, Spread: func() time.Duration { return l.s.spread }, Dial: line.Dial}
	if l.ca == nil {
		return mqtt.New(o)
	}
	key, err := enrol.NewKey()
	if err != nil {
		return nil, err
	}
	request, err := key.Request()
	if err != nil {
		return nil, err
	}
	c, err := l.ca.Issue(context.Background(), tid, request)
	if err != nil {
		return nil, err
	}
	secret, err := key.PEM()
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(c.PEM, secret)
	if err != nil {
		return nil, err
	}
	o.TLS = func() (*tls.Config, error) {
		return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: l.pool, Certificates: []tls.Certificate{pair}, ServerName: l.s.serverName}, nil
	}
	return mqtt.New(o)
}

func (a *app) simulate(ctx context.Context, cfg config, s simulation) error {
	var script []sim.Outage
	if s.script != "" {
		f, err := os.Open(s.script)
		if err != nil {
			return err
		}
		script, err = sim.ReadScript(f)
		if err = errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("%s: %w", s.script, err)
		}
	}
	links, err := a.newSimLink(cfg, s)
	if err != nil {
		return err
	}
	roots, err := rootsOf(cfg)
	if err != nil {
		return err
	}
	f, err := sim.New(sim.Options{Terminals: s.terminals, Prefix: s.prefix, Link: links.link, Roots: roots, Clock: a.clock, Start: s.start, Every: s.every, Spread: s.spread, Refuse: s.refuse})
	if err != nil {
		return cli.Wrong("%w", err)
	}
	return a.runSim(ctx, f, s, script)
}

// rootsOf are the roots of the list of keys that is in use.
func rootsOf(cfg config) ([]ed25519.PublicKey, error) {
	_, set, err := keyfile.ReadSet(cfg.Keys.Set)
	if err != nil {
		return nil, err
	}
	return set.RootKeys(), nil
}

// simSecond is one line of a simulation.
type simSecond struct {
	MS   int64  `json:"ms"` // since the beginning
	Said string `json:"said,omitempty"`
	sim.Count
}

func (a *app) runSim(ctx context.Context, f *sim.Fleet, s simulation, script []sim.Outage) error {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	ended := make(chan error, 1)
	go func() { ended <- f.Run(life) }()
	began := a.clock.Mono()
	steps := make(chan string, 16)
	if len(script) > 0 {
		go f.Play(life, script, func(text string) {
			select {
			case steps <- text:
			case <-life.Done():
			}
		})
	}
	var over <-chan time.Time
	if s.length > 0 {
		over = a.clock.After(s.length)
	}
	asked := ctx.Done()
	var late <-chan time.Time
	for {
		said := ""
		select {
		case err := <-ended:
			return err
		case said = <-steps:
		case <-asked:
			asked, said = nil, "no more payments are made"
			f.Hold()
			late = a.clock.After(s.settle)
		case <-over:
			over, asked, said = nil, nil, "no more payments are made"
			f.Hold()
			late = a.clock.After(s.settle)
		case <-late:
			a.tellSim(simSecond{(a.clock.Mono() - began).Milliseconds(), "the office has not acknowledged everything", f.Count()})
			return cli.ErrFound
		case <-a.clock.After(time.Second):
		}
		now := simSecond{(a.clock.Mono() - began).Milliseconds(), said, f.Count()}
		a.tellSim(now)
		if late != nil && now.Waiting == 0 && now.Made > 0 || late != nil && s.every == 0 {
			end()
			<-ended
			return nil
		}
	}
}

func (a *app) tellSim(now simSecond) {
	if a.json {
		_ = json.NewEncoder(a.stdout).Encode(now) // whoever read it is gone when this fails
		return
	}
	fmt.Fprintf(a.stderr, "%4d.%d s  %d of %d connected, %d connects, %d payments, %d of them wait, %d other events wait  %s\n", now.MS/1000, now.MS%1000/100, now.Connected, now.Terminals, now.Connects, now.Made, now.Waiting, now.Other, now.Said)
}
