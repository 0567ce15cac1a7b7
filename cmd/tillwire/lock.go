package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
)

// lockedFile in the data folder says that the fleet's office has locked the
// terminal. While it is there, no new payment is opened.
const lockedFile = "locked.json"

// lockMark is what the file holds.
type lockMark struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// lock is whether new payments may be opened. It knows nothing of those that are
// open: their queries, reversals and refunds go on as ever.
type lock struct {
	file string

	mu   sync.Mutex
	mark *lockMark // nil: it is open
}

// openLock reads what the last run left. A mark that cannot be read is a lock: it
// was put there for a reason.
func openLock(data string) *lock {
	l := &lock{file: filepath.Join(data, lockedFile)}
	text, err := os.ReadFile(l.file)
	if errors.Is(err, fs.ErrNotExist) {
		return l
	}
	l.mark = &lockMark{}
	if err == nil {
		err = json.Unmarshal(text, l.mark)
	}
	if err != nil {
		l.mark.Reason = "the mark cannot be read: " + err.Error()
	}
	return l
}

// state is how checkout asks.
func (l *lock) state() (reason string, locked bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mark == nil {
		return "", false
	}
	return l.mark.Reason, true
}

// close locks, durably before it answers.
func (l *lock) close(mark lockMark) error {
	text, err := json.Marshal(mark)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := writeFile(l.file, text); err != nil {
		return fmt.Errorf("the mark that locks the terminal cannot be written: %w", err)
	}
	l.mark = &mark
	return nil
}

// open takes the lock away.
func (l *lock) open() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := os.Remove(l.file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the mark that locks the terminal cannot be removed: %w", err)
	}
	l.mark = nil
	return nil
}

// problems say so to the owner.
func (l *lock) problems() []agent.Problem {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mark == nil {
		return nil
	}
	return []agent.Problem{{Since: l.mark.At, ID: "problem.locked", Args: []string{l.mark.Reason, l.file},
		What: fmt.Sprintf("The fleet's office has locked this terminal (%s). No new payment is taken; those under way end as ever, and refunds are possible.", l.mark.Reason),
		Do:   fmt.Sprintf("Call the office, which can unlock it. If there is no office any more: stop the agent, remove %s and start it.", l.file)}}
}

// lockTerminal is the command terminal.lock.
func (d *agentd) lockTerminal(_ context.Context, args json.RawMessage) (any, func(), error) {
	mark := lockMark{At: d.clock.Now()}
	if err := json.Unmarshal(args, &mark); err != nil {
		return nil, nil, err
	}
	if err := d.lock.close(mark); err != nil {
		return nil, nil, err
	}
	return map[string]any{"locked": true, "at": fleet.At(mark.At)}, d.fleetChanged, nil
}

// unlockTerminal is the command terminal.unlock; for a terminal that is not locked
// there is nothing to do.
func (d *agentd) unlockTerminal(context.Context, json.RawMessage) (any, func(), error) {
	_, was := d.lock.state()
	if err := d.lock.open(); err != nil {
		return nil, nil, err
	}
	return map[string]bool{"locked": false, "was": was}, d.fleetChanged, nil
}

// fleetChanged has the fleet told soon how the terminal is.
func (d *agentd) fleetChanged() {
	if a := d.fleet.agent.Load(); a != nil {
		a.Changed()
	}
}
