package journaltest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tillwire/agent"
)

// crowd is how many goroutines come at once.
const crowd = 48

// together runs n goroutines that start at the same moment.
func together(n int, do func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			do(i)
		})
	}
	close(start)
	wg.Wait()
}

var togetherCases = []testCase{
	{"of many payments for one lane one wins", func(s *shop) {
		var won atomic.Int32
		together(crowd, func(i int) {
			_, err := s.h.Store.Open(ctx(), Sale(i, "1"), opened, payStarted)
			switch {
			case err == nil:
				won.Add(1)
			case agent.CodeOf(err) != agent.CodeLaneBusy:
				s.t.Errorf("lost with %v", err)
			}
		})
		if won.Load() != 1 {
			s.t.Fatalf("%d payments hold the lane", won.Load())
		}
	}},
	{"a request that comes many times at once is one payment", func(s *shop) {
		var made atomic.Int32
		ids := make([]agent.PaymentID, crowd)
		together(crowd, func(i int) {
			p := Sale(1, "1")
			p.ID, p.OrderNo = agent.PaymentID(fmt.Sprint("id", i)), fmt.Sprint("order", i)
			got, err := s.h.Store.Open(ctx(), p, opened)
			ids[i] = got.ID
			if err == nil {
				made.Add(1)
			} else if !errors.Is(err, agent.ErrRepeated) {
				s.t.Errorf("repeat: %v", err)
			}
		})
		if made.Load() != 1 || len(slices.Compact(ids)) != 1 {
			s.t.Fatalf("%d payments, answered %q", made.Load(), ids)
		}
	}},
	{"of many answers to one version one is recorded", func(s *shop) {
		p := s.open(Sale(1, "1"), payStarted)
		var won atomic.Int32
		together(crowd, func(int) {
			_, err := s.h.Store.Record(ctx(), p.ID, p.Version, approved)
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, agent.ErrStale) {
				s.t.Errorf("lost with %v", err)
			}
		})
		if got := s.payment(p.ID); won.Load() != 1 || got.Version != 2 || len(got.Facts) != 3 {
			s.t.Fatalf("%d won, payment %+v", won.Load(), got)
		}
	}},
	{"one that fails does not fail its neighbours", func(s *shop) {
		together(crowd, func(i int) {
			p := Sale(i/2, fmt.Sprint("lane ", i/2))
			facts := []agent.Fact{opened, payStarted}
			if i%2 == 1 {
				p = Sale(1000+i, fmt.Sprint("other ", i))
				p.OrderNo = Sale(0, "").OrderNo[:6]
				facts = []agent.Fact{payStarted}
			}
			if _, err := s.h.Store.Open(ctx(), p, facts...); (err == nil) != (i%2 == 0) {
				s.t.Errorf("payment %d: %v", i, err)
			}
		})
	}},
	{"every commit is told before it is answered, in the order of the journal", func(s *shop) {
		together(crowd, func(i int) {
			p, err := s.h.Store.Open(ctx(), Sale(i, fmt.Sprint("lane ", i)), opened, payStarted)
			if err != nil {
				s.t.Error(err)
				return
			}
			p, err = s.h.Store.Record(ctx(), p.ID, p.Version, approved)
			if err != nil {
				s.t.Error(err)
				return
			}
			if !slices.ContainsFunc(s.h.Notices.List(), func(n agent.Payment) bool { return n.ID == p.ID && n.Version == p.Version }) {
				s.t.Errorf("payment %d was answered before it was told", i)
			}
		})
		last := int64(0)
		for _, p := range s.h.Notices.List() {
			seq := p.Facts[len(p.Facts)-1].Seq
			if seq <= last {
				s.t.Fatalf("row %d was told after row %d", seq, last)
			}
			last = seq
		}
		if n := len(s.h.Notices.List()); n != 2*crowd {
			s.t.Fatalf("%d notices for %d commits", n, 2*crowd)
		}
	}},
	{"a task is leased once however many ask", func(s *shop) {
		for i := range crowd {
			s.open(Sale(i, fmt.Sprint("lane ", i)), payStarted)
		}
		s.h.Clock.Advance(time.Minute)
		var mu sync.Mutex
		rows := map[int64]int{}
		together(8, func(int) {
			for {
				tasks, err := s.h.Store.Lease(ctx(), 3)
				if err != nil {
					s.t.Error(err)
				}
				if len(tasks) == 0 {
					return
				}
				mu.Lock()
				for _, task := range tasks {
					rows[task.Row]++
				}
				mu.Unlock()
			}
		})
		if len(rows) != crowd {
			s.t.Fatalf("%d of %d tasks were leased", len(rows), crowd)
		}
		for row, n := range rows {
			if n != 1 {
				s.t.Fatalf("row %d was leased %d times", row, n)
			}
		}
	}},
}
