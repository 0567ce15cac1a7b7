package reconcile

import (
	"context"
	"slices"
	"sync"

	"tillwire/agent"
)

// keepDays is how many days' results are kept. They are in memory only: a bill does
// not change, so a result that is gone is computed again.
const keepDays = 31

// Runner compares one day at a time and remembers the results.
type Runner struct {
	opt  Options
	work context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu      sync.Mutex
	running string // the day under way, or ""
	at      Progress
	results []agent.Reconciliation // the one made last is last
}

// NewRunner returns a runner. Close ends what it does in the background.
func NewRunner(o Options) *Runner {
	r := &Runner{opt: o}
	r.work, r.stop = context.WithCancel(context.Background())
	return r
}

// Close ends what runs in the background and waits for it.
func (r *Runner) Close() {
	r.stop()
	r.wg.Wait()
}

// Run compares a day and returns when that is done. One that is under way already is
// an Error of class Conflict. Only a comparison of all wallets is remembered.
func (r *Runner) Run(ctx context.Context, day string, wallets []string, told func(Progress)) (agent.Reconciliation, error) {
	if err := r.begin(day); err != nil {
		return agent.Reconciliation{}, err
	}
	return r.run(ctx, day, wallets, told)
}

func (r *Runner) begin(day string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running != "" {
		return refusal(agent.Conflict, "error.bill_busy", "The day "+r.running+" is being compared. Wait until that is done.", r.running)
	}
	r.running, r.at = day, Progress{}
	return nil
}

func (r *Runner) run(ctx context.Context, day string, wallets []string, told func(Progress)) (agent.Reconciliation, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.work, cancel)()
	result, err := Compare(ctx, r.opt, day, wallets, func(p Progress) {
		r.mu.Lock()
		r.at = p
		r.mu.Unlock()
		if told != nil {
			told(p)
		}
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running = ""
	if err == nil && len(wallets) == 0 {
		r.results = append(slices.DeleteFunc(r.results, func(old agent.Reconciliation) bool { return old.Day == day }), result)
		r.results = r.results[max(0, len(r.results)-keepDays):]
	}
	return result, err
}

// Start compares a day in the background. The day that is under way already may be
// started again; another one is an Error of class Conflict.
func (r *Runner) Start(day string) error {
	if err := r.opt.checkDay(day); err != nil {
		return err
	}
	if err := r.begin(day); err != nil {
		if running, _ := r.Running(); running == day {
			return nil
		}
		return err
	}
	r.wg.Go(func() {
		// What goes wrong with a wallet is in the result; else only the stop of the agent ends it.
		_, _ = r.run(r.work, day, nil, nil)
	})
	return nil
}

// Running returns the day under way and how far it is; the day is "" when there is none.
func (r *Runner) Running() (string, Progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.running, r.at
}

// Result returns what is remembered of a day.
func (r *Runner) Result(day string) (agent.Reconciliation, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, result := range r.results {
		if result.Day == day {
			return result, true
		}
	}
	return agent.Reconciliation{}, false
}

// Results lists what is remembered, the one made last at the end.
func (r *Runner) Results() []agent.Reconciliation {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.results)
}
