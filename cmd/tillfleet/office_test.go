package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	mrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/agent/fleet/brokertest"
	"tillwire/agent/fleet/embedded"
	"tillwire/agent/fleet/mqtt"
	"tillwire/agent/logtest"
	"tillwire/cmd/cli"
)

// patience is how long anything here may take on a machine that is busy.
const patience = 60 * time.Second

// bench is a whole fleet in one process: a broker, the service as the command runs
// it, and one shop's own agent.
type bench struct {
	*testing.T
	dir, broker, page string
	keys              map[string]ed25519.PrivateKey
	log               *logtest.Log
	stopService       func()

	mu    sync.Mutex
	shown []fleet.DisplayMessage
	locks int
	door  map[string]string
}

const shopTID fleet.TID = "corner-shop-1"

func openBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{T: t, dir: t.TempDir(), keys: map[string]ed25519.PrivateKey{}, log: &logtest.Log{}, door: map[string]string{"shop.name": "Corner shop", "log.level": "info"}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the service said:\n%s", b.log)
		}
	})
	b.openBroker()
	b.writeKeys()
	b.page = freeAddress(t)
	b.write("tillfleet.toml", fmt.Sprintf("name = \"office.test\"\ndata = \"data\"\n[broker]\naddress = %q\nuser = \"fleet\"\n[keys]\nonline = \"online.key\"\nset = \"keys.json\"\n[http]\nlisten = %q\n", b.broker, b.page))
	b.openService()
	b.openShop()
	return b
}

// freeAddress is outside the range from which outgoing connections and listeners that do
// not care take theirs: nobody has it a moment later.
func freeAddress(t *testing.T) string {
	t.Helper()
	const first, count, tries = 5000, 5000, 100
	var err error
	for range tries {
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first+mrand.IntN(count))); err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal(err)
	return ""
}

func (b *bench) write(name, text string) {
	b.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) openBroker() {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := mochi.New(&mochi.Options{Logger: slog.New(slog.DiscardHandler)})
	if err := errors.Join(s.AddHook(&brokertest.OpenDoor{}, nil), s.AddHook(&embedded.Numbers{}, nil), s.AddListener(listeners.NewNet("test", l)), s.Serve()); err != nil {
		b.Fatal(err)
	}
	b.broker = "mqtt://" + l.Addr().String()
	b.Cleanup(func() { _ = s.Close() })
}

// writeKeys makes a root, the service's key and two approvers'.
func (b *bench) writeKeys() {
	b.Helper()
	for _, name := range []string{"root", "online", "anna", "boris"} {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			b.Fatal(err)
		}
		b.keys[name] = key
		b.write(name+".key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	}
	from, until := fleet.At(time.Now().Add(-time.Hour)), fleet.At(time.Now().AddDate(1, 0, 0))
	key := func(use fleet.Use, name string) fleet.Key {
		return fleet.NewKey(use, b.keys[name].Public().(ed25519.PublicKey), from, until)
	}
	set := fleet.KeySet{Version: 1, Iat: from, Exp: until, Roots: []string{base64.StdEncoding.EncodeToString(b.root())},
		Keys: []fleet.Key{key(fleet.Online, "online"), key(fleet.Approver, "anna"), key(fleet.Approver, "boris")}}
	raw, err := fleet.Seal(fleet.TypeKeys, set, b.keys["root"])
	if err != nil {
		b.Fatal(err)
	}
	b.write("keys.json", string(raw))
}

func (b *bench) root() ed25519.PublicKey { return b.keys["root"].Public().(ed25519.PublicKey) }

// app is one invocation; what it prints goes to out and err.
func (b *bench) app(out, err io.Writer) *app {
	return &app{stdin: strings.NewReader(""), stdout: out, stderr: err, env: func(string) string { return "" }, clock: agent.NewSystemClock()}
}

func (b *bench) openService() {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	go func() {
		ended <- b.app(b.log, b.log).execute(ctx, []string{"serve", "--config", filepath.Join(b.dir, "tillfleet.toml")})
	}()
	b.stopService = sync.OnceFunc(func() {
		cancel()
		select {
		case code := <-ended:
			if code != cli.Fine {
				b.Errorf("the service ended with %d", code)
			}
		case <-time.After(patience):
			b.Error("the service does not end")
		}
	})
	b.Cleanup(b.stopService)
	// Whoever connects before the service hears of it is a terminal that has not said
	// hello to it.
	b.until("the service answers and hears the broker", func() bool {
		_, _, code := b.run("ls")
		return code == cli.Fine && strings.Contains(b.metrics(), "\ntillfleet_broker_connected 1\n")
	})
}

// metrics are the service's figures; empty while nobody answers.
func (b *bench) metrics() string {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+b.page+"/metrics", nil)
	if err != nil {
		b.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return ""
	}
	return string(text)
}

