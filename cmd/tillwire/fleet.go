package main

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/agent/fleet/mqtt"
	"tillwire/agent/settings"
	"tillwire/offline/fleetstore"
)

// fleetSide is the terminal's side of its fleet. Its file, its link and its agent
// can each fail; the shop sells all the same.
type fleetSide struct {
	store   *fleetstore.Store
	agent   atomic.Pointer[fleet.Agent]
	boards  map[string]*board // by lane
	run     string            // names this assembly of the agent, in which settings hold
	restart chan struct{}
	reboot  func(context.Context) error // of the machine; nil: it cannot be asked for
	ended   chan struct{}               // closed when the agent stops
}

func newFleetSide(reboot func(context.Context) error) fleetSide {
	return fleetSide{boards: map[string]*board{}, run: rand.Text(), restart: make(chan struct{}, 1), reboot: reboot, ended: make(chan struct{})}
}

// startAnew has the agent assembled anew in its process; one that is on its way is
// enough.
func (f *fleetSide) startAnew() {
	select {
	case f.restart <- struct{}{}:
	default:
	}
}

// openFleet opens the fleet's file. What is wrong becomes a problem.
func (d *agentd) openFleet(ctx context.Context, faults []fault) {
	found := fleetFaults(d.config)
	d.noteFaults(found)
	found = append(found, faults...) // those of the configuration were reported
	if !d.config.Fleet.on() || slices.ContainsFunc(found, func(f fault) bool { return strings.HasPrefix(f.Key, "fleet") }) {
		return
	}
	store, aside, err := fleetstore.Open(ctx, d.config.Terminal.Data, d.clock)
	if err != nil {
		d.problems.note(agent.Problem{Since: d.clock.Now(), ID: "problem.fleet_store", Args: []string{err.Error()}, What: "The fleet does not see this terminal: " + err.Error() + ".",
			Do: "Selling is not affected. Free some space or move the file away, and restart the agent."})
		return
	}
	if aside != "" {
		d.log.Warn("the fleet's file was damaged and is set aside", "comp", "fleet", "code", "fleet_file", "aside", aside)
	}
	d.fleet.store = store
	d.problems.ask(func() []agent.Problem {
		if a := d.fleet.agent.Load(); a != nil {
			return a.Problems()
		}
		return nil
	})
	if d.config.Fleet.renews() {
		d.problems.ask(d.certificateProblem)
	}
	d.metrics.gauge("mqtt_connected", "1 while there is a session with the fleet's broker.", func() float64 {
		if a := d.fleet.agent.Load(); a != nil && a.Status().Connected {
			return 1
		}
		return 0
	})
	d.metrics.gauge("outbox_rows", "Events that the fleet has not acknowledged.", func() (rows float64) {
		if a := d.fleet.agent.Load(); a != nil {
			for _, w := range a.Status().Waiting {
				rows += float64(w.Rows)
			}
		}
		return rows
	})
}

// startFleet keeps the terminal in touch with its fleet, and answers how to stop.
func (d *agentd) startFleet() (stop func()) {
	if d.fleet.store == nil {
		return func() {}
	}
	end := d.supervise("fleet", d.runFleet)
	return func() {
		end()
		close(d.fleet.ended)
		if err := d.fleet.store.Close(); err != nil {
			d.log.Warn("the fleet's file did not close", "comp", "fleet", "code", "fleet_file", "err", err)
		}
	}
}

