package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// answering is a wallet's host on this machine, which answers whoever connects.
func answering(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // what was accepted ends with its other side
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	return l.Addr().String()
}

// TestTheSecondUplinkIsBoundToItsInterface: the loopback stands for a modem, an interface
// that is not there for one that was pulled out.
func TestTheSecondUplinkIsBoundToItsInterface(t *testing.T) {
	address := answering(t)
	conn, err := boundTo(uplinkConfig{Interface: "lo"})(t.Context(), "tcp", address)
	if err != nil {
		t.Fatalf("over the loopback: %v", err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if _, err := boundTo(uplinkConfig{Interface: "nosuch0"})(t.Context(), "tcp", address); err == nil || !strings.Contains(err.Error(), "nosuch0") {
		t.Errorf("over an interface that is not there: %v", err)
	}
}

// TestPaymentsGoOverTheSecondUplink while the first gives no connection, and back.
func TestPaymentsGoOverTheSecondUplink(t *testing.T) {
	address := answering(t)
	changes := 0
	u := newUplink(uplinkConfig{Interface: "lo"}, agent.NewSystemClock(), func() { changes++ })
	u.ways.Head = time.Minute // however busy this machine is
	usual := u.ways.First
	for _, step := range []struct {
		first   wallet.Dial
		over    bool
		changes int
	}{{usual, false, 0}, {func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no route") }, true, 1}, {usual, false, 2}} {
		u.ways.First = step.first
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		conn, err := u.dial()(ctx, "tcp", address)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close() // the other side may have been faster
		if u.over.Load() != step.over || changes != step.changes {
			t.Errorf("over the second %t after %d changes, want %t and %d", u.over.Load(), changes, step.over, step.changes)
		}
	}
	var none *uplink
	if none.dial() != nil {
		t.Error("a machine with one way has a second")
	}
}

// TestEveryNameServerIsAsked: one that is away says nothing, and nobody waits for it.
func TestEveryNameServerIsAsked(t *testing.T) {
	silent := func(ctx context.Context, _ string) ([]netip.Addr, error) { <-ctx.Done(); return nil, ctx.Err() }
	unknown := func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("no such host") }
	knows := func(list ...string) lookup {
		return func(context.Context, string) (found []netip.Addr, err error) {
			for _, ip := range list {
				found = append(found, netip.MustParseAddr(ip))
			}
			return found, nil
		}
	}
	for name, tc := range map[string]struct {
		servers []lookup
		want    string // what was connected to; "" is nothing
	}{
		"the first is away":         {[]lookup{silent, knows("192.0.2.1")}, "192.0.2.1:443"},
		"the second is away":        {[]lookup{knows("192.0.2.1"), silent}, "192.0.2.1:443"},
		"the first knows nothing":   {[]lookup{unknown, knows("192.0.2.1")}, "192.0.2.1:443"},
		"nobody knows":              {[]lookup{unknown, knows()}, ""},
		"one address is dead":       {[]lookup{knows("192.0.2.9", "192.0.2.1")}, "192.0.2.1:443"},
		"an old form of an address": {[]lookup{knows("::ffff:192.0.2.1")}, "192.0.2.1:443"},
		"every address is dead":     {[]lookup{knows("192.0.2.9")}, ""},
	} {
		reached := ""
		dial := named(tc.servers, func(_ context.Context, _, addr string) (net.Conn, error) {
			if addr == "192.0.2.9:443" {
				return nil, errors.New("refused")
			}
			reached = addr
			return &net.TCPConn{}, nil
		})
		if _, err := dial(t.Context(), "tcp", "pay.example.com:443"); (err == nil) != (tc.want != "") || reached != tc.want {
			t.Errorf("%s: connected to %q, %v", name, reached, err)
		}
	}
	asked := func(context.Context, string) ([]netip.Addr, error) { panic("a number has no name") }
	if _, err := named([]lookup{asked}, func(_ context.Context, _, addr string) (net.Conn, error) { return nil, nil })(t.Context(), "tcp", "192.0.2.1:443"); err != nil {
		t.Error(err)
	}
}

func TestMistakesOfTheUplink(t *testing.T) {
	for text, key := range map[string]string{
		"interface = \"wwan0\"\ndns = [\"9.9.9.9\", \"2620:fe::fe\"]": "", "interface = \"a name too long for it\"": "uplink.interface",
		"dns = [\"9.9.9.9\"]": "uplink.interface", "interface = \"wwan0\"\ndns = [\"dns.example\"]": "uplink.dns",
	} {
		_, faults, err := readConfig(configured(t, sound+"\n[uplink]\n"+text+"\n"))
		if err != nil || key == "" && len(faults) > 0 || key != "" && (len(faults) != 1 || faults[0].Key != key) {
			t.Errorf("%s: %v, %v", text, faults, err)
		}
	}
}
