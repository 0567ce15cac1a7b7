package offline

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"tillwire/agent"
)

// lockFolder takes the data folder for this process. Two agents on one journal
// would each believe to know every payment; the second is refused and told whom
// to stop. The lock dies with the process, however it dies.
func lockFolder(dir, name string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, folderError(dir, err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		holder := make([]byte, 128)
		n, _ := f.ReadAt(holder, 0) // an unreadable name only makes the sentence poorer
		return nil, errors.Join(inUse(dir, strings.TrimSpace(string(holder[:n]))), f.Close())
	}
	if err == nil {
		err = sign(f, name)
	}
	if err != nil {
		return nil, errors.Join(folderError(dir, err), f.Close())
	}
	return f, nil
}

func sign(f *os.File, name string) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt(fmt.Appendf(nil, "%s, process %d\n", name, os.Getpid()), 0)
	return err
}

func inUse(dir, holder string) error {
	if holder == "" {
		holder = "another process"
	}
	return &agent.Error{Op: "lock data folder", Class: agent.Conflict,
		Say: agent.Sentence{ID: "error.folder_in_use", Args: []string{dir, holder},
			English: fmt.Sprintf("The data folder %s is used by %s. Stop that one first; two agents must never share a journal.", dir, holder)}}
}

// folderError says what to do about a folder that cannot be used.
func folderError(dir string, err error) error {
	do := "Look at the disk and at the folder's owner and rights, then start again."
	switch {
	case errors.Is(err, unix.EROFS):
		do = "The disk is mounted read-only: check it for errors and mount it writable, then start again."
	case errors.Is(err, os.ErrPermission):
		do = "Give the folder to the agent's user (chown) with rights 0700, then start again."
	case isFull(err):
		do = "The disk is full: free some space, then start again."
	}
	return &agent.Error{Op: "open store", Class: agent.Unavailable, Code: agent.CodeNotWritable, Err: err,
		Say: agent.Sentence{ID: "error.folder", Args: []string{dir}, English: fmt.Sprintf("The data folder %s cannot be written. %s", dir, do)}}
}
