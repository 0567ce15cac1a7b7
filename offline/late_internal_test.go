package offline

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/offline/journaltest"
)

func openInside(t *testing.T, observe func(requests int, took time.Duration)) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), Clock: journaltest.NewClock(), Timers: agent.DefaultTimers, BackupEvery: -1,
		Free: func(string) (uint64, error) { return 1 << 30, nil }, Observe: observe})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

var (
	lateOpened  = agent.Fact{Kind: agent.FactOpened}
	lateStarted = agent.Fact{Kind: agent.FactPayStarted, Op: agent.OpPay, Attempt: 1, Wallet: "wechat"}
	lateRefused = agent.Fact{Kind: agent.FactRefused, Op: agent.OpPay, Reason: agent.ReasonNotEnough}
	lateDoubt   = agent.Fact{Kind: agent.FactInDoubt, Op: agent.OpPay, Reason: agent.ReasonNoAnswer}
)

// TestRetentionSeesWhatItsBatchHasYetToWrite: a payment that ended long ago gets
// another fact in the batch that removes old ones, so the row that says how old its
// last fact is waits to be written.
func TestRetentionSeesWhatItsBatchHasYetToWrite(t *testing.T) {
	s := openInside(t, nil)
	p, err := s.Open(t.Context(), journaltest.Sale(1, "1"), lateOpened, lateStarted)
	if err == nil {
		p, err = s.Record(t.Context(), p.ID, p.Version, agent.Fact{Kind: agent.FactApproved, Op: agent.OpQuery, Amount: 1280, Txn: "4200001"})
	}
	if err != nil {
		t.Fatal(err)
	}
	base, err := s.current(t.Context(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	s.opt.Clock.(*journaltest.Clock).Advance(time.Hour)
	facts := []agent.Fact{{Kind: agent.FactPrinted}}
	c, err := s.prepare(base, facts)
	if err != nil {
		t.Fatal(err)
	}
	err = s.write("both at once", func(b *batch) error {
		if _, err := b.record(p.ID, p.Version, c, facts, nil); err != nil {
			return err
		}
		rows, gone, err := b.prune(s.opt.Clock.Now().Add(-time.Minute), math.MaxInt64)
		if rows != 0 || gone != 0 {
			t.Errorf("%d rows and %d payments went", rows, gone)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Reader.Payment(t.Context(), p.ID); err != nil || got.Status.State != agent.Paid || len(got.Facts) != 4 {
		t.Fatalf("%+v, %v", got, err)
	}
}

// TestABatchOfAnySizeIsWrittenWhole goes around the number of rows that one
// statement writes: facts, steps that come and steps that go.
func TestABatchOfAnySizeIsWrittenWhole(t *testing.T) {
	for _, n := range []int{1, bulkRows/2 - 1, bulkRows / 2, bulkRows - 1, bulkRows, bulkRows + 1, 2*bulkRows + 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s := openInside(t, nil)
			var sold []*entry
			err := s.write("open all", func(b *batch) error {
				for i := range n {
					p, facts := journaltest.Sale(i, fmt.Sprint(i)), []agent.Fact{lateOpened, lateStarted}
					c, err := s.prepare(&entry{payment: p}, facts)
					if err != nil {
						return err
					}
					e, err := b.open(&p, c, facts, nil)
					if err != nil {
						return err
					}
					sold = append(sold, e)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			expectRows(t, s, 2*n, n)
			err = s.write("end all but the last", func(b *batch) error {
				for i, e := range sold {
					facts := []agent.Fact{lateRefused, {Kind: agent.FactWatched, Op: agent.OpQuery}}
					if i == n-1 {
						facts = []agent.Fact{lateDoubt}
					}
					c, err := s.prepare(e, facts)
					if err != nil {
						return err
					}
					if _, err := b.record(e.payment.ID, e.payment.Version, c, facts, nil); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			expectRows(t, s, 4*n-1, 1)
			if report, err := s.Verify(t.Context(), agent.DefaultTimers); err != nil || len(report.Findings) > 0 {
				t.Fatalf("%v, %v", report.Findings, err)
			}
		})
	}
}

func expectRows(t *testing.T, s *Store, facts, steps int) {
	t.Helper()
	for table, want := range map[string]int{"journal": facts, "outbox": steps} {
		var got int
		if err := s.db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&got); err != nil || got != want {
			t.Errorf("%d rows in %s, want %d; %v", got, table, want, err)
		}
	}
}

// TestWhatComesInMeanwhileSharesTheCommit, except what must stand alone: that waits
// for the commit, and what came after it for the next.
func TestWhatComesInMeanwhileSharesTheCommit(t *testing.T) {
	var commits []int
	s := openInside(t, func(requests int, _ time.Duration) { commits = append(commits, requests) })
	writes := func(b *batch) error {
		return b.do("INSERT INTO setting_log(key, value, \"by\", at) VALUES ('k', 'v', 'b', 0)")
	}
	later := []request{
		{apply: writes},
		{apply: writes},
		{alone: func(w *writer) error {
			if !w.conn.AutoCommit() || len(commits) != 1 {
				t.Errorf("alone, but in a transaction or too early: %v", commits)
			}
			return nil
		}},
		{apply: writes},
	}
	s.crowded.Store(true) // so that the writer's goroutine serves it, which then takes nothing else
	err := s.write("the first", func(b *batch) error {
		for i := range later {
			later[i].done = make(chan error, 1)
			s.queue <- later[i]
		}
		return writes(b)
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range later {
		if err := <-r.done; err != nil {
			t.Errorf("request %d: %v", i, err)
		}
	}
	if want := []int{3, 1}; !slices.Equal(commits, want) {
		t.Errorf("commits of %v requests, want %v", commits, want)
	}
}
