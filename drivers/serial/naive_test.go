package serial

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	bug "go.bug.st/serial"
)

// What a program gets that uses the library as it is. Each test here shows a
// trap; traps_test.go has the twin of the same name in which the owner does not
// fall into it. When the library mends one, its test fails, and the care for it
// may go.

// naive opens a port with the library alone.
func naive(t *testing.T, path string) bug.Port {
	t.Helper()
	p, err := bug.Open(path, &bug.Mode{BaudRate: 9600})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestNaiveWriteAfterCloseReachesARecycledDescriptor(t *testing.T) {
	d := newDevice(t)
	p := naive(t, d.path)
	numbers := descriptors(t, d.path)
	if err := p.Close(); err != nil || len(numbers) != 1 {
		t.Fatalf("descriptors %v, %v", numbers, err)
	}
	path := filepath.Join(t.TempDir(), "shop.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 64 { // the kernel gives the lowest free number
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if slices.Contains(descriptors(t, path), numbers[0]) {
			break
		}
	}
	if _, err := p.Write([]byte("beep!")); err != nil {
		t.Fatalf("the library has learned to refuse: %v", err)
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != "beep!" {
		t.Errorf("the file that took the number holds %q (%v)", content, err)
	}
}

func TestNaiveReadPanicsOnAHighDescriptor(t *testing.T) {
	d := newDevice(t)
	for range 1100 {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatalf("this test needs 1100 descriptors: %v", err)
		}
		defer f.Close()
	}
	p := naive(t, d.path)
	defer p.Close()
	defer func() {
		if recover() == nil {
			t.Error("the library reads beyond select(2) now")
		}
	}()
	if err := p.SetReadTimeout(time.Millisecond); err != nil {
		t.Fatal(err)
	}
	_, _ = p.Read(make([]byte, 1))
}

func TestNaiveCloseLeavesAWriteBlocked(t *testing.T) {
	d := newDevice(t)
	p := naive(t, d.path)
	written := make(chan error, 1)
	go func() {
		_, err := p.Write(make([]byte, 1<<20))
		written <- err
	}()
	select {
	case err := <-written:
		t.Fatalf("a write that nobody reads returned: %v", err)
	case <-time.After(100 * time.Millisecond): // it has filled the kernel's buffer by then
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-written:
		t.Errorf("Close releases a write now: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	d.unplug() // only this does
	select {
	case <-written:
	case <-time.After(patience):
		t.Error("unplugging does not release it either")
	}
}

func TestNaiveSilenceUnpluggingAndClosingLookAlike(t *testing.T) {
	d := newDevice(t)
	p := naive(t, d.path)
	defer p.Close()
	if err := p.SetReadTimeout(time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if n, err := p.Read(make([]byte, 8)); n != 0 || err != nil {
		t.Errorf("silence is %d, %v now", n, err)
	}
	code := func(err error) bug.PortErrorCode {
		var known *bug.PortError
		if !errors.As(err, &known) {
			t.Errorf("error %v", err)
			return bug.PortBusy
		}
		return known.Code()
	}
	d.send(t, "1")
	_, empty := p.Read(nil)
	d.unplug()
	_, gone := p.Read(make([]byte, 8))
	if code(empty) != bug.PortClosed || code(gone) != bug.PortClosed {
		t.Errorf("an empty buffer says %v, unplugging %v", empty, gone)
	}
	fresh := newDevice(t)
	q := naive(t, fresh.path)
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if _, closed := q.Read(make([]byte, 8)); code(closed) != bug.PortClosed {
		t.Errorf("our own Close says %v", closed)
	}
}

func TestNaiveInitialStatusBitsRefuseAPseudoTerminal(t *testing.T) {
	d := newDevice(t)
	p, err := bug.Open(d.path, &bug.Mode{InitialStatusBits: &bug.ModemOutputBits{DTR: true}})
	if err == nil {
		t.Errorf("the library takes them now (%v)", p.Close())
	}
}

func TestNaiveOpenDeliversWhatCameBefore(t *testing.T) {
	d := newDevice(t)
	if err := naive(t, d.path).Close(); err != nil { // makes the line raw
		t.Fatal(err)
	}
	d.send(t, "280000000000000000\r")
	p := naive(t, d.path)
	defer p.Close()
	if err := p.SetReadTimeout(patience); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 32)
	if n, err := p.Read(buf); err != nil || string(buf[:n]) != "280000000000000000\r" {
		t.Errorf("read %q, %v", buf[:n], err)
	}
}

func TestNaiveMissingDeviceIsNotPortNotFound(t *testing.T) {
	_, err := bug.Open(filepath.Join(t.TempDir(), "ttyACM9"), &bug.Mode{})
	var known *bug.PortError
	if !errors.Is(err, os.ErrNotExist) || errors.As(err, &known) {
		t.Errorf("error %v", err)
	}
}
