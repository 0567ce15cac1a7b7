package drivers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"tillwire/agent"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scripted is a device whose runs are functions; the last one repeats.
type scripted struct {
	mu   sync.Mutex
	runs []func(ctx context.Context, r Reporter) error
	at   []time.Time // when each run began
}

func (s *scripted) Run(ctx context.Context, r Reporter) error {
	s.mu.Lock()
	s.at = append(s.at, time.Now())
	run := s.runs[min(len(s.at), len(s.runs))-1]
	s.mu.Unlock()
	return run(ctx, r)
}

func (s *scripted) started() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.at)
}

func works(ctx context.Context, r Reporter) error {
	r.Ready()
	<-ctx.Done()
	return ctx.Err()
}

func failing(err error) func(context.Context, Reporter) error {
	return func(context.Context, Reporter) error { return err }
}

// shop is a supervisor in a bubble of virtual time, with everything it said.
type shop struct {
	*Supervisor
	mu     sync.Mutex
	events []string // "id state"
	cancel context.CancelFunc
	result chan error
}

func newShop(claims *Claims) *shop {
	s := &shop{result: make(chan error, 1)}
	s.Supervisor = NewSupervisor(Options{
		Clock: agent.NewSystemClock(), Log: slog.New(slog.DiscardHandler), Claims: claims,
		Changed: func(d agent.DeviceStatus) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.events = append(s.events, d.ID+" "+string(d.State))
		},
	})
	return s
}

func (s *shop) add(id, path string, d Device) {
	s.Add(Unit{Config: Config{ID: id, Lane: "1", Kind: agent.KindScanner, Driver: "line", Path: path}, Device: d})
	s.keepers[len(s.keepers)-1].backoff.random = func(n int64) int64 { return n / 2 } // no jitter
}

func (s *shop) start(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s.cancel = cancel
	go func() { s.result <- s.Run(ctx) }()
	synctest.Wait()
}

func (s *shop) stop(t *testing.T) {
	t.Helper()
	s.cancel()
	if err := <-s.result; err != nil {
		t.Errorf("stop: %v", err)
	}
}

func (s *shop) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.events, ", ")
}

func (s *shop) states() string {
	var states []string
	for _, d := range s.Status() {
		states = append(states, string(d.State))
	}
	return strings.Join(states, " ")
}

// after lets virtual time pass.
func after(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestAMissingDeviceIsAStateAndIsFoundWhenItComes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ttyACM0")
	synctest.Test(t, func(t *testing.T) {
		s := newShop(nil)
		s.add("1.scanner", path, &scripted{runs: []func(context.Context, Reporter) error{works}})
		s.start(t)
		if d := s.Status()[0]; d.State != agent.DeviceAbsent || !strings.Contains(d.Reason, path) {
			t.Errorf("status %+v", d)
		}
		after(time.Hour)
		if s.said() != "1.scanner absent" {
			t.Errorf("said %s", s.said())
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		after(lookEvery)
		if s.said() != "1.scanner absent, 1.scanner opening, 1.scanner ready" {
			t.Errorf("said %s", s.said())
		}
		s.stop(t)
	})
}

func TestAHintLooksAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ttyACM0")
	synctest.Test(t, func(t *testing.T) {
		s := newShop(nil)
		s.add("1.scanner", path, &scripted{runs: []func(context.Context, Reporter) error{works}})
		s.start(t)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		s.Hint()
		synctest.Wait()
		if s.states() != "ready" {
			t.Errorf("state %s without a moment passing", s.states())
		}
		s.stop(t)
	})
}

func TestBackoffDoublesToTenSecondsAndStartsAnewAfterThirtyReadySeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("no answer")
		d := &scripted{}
		for range 9 {
			d.runs = append(d.runs, failing(broken))
		}
		d.runs = append(d.runs,
			func(ctx context.Context, r Reporter) error { r.Ready(); <-time.After(29 * time.Second); return broken },
			func(ctx context.Context, r Reporter) error { r.Ready(); <-time.After(30 * time.Second); return broken },
			works)
		s := newShop(nil)
		s.add("1.scanner", "", d)
		s.start(t)
		after(3 * time.Minute)
		var gaps []string
		at := d.started()
		for i := 1; i < len(at); i++ {
			gaps = append(gaps, at[i].Sub(at[i-1]).String())
		}
		want := "250ms 500ms 1s 2s 4s 8s 10s 10s 10s 39s 30.25s"
		if got := strings.Join(gaps, " "); got != want {
			t.Errorf("tries after %s, want %s", got, want)
		}
		if !strings.HasSuffix(s.said(), "1.scanner ready, 1.scanner lost, 1.scanner backoff, 1.scanner opening, 1.scanner ready") {
			t.Errorf("said %s", s.said())
		}
		s.stop(t)
	})
}

