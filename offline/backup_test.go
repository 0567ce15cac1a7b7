package offline_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/offline"
)

// TestABackupNeverStopsTheShop lets the disk run short between backups: old copies
// go for the new one, and where that does not help nothing is touched.
func TestABackupNeverStopsTheShop(t *testing.T) {
	const bytes = 1 << 20 // of each old copy
	begin := uint64(64<<20 + 8<<20)
	for _, c := range []struct {
		name       string
		free       uint64
		old, want  int
		newOne     bool
		unfinished bool
	}{
		{"room", 1 << 30, 2, 3, true, true},
		{"the oldest goes", 1 << 30, 3, 3, true, false},
		{"more go for the new one", begin - bytes, 3, 2, true, false},
		{"the newest copy stays", begin - bytes/2, 1, 1, false, false},
		{"nothing goes in vain", begin - 8*bytes, 3, 3, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var free atomic.Uint64
			free.Store(c.free)
			ts := openStore(t, func(opt *offline.Options) {
				opt.BackupEvery, opt.Free = 6*time.Hour, func(string) (uint64, error) { return free.Load(), nil }
			})
			ts.sell(t, 1)
			backups := filepath.Join(ts.dir, "backups")
			if err := os.MkdirAll(backups, 0o700); err != nil {
				t.Fatal(err)
			}
			file := func(name string) {
				if err := os.WriteFile(filepath.Join(backups, name), make([]byte, bytes), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for i := range c.old {
				file("agent-2025010" + string(rune('1'+i)) + "T000000.db")
			}
			if c.unfinished {
				file("agent-20250101T120000.db.part")
			}
			eventually(t, "the house waits", func() bool { return ts.clock.Waiting() >= 3 })
			ts.clock.Advance(6 * time.Hour)
			eventually(t, "the house waits again", func() bool { return ts.clock.Waiting() >= 3 })
			ts.clock.Advance(30 * time.Second) // one thing after the other: the next waits for the backup
			eventually(t, "the backup is over", func() bool { return ts.clock.Waiting() >= 3 })
			var names []string
			entries, err := os.ReadDir(backups)
			for _, e := range entries {
				names = append(names, e.Name())
			}
			made := slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "agent-2026") })
			if err != nil || len(names) != c.want || made != c.newOne {
				t.Fatalf("%v, %v", names, err)
			}
		})
	}
}

func TestABackupEndsWithItsContext(t *testing.T) {
	ts, _ := busyDay(t)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := ts.Backup(ctx, filepath.Join(dir, "copy.db")); !errors.Is(err, context.Canceled) || agent.ClassOf(err) != agent.Unavailable {
		t.Fatalf("a backup that nobody waits for: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Fatalf("it left %v, %v", left, err)
	}
}

// late ends once a file is in place.
type late struct {
	context.Context
	path string
}

func (l late) Err() error {
	if _, err := os.Stat(l.path); err != nil {
		return nil
	}
	return context.Canceled
}

func TestABackupThatIsInPlaceIsNoFailure(t *testing.T) {
	ts, _ := busyDay(t)
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := ts.Backup(late{t.Context(), path}, path); err != nil {
		t.Fatalf("a good backup was answered with %v", err)
	}
}
