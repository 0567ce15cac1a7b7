//go:build faultfs

package faultfs_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"tillwire/agent"
	"tillwire/offline"
	"tillwire/offline/faultfs"
	"tillwire/offline/journaltest"
)

// shop is a store on a disk that can fail, and what it has answered.
type shop struct {
	t     *testing.T
	dir   string
	disk  *faultfs.Disk
	rec   *faultfs.Recording // nil when the day is not recorded
	clock *journaltest.Clock

	mu   sync.Mutex
	held map[agent.PaymentID]answered
	next int
}

func newShop(t *testing.T) *shop {
	t.Helper()
	dir := fastDir(t)
	return &shop{t: t, dir: dir, disk: attach(t, dir), clock: journaltest.NewClock(), held: map[agent.PaymentID]answered{}}
}

func (s *shop) open() (*offline.Store, error) {
	opt := options(s.dir, s.clock)
	opt.Notify = func(p agent.Payment) {
		s.mu.Lock()
		defer s.mu.Unlock()
		told := answered{p.ID, p.Version, p.Status.State}
		s.held[p.ID] = told
		if s.rec != nil {
			s.rec.Mark(told)
		}
	}
	return offline.Open(s.t.Context(), opt)
}

// trade opens the store, sells, reads and stops; it answers the first error that
// anyone would see.
func (s *shop) trade(sales int) error {
	store, err := s.open()
	if err != nil {
		return err
	}
	for range sales {
		s.next++
		if err = sell(s.t.Context(), store, s.next, fmt.Sprint("lane ", s.next)); err != nil {
			break
		}
	}
	if err == nil {
		_, err = store.Verify(s.t.Context(), agent.DefaultTimers)
	}
	if closed := store.Close(); err == nil {
		err = closed
	}
	return err
}

// TestEveryFailureOfTheDiskIsSeenAndLosesNothing lets each operation fail at its
// first calls, once and for ever, on a store that has traded before.
func TestEveryFailureOfTheDiskIsSeenAndLosesNothing(t *testing.T) {
	for _, f := range []faultfs.Fault{
		{Op: faultfs.Open, Kind: faultfs.Database}, {Op: faultfs.Open, Kind: faultfs.WAL},
		{Op: faultfs.Read, Kind: faultfs.Database}, {Op: faultfs.Read, Kind: faultfs.WAL},
		{Op: faultfs.Write, Kind: faultfs.WAL}, {Op: faultfs.Write, Kind: faultfs.WAL, Part: 1000},
		{Op: faultfs.Write, Kind: faultfs.WAL, Code: faultfs.CodeFull}, {Op: faultfs.Write, Kind: faultfs.WAL, Part: 20, Code: faultfs.CodeFull},
		{Op: faultfs.Write, Kind: faultfs.Database}, {Op: faultfs.Write, Kind: faultfs.Database, Code: faultfs.CodeFull},
		{Op: faultfs.Sync, Kind: faultfs.WAL}, {Op: faultfs.Sync, Kind: faultfs.Database},
		{Op: faultfs.Truncate}, {Op: faultfs.Delete},
	} {
		t.Run(fmt.Sprintf("%s %s %d %d", f.Op, f.Kind, f.Code, f.Part), func(t *testing.T) {
			struck, seen := 0, 0
			for i := range 24 {
				f.After, f.Forever = int64(i/2), i%2 == 1
				hit, err := strike(t, f)
				if hit {
					struck++
				}
				if err != nil {
					seen++
				}
				if err != nil && !hit {
					t.Errorf("%s never struck, yet: %v", f, err)
				}
				if hit && f.Forever && err == nil && f.Op != faultfs.Delete {
					t.Errorf("%s struck and nobody noticed", f)
				}
			}
			t.Logf("struck in %d of 24 runs, seen in %d", struck, seen)
			// A log that cannot be removed costs nothing but its room.
			if struck == 0 || seen == 0 && f.Op != faultfs.Delete {
				t.Errorf("struck in %d runs, seen in %d", struck, seen)
			}
		})
	}
}

// strike trades with a fault, then without it, and holds the store to its answers.
func strike(t *testing.T, f faultfs.Fault) (hit bool, seen error) {
	t.Helper()
	s := newShop(t)
	if err := s.trade(3); err != nil {
		t.Fatal(err)
	}
	fault, err := s.disk.Inject(f)
	if err != nil {
		t.Fatal(err)
	}
	seen = s.trade(4)
	hit = fault.Clear() > 0
	if err := s.trade(2); err != nil {
		t.Errorf("%s: with a sound disk again: %v", f, err)
	}
	if err := examine(t.Context(), s.dir, s.held); err != nil {
		t.Errorf("%s: %v", f, err)
	}
	return hit, seen
}

// TestAPowerCutAfterAFailedSyncLosesNothing: the kernel drops what it could not
// write and calls the next sync a success.
func TestAPowerCutAfterAFailedSyncLosesNothing(t *testing.T) {
	for after := range int64(10) {
		s := newShop(t)
		s.rec = record(t, s.disk)
		if err := s.trade(2); err != nil {
			t.Fatal(err)
		}
		fault, err := s.disk.Inject(faultfs.Fault{Op: faultfs.Sync, Kind: faultfs.WAL, After: after})
		if err != nil {
			t.Fatal(err)
		}
		seen := s.trade(3)
		if hits := fault.Clear(); hits != 1 || seen == nil {
			t.Fatalf("sync %d: struck %d times, seen %v", after, hits, seen)
		}
		if err := s.trade(3); err != nil {
			t.Fatal(err)
		}
		tape := stop(t, s.rec)
		if err := cutAll(t.Context(), tape, 150, fastDir(t)); err != nil {
			t.Errorf("sync %d: %v", after, err)
		}
	}
}

