package replay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/offline/replay"
)

// outbox is a list of tasks with their due times; it fails on demand.
type outbox struct {
	mu    sync.Mutex
	clock agent.Clock
	due   map[int64]time.Duration
	taken map[int64]bool
	tries map[int64]int
	broke error
	dead  map[int64]string // why a task was given up
}

func newOutbox(clock agent.Clock, due ...time.Duration) *outbox {
	o := &outbox{clock: clock, due: map[int64]time.Duration{}, taken: map[int64]bool{}, tries: map[int64]int{}, dead: map[int64]string{}}
	for i, d := range due {
		o.due[int64(i)] = d
	}
	return o
}

func (o *outbox) Lease(_ context.Context, limit int) (tasks []agent.Task, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for row := range int64(len(o.due)) {
		if !o.taken[row] && o.due[row] <= o.clock.Mono() && len(tasks) < limit {
			o.taken[row] = true
			o.tries[row]++
			tasks = append(tasks, agent.Task{Row: row, Payment: agent.PaymentID(fmt.Sprint(row)), Tries: o.tries[row]})
		}
	}
	return tasks, o.broke
}

func (o *outbox) NextDue(context.Context) (time.Duration, bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var waits []time.Duration
	for row, due := range o.due {
		if !o.taken[row] {
			waits = append(waits, due-o.clock.Mono())
		}
	}
	if len(waits) == 0 || o.broke != nil {
		return 0, false, o.broke
	}
	return slices.Min(waits), true, nil
}

func (o *outbox) Postpone(_ context.Context, t agent.Task, wait time.Duration, _ string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.taken[t.Row], o.due[t.Row] = false, o.clock.Mono()+wait
	return nil
}

// Bury leaves the task taken, so that it is never leased again.
func (o *outbox) Bury(_ context.Context, t agent.Task, why string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dead[t.Row] = why
	return o.broke
}

func (o *outbox) Hasten(context.Context, string) error { return nil }

// run starts a replayer in a bubble and stops it behind the test.
func run(t *testing.T, workers int, due []time.Duration, resume func(context.Context, agent.Clock, agent.Task) time.Duration, test func(*outbox, *replay.Replayer, agent.Clock)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		clock := agent.NewSystemClock()
		o := newOutbox(clock, due...)
		r := replay.New(replay.Options{Outbox: o, Clock: clock, Workers: workers, Bury: o.Bury,
			Resume: func(ctx context.Context, task agent.Task) (time.Duration, string) {
				return resume(ctx, clock, task), "test"
			}})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = r.Run(ctx) })
		synctest.Wait()
		test(o, r, clock)
		cancel()
		wg.Wait()
	})
}

func TestTasksRunWhenTheyAreDue(t *testing.T) {
	var mu sync.Mutex
	ran := map[agent.PaymentID]time.Duration{}
	run(t, 4, []time.Duration{0, 3 * time.Second, 90 * time.Second}, func(_ context.Context, clock agent.Clock, task agent.Task) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		if _, again := ran[task.Payment]; !again {
			ran[task.Payment] = clock.Mono().Truncate(time.Millisecond)
		}
		return time.Hour
	}, func(_ *outbox, _ *replay.Replayer, c agent.Clock) {
		<-c.After(2 * time.Minute)
		mu.Lock()
		defer mu.Unlock()
		for id, want := range map[agent.PaymentID]time.Duration{"0": 0, "1": 3 * time.Second, "2": 90 * time.Second} {
			if ran[id].Truncate(time.Millisecond) != want {
				t.Errorf("task %s ran at %s, want %s", id, ran[id], want)
			}
		}
	})
}

// TestOneStuckTaskDelaysNobody: a poisoned row blocks its own worker only.
func TestOneStuckTaskDelaysNobody(t *testing.T) {
	var mu sync.Mutex
	done := 0
	run(t, 2, make([]time.Duration, 50), func(ctx context.Context, _ agent.Clock, task agent.Task) time.Duration {
		if task.Payment == "0" {
			<-ctx.Done()
			return time.Hour
		}
		mu.Lock()
		defer mu.Unlock()
		done++
		return time.Hour
	}, func(*outbox, *replay.Replayer, agent.Clock) {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if done != 49 {
			t.Errorf("%d of 49 healthy tasks ran beside the stuck one", done)
		}
	})
}

func TestABrokenStoreIsTriedAgain(t *testing.T) {
	var mu sync.Mutex
	ran := 0
	run(t, 1, []time.Duration{0}, func(context.Context, agent.Clock, agent.Task) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		ran++
		return time.Minute
	}, func(o *outbox, r *replay.Replayer, c agent.Clock) {
		<-c.After(61 * time.Second) // the second run is over, the third one is a minute away
		o.mu.Lock()
		o.broke = errors.New("disk on fire")
		o.mu.Unlock()
		r.Kick()
		<-c.After(10 * time.Minute)
		o.mu.Lock()
		o.broke = nil
		o.mu.Unlock()
		mu.Lock()
		before := ran
		mu.Unlock()
		<-c.After(2 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		if ran != before+1 {
			t.Errorf("%d runs in the first seconds after the store came back, want 1", ran-before)
		}
	})
}

// TestAPoisonedRowDiesAlone: a task that the program fails on is tried five times
// and then given up, and everything else goes on.
func TestAPoisonedRowDiesAlone(t *testing.T) {
	var mu sync.Mutex
	var at []time.Duration
	healthy := 0
	run(t, 2, make([]time.Duration, 3), func(_ context.Context, clock agent.Clock, task agent.Task) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		if task.Payment == "1" {
			at = append(at, clock.Mono().Truncate(time.Millisecond))
			panic("poison")
		}
		healthy++
		return 10 * time.Second
	}, func(o *outbox, _ *replay.Replayer, c agent.Clock) {
		<-c.After(time.Minute + time.Second)
		mu.Lock()
		defer mu.Unlock()
		o.mu.Lock()
		defer o.mu.Unlock()
		if want := []time.Duration{0, 1e9, 3e9, 7e9, 15e9}; !slices.Equal(at, want) {
			t.Errorf("it was tried at %v, want %v", at, want)
		}
		if len(o.dead) != 1 || o.dead[1] != "the program failed on it: panic with a string" {
			t.Errorf("given up: %v", o.dead)
		}
		if healthy != 14 {
			t.Errorf("the other two ran %d times in a minute, want 14", healthy)
		}
	})
}

// TestOnlyPanicsInARowCount, and a task that cannot be given up is left in peace.
func TestOnlyPanicsInARowCount(t *testing.T) {
	var mu sync.Mutex
	ran := 0
	run(t, 1, []time.Duration{0}, func(context.Context, agent.Clock, agent.Task) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		if ran++; ran%5 != 0 {
			panic("now and then")
		}
		return time.Second
	}, func(o *outbox, _ *replay.Replayer, c agent.Clock) {
		<-c.After(time.Hour)
		o.mu.Lock()
		defer o.mu.Unlock()
		if len(o.dead) != 0 {
			t.Errorf("given up: %v", o.dead)
		}
	})
}
