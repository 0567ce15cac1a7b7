//go:build faultfs

package faultfs

// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
)

// SQLite's result codes that a disk can cause (sqlite.org/rescode.html).
const (
	CodeFull          = 13
	CodeCantOpen      = 14
	CodeCorrupt       = 11
	CodeReadError     = 266
	CodeShortRead     = 522
	CodeWriteError    = 778
	CodeSyncError     = 1034
	CodeTruncateError = 1546
	CodeDeleteError   = 2570
)

// Fault makes calls fail. The zero value fails the next open, once.
type Fault struct {
	Op      Op
	Kind    Kind  // Any for every file of the folder and below
	After   int64 // matching calls that still pass; 2 fails the third
	Forever bool  // every later call as well, until Clear
	Code    int   // SQLite's extended result; 0 means what a broken disk answers to Op
	// Part is how many bytes of a write reach the file before it fails; a longer
	// write is cut there. Only for Write.
	Part int
	// Flip turns one bit of what is read, and the read succeeds. Bit counts from the
	// start of the buffer and wraps round its size. Only for Read.
	Flip bool
	Bit  int64
}

// String describes the fault in one line, for a report.
func (f Fault) String() string {
	how := "once"
	if f.Forever {
		how = "for ever"
	}
	what := fmt.Sprintf("result %d", f.code())
	if f.Flip {
		what = fmt.Sprintf("bit %d flipped", f.Bit)
	}
	if f.Part > 0 {
		what += fmt.Sprintf(" after %d bytes", f.Part)
	}
	return fmt.Sprintf("%s %d of %s, %s: %s", f.Op, f.After+1, f.Kind, how, what)
}

func (f Fault) code() int {
	if f.Code != 0 {
		return f.Code
	}
	return map[Op]int{Open: CodeCantOpen, Read: CodeReadError, Write: CodeWriteError, Truncate: CodeTruncateError, Sync: CodeSyncError, Delete: CodeDeleteError}[f.Op]
}

// Injected is a fault that lies in wait.
type Injected struct {
	disk *Disk
	slot C.int

	mu    sync.Mutex
	ended bool // its place may be another fault's
	hits  int64
}

// Inject arms a fault. Of several that match a call the one that was armed in the
// lowest free place strikes; up to 16 can be armed on a disk.
func (d *Disk) Inject(f Fault) (*Injected, error) {
	switch {
	case f.Op < Open || f.Op > Delete || f.Kind < Any || f.Kind > Other || f.After < 0 || f.Part < 0 || f.Bit < 0:
		return nil, fmt.Errorf("faultfs: not a fault: %+v", f)
	case f.Flip && f.Op != Read, f.Part > 0 && f.Op != Write:
		return nil, fmt.Errorf("faultfs: a %s has no such fault: %+v", f.Op, f)
	}
	c := C.ff_fault{op: C.int(f.Op), kind: C.int(f.Kind), after: C.int64_t(f.After), times: 1, code: C.int(f.code()), part: C.int(f.Part), bit: -1}
	if f.Forever {
		c.times = -1
	}
	if f.Flip {
		c.bit = C.int64_t(f.Bit)
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.c == nil {
		return nil, errDetached
	}
	slot := C.ff_inject(d.c, &c)
	if slot < 0 {
		return nil, errors.New("faultfs: too many faults are armed at once")
	}
	return &Injected{disk: d, slot: slot}, nil
}

// Hits is how often the fault struck so far.
func (i *Injected) Hits() int64 { return i.ask(false) }

// Clear ends the fault and returns how often it struck. Again, it only tells.
func (i *Injected) Clear() int64 { return i.ask(true) }

func (i *Injected) ask(end bool) int64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.disk.mu.RLock()
	defer i.disk.mu.RUnlock()
	if i.disk.c == nil || i.ended {
		return i.hits
	}
	ending := C.int(0)
	if end {
		ending = 1
	}
	i.hits, i.ended = int64(C.ff_clear(i.disk.c, i.slot, ending)), end
	return i.hits
}

// Look runs what a judge does: its reads meet no fault and are not counted. It holds
// for the calls of this goroutine, so with database/sql only without a context that
// can end, since the driver reads in another goroutine otherwise.
func Look(look func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	C.ff_look(1)
	defer C.ff_look(-1)
	look()
}
