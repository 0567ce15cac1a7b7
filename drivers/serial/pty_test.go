package serial

import (
	"bytes"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/creack/pty"
	"go.uber.org/goleak"

	"tillwire/agent"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for something that has to happen.
const patience = 2 * time.Minute

// device is the far end of a pseudo-terminal, as a scanner would be.
type device struct {
	master *os.File
	path   string
}

func newDevice(t *testing.T) *device {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatalf("this test needs pseudo-terminals: %v", err)
	}
	d := &device{master: master, path: slave.Name()}
	if err := slave.Close(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.unplug() })
	return d
}

// unplug closes the far end, which hangs up the port.
func (d *device) unplug() { _ = d.master.Close() }

func (d *device) send(t *testing.T, text string) {
	t.Helper()
	if _, err := d.master.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, o *Opener, path string, s Settings) Port {
	t.Helper()
	p, err := o.Open(path, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// collect reads until want bytes have arrived, and returns them.
func collect(t *testing.T, p Port, want int) []byte {
	t.Helper()
	var got []byte
	deadline := time.After(patience)
	for len(got) < want {
		select {
		case c, ok := <-p.Input():
			if !ok {
				t.Fatalf("port ended after %d of %d bytes: %v", len(got), want, p.Err())
			}
			got = append(got, c.Bytes...)
		case <-deadline:
			t.Fatalf("only %d of %d bytes arrived", len(got), want)
		}
	}
	return got
}

// drained reports that the input is closed, taking what is left in it.
func drained(t *testing.T, p Port) {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case _, ok := <-p.Input():
			if !ok {
				return
			}
		case <-deadline:
			t.Fatal("the input is not closed")
		}
	}
}

func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for !happened() {
		select {
		case <-deadline:
			t.Fatalf("never happened: %s", what)
		default:
			runtime.Gosched()
		}
	}
}

// descriptors lists the open descriptors of this process that lead to path.
func descriptors(t *testing.T, path string) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && target == path {
			found = append(found, e.Name())
		}
	}
	return found
}

func clock() agent.Clock { return agent.NewSystemClock() }

func TestAllByteValuesPassBothWays(t *testing.T) {
	d := newDevice(t)
	p := open(t, NewOpener(clock()), d.path, Settings{})
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	d.send(t, string(all))
	if got := collect(t, p, len(all)); !bytes.Equal(got, all) {
		t.Errorf("read % X", got)
	}
	if err := p.Write(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(all))
	for n := 0; n < len(got); {
		m, err := d.master.Read(got[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += m
	}
	if !bytes.Equal(got, all) {
		t.Errorf("wrote % X", got)
	}
}

func TestSettingsAreChecked(t *testing.T) {
	d := newDevice(t)
	for _, s := range []Settings{{Parity: "X"}, {StopBits: 3}, {DataBits: 9}, {Baud: -1}} {
		if p, err := NewOpener(clock()).Open(d.path, s); err == nil {
			t.Errorf("%+v was accepted", s)
			_ = p.Close()
		}
	}
	for _, s := range []Settings{{Baud: 115200, DataBits: 7, Parity: ParityEven}, {Parity: ParityOdd, StopBits: 2}, {Baud: 12345}} {
		p, err := NewOpener(clock()).Open(d.path, s)
		if err != nil {
			t.Errorf("%+v: %v", s, err)
			continue
		}
		if err := p.Close(); err != nil {
			t.Errorf("%+v: close: %v", s, err)
		}
	}
}
