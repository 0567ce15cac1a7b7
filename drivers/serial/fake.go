package serial

import (
	"context"
	"sync"
	"time"
)

// fakeBuffer is how many chunks a fake port holds for a reader that has not
// begun yet.
const fakeBuffer = 1024

// Fake is a scripted port for tests: bytes at virtual times, silence, errors
// and unplugging, without a clock and without a device.
type Fake struct {
	input chan Chunk

	mu      sync.Mutex
	err     error
	refuse  error
	written []byte
	closed  int
}

// Step is one line of a script. Bytes arrive at At, and the line was silent
// before; with End the port ends with that error afterwards.
type Step struct {
	At    time.Duration
	Bytes string
	End   error
}

// NewFake returns an open port whose script has already happened: a reader
// finds everything waiting, with its virtual times.
func NewFake(script ...Step) *Fake {
	f := &Fake{input: make(chan Chunk, fakeBuffer)}
	for _, s := range script {
		f.Quiet(s.At)
		if s.Bytes != "" {
			f.Feed(s.At, s.Bytes)
		}
		if s.End != nil {
			f.End(s.End)
		}
	}
	return f
}

// Feed delivers bytes as read at at.
func (f *Fake) Feed(at time.Duration, bytes string) { f.send(Chunk{At: at, Bytes: []byte(bytes)}) }

// Quiet proves that nothing arrived until at.
func (f *Fake) Quiet(at time.Duration) { f.send(Chunk{At: at}) }

// Drop says that bytes before the next Feed were lost.
func (f *Fake) Drop(at time.Duration) { f.send(Chunk{At: at, Lost: true}) }

func (f *Fake) send(c Chunk) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.input <- c
	}
}

// Unplug ends the port as if the device had been pulled out.
func (f *Fake) Unplug() { f.End(ErrUnplugged) }

// End ends the port with a cause; the first one stays.
func (f *Fake) End(cause error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = fail("read serial port", "fake", cause)
		close(f.input)
	}
}

// RefuseWrites makes every later Write fail with err.
func (f *Fake) RefuseWrites(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = err
}

// Written returns everything written so far.
func (f *Fake) Written() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]byte(nil), f.written...)
}

// Closed is how often Close was called.
func (f *Fake) Closed() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

// Input implements Port.
func (f *Fake) Input() <-chan Chunk { return f.input }

// Write implements Port.
func (f *Fake) Write(_ context.Context, b []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	if f.refuse != nil {
		return f.refuse
	}
	f.written = append(f.written, b...)
	return nil
}

// Err implements Port.
func (f *Fake) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// Close implements Port.
func (f *Fake) Close() error {
	f.End(ErrClosed)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed++
	return nil
}
