package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent"
	"tillwire/cmd/cli"
)

// How long each part of a stop may take, and how often a shop that cannot
// record looks whether it can again.
const (
	stopGrace  = 10 * time.Second
	retryStore = 5 * time.Second
)

func (a *app) runCommand() *cobra.Command {
	return &cobra.Command{Use: "run", Short: "Run the agent", Args: cli.Exactly(),
		Long: `Runs the agent until SIGTERM or Ctrl-C; a second signal cuts the waiting short. The log goes to
standard error as JSON, one object a line.

A mistake in the configuration, a device or a wallet stops that part only: it is named in the
log and on the owner's page. Without a writable data folder nothing is sold; the pages say why,
and the agent goes on by itself once the folder can be written.`,
		RunE: func(c *cobra.Command, _ []string) error { return a.runAgent(c.Context()) }}
}

// host is what outlives a re-assembly of the agent: the listener, the signals and
// the service manager.
type host struct {
	app      *app
	listener *net.TCPListener
	systemd  systemd
	log      *slog.Logger
	hurry    context.Context // ends with the second signal
	said     string          // the last outage that was logged
}

// errAgain ends a round of the agent that another one follows.
var errAgain = errors.New("assemble the agent anew")

func (a *app) runAgent(ctx context.Context) error {
	heap := newMemory()
	if a.env("GOMAXPROCS") == "" {
		spareProcessors()
	}
	if err := lowerDescriptors(); err != nil {
		return err
	}
	ctx, hurry, end := stopSignals(ctx)
	defer end()
	c, _, err := readConfig(a.config)
	if err != nil {
		return err
	}
	listener, err := listen(ctx, c.HTTP.Listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	log := newLog(a.stderr, new(slog.LevelVar), c.Terminal.Code)
	h := &host{app: a, listener: listener, systemd: newSystemd(a.env, log), log: log, hurry: hurry}
	log.Info("listening", "comp", "web", "addr", listener.Addr().String(), "version", version)
	if ip := listener.Addr().(*net.TCPAddr).IP; !ip.IsLoopback() {
		log.Warn("the pages can be reached from other machines, without encryption", "comp", "web", "code", "listen_open", "do", "Listen on 127.0.0.1 unless something in front of the agent encrypts")
	}
	go h.systemd.watch(ctx, a.clock, h.alive)
	go heap.tend(ctx, a.clock)
	for {
		err := h.round(ctx)
		if errors.Is(err, errAgain) && ctx.Err() == nil {
			continue
		}
		h.systemd.stopping()
		if errors.Is(err, errAgain) {
			return nil
		}
		return err
	}
}

// alive asks the agent over its own listener, as a screen would: an agent that
// does not answer, or says that its writer hangs, is as good as dead.
func (h *host) alive(ctx context.Context) bool {
	addr := shownAddress(h.listener.Addr().String())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/livez", nil)
	if err != nil {
		return false
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	return res.Body.Close() == nil && res.StatusCode != http.StatusServiceUnavailable
}

// stopSignals ends the first context with the first signal and the second one
// with the second: it cuts waiting short, never what must be written.
func stopSignals(ctx context.Context) (stop, hurry context.Context, end func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	stop, cancelStop := context.WithCancel(ctx)
	hurry, cancelHurry := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		for _, cancel := range []func(){cancelStop, cancelHurry} {
			select {
			case <-signals:
				cancel()
			case <-done:
				return
			}
		}
	}()
	return stop, hurry, func() {
		signal.Stop(signals)
		close(done)
		cancelStop()
		cancelHurry()
	}
}

// listen opens the pages' address. It comes before everything else, so that a
// second agent is told at once and touches nothing.
func listen(ctx context.Context, address string) (*net.TCPListener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("the address %s is in use: another agent or program listens there. Stop it, or give http.listen another port (`ss -ltnp` shows who listens): %w", address, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("this machine does not have the address %s: correct http.listen: %w", address, err)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("the port of %s is for root only: use one above 1023 in http.listen: %w", address, err)
	case err != nil:
		return nil, fmt.Errorf("listen on %s: correct http.listen: %w", address, err)
	}
	return l.(*net.TCPListener), nil
}

// door is a listener of its own on the same socket, because a server closes its
// listener when it stops and the socket has to outlive it.
func (h *host) door() (net.Listener, error) {
	f, err := h.listener.File()
	if err != nil {
		return nil, fmt.Errorf("share the listener: %w", err)
	}
	defer f.Close()
	return net.FileListener(f)
}

// round assembles an agent and runs it until it is stopped (nil), has to be
// assembled anew (errAgain), or cannot go on.
func (h *host) round(ctx context.Context) error {
	c, faults, err := readConfig(h.app.config)
	if err != nil {
		return err
	}
	if fatal := fatalOf(faults); fatal != nil {
		return h.outOfService(ctx, c, fatal)
	}
	if wiped, is := wipedProblem(c.Terminal.Data); is {
		return h.outOfService(ctx, c, []agent.Problem{wiped})
	}
	again := make(chan struct{}, 1)
	d, err := h.app.assemble(ctx, c, faults, func() {
		select {
		case again <- struct{}{}:
		default:
		}
	})
	var broken storeError
	switch {
	case errors.As(err, &broken):
		return h.outOfService(ctx, c, []agent.Problem{storeProblem(broken, h.app.clock.Now())})
	case err != nil:
		return err
	}
	return d.serve(ctx, h, again)
}

// fatalOf lists the faults that keep everything from being sold.
func fatalOf(faults []fault) (list []agent.Problem) {
	for _, f := range faults {
		if f.Fatal {
			list = append(list, agent.Problem{ID: "problem.config_fatal", Args: []string{f.where() + f.What, f.Do},
				What: f.where() + f.What, Do: f.Do + " The agent reads the file again every few seconds."})
		}
	}
	return list
}

func storeProblem(err storeError, now time.Time) agent.Problem {
	p := agent.Problem{Since: now, ID: "problem.store", Args: []string{trimDot(err.Error())},
		What: "Out of service: the data folder cannot be used, so nothing can be sold: " + trimDot(err.Error()) + ".",
		Do:   doFolder + " `tillwire check` looks at it. The agent goes on by itself as soon as it can write."}
	var say *agent.Error
	if errors.As(err, &say) && say.Say.English != "" {
		p.What, p.Args = "Nothing can be sold: "+say.Say.English, []string{trimDot(say.Say.English)}
	}
	return p
}
