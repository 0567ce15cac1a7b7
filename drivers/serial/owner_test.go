package serial

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"testing"
	"time"

	bug "go.bug.st/serial"
	"golang.org/x/sys/unix"
)

// library stands in for the library's port, to show what it does at worst.
type library struct {
	mu      sync.Mutex
	reads   chan func() (string, error) // what the next reads answer
	sizes   []int                       // length of the buffers offered
	writes  []func(b []byte) (int, error)
	written []byte
	flushed int
	closed  int
}

func newLibrary(reads ...func() (string, error)) *library {
	l := &library{reads: make(chan func() (string, error), 1000)}
	for _, r := range reads {
		l.reads <- r
	}
	return l
}

func (l *library) Read(p []byte) (int, error) {
	l.mu.Lock()
	l.sizes = append(l.sizes, len(p))
	first := len(l.sizes) == 1
	l.mu.Unlock()
	if first {
		return 0, nil // the probe at open
	}
	select {
	case r := <-l.reads:
		text, err := r()
		return copy(p, text), err
	case <-time.After(5 * time.Millisecond):
		return 0, nil
	}
}

func (l *library) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.writes) > 0 {
		w := l.writes[0]
		l.writes = l.writes[1:]
		n, err := w(p)
		l.written = append(l.written, p[:n]...)
		return n, err
	}
	l.written = append(l.written, p...)
	return len(p), nil
}

func (l *library) SetReadTimeout(time.Duration) error { return nil }

func (l *library) ResetInputBuffer() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flushed++
	return nil
}

func (l *library) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed++
	return nil
}

func openLibrary(t *testing.T, l *library) Port {
	t.Helper()
	o := NewOpener(clock())
	o.native = func(string, *bug.Mode) (handle, error) { return l, nil }
	return open(t, o, "/dev/ttyACM0", Settings{Poll: 5 * time.Millisecond})
}

// Trap: the library's reader can panic; that ends one port, not the shop.
func TestPanicInTheReaderEndsOnlyThePort(t *testing.T) {
	l := newLibrary(func() (string, error) { panic("index out of range [16] with length 16") })
	p := openLibrary(t, l)
	drained(t, p)
	if !errors.Is(p.Err(), ErrReader) {
		t.Errorf("error %v", p.Err())
	}
	eventually(t, "the handle is closed", func() bool { l.mu.Lock(); defer l.mu.Unlock(); return l.closed == 1 })
}

// Trap: a read into an empty buffer answers "port closed".
func TestReadsNeverOfferAnEmptyBuffer(t *testing.T) {
	l := newLibrary(func() (string, error) { return "1", nil })
	p := openLibrary(t, l)
	collect(t, p, 1)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	for _, size := range l.sizes {
		if size == 0 {
			t.Errorf("buffers of %v were offered", l.sizes)
		}
	}
}

func TestOpenFlushesTheInput(t *testing.T) {
	l := newLibrary()
	if err := openLibrary(t, l).Close(); err != nil || l.flushed != 1 || l.closed != 1 {
		t.Errorf("flushed %d times, closed %d times, %v", l.flushed, l.closed, err)
	}
}

// Trap: an interrupted write is not repeated by the library, and a write may be
// short.
func TestWriteGoesOnAfterInterruptionsAndShortWrites(t *testing.T) {
	l := newLibrary()
	l.writes = []func([]byte) (int, error){
		func([]byte) (int, error) { return 0, unix.EINTR },
		func([]byte) (int, error) { return 2, nil },
		func([]byte) (int, error) { return 1, unix.EINTR },
	}
	p := openLibrary(t, l)
	if err := p.Write(t.Context(), []byte("abcdef")); err != nil || string(l.written) != "abcdef" {
		t.Errorf("wrote %q, %v", l.written, err)
	}
}

