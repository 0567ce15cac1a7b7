package serial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sys/unix"

	"tillwire/agent"
)

// readSize is the size of one read. It is never zero: the library answers a
// read into an empty buffer with "port closed". Terminals give at most 4095
// bytes a call.
const readSize = 4096

// inputBuffer is how many chunks may wait for the codec. Beyond it bytes are
// thrown away and said to be: a scan that waited that long belongs to nobody.
const inputBuffer = 64

// owner is the one holder of a library port. One goroutine, own, does every
// write and the one Close; another, read, only reads. Close happens after the
// reader has returned and while no write runs, so no call can ever reach a
// descriptor number that the kernel has given to somebody else.
type owner struct {
	opener   *Opener
	clock    agent.Clock
	handle   handle
	path     string
	settings Settings

	input  chan Chunk
	writes chan request
	ending chan struct{} // closed when the port begins to end
	ended  chan struct{} // closed when the descriptor is closed

	mu        sync.Mutex
	err       error // why it ends
	closeErr  error // what Close of the descriptor said
	abandoned bool  // counted as stuck
	released  bool  // own has returned
}

type request struct {
	bytes []byte
	done  chan error // buffered: nobody may be waiting any more
}

func newOwner(o *Opener, h handle, path string, s Settings) *owner {
	p := &owner{
		opener: o, clock: o.clock, handle: h, path: path, settings: s,
		input: make(chan Chunk, inputBuffer), writes: make(chan request),
		ending: make(chan struct{}), ended: make(chan struct{}),
	}
	readerGone := make(chan struct{})
	go p.read(readerGone)
	go p.own(readerGone)
	return p
}

// Input implements Port.
func (p *owner) Input() <-chan Chunk { return p.input }

// Err implements Port.
func (p *owner) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// end begins the end of the port; the first cause stays.
func (p *owner) end(op string, cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return
	}
	p.err = fail(op, p.path, cause)
	close(p.ending)
}

// Write implements Port. A write that the device does not take within the
// timeout cannot be taken back from the kernel: its goroutine and descriptor
// are left behind, counted, and the port ends.
func (p *owner) Write(ctx context.Context, b []byte) error {
	const op = "write serial port"
	if len(b) == 0 {
		return p.Err()
	}
	r := request{bytes: append([]byte(nil), b...), done: make(chan error, 1)}
	late := p.clock.After(p.settings.WriteTimeout)
	select {
	case <-p.ending: // checked first: with both ready, select would choose either
		return p.Err()
	default:
	}
	select {
	case p.writes <- r:
	case <-p.ending:
		return p.Err()
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", op, ctx.Err())
	case <-late:
		p.abandon(op, ErrWriteStuck)
		return p.Err()
	}
	select {
	case err := <-r.done:
		return err
	case <-late:
		p.abandon(op, ErrWriteStuck)
		return p.Err()
	}
}

// Close implements Port. The reader returns within one poll and a write within
// its timeout; what takes longer is stuck in the kernel and abandoned.
func (p *owner) Close() error {
	const op = "close serial port"
	p.end(op, ErrClosed)
	select {
	case <-p.ended:
	case <-p.clock.After(p.settings.Poll + p.settings.WriteTimeout + closePatience):
		p.abandon(op, ErrReadStuck)
		return fail(op, p.path, ErrReadStuck)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closeErr != nil {
		return fail(op, p.path, p.closeErr)
	}
	return nil
}

// abandon ends the port and counts its goroutine as stuck until the kernel
// gives it back.
func (p *owner) abandon(op string, cause error) {
	p.end(op, cause)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.abandoned && !p.released {
		p.abandoned = true
		p.opener.addStuck(1)
	}
}

// own does every write, and closes the descriptor when nobody uses it.
func (p *owner) own(readerGone <-chan struct{}) {
	defer close(p.ended)
	for open := true; open; {
		select {
		case <-p.ending:
			open = false
		case r := <-p.writes:
			r.done <- p.put(r.bytes)
		}
	}
	<-readerGone
	err := p.handle.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closeErr = err
	p.released = true
	if p.abandoned {
		p.opener.addStuck(-1)
	}
}

// put writes all of b: the library may write less on a hang-up and does not
// repeat an interrupted call.
func (p *owner) put(b []byte) error {
	const op = "write serial port"
	for len(b) > 0 {
		n, err := p.handle.Write(b)
		b = b[n:]
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil && hungUp(err):
			p.end(op, fmt.Errorf("%w: %w", ErrUnplugged, err))
			return p.Err()
		case err != nil:
			p.end(op, err)
			return p.Err()
		case n == 0:
			p.end(op, io.ErrShortWrite)
			return p.Err()
		}
	}
	return nil
}

// read delivers what arrives until the port ends. It never waits for the
// taker, so that silence and unplugging are noticed in time.
func (p *owner) read(gone chan<- struct{}) {
	const op = "read serial port"
	defer close(gone)
	defer close(p.input)
	defer func() {
		if v := recover(); v != nil {
			p.end(op, fmt.Errorf("%w: %v", ErrReader, v))
		}
	}()
	buf := make([]byte, readSize)
	lost := false
	for {
		select {
		case <-p.ending:
			return
		default:
		}
		begun := p.clock.Mono()
		n, err := p.handle.Read(buf)
		if n > 0 {
			lost = !p.offer(Chunk{At: p.clock.Mono(), Bytes: append([]byte(nil), buf[:n]...), Lost: lost})
			clear(buf[:n]) // it may be a payment code
		}
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil && hungUp(err):
			p.end(op, fmt.Errorf("%w: %w", ErrUnplugged, err))
		case err != nil:
			p.end(op, err)
		case n == 0:
			// A timeout is no error here. The proof of silence reaches as far
			// as the call was asked to wait, not to the late moment at which
			// this goroutine runs again.
			// Thrown away it would join what it stood between, so that counts as lost, too.
			lost = !p.offer(Chunk{At: min(begun+p.settings.Poll, p.clock.Mono()), Lost: lost})
		}
	}
}

// offer hands a chunk over if there is room.
func (p *owner) offer(c Chunk) bool {
	select {
	case p.input <- c:
		return true
	default:
		return false
	}
}
