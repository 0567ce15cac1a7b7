package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// uplinkConfig is a second way to the network, such as a mobile modem, that is there
// beside the machine's usual one. See decision 0019.
type uplinkConfig struct {
	Interface string   `toml:"interface"`
	DNS       []string `toml:"dns"` // name servers to ask over it; empty: the machine's own
}

// uplink is that way in use. A nil one is a machine with one way.
type uplink struct {
	config uplinkConfig
	ways   wallet.Uplinks
	over   atomic.Bool // the latest connection was made over it
}

// newUplink takes the second way into use; changed hears when connections begin to be
// made over it, and when they do not any more.
func newUplink(c uplinkConfig, clock agent.Clock, changed func()) *uplink {
	if c.Interface == "" {
		return nil
	}
	u := &uplink{config: c}
	u.ways = wallet.Uplinks{Second: boundTo(c), Clock: clock, Over: func(second bool) {
		if u.over.Swap(second) != second {
			changed()
		}
	}}
	return u
}

// dial is how wallets connect; nil is the usual way alone.
func (u *uplink) dial() wallet.Dial {
	if u == nil {
		return nil
	}
	return u.ways.Dial
}

// boundTo connects over one interface alone, names included, whatever the routes prefer.
func boundTo(c uplinkConfig) wallet.Dial {
	bind := func(_, _ string, raw syscall.RawConn) error {
		var bound error
		err := raw.Control(func(fd uintptr) { bound = unix.BindToDevice(int(fd), c.Interface) })
		if err = errors.Join(err, bound); err != nil {
			return fmt.Errorf("use the interface %s: %w", c.Interface, err)
		}
		return nil
	}
	names := &net.Dialer{Control: bind, Timeout: 2 * time.Second}
	if len(c.DNS) == 0 {
		resolver := &net.Resolver{PreferGo: true, Dial: names.DialContext}
		return (&net.Dialer{Control: bind, Resolver: resolver, KeepAliveConfig: wallet.KeepAlive()}).DialContext
	}
	var servers []lookup
	for _, own := range c.DNS {
		server := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return names.DialContext(ctx, network, net.JoinHostPort(own, "53"))
		}}
		servers = append(servers, func(ctx context.Context, name string) ([]netip.Addr, error) {
			return server.LookupNetIP(ctx, "ip", name)
		})
	}
	return named(servers, (&net.Dialer{Control: bind, KeepAliveConfig: wallet.KeepAlive()}).DialContext)
}

// lookup asks one name server.
type lookup func(ctx context.Context, name string) ([]netip.Addr, error)

// named connects to names by what the name servers say, all of them asked at once: one
// that is away is only noticed by its silence, which lasts longer than a connection may.
func named(servers []lookup, dial wallet.Dial) wallet.Dial {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		if _, err := netip.ParseAddr(host); err == nil {
			return dial(ctx, network, addr)
		}
		found, err := firstAnswer(ctx, servers, host)
		if err != nil {
			return nil, err
		}
		var errs []error
		for _, ip := range found {
			conn, err := dial(ctx, network, net.JoinHostPort(ip.Unmap().String(), port))
			if err == nil {
				return conn, nil
			}
			errs = append(errs, err)
		}
		return nil, errors.Join(errs...)
	}
}

// firstAnswer is what the fastest of the servers that know the name says.
func firstAnswer(ctx context.Context, servers []lookup, name string) ([]netip.Addr, error) {
	type answer struct {
		found []netip.Addr
		err   error
	}
	ctx, done := context.WithCancel(ctx)
	defer done() // the others need not go on
	answers := make(chan answer, len(servers))
	for _, ask := range servers {
		go func() {
			found, err := ask(ctx, name)
			answers <- answer{found, err}
		}()
	}
	var errs []error
	for range servers {
		a := <-answers
		if a.err == nil && len(a.found) > 0 {
			return a.found, nil
		}
		errs = append(errs, a.err)
	}
	return nil, fmt.Errorf("no name server knows %s: %w", name, errors.Join(errs...))
}

// overSecond drops the connections that were kept over the way that was left: a request
// on one of them would be in doubt for nothing.
func (d *agentd) overSecond() {
	d.log.Info("uplink", "comp", "replay", "second", d.uplink.over.Load(), "interface", d.uplink.config.Interface)
	for _, w := range d.wallets.All() {
		if idle, ok := w.(interface{ CloseIdle() }); ok {
			idle.CloseIdle()
		}
	}
}

// uplinkProblems says when the usual way to the network gives no connections.
func (d *agentd) uplinkProblems() []agent.Problem {
	return d.standing.problem(d.uplink != nil && d.uplink.over.Load(), "uplink", agent.Problem{ID: "problem.uplink", Args: []string{d.config.Uplink.Interface},
		What: fmt.Sprintf("The usual line gives no connection; payments go over %s.", d.config.Uplink.Interface),
		Do:   "Nothing needs to be done at the counter. Check the shop's line and router: the second way may cost by volume."})
}
