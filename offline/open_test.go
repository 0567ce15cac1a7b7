package offline_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tillwire/agent"
	"tillwire/offline"
	"tillwire/offline/journaltest"
)

func sentence(t *testing.T, err error) string {
	t.Helper()
	var known *agent.Error
	if !errors.As(err, &known) || known.Say.English == "" {
		t.Fatalf("no sentence for a person in: %v", err)
	}
	return known.Say.English
}

func TestASecondAgentIsRefusedByName(t *testing.T) {
	ts := openStore(t, nil)
	_, err := offline.Open(t.Context(), options(ts.dir, ts.clock))
	if say := sentence(t, err); !strings.Contains(say, fmt.Sprintf("tillwire, process %d", os.Getpid())) || agent.ClassOf(err) != agent.Conflict {
		t.Fatalf("the second agent was told %q", say)
	}
	ts.sell(t, 1)
	ts.reopen(t, nil)
}

func TestAFolderWithAnyNameWillDo(t *testing.T) {
	ts := &testStore{dir: filepath.Join(t.TempDir(), "a ?mode=memory&x=%41#b"), clock: journaltest.NewClock(), notices: &journaltest.Notices{}}
	ts.reopen(t, nil)
	defer ts.Close()
	ts.sell(t, 1)
	info, err := os.Stat(filepath.Join(ts.dir, "agent.db"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info, err)
	}
	clean(t, ts.dir)
}

// TestAFolderThatCannotBeWrittenIsExplained takes the rights away from this thread
// as well, because root writes anywhere.
func TestAFolderThatCannotBeWrittenIsExplained(t *testing.T) {
	dir := t.TempDir()
	ts := &testStore{dir: filepath.Join(dir, "data"), clock: journaltest.NewClock(), notices: &journaltest.Notices{}}
	ts.reopen(t, nil)
	if err := ts.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what string
		set  func() error
	}{
		{"read-only folder", func() error { return os.Chmod(ts.dir, 0o500) }},
		{"no folder", func() error { return errors.Join(os.RemoveAll(ts.dir), os.Chmod(dir, 0o500)) }},
	} {
		t.Run(c.what, func(t *testing.T) {
			runtime.LockOSThread()
			if err := c.set(); err != nil {
				t.Fatal(err)
			}
			defer os.Chmod(ts.dir, 0o700)
			if os.Getuid() == 0 {
				if err := unix.Setfsuid(65534); err != nil {
					t.Fatal(err)
				}
			}
			_, err := offline.Open(t.Context(), options(ts.dir, ts.clock))
			if os.Getuid() == 0 {
				if err := unix.Setfsuid(0); err != nil {
					t.Fatal(err)
				}
			}
			runtime.UnlockOSThread()
			if say := sentence(t, err); !strings.Contains(say, ts.dir) || agent.CodeOf(err) != agent.CodeNotWritable {
				t.Fatalf("told %q, %v", say, err)
			}
		})
	}
}

func TestAnotherProgramsFileIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	db, err := sql.Open("sqlite3", filepath.Join(dir, "agent.db"))
	if err != nil {
		t.Fatal(err)
	}
	must(t, db, "CREATE TABLE recipes(name TEXT)")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = offline.Open(t.Context(), options(dir, journaltest.NewClock()))
	if err == nil || !strings.Contains(err.Error(), "another program") {
		t.Fatalf("%v", err)
	}
}

func TestAStoreOfANewerProgramIsLeftAlone(t *testing.T) {
	ts := openStore(t, nil)
	if err := ts.Close(); err != nil {
		t.Fatal(err)
	}
	must(t, byHand(t, ts.dir), "PRAGMA user_version = 4711")
	_, err := offline.Open(t.Context(), options(ts.dir, ts.clock))
	if say := sentence(t, err); !strings.Contains(say, "newer version") {
		t.Fatalf("told %q", say)
	}
}