func cutAll(ctx context.Context, tape *faultfs.Tape, images int, dir string) error {
	cursor := tape.Cursor()
	for i, cut := range tape.Cuts(images, 5) {
		cursor.Seek(cut)
		acked, err := cursor.Image(uint64(i), dir, "lock")
		if err == nil {
			err = examine(ctx, dir, promises(acked))
		}
		if err != nil {
			return fmt.Errorf("cut %d of %d, seed %d: %w", cut, tape.Len(), i, err)
		}
	}
	return nil
}

// TestABitThatFlipsWhileReadingIsFound by the verification. Each flip hits the end
// of a page, where its rows are; a third of them at least holds rows that matter.
func TestABitThatFlipsWhileReadingIsFound(t *testing.T) {
	s := newShop(t)
	if err := s.trade(80); err != nil {
		t.Fatal(err)
	}
	before := s.disk.Count(faultfs.Read, faultfs.Database)
	if err := inspect(t, s.dir); err != nil {
		t.Fatal(err)
	}
	reads := s.disk.Count(faultfs.Read, faultfs.Database) - before
	found := int64(0)
	for n := range reads {
		fault, err := s.disk.Inject(faultfs.Fault{Op: faultfs.Read, Kind: faultfs.Database, After: n, Flip: true, Bit: 8*4096 - 1 - n*53%2000})
		if err != nil {
			t.Fatal(err)
		}
		if inspect(t, s.dir) != nil {
			found++
		}
		if fault.Clear() != 1 {
			t.Errorf("read %d did not happen", n)
		}
	}
	t.Logf("%d reads, %d flips found", reads, found)
	if found < reads/3 {
		t.Errorf("%d of %d flips were found", found, reads)
	}
	if err := examine(t.Context(), s.dir, s.held); err != nil {
		t.Error(err)
	}
}

func inspect(t *testing.T, dir string) error {
	t.Helper()
	r, err := offline.OpenReader(t.Context(), dir)
	if err != nil {
		return err
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	report, err := r.Verify(t.Context(), agent.DefaultTimers)
	if err == nil && len(report.Findings) > 0 {
		err = fmt.Errorf("%v", report.Findings)
	}
	return err
}

// TestAReadThatComesBackEmptyAtTheStartNeverDestroysTheFile: SQLite takes what is
// missing for zeros, and the store what it sees for damage. It looks twice before it
// moves a file aside, with everything in it, and the shop goes on.
func TestAReadThatComesBackEmptyAtTheStartNeverDestroysTheFile(t *testing.T) {
	moved := 0
	for after := range int64(12) {
		s := newShop(t)
		if err := s.trade(3); err != nil {
			t.Fatal(err)
		}
		before := maps.Clone(s.held)
		fault, err := s.disk.Inject(faultfs.Fault{Op: faultfs.Read, Kind: faultfs.Database, After: after, Code: faultfs.CodeShortRead})
		if err != nil {
			t.Fatal(err)
		}
		store, err := s.open()
		fault.Clear()
		if err == nil {
			err = store.Close()
		}
		if err != nil {
			t.Logf("read %d: %v", after, err)
		}
		s.disk.Close()
		old, err := filepath.Glob(filepath.Join(s.dir, "agent.db.damaged-*T??????"))
		if err != nil || len(old) > 1 {
			t.Fatalf("%v, %v", old, err)
		}
		if len(old) == 1 {
			moved++
			if err := s.trade(1); err != nil {
				t.Errorf("read %d: the shop did not go on: %v", after, err)
			}
			if err := os.Rename(old[0], filepath.Join(s.dir, "agent.db")); err != nil {
				t.Fatal(err)
			}
		}
		if err := inspect(t, s.dir); err != nil {
			t.Errorf("read %d: %v", after, err)
		}
		r, err := offline.OpenReader(t.Context(), s.dir)
		if err != nil {
			t.Fatal(err)
		}
		for id, a := range before {
			if p, err := r.Payment(t.Context(), id); err != nil || p.Version < a.version {
				t.Errorf("read %d: payment %s is at version %d, %v", after, id, p.Version, err)
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if moved > 0 {
		t.Errorf("a sound file was set aside in %d of 12 starts: one look is not enough", moved)
	}
}

// TestWhoOnlyLooksMeetsNoFault: a judge reads a disk on which every read fails.
func TestWhoOnlyLooksMeetsNoFault(t *testing.T) {
	s := newShop(t)
	if err := s.trade(1); err != nil {
		t.Fatal(err)
	}
	fault, err := s.disk.Inject(faultfs.Fault{Op: faultfs.Read, Forever: true})
	if err != nil {
		t.Fatal(err)
	}
	defer fault.Clear()
	if err := inspect(t, s.dir); err == nil {
		t.Fatal("the fault does not strike")
	}
	struck, counted := fault.Hits(), s.disk.Count(faultfs.Read, faultfs.Any)
	faultfs.Look(func() {
		r, err := offline.OpenReader(context.Background(), s.dir)
		if err != nil {
			t.Error(err)
			return
		}
		for id := range s.held {
			if _, err := r.Payment(context.Background(), id); err != nil {
				t.Error(err)
			}
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	if fault.Hits() != struck || s.disk.Count(faultfs.Read, faultfs.Any) != counted {
		t.Errorf("looking met the fault %d times", fault.Hits()-struck)
	}
}
