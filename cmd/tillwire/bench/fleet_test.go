package bench

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/brokertest"
)

// A shop in a fleet must not sell more slowly, whatever becomes of the broker.
const (
	fleetRounds = 7
	fleetSales  = 60
	fleetTID    = "t-0001-bench"
	slowBy      = 2 * time.Second // for each piece of what the broker says
	hostileGap  = 2 * time.Millisecond
)

// besideAFleet sells in four shops in turn: without a fleet, and with a broker
// that is dead, slow and hostile.
func besideAFleet(b *testing.B) {
	kinds := []struct {
		name string
		open func(context.Context) (addr string, err error)
	}{{"dead", deadBroker}, {"slow", slowBroker}, {"hostile", hostileBroker}}
	var without figures
	with, ratio := make([]figures, len(kinds)), make([]figures, len(kinds))
	for range fleetRounds {
		alone, err := scans(b.TempDir(), 0, fleetSales, "")
		if err != nil {
			b.Fatal(err)
		}
		without = append(without, alone.added.median())
		for i, k := range kinds {
			ctx, cancel := context.WithCancel(context.Background())
			addr, err := k.open(ctx)
			if err != nil {
				b.Fatal(err)
			}
			r, err := scans(b.TempDir(), 0, fleetSales, fmt.Sprintf("[fleet]\nbroker = \"mqtt://%s\"\ntid = %q\nroots = [%q]\nspread = \"0s\"\n", addr, fleetTID, base64.StdEncoding.EncodeToString(make([]byte, 32))))
			cancel()
			if err != nil {
				b.Fatal(err)
			}
			with[i], ratio[i] = append(with[i], r.added.median()), append(ratio[i], r.added.median()/alone.added.median())
		}
	}
	fmt.Printf("a sale beside a fleet, medians of %d interleaved rounds (lowest to highest)\n  without a fleet          %s ms\n", fleetRounds, without)
	for i, k := range kinds {
		fmt.Printf("  with a broker that is %-8s %s ms; %s of without\n", k.name, with[i], ratio[i])
	}
}

// deadBroker is an address where nobody listens.
func deadBroker(context.Context) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func broker(ctx context.Context) (*mochi.Server, string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	s := mochi.New(&mochi.Options{InlineClient: true, Logger: slog.New(slog.DiscardHandler)})
	for _, err := range []error{s.AddHook(&brokertest.OpenDoor{}, nil), s.AddListener(listeners.NewNet("bench", l)), s.Serve()} {
		if err != nil {
			return nil, "", err
		}
	}
	go func() {
		<-ctx.Done()
		_ = s.Close()
	}()
	return s, l.Addr().String(), nil
}

// slowBroker says everything late, a piece at a time.
func slowBroker(ctx context.Context) (string, error) {
	_, far, err := broker(ctx)
	if err != nil {
		return "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() {
		<-ctx.Done()
		_ = l.Close()
	}()
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			go late(ctx, near, far)
		}
	}()
	return l.Addr().String(), nil
}

func late(ctx context.Context, near net.Conn, far string) {
	defer near.Close()
	to, err := net.Dial("tcp", far)
	if err != nil {
		return
	}
	defer to.Close()
	go func() { _, _ = io.Copy(to, near); _ = to.Close() }()
	piece := make([]byte, 64)
	for {
		n, err := to.Read(piece)
		if err != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(slowBy):
		}
		if _, err := near.Write(piece[:n]); err != nil {
			return
		}
	}
}

// hostileBroker sends what nobody signed, five hundred times a second, in turn on
// every channel: forged commands and acknowledgements, and large garbage.
func hostileBroker(ctx context.Context) (string, error) {
	s, addr, err := broker(ctx)
	if err != nil {
		return "", err
	}
	forged := []byte(`{"payloadType":"` + fleet.TypeCommand + `","payload":"e30=","signatures":[{"keyid":"0123456789abcdef","sig":"` + base64.StdEncoding.EncodeToString(make([]byte, 64)) + `"}]}`)
	garbage := bytes.Repeat([]byte("x"), 16<<10)
	channels := []fleet.Channel{fleet.DownCommand, fleet.DownAck, fleet.DownConfig, fleet.DownKeys, fleet.DownJob}
	go func() {
		every := time.NewTicker(hostileGap)
		defer every.Stop()
		for i := 0; ; i++ {
			select {
			case <-ctx.Done():
				return
			case <-every.C:
			}
			payload := forged
			if i%10 == 0 {
				payload = garbage
			}
			_ = s.Publish(fleet.TID(fleetTID).Topic(channels[i%len(channels)]), payload, false, 1) // to nobody, as long as the agent is away
		}
	}()
	return addr, nil
}