// runFleet is one life of the fleet's side; a failure begins another on the same
// file.
func (d *agentd) runFleet(ctx context.Context) error {
	f := d.config.Fleet
	trust, err := fleet.OpenTrust(ctx, f.roots(), d.fleet.store)
	if err != nil {
		return err
	}
	spread := func() time.Duration { return d.book.Values().Duration(settings.FleetSpread) }
	o := f.link()
	o.Clock, o.Log, o.Spread = d.clock, d.log, spread
	link, err := mqtt.New(o)
	if err != nil {
		return err
	}
	a, err := fleet.Open(ctx, fleet.Options{TID: fleet.TID(f.TID), Version: version, Store: d.fleet.store, Link: link, Trust: trust, Clock: d.clock, Log: d.log,
		Time: d.fleetClock, Report: d.fleetReport, Digest: d.metrics.digest, Settings: fleetSettings{d},
		Line: func() agent.LineState { return d.link.Line().State }, Idle: d.idle, Run: d.fleet.run, Restart: d.fleet.startAnew, Sources: d.fleetSources(), Handlers: d.fleetHandlers(), Works: d.fleetWorks(), Settled: d.settled, Zone: d.zone,
		Allowed: func(c fleet.Class) bool { return !slices.Contains(f.Refuse, string(c)) }, Audit: d.fleetAudit, Spread: spread})
	if err != nil {
		return err
	}
	d.fleet.agent.Store(a)
	following, enough := context.WithCancel(ctx)
	defer enough()
	go d.followFeed(following, a)
	if f.renews() {
		go d.keepCertificate(following)
	}
	return a.Run(ctx)
}

// followFeed tells the fleet's agent that something has changed, whatever it was:
// it looks for itself.
func (d *agentd) followFeed(ctx context.Context, a *fleet.Agent) {
	for ctx.Err() == nil {
		events, end := d.feed.Subscribe()
		for open := true; open; {
			select {
			case _, open = <-events: // closed when we were too slow
				a.Changed()
			case <-ctx.Done():
				open = false
			}
		}
		end()
	}
}

// board puts the fleet's board before a lane's display.
func (d *agentd) board(lane string, display agent.Display) agent.Display {
	if display == nil || !d.config.Fleet.on() {
		return display
	}
	b := newBoard(display, d.clock, d.fleet.ended)
	d.fleet.boards[lane] = b
	return b
}

// fleetClock is what is known about the clock: right while a wallet or the
// machine's time service says so, unknown otherwise.
func (d *agentd) fleetClock() fleet.Clock {
	c := fleet.Clock{Quality: fleet.Unknown, Offset: d.clocks.offset()}
	if d.clocks.synced() {
		c.Quality, c.Confirmed, c.LastGood = fleet.Synced, d.clocks.confirmed(), d.clocks.lastGood()
	}
	return c
}

// idle reports that no payment holds a lane.
func (d *agentd) idle() bool {
	open, err := d.store.OpenPayments(context.Background())
	return err == nil && !slices.ContainsFunc(open, func(p agent.Payment) bool { return p.Status.Held() })
}

// settled reports that nothing of a payment is open or waits for a wallet.
func (d *agentd) settled() bool {
	open, err := d.store.OpenPayments(context.Background())
	return err == nil && len(open) == 0 && d.store.QueueInfo().Entries == 0
}

// fleetAudit puts what the fleet did where the owner sees it.
func (d *agentd) fleetAudit(ctx context.Context, action, object, detail string) {
	if err := d.store.AppendAudit(ctx, agent.Audit{At: d.clock.Now(), Actor: "fleet", Action: action, Object: object, Detail: detail}); err != nil {
		d.log.Warn("an act of the fleet was not recorded", "comp", "fleet", "code", "audit", "err", err)
	}
}

// fleetSettings is the one door for settings as the fleet goes through it.
type fleetSettings struct{ d *agentd }

// Current implements fleet.Settings.
func (s fleetSettings) Current(key string) (string, bool) { return s.d.book.Values().Lookup(key) }

// Apply implements fleet.Settings.
func (s fleetSettings) Apply(ctx context.Context, values map[string]string, by string) (map[string]string, error) {
	var changes []agent.Change
	for key, value := range values {
		changes = append(changes, agent.Change{Key: key, Value: value, By: by, At: s.d.clock.Now()})
	}
	if len(changes) == 0 {
		return map[string]string{}, nil
	}
	done, err := s.d.book.Apply(ctx, changes)
	if err != nil {
		return nil, err
	}
	effects := map[string]string{}
	for key, effect := range done {
		effects[key] = string(effect)
		s.d.fleetAudit(ctx, "setting", key, values[key])
	}
	return effects, nil
}
