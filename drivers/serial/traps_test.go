package serial

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tillwire/agent"
)

// Trap: the library's Write after Close still writes to the descriptor's
// number. With a database in the same process that is a corrupt database.
func TestWriteAfterCloseNeverReachesARecycledDescriptor(t *testing.T) {
	d := newDevice(t)
	p := open(t, NewOpener(clock()), d.path, Settings{})
	numbers := descriptors(t, d.path)
	if len(numbers) != 1 {
		t.Fatalf("descriptors %v lead to %s", numbers, d.path)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "shop.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// The kernel gives the lowest free number, so the port's is soon reused.
	for range 64 {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if slices.Contains(descriptors(t, path), numbers[0]) {
			break
		}
	}
	if !slices.Contains(descriptors(t, path), numbers[0]) {
		t.Fatalf("no file took number %s: the test proves nothing", numbers[0])
	}
	for range 10 {
		if err := p.Write(t.Context(), []byte("beep!")); !errors.Is(err, ErrClosed) {
			t.Errorf("write after close: %v", err)
		}
	}
	if content, err := os.ReadFile(path); err != nil || len(content) != 0 {
		t.Errorf("the file that took the number now holds %q (%v)", content, err)
	}
}

// The same with writers that race the Close.
func TestWritesRacingCloseEndWithIt(t *testing.T) {
	for range 20 {
		d := newDevice(t)
		p := open(t, NewOpener(clock()), d.path, Settings{Poll: 10 * time.Millisecond})
		var writers sync.WaitGroup
		for range 4 {
			writers.Go(func() {
				for {
					if err := p.Write(t.Context(), []byte("x")); err != nil {
						if !errors.Is(err, ErrClosed) {
							t.Errorf("write: %v", err)
						}
						return
					}
				}
			})
		}
		reader := make([]byte, 1)
		if _, err := d.master.Read(reader); err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		writers.Wait()
		d.unplug()
	}
}

// Trap: the library waits with select(2) and panics on descriptors from 1024.
func TestDescriptorBeyondSelectIsRefusedWithAReason(t *testing.T) {
	d := newDevice(t)
	var files []*os.File
	defer func() {
		for _, f := range files {
			_ = f.Close()
		}
	}()
	for range 1100 {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatalf("this test needs 1100 descriptors: %v", err)
		}
		files = append(files, f)
	}
	_, err := NewOpener(clock()).Open(d.path, Settings{})
	if !errors.Is(err, ErrDescriptors) || !strings.Contains(say(err), "too many files open") {
		t.Errorf("error %v", err)
	}
	if left := descriptors(t, d.path); len(left) != 0 {
		t.Errorf("descriptors %v are left open", left)
	}
}

// say is the sentence an error has for people.
func say(err error) string {
	var e *agent.Error
	if errors.As(err, &e) {
		return e.Say.English
	}
	return ""
}

