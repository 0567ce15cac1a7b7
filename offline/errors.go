package offline

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/mattn/go-sqlite3"

	"tillwire/agent"
)

// The driver's error codes are compared by these functions alone, so that nobody
// else has to know which of SQLite's words means what.

// isFull reports that the disk, or the space given to the store, is used up.
func isFull(err error) bool {
	var e sqlite3.Error
	return errors.Is(err, syscall.ENOSPC) || errors.As(err, &e) && (e.Code == sqlite3.ErrFull || e.SystemErrno == syscall.ENOSPC)
}

// isConstraint reports that the database refused what it guards.
func isConstraint(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && e.Code == sqlite3.ErrConstraint
}

// isDamaged reports that the file is not the database that was written.
func isDamaged(err error) bool {
	var e sqlite3.Error
	return errors.Is(err, errDamaged) || errors.As(err, &e) && (e.Code == sqlite3.ErrCorrupt || e.Code == sqlite3.ErrNotADB)
}

// isBroken reports that nothing can be trusted to reach the disk any more. After a
// failed sync the kernel may hold pages for clean that never arrived, so the same
// sync must not simply be tried again.
func isBroken(err error) bool {
	var e sqlite3.Error
	if !errors.As(err, &e) || isFull(err) {
		return false
	}
	switch e.Code {
	case sqlite3.ErrIoErr, sqlite3.ErrCorrupt, sqlite3.ErrNotADB, sqlite3.ErrReadonly, sqlite3.ErrCantOpen, sqlite3.ErrPerm, sqlite3.ErrNomem:
		return true
	}
	return false
}

// errDamaged marks findings of our own about a damaged file.
var errDamaged = errors.New("the store is damaged")

// errClosed is why a store that was closed takes no more writes.
var errClosed = errors.New("the store is closed")

// unwritable is the error of every write while the store cannot be written.
func unwritable(op string, cause error) error {
	return &agent.Error{Op: op, Class: agent.Unavailable, Code: agent.CodeNotWritable, Err: cause,
		Say: agent.Sentence{ID: "error.store_down",
			English: "The store cannot be written, so nothing can be sold. Check the disk, then restart the agent."}}
}

// errTight is why a new payment is refused while there is still room for the
// outcomes of others. It is not "disk full": nothing was tried, the reserve stays.
var errTight = errors.New("what is left of the disk is kept for payments under way")

// lowSpace is the error of a write that has no room.
func lowSpace(op, dir string, cause error) error {
	return &agent.Error{Op: op, Class: agent.Unavailable, Code: agent.CodeNotWritable, Err: cause,
		Say: agent.Sentence{ID: "error.disk_full", Args: []string{dir},
			English: fmt.Sprintf("The disk of %s is nearly full. No new payment begins until space is free; payments under way are finished.", dir)}}
}

func notFound(op string, what agent.PaymentID) error {
	return &agent.Error{Op: op, Class: agent.NotFound, Code: agent.CodeNotFound, Payment: what,
		Say: agent.Sentence{ID: "error.not_found", English: "There is no such payment on this terminal."}}
}

func internal(op string, format string, args ...any) error {
	return &agent.Error{Op: op, Class: agent.Internal, Err: fmt.Errorf(format, args...)}
}