func TestJitterStaysWithinAFifth(t *testing.T) {
	b := newBackoff()
	lowest, highest := time.Hour, time.Duration(0)
	for range 10_000 {
		b.reset()
		d := b.delay()
		lowest, highest = min(lowest, d), max(highest, d)
	}
	if lowest < 200*time.Millisecond || highest > 300*time.Millisecond || highest-lowest < 50*time.Millisecond {
		t.Errorf("first delays from %s to %s", lowest, highest)
	}
}

func TestAPanicStopsOneDeviceAndFiveGiveItUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(nil)
		d := &scripted{runs: []func(context.Context, Reporter) error{
			func(context.Context, Reporter) error { panic("281234567890123456") }}}
		s.add("1.scanner", "", d)
		s.add("2.scanner", "", &scripted{runs: []func(context.Context, Reporter) error{works}})
		s.start(t)
		after(time.Hour)
		if s.states() != "faulted ready" || len(d.started()) != panicLimit {
			t.Errorf("states %s after %d runs", s.states(), len(d.started()))
		}
		if got := s.Status()[0]; got.Counters["panics"] != panicLimit || strings.Contains(got.Reason, "2812") {
			t.Errorf("status %+v", got)
		}
		if err := s.Retry("1.scanner"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(d.started()) != panicLimit+1 || s.states() != "backoff ready" {
			t.Errorf("after Retry: %d runs, %s", len(d.started()), s.states())
		}
		if err := s.Retry("9.scanner"); agent.ClassOf(err) != agent.NotFound {
			t.Errorf("retry of an unknown device: %v", err)
		}
		s.stop(t)
	})
}

func TestRarePanicsNeverGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(nil)
		d := &scripted{runs: []func(context.Context, Reporter) error{
			func(_ context.Context, r Reporter) error {
				r.Ready()
				<-time.After(3 * time.Minute)
				panic("now and then")
			}}}
		s.add("1.scanner", "", d)
		s.start(t)
		after(10 * time.Hour)
		if len(d.started()) < 150 || s.states() == "faulted" {
			t.Errorf("%s after %d runs", s.states(), len(d.started()))
		}
		s.cancel()
		<-s.result
		after(time.Hour)
	})
}

func TestAFaultWaitsForAPerson(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ttyACM0")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := newShop(nil)
		d := &scripted{runs: []func(context.Context, Reporter) error{failing(Fault(errors.New("needs a power cycle"))), works}}
		s.add("1.scanner", path, d)
		s.start(t)
		after(time.Hour)
		if got := s.Status()[0]; got.State != agent.DeviceFaulted || got.Reason != "needs a power cycle" || len(d.started()) != 1 {
			t.Errorf("status %+v", got)
		}
		replug(t, path)
		after(lookEvery)
		if s.states() != "ready" {
			t.Errorf("plugged in again: %s", s.states())
		}
		s.stop(t)
	})
}

// replug puts another node at path.
func replug(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path+".new", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func TestAHangStopsOneDeviceOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(nil)
		hang := make(chan struct{})
		s.add("1.scanner", "", &scripted{runs: []func(context.Context, Reporter) error{
			func(context.Context, Reporter) error { <-hang; return errors.New("at last") }}})
		s.add("2.scanner", "", &scripted{runs: []func(context.Context, Reporter) error{works}})
		s.start(t)
		if s.states() != "opening ready" {
			t.Errorf("states %s", s.states())
		}
		after(openingLong)
		if got := s.Status()[0]; !strings.Contains(got.Reason, "opening for 10s") {
			t.Errorf("reason %q", got.Reason)
		}
		begun := time.Now()
		s.cancel()
		err := <-s.result
		if err == nil || !strings.Contains(err.Error(), "1.scanner did not stop") || strings.Contains(err.Error(), "2.scanner") {
			t.Errorf("stop: %v", err)
		}
		if took := time.Since(begun); took != stopGrace {
			t.Errorf("stopping took %s", took)
		}
		close(hang)
		synctest.Wait()
	})
}