// longest is how long one command line may take: those that wait for a terminal
// give up by themselves before.
const longest = 2 * patience

// run is one command line.
func (b *bench) run(args ...string) (out, errors string, code int) {
	b.Helper()
	var o, e bytes.Buffer
	ctx, cancel := context.WithTimeout(b.Context(), longest)
	defer cancel()
	code = b.app(&o, &e).execute(ctx, append(args, "--config", filepath.Join(b.dir, "tillfleet.toml")))
	if ctx.Err() != nil {
		b.Fatalf("tillfleet %s has not ended after %s:\n%s%s", strings.Join(args, " "), longest, &o, &e)
	}
	return o.String(), e.String(), code
}

// fine is a command line that must do its work; it answers what it prints.
func (b *bench) fine(args ...string) string {
	b.Helper()
	out, errors, code := b.run(args...)
	if code != cli.Fine {
		b.Fatalf("tillfleet %s: exit %d\n%s%s", strings.Join(args, " "), code, out, errors)
	}
	return out
}

// until looks until something holds.
func (b *bench) until(what string, holds func() bool) {
	b.Helper()
	brokertest.Eventually(b.T, patience, "waited until "+what, holds)
}

// Current implements fleet.Settings.
func (b *bench) Current(key string) (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	text, some := b.door[key]
	return text, some
}

// Apply implements fleet.Settings; it takes everything but "bad".
func (b *bench) Apply(_ context.Context, values map[string]string, _ string) (map[string]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	effects := map[string]string{}
	for key, value := range values {
		if value == "bad" {
			return nil, errors.New("nobody takes that")
		}
		b.door[key], effects[key] = value, "live"
	}
	return effects, nil
}

// openShop starts a shop's own agent.
func (b *bench) openShop() {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	store := fleet.NewMemory()
	trust, err := fleet.OpenTrust(ctx, []ed25519.PublicKey{b.root()}, store)
	if err != nil {
		b.Fatal(err)
	}
	link, err := mqtt.New(mqtt.Options{TID: shopTID, Broker: b.broker, Clock: agent.NewSystemClock()})
	if err != nil {
		b.Fatal(err)
	}
	a, err := fleet.Open(ctx, fleet.Options{TID: shopTID, Version: "1.4.2", Store: store, Link: link, Trust: trust, Clock: agent.NewSystemClock(), Settings: b,
		Time:   func() fleet.Clock { return fleet.Clock{Quality: fleet.Synced} },
		Spread: func() time.Duration { return 0 },
		Report: func() fleet.Report {
			return fleet.Report{Shop: "Corner shop", Selling: true, DiskFree: 9 << 30, Queue: fleet.QueueReport{Waiting: 2, InDoubt: 1},
				Devices:  []fleet.DeviceReport{{ID: "scanner.1", Kind: "scanner", Lane: "1", Driver: "line", State: "ready"}, {ID: "printer.1", Kind: "printer", Lane: "1", Driver: "escpos", State: "gone", Reason: "no paper"}},
				Problems: []fleet.ProblemReport{{What: "The printer has no paper.", Do: "Put a new roll in."}}}
		},
		Handlers: map[string]fleet.Handler{
			"display.message": func(_ context.Context, args json.RawMessage) (any, func(), error) {
				var m fleet.DisplayMessage
				err := json.Unmarshal(args, &m)
				b.mu.Lock()
				defer b.mu.Unlock()
				b.shown = append(b.shown, m)
				return map[string]int{"lanes": 1}, nil, err
			},
			"terminal.lock": func(context.Context, json.RawMessage) (any, func(), error) {
				b.mu.Lock()
				defer b.mu.Unlock()
				b.locks++
				return nil, nil, nil
			},
			"queue.flush": func(context.Context, json.RawMessage) (any, func(), error) {
				return nil, nil, errors.New("the queue is stuck")
			}}})
	if err != nil {
		b.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := a.Run(ctx); !errors.Is(err, context.Canceled) {
			b.Errorf("the shop's agent ended: %v", err)
		}
	}()
	b.Cleanup(func() { cancel(); <-ended })
	b.until("the shop is in the list", func() bool {
		list := b.fine("ls") // where "online" alone may be the line to the wallets
		return strings.Contains(list, "1 terminal: 1 online") && strings.Contains(list, "Corner shop")
	})
}
