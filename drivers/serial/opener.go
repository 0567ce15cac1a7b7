package serial

import (
	"errors"
	"fmt"
	"sync"
	"time"

	bug "go.bug.st/serial"
	"golang.org/x/sys/unix"

	"tillwire/agent"
)

// MaxStuck is how many calls into the kernel may be abandoned per device
// before it is given up: each keeps a thread, a descriptor and some memory.
const MaxStuck = 3

// handle is what the owner uses of the library's port, and nothing else of it.
type handle interface {
	Read(p []byte) (int, error)
	Write(p []byte) (int, error)
	SetReadTimeout(t time.Duration) error
	ResetInputBuffer() error
	Close() error
}

// Opener opens the ports of one device, one after the other, and remembers what
// it could not get back from the kernel. Use one for each device and keep it.
type Opener struct {
	clock  agent.Clock
	native func(path string, mode *bug.Mode) (handle, error)

	mu    sync.Mutex
	stuck int
}

// NewOpener returns an opener for one device.
func NewOpener(clock agent.Clock) *Opener {
	return &Opener{clock: clock, native: nativeOpen}
}

// Stuck is how many calls are still held by the kernel, at most MaxStuck.
func (o *Opener) Stuck() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.stuck
}

func (o *Opener) addStuck(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stuck += n
}

// Open opens the device at path and throws away what it sent before. A missing
// device is fs.ErrNotExist. The caller must hold the claim of the device.
func (o *Opener) Open(path string, s Settings) (Port, error) {
	const op = "open serial port"
	s = s.withDefaults()
	mode, err := s.mode()
	if err != nil {
		return nil, fail(op, path, err)
	}
	if o.Stuck() >= MaxStuck {
		return nil, fail(op, path, ErrNeedsPowerCycle)
	}
	h, err := o.native(path, mode)
	if err != nil {
		return nil, fail(op, path, translate(err))
	}
	if err := prepare(h, s.Poll); err != nil {
		return nil, errors.Join(fail(op, path, err), h.Close())
	}
	return newOwner(o, h, path, s), nil
}

// mode leaves InitialStatusBits unset: pseudo-terminals and some adapters have
// no modem lines, and Open would fail on them.
func (s Settings) mode() (*bug.Mode, error) {
	if s.Baud < minBaud || s.Baud > maxBaud {
		return nil, fmt.Errorf("%d baud: must be %d to %d", s.Baud, minBaud, maxBaud)
	}
	m := &bug.Mode{BaudRate: s.Baud, DataBits: s.DataBits}
	switch s.Parity {
	case ParityNone:
		m.Parity = bug.NoParity
	case ParityEven:
		m.Parity = bug.EvenParity
	case ParityOdd:
		m.Parity = bug.OddParity
	default:
		return nil, fmt.Errorf("parity %q is not N, E or O", s.Parity)
	}
	switch s.StopBits {
	case 1:
		m.StopBits = bug.OneStopBit
	case 2:
		m.StopBits = bug.TwoStopBits
	default:
		return nil, fmt.Errorf("%d stop bits: must be 1 or 2", s.StopBits)
	}
	return m, nil
}

// prepare makes a fresh port safe to read. The zero-timeout read shows at once
// whether select(2) can watch this descriptor, instead of a panic later; what
// it may read is older than the port and thrown away with the kernel's buffer.
// The timeout is set here once and never again: the library reads it without
// synchronisation.
func prepare(h handle, poll time.Duration) (err error) {
	if err := h.SetReadTimeout(0); err != nil {
		return fmt.Errorf("set the read timeout: %w", err)
	}
	if err := probe(h); err != nil {
		return err
	}
	if err := h.ResetInputBuffer(); err != nil {
		return fmt.Errorf("flush the input: %w", err)
	}
	if err := h.SetReadTimeout(poll); err != nil {
		return fmt.Errorf("set the read timeout: %w", err)
	}
	return nil
}

func probe(h handle) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrDescriptors, p)
		}
	}()
	for {
		_, err := h.Read(make([]byte, 1))
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil && hungUp(err):
			return fmt.Errorf("%w: %w", ErrUnplugged, err)
		case err != nil:
			return fmt.Errorf("first read: %w", err)
		}
		return nil
	}
}
