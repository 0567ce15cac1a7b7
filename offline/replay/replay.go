// Package replay finishes what the network interrupted: it takes due tasks from
// the outbox and hands each to the engine's one routine, and it knows whether the
// line is up.
//
// It imports only the root. The outbox and the routine come in as values.
package replay

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"tillwire/agent"
)

// Options are what a Replayer works with; all are required but Workers and Log.
type Options struct {
	Outbox  agent.Outbox
	Resume  func(context.Context, agent.Task) (wait time.Duration, why string)
	Clock   agent.Clock
	Workers int // tasks at the same time; 16 when zero
	Log     *slog.Logger
}

// Replayer works the outbox off. One slow payment occupies one worker and delays
// nobody else.
type Replayer struct {
	opt  Options
	kick chan struct{}
	done chan struct{}
}

// New returns a Replayer that does nothing before Run.
func New(opt Options) *Replayer {
	if opt.Workers == 0 {
		opt.Workers = 16
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	return &Replayer{opt: opt, kick: make(chan struct{}, 1), done: make(chan struct{}, opt.Workers)}
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

func (r *Replayer) one(ctx context.Context, t agent.Task) {
	defer func() { r.done <- struct{}{} }()
	wait, why := r.opt.Resume(ctx, t)
	if wait <= 0 {
		wait = settled
	}
	if err := r.opt.Outbox.Postpone(context.WithoutCancel(ctx), t, wait, why); err != nil {
		r.opt.Log.Error("a task could not be given back; it is due again after a restart", "comp", "replay",
			"code", "outbox_postpone", "tx", string(t.Payment), "err", err)
	}
}