// damage overwrites the middle of the file, where the pages of payments are.
func damage(t *testing.T, dir string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, "agent.db"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for page := int64(1); page < 12; page++ {
		if _, err := f.WriteAt([]byte(strings.Repeat("rust", 64)), page*4096+8); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADamagedStoreIsKeptAndReplaced(t *testing.T) {
	for _, c := range []struct {
		what   string
		backup bool
	}{{"by the newest backup", true}, {"by an empty one", false}} {
		t.Run(c.what, func(t *testing.T) {
			ts := openStore(t, nil)
			first := ts.sell(t, 1, approved)
			was, err := ts.Incarnation(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if c.backup {
				if err := os.MkdirAll(filepath.Join(ts.dir, "backups"), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := ts.Backup(t.Context(), filepath.Join(ts.dir, "backups", "agent-20260314T093000.db")); err != nil {
					t.Fatal(err)
				}
			}
			ts.sell(t, 2, approved)
			if err := ts.Close(); err != nil {
				t.Fatal(err)
			}
			damage(t, ts.dir)
			ts.reopen(t, nil)
			kept, err := filepath.Glob(filepath.Join(ts.dir, "agent.db.damaged-*[0-9]"))
			if err != nil || len(kept) != 1 {
				t.Fatalf("kept %v, %v", kept, err)
			}
			if problems := ts.Problems(); len(problems) != 1 || problems[0].Do == "" || !strings.Contains(problems[0].What, filepath.Base(kept[0])) {
				t.Fatalf("problems %+v", problems)
			}
			if now, err := ts.Incarnation(t.Context()); err != nil || now == was {
				t.Fatalf("incarnation %q, %v", now, err)
			}
			if _, err := ts.Payment(t.Context(), first.ID); (err == nil) != c.backup {
				t.Fatalf("the payment of before the backup: %v", err)
			}
			ts.sell(t, 3, approved)
			clean(t, ts.dir)
			ts.reopen(t, nil)
			if problems := ts.Problems(); len(problems) != 1 {
				t.Errorf("a start later: %+v", problems)
			}
		})
	}
}

func TestAReplacementThatAPowerCutEndedIsDoneAgain(t *testing.T) {
	for what, cut := range map[string]func(dir string) error{
		"before the file was set aside": func(string) error { return nil },
		"after it": func(dir string) error {
			return os.Rename(filepath.Join(dir, "agent.db"), filepath.Join(dir, "agent.db.damaged-20260314T093001"))
		},
	} {
		t.Run(what, func(t *testing.T) {
			ts := openStore(t, nil)
			first := ts.sell(t, 1, approved)
			if err := os.MkdirAll(filepath.Join(ts.dir, "backups"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := ts.Backup(t.Context(), filepath.Join(ts.dir, "backups", "agent-20260314T093000.db")); err != nil {
				t.Fatal(err)
			}
			if err := ts.Close(); err != nil {
				t.Fatal(err)
			}
			ts.Store = nil
			if err := errors.Join(os.WriteFile(filepath.Join(ts.dir, "suspect"), []byte("replacing"), 0o600), cut(ts.dir)); err != nil {
				t.Fatal(err)
			}
			ts.reopen(t, nil)
			if _, err := ts.Payment(t.Context(), first.ID); err != nil {
				t.Errorf("the backup is not used: %v", err)
			}
			kept, err := filepath.Glob(filepath.Join(ts.dir, "agent.db.damaged-*[0-9]"))
			if err != nil || len(kept) != 1 || len(ts.Problems()) != 1 || !strings.Contains(ts.Problems()[0].What, filepath.Base(kept[0])) {
				t.Errorf("kept %v, %v, problems %+v", kept, err, ts.Problems())
			}
		})
	}
}

func TestDamageFoundBesideTheRunningAgentStopsWritingAndIsPutRightAtTheNextStart(t *testing.T) {
	ts := openStore(t, nil)
	for i := range 40 {
		ts.sell(t, i, approved)
	}
	if err := ts.Close(); err != nil {
		t.Fatal(err)
	}
	dir := copyFolder(t, ts.dir)
	spoilRoot(t, dir, "sqlite_autoindex_payment_2") // of order numbers, which a start never reads
	// A log with something in it is there: the stop was not clean.
	if err := os.WriteFile(filepath.Join(dir, "agent.db-wal"), []byte{0}, 0o600); err != nil {
		t.Fatal(err)
	}
	ts.dir = dir
	ts.reopen(t, nil)
	eventually(t, "the damage is found", func() bool { return ts.Err() != nil })
	if _, err := ts.Open(t.Context(), journaltest.Sale(99, "1"), opened); agent.CodeOf(err) != agent.CodeNotWritable {
		t.Fatalf("a damaged store answered %v", err)
	}
	ts.reopen(t, nil)
	if kept, _ := filepath.Glob(filepath.Join(dir, "agent.db.damaged-*[0-9]")); len(kept) != 1 || ts.Err() != nil {
		t.Fatalf("kept %v, %v", kept, ts.Err())
	}
	ts.sell(t, 100)
}

// A start reads what is open, then who is locked out. What it read of a file that proves
// damaged only there must not outlive the file: a lane would be held, and steps be due,
// for payments that are on no disk.
func TestNothingOfADamagedFileIsRememberedWhenAnotherTakesItsPlace(t *testing.T) {
	ts := openStore(t, nil)
	ts.sell(t, 1)
	if err := ts.Close(); err != nil {
		t.Fatal(err)
	}
	spoilRoot(t, ts.dir, "person")
	ts.reopen(t, nil)
	if problems := ts.Problems(); len(problems) != 1 {
		t.Fatalf("problems %+v", problems)
	}
	open, err := ts.OpenPayments(t.Context())
	if err != nil || len(open) != 0 {
		t.Errorf("open %+v, %v", open, err)
	}
	queue, err := ts.Queue(t.Context())
	if err != nil || len(queue) != 0 {
		t.Errorf("due %+v, %v", queue, err)
	}
	again := journaltest.Sale(2, "lane 1")
	if _, err := ts.Open(t.Context(), again, opened, sent(2)); err != nil {
		t.Errorf("the lane of the payment that is gone: %v", err)
	}
}

// spoilRoot overwrites the first page of a table or index.
func spoilRoot(t *testing.T, dir, name string) {
	t.Helper()
	var page int64
	db := byHand(t, dir)
	err := db.QueryRow("SELECT rootpage FROM sqlite_schema WHERE name = ?", name).Scan(&page)
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "agent.db"), os.O_RDWR, 0)
	if err == nil {
		_, err = f.WriteAt([]byte(strings.Repeat("rust", 200)), (page-1)*4096)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// patience is how long anything may take before it counts as lost, on a machine that has
// other things to do as well.
const patience = 2 * time.Minute

// eventually polls until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("never: %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}
