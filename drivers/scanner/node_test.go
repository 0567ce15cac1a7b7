package scanner

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"tillwire/agent"
	"tillwire/drivers"
	"tillwire/drivers/serial"
)

// scripted stands in for the ioctls of the kernel: this machine need not have
// the hardware.
type scripted struct{ err error }

func (s scripted) grab(int) error        { return s.err }
func (s scripted) checkHIDPOS(int) error { return s.err }

// pipe makes a named pipe in place of a device node, with its far end.
func pipe(t *testing.T) (path string, far *os.File) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "event7")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	far, err := os.OpenFile(path, os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = far.Close() })
	return path, far
}

func keyboard(t *testing.T, path string, k kernel) (*device, chan agent.Scan) {
	t.Helper()
	scans := make(chan agent.Scan, 8)
	clock := agent.NewSystemClock()
	unit := drivers.Registry(Specs()).Build(
		drivers.Config{ID: "1.scanner", Lane: "1", Kind: agent.KindScanner, Driver: "hid-wedge", Path: path, Keys: map[string]any{"open_grace": 0}},
		drivers.Env{Clock: clock, Log: slog.New(slog.DiscardHandler), Sink: func(s agent.Scan) { scans <- s }})
	if unit.Err != nil {
		t.Fatal(unit.Err)
	}
	d := unit.Device.(*device)
	d.stale = patience
	n := newNodes(clock, 20*time.Millisecond)
	n.kernel = k
	d.open = n.input
	return d, scans
}

// What a scanner types arrives as a code, and what it typed before the agent
// listened does not.
func TestAKeyboardScannerIsRead(t *testing.T) {
	path, far := pipe(t)
	d, scans := keyboard(t, path, scripted{})
	write := func(text string) {
		t.Helper()
		b, err := hex.DecodeString(typed(text))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := far.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	write("99999\n")
	ctx, cancel := context.WithCancel(t.Context())
	b := &bench{t: t, ready: make(chan struct{})}
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx, b) }()
	<-b.ready
	write("281234567890123456\n")
	select {
	case s := <-scans:
		if s.Text.Reveal() != phone {
			t.Errorf("scanned %q", s.Text.Reveal())
		}
	case <-time.After(patience):
		t.Error("nothing arrived")
	}
	d.Listen(true) // a keyboard has no trigger
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

// What is wrong with a node is said with what to do, and nothing stays open.
func TestNodesThatCannotBeUsedSayWhy(t *testing.T) {
	for _, tc := range []struct {
		name string
		k    kernel
		path string
		want error
		say  string
	}{
		{"grabbed by somebody else", scripted{unix.EBUSY}, "", serial.ErrBusy, "in use by another program"},
		{"a key is held", scripted{errKeyHeld}, "", errKeyHeld, "let go of it"},
		{"a power button", scripted{errNotKeyboard}, "", errNotKeyboard, "another event node"},
		{"no such node", scripted{}, "/dev/input/no-such-event", fs.ErrNotExist, "nothing is plugged in"},
		{"nothing that can be waited for", scripted{}, "/dev/null", os.ErrNoDeadline, "unplug the scanner"},
		{"no such ioctl: not an input device", ioctls{}, "", unix.ENOTTY, "unplug the scanner"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path, _ := pipe(t)
			if tc.path != "" {
				path = tc.path
			}
			before := openDescriptors(t)
			d, _ := keyboard(t, path, tc.k)
			err := d.Run(t.Context(), newWitness())
			var known *agent.Error
			if !errors.Is(err, tc.want) || !errors.As(err, &known) || !strings.Contains(known.Say.English, tc.say) {
				t.Errorf("error %v", err)
			}
			if after := openDescriptors(t); after > before {
				t.Errorf("%d descriptors, were %d", after, before)
			}
		})
	}
}

