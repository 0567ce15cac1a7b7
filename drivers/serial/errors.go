package serial

import (
	"errors"
	"fmt"
	"io/fs"

	bug "go.bug.st/serial"
	"golang.org/x/sys/unix"

	"tillwire/agent"
)

// Why a port cannot be opened or has ended. Test with errors.Is; the errors
// returned are *agent.Error with what a person should do.
var (
	// ErrClosed: our own Close.
	ErrClosed = errors.New("port is closed")
	// ErrUnplugged: the device went away or hung up.
	ErrUnplugged = errors.New("device is gone")
	// ErrBusy: another program holds the port exclusively.
	ErrBusy = errors.New("port is in use")
	// ErrWriteStuck: the device does not take what is written to it.
	ErrWriteStuck = errors.New("device does not take data")
	// ErrReadStuck: the kernel does not give the reader back.
	ErrReadStuck = errors.New("reader does not return")
	// ErrNeedsPowerCycle: too many stuck calls; only unplugging frees them.
	ErrNeedsPowerCycle = errors.New("device needs a power cycle")
	// ErrDescriptors: the process has 1024 or more descriptors open, and the
	// library waits with select(2), which cannot go beyond.
	ErrDescriptors = errors.New("too many open descriptors")
	// ErrReader: the library panicked while reading.
	ErrReader = errors.New("reader failed")
)

// advice is what a person should do about an error: the sentence's id, the
// English text with the path as its argument, and whether it can pass by itself.
type advice struct {
	is    error
	class agent.Class
	id    string
	say   string
}

// table is searched in order; the first match speaks.
func table() []advice {
	return []advice{
		{fs.ErrNotExist, agent.Unavailable, "device.absent", "nothing is plugged in at %s: plug the device in, or correct its path"},
		{fs.ErrPermission, agent.Forbidden, "device.permission", "may not open %s: add the agent's user to the group that owns it (usually dialout)"},
		{ErrBusy, agent.Conflict, "device.busy", "%s is in use by another program: close that program (ModemManager is a usual one)"},
		{ErrNeedsPowerCycle, agent.Unavailable, "device.power_cycle", "%s does not answer any more: unplug the device and plug it in again"},
		{ErrWriteStuck, agent.Unavailable, "device.write_stuck", "%s takes no data: check paper, cable and flow control"},
		{ErrReadStuck, agent.Unavailable, "device.read_stuck", "%s does not let go: unplug the device and plug it in again"},
		{ErrDescriptors, agent.Unavailable, "device.descriptors", "%s cannot be opened: the agent has too many files open; restart it and report this"},
		{ErrUnplugged, agent.Unavailable, "device.gone", "%s was unplugged: plug it in again"},
		{ErrClosed, agent.Unavailable, "device.closed", "%s was closed"},
		{ErrReader, agent.Internal, "device.reader", "reading %s failed: unplug the device and plug it in again"},
	}
}

// fail wraps the cause of a failure on path with what to do about it.
func fail(op, path string, err error) error {
	for _, a := range table() {
		if errors.Is(err, a.is) {
			return &agent.Error{Op: op, Class: a.class, Err: err, Say: agent.Sentence{
				ID: a.id, Args: []string{path}, English: fmt.Sprintf(a.say, path)}}
		}
	}
	return &agent.Error{Op: op, Class: agent.Unavailable, Err: err, Say: agent.Sentence{
		ID: "device.trouble", Args: []string{path}, English: fmt.Sprintf("%s does not work: check that it is a serial device and its cable", path)}}
}

// translate turns the library's error codes into the errors that the rest of
// the world tests for. A missing device is already fs.ErrNotExist.
func translate(err error) error {
	var p *bug.PortError
	if !errors.As(err, &p) {
		if hungUp(err) {
			return fmt.Errorf("%w: %w", ErrUnplugged, err)
		}
		return err
	}
	switch p.Code() {
	case bug.PortBusy:
		return fmt.Errorf("%w: %w", ErrBusy, err)
	case bug.PermissionDenied:
		return fmt.Errorf("%w: %w", fs.ErrPermission, err)
	case bug.PortNotFound:
		return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return err
}

// hungUp reports the errors that a read or write returns once the device is
// gone. The library says "port closed" for a hang-up and for our own Close
// alike; the owner never closes while a read or write runs, so here it is
// always a hang-up.
func hungUp(err error) bool {
	var p *bug.PortError
	if errors.As(err, &p) && p.Code() == bug.PortClosed {
		return true
	}
	return errors.Is(err, unix.EIO) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENODEV)
}
