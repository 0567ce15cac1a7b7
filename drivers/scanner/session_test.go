package scanner

import (
	"context"
	"encoding/hex"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/drivers/serial"
)

// running is a device on a scripted port, with what it was told so far.
type running struct {
	t      *testing.T
	device *device
	port   *serial.Fake
	seen   int
}

// start runs a device within a synctest bubble and stops it at the end.
func start(t *testing.T, driver string, w *witness, keys map[string]any) *running {
	t.Helper()
	r := &running{t: t, port: serial.NewFake()}
	r.device = scannerOn(t, driver, r.port, nil, w.take, keys)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.device.Run(ctx, w) }()
	t.Cleanup(func() { cancel(); <-done })
	return r
}

// told is what was written to the scanner since the last call, in hex.
func (r *running) told(after time.Duration) string {
	r.t.Helper()
	<-time.After(after)
	synctest.Wait()
	all := r.port.Written()
	now := strings.ToUpper(hex.EncodeToString(all[r.seen:]))
	r.seen = len(all)
	return now
}

func (r *running) expect(what string, after time.Duration, want string) {
	r.t.Helper()
	if got := r.told(after); got != want {
		r.t.Errorf("%s: told %s, want %s", what, got, want)
	}
}

// The scanner reads only while a payment waits, is told again if it may have
// given up, and beeps for what the agent took.
func TestATriggerFollowsThePayment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWitness()
		r := start(t, "honeywell", w, nil)
		r.device.Listen(true)
		r.expect("within the grace", 100*time.Millisecond, "")
		r.expect("a payment waits", 100*time.Millisecond, "16540D")
		r.expect("still waits", 4*time.Second, "")
		r.expect("for longer than engines do", 2*time.Second, "16540D")
		r.device.Answer(true)
		r.device.Listen(false)
		r.port.Quiet(r.device.env.Clock.Mono() + 100*time.Millisecond) // the gap between commands
		r.expect("taken", 200*time.Millisecond, "16070D"+"16550D")
		r.expect("none waits any more", time.Minute, "")
		r.device.Answer(false)
		r.expect("no beep is known for a refusal", time.Second, "")
	})
}

// What is sent for an accepted code is counted apart from everything else that is sent,
// in every protocol that has a command for it.
func TestABeepIsCountedApart(t *testing.T) {
	for driver, keys := range map[string]map[string]any{
		"honeywell": nil, "datalogic": nil, "ssi": nil, "honeywell-dechdr": nil,
		"hid-pos": {"accepted": "FD 03 16 07 0D", "trigger_on": "FD 03 16 54 0D", "trigger_off": "FD 03 16 55 0D"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWitness()
			r := start(t, driver, w, keys)
			settle := func() {
				for range 40 { // every answer that never comes, and every gap between two commands
					<-time.After(500 * time.Millisecond)
					r.port.Quiet(r.device.env.Clock.Mono())
					synctest.Wait()
				}
			}
			settle()
			r.device.Listen(true)
			settle()
			r.device.Listen(false)
			settle()
			if w.counters[string(EventSend)] == 0 || w.counters[CountAccepted] != 0 {
				t.Errorf("%s: switched on and off it counts %v", driver, w.counters)
			}
			r.device.Answer(true)
			settle()
			if w.counters[CountAccepted] == 0 {
				t.Errorf("%s: the beep is not counted: %v", driver, w.counters)
			}
		})
	}
}

func TestAPlainScannerIsNeverWrittenTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, "line", newWitness(), nil)
		r.device.Listen(true)
		r.device.Answer(true)
		r.device.Listen(false)
		r.expect("nobody knows what it would do", time.Minute, "")
	})
}

// A packet scanner is acknowledged at once, set up after opening, and works even
// when it does not answer.
func TestAPacketScannerThatDoesNotAnswerStillReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWitness()
		r := start(t, "ssi", w, nil)
		r.expect("set up", 200*time.Millisecond, "09C60400FFEE019F01FC9F")
		at := r.device.env.Clock.Mono()
		r.port.Quiet(at + 10*time.Second)
		r.expect("twice again, marked", time.Second, "09C60401FFEE019F01FC9E"+"09C60401FFEE019F01FC9E")
		if said := w.said(); !strings.Contains(said, "ready degraded: it reads, but does not answer commands") {
			t.Errorf("says %q", said)
		}
		r.port.Feed(r.device.env.Clock.Mono(), "\x08\xf3\x00\x00\x1c111\xfe\x56")
		r.expect("a code", time.Millisecond, "04D00400FF28")
		if w.texts() != "111" || w.scans[0].Symbology != "1C" {
			t.Errorf("scans %q", w.texts())
		}
		r.port.Feed(r.device.env.Clock.Mono(), "\x04\xd0\x00\x00\xff\x2c")
		r.expect("an answer at last", time.Millisecond, "")
		if said := w.said(); !strings.HasSuffix(said, "ready") {
			t.Errorf("says %q", said)
		}
		if w.counters["unanswered"] != 1 {
			t.Errorf("counters %v", w.counters)
		}
	})
}

// A scanner that is plugged in while a payment waits begins to read, and one
// whose agent stops ends.
func TestTheTriggerOutlivesUnplugging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWitness()
		d := scannerOn(t, "datalogic", nil, nil, w.take, nil)
		d.Listen(true)
		for range 2 {
			port := serial.NewFake()
			d.open = func(string) (serial.Port, error) { return port, nil }
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- d.Run(ctx, w) }()
			<-time.After(time.Second)
			cancel()
			<-done
			if got := string(port.Written()); got != "ED" {
				t.Errorf("told %q", got)
			}
		}
	})
}
