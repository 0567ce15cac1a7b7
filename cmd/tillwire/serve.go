package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/thejerf/suture/v4"

	"tillwire/drivers"
)

// service makes a function a part that is started again when it fails or panics.
type service struct {
	name string
	run  func(context.Context) error
}

// Serve implements suture.Service.
func (s service) Serve(ctx context.Context) error {
	err := s.run(ctx)
	if err == nil {
		// A part that has nothing to do, such as the line of a shop without a
		// wallet, is no failure to report and to start again.
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		return suture.ErrDoNotRestart
	}
	return err
}

// String names the part in the log.
func (s service) String() string { return s.name }

// supervise starts a part and returns how to stop it and wait for it.
func (d *agentd) supervise(name string, run func(context.Context) error) (stop func()) {
	s := suture.New(name, suture.Spec{EventHook: func(e suture.Event) {
		if _, stopping := e.(suture.EventStopTimeout); stopping {
			d.log.Warn("a part does not stop", "comp", name, "code", "stop_timeout")
			return
		}
		d.log.Error("a part failed and is started again", "comp", name, "code", "part_failed", "err", e.String())
	}})
	s.Add(service{name, run})
	ctx, cancel := context.WithCancel(context.Background())
	ended := s.ServeBackground(ctx)
	return func() {
		cancel()
		<-ended
	}
}

// serve runs an assembled agent, from the sink to the source, until it is
// stopped or has to be assembled anew; then it stops from the source to the sink.
func (d *agentd) serve(ctx context.Context, h *host, again <-chan struct{}) error {
	stopReplay := d.supervise("replay", d.replayer.Run)
	stopLink := d.supervise("link", d.link.Run)
	stopEngine := d.supervise("checkout", d.engine.Run)
	stopWallets := d.runWallets()
	stopBills := d.supervise("reconcile", d.compareDaily)
	stopTime := d.supervise("time", d.keepTime)
	stopKeySets := d.supervise("issuer", d.keySets.run)
	d.assembled.Store(true)
	stopControl := d.openControl()
	server, failed, err := d.openPages(h)
	if err == nil {
		stopLAN := d.supervise("lan", d.runLAN)
		stopFleet := d.startFleet()
		stopDevices := d.supervise("drivers", d.runDevices)
		d.log.Info("ready", "comp", "tillwire", "lanes", len(d.engine.Lanes()), "problems", len(d.problems.list()))
		h.systemd.ready("selling")
		err = d.until(ctx, again, failed)
		d.log.Info("stopping", "comp", "tillwire")
		d.end("drivers", stopDevices)
		d.end("printing", d.printing.abandon)
		d.end("fleet", stopFleet)
		d.end("lan", stopLAN)
		d.end("web", func() { d.closePages(h, server) })
	}
	d.end("control", stopControl)
	d.end("reconcile", func() { stopBills(); d.bills.Close() })
	d.end("issuer", stopKeySets)
	d.end("time", stopTime)
	d.end("replay", stopReplay)
	d.end("link", stopLink)
	d.end("display", stopEngine)
	d.end("checkout", func() { d.engine.Close(answerGrace) })
	d.end("wallet", stopWallets)
	d.end("store", func() { err = errors.Join(err, d.store.Close()) })
	d.log.Info("stopped", "comp", "tillwire")
	return err
}

// answerGrace is how long a stop waits for wallets' answers that are on their way.
const answerGrace = 1500 * time.Millisecond

// slowStop is how long a part may take to stop before the log says which it was:
// a service manager kills after 20 s and nobody would know why.
const slowStop = 2 * time.Second

// end stops one part.
func (d *agentd) end(part string, stop func()) {
	began := d.clock.Mono()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		stop()
	}()
	select {
	case <-ended:
		return
	case <-d.clock.After(slowStop):
	}
	d.log.Warn("a part takes long to stop", "comp", part, "code", "stop_slow")
	<-ended
	d.log.Warn("it has stopped", "comp", part, "code", "stop_slow", "took", (d.clock.Mono() - began).String())
}

