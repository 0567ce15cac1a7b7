package scanner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"tillwire/agent"
	"tillwire/drivers/serial"
)

// nodes opens the device nodes of scanners that are no terminals: hidraw and
// input events. They stand in Go's poller, so a read has a deadline and ends
// with Close.
type nodes struct {
	clock  agent.Clock
	poll   time.Duration
	kernel kernel
}

func newNodes(clock agent.Clock, poll time.Duration) *nodes {
	return &nodes{clock: clock, poll: poll, kernel: ioctls{}}
}

// The measures of nodes: one read takes many events, a write that the device
// does not take is given up, and chunks wait for the codec up to a limit.
const (
	nodeRead   = 64 * 24
	nodeWrite  = 2 * time.Second
	nodeDrain  = 5 * time.Millisecond // for what came before anybody listened
	nodeBuffer = 64
)

// hidraw opens a USB HID device.
func (n *nodes) hidraw(path string) (serial.Port, error) {
	return n.openNode(path, os.O_RDWR, n.kernel.checkHIDPOS)
}

// input opens a keyboard and takes it away from everybody else, so that codes
// do not also type into whatever has the screen.
func (n *nodes) input(path string) (serial.Port, error) {
	return n.openNode(path, os.O_RDONLY, n.kernel.grab)
}

func (n *nodes) openNode(path string, mode int, prepare func(fd int) error) (serial.Port, error) {
	const op = "open scanner"
	f, err := os.OpenFile(path, mode|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, n.fail(op, path, err)
	}
	raw, err := f.SyscallConn() // Fd would take the file out of the poller
	if err != nil {
		return nil, errors.Join(n.fail(op, path, err), f.Close())
	}
	// What cannot be waited for would hold its reader, and Close with it, for ever.
	if err := f.SetReadDeadline(time.Time{}); err != nil {
		return nil, errors.Join(n.fail(op, path, err), f.Close())
	}
	var refused error
	if err := raw.Control(func(fd uintptr) { refused = prepare(int(fd)) }); err != nil || refused != nil {
		err = errors.Join(err, refused)
		return nil, errors.Join(n.fail(op, path, err), f.Close())
	}
	p := &nodePort{nodes: n, file: f, path: path, input: make(chan serial.Chunk, nodeBuffer), gone: make(chan struct{})}
	p.drain()
	go p.read()
	return p, nil
}

// fail wraps the cause with what a person should do.
func (n *nodes) fail(op, path string, err error) error {
	say, class := "%s does not work: unplug the scanner and plug it in again", agent.Unavailable
	id := "device.trouble"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		id, say = "device.absent", "nothing is plugged in at %s: plug the device in, or correct its path"
	case errors.Is(err, fs.ErrPermission):
		id, say, class = "device.node_permission", "may not open %s: install the udev rules that come with the agent, or give its user the group of the device", agent.Forbidden
	case errors.Is(err, unix.EBUSY):
		id, say, class = "device.busy", "%s is in use by another program: close that program (ModemManager is a usual one)", agent.Conflict
		err = fmt.Errorf("%w: %w", serial.ErrBusy, err)
	case errors.Is(err, errKeyHeld):
		id, say = "device.key_held", "a key of %s is held down: let go of it"
	case errors.Is(err, errNotKeyboard):
		id, say, class = "device.no_keyboard", "%s types neither digits nor Enter: name another event node of the scanner", agent.Invalid
	case errors.Is(err, errNotHIDPOS):
		id, say, class = "device.no_hidpos", "%s is no USB HID POS scanner: switch it to HID POS with a code from its manual, or name another hidraw node", agent.Invalid
	case errors.Is(err, serial.ErrUnplugged):
		id, say = "device.gone", "%s was unplugged: plug it in again"
	}
	return &agent.Error{Op: op, Class: class, Err: err, Say: agent.Sentence{ID: id, Args: []string{path}, English: fmt.Sprintf(say, path)}}
}

// nodePort is an open node. Its rules are those of serial.Port.
type nodePort struct {
	*nodes
	file  *os.File
	path  string
	input chan serial.Chunk
	gone  chan struct{} // closed when the reader has returned

	mu  sync.Mutex
	err error
}

// drain throws away what came before anybody listened.
func (p *nodePort) drain() {
	buf := make([]byte, nodeRead)
	_ = p.file.SetReadDeadline(p.clock.Now().Add(nodeDrain))
	for {
		if n, err := p.file.Read(buf); n == 0 || err != nil {
			return
		}
	}
}

// Input implements serial.Port.
func (p *nodePort) Input() <-chan serial.Chunk { return p.input }

// Err implements serial.Port.
func (p *nodePort) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// end notes why the port ended; the first cause stays.
func (p *nodePort) end(op string, cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = p.fail(op, p.path, cause)
	}
}

// Write implements serial.Port: one output report a call.
func (p *nodePort) Write(_ context.Context, b []byte) error {
	const op = "write to scanner"
	if err := p.Err(); err != nil {
		return err
	}
	if err := p.file.SetWriteDeadline(p.clock.Now().Add(nodeWrite)); err != nil {
		p.end(op, err)
		return p.Err()
	}
	if _, err := p.file.Write(b); err != nil {
		p.end(op, err)
		_ = p.file.Close()
		return p.Err()
	}
	return nil
}

// Close implements serial.Port.
func (p *nodePort) Close() error {
	p.end("close scanner", serial.ErrClosed)
	err := p.file.Close() // ends a read, and lets go of the keyboard
	<-p.gone
	if errors.Is(err, fs.ErrClosed) {
		return nil
	}
	return err
}

// read delivers what arrives until the port ends. A read that ran into its
// deadline proves that nothing had arrived until then.
func (p *nodePort) read() {
	const op = "read scanner"
	defer close(p.gone)
	defer close(p.input)
	buf := make([]byte, nodeRead)
	lost := false
	for p.Err() == nil {
		begun := p.clock.Mono()
		_ = p.file.SetReadDeadline(p.clock.Now().Add(p.poll))
		n, err := p.file.Read(buf)
		if n > 0 {
			lost = !p.offer(serial.Chunk{At: p.clock.Mono(), Bytes: append([]byte(nil), buf[:n]...), Lost: lost})
			clear(buf[:n]) // it may be a payment code
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			lost = !p.offer(serial.Chunk{At: min(begun+p.poll, p.clock.Mono()), Lost: lost}) // silence, too, stands between two codes
		case errors.Is(err, io.EOF), errors.Is(err, unix.ENODEV), errors.Is(err, unix.EIO):
			p.end(op, fmt.Errorf("%w: %w", serial.ErrUnplugged, err))
			_ = p.file.Close() // at once, else what is plugged in next gets another number
		case err != nil:
			p.end(op, err)
			_ = p.file.Close()
		}
	}
}

// offer hands a chunk over if there is room.
func (p *nodePort) offer(c serial.Chunk) bool {
	select {
	case p.input <- c:
		return true
	default:
		return false
	}
}
