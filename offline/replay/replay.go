// Package replay finishes what the network interrupted: it takes due tasks from
// the outbox and hands each to the engine's one routine, and it knows whether the
// line is up.
//
// It imports only the root. The outbox and the routine come in as values.
package replay

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"tillwire/agent"
)

// Options are what a Replayer works with; Outbox, Resume and Clock are required.
type Options struct {
	Outbox  agent.Outbox
	Resume  func(context.Context, agent.Task) (wait time.Duration, why string)
	Clock   agent.Clock
	Workers int // tasks at the same time; 16 when zero
	Log     *slog.Logger
	// Bury gives a leased task up that panicked again and again; nil tries it again
	// every hour.
	Bury func(ctx context.Context, t agent.Task, why string) error
	// Panicked hears of every panic of Resume; nil is allowed.
	Panicked func()
}

// Replayer works the outbox off. One slow payment occupies one worker and delays
// nobody else.
type Replayer struct {
	opt  Options
	kick chan struct{}
	done chan struct{}

	mu     sync.Mutex
	panics map[int64]int // in a row, by row of the outbox
}

// New returns a Replayer that does nothing before Run.
func New(opt Options) *Replayer {
	if opt.Workers == 0 {
		opt.Workers = 16
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Panicked == nil {
		opt.Panicked = func() {}
	}
	return &Replayer{opt: opt, kick: make(chan struct{}, 1), done: make(chan struct{}, opt.Workers), panics: map[int64]int{}}
}

// Kick says that something may be due now; call it after every commit.
func (r *Replayer) Kick() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

// storeRetry is the pause after the outbox could not be read.
const storeRetry = time.Second

// Run works until ctx ends and every task under way has come back.
func (r *Replayer) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	running := 0
	for {
		wait, armed := r.lease(ctx, r.opt.Workers-running, func(t agent.Task) {
			running++
			wg.Go(func() { r.one(ctx, t) })
		})
		var timer <-chan time.Time
		if armed {
			timer = r.opt.Clock.After(wait)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-r.kick:
		case <-r.done:
			running--
		case <-timer:
		}
	}
}

// lease starts what is due and returns when to look again; armed is false when
// only a commit or a worker coming free can change anything.
func (r *Replayer) lease(ctx context.Context, free int, start func(agent.Task)) (wait time.Duration, armed bool) {
	if free == 0 || ctx.Err() != nil {
		return 0, false
	}
	due, any, err := r.opt.Outbox.NextDue(ctx)
	if err != nil {
		r.opt.Log.Error("the outbox cannot be read", "comp", "replay", "code", "outbox_read", "err", err)
		return storeRetry, true
	}
	if !any || due > 0 {
		return due, any
	}
	tasks, err := r.opt.Outbox.Lease(ctx, free)
	if err != nil {
		r.opt.Log.Error("no task could be leased", "comp", "replay", "code", "outbox_lease", "err", err)
		return storeRetry, true
	}
	for _, t := range tasks {
		start(t)
	}
	if len(tasks) == free {
		return 0, false
	}
	due, any, err = r.opt.Outbox.NextDue(ctx)
	if err != nil {
		return storeRetry, true
	}
	return max(due, 0), any
}

// settled is when a task is looked at again although it reported to be done; the
// journal has normally ended its lease by then.
const settled = time.Second

// A task that panics is tried again after a second, and each time after twice as
// long. The fifth time it is given up: a poisoned row dies alone.
const (
	panicWait  = time.Second
	panicLimit = 5
	panicLong  = time.Hour // between tries of one that cannot be buried
)

func (r *Replayer) one(ctx context.Context, t agent.Task) {
	defer func() { r.done <- struct{}{} }()
	wait, why, panicked := r.resume(ctx, t)
	ctx = context.WithoutCancel(ctx)
	if n := r.inARow(t.Row, panicked); n >= panicLimit {
		if r.buried(ctx, t, why) {
			return
		}
		wait = panicLong
	} else if n > 0 {
		wait = panicWait << (n - 1)
	}
	if wait <= 0 {
		wait = settled
	}
	if err := r.opt.Outbox.Postpone(ctx, t, wait, why); err != nil {
		r.opt.Log.Error("a task could not be given back; it is due again after a restart", "comp", "replay",
			"code", "outbox_postpone", "tx", string(t.Payment), "err", err)
	}
}

// resume does a task. What panics in it must not take the other payments along.
func (r *Replayer) resume(ctx context.Context, t agent.Task) (wait time.Duration, why string, panicked bool) {
	defer func() {
		if p := recover(); p != nil {
			why, panicked = "the program failed on it: "+cause(p), true
			r.opt.Log.Error("a task panicked", "comp", "replay", "code", "task_panic", "tx", string(t.Payment), "op", string(t.Op),
				"refund", t.RefundNo, "err", why, "stack", string(debug.Stack()))
			r.opt.Panicked()
		}
	}()
	wait, why = r.opt.Resume(ctx, t)
	return wait, why, false
}

// cause tells a panic: its value may hold anything, so only the runtime's own
// messages are passed on.
func cause(p any) string {
	if e, ok := p.(runtime.Error); ok {
		return e.Error()
	}
	return fmt.Sprintf("panic with a %T", p)
}

// inARow counts a task's panics since it last went well.
func (r *Replayer) inARow(row int64, panicked bool) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !panicked {
		delete(r.panics, row)
		return 0
	}
	r.panics[row]++
	return r.panics[row]
}

func (r *Replayer) buried(ctx context.Context, t agent.Task, why string) bool {
	if r.opt.Bury == nil {
		return false
	}
	if err := r.opt.Bury(ctx, t, why); err != nil {
		r.opt.Log.Error("a task could not be given up", "comp", "replay", "code", "outbox_bury", "tx", string(t.Payment), "err", err)
		return false
	}
	r.opt.Log.Error("a task is given up until the next start", "comp", "replay", "code", "task_buried", "tx", string(t.Payment), "op", string(t.Op), "why", why)
	r.inARow(t.Row, false)
	return true
}