func TestDisabledAndMisconfiguredDevicesAreShownAndLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(nil)
		d := &scripted{runs: []func(context.Context, Reporter) error{works}}
		s.Add(Unit{Config: Config{ID: "1.scanner", Disabled: true}, Device: d})
		s.Add(testRegistry(d).Build(Config{ID: "2.scanner", Kind: agent.KindScanner, Driver: "lien"}, Env{}))
		s.start(t)
		after(time.Hour)
		if s.states() != "disabled faulted" || len(d.started()) != 0 {
			t.Errorf("states %s, %d runs", s.states(), len(d.started()))
		}
		if reason := s.Status()[1].Reason; !strings.Contains(reason, `did you mean "line"?`) {
			t.Errorf("reason %q", reason)
		}
		s.stop(t)
	})
}

func TestTwoEntriesOnOneNodeAreRefused(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "ttyACM0"), filepath.Join(dir, "usb-Scanner-if00")
	if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Symlink(path, link)); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := newShop(NewClaims(filepath.Join(dir, "locks")))
		for i, p := range []string{path, link, dir + "/./ttyACM0"} {
			s.add(fmt.Sprintf("%d.scanner", i+1), p, &scripted{runs: []func(context.Context, Reporter) error{works}})
		}
		s.start(t)
		if s.states() != "ready faulted faulted" || !strings.Contains(s.Status()[1].Reason, "1.scanner") {
			t.Errorf("states %s, reason %q", s.states(), s.Status()[1].Reason)
		}
		s.stop(t)
	})
}

// A device whose driver left a goroutine behind cannot look ready again.
func TestAReportEndsWithItsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(nil)
		var old Reporter
		s.add("1.scanner", "", &scripted{runs: []func(context.Context, Reporter) error{
			func(_ context.Context, r Reporter) error {
				old = r
				r.Degraded(agent.Sentence{English: "slow"})
				return fs.ErrClosed
			}}})
		s.start(t)
		old.Ready()
		old.Count("scan")
		if got := s.Status()[0]; got.State != agent.DeviceBackoff || got.Counters["scan"] != 0 {
			t.Errorf("status %+v", got)
		}
		if !strings.HasPrefix(s.said(), "1.scanner degraded, 1.scanner lost, 1.scanner backoff") {
			t.Errorf("said %s", s.said())
		}
		s.stop(t)
	})
}

func testRegistry(d Device) Registry {
	return Registry{{Name: "line", Kind: agent.KindScanner, NeedsPath: true, Keys: testKeys()[1:],
		New: func(_ Config, v *Values, _ Env) (Device, error) { v.Int("baud", 50, 4_000_000); return d, nil }},
		{Name: "virtual", Kind: agent.KindDisplay, New: func(Config, *Values, Env) (Device, error) { return d, nil }}}
}

func TestBuildIsStrict(t *testing.T) {
	good := Config{ID: "1.scanner", Kind: agent.KindScanner, Driver: "line", Path: "/dev/ttyACM0", Keys: map[string]any{"baud": int64(115200)}}
	if u := testRegistry(&scripted{}).Build(good, Env{}); u.Err != nil || u.Device == nil {
		t.Fatalf("unit %+v", u)
	}
	tests := []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"driver of another kind", func(c *Config) { c.Driver = "virtual" }, `unknown scanner driver "virtual"`},
		{"no driver", func(c *Config) { c.Driver = "" }, "known: line"},
		{"no path", func(c *Config) { c.Path = "" }, "tillwire devices list"},
		{"unknown key", func(c *Config) { c.Keys = map[string]any{"buad": 1} }, `did you mean "baud"?`},
		{"bad value", func(c *Config) { c.Keys = map[string]any{"baud": "fast"} }, `baud = "fast"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := good
			tt.change(&c)
			u := testRegistry(&scripted{}).Build(c, Env{})
			var key *KeyError
			if u.Device != nil || !errors.As(u.Err, &key) || !strings.Contains(u.Err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", u.Err, tt.want)
			}
		})
	}
}
