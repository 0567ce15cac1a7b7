package printer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"tillwire/drivers"
)

// conn is an open line to a printer. Deadlines work on all of them, so a printer that
// takes no more data cannot hold a goroutine for ever.
type conn interface {
	io.ReadWriteCloser
	SetWriteDeadline(t time.Time) error
}

// dialPatience is how long a printer on the network may take to answer.
const dialPatience = 3 * time.Second

// dial opens a printer on the network (raw port 9100). It serves one at a time, so
// the line is closed again after each job.
func dial(ctx context.Context, address string) (conn, error) {
	d := net.Dialer{Timeout: dialPatience}
	return d.DialContext(ctx, "tcp", address)
}

// serialLine is how a printer's serial port is set.
type serialLine struct {
	baud    int
	rtscts  bool // the printer stops us by a wire
	xonxoff bool // the printer stops us by 13h and 11h
}

// bauds are the speeds that receipt printers have.
func bauds() map[int]uint32 {
	return map[int]uint32{2400: unix.B2400, 4800: unix.B4800, 9600: unix.B9600, 19200: unix.B19200, 38400: unix.B38400, 57600: unix.B57600, 115200: unix.B115200}
}

// openNode opens a device node: a USB printer of the kernel's usblp, or a serial port.
// It is opened without blocking, which puts it under Go's poller: then deadlines work,
// and Close ends a Read. The serial library can do neither, nor flow control.
func openNode(path string, line serialLine) (conn, error) {
	f, err := drivers.OpenNode(path, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK)
	if err != nil {
		return nil, err
	}
	isTTY := false
	err = control(f, func(fd int) error {
		attr, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EINVAL) {
			return nil // usblp
		}
		if err != nil {
			return fmt.Errorf("read the line's settings: %w", err)
		}
		isTTY = true
		line.set(attr)
		if err := unix.IoctlSetTermios(fd, unix.TCSETS, attr); err != nil {
			return fmt.Errorf("set the line: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return node{f, isTTY}, nil
}

// set makes the line raw, 8 data bits, no parity, one stop bit.
func (l serialLine) set(t *unix.Termios) {
	t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
	t.Cflag = unix.CS8 | unix.CREAD | unix.CLOCAL | bauds()[l.baud]
	if l.rtscts {
		t.Cflag |= unix.CRTSCTS
	}
	if l.xonxoff {
		t.Iflag |= unix.IXON
	}
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	t.Ispeed, t.Ospeed = bauds()[l.baud], bauds()[l.baud]
}

// node is an open device node.
type node struct {
	*os.File
	tty bool
}

// Close throws away what a serial printer did not take: the kernel would hold the
// close for half a minute to get rid of it, and print half a slip later.
func (n node) Close() error {
	if n.tty {
		_ = control(n.File, func(fd int) error { return unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCOFLUSH) }) // a device that is gone has nothing left
	}
	return n.File.Close()
}

// control runs fn on the descriptor without taking the file out of the poller.
func control(f *os.File, fn func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = fn(int(fd)) }); err != nil {
		return err
	}
	return inner
}
