package offline_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tillwire/offline"
)

// TestAClosedStoreLetsGoOfItsFiles: a connection whose statements live on keeps
// them, and the log stays where it is.
func TestAClosedStoreLetsGoOfItsFiles(t *testing.T) {
	ts := openStore(t, nil)
	ts.sell(t, 1, approved)
	if err := ts.Close(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(target, ts.dir) {
			t.Errorf("%s is still open", target)
		}
	}
	if _, err := os.Stat(filepath.Join(ts.dir, "agent.db-wal")); !os.IsNotExist(err) {
		t.Errorf("the log is still there: %v", err)
	}
}

// TestAFirstPageTornByAPowerCutComesBackFromTheLog: a checkpoint was writing it,
// so the log has it.
func TestAFirstPageTornByAPowerCutComesBackFromTheLog(t *testing.T) {
	ts := openStore(t, nil)
	p := ts.sell(t, 1, approved)
	dir := copyFolder(t, ts.dir)
	f, err := os.OpenFile(filepath.Join(dir, "agent.db"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(strings.Repeat("torn", 128)), 0); err != nil {
		t.Fatal(err)
	}
	ts.reopen(t, func(opt *offline.Options) { opt.Dir = dir })
	if now, err := ts.Payment(t.Context(), p.ID); err != nil || now.Version != p.Version || len(ts.Problems()) > 0 {
		t.Errorf("version %d of %d, %v, problems %v", now.Version, p.Version, err, ts.Problems())
	}
	clean(t, dir)
}
