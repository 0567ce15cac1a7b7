//go:build faultfs

package faultfs

/*
#cgo CFLAGS: -std=gnu99 -Wall -Wextra
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"unsafe"

	_ "github.com/mattn/go-sqlite3" // the SQLite that the layer registers itself with
)

// Install puts the layer under every connection that is opened from now on. It is
// registered as SQLite's default VFS, so the program under test needs no change.
// Files outside attached folders never touch the layer after their open. Calling
// it again changes nothing.
func Install() error {
	if rc := C.ff_install(); rc != 0 {
		return fmt.Errorf("faultfs: SQLite did not take the VFS: result %d", rc)
	}
	return nil
}

// Op is an operation of a file system.
type Op int

// The operations that are counted and can fail.
const (
	Open     Op = C.FF_OPEN
	Read     Op = C.FF_READ
	Write    Op = C.FF_WRITE
	Truncate Op = C.FF_TRUNCATE
	Sync     Op = C.FF_SYNC
	Delete   Op = C.FF_DELETE
)

// Ops lists every operation, for campaigns over all of them.
func Ops() []Op { return []Op{Open, Read, Write, Truncate, Sync, Delete} }

// String names the operation.
func (o Op) String() string {
	if o < Open || o > Delete {
		return fmt.Sprintf("operation %d", int(o))
	}
	return [...]string{"open", "read", "write", "truncate", "sync", "delete"}[o]
}

// Kind is what SQLite uses a file for.
type Kind int

// The kinds of file. Other holds everything in folders below the attached one too,
// such as backups.
const (
	Any      Kind = C.FF_ANY
	Database Kind = C.FF_DATABASE
	WAL      Kind = C.FF_WAL
	Journal  Kind = C.FF_JOURNAL
	Other    Kind = C.FF_OTHER
)

// String names the kind.
func (k Kind) String() string {
	if k < Any || k > Other {
		return fmt.Sprintf("kind %d", int(k))
	}
	return [...]string{"any file", "database", "wal", "journal", "other"}[k]
}

var errDetached = errors.New("faultfs: the disk is detached")

// Disk is one attached folder. Its methods may be called from any goroutine.
type Disk struct {
	dir string
	mu  sync.RWMutex // held for writing to detach
	c   *C.ff_disk   // nil once detached
}

// Attach takes a folder that exists under observation. Files that are open already
// stay outside of it. A folder can be attached once at a time.
func Attach(dir string) (*Disk, error) {
	// SQLite hands out names without symbolic links.
	dir, err := filepath.EvalSymlinks(dir)
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("faultfs: attach: %w", err)
	}
	name := C.CString(dir)
	defer C.free(unsafe.Pointer(name))
	c := C.ff_attach(name)
	if c == nil {
		return nil, fmt.Errorf("faultfs: attach: %s is attached already", dir)
	}
	return &Disk{dir: dir, c: c}, nil
}

// Close ends recording and all faults. Files that are open stay usable.
func (d *Disk) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.c != nil {
		C.ff_detach(d.c)
		d.c = nil
	}
}

// Count is how often an operation was asked for since Attach, those that were made
// to fail included; Any counts all kinds.
func (d *Disk) Count(op Op, kind Kind) int64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.c == nil || op < Open || op > Delete || kind < Any || kind > Other {
		return 0
	}
	return int64(C.ff_count(d.c, C.int(op), C.int(kind)))
}