// Trap: Close does not release a blocked Write, and there is no write timeout.
// The call is left behind, counted, and the fourth is not risked.
func TestBlockedWriteIsAbandonedAndCapped(t *testing.T) {
	o := NewOpener(clock())
	full := make([]byte, 1<<20)
	var devices []*device
	var ports []Port
	for i := 1; i <= MaxStuck; i++ {
		d := newDevice(t)
		p, err := o.Open(d.path, Settings{Poll: 10 * time.Millisecond, WriteTimeout: 50 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Write(t.Context(), full); !errors.Is(err, ErrWriteStuck) {
			t.Fatalf("a write nobody reads: %v", err)
		}
		if err := p.Write(t.Context(), []byte("more")); !errors.Is(err, ErrWriteStuck) {
			t.Errorf("the next write: %v", err)
		}
		drained(t, p) // the reader is not held by the writer
		if o.Stuck() != i {
			t.Errorf("%d calls counted as stuck, want %d", o.Stuck(), i)
		}
		devices, ports = append(devices, d), append(ports, p)
	}
	fresh := newDevice(t)
	if _, err := o.Open(fresh.path, Settings{}); !errors.Is(err, ErrNeedsPowerCycle) {
		t.Errorf("a fourth open: %v", err)
	}
	for _, d := range devices {
		d.unplug() // the power cycle
	}
	eventually(t, "the kernel gives the calls back", func() bool { return o.Stuck() == 0 })
	for i, p := range ports {
		if err := p.Close(); err != nil {
			t.Errorf("close %d: %v", i, err)
		}
	}
	open(t, o, fresh.path, Settings{})
}

// Trap: a read timeout is (0, nil), on which io.ReadFull would spin. Here it is
// a proof of silence with its moment.
func TestSilenceIsReportedAsAProof(t *testing.T) {
	d := newDevice(t)
	p := open(t, NewOpener(clock()), d.path, Settings{Poll: 20 * time.Millisecond})
	var last time.Duration
	for n := 0; n < 3; {
		c := <-p.Input()
		if len(c.Bytes) > 0 || c.At < last {
			t.Fatalf("chunk %+v after %v", c, last)
		}
		last = c.At
		n++
	}
	d.send(t, "1")
	for {
		c := <-p.Input()
		if c.At < last {
			t.Fatalf("chunk %+v after %v", c, last)
		}
		if len(c.Bytes) > 0 {
			break
		}
	}
	if p.Err() != nil {
		t.Errorf("silence ended the port: %v", p.Err())
	}
}

// Trap: unplugging and our own Close give the same code in the library.
func TestUnpluggingAndClosingAreToldApart(t *testing.T) {
	d := newDevice(t)
	p := open(t, NewOpener(clock()), d.path, Settings{})
	if p.Err() != nil {
		t.Errorf("an open port says %v", p.Err())
	}
	d.send(t, "281\r")
	collect(t, p, 4)
	d.unplug()
	drained(t, p)
	if !errors.Is(p.Err(), ErrUnplugged) || errors.Is(p.Err(), ErrClosed) {
		t.Errorf("after unplugging: %v", p.Err())
	}
	if err := p.Write(t.Context(), []byte("x")); !errors.Is(err, ErrUnplugged) {
		t.Errorf("write after unplugging: %v", err)
	}

	d = newDevice(t)
	p = open(t, NewOpener(clock()), d.path, Settings{})
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	drained(t, p)
	if !errors.Is(p.Err(), ErrClosed) || errors.Is(p.Err(), ErrUnplugged) {
		t.Errorf("after closing: %v", p.Err())
	}
}

// Trap: while the descriptor stays open, a replugged device gets another name.
func TestUnpluggingClosesTheDescriptorAtOnce(t *testing.T) {
	d := newDevice(t)
	p := open(t, NewOpener(clock()), d.path, Settings{})
	d.unplug()
	drained(t, p)
	eventually(t, "the descriptor is closed without a call of Close", func() bool {
		return len(descriptors(t, d.path)) == 0 && len(descriptors(t, d.path+" (deleted)")) == 0
	})
}

// Trap: initial modem bits make Open fail on pseudo-terminals and on adapters
// without modem lines.
func TestInitialStatusBitsAreNeverSet(t *testing.T) {
	mode, err := Settings{}.withDefaults().mode()
	if err != nil || mode.InitialStatusBits != nil {
		t.Errorf("mode %+v, %v", mode, err)
	}
}

// Trap: the library's exclusive flag stays on a pseudo-terminal whose opener was
// killed, and locks the next agent out unless it is root.
func TestNoExclusiveFlagStaysOnAPseudoTerminal(t *testing.T) {
	d := newDevice(t)
	open(t, NewOpener(clock()), d.path, Settings{})
	other, err := os.OpenFile(d.path, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if flag, err := unix.IoctlGetInt(int(other.Fd()), unix.TIOCGEXCL); err != nil || flag != 0 {
		t.Errorf("exclusive flag %d, %v", flag, err)
	}
}

// Trap: what was sent while nobody listened is delivered at open, and would be
// a scan that belongs to no payment.
func TestOpenThrowsAwayWhatCameBefore(t *testing.T) {
	d := newDevice(t)
	first := open(t, NewOpener(clock()), d.path, Settings{}) // makes the line raw
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	d.send(t, "280000000000000000\r")
	p := open(t, NewOpener(clock()), d.path, Settings{})
	d.send(t, "new\r")
	if got := string(collect(t, p, 4)); got != "new\r" {
		t.Errorf("read %q", got)
	}
}

// Trap: a missing device is not the library's "port not found".
func TestMissingDeviceIsNotExist(t *testing.T) {
	dir := t.TempDir()
	dangling := filepath.Join(dir, "usb-Scanner-if00")
	if err := os.Symlink(filepath.Join(dir, "ttyACM0"), dangling); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "ttyACM9"), dangling} {
		_, err := NewOpener(clock()).Open(path, Settings{})
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(say(err), path) {
			t.Errorf("error %v", err)
		}
	}
}

func TestSomethingThatIsNoSerialPort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(path, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewOpener(clock()).Open(path, Settings{}); err == nil || !strings.Contains(say(err), "serial device") {
		t.Errorf("error %v", err)
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != "hello" {
		t.Errorf("the file holds %q (%v)", content, err)
	}
}
