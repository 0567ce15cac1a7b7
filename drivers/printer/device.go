package printer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"tillwire/agent"
	"tillwire/drivers"
)

// The rhythm of a device, and what it holds.
const (
	checkEvery = 10 * time.Second // how often an idle printer is asked how it is
	checkSoon  = time.Second      // the same while jobs wait for paper
	triesMost  = 2                // copies of one job: the first and one marked
)

// The counters of a printer.
const (
	countPrinted = "printed"
	countAgain   = "reprinted" // marked copies after a job whose end was not known
	countFailed  = "failed"
	countNoProof = "unproved" // a printer that should tell the end of a job did not
)

// device is a receipt printer under supervision. Jobs wait in it while the printer is
// away, so nothing is lost by a roll of paper or a cable.
type device struct {
	config  drivers.Config
	env     drivers.Env
	profile Profile
	rate    int
	pins    []byte // pulses that open the drawer
	lasting bool   // the line stays open between jobs
	open    func(ctx context.Context) (conn, error)

	wake chan struct{}

	mu     sync.Mutex
	queue  []*work
	last   uint32 // number of the job that was sent last, from a random one
	proves bool   // it has told the end of a job before
	unsure bool   // the last job ended in doubt: the printer may wait for the rest of it
}

// work is a job in the queue.
type work struct {
	job   agent.PrintJob
	tries int // copies of which at least a byte left
}

// Print implements agent.Printer.
func (d *device) Print(j agent.PrintJob) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := drivers.AdmitJob(d.config.ID, j, len(d.queue), d.Drawer()); err != nil {
		return err
	}
	d.queue = append(d.queue, &work{job: j})
	select {
	case d.wake <- struct{}{}:
	default: // one waiting nudge says it all
	}
	return nil
}

// Abandon ends every job that still waits, when the agent stops.
func (d *device) Abandon() {
	d.mu.Lock()
	left := d.queue
	d.queue = nil
	d.mu.Unlock()
	for _, w := range left {
		w.job.Done(w.end())
	}
}

// end is what a job comes to that is not printed any more.
func (w *work) end() agent.PrintEnd {
	if w.tries > 0 {
		return agent.PrintDoubtful
	}
	return agent.PrintNothing
}

func (d *device) first() *work {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.queue) == 0 {
		return nil
	}
	return d.queue[0]
}

// Drawer reports whether a cash drawer hangs on the printer.
func (d *device) Drawer() bool { return len(d.pins) > 0 }

// Waiting is how many jobs are in line.
func (d *device) Waiting() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.queue)
}

// finish takes a job off the queue, unless it was abandoned meanwhile.
func (d *device) finish(w *work, end agent.PrintEnd) {
	d.mu.Lock()
	if len(d.queue) == 0 || d.queue[0] != w {
		d.mu.Unlock()
		return
	}
	d.queue = d.queue[1:]
	d.mu.Unlock()
	w.job.Done(end)
}

// Run implements drivers.Device.
func (d *device) Run(ctx context.Context, r drivers.Reporter) error {
	for {
		if err := d.visit(ctx, r); err != nil {
			return fmt.Errorf("printer %s: %w", d.config.ID, err)
		}
		if err := d.rest(ctx, nil); err != nil {
			return fmt.Errorf("printer %s: %w", d.config.ID, err)
		}
	}
}

// rest waits for the next job or the next look. lost is closed by a line that ends.
func (d *device) rest(ctx context.Context, s *session) error {
	pause := checkEvery
	if d.Waiting() > 0 {
		pause = checkSoon
	}
	var input chan []byte
	if s != nil {
		input = s.input
	}
	late := d.env.Clock.After(pause)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-d.wake:
			return nil
		case <-late:
			return nil
		case b, ok := <-input:
			if !ok {
				return s.lost()
			}
			s.take(b)
		}
	}
}

// visit opens the line and works off the queue. A line of its own it keeps until it
// is lost; one that others use, too, it gives back.
func (d *device) visit(ctx context.Context, r drivers.Reporter) (err error) {
	c, err := d.open(ctx)
	if err != nil {
		return d.cannotOpen(err)
	}
	s := newSession(c, d.env.Clock, d.rate, d.profile.Status)
	defer func() { err = errors.Join(err, s.close()) }()
	for {
		trouble, err := d.look(ctx, s)
		if err != nil {
			return err
		}
		d.report(r, s.demux.Status(), trouble)
		for trouble.ID == "" {
			w := d.first()
			if w == nil {
				break
			}
			if err := d.print(ctx, s, w, r); err != nil {
				return err
			}
			if trouble, err = d.look(ctx, s); err != nil {
				return err
			}
			d.report(r, s.demux.Status(), trouble)
		}
		if !d.lasting {
			return nil
		}
		if err := d.rest(ctx, s); err != nil {
			return err
		}
	}
}

// cannotOpen says what to do about a printer on the network; a node's own error is
// understood by the keeper.
func (d *device) cannotOpen(err error) error {
	if d.config.Path != "" {
		return err
	}
	address := d.config.Keys["address"]
	return &agent.Error{Op: "open the printer", Class: agent.Unavailable, Err: err, Say: agent.Sentence{ID: "device.unreachable", Args: []string{fmt.Sprint(address)},
		English: fmt.Sprintf("no printer answers at %v: check that it is switched on, its cable and its address", address)}}
}

// look tells what keeps the printer from printing, nothing when nothing does or nothing
// is known.
func (d *device) look(ctx context.Context, s *session) (trouble agent.Sentence, err error) {
	if !d.profile.Status {
		return trouble, d.stillThere()
	}
	d.mu.Lock()
	unsure := d.unsure
	d.unsure = false
	d.mu.Unlock()
	if unsure {
		// DLE ENQ 2: forget the rest of what was begun.
		if _, err := s.write([]byte{dle, enq, 2}); err != nil {
			return trouble, err
		}
	}
	status, err := s.look(ctx)
	if errors.Is(err, errSilent) {
		return agent.Sentence{ID: "device.silent", English: "it does not answer: switch it on; for a model that never answers set status = \"off\""}, nil
	}
	return status.Trouble(), err
}

// stillThere notices that a printer which never says anything was unplugged.
func (d *device) stillThere() error {
	if d.config.Path == "" {
		return nil
	}
	_, err := os.Stat(d.config.Path)
	return err
}

func (d *device) report(r drivers.Reporter, s Status, trouble agent.Sentence) {
	n := d.Waiting()
	switch {
	case trouble.ID != "":
		if n > 0 {
			trouble.English = fmt.Sprintf("%s; %s waiting", trouble.English, slipCount(n))
		}
		r.Degraded(trouble)
	case s.Paper == PaperLow:
		r.Degraded(agent.Sentence{ID: "device.paper_low", English: "the paper is nearly at its end: have a new roll ready"})
	default:
		r.Ready()
	}
}

func slipCount(n int) string {
	if n == 1 {
		return "1 slip is"
	}
	return strconv.Itoa(n) + " slips are"
}

// nextID is the id of the next job; the printer sends it back. The first one is random:
// a printer that is slow, or shared, may still tell the end of a job of another process.
func (d *device) nextID() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last++
	return jobID(d.last)
}
