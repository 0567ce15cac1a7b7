package offline_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/offline"
)

const day = 24 * time.Hour

func TestRetentionTakesFromTheBeginningOfTheChain(t *testing.T) {
	ts := openStore(t, nil)
	old := ts.sell(t, 1, approved)
	old = ts.record(t, old, refund(old, 1, 80))
	stays := ts.sell(t, 2, approved) // its refund comes late
	ts.record(t, old, agent.Fact{Kind: agent.FactRefundDone, RefundNo: old.OrderNo + "P1"})
	if err := ts.AppendAudit(t.Context(), agent.Audit{Actor: "a", Action: "b"}); err != nil {
		t.Fatal(err)
	}
	ts.clock.Advance(80 * day)
	ts.record(t, stays, refund(stays, 1, 5))
	ts.clock.Advance(20 * day)
	gone, err := ts.Prune(t.Context(), ts.clock.Now().Add(-90*day))
	if err != nil || gone != 1 {
		t.Fatalf("%d went, %v", gone, err)
	}
	ts.reopen(t, nil)
	if _, err := ts.Payment(t.Context(), old.ID); agent.ClassOf(err) != agent.NotFound {
		t.Fatalf("the old payment: %v", err)
	}
	if p, err := ts.Payment(t.Context(), stays.ID); err != nil || len(p.Facts) != 4 {
		t.Fatalf("the payment that stays: %+v %v", p, err)
	}
	clean(t, ts.dir)
	ts.sell(t, 3)
	clean(t, ts.dir)
}

func TestRetentionWorksInPiecesAndKeepsWhatIsOpen(t *testing.T) {
	ts := openStore(t, nil)
	for i := range 400 {
		ts.sell(t, i, approved)
	}
	open := ts.sell(t, 400, inDoubt)
	for i := 401; i < 420; i++ {
		ts.sell(t, i, approved)
	}
	ts.clock.Advance(400 * day)
	gone, err := ts.Prune(t.Context(), ts.clock.Now().Add(-90*day))
	if err != nil || gone != 400 {
		t.Fatalf("%d went, %v", gone, err)
	}
	report := verify(t, ts.dir)
	if len(report.Findings) > 0 || report.Payments != 20 {
		t.Fatalf("%+v", report)
	}
	ts.record(t, open, approved)
	if gone, err = ts.Prune(t.Context(), ts.clock.Now().Add(time.Second)); err != nil || gone != 20 {
		t.Fatalf("%d went, %v", gone, err)
	}
	// An empty journal goes on from its anchor, after a restart too.
	ts.reopen(t, nil)
	ts.sell(t, 500)
	clean(t, ts.dir)
}

// TestRetentionTrustsOnlyAConfirmedClock: a terminal whose battery-backed clock
// is years ahead must not take all its payments for old.
func TestRetentionTrustsOnlyAConfirmedClock(t *testing.T) {
	for _, c := range []struct {
		name      string
		confirmed bool
		jump      time.Duration
		gone      bool
	}{
		{"confirmed", true, 0, true},
		{"nobody said so", false, 0, false},
		{"jumped", true, 100 * day, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var confirmed atomic.Bool
			var keep atomic.Int64 // as the owner has it now
			keep.Store(int64(90 * day))
			ts := openStore(t, func(opt *offline.Options) {
				opt.Keep, opt.Steady = func() time.Duration { return time.Duration(keep.Load()) }, confirmed.Load
			})
			p := ts.sell(t, 1, approved)
			there := func() bool {
				_, err := ts.Payment(t.Context(), p.ID)
				return agent.ClassOf(err) != agent.NotFound
			}
			ts.round(t, time.Hour)
			keep.Store(int64(time.Minute))
			confirmed.Store(c.confirmed)
			ts.clock.Jump(c.jump)
			ts.round(t, time.Hour)
			if !there() {
				t.Fatal("it went before a confirmed clock had seen it")
			}
			if c.jump != 0 { // it counts from the new time, which somebody confirms
				ts.round(t, time.Hour)
			}
			ts.round(t, day)
			if there() == c.gone {
				t.Fatalf("the payment is there: %v", there())
			}
		})
	}
}

// round lets the store keep its house once.
func (ts *testStore) round(t *testing.T, wait time.Duration) {
	t.Helper()
	eventually(t, "the house waits", func() bool { return ts.clock.Waiting() >= 2 })
	ts.clock.Advance(wait)
	eventually(t, "the round began", func() bool { return ts.clock.Waiting() >= 2 })
	ts.clock.Advance(30 * time.Second)
	eventually(t, "the round is over", func() bool { return ts.clock.Waiting() >= 2 })
}

