package main

import (
	"context"
	"errors"
	"fmt"
	"net"
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
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, server string) (conn net.Conn, err error) {
		if len(c.DNS) == 0 {
			return names.DialContext(ctx, network, server)
		}
		for _, own := range c.DNS {
			if conn, err = names.DialContext(ctx, network, net.JoinHostPort(own, "53")); err == nil {
				return conn, nil
			}
		}
		return nil, err
	}}
	return (&net.Dialer{Control: bind, Resolver: resolver, KeepAliveConfig: wallet.KeepAlive()}).DialContext
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