// Pulling the scanner out ends the port as unplugged, and closes it at once.
func TestAnUnpluggedNodeEnds(t *testing.T) {
	path, far := pipe(t)
	n := newNodes(agent.NewSystemClock(), 20*time.Millisecond)
	n.kernel = scripted{}
	port, err := n.input(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := far.Close(); err != nil { // the last writer: end of file
		t.Fatal(err)
	}
	deadline := time.After(patience)
	for open := true; open; {
		select {
		case _, open = <-port.Input():
		case <-deadline:
			t.Fatal("the port does not end")
		}
	}
	if !errors.Is(port.Err(), serial.ErrUnplugged) {
		t.Errorf("ended with %v", port.Err())
	}
	if err := port.Write(t.Context(), []byte{1}); !errors.Is(err, serial.ErrUnplugged) {
		t.Errorf("a write afterwards: %v", err)
	}
	if err := port.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// turns is a clock that counts how often a port's reader began to wait.
type turns struct {
	agent.SystemClock
	n *atomic.Int64
}

func (c turns) Now() time.Time { c.n.Add(1); return c.SystemClock.Now() }

// Silence that nobody took is lost like bytes: it stood between two codes.
func TestUntakenSilenceOfANodeIsSaid(t *testing.T) {
	path, _ := pipe(t)
	clock := turns{agent.NewSystemClock(), &atomic.Int64{}}
	n := newNodes(clock, time.Millisecond)
	n.kernel = scripted{}
	port, err := n.input(path)
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	for end := time.After(patience); clock.n.Load() < nodeBuffer+4; { // those that fit, one that does not, and the next
		select {
		case <-end:
			t.Fatal("the port does not read")
		default:
			runtime.Gosched()
		}
	}
	for range nodeBuffer + 1 {
		if c := <-port.Input(); c.Lost {
			return
		}
	}
	t.Error("silence was thrown away and nobody said so")
}

// An output report goes out whole, and one that came in arrives.
func TestAHIDDeviceIsWrittenTo(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatalf("this test needs pseudo-terminals: %v", err)
	}
	defer master.Close()
	defer slave.Close()
	raw, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	raw.Iflag, raw.Oflag, raw.Lflag = 0, 0, 0
	if err := unix.IoctlSetTermios(int(slave.Fd()), unix.TCSETS, raw); err != nil {
		t.Fatal(err)
	}
	n := newNodes(agent.NewSystemClock(), time.Second)
	n.kernel = scripted{}
	port, err := n.hidraw(slave.Name())
	if err != nil {
		t.Fatal(err)
	}
	trigger := []byte("\xfd\x03\x16T\r")
	if err := port.Write(t.Context(), trigger); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, len(trigger))
	if _, err := io.ReadFull(master, buf); err != nil || !bytes.Equal(buf, trigger) {
		t.Errorf("the device got % X, %v", buf, err)
	}
	if _, err := master.Write([]byte("report")); err != nil {
		t.Fatal(err)
	}
	if c := <-port.Input(); string(c.Bytes) != "report" {
		t.Errorf("read %q", c.Bytes)
	}
	if err := port.Close(); err != nil || !errors.Is(port.Err(), serial.ErrClosed) {
		t.Errorf("close: %v, %v", err, port.Err())
	}
}

func TestJudgingNodes(t *testing.T) {
	bits := func(codes ...int) []byte {
		b := make([]byte, keyBytes)
		for _, c := range codes {
			b[c/8] |= 1 << (c % 8)
		}
		return b
	}
	for _, tc := range []struct {
		keys, held []byte
		want       error
	}{
		{bits(key1, keyEnter), bits(), nil},
		{bits(key1), bits(), errNotKeyboard},
		{bits(keyEnter), bits(), errNotKeyboard},
		{bits(key1, keyEnter), bits(30), errKeyHeld},
	} {
		if err := judgeKeyboard(tc.keys, tc.held); !errors.Is(err, tc.want) {
			t.Errorf("judged %v, want %v", err, tc.want)
		}
	}
	if err := judgeDescriptor([]byte{0x05, 0x8c, 0x09, 0x02, 0xa1}); err != nil {
		t.Error(err)
	}
	if err := judgeDescriptor([]byte{0x05, 0x01, 0x09, 0x06, 0xa1}); !errors.Is(err, errNotHIDPOS) {
		t.Errorf("a keyboard's descriptor: %v", err)
	}
}
