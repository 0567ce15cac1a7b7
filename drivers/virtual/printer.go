package virtual

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"tillwire/agent"
	"tillwire/drivers"
)

// slipsKept bounds the slips a printer remembers; the oldest go first.
const slipsKept = 50

// Paper is a slip that came out of a virtual printer.
type Paper struct {
	At   time.Time
	Slip agent.Slip
}

// Printer is a receipt printer without hardware. It never runs out of paper, and keeps
// what came out for whoever wants to look at it.
type Printer struct {
	config drivers.Config
	clock  agent.Clock
	wake   chan struct{}

	mu     sync.Mutex
	queue  []agent.PrintJob
	papers []Paper
}

// PrinterSpec is the driver "virtual" of printers: slips to look at on the owner's page.
func PrinterSpec() drivers.Spec {
	return drivers.Spec{Name: "virtual", Kind: agent.KindPrinter, Help: "no printer: slips are looked at on the owner's devices page",
		Keys: []drivers.Key{{Name: "language", Help: "language of the slips"}},
		New: func(c drivers.Config, _ *drivers.Values, e drivers.Env) (drivers.Device, error) {
			return &Printer{config: c, clock: e.Clock, wake: make(chan struct{}, 1)}, nil
		}}
}

// Print implements agent.Printer.
func (p *Printer) Print(j agent.PrintJob) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := drivers.AdmitJob(p.config.ID, j, len(p.queue), false); err != nil {
		return err
	}
	p.queue = append(p.queue, j)
	select {
	case p.wake <- struct{}{}:
	default: // one waiting nudge says it all
	}
	return nil
}

// Run implements drivers.Device: it prints what is queued until ctx ends. Jobs end here
// and never in Print, whose caller may be the one who records their ends.
func (p *Printer) Run(ctx context.Context, r drivers.Reporter) error {
	r.Ready()
	for {
		for j, ok := p.next(); ok; j, ok = p.next() {
			r.Count("printed")
			j.Done(agent.PrintCompleted)
		}
		select {
		case <-p.wake:
		case <-ctx.Done():
			return fmt.Errorf("virtual printer %s: %w", p.config.ID, ctx.Err())
		}
	}
}

// next takes a job off the queue and keeps its paper.
func (p *Printer) next() (j agent.PrintJob, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		return j, false
	}
	j, p.queue = p.queue[0], p.queue[1:]
	if len(j.Slip.Lines) > 0 {
		if len(p.papers) == slipsKept {
			p.papers = append(p.papers[:0], p.papers[1:]...)
		}
		p.papers = append(p.papers, Paper{p.clock.Now(), j.Slip})
	}
	return j, true
}

// Abandon ends every job that still waits, when the agent stops.
func (p *Printer) Abandon() {
	p.mu.Lock()
	left := p.queue
	p.queue = nil
	p.mu.Unlock()
	for _, j := range left {
		j.Done(agent.PrintNothing)
	}
}

// Waiting is how many jobs are in line.
func (p *Printer) Waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue)
}

// Papers are the last slips that came out, newest first.
func (p *Printer) Papers() []Paper {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := slices.Clone(p.papers)
	slices.Reverse(list)
	return list
}
