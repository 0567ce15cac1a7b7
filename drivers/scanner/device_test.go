package scanner

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"tillwire/agent"
	"tillwire/drivers"
	"tillwire/drivers/serial"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// witness is a Reporter and a sink that remember, in order.
type witness struct {
	mu       sync.Mutex
	states   []string
	counters map[string]int
	scans    []agent.Scan
}

func newWitness() *witness { return &witness{counters: map[string]int{}} }

func (w *witness) Ready()                      { w.state("ready") }
func (w *witness) Degraded(why agent.Sentence) { w.state("degraded: " + why.English) }

func (w *witness) state(s string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.states = append(w.states, s)
}

// said is the states reported so far.
func (w *witness) said() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.states, " ")
}

func (w *witness) Count(counter string) { w.counters[counter]++ }
func (w *witness) take(s agent.Scan)    { w.scans = append(w.scans, s) }

func (w *witness) texts() string {
	var texts []string
	for _, s := range w.scans {
		texts = append(texts, s.Text.Reveal())
	}
	return strings.Join(texts, " ")
}

// scannerOn builds a device on a scripted port, through the registry
// as cmd does.
func scannerOn(t *testing.T, driver string, port serial.Port, openErr error, sink agent.ScanSink, keys map[string]any) *device {
	t.Helper()
	unit := drivers.Registry(Specs()).Build(
		drivers.Config{ID: "1.scanner", Lane: "1", Kind: agent.KindScanner, Driver: driver, Path: "/dev/ttyACM0", Keys: keys},
		drivers.Env{Clock: agent.NewSystemClock(), Log: slog.New(slog.DiscardHandler), Sink: sink})
	if unit.Err != nil {
		t.Fatal(unit.Err)
	}
	d := unit.Device.(*device)
	d.open = func(string) (serial.Port, error) { return port, openErr }
	return d
}

func TestScansReachTheSinkAndDiagnosticsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWitness()
		port := serial.NewFake(
			serial.Step{At: ms(10), Bytes: "111\r"}, // within the grace
			serial.Step{At: ms(200), Bytes: "]Q1222\r"},
			serial.Step{At: ms(300), Bytes: "222\r"},
			serial.Step{At: ms(400), Bytes: "\xff\r"},
			serial.Step{At: ms(500), Bytes: "33"},
			serial.Step{At: ms(1100), Bytes: "444\r", End: serial.ErrUnplugged})
		d := scannerOn(t, "line", port, nil, w.take, nil)
		err := d.Run(t.Context(), w)
		if !errors.Is(err, serial.ErrUnplugged) || port.Closed() != 1 {
			t.Errorf("ended with %v, closed %d times", err, port.Closed())
		}
		if w.texts() != "222 444" {
			t.Errorf("scans %q", w.texts())
		}
		first := w.scans[0]
		if first.Lane != "1" || first.Device != "1.scanner" || first.Symbology != "]Q1" || first.At != ms(200) {
			t.Errorf("scan %+v", first)
		}
		for counter, want := range map[string]int{"scan": 2, "duplicate": 1, "garbage": 1, "partial_timeout": 1, "stale": 0} {
			if w.counters[counter] != want {
				t.Errorf("%s counted %d times, want %d", counter, w.counters[counter], want)
			}
		}
	})
}

// A scan that nobody took at once must not pay the next customer's payment.
func TestAScanIsNeverKeptForLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWitness()
		port := serial.NewFake(
			serial.Step{At: ms(200), Bytes: "111\r"}, serial.Step{At: ms(210), Bytes: "222\r"},
			serial.Step{At: ms(5100), Bytes: "333\r", End: serial.ErrUnplugged})
		slow := func(s agent.Scan) {
			w.take(s)
			if len(w.scans) == 1 {
				<-time.After(5 * time.Second) // a sink that breaks its promise
			}
		}
		d := scannerOn(t, "line", port, nil, slow, nil)
		if err := d.Run(t.Context(), w); !errors.Is(err, serial.ErrUnplugged) {
			t.Error(err)
		}
		if w.texts() != "111 333" || w.counters["stale"] != 1 {
			t.Errorf("scans %q, %d stale", w.texts(), w.counters["stale"])
		}
	})
}

