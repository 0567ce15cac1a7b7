package keyring

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// maxFile bounds what is read, in bytes; certificate chains are below 16 KiB.
const maxFile = 64 << 10

// credentials is where systemd puts LoadCredential files. They belong to root,
// and an access list for the unit's user shows as a readable group.
const credentials = "/run/credentials/"

// secrecy says who may do what with a file.
type secrecy uint8

const (
	private secrecy = iota // nobody else may even read it
	trusted                // nobody else may change it
)

// owned is what a permission check looks at.
type owned struct {
	path  string
	mode  fs.FileMode
	owner uint32
	self  uint32 // effective user of this process
}

// readFile reads a key file after checking the very file it reads: the checks
// are made on the open descriptor, so a swap in between gains nothing.
// Symbolic links are followed; in /etc they are normal.
func readFile(op, path string, s secrecy) ([]byte, error) {
	// Non-blocking, for a pipe under that name would hold the start for ever.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, openError(op, path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, &Error{Op: op, Path: path, Class: ErrFile, What: "cannot be examined", Cause: err}
	}
	if !info.Mode().IsRegular() {
		return nil, &Error{Op: op, Path: path, Class: ErrFile, What: "is not a regular file", Do: "name the key file itself"}
	}
	if err := ownership(path, info).check(op, s, inCredentials(path)); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, &Error{Op: op, Path: path, Class: ErrFile, What: "cannot be read", Cause: err}
	}
	if len(data) > maxFile {
		return nil, &Error{Op: op, Path: path, Class: ErrWrongKey, What: "is too large for a key", Do: "name the key file itself"}
	}
	return data, nil
}

func openError(op, path string, err error) error {
	e := &Error{Op: op, Path: path, Class: ErrFile, What: "cannot be opened", Cause: errors.Unwrap(err)}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.What, e.Do = "does not exist", "check the path in the configuration"
	case errors.Is(err, fs.ErrPermission):
		e.Do = "chown " + userName(uint32(os.Geteuid())) + " " + path
	}
	return e
}

func inCredentials(path string) bool {
	return strings.HasPrefix(filepath.Clean(path), credentials)
}

func ownership(path string, info fs.FileInfo) owned {
	o := owned{path: path, mode: info.Mode(), self: uint32(os.Geteuid())}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		o.owner = stat.Uid
	}
	return o
}

// check refuses what someone else owns or may use. root may own any file, and
// as root any owner will do, for operator commands are run with sudo.
func (o owned) check(op string, s secrecy, credential bool) error {
	if o.owner != o.self && o.owner != 0 && o.self != 0 {
		return &Error{
			Op: op, Path: o.path, Class: ErrOwner, What: "belongs to " + userName(o.owner),
			Do: "chown " + userName(o.self) + " " + o.path,
		}
	}
	if s == trusted {
		if o.mode.Perm()&0o022 != 0 {
			return &Error{
				Op: op, Path: o.path, Class: ErrPermission, What: fmt.Sprintf("may be changed by others (mode %04o)", o.mode.Perm()),
				Do: "chmod go-w " + o.path,
			}
		}
		return nil
	}
	if credential && o.owner == 0 && o.mode.Perm()&0o337 == 0 {
		return nil
	}
	if o.mode.Perm()&0o077 != 0 {
		want := "600"
		if o.mode.IsDir() {
			want = "700"
		}
		return &Error{
			Op: op, Path: o.path, Class: ErrPermission, What: fmt.Sprintf("may be read by others (mode %04o)", o.mode.Perm()),
			Do: "chmod " + want + " " + o.path + ", and replace the key if others use this machine",
		}
	}
	return nil
}

func userName(id uint32) string {
	number := strconv.FormatUint(uint64(id), 10)
	if u, err := user.LookupId(number); err == nil {
		return u.Username
	}
	return number
}
