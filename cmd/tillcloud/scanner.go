package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"tillwire/agent"
)

const (
	// writePatience bounds how long an agent that holds its scanner open but
	// does not read may keep the line waiting.
	writePatience = time.Second
	// closedPause is how often a line looks whether an agent came back.
	closedPause = 100 * time.Millisecond
)

// scanLine is a lane's scanner as two pseudo-terminals back to back. Whoever
// scans writes to the slave of the far one; tillcloud copies to the near one,
// whose slave the agent opens like a serial port. One pair would not do: both
// sides would be on the same slave, and reading would take the other's bytes.
//
// tillcloud holds the far slave open, so writers may come and go. Bytes that
// arrive while no agent has the near slave open are thrown away, never queued:
// a real scanner that is not plugged in queues nothing either.
type scanLine struct {
	clock     agent.Clock
	agentPath string // stable symlink to the near slave
	scanPath  string // stable symlink to the far slave

	far     *os.File // master
	farHold *os.File // slave, kept open
	work    sync.WaitGroup
	lost    atomic.Int64 // bytes thrown away, because no agent listened

	mu   sync.Mutex
	near *os.File // master
}

func openScanLine(clock agent.Clock, agentPath, scanPath string) (*scanLine, error) {
	s := &scanLine{clock: clock, agentPath: agentPath, scanPath: scanPath}
	var err error
	if s.far, s.farHold, err = rawPair(scanPath); err != nil {
		return nil, err
	}
	if err := s.renew(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.work.Go(s.copy)
	return s, nil
}

// rawPair opens a pseudo-terminal without echo or translation, before anybody
// can write to it, and points link at its slave.
func rawPair(link string) (master, slave *os.File, err error) {
	if master, slave, err = pty.Open(); err != nil {
		return nil, nil, fmt.Errorf("open a pseudo-terminal: %w", err)
	}
	if err = makeRaw(slave); err == nil {
		err = point(link, slave.Name())
	}
	if err != nil {
		return nil, nil, errors.Join(err, master.Close(), slave.Close())
	}
	return master, slave, nil
}

// makeRaw is cfmakeraw: eight bits, no echo, no line editing, no translation of
// carriage returns, no signals from control characters.
func makeRaw(tty *os.File) error {
	fd := int(tty.Fd())
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return fmt.Errorf("read the settings of %s: %w", tty.Name(), err)
	}
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, t); err != nil {
		return fmt.Errorf("make %s raw: %w", tty.Name(), err)
	}
	return nil
}

// point replaces a symlink in one step.
func point(link, target string) error {
	if err := os.MkdirAll(filepath.Dir(link), 0o700); err != nil {
		return err
	}
	next := link + ".next"
	if err := os.Remove(next); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Symlink(target, next); err != nil {
		return err
	}
	return os.Rename(next, link)
}

// renew gives the agent a fresh near terminal. It is done for every agent,
// because one that was killed leaves its exclusive lock (TIOCEXCL) on a
// terminal that lives on, and with it the next agent could not open it.
func (s *scanLine) renew() error {
	master, slave, err := rawPair(s.agentPath)
	if err != nil {
		return err
	}
	// Opened and closed once, the kernel reports a hang-up on the master while
	// no agent has the slave open; never opened, it would not.
	if err := slave.Close(); err != nil {
		return errors.Join(err, master.Close())
	}
	s.mu.Lock()
	old := s.near
	s.near = master
	s.mu.Unlock()
	// The old pair's drain ends by itself when its master is closed.
	s.work.Go(func() { s.drain(master) })
	if old != nil {
		return old.Close()
	}
	return nil
}

// drain throws away what the agent sends to its scanner; left unread it would
// fill the terminal and block the agent.
func (s *scanLine) drain(near *os.File) {
	buffer := make([]byte, 1024)
	for {
		if _, err := near.Read(buffer); errors.Is(err, os.ErrClosed) {
			return
		} else if err != nil { // no agent: the kernel says EIO at once
			<-s.clock.After(closedPause)
		}
	}
}

// copy carries scans to the agent.
func (s *scanLine) copy() {
	buffer := make([]byte, 4096)
	for {
		n, err := s.far.Read(buffer)
		if err != nil {
			return // closed: the slave is held open, so nothing else ends it
		}
		s.hand(buffer[:n])
	}
}

// hand gives bytes to the agent, or drops them when none listens.
func (s *scanLine) hand(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.near == nil || hungUp(s.near) {
		s.lost.Add(int64(len(b)))
		return
	}
	err := s.near.SetWriteDeadline(s.clock.Now().Add(writePatience))
	if err == nil {
		var n int
		n, err = s.near.Write(b)
		b = b[n:]
	}
	if err != nil { // an agent that does not read loses the scan, as with a real scanner
		s.lost.Add(int64(len(b)))
	}
}

// hungUp reports whether nobody has the slave of a terminal open.
func hungUp(master *os.File) bool {
	conn, err := master.SyscallConn()
	if err != nil {
		return true
	}
	hung := true
	err = conn.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		for {
			_, err := unix.Poll(fds, 0)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			hung = err != nil || fds[0].Revents&(unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) != 0
			return
		}
	})
	return hung || err != nil
}

// scan writes a code as the scanner's hardware would.
func (s *scanLine) scan(code string) error {
	_, err := s.farHold.Write([]byte(code + "\r"))
	return err
}

// close ends both pairs and waits for what copies between them.
func (s *scanLine) close() error {
	s.mu.Lock()
	near := s.near
	s.near = nil
	s.mu.Unlock()
	errs := []error{s.far.Close(), s.farHold.Close()}
	if near != nil {
		errs = append(errs, near.Close())
	}
	s.work.Wait()
	return errors.Join(errs...)
}

// openScanners opens every lane's line, in the order of the lanes.
func openScanners(clock agent.Clock, lanes []lane) ([]*scanLine, error) {
	var list []*scanLine
	for _, l := range lanes {
		s, err := openScanLine(clock, l.agentPath, l.scanPath)
		if err != nil {
			for _, open := range list {
				err = errors.Join(err, open.close())
			}
			return nil, fmt.Errorf("scanner of lane %s: %w", l.id, err)
		}
		list = append(list, s)
	}
	return list, nil
}