// TestAScannerThatWasSetUpAnewIsNoticed is assertion 30 of the threat model: somebody has the
// scanner read a code that sets scanners up, and from then on its codes have no end. The agent
// says so, goes on speaking as configured, and takes the next whole code.
func TestAScannerThatWasSetUpAnewIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWitness()
		port := serial.NewFake()
		d := scannerOn(t, "line", port, nil, w.take, nil)
		ended := make(chan error, 1)
		go func() { ended <- d.Run(t.Context(), w) }()
		// One spoilt reading, before 222, is nothing to talk about.
		for i, bytes := range []string{"111\r", "281234567890123456", "222\r", "281234567890123457", "281234567890123458", "281234567890123459", "281234567890123460", "333\r"} {
			<-time.After(2 * time.Second)
			at := ms(2000 * int64(i+1))
			port.Quiet(at)
			port.Feed(at, bytes)
			synctest.Wait()
		}
		port.Unplug()
		if err := <-ended; !errors.Is(err, serial.ErrUnplugged) {
			t.Error(err)
		}
		if w.texts() != "111 222 333" {
			t.Errorf("scans %q", w.texts())
		}
		if got := w.said(); strings.Count(got, "degraded: what it sends is no whole code") != 1 || !strings.HasPrefix(got, "ready degraded") || !strings.HasSuffix(got, " ready") {
			t.Errorf("it said %q", got)
		}
	})
}

// The reader threw bytes away: what is left of the code is not a code.
func TestDroppedBytesSpoilTheScan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWitness()
		port := serial.NewFake(serial.Step{At: ms(200), Bytes: "2812"})
		port.Drop(ms(201))
		port.Feed(ms(201), "3456\r777\r")
		port.Unplug()
		d := scannerOn(t, "line", port, nil, w.take, nil)
		_ = d.Run(t.Context(), w)
		if w.texts() != "777" || w.counters["resync"] != 1 {
			t.Errorf("scans %q, counters %v", w.texts(), w.counters)
		}
	})
}

func TestReadyAfterTheGraceUntilTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		port := serial.NewFake()
		w := newWitness()
		d := scannerOn(t, "line", port, nil, w.take, nil)
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx, w) }()
		<-time.After(149 * time.Millisecond)
		synctest.Wait()
		if w.said() != "" {
			t.Errorf("within the open grace it says %q", w.said())
		}
		<-time.After(time.Millisecond)
		synctest.Wait()
		if w.said() != "ready" {
			t.Errorf("after the open grace it says %q", w.said())
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) || port.Closed() != 1 {
			t.Errorf("ended with %v, closed %d times", err, port.Closed())
		}
	})
}

func TestOpenErrorsKeepTheirMeaning(t *testing.T) {
	d := scannerOn(t, "line", nil, fs.ErrNotExist, newWitness().take, nil)
	if err := d.Run(t.Context(), newWitness()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

func TestSerialKeysReachThePort(t *testing.T) {
	p, err := FindProfile("line")
	if err != nil {
		t.Fatal(err)
	}
	v, err := drivers.NewValues(map[string]any{"baud": int64(115200), "data_bits": int64(7), "parity": "e", "stop_bits": int64(2)}, p.Line)
	if err != nil {
		t.Fatal(err)
	}
	want := serial.Settings{Baud: 115200, DataBits: 7, Parity: serial.ParityEven, StopBits: 2, Poll: 15 * time.Millisecond}
	if got := readLine(v, 15*time.Millisecond); got != want || v.Err() != nil {
		t.Errorf("opened with %+v, want %+v, %v", got, want, v.Err())
	}
}

func TestWrongKeysAreRefusedWithoutTouchingTheDevice(t *testing.T) {
	for _, tc := range []struct {
		driver string
		keys   map[string]any
		say    string
	}{
		{"line", map[string]any{"bauds": 9600}, `did you mean "baud"?`},
		{"line", map[string]any{"baud": "fast"}, "whole number"},
		{"line", map[string]any{"parity": "M"}, "one of N, E, O"},
		{"line", map[string]any{"idle_gap": int64(5)}, "at least 30"},
		{"gm67", map[string]any{"terminators": "CR"}, "unknown key"},
		{"gm67", map[string]any{"triger": "off"}, `did you mean "trigger"?`},
		{"zebra-ds-ssi", map[string]any{"trigger": "always"}, "session, enable, off"},
		{"newland-cdc", map[string]any{"trigger_on": "~SCNTRG1"}, "not bytes in hex"},
		{"hid-wedge", map[string]any{"baud": int64(9600)}, "unknown key"},
		{"datalogic-usb-com", map[string]any{"code_id": "datalogic"}, "datalogic-us, datalogic-eu"},
	} {
		unit := drivers.Registry(Specs()).Build(
			drivers.Config{ID: "1.scanner", Kind: agent.KindScanner, Driver: tc.driver, Path: "/dev/no-such", Keys: tc.keys}, drivers.Env{Clock: agent.NewSystemClock()})
		var key *drivers.KeyError
		if !errors.As(unit.Err, &key) || !strings.Contains(key.Error(), tc.say) {
			t.Errorf("%s %v: error %v; want %q", tc.driver, tc.keys, unit.Err, tc.say)
		}
	}
}
