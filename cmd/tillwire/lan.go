package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"tillwire/agent"
	"tillwire/agent/settings"
	"tillwire/agent/web"
)

// lanAgain is how long after a failure the door to the shop's network is tried again.
const lanAgain = 10 * time.Second

// lan is the pages' second door: for paired devices of the shop's network, over TLS, while
// the owner wants it. The first one, for this machine, never depends on it.
type lan struct {
	changed chan struct{} // the owner has changed the setting
	cert    *lanCert

	mu      sync.Mutex
	on      bool
	port    int // 0 while the door is shut
	trouble string
}

func newLAN(data string, hosts []string, clock agent.Clock) *lan {
	return &lan{changed: make(chan struct{}, 1), cert: &lanCert{file: filepath.Join(data, lanKeyFile), hosts: hosts, clock: clock}}
}

// Verify implements settings.Subscriber.
func (*lan) Verify(settings.Values) error { return nil }

// Commit implements settings.Subscriber: the door opens or shuts in the background.
func (l *lan) Commit(settings.Values) agent.Effect {
	select {
	case l.changed <- struct{}{}:
	default:
	}
	return agent.EffectLive
}

func (l *lan) set(on bool, port int, trouble string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.on, l.port, l.trouble = on, port, trouble
}

// door says how the pages stand open, with the addresses that this machine has now.
func (l *lan) door() web.LANDoor {
	l.mu.Lock()
	on, port, trouble := l.on, l.port, l.trouble
	l.mu.Unlock()
	d := web.LANDoor{On: on, Trouble: trouble}
	if port == 0 {
		return d
	}
	for _, ip := range lanAddresses() {
		d.Addresses = append(d.Addresses, "https://"+net.JoinHostPort(ip.String(), strconv.Itoa(port)))
	}
	if d.Print = l.cert.print(); len(d.Addresses) == 0 {
		d.Trouble = "This machine has no address in a network."
	}
	return d
}

// lanAddresses are those under which other machines of the network reach this one.
func lanAddresses() (list []net.IP) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() && n.IP.To4() != nil {
			list = append(list, n.IP)
		}
	}
	return list
}

// problems says why the network is not let in although the owner wants it.
func (l *lan) problems(s *standing) []agent.Problem {
	d := l.door()
	return s.problem(d.On && d.Trouble != "", "lan", agent.Problem{ID: "problem.lan", Args: []string{d.Trouble},
		What: "The pages are not open to the shop's network: " + trimDot(d.Trouble) + ".",
		Do:   "Look at http.lan in the configuration and at the machine's network. The counter itself is not affected."})
}

// runLAN keeps the door as the owner wants it.
func (d *agentd) runLAN(ctx context.Context) error {
	for ctx.Err() == nil {
		var again <-chan time.Time
		if on := d.book.Values().Bool(settings.LANAccess); !on {
			d.lan.set(false, 0, "")
		} else if err := d.openLAN(ctx); err != nil {
			d.lan.set(true, 0, err.Error())
			d.log.Error("the pages cannot be opened to the shop's network", "comp", "lan", "code", "lan", "err", err)
			again = d.clock.After(lanAgain)
		} else {
			continue // it was opened and something has changed
		}
		select {
		case <-ctx.Done():
		case <-d.lan.changed:
		case <-again:
		}
	}
	return nil
}

// openLAN lets the shop's network in until the setting changes or the agent stops.
func (d *agentd) openLAN(ctx context.Context) error {
	if err := d.lan.cert.ready(); err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", d.config.HTTP.LAN)
	if err != nil {
		return fmt.Errorf("listen on http.lan: %w", err)
	}
	server := d.web.LAN(d.lan.cert.get)
	server.Handler = lively(server.Handler, d.store.Responds)
	ended := make(chan error, 1)
	go func() { ended <- server.ServeTLS(l, "", "") }()
	port := l.Addr().(*net.TCPAddr).Port
	d.lan.set(true, port, "")
	d.log.Info("the pages are open to paired devices of the shop's network", "comp", "lan", "port", port)
	select {
	case <-ctx.Done():
	case <-d.lan.changed:
	case err := <-ended:
		return errors.Join(err, server.Close())
	}
	// Whoever is shut out must not keep a stream, so nothing is waited for.
	err = server.Close()
	if end := <-ended; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	d.lan.set(false, 0, "")
	d.log.Info("the pages are shut to the shop's network", "comp", "lan")
	return err
}
