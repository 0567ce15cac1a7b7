package offline_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tillwire/agent"
	"tillwire/offline"
	"tillwire/offline/journaltest"
)

// BenchmarkCommits measures durable commits of payments (opened with the announced
// request, then approved) against the plainest durable thing a disk can do, in the
// same run: 4 KiB appended to a file and synced.
func BenchmarkCommits(b *testing.B) {
	for _, lanes := range []int{1, 4, 16, 64} {
		b.Run(fmt.Sprintf("lanes=%d", lanes), func(b *testing.B) {
			dir := b.TempDir()
			s := benchStore(b, dir)
			defer s.Close()
			pay(b, s, lanes, 2000) // the log has its size, the pages are warm
			for b.Loop() {
				measure(b, s, dir, lanes)
			}
		})
	}
}

// measure takes turns, so that a disk that is busy for others is busy for both.
func measure(b *testing.B, s *offline.Store, dir string, lanes int) {
	const turns = 10
	n := 100 * min(2*lanes, 32)
	var bare, ours []time.Duration
	var bareTook, oursTook, oursWork time.Duration
	for range turns {
		begin := time.Now()
		bare = append(bare, bareLoop(b, dir, 150)...)
		bareTook += time.Since(begin)
		begin, work := time.Now(), processor(b)
		ours = append(ours, pay(b, s, lanes, n)...)
		oursTook += time.Since(begin)
		oursWork += processor(b) - work
	}
	rate := float64(len(ours)) / oursTook.Seconds()
	bareRate := float64(len(bare)) / bareTook.Seconds()
	b.ReportMetric(rate, "commits/s")
	b.ReportMetric(bareRate, "bare/s")
	b.ReportMetric(rate/bareRate, "ratio")
	b.ReportMetric(float64(oursWork.Microseconds())/float64(len(ours)), "cpu-us/commit")
	for name, delays := range map[string][]time.Duration{"bare-": bare, "": ours} {
		slices.Sort(delays)
		b.ReportMetric(float64(delays[len(delays)/2].Microseconds()), name+"p50-us")
		b.ReportMetric(float64(delays[len(delays)*99/100].Microseconds()), name+"p99-us")
	}
}

func benchStore(b *testing.B, dir string) *offline.Store {
	b.Helper()
	s, err := offline.Open(b.Context(), options(dir, agent.NewSystemClock()))
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// pay takes n payments over some lanes, as fast as they go, and returns how long
// each commit took, sorted.
func pay(b *testing.B, s *offline.Store, lanes, n int) []time.Duration {
	var next atomic.Int64
	var mu sync.Mutex
	var all []time.Duration
	var wg sync.WaitGroup
	stamp := int(time.Now().UnixNano()/1000) % 1_000_000_000
	for lane := range lanes {
		wg.Go(func() {
			name := fmt.Sprint(lane)
			var delays []time.Duration
			for {
				i := int(next.Add(1))
				if i > n {
					break
				}
				begin := time.Now()
				p, err := s.Open(context.Background(), journaltest.Sale(stamp*1_000_000+i, name), opened, sent(stamp*1_000_000+i))
				if err != nil {
					b.Error(err)
					return
				}
				middle := time.Now()
				if _, err = s.Record(context.Background(), p.ID, p.Version, approved); err != nil {
					b.Error(err)
					return
				}
				delays = append(delays, middle.Sub(begin), time.Since(middle))
			}
			mu.Lock()
			all = append(all, delays...)
			mu.Unlock()
		})
	}
	wg.Wait()
	return all
}

var (
	opened   = agent.Fact{Kind: agent.FactOpened}
	approved = agent.Fact{Kind: agent.FactApproved, Op: agent.OpQuery, Amount: 1280, Txn: "4200002036202603149999999999"}
)

func sent(i int) agent.Fact {
	return agent.Fact{Kind: agent.FactPayStarted, Op: agent.OpPay, Attempt: 1, Wallet: "wechat", CodePrint: fmt.Appendf(nil, "%032d", i)}
}

// bareLoop appends and syncs n times and returns how long each took.
func bareLoop(b *testing.B, dir string, n int) []time.Duration {
	f, err := os.Create(filepath.Join(dir, "bare"))
	if err != nil {
		b.Fatal(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	page := make([]byte, 4096)
	delays := make([]time.Duration, 0, n)
	for range n {
		begin := time.Now()
		if _, err := f.Write(page); err != nil {
			b.Fatal(err)
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			b.Fatal(err)
		}
		delays = append(delays, time.Since(begin))
	}
	return delays
}

// processor is the time that all processors have worked for this process.
func processor(b *testing.B) time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts); err != nil {
		b.Fatal(err)
	}
	return time.Duration(ts.Nano())
}
