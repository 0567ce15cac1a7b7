package offline_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tillwire/agent"
	"tillwire/offline"
	"tillwire/offline/journaltest"
)

// testStore is a store in a folder of its own with what surrounds it.
type testStore struct {
	*offline.Store
	dir     string
	clock   *journaltest.Clock
	notices *journaltest.Notices
}

// options keep a store out of its own affairs: no routine backups, and too little
// space for a reserve.
func options(dir string, clock agent.Clock) offline.Options {
	return offline.Options{Dir: dir, Name: "tillwire", Clock: clock, Timers: agent.DefaultTimers, BackupEvery: -1,
		Free: func(string) (uint64, error) { return 70 << 20, nil }}
}

// openStore opens a fresh store; change may adjust its options.
func openStore(t *testing.T, change func(*offline.Options)) *testStore {
	t.Helper()
	ts := &testStore{dir: t.TempDir(), clock: journaltest.NewClock(), notices: &journaltest.Notices{}}
	ts.reopen(t, change)
	t.Cleanup(func() {
		if err := ts.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return ts
}

// reopen begins the next run on the same folder.
func (ts *testStore) reopen(t *testing.T, change func(*offline.Options)) {
	t.Helper()
	if ts.Store != nil {
		if err := ts.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	opt := options(ts.dir, ts.clock)
	opt.Notify = ts.notices.Add
	if change != nil {
		change(&opt)
	}
	s, err := offline.Open(t.Context(), opt)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	ts.Store = s
}

// TestStoreKeepsTheContract runs the suite twice: with clean stops, and with a
// copy of the folder as it lies there while the agent runs.
func TestStoreKeepsTheContract(t *testing.T) {
	for name, restart := range map[string]func(*testing.T, *testStore){
		"stopped": func(t *testing.T, ts *testStore) { ts.reopen(t, nil) },
		"cut off": func(t *testing.T, ts *testStore) {
			dir := copyFolder(t, ts.dir)
			ts.reopen(t, func(opt *offline.Options) { opt.Dir = dir })
			ts.dir = dir
		},
	} {
		t.Run(name, func(t *testing.T) {
			journaltest.Run(t, func(t *testing.T) journaltest.Harness {
				ts := openStore(t, nil)
				return journaltest.Harness{Store: ts.Store, Clock: ts.clock, Notices: ts.notices, Restart: func(t *testing.T) journaltest.Store {
					restart(t, ts)
					return ts.Store
				}}
			})
		})
	}
}

func TestAClosedStoreTakesNothing(t *testing.T) {
	ts := openStore(t, nil)
	if err := ts.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := ts.Open(t.Context(), journaltest.Sale(1, "1"), agent.Fact{Kind: agent.FactOpened})
	if agent.CodeOf(err) != agent.CodeNotWritable {
		t.Fatalf("a closed store answered %v", err)
	}
	var known *agent.Error
	if !errors.As(err, &known) || known.Say.English == "" {
		t.Fatalf("no sentence for a person in %v", err)
	}
}

func TestClosingAnswersEverythingThatWasAccepted(t *testing.T) {
	ts := openStore(t, nil)
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			p, err := ts.Open(t.Context(), journaltest.Sale(i, string(rune('A'+i))), agent.Fact{Kind: agent.FactOpened})
			if err != nil && agent.CodeOf(err) != agent.CodeNotWritable {
				t.Errorf("payment %s: %v", p.ID, err)
			}
		})
	}
	if err := ts.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
}

func TestCommitsCanBeObserved(t *testing.T) {
	var requests atomic.Int32
	ts := openStore(t, func(opt *offline.Options) {
		opt.Observe = func(n int, _ time.Duration) { requests.Add(int32(n)) }
	})
	ts.sell(t, 1, approved)
	if requests.Load() != 2 || ts.LogBytes() == 0 {
		t.Fatalf("%d requests observed, a log of %d bytes", requests.Load(), ts.LogBytes())
	}
}

func TestNothingGoesOnAfterClose(t *testing.T) {
	before := goleak.IgnoreCurrent()
	ts := openStore(t, nil)
	ts.sell(t, 1)
	if err := ts.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "everything has ended", func() bool { return goleak.Find(before) == nil })
}
