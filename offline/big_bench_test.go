package offline_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/offline"
)

// BenchmarkBigStore measures a store of 200,000 payments, which is about what two
// years leave in a busy shop: the start after a clean stop and after a cut, a
// page of today's payments, a day's sums, a search, and a whole verification.
func BenchmarkBigStore(b *testing.B) {
	dir := b.TempDir()
	s := benchStore(b, dir)
	const payments = 200_000
	pay(b, s, 64, payments)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "agent.db"))
	if err != nil {
		b.Fatal(err)
	}
	timed := func(what string, do func() error) {
		begin := time.Now()
		if err := do(); err != nil {
			b.Fatal(what, err)
		}
		b.ReportMetric(float64(time.Since(begin).Microseconds())/1000, what+"-ms")
	}
	for b.Loop() {
		b.ReportMetric(float64(info.Size()>>20), "MiB")
		open := func() (err error) {
			s, err = offline.Open(b.Context(), options(dir, agent.NewSystemClock()))
			return err
		}
		timed("start", open)
		pay(b, s, 4, 200)
		wal, err := os.ReadFile(filepath.Join(dir, "agent.db-wal"))
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "agent.db-wal"), wal, 0o600); err != nil {
			b.Fatal(err)
		}
		timed("start-after-cut", open)
		ctx, now := b.Context(), time.Now()
		timed("list", func() error { _, err := s.List(ctx, agent.Filter{From: now.Add(-24 * time.Hour)}); return err })
		timed("search", func() error { _, err := s.List(ctx, agent.Filter{Text: "no such text"}); return err })
		timed("totals-200k", func() error { _, err := s.Totals(ctx, now.Add(-24*time.Hour), now); return err })
		timed("verify", func() error {
			report, err := s.Verify(ctx, agent.DefaultTimers)
			if err == nil && len(report.Findings) > 0 {
				b.Fatal(report.Findings[0])
			}
			return err
		})
		timed("backup", func() error { return s.Backup(ctx, filepath.Join(dir, "copy")) })
		timed("stop", s.Close)
	}
}
