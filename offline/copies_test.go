package offline_test

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/offline"
)

// made waits until no backup is being made.
func (ts *testStore) made(t *testing.T) (c offline.Copies) {
	t.Helper()
	eventually(t, "the backup is done", func() bool {
		var err error
		c, err = ts.Copies()
		return err == nil && !c.Making
	})
	return c
}

func TestABackupIsMadeWhenSomebodyAsks(t *testing.T) {
	ts := openStore(t, func(opt *offline.Options) { opt.Free = func(string) (uint64, error) { return 1 << 30, nil } })
	if c := ts.made(t); len(c.List) != 0 || c.Failed != nil {
		t.Fatalf("before: %+v", c)
	}
	ts.sell(t, 1, approved)
	ts.CopySoon()
	first := ts.made(t)
	if len(first.List) != 1 || first.Failed != nil || first.List[0].Bytes == 0 || first.List[0].At.Unix() != ts.clock.Now().Unix() {
		t.Fatalf("%+v at %v", first, ts.clock.Now())
	}
	ts.clock.Advance(time.Minute)
	ts.CopySoon()
	c := ts.made(t)
	if len(c.List) != 2 || c.List[1] != first.List[0] || !c.List[0].At.After(c.List[1].At) {
		t.Fatalf("the newest is not the first: %+v", c)
	}
	to := t.TempDir()
	if _, err := offline.Restore(t.Context(), c.List[0].Path, restoreTo(to, ts, false)); err != nil {
		t.Fatalf("it is no backup: %v", err)
	}
	// A copy that was carried about keeps the time that its name tells.
	if err := os.Chtimes(c.List[0].Path, time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if again := ts.made(t); again.List[0].At != c.List[0].At {
		t.Errorf("at %v, then %v", c.List[0].At, again.List[0].At)
	}
}

func TestABackupThatIsNotMadeSaysWhy(t *testing.T) {
	var free atomic.Uint64
	free.Store(70 << 20)
	ts := openStore(t, func(opt *offline.Options) { opt.Free = func(string) (uint64, error) { return free.Load(), nil } })
	ts.CopySoon()
	if c := ts.made(t); len(c.List) != 0 || agent.ClassOf(c.Failed) != agent.Unavailable {
		t.Fatalf("without room: %+v", c)
	}
	free.Store(1 << 30)
	if err := os.WriteFile(filepath.Join(ts.dir, "backups", "agent-20260101T000000.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ts.CopySoon()
	if c := ts.made(t); len(c.List) != 2 || c.Failed != nil {
		t.Fatalf("with room again: %+v", c)
	}
}
