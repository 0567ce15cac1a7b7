package keyring

import "errors"

// Classes of errors; test with errors.Is.
var (
	// ErrPermission: others may read or write a file that must be private.
	ErrPermission = errors.New("permissions are too open")
	// ErrOwner: the file belongs to someone else.
	ErrOwner = errors.New("wrong owner")
	// ErrCorrupt: the identity file is damaged or cut off.
	ErrCorrupt = errors.New("damaged")
	// ErrWrongKey: the file holds something else than what is needed.
	ErrWrongKey = errors.New("not the right key")
	// ErrFile: the file cannot be read, written or created.
	ErrFile = errors.New("file trouble")
)

// Error tells what failed and what a person should do about it. It never
// quotes the contents of a file.
type Error struct {
	Op    string // "open identity", "load private key", …
	Path  string
	Class error // one of the Err values
	What  string
	Do    string // the next step, a command where there is one
	Cause error  // nil when there is none below
}

// Error gives operation, file, fault and remedy in one line.
func (e *Error) Error() string {
	text := "keyring: " + e.Op + ": " + e.Path + ": " + e.What
	if e.Cause != nil {
		text += " (" + e.Cause.Error() + ")"
	}
	if e.Do != "" {
		text += "; " + e.Do
	}
	return text
}

// Unwrap gives class and cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Class}
	}
	return []error{e.Class, e.Cause}
}
