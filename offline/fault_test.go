package offline_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tillwire/agent"
	"tillwire/offline"
	"tillwire/offline/journaltest"
)

// breakLog puts another file under the writer's handle of the log: /dev/full has
// no room, and what is open for reading alone fails every write. The function
// that it returns puts the log back.
func breakLog(t *testing.T, dir, by string, flags int) (mend func()) {
	t.Helper()
	var handles []int
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && target == filepath.Join(dir, "agent.db-wal") {
			n, err := strconv.Atoi(e.Name())
			if err != nil {
				t.Fatal(err)
			}
			handles = append(handles, n)
		}
	}
	if len(handles) == 0 {
		t.Fatal("the log is not open")
	}
	writer := slices.Min(handles) // it is opened before any reader
	kept, err := unix.Dup(writer)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(by, flags, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Dup3(int(f.Fd()), writer, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := unix.Dup3(kept, writer, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		if err := unix.Close(kept); err != nil {
			t.Fatal(err)
		}
	}
}

// TestADiskThatFailsStopsTheStoreUntilARestart, because after a failed write or
// sync nobody knows what the disk holds.
func TestADiskThatFailsStopsTheStoreUntilARestart(t *testing.T) {
	ts := openStore(t, nil)
	before := ts.sell(t, 1)
	mend := breakLog(t, ts.dir, "/dev/null", os.O_RDONLY)
	_, err := ts.Record(t.Context(), before.ID, before.Version, approved)
	if agent.CodeOf(err) != agent.CodeNotWritable || agent.ClassOf(err) != agent.Unavailable || !strings.Contains(sentence(t, err), "restart") {
		t.Fatalf("a failed write was answered with %v", err)
	}
	if ts.Err() == nil {
		t.Fatal("the store believes to be well")
	}
	mend()
	for what, err := range map[string]error{
		"open":     second(ts.Open(t.Context(), journaltest.Sale(2, "2"), opened)),
		"record":   second(ts.Record(t.Context(), before.ID, before.Version, approved)),
		"settings": ts.SaveSettings(t.Context(), []agent.Change{{Key: "a"}}),
		"hasten":   ts.Hasten(t.Context(), ""),
		"prune":    second(ts.Prune(t.Context(), time.Now())),
	} {
		if agent.CodeOf(err) != agent.CodeNotWritable {
			t.Errorf("%s was answered with %v", what, err)
		}
	}
	if problems := ts.Problems(); len(problems) != 1 || problems[0].Do == "" {
		t.Errorf("problems %+v", problems)
	}
	if got, err := ts.Payment(t.Context(), before.ID); err != nil || got.Version != before.Version {
		t.Errorf("reading: version %d, %v", got.Version, err)
	}
	ts.reopen(t, nil)
	if ts.Err() != nil {
		t.Fatal(ts.Err())
	}
	now, err := ts.Payment(t.Context(), before.ID)
	if err != nil {
		t.Fatal(err)
	}
	if now.Version == before.Version {
		ts.record(t, now, approved)
	}
	clean(t, ts.dir)
}

func second[T any](_ T, err error) error { return err }

// TestAFullDiskCostsTheReserveAndNothingElse lets somebody else fill the disk
// while payments are under way.
func TestAFullDiskCostsTheReserveAndNothingElse(t *testing.T) {
	ts := openStore(t, func(opt *offline.Options) { opt.Free = nil })
	p := ts.sell(t, 1)
	// With an empty log nothing is read from the false one.
	db := byHand(t, ts.dir)
	must(t, db, "PRAGMA wal_checkpoint(TRUNCATE)")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	mend := breakLog(t, ts.dir, "/dev/full", os.O_RDWR)
	_, err := ts.Record(t.Context(), p.ID, p.Version, approved)
	if agent.CodeOf(err) != agent.CodeNotWritable || !strings.Contains(sentence(t, err), "full") {
		t.Fatalf("a full disk was answered with %v", err)
	}
	if _, err := os.Stat(filepath.Join(ts.dir, "ballast")); !os.IsNotExist(err) {
		t.Fatalf("the reserve is still there: %v", err)
	}
	mend()
	if ts.Err() != nil {
		t.Fatalf("the store gave up: %v", ts.Err())
	}
	ts.record(t, p, approved)
	if _, err := ts.Open(t.Context(), journaltest.Sale(2, "2"), opened); agent.CodeOf(err) != agent.CodeNotWritable {
		t.Fatalf("a payment began right after: %v", err)
	}
	ts.clock.Advance(time.Minute)
	ts.sell(t, 3)
	clean(t, ts.dir)
}
