package sandbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"tillwire/agent"
)

// Counter is a register whose scanner a phone can be held to, and at whose display
// it can point its camera.
type Counter struct {
	ID      string
	Name    string
	Present func(code string) error // hands the scanner a code
	// Look reads the code on the display, or "" when there is none; nil where no phone
	// can see it.
	Look func(context.Context) (string, error)
}

// Options say what a cloud consists of.
type Options struct {
	Ledger   *Ledger
	Clock    agent.Clock
	Log      *slog.Logger
	Control  string // address of the control API and the phones
	Wallets  []Open
	Doors    []OpenDoor
	Counters []Counter // for the phones' "hold it to the scanner"; may be empty
	Listen   Listen    // nil: net.Listen; a simulation listens in memory
}

// Listen opens a listener, as net.Listen does.
type Listen func(network, address string) (net.Listener, error)

// Open is a wallet and the addresses its hosts listen on, the first the primary.
// Secure hosts speak TLS, which a [Guarded] wallet has certificates for, and come
// after the others.
// One without hosts is reached through a door.
type Open struct {
	Wallet Wallet
	Hosts  []string
	Secure []string
}

// Guarded is a wallet that some clients must reach over TLS, because they prove
// with a certificate who they are.
type Guarded interface {
	// TLS is how its hosts prove who they are, and whose certificates they take.
	TLS() *tls.Config
}

// OpenDoor is a door and its addresses. The wallets behind it are opened as
// wallets, too.
type OpenDoor struct {
	Door  Door
	Hosts []string
}

// Cloud is the running sandbox. No fault touches the control API and the
// phones: they have a listener of their own.
type Cloud struct {
	options Options
	faults  faultList
	mu      sync.Mutex // serializes changes of the fault list with the gates
	gates   []hostGate
	control *http.Server
	address string
	serves  sync.WaitGroup
}

// hostGate is a gate with the wallet or door and the host it stands for.
type hostGate struct {
	*gate
	wallet string
	host   int
}

// Start opens all listeners. The caller keeps the ledger and closes it after
// the cloud.
func Start(ctx context.Context, o Options) (*Cloud, error) {
	if o.Listen == nil {
		o.Listen = net.Listen
	}
	c := &Cloud{options: o}
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// start opens the wallets before the control listener: whoever can reach the
// control API finds everything else open.
func (c *Cloud) start(ctx context.Context) error {
	// Requests are numbered on from the last start.
	last, err := c.options.Ledger.lastSeen(ctx)
	if err != nil {
		return err
	}
	requests := &book{ledger: c.options.Ledger, last: last}
	for _, open := range c.options.Wallets {
		if err := c.open(open.Wallet, nil, open.Hosts, open.Secure, requests); err != nil {
			return err
		}
	}
	for _, open := range c.options.Doors {
		if err := c.open(open.Door, open.Door, open.Hosts, nil, requests); err != nil {
			return err
		}
	}
	listener, err := c.options.Listen("tcp", c.options.Control)
	if err != nil {
		return fmt.Errorf("sandbox: listen on %s: %w", c.options.Control, err)
	}
	c.address = listener.Addr().String()
	c.control = &http.Server{Handler: c.controlHandler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(c.options.Log.Handler(), slog.LevelDebug)}
	c.serves.Go(func() {
		if err := c.control.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			c.options.Log.Error("the sandbox's control listener ended", "error", err)
		}
	})
	return nil
}

// open listens on the hosts of a wallet or a door, those of TLS last.
func (c *Cloud) open(s Speaker, door Door, hosts, secure []string, requests *book) error {
	for i, addr := range slices.Concat(hosts, secure) {
		handler := &front{speaker: s, door: door, host: i + 1, faults: &c.faults, book: requests, clock: c.options.Clock, log: c.options.Log}
		var certificates *tls.Config
		if i >= len(hosts) {
			guarded, ok := s.(Guarded)
			if !ok {
				return fmt.Errorf("sandbox: %s has no certificates for %s", s.Name(), addr)
			}
			certificates = guarded.TLS()
		}
		g, err := newGate(c.options.Listen, addr, certificates, handler, c.options.Log)
		if err != nil {
			return err
		}
		c.gates = append(c.gates, hostGate{g, s.Name(), i + 1})
	}
	return nil
}

// Close ends all listeners and what is connected to them.
func (c *Cloud) Close() error {
	var errs []error
	for _, g := range c.gates {
		errs = append(errs, g.shut())
	}
	if c.control != nil {
		errs = append(errs, c.control.Close())
	}
	// Only when everything is closed is it worth waiting for anyone.
	for _, g := range c.gates {
		g.serves.Wait()
	}
	c.serves.Wait()
	return errors.Join(errs...)
}

// ControlURL is the base address of the control API and the phones.
func (c *Cloud) ControlURL() string { return "http://" + c.address }

// HostURLs are the base addresses of a wallet's or a door's hosts, the primary
// first.
func (c *Cloud) HostURLs(wallet string) []string {
	var list []string
	for _, g := range c.gates {
		if g.wallet == wallet {
			list = append(list, g.url())
		}
	}
	return list
}

// Faults is the list in force with what is left of each.
func (c *Cloud) Faults() []Fault { return c.faults.snapshot() }

// SetFaults replaces the list, and returns once listeners are as it says. A
// list with one wrong entry changes nothing.
func (c *Cloud) SetFaults(list []Fault) error {
	names := c.walletNames()
	for _, d := range c.options.Doors {
		names = append(names, d.Door.Name())
	}
	for i := range list {
		if err := list[i].check(names); err != nil {
			return fmt.Errorf("fault %d: %w", i+1, err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults.replace(list)
	var errs []error
	for _, g := range c.gates {
		errs = append(errs, g.set(!c.faults.refused(g.wallet, g.host)))
	}
	if err := errors.Join(errs...); err != nil {
		return gateError{err}
	}
	return nil
}

// gateError tells a listener that would not open from a list that is wrong.
type gateError struct{ error }

// walletNames is the order in which pages offer them.
func (c *Cloud) walletNames() []string {
	var names []string
	for _, w := range c.options.Wallets {
		names = append(names, w.Wallet.Name())
	}
	return names
}

// wallet is the one of that name, or nil.
func (c *Cloud) wallet(name string) Wallet {
	i := slices.IndexFunc(c.options.Wallets, func(o Open) bool { return o.Wallet.Name() == name })
	if i < 0 {
		return nil
	}
	return c.options.Wallets[i].Wallet
}
