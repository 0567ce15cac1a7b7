package offline_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/offline"
)

// told finds the problem that speaks of something.
func (ts *testStore) told(what string) bool {
	return slices.ContainsFunc(ts.Problems(), func(p agent.Problem) bool { return strings.Contains(p.What, what) && p.Do != "" })
}

func (ts *testStore) life(t *testing.T) string {
	t.Helper()
	id, err := ts.Incarnation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// stop ends the run and puts another database into the folder, past the program.
func (ts *testStore) swap(t *testing.T, from string) {
	t.Helper()
	if err := ts.Close(); err != nil {
		t.Fatal(err)
	}
	ts.Store = nil
	copyFile(t, from, filepath.Join(ts.dir, "agent.db"))
}

// keepCopy stops the store, copies its database, and begins the next run.
func (ts *testStore) keepCopy(t *testing.T) string {
	t.Helper()
	if err := ts.Close(); err != nil {
		t.Fatal(err)
	}
	ts.Store = nil
	to := filepath.Join(t.TempDir(), "agent.db")
	copyFile(t, filepath.Join(ts.dir, "agent.db"), to)
	ts.reopen(t, nil)
	return to
}

func TestAnOlderDatabaseThatIsPutBackIsFoundOut(t *testing.T) {
	ts := openStore(t, nil)
	first := ts.sell(t, 1, approved)
	old := ts.keepCopy(t)
	was := ts.life(t)
	ts.sell(t, 2, approved)
	ts.swap(t, old)
	ts.reopen(t, nil)
	if !ts.told("older than this terminal") || ts.life(t) == was {
		t.Fatalf("problems %v, incarnation %s as before: %v", ts.Problems(), ts.life(t), ts.life(t) == was)
	}
	if _, err := ts.Payment(t.Context(), first.ID); err != nil {
		t.Error(err)
	}
	ts.sell(t, 3, approved)
	clean(t, ts.dir)
	is := ts.life(t)
	ts.reopen(t, nil)
	if ts.life(t) != is {
		t.Error("what was put right is found again")
	}
}

func TestWhatBefellTheStoreIsToldForAWeek(t *testing.T) {
	ts := openStore(t, nil)
	ts.sell(t, 1, approved)
	old := ts.keepCopy(t)
	ts.sell(t, 2, approved)
	ts.swap(t, old)
	for range 3 {
		ts.reopen(t, nil)
		if len(ts.Problems()) != 1 || !ts.told("older than this terminal") {
			t.Fatalf("problems %v", ts.Problems())
		}
	}
	for _, c := range []struct {
		jump time.Duration
		told bool
	}{{6 * 24 * time.Hour, true}, {2 * 24 * time.Hour, false}} {
		ts.clock.Jump(c.jump)
		ts.reopen(t, nil)
		if ts.told("older than this terminal") != c.told {
			t.Errorf("%s later: problems %v", c.jump, ts.Problems())
		}
	}
}

func TestWhatAClockOfTheFutureSawIsToldForAWeekFromNow(t *testing.T) {
	ts := openStore(t, nil)
	ts.sell(t, 1, approved)
	old := ts.keepCopy(t)
	ts.sell(t, 2, approved)
	ts.swap(t, old)
	ts.clock.Jump(70 * 365 * 24 * time.Hour)
	ts.reopen(t, nil)
	ts.clock.Jump(-70 * 365 * 24 * time.Hour)
	ts.reopen(t, nil)
	if !ts.told("older than this terminal") {
		t.Fatalf("problems %v", ts.Problems())
	}
	ts.clock.Jump(8 * 24 * time.Hour)
	ts.reopen(t, nil)
	if ts.told("older than this terminal") {
		t.Errorf("problems %v", ts.Problems())
	}
}

func TestAWitnessThatCannotBeWrittenIsTold(t *testing.T) {
	place := filepath.Join(t.TempDir(), "gone", "witness")
	ts := openStore(t, func(o *offline.Options) { o.Witness = place })
	ts.sell(t, 1, approved)
	for deadline := time.After(patience); !ts.told(place); {
		select {
		case <-deadline:
			t.Fatalf("problems %v", ts.Problems())
		case <-time.After(time.Millisecond):
		}
	}
	if err := os.Mkdir(filepath.Dir(place), 0o700); err != nil {
		t.Fatal(err)
	}
	ts.clock.Advance(2 * time.Second)
	ts.sell(t, 2, approved)
	for deadline := time.After(patience); ts.told(place); {
		select {
		case <-deadline:
			t.Fatal("it is told for ever")
		case <-time.After(time.Millisecond):
		}
	}
}

func TestACopyThatWentItsOwnWayIsFoundOut(t *testing.T) {
	ts := openStore(t, nil)
	ts.sell(t, 1, approved)
	old := ts.keepCopy(t)
	ts.sell(t, 2, approved)

	other := openStore(t, nil)
	other.swap(t, old)
	if err := os.Remove(filepath.Join(other.dir, "witness")); err != nil {
		t.Fatal(err)
	}
	other.reopen(t, nil)
	other.sell(t, 3, approved)
	other.sell(t, 4, approved)
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	ts.swap(t, filepath.Join(other.dir, "agent.db"))
	other.reopen(t, nil)
	ts.reopen(t, nil)
	if !ts.told("another story") {
		t.Errorf("problems %v", ts.Problems())
	}
}

func TestAnotherTerminalsDatabaseIsFoundOut(t *testing.T) {
	ts, other := openStore(t, nil), openStore(t, nil)
	ts.sell(t, 1, approved)
	other.sell(t, 2, approved)
	foreign := other.keepCopy(t)
	ts.swap(t, foreign)
	ts.reopen(t, nil)
	if !ts.told("another terminal") {
		t.Errorf("problems %v", ts.Problems())
	}
}

// TestAMissingWitnessIsSaid: whoever puts an older store back takes its witness away.
func TestAMissingWitnessIsSaid(t *testing.T) {
	ts := openStore(t, nil)
	without := func(want bool, when string) {
		t.Helper()
		if err := ts.Close(); err != nil {
			t.Fatal(err)
		}
		ts.Store = nil
		if err := os.Remove(filepath.Join(ts.dir, "witness")); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		ts.reopen(t, nil)
		if ts.WitnessMissing() != want {
			t.Errorf("%s: it is said %t", when, !want)
		}
	}
	without(false, "a store without an entry")
	ts.sell(t, 1, approved)
	without(true, "a store with one")
	ts.reopen(t, nil)
	if ts.WitnessMissing() || len(ts.Problems()) > 0 {
		t.Errorf("a start later: said %t, problems %v", ts.WitnessMissing(), ts.Problems())
	}
	old := ts.keepCopy(t)
	ts.sell(t, 2, approved)
	ts.swap(t, old)
	ts.reopen(t, nil)
	without(false, "a store that knows already that it was put back")
}

func TestWhatIsRestoredByTheCommandFitsItsWitness(t *testing.T) {
	ts := openStore(t, nil)
	ts.sell(t, 1, approved)
	file := filepath.Join(t.TempDir(), "copy.db")
	if err := ts.Backup(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	ts.sell(t, 2, approved)
	if err := ts.Close(); err != nil {
		t.Fatal(err)
	}
	ts.Store = nil
	if _, err := offline.Restore(t.Context(), file, offline.RestoreOptions{Dir: ts.dir, Name: "tillwire", Clock: ts.clock, By: "owner", Force: true}); err != nil {
		t.Fatal(err)
	}
	ts.reopen(t, nil)
	if len(ts.Problems()) > 0 {
		t.Errorf("problems %v", ts.Problems())
	}
}

func TestAnEmptyFileThatHadEntriesIsDamage(t *testing.T) {
	ts := openStore(t, nil)
	ts.sell(t, 1, approved)
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ts.swap(t, empty)
	ts.reopen(t, nil)
	if !ts.told("was damaged") {
		t.Errorf("problems %v", ts.Problems())
	}
}

func TestAWitnessThatAPowerCutSpoiltSaysNothing(t *testing.T) {
	ts := openStore(t, nil)
	ts.sell(t, 1, approved)
	for _, text := range []string{"", "garbage", strings.Repeat("\x00", 256), "tillwire-witness-1 abc 99 00 5 00000000"} {
		if err := ts.Close(); err != nil {
			t.Fatal(err)
		}
		ts.Store = nil
		if err := os.WriteFile(filepath.Join(ts.dir, "witness"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		ts.reopen(t, nil)
		if len(ts.Problems()) > 0 {
			t.Errorf("after %q: %v", text, ts.Problems())
		}
	}
}

func TestAFirstStartThatWasCutIsNoDamage(t *testing.T) {
	dir := t.TempDir()
	// A torn first page and the journal that says that there was no file before.
	journal := append([]byte{0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7}, make([]byte, 504)...)
	copy(journal[20:], []byte{0, 0, 2, 0, 0, 0, 0x10, 0})
	for name, content := range map[string][]byte{"agent.db": make([]byte, 4096), "agent.db-journal": journal} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ts := &testStore{dir: dir, clock: openStore(t, nil).clock}
	s, err := offline.Open(t.Context(), options(dir, ts.clock))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if len(s.Problems()) > 0 {
		t.Errorf("problems %v", s.Problems())
	}
}
