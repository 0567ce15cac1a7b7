package drivers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"

	"tillwire/agent"
)

// Options is what a supervisor needs.
type Options struct {
	Clock  agent.Clock
	Log    *slog.Logger
	Claims *Claims // nil: devices are not claimed
	// Changed is told every change of state, in order for each device. It must
	// not block, nor call the supervisor.
	Changed func(agent.DeviceStatus)
}

// Supervisor keeps devices running: it opens them, notices that they are gone,
// and opens them again, each on its own, so that one that hangs or panics stops
// nothing else.
type Supervisor struct {
	options Options
	keepers []*keeper
}

// NewSupervisor returns a supervisor without devices.
func NewSupervisor(o Options) *Supervisor { return &Supervisor{options: o} }

// Add puts a unit under supervision; call it before Run. A unit that names the
// same device as an earlier one is refused: it is faulted and says which.
func (s *Supervisor) Add(u Unit) {
	if u.Err == nil && u.Config.Path != "" && !u.Config.Disabled {
		for _, k := range s.keepers {
			if !k.unit.Config.Disabled && samePath(k.unit.Config.Path, u.Config.Path) {
				u.Err = &agent.Error{Op: "configure device " + u.Config.ID, Class: agent.Conflict, Err: ErrClaimed, Say: agent.Sentence{
					ID: "device.twice", Args: []string{u.Config.ID, k.unit.Config.ID, u.Config.Path},
					English: fmt.Sprintf("%s and %s name the same device %s: give each its own", u.Config.ID, k.unit.Config.ID, u.Config.Path)}}
				break
			}
		}
	}
	s.keepers = append(s.keepers, newKeeper(u, s.options))
}

func samePath(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	realA, errA := filepath.EvalSymlinks(a)
	realB, errB := filepath.EvalSymlinks(b)
	return errA == nil && errB == nil && realA == realB
}

// Run supervises until ctx ends and every device has stopped. A device that
// does not stop within five seconds is left behind and named in the error.
func (s *Supervisor) Run(ctx context.Context) error {
	var running sync.WaitGroup
	for _, k := range s.keepers {
		running.Go(func() { k.run(ctx) })
	}
	stopped := make(chan struct{})
	go func() { running.Wait(); close(stopped) }()
	<-ctx.Done()
	select {
	case <-stopped:
		return nil
	case <-s.options.Clock.After(stopGrace):
	}
	var hung []string
	for _, k := range s.keepers {
		if !k.ended.Load() {
			hung = append(hung, k.unit.Config.ID)
		}
	}
	if len(hung) == 0 {
		return nil
	}
	return &agent.Error{Op: "stop devices", Class: agent.Internal, Err: errors.New("device does not stop"), Say: agent.Sentence{
		ID: "device.hangs", Args: hung, English: strings.Join(hung, ", ") + " did not stop and was left behind: unplug it and plug it in again"}}
}

// Status returns a snapshot of every device, in the order they were added.
func (s *Supervisor) Status() []agent.DeviceStatus {
	out := make([]agent.DeviceStatus, len(s.keepers))
	for i, k := range s.keepers {
		out[i] = k.snapshot()
	}
	return out
}

// Hint says that something was plugged in or out: devices that are away are
// looked for at once.
func (s *Supervisor) Hint() {
	for _, k := range s.keepers {
		nudge(k.hints)
	}
}

// Retry tries the device with that id now, even if it was given up.
func (s *Supervisor) Retry(id string) error {
	for _, k := range s.keepers {
		if k.unit.Config.ID == id {
			nudge(k.retries)
			return nil
		}
	}
	return &agent.Error{Op: "retry device", Class: agent.NotFound, Say: agent.Sentence{
		ID: "device.unknown", Args: []string{id}, English: fmt.Sprintf("there is no device %q", id)}}
}

func nudge(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // one waiting nudge says it all
	}
}
