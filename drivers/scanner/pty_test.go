package scanner

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"tillwire/agent"
	"tillwire/drivers"
)

// bench is a real device on the far end of a pseudo-terminal: what it does with
// the real owner of the port, claims and all.
type bench struct {
	t      *testing.T
	master *os.File
	device *device
	scans  chan agent.Scan
	ready  chan struct{}

	mu    sync.Mutex
	heard []byte // what the agent wrote
	more  chan struct{}
}

func newBench(t *testing.T, driver string, keys map[string]any) *bench {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatalf("this test needs pseudo-terminals: %v", err)
	}
	b := &bench{t: t, master: master, scans: make(chan agent.Scan, 8), ready: make(chan struct{}), more: make(chan struct{}, 1)}
	clock, log := agent.NewSystemClock(), slog.New(slog.DiscardHandler)
	written := map[string]any{"open_grace": 0}
	for k, v := range keys {
		written[k] = v
	}
	unit := drivers.Registry(Specs()).Build(
		drivers.Config{ID: "1.scanner", Lane: "1", Kind: agent.KindScanner, Driver: driver, Path: slave.Name(), Keys: written},
		drivers.Env{Clock: clock, Log: log, Sink: func(s agent.Scan) { b.scans <- s }})
	if unit.Err != nil {
		t.Fatal(unit.Err)
	}
	b.device = unit.Device.(*device)
	b.device.stale = patience
	ctx, cancel := context.WithCancel(t.Context())
	ran, listened := make(chan error, 1), make(chan struct{})
	go func() { ran <- b.device.Run(ctx, b) }()
	<-b.ready // raw from here on
	go b.listen(listened)
	t.Cleanup(func() {
		cancel()
		if err := <-ran; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
		_, _ = slave.Close(), master.Close()
		<-listened
	})
	return b
}

// Ready implements drivers.Reporter.
func (b *bench) Ready() {
	select {
	case <-b.ready:
	default:
		close(b.ready)
	}
}

// Degraded implements drivers.Reporter.
func (b *bench) Degraded(why agent.Sentence) { b.t.Errorf("degraded: %s", why) }

// Count implements drivers.Reporter.
func (b *bench) Count(string) {}

func (b *bench) listen(done chan<- struct{}) {
	defer close(done)
	buf := make([]byte, 256)
	for {
		n, err := b.master.Read(buf)
		b.mu.Lock()
		b.heard = append(b.heard, buf[:n]...)
		b.mu.Unlock()
		select {
		case b.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// hears waits for the agent to have written exactly these bytes since the last
// call.
func (b *bench) hears(what, want string) {
	b.t.Helper()
	wanted, err := hex.DecodeString(strings.ReplaceAll(want, " ", ""))
	if err != nil {
		b.t.Fatal(err)
	}
	deadline := time.After(patience)
	for {
		b.mu.Lock()
		heard := b.heard
		if len(heard) >= len(wanted) {
			b.heard = heard[len(wanted):]
		}
		b.mu.Unlock()
		if len(heard) >= len(wanted) {
			if !bytes.Equal(heard[:len(wanted)], wanted) {
				b.t.Fatalf("%s: heard % X, want % X", what, heard, wanted)
			}
			return
		}
		select {
		case <-b.more:
		case <-deadline:
			b.t.Fatalf("%s: heard % X, want % X", what, heard, wanted)
		}
	}
}

func (b *bench) sends(hexes string) {
	b.t.Helper()
	data, err := hex.DecodeString(strings.ReplaceAll(hexes, " ", ""))
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.master.Write(data); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		b.t.Fatal(err)
	}
}

func (b *bench) scanned(want string) {
	b.t.Helper()
	select {
	case s := <-b.scans:
		if s.Text.Reveal() != want || s.Lane != "1" {
			b.t.Fatalf("scanned %q on lane %s, want %q", s.Text.Reveal(), s.Lane, want)
		}
	case <-time.After(patience):
		b.t.Fatalf("%q never arrived", want)
	}
}

const phone = "281234567890123456"

// Each family at a real counter, on the real owner of a port: a payment waits,
// the scanner is told, it answers and reads, hears that the code was taken, and
// is told to rest.
func TestEachFamilyAtACounter(t *testing.T) {
	code := text(phone)
	for _, tc := range []struct {
		driver, set, on, answer, reads, back, accepted, off string
	}{
		{driver: "line", reads: code + "0D"},
		{driver: "zebra-olivetti", reads: "02" + code + "03"},
		{driver: "zebra-ds-ssi", set: "09C60400FFEE019F01FC9F", answer: "04D00000FF2C", on: "04E40400FF14",
			reads: "17F300001C" + code + ssiCheckOf("17F300001C"+code), back: "04D00400FF28", accepted: "05E6040000FF11", off: "04E50400FF13"},
		{driver: "gm67", set: "0BC60400FFEE019F018A08FC0B", answer: "04D00400FF28", on: "04E40400FF14",
			reads: "17F304001C" + code + ssiCheckOf("17F304001C"+code), back: "04D00400FF28", accepted: "05E6040000FF11", off: "04E50400FF13"},
		{driver: "honeywell-packets", set: "164D0D4445434844523121", answer: text("DECHDR1\x06!"), on: "16540D",
			reads: "16FE210000000D" + text("MSGGET0019sQ1\x1d") + code + "0D", accepted: "16070D", off: "16550D"},
		{driver: "honeywell-voyager", on: "16540D", reads: code + "0D", accepted: "16070D", off: "16550D"},
		{driver: "newland-cdc", on: "7E01303030302353434E545247313B03", answer: text("\x02\x010000#SCNTRG1\x06;\x03"),
			reads: code + "0D0A", off: "7E01303030302353434E545247303B03"},
		{driver: "datalogic-usb-com", on: "45", reads: code + "0D", accepted: "01", off: "44"},
		{driver: "gm65", on: "7E000801000201ABCD", answer: "02000001003331", reads: code},
	} {
		t.Run(tc.driver, func(t *testing.T) {
			b := newBench(t, tc.driver, nil)
			if tc.set != "" {
				b.hears("set up", tc.set)
				b.sends(tc.answer)
			}
			b.device.Listen(true)
			b.hears("a payment waits", tc.on)
			b.sends(tc.answer)
			b.sends(tc.reads)
			b.scanned(phone)
			b.hears("the reading", tc.back)
			b.device.Answer(true)
			b.hears("it was taken", tc.accepted)
			if tc.back != "" {
				b.sends(tc.answer)
			}
			b.device.Listen(false)
			b.hears("none waits", tc.off)
		})
	}
}

// ssiCheckOf is the checksum of a packet in hex.
func ssiCheckOf(packet string) string {
	b, _ := hex.DecodeString(packet)
	sealed := ssiSeal(b)
	return hex.EncodeToString(sealed[len(b):])
}

// A damaged packet at a real port is asked for again, and the second reading
// is delivered once, however often the scanner repeats it.
func TestADamagedPacketIsReadOnceInTheEnd(t *testing.T) {
	b := newBench(t, "ssi", map[string]any{"setup": false, "trigger": "off"})
	whole := "17F300001C" + text(phone)
	again := "17F300011C" + text(phone)
	b.sends("17F300001C" + text("281234567890123457") + ssiCheckOf(whole))
	b.hears("the damaged one", "05D1040001FF25")
	for range 3 {
		b.sends(again + ssiCheckOf(again))
		b.hears("again", "04D00400FF28")
	}
	b.scanned(phone)
	b.sends("0AF300001C" + text("77777") + ssiCheckOf("0AF300001C"+text("77777")))
	b.scanned("77777")
}
