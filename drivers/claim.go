package drivers

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"tillwire/agent"
)

// ErrClaimed reports that another owner holds the device.
var ErrClaimed = errors.New("device is claimed")

// Claims keeps two owners off one device: two lanes, or the agent and a command
// line. The kernel's exclusive flag on terminals cannot: it does not bind root,
// and whoever closes the port clears it for everybody.
type Claims struct{ dir string }

// NewClaims returns the claims kept in dir, one lock file a device; dir is
// created when it is missing. Locks end with the process, so nothing has to be
// cleaned up after a crash.
func NewClaims(dir string) *Claims { return &Claims{dir: dir} }

// Take claims the device node that path leads to for holder, a name to show to
// others. Links and their target are the same device. The error is ErrClaimed
// with the holder's name, or fs.ErrNotExist when nothing is there.
func (c *Claims) Take(path, holder string) (release func(), err error) {
	id, err := nodeID(path)
	if err != nil {
		return nil, fmt.Errorf("claim %s: %w", path, err)
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return nil, fmt.Errorf("claim %s: %w", path, err)
	}
	f, err := os.OpenFile(filepath.Join(c.dir, id), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("claim %s: %w", path, err)
	}
	if err := lock(f); err != nil {
		other, _ := io.ReadAll(io.LimitReader(f, 256)) // a missing name is no reason to fail differently
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			owner := strings.TrimSpace(string(other))
			return nil, &agent.Error{Op: "claim " + path, Class: agent.Conflict, Err: ErrClaimed, Say: agent.Sentence{
				ID: "device.claimed", Args: []string{path, owner}, English: fmt.Sprintf("%s is in use by %s: give each its own device", path, owner)}}
		}
		return nil, fmt.Errorf("claim %s: %w", path, err)
	}
	if err := sign(f, holder); err != nil {
		return nil, errors.Join(fmt.Errorf("claim %s: %w", path, err), f.Close())
	}
	// The file stays: removing it would let a third owner lock another file of
	// the same name.
	return sync.OnceFunc(func() { _ = f.Close() }), nil
}

func lock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func sign(f *os.File, holder string) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt(fmt.Appendf(nil, "%s (process %d)\n", holder, os.Getpid()), 0)
	return err
}

// nodeID names the node behind path: by device number, which all its links and
// aliases share, or by file when it is none.
func nodeID(path string) (string, error) {
	n, err := lookNode(path)
	switch {
	case err != nil:
		return "", err
	case n.device != 0:
		return fmt.Sprintf("char-%d-%d", unix.Major(n.device), unix.Minor(n.device)), nil
	}
	return fmt.Sprintf("file-%d-%d", n.fs, n.inode), nil
}

// node identifies what is at a path now. It changes when a device is plugged
// in again under the same name, and when its owner or mode change.
type node struct {
	fs, inode, device uint64
	changed           unix.Timespec
}

// lookNode reads the identity of the node at path, following links.
func lookNode(path string) (node, error) {
	var st unix.Stat_t
	for {
		err := unix.Stat(path, &st)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return node{}, &os.PathError{Op: "stat", Path: path, Err: err}
		}
		break
	}
	n := node{fs: uint64(st.Dev), inode: st.Ino, changed: st.Ctim}
	if st.Mode&unix.S_IFMT == unix.S_IFCHR {
		n.device = uint64(st.Rdev)
	}
	return n, nil
}