func TestWriteErrors(t *testing.T) {
	tests := []struct {
		name string
		n    int
		err  error
		want error
	}{
		{"hang-up", 0, unix.EIO, ErrUnplugged},
		{"removed", 0, unix.ENODEV, ErrUnplugged},
		{"other", 0, unix.EINVAL, unix.EINVAL},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLibrary()
			l.writes = []func([]byte) (int, error){func([]byte) (int, error) { return tt.n, tt.err }}
			p := openLibrary(t, l)
			if err := p.Write(t.Context(), []byte("x")); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if !errors.Is(p.Err(), tt.want) {
				t.Errorf("the port ended with %v", p.Err())
			}
		})
	}
}

func TestWriteHonoursItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	l := newLibrary()
	entered, release := make(chan struct{}), make(chan struct{})
	l.writes = []func([]byte) (int, error){func(b []byte) (int, error) {
		close(entered)
		<-release
		return len(b), nil
	}}
	p := openLibrary(t, l)
	first := make(chan error, 1)
	go func() { first <- p.Write(t.Context(), []byte("a")) }()
	<-entered
	cancel()
	if err := p.Write(ctx, []byte("b")); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
}

// A taker that sleeps gets no backlog: what does not fit is dropped and said.
func TestUntakenInputIsDroppedAndSaid(t *testing.T) {
	l := newLibrary()
	for range 3 * inputBuffer {
		l.reads <- func() (string, error) { return "x", nil }
	}
	p := openLibrary(t, l)
	eventually(t, "everything is read", func() bool { return len(l.reads) == 0 })
	l.reads <- func() (string, error) { return "y", nil }
	eventually(t, "the last is read", func() bool { return len(l.reads) == 0 })
	lost, bytes := false, 0
	deadline := time.After(patience)
	for !lost {
		select {
		case c := <-p.Input():
			bytes += len(c.Bytes)
			lost = c.Lost
		case <-deadline:
			t.Fatal("no chunk says that bytes were lost")
		}
	}
	if bytes > 2*inputBuffer {
		t.Errorf("%d bytes were kept for a taker who slept", bytes)
	}
}

// Silence that nobody took stood between two halves: without it they would look like one
// code, so it is said to be lost like bytes.
func TestUntakenSilenceIsSaid(t *testing.T) {
	l := newLibrary() // reads nothing but silence
	p := openLibrary(t, l)
	eventually(t, "more silence than anybody kept", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.sizes) > inputBuffer+3 // the probe, what fits, one that does not, and the next
	})
	for range inputBuffer + 1 {
		select {
		case c := <-p.Input():
			if len(c.Bytes) > 0 {
				t.Fatalf("read %q", c.Bytes)
			}
			if c.Lost {
				return
			}
		case <-time.After(patience):
			t.Fatal("no more silence is told")
		}
	}
	t.Error("silence was thrown away and nobody said so")
}

func TestLibraryErrorsAreTranslated(t *testing.T) {
	for _, tt := range []struct{ err, want error }{
		{unix.ENOENT, fs.ErrNotExist}, {unix.EIO, ErrUnplugged}, {unix.ENXIO, ErrUnplugged},
	} {
		o := NewOpener(clock())
		o.native = func(string, *bug.Mode) (handle, error) { return nil, tt.err }
		if _, err := o.Open("/dev/ttyACM0", Settings{}); !errors.Is(err, tt.want) || say(err) == "" {
			t.Errorf("%v became %v", tt.err, err)
		}
	}
}

func TestFakePlaysItsScript(t *testing.T) {
	f := NewFake(Step{At: 10, Bytes: "ab"}, Step{At: 700, Bytes: "c", End: ErrUnplugged})
	var bytes string
	var times []time.Duration
	for c := range f.Input() {
		bytes += string(c.Bytes)
		times = append(times, c.At)
	}
	if bytes != "abc" || len(times) != 4 || times[2] != 700 || !errors.Is(f.Err(), ErrUnplugged) {
		t.Errorf("%q at %v, %v", bytes, times, f.Err())
	}
	if err := f.Write(t.Context(), []byte("x")); !errors.Is(err, ErrUnplugged) {
		t.Errorf("write after unplugging: %v", err)
	}
}
