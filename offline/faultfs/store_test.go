//go:build faultfs

package faultfs_test

import (
	"sync"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/offline"
	"tillwire/offline/journaltest"
)

// TestNoPowerCutLosesWhatTheStoreAnswered cuts a day at 2,000 points.
func TestNoPowerCutLosesWhatTheStoreAnswered(t *testing.T) {
	tape := day(t, 60)
	const images, workers = 2000, 2
	cuts := tape.Cuts(images, 1)
	begin := time.Now()
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			dir, cursor := fastDir(t), tape.Cursor()
			for i := worker; i < images; i += workers {
				cursor.Seek(cuts[i])
				acked, err := cursor.Image(uint64(i), dir, "lock")
				if err == nil {
					err = examine(t.Context(), dir, promises(acked))
				}
				if err != nil {
					t.Errorf("cut %d of %d, seed %d: %v", cuts[i], tape.Len(), i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(begin)
	t.Logf("%d images of %d operations, %d commits: %d a second", images, tape.Len(), len(tape.Acked(tape.Len())), int64(images)*int64(time.Second)/int64(took))
}

// TestASecondPowerCutDuringRecoveryLosesNothingEither records the start from an
// image, sells on it, and cuts again.
func TestASecondPowerCutDuringRecoveryLosesNothingEither(t *testing.T) {
	tape := day(t, 30)
	cursor := tape.Cursor()
	for i, cut := range tape.Cuts(40, 2) {
		first, second := fastDir(t), fastDir(t)
		cursor.Seek(cut)
		acked, err := cursor.Image(uint64(i), first)
		if err != nil {
			t.Fatal(err)
		}
		disk := attach(t, first)
		rec := record(t, disk)
		opt := options(first, journaltest.NewClock())
		opt.Notify = func(p agent.Payment) { rec.Mark(answered{p.ID, p.Version, p.Status.State}) }
		s, err := offline.Open(t.Context(), opt)
		if err != nil {
			t.Fatalf("cut %d: %v", cut, err)
		}
		sellAll(t, s, 5000, 5004)
		again := stop(t, rec)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		inner := again.Cursor()
		for j, cut2 := range again.Cuts(20, uint64(i)) {
			inner.Seek(cut2)
			more, err := inner.Image(uint64(j), second)
			if err != nil {
				t.Fatal(err)
			}
			held := promises(acked)
			for id, a := range promises(more) {
				held[id] = a
			}
			if err := examine(t.Context(), second, held); err != nil {
				t.Fatalf("cut %d, seed %d, then cut %d of %d, seed %d: %v", cut, i, cut2, again.Len(), j, err)
			}
		}
	}
}
