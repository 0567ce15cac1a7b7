package serial

import (
	"errors"

	bug "go.bug.st/serial"
	"golang.org/x/sys/unix"
)

// The device numbers of the far ends of pseudo-terminals (Linux, devices.txt).
const (
	ptyMajorFirst = 136
	ptyMajorLast  = 143
)

// nativeOpen opens a port with the library, which sets the exclusive flag of
// the terminal. On hardware the flag ends with its last opener, and it keeps a
// stray program of another user from stealing half a code. A pseudo-terminal
// outlives its openers: after a kill the flag would stay and lock the next
// agent out, so there it is cleared.
func nativeOpen(path string, mode *bug.Mode) (handle, error) {
	guard, err := openPseudoTerminal(path)
	if err != nil {
		return nil, err
	}
	port, err := bug.Open(path, mode)
	if guard >= 0 {
		// The flag belongs to the terminal, so any descriptor clears it; a new
		// one could not be opened any more.
		if clearErr := unix.IoctlSetInt(guard, unix.TIOCNXCL, 0); err == nil && clearErr != nil && !hungUp(clearErr) {
			err = errors.Join(clearErr, port.Close())
		}
		_ = unix.Close(guard)
	}
	if err != nil {
		return nil, err
	}
	return port, nil
}

// openPseudoTerminal opens path if it is one, else it answers -1 and leaves the
// device alone.
func openPseudoTerminal(path string) (fd int, err error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return -1, err
	}
	major := unix.Major(uint64(st.Rdev))
	if st.Mode&unix.S_IFMT != unix.S_IFCHR || major < ptyMajorFirst || major > ptyMajorLast {
		return -1, nil
	}
	fd, err = unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.EBUSY):
		return -1, ErrBusy
	case err != nil:
		return -1, err
	}
	return fd, nil
}
