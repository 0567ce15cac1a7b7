package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"tillwire/agent"
	"tillwire/agent/fleet/keyfile"
	"tillwire/agent/fleet/service"
	"tillwire/agent/fleet/service/sqlstore"
	"tillwire/cmd/cli"
	"tillwire/offline/servicedb"
)

func (a *app) serveCommand() *cobra.Command {
	return &cobra.Command{Use: "serve", Short: "Run the fleet's service", Args: cli.Exactly(),
		Long: `Takes what terminals tell, stores it and acknowledges it; sends commands and
configurations and follows them up; runs rollouts. It ends with SIGTERM. A service
that was killed goes on where it was.`,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := readConfig(a.config)
			if err != nil {
				return err
			}
			return a.serve(c.Context(), cfg)
		}}
}

// office is a service with its surroundings.
type office struct {
	cfg     config
	clock   agent.Clock
	log     *slog.Logger
	store   service.Store
	keys    *keyfile.Ring
	meter   *meter
	service *service.Service
}

// serve puts a service together from the store outwards.
func (a *app) serve(ctx context.Context, cfg config) (err error) {
	log := slog.New(slog.NewJSONHandler(a.stderr, nil))
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return fmt.Errorf("the service's folder: %w", err)
	}
	lock, err := lockFolder(cfg.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	o := &office{cfg: cfg, clock: a.clock, log: log, meter: newMeter()}
	if o.keys, err = a.openKeys(cfg.Keys, log); err != nil {
		return err
	}
	if o.store, err = openStore(ctx, cfg); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.store.Close()) }()
	broker, err := cfg.Broker.open(a, log)
	if err != nil {
		return err
	}
	o.service = service.New(service.Options{Name: cfg.Name, Store: o.store, Broker: broker, Keys: o.keys, Clock: a.clock, Log: log, Meter: o.meter})
	o.meter.watch(ctx, a.clock, o.service, cfg.Broker.Certificate)
	return a.run(ctx, o)
}

// run opens the doors and serves until ctx ends or a part fails.
func (a *app) run(ctx context.Context, o *office) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	parts := []func(context.Context) error{o.service.Run}
	socket, err := listenSocket(o.cfg.Socket)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/v1/", o.service.Operator(actorOf))
	for _, mount := range a.operatorParts() {
		if err := mount(ctx, o, mux); err != nil {
			return errors.Join(err, socket.Close())
		}
	}
	parts = append(parts, serveOn(socket, &http.Server{Handler: mux, ConnContext: withPeer, ReadHeaderTimeout: 10 * time.Second}))
	if o.cfg.HTTP.Listen != "" {
		page, err := net.Listen("tcp", o.cfg.HTTP.Listen)
		if err != nil {
			return errors.Join(fmt.Errorf("http.listen: %w", err), socket.Close())
		}
		parts = append(parts, serveOn(page, &http.Server{Handler: o.page(), ReadHeaderTimeout: 10 * time.Second, WriteTimeout: time.Minute}))
	}
	ended := make(chan error, len(parts))
	for _, part := range parts {
		go func() { ended <- part(ctx) }()
	}
	_, _ = daemon.SdNotify(false, daemon.SdNotifyReady) // fails only where there is no systemd
	o.log.Info("the fleet's service is open", "code", "open", "socket", o.cfg.Socket, "page", o.cfg.HTTP.Listen, "version", version)
	first := <-ended
	end()
	for range len(parts) - 1 {
		first = errors.Join(first, <-ended)
	}
	if errors.Is(first, context.Canceled) && onlyEnded(first) {
		return nil
	}
	return first
}

// onlyEnded reports that all parts ended because they were told to.
func onlyEnded(err error) bool {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range many.Unwrap() {
			if !onlyEnded(one) {
				return false
			}
		}
		return true
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, http.ErrServerClosed)
}

// closing is how long requests may take to end.
const closing = 3 * time.Second

// serveOn makes a part of a server.
func serveOn(l net.Listener, s *http.Server) func(context.Context) error {
	return func(ctx context.Context) error {
		s.BaseContext = func(net.Listener) context.Context { return ctx }
		done := make(chan error, 1)
		go func() { done <- s.Serve(l) }()
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
		}
		bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
		defer cancel()
		if err := s.Shutdown(bye); err != nil {
			return s.Close()
		}
		return <-done
	}
}

// lockFolder makes this the only service on a folder.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "tillfleet.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another service works on %s; end it, or name another folder: %w", dir, err), f.Close())
	}
	return f, nil
}

// openStore opens the database that the configuration names.
func openStore(ctx context.Context, c config) (service.Store, error) {
	if c.Store.Postgres != "" {
		return openPostgres(ctx, c.Store.Postgres)
	}
	write, read, err := servicedb.Open(ctx, c.Data)
	if err != nil {
		return nil, err
	}
	return sqlstore.Open(ctx, sqlstore.SQLite(), write, read)
}
