//go:build faultfs

package faultfs

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"unsafe"
)

// Recording is the log of a folder being written. It lies in memory: a payment of
// two commits costs about 40 KB.
type Recording struct {
	disk *Disk
	base map[string][]byte

	mu    sync.Mutex // puts marks in the order of their entries
	marks []any
}

// Record begins a log of the files that lie directly in the folder; what lies there
// at this moment counts as durable. A disk has one recording at a time.
func (d *Disk) Record() (*Recording, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.c == nil {
		return nil, errDetached
	}
	// A mutex of C belongs to a thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	C.ff_lock(d.c)
	defer C.ff_unlock(d.c)
	base, err := d.snapshot()
	if err != nil {
		return nil, fmt.Errorf("faultfs: record: %w", err)
	}
	if C.ff_begin(d.c) == 0 {
		return nil, errors.New("faultfs: record: the disk is being recorded already")
	}
	return &Recording{disk: d, base: base}, nil
}

// Watch puts what a file holds that the program writes past SQLite into recordings
// that begin from now on, up to 512 bytes. It is not part of an image: when it
// reaches the disk is nobody's promise.
func (d *Disk) Watch(path string) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.c == nil {
		return errDetached
	}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	if C.ff_watch(d.c, name) == 0 {
		return errors.New("faultfs: watch: no memory")
	}
	return nil
}

// snapshot reads the folder. The shared memory of a log is left out: SQLite builds
// it anew from the log.
func (d *Disk) snapshot() (map[string][]byte, error) {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return nil, err
	}
	base := map[string][]byte{}
	for _, e := range entries {
		if !e.Type().IsRegular() || strings.HasSuffix(e.Name(), "-shm") {
			continue
		}
		if base[e.Name()], err = os.ReadFile(filepath.Join(d.dir, e.Name())); err != nil {
			return nil, err
		}
	}
	return base, nil
}

// ofSQLite tells the files that belong into an image although nobody opened them
// during the tape; a program's own files do not.
func ofSQLite(name string, content []byte) bool {
	return strings.HasSuffix(name, "-wal") || strings.HasSuffix(name, "-journal") || strings.HasPrefix(string(content), "SQLite format 3\x00")
}

// Mark notes that at this point of the log the program was told something that must
// hold after every later power cut, such as "payment 7 is on record at version 2".
// Call it after the answer, never before. It does nothing after Stop.
func (r *Recording) Mark(told any) {
	r.disk.mu.RLock()
	defer r.disk.mu.RUnlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.disk.c != nil && C.ff_mark(r.disk.c, C.int64_t(len(r.marks))) != 0 {
		r.marks = append(r.marks, told)
	}
}

// Stop ends the recording and returns it in a form that can be cut. The store may
// go on or be closed; what it does then is not in the tape.
func (r *Recording) Stop() (*Tape, error) {
	r.disk.mu.RLock()
	defer r.disk.mu.RUnlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.disk.c == nil {
		return nil, errDetached
	}
	var log unsafe.Pointer
	var size C.int64_t
	fine := C.ff_end(r.disk.c, &log, &size)
	defer C.free(log)
	if fine == 0 {
		return nil, errors.New("faultfs: stop: there was no recording, or it outgrew the memory")
	}
	// C.GoBytes takes an int of 32 bits.
	bytes := make([]byte, int(size))
	copy(bytes, unsafe.Slice((*byte)(log), int(size)))
	ops, err := parse(bytes)
	if err != nil {
		return nil, fmt.Errorf("faultfs: stop: %w", err)
	}
	return newTape(r.base, ops, r.marks), nil
}