// until waits for what ends a round: a stop (nil), a finished set-up or a store
// that broke (errAgain), or pages that stopped answering.
func (d *agentd) until(ctx context.Context, again <-chan struct{}, failed <-chan error) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case <-again:
			d.log.Info("set up: starting anew", "comp", "tillwire")
			// The answer to the form must reach its browser before the pages stop.
			select {
			case <-d.clock.After(time.Second):
			case <-ctx.Done():
			}
			return errAgain
		case <-d.fleet.restart:
			d.log.Info("starting anew: the fleet or the command line asked for it", "comp", "tillwire")
			return errAgain
		case <-d.clock.After(storeLook):
			if err := d.store.Err(); err != nil {
				// What failed to reach the disk is not tried again on the same file
				// handle; the store is opened anew and reads what is really there.
				d.log.Error("the store failed and is opened anew", "comp", "tillwire", "code", "store_failed", "err", err)
				return errAgain
			}
		}
	}
}

// storeLook is how often a running agent looks whether its store still works.
const storeLook = 2 * time.Second

// openPages answers on the shared listener; failed tells when that ends by itself.
func (d *agentd) openPages(h *host) (*http.Server, <-chan error, error) {
	door, err := h.door()
	if err != nil {
		return nil, nil, err
	}
	server := d.web.HTTP()
	server.Handler = lively(server.Handler, d.store.Responds)
	failed := make(chan error, 1)
	go func() {
		if err := server.Serve(door); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("the pages stopped answering: %w", err)
		}
	}()
	return server, failed, nil
}

func (d *agentd) controlStatus() controlStatus {
	return controlStatus{Version: version, Process: os.Getpid(), Line: d.link.Line(), Problems: d.problems.list(),
		Devices: append(d.devices.Status(), d.displays.Status()...)}
}

// closePages lets answers under way finish; a second signal cuts that short.
func (d *agentd) closePages(h *host, server *http.Server) {
	d.web.Close()
	ctx, cancel := context.WithTimeout(h.hurry, stopGrace)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		d.log.Warn("some answers were cut off", "comp", "web", "code", "stop_timeout", "err", errors.Join(err, server.Close()))
	}
}

// runWallets starts what wallets do by themselves (WeChat renews the platform's
// certificates) and returns how to stop it and drop idle connections.
func (d *agentd) runWallets() (stop func()) {
	var stops []func()
	for _, w := range d.wallets.All() {
		if r, ok := w.(interface{ Run(context.Context) error }); ok {
			stops = append(stops, d.supervise("wallet "+w.Info().Name, r.Run))
		}
		if c, ok := w.(interface{ CloseIdle() }); ok {
			stops = append(stops, c.CloseIdle)
		}
	}
	return func() {
		for _, stop := range stops {
			stop()
		}
	}
}

// runDevices supervises the devices and passes on what the kernel says about
// plugging.
func (d *agentd) runDevices(ctx context.Context) error {
	hints, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		drivers.Hotplug(hints, d.clock, d.devices.Hint)
	}()
	err := d.devices.Run(ctx)
	cancel()
	<-ended
	return err
}

// controlName is the socket in the data folder through which the command line
// changes the settings of a running agent. Who may write in that folder may
// change everything there anyway, so the folder's rights are its lock.
const controlName = "control.sock"

// openControl offers the one door for settings to the command line. An agent
// without it sells all the same.
func (d *agentd) openControl() (stop func()) {
	path := filepath.Join(d.config.Terminal.Data, controlName)
	_ = os.Remove(path) // left by a run that was killed; the folder's lock is ours
	l, err := net.Listen("unix", path)
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		d.log.Warn("settings cannot be changed from the command line while the agent runs", "comp", "control", "code", "control", "err", err)
		return func() {}
	}
	server := &http.Server{Handler: d.controlHandler(), ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			d.log.Warn("settings cannot be changed from the command line any more", "comp", "control", "code", "control", "err", err)
		}
	}()
	return func() {
		if err := server.Close(); err != nil {
			d.log.Warn("the control socket did not close", "comp", "control", "code", "control", "err", err)
		}
		<-ended
	}
}
