package printer

import (
	"context"
	"errors"

	"tillwire/agent"
	"tillwire/drivers"
)

// print does one job and takes it off the queue when its end is known, or as well
// known as it ever will be. The error is that of a line that is lost; the job then
// waits for the next one, and what comes out there is marked if a byte had left.
func (d *device) print(ctx context.Context, s *session, w *work, r drivers.Reporter) error {
	var data []byte
	if w.job.Drawer && w.tries == 0 {
		for _, pin := range d.pins {
			data = append(data, pulse(pin)...)
		}
	}
	paper := len(w.job.Slip.Lines) > 0
	id := ""
	if paper {
		slip := w.job.Slip
		slip.Marked = slip.Marked || w.tries > 0
		data = append(data, d.profile.Render(slip)...)
		if d.profile.Proof {
			id = d.nextID()
		}
	}
	again := w.tries > 0
	n, err := s.write(data)
	if err == nil && id != "" {
		s.await(id)
		var asked int
		asked, err = s.write(tellDone(id))
		n += asked
	}
	if n > 0 {
		d.begin(w)
	}
	if err != nil {
		d.doubt(w, r)
		return err
	}
	end := agent.PrintAccepted
	if paper {
		end, err = d.follow(ctx, s, id, len(data), r)
	}
	switch {
	case err != nil && ctx.Err() == nil:
		d.doubt(w, r)
		return err
	case err != nil:
		return err
	case end == agent.PrintDoubtful:
		d.doubt(w, r)
		return nil
	}
	if again {
		r.Count(countAgain)
	}
	r.Count(countPrinted)
	d.finish(w, end)
	return nil
}

// begin notes that bytes of a job have left.
func (d *device) begin(w *work) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w.tries++
}

// doubt keeps a job whose end is not known for one more, marked copy, and gives it up
// after that: a printer that breaks at every slip must not eat a roll.
func (d *device) doubt(w *work, r drivers.Reporter) {
	d.mu.Lock()
	d.unsure = true
	tries := w.tries
	d.mu.Unlock()
	if tries >= triesMost {
		r.Count(countFailed)
		d.finish(w, agent.PrintDoubtful)
	}
}

// follow waits for the end of a job whose bytes have left. While the printer is out
// of paper or open it waits without limit: a printer goes on by itself where it
// stopped, and says so.
func (d *device) follow(ctx context.Context, s *session, id string, bytes int, r drivers.Reporter) (agent.PrintEnd, error) {
	if !d.profile.Status {
		return agent.PrintAccepted, nil
	}
	limit := afterwards
	if id != "" {
		limit = jobPatience + s.takes(bytes)
	}
	late, halted, silent := d.env.Clock.Mono()+limit, false, false
	for d.env.Clock.Mono() < late {
		if err := s.listen(ctx, askAgain, func() bool { return id != "" && s.proved }); err != nil {
			return "", err
		}
		if id != "" && s.proved {
			d.setProves()
			return agent.PrintCompleted, nil
		}
		status, err := s.look(ctx)
		if err != nil && !errors.Is(err, errSilent) {
			return "", err
		}
		silent = err != nil
		if trouble := status.Trouble(); !silent && trouble.ID != "" {
			halted = true
			d.report(r, status, trouble)
			late = d.env.Clock.Mono() + limit
		}
	}
	return d.unproved(id, halted, silent, r), nil
}

// unproved decides about a job whose end the printer did not tell. One that never told
// any end cannot be told from one that does not know the command.
func (d *device) unproved(id string, halted, silent bool, r drivers.Reporter) agent.PrintEnd {
	d.mu.Lock()
	proves := d.proves
	d.mu.Unlock()
	if halted || silent || id != "" && proves {
		return agent.PrintDoubtful
	}
	if id != "" {
		r.Count(countNoProof)
	}
	return agent.PrintAccepted
}

func (d *device) setProves() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.proves = true
}

// lineRate is how many bytes a second pass: ten bits a byte on a serial line.
func lineRate(baud int) int { return max(baud/10, 1) }
