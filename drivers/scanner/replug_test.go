package scanner

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"tillwire/agent"
	"tillwire/drivers"
)

// patience is how long the test waits for something that has to happen.
const patience = 2 * time.Minute

// socket is a stable link, as under /dev/serial/by-id, into which scanners on
// pseudo-terminals are plugged.
type socket struct {
	t      *testing.T
	link   string
	master *os.File
}

func (s *socket) plug() {
	s.t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		s.t.Fatalf("this test needs pseudo-terminals: %v", err)
	}
	name := slave.Name()
	if err := slave.Close(); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Symlink(name, s.link); err != nil {
		s.t.Fatal(err)
	}
	s.master = master
}

func (s *socket) unplug() {
	s.t.Helper()
	if err := s.master.Close(); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Remove(s.link); err != nil {
		s.t.Fatal(err)
	}
}

func (s *socket) scan(text string) {
	s.t.Helper()
	if _, err := s.master.WriteString(text + "\r"); err != nil {
		s.t.Fatal(err)
	}
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// counter is a supervised scanner in a socket, with what it says.
type counter struct {
	t       *testing.T
	sup     *drivers.Supervisor
	changes chan agent.DeviceStatus
	scans   chan string
}

// newCounter builds a shop's counter; the caller runs its supervisor.
func newCounter(t *testing.T, path string) *counter {
	t.Helper()
	c := &counter{t: t, changes: make(chan agent.DeviceStatus, 64), scans: make(chan string, 1)}
	changed := func(s agent.DeviceStatus) {
		select {
		case c.changes <- s:
		default:
			t.Error("too many changes of state")
		}
	}
	clock, log := agent.NewSystemClock(), slog.New(slog.DiscardHandler)
	c.sup = drivers.NewSupervisor(drivers.Options{Clock: clock, Log: log, Changed: changed,
		Claims: drivers.NewClaims(filepath.Join(t.TempDir(), "locks"))})
	unit := drivers.Registry(Specs()).Build(
		drivers.Config{ID: "1.scanner", Lane: "1", Kind: agent.KindScanner, Driver: "line", Path: path, Keys: map[string]any{"open_grace": 0}},
		drivers.Env{Clock: clock, Log: log, Sink: func(s agent.Scan) { c.scans <- s.Text.Reveal() }})
	if unit.Err != nil {
		t.Fatal(unit.Err)
	}
	unit.Device.(*device).stale = patience
	c.sup.Add(unit)
	return c
}

// await takes changes until the scanner is in the state.
func (c *counter) await(what string, want agent.DeviceState) {
	c.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case s := <-c.changes:
			if s.State == want {
				return
			}
		case <-deadline:
			c.t.Fatalf("%s: never %s", what, want)
		}
	}
}

func (c *counter) expect(code string) {
	c.t.Helper()
	select {
	case got := <-c.scans:
		if got != code {
			c.t.Fatalf("got %q, want %q", got, code)
		}
	case <-time.After(patience):
		c.t.Fatalf("scan %q is lost", code)
	}
}

// Every scan made while the device says ready arrives, however often it is
// pulled out, and nothing is left behind. goleak in TestMain watches too.
func TestAHundredReplugsLoseNoScanAndLeaveNothingBehind(t *testing.T) {
	in := &socket{t: t, link: filepath.Join(t.TempDir(), "usb-Scanner-if00")}
	c := newCounter(t, in.link)
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- c.sup.Run(ctx) }()

	c.await("at the start", agent.DeviceAbsent)
	descriptors, goroutines := openDescriptors(t), runtime.NumGoroutine()
	for i := range 100 {
		in.plug()
		c.sup.Hint()
		c.await(fmt.Sprintf("plugged in for the %dth time", i), agent.DeviceReady)
		code := fmt.Sprintf("2812345678901%05d", i)
		in.scan(code)
		c.expect(code)
		in.unplug()
		c.await(fmt.Sprintf("pulled out for the %dth time", i), agent.DeviceAbsent)
		if i == 0 { // what is opened once and for all is open now
			descriptors, goroutines = max(descriptors, openDescriptors(t)), max(goroutines, runtime.NumGoroutine())
		}
	}
	deadline := time.After(patience)
	for openDescriptors(t) > descriptors || runtime.NumGoroutine() > goroutines {
		select {
		case <-deadline:
			t.Fatalf("%d descriptors, were %d; %d goroutines, were %d", openDescriptors(t), descriptors, runtime.NumGoroutine(), goroutines)
		default:
			runtime.Gosched()
		}
	}
	if got := c.sup.Status()[0].Counters; got["scan"] != 100 || got["losses"] != 100 || got["panics"] != 0 {
		t.Errorf("counters %v", got)
	}
	cancel()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// A log must not hold what was scanned, whatever happens.
func TestNoCodeIsLogged(t *testing.T) {
	var log strings.Builder
	in := &socket{t: t, link: filepath.Join(t.TempDir(), "scanner")}
	in.plug()
	clock := agent.NewSystemClock()
	logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	ready, lost, scanned := make(chan struct{}, 8), make(chan struct{}, 8), make(chan struct{}, 8)
	sup := drivers.NewSupervisor(drivers.Options{Clock: clock, Log: logger, Changed: func(s agent.DeviceStatus) {
		switch s.State {
		case agent.DeviceReady:
			ready <- struct{}{}
		case agent.DeviceLost:
			lost <- struct{}{}
		}
	}})
	sup.Add(drivers.Registry(Specs()).Build(
		drivers.Config{ID: "1.scanner", Kind: agent.KindScanner, Driver: "line", Path: in.link, Keys: map[string]any{"open_grace": 0}},
		drivers.Env{Clock: clock, Log: logger, Sink: func(s agent.Scan) {
			logger.Info("sink", "scan", s) // a careless sink
			scanned <- struct{}{}
			panic("of the sink with " + s.Text.Reveal())
		}}))
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- sup.Run(ctx) }()
	for _, step := range []struct {
		do   func()
		then chan struct{}
	}{{func() {}, ready}, {func() { in.scan("281234567890123456") }, scanned}, {func() {}, lost}} {
		step.do()
		select {
		case <-step.then:
		case <-time.After(patience):
			t.Fatal("never happened")
		}
	}
	cancel()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	in.unplug()
	if !strings.Contains(log.String(), "panicked") || strings.Contains(log.String(), "281234") || strings.Contains(log.String(), "123456") {
		t.Errorf("log %s", log.String())
	}
}