// TestWhatWasSoldByAWrongClockStaysAsLongAsTheRest: a terminal without a battery says
// 1970 until a time server is reached, and some wallets pay all the same.
func TestWhatWasSoldByAWrongClockStaysAsLongAsTheRest(t *testing.T) {
	confirmed := &atomic.Bool{}
	const wrong = 50 * 365 * day
	steady := func(opt *offline.Options) { opt.Steady = confirmed.Load }
	ts := openStore(t, steady)
	ts.clock.Jump(-wrong)
	ts.reopen(t, steady)
	p := ts.sell(t, 1, approved)
	ts.clock.Jump(wrong)
	confirmed.Store(true)
	ts.reopen(t, steady)
	ts.round(t, time.Hour)
	for d := 0; ; d++ {
		_, err := ts.Payment(t.Context(), p.ID)
		gone := agent.ClassOf(err) == agent.NotFound
		if gone && d < 90 || !gone && d > 92 {
			t.Fatalf("after %d days: %v", d, err)
		}
		if gone {
			return
		}
		ts.round(t, day)
	}
}

func TestABackupIsOneSoundFileForItsOwnerAlone(t *testing.T) {
	ts, _ := busyDay(t)
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := ts.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v %v", entries, err)
	}
	if info, err := entries[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info, err)
	}
	err = ts.Backup(t.Context(), filepath.Join(t.TempDir(), "no", "such", "folder", "copy.db"))
	if say := sentence(t, err); !strings.Contains(say, "folder") {
		t.Fatal(say)
	}
}

func TestBackupsAreMadeByThemselvesAndThreeAreKept(t *testing.T) {
	ts := openStore(t, func(opt *offline.Options) {
		opt.BackupEvery, opt.Free = 6*time.Hour, func(string) (uint64, error) { return 1 << 30, nil }
	})
	ts.sell(t, 1)
	for i := range 5 {
		eventually(t, "the house waits", func() bool { return ts.clock.Waiting() >= 3 })
		ts.clock.Advance(6 * time.Hour)
		eventually(t, "a backup is there", func() bool {
			list, err := filepath.Glob(filepath.Join(ts.dir, "backups", "agent-*.db"))
			return err == nil && len(list) == min(i+1, 3) && strings.Contains(list[len(list)-1], ts.clock.Now().Format("20060102T150405"))
		})
	}
}

func restoreTo(dir string, ts *testStore, force bool) offline.RestoreOptions {
	return offline.RestoreOptions{Dir: dir, Name: "tillwire", Clock: ts.clock, By: "person:1", Force: force}
}

func TestARestoredStoreBeginsANewIncarnation(t *testing.T) {
	ts, paid := busyDay(t)
	backup := filepath.Join(t.TempDir(), "copy.db")
	if err := ts.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	was, err := ts.Incarnation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := offline.Restore(t.Context(), backup, restoreTo(ts.dir, ts, true)); agent.ClassOf(err) != agent.Conflict {
		t.Fatalf("restored below a running agent: %v", err)
	}
	late := ts.sell(t, 99)
	if err := ts.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = offline.Restore(t.Context(), backup, restoreTo(ts.dir, ts, false))
	if say := sentence(t, err); !strings.Contains(say, "not final") {
		t.Fatalf("open payments were forgotten: %q", say)
	}
	kept, err := offline.Restore(t.Context(), backup, restoreTo(ts.dir, ts, true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(ts.dir, kept)); err != nil || kept == "" {
		t.Fatalf("the old store is not beside it: %v", err)
	}
	clean(t, ts.dir) // it can be looked at before the agent has run once
	ts.reopen(t, nil)
	if now, err := ts.Incarnation(t.Context()); err != nil || now == was || len(now) != 32 {
		t.Fatalf("incarnation %q, %v", now, err)
	}
	if p, err := ts.Payment(t.Context(), paid.ID); err != nil || p.Status.State != agent.Paid {
		t.Fatalf("%v %v", p.Status.State, err)
	}
	if _, err := ts.Payment(t.Context(), late.ID); agent.ClassOf(err) != agent.NotFound {
		t.Fatalf("what came after the backup: %v", err)
	}
	entries, err := ts.Audits(t.Context(), 0, 1)
	if err != nil || len(entries) != 1 || entries[0].Action != "store.restored" || entries[0].Actor != "person:1" {
		t.Fatalf("%+v %v", entries, err)
	}
	clean(t, ts.dir)
}

func TestAFileThatIsNoBackupIsNotRestored(t *testing.T) {
	ts := openStore(t, nil)
	junk := filepath.Join(t.TempDir(), "junk")
	if err := os.WriteFile(junk, []byte(strings.Repeat("not a store", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := offline.Restore(t.Context(), junk, restoreTo(t.TempDir(), ts, false)); agent.ClassOf(err) != agent.Invalid {
		t.Fatal(err)
	}
}
