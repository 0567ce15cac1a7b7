package offline

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"tillwire/agent"
)

// errNoRoom says that a backup would have taken the room of payments.
var errNoRoom = errors.New("the disk has no room for a backup beside the payments")

// Copy is a backup in the data folder.
type Copy struct {
	Path  string
	At    time.Time // when it was begun
	Bytes int64
}

// Copies is what the data folder holds against the loss of its store.
type Copies struct {
	List   []Copy // newest first
	Making bool   // one is being made now
	// Failed is why the last try of this run made none, nil when it made one. It is an
	// *agent.Error with a sentence for the owner.
	Failed error
}

// copies is how the making of backups stands, for those who ask.
type copies struct {
	wanted chan struct{} // of one place: somebody asked for one

	mu     sync.Mutex
	making bool
	failed error
}

// Copies lists the routine backups and says how the making of them stands.
func (s *Store) Copies() (Copies, error) {
	paths, err := backups(s.opt.Dir)
	if err != nil {
		return Copies{}, readError(err)
	}
	s.copies.mu.Lock()
	c := Copies{Making: s.copies.making, Failed: s.copies.failed}
	s.copies.mu.Unlock()
	for _, path := range slices.Backward(paths) {
		info, err := os.Stat(path)
		if errors.Is(err, os.ErrNotExist) {
			continue // it has just made room for a newer one
		}
		if err != nil {
			return Copies{}, readError(err)
		}
		c.List = append(c.List, Copy{path, copiedAt(path, info), info.Size()})
	}
	return c, nil
}

// copiedAt reads the time out of a backup's name: copying a file about changes the time
// that its folder tells.
func copiedAt(path string, info os.FileInfo) time.Time {
	name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "agent-"), ".db")
	if at, err := time.Parse(copyTime, name); err == nil {
		return at
	}
	return info.ModTime()
}

// copyTime is the time in the name of a backup or of a file that was set aside, in UTC:
// names sort by age.
const copyTime = "20060102T150405"

// CopySoon has a backup made in the background, at once or when the one under way is
// done. Copies tells how it went.
func (s *Store) CopySoon() {
	s.copies.mu.Lock()
	defer s.copies.mu.Unlock()
	s.copies.making = true
	select {
	case s.copies.wanted <- struct{}{}:
	default: // one is asked for already
	}
}

// makeCopy makes a routine backup and remembers how it went. Want of room is no failure
// of the house, which has warned of it already.
func (s *Store) makeCopy(ctx context.Context) error {
	s.copies.mu.Lock()
	s.copies.making = true
	s.copies.mu.Unlock()
	err := s.routineBackup(ctx)
	s.copies.mu.Lock()
	defer s.copies.mu.Unlock()
	// Who asked meanwhile gets another one, with what was sold meanwhile.
	s.copies.making, s.copies.failed = len(s.copies.wanted) > 0, nil
	if errors.Is(err, errNoRoom) {
		s.copies.failed = &agent.Error{Op: "backup", Class: agent.Unavailable, Err: err, Say: agent.Sentence{ID: "error.backup_room",
			English: "No backup was made: the disk has no room for it beside the payments. Free some space on it."}}
		return nil
	}
	s.copies.failed = err
	return err
}
