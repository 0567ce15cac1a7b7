package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"tillwire/agent/fleet"
)

// retainedLife is how long a document on the broker is good. One that a terminal
// finds there after its end it would refuse, so it is published anew long before.
const (
	retainedLife  = 365 * 24 * time.Hour
	retainedRenew = 180 * 24 * time.Hour
)

// retainedAtOnce is how many terminals are looked after in one look.
const retainedAtOnce = 200

// sendKeys publishes the key set for a terminal, where the broker keeps it.
func (s *Service) sendKeys(ctx context.Context, tid fleet.TID) error {
	raw, version := s.opt.Keys.Set()
	if version == 0 {
		return nil
	}
	return s.opt.Broker.Publish(ctx, tid, fleet.Message{Channel: fleet.DownKeys, Payload: raw})
}

// behind has the service look for terminals that were not sent what they should
// have.
func (s *Service) behind() {
	s.mu.Lock()
	s.scanned = 0
	s.mu.Unlock()
	s.soon()
}

// tendRetained publishes what is not on the broker yet: a new key set for
// everybody, and the configurations and jobs that could not be published when they
// were made. Each look takes some terminals, until there are none.
func (s *Service) tendRetained(ctx context.Context) error {
	_, version := s.opt.Keys.Set()
	s.mu.Lock()
	done := s.scanned == version+1
	s.mu.Unlock()
	if done || !s.live.Load() {
		return nil
	}
	var list []Terminal
	err := s.Each(ctx, func(t Terminal) bool {
		if t.Retired.IsZero() && !t.damaged() && (t.KeysSent < version || t.ConfigSent < t.Wanted.Rev || t.JobSent < t.Seq.Job) {
			list = append(list, t)
		}
		return len(list) < retainedAtOnce
	})
	if err != nil {
		return err
	}
	var problems []error // of one terminal; the others are sent theirs
	for _, t := range list {
		err := s.sendRetained(ctx, t, version)
		if errors.Is(err, fleet.ErrOffline) {
			return errors.Join(problems...) // and again once there is a connection
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("what %s should have: %w", t.TID, err))
		}
	}
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	if len(list) == 0 {
		s.mu.Lock()
		s.scanned = version + 1
		s.mu.Unlock()
		return nil
	}
	s.soon()
	return nil
}

func (s *Service) sendRetained(ctx context.Context, t Terminal, version uint64) error {
	if t.KeysSent < version {
		if err := s.sendKeys(ctx, t.TID); err != nil {
			return err
		}
		if err := s.changeTerminal(ctx, t.TID, func(t *Terminal) { t.KeysSent = version }); err != nil {
			return err
		}
	}
	if t.ConfigSent < t.Wanted.Rev {
		if err := s.sendConfig(ctx, t.TID); err != nil {
			return err
		}
	}
	if t.JobSent < t.Seq.Job {
		return s.sendJob(ctx, t.TID)
	}
	return nil
}

// Configure changes what the office wants of a terminal's settings and publishes
// it: the keys of change are set, the others stay as they were wanted; an empty
// value ends wanting a key, which leaves the terminal's setting as it is. What the
// terminal has refused, or taken back, is not wanted any more.
func (s *Service) Configure(ctx context.Context, tid fleet.TID, change map[string]string, actor, cause string) (Desired, error) {
	var want Desired
	err := s.opt.Store.Change(ctx, []string{LockOf(tid)}, func(tx Tx) error {
		t, err := tx.Terminal(ctx, tid)
		if err != nil {
			return s.noTerminal(tid, err)
		}
		if err := t.inFleet(); err != nil {
			return err
		}
		want, err = s.want(ctx, tx, &t, change, actor, cause)
		if err != nil {
			return err
		}
		return tx.SaveTerminal(ctx, t)
	})
	if err != nil {
		return Desired{}, err
	}
	s.tell()
	if err := s.sendConfig(ctx, tid); err != nil {
		s.unsent("config", tid, err)
		s.behind()
	}
	return want, nil
}

// inFleet refuses what is wanted of a terminal that was taken out.
func (t Terminal) inFleet() error {
	if t.Retired.IsZero() {
		return nil
	}
	return fmt.Errorf("%w: %s was taken out of the fleet", ErrConflict, t.TID)
}

// maxConfig is how many settings a terminal takes from its fleet.
const maxConfig = 256

// ground is what the next configuration is built on, and what that one must know of
// those before it. What a terminal has refused or taken back must not come back with
// another change.
func (d *Desired) ground(answer fleet.ConfigReport) (cfg, good map[string]string, trial *Tried) {
	if d == nil {
		return nil, nil, nil
	}
	if answer.Rev != d.Rev {
		return d.Cfg, d.Good, d.Trial // no word yet
	}
	switch answer.Status {
	case fleet.ConfigApplied:
		return d.Cfg, d.Cfg, nil
	case fleet.ConfigTrial:
		return d.Cfg, d.Good, &Tried{Rev: d.Rev, Cfg: d.Cfg}
	case fleet.ConfigRefused:
		if d.Trial != nil { // it is in force
			return d.Trial.Cfg, d.Good, d.Trial
		}
		return d.Good, d.Good, nil
	case fleet.ConfigReverted:
		return d.Good, d.Good, nil
	}
	return d.Cfg, d.Good, d.Trial
}

// tried takes the word on a revision that is not the last: how the trial ended that
// the terminal was in when it was asked for the next.
func (n *news) tried(ctx context.Context, t *Terminal, r fleet.ConfigReport) error {
	if r.Rev >= t.Wanted.Rev || r.Status != fleet.ConfigApplied && r.Status != fleet.ConfigReverted {
		return nil
	}
	d, err := readPaper[Desired](ctx, n.tx, t.TID, PaperDesired)
	if err != nil || d == nil || d.Trial == nil || d.Trial.Rev != r.Rev {
		return err
	}
	if r.Status == fleet.ConfigApplied {
		d.Good = d.Trial.Cfg
	}
	d.Trial = nil
	return savePaper(ctx, n.tx, t.TID, PaperDesired, d)
}

// want writes the next revision of what is wanted into an open change.
func (s *Service) want(ctx context.Context, tx Tx, t *Terminal, change map[string]string, actor, cause string) (Desired, error) {
	was, err := readPaper[Desired](ctx, tx, t.TID, PaperDesired)
	if err != nil {
		return Desired{}, err
	}
	next := Desired{Cfg: map[string]string{}, By: actor, At: s.opt.Clock.Now(), Cause: cause}
	var ground map[string]string
	ground, next.Good, next.Trial = was.ground(t.Config)
	maps.Copy(next.Cfg, ground)
	for k, v := range change {
		if next.Cfg[k] = v; v == "" {
			delete(next.Cfg, k)
		}
	}
	if len(next.Cfg) > maxConfig {
		return Desired{}, fmt.Errorf("%w: a terminal takes at most %d settings from its fleet", ErrInvalid, maxConfig)
	}
	// A terminal that served another office may have taken a higher revision.
	next.Rev = max(t.Wanted.Rev, t.Session.Config.Rev, t.Config.Rev) + 1
	t.Wanted = fleet.ConfigMark{Rev: next.Rev, Hash: fleet.HashOf(next.Cfg)}
	return next, savePaper(ctx, tx, t.TID, PaperDesired, next)
}

// sendConfig publishes what is wanted of a terminal's settings.
func (s *Service) sendConfig(ctx context.Context, tid fleet.TID) error {
	var doc *fleet.Config
	err := s.opt.Store.Change(ctx, []string{LockOf(tid)}, func(tx Tx) error {
		doc = nil
		t, err := tx.Terminal(ctx, tid)
		if err != nil || !t.Retired.IsZero() {
			return err
		}
		want, err := readPaper[Desired](ctx, tx, tid, PaperDesired)
		if err != nil || want == nil {
			return err
		}
		t.Seq.Config++
		doc = &fleet.Config{Claims: s.claims(tid, t.Seq.Config, retainedLife), Rev: want.Rev, Hash: fleet.HashOf(want.Cfg), Cfg: want.Cfg}
		return tx.SaveTerminal(ctx, t)
	})
	if err != nil || doc == nil {
		return err
	}
	if err := s.publish(ctx, tid, fleet.DownConfig, fleet.TypeConfig, doc); err != nil {
		return err
	}
	return s.changeTerminal(ctx, tid, func(t *Terminal) { t.ConfigSent, t.ConfigAt = max(t.ConfigSent, doc.Rev), doc.Iat.Time })
}

// Assign gives a terminal a job, in place of the one it has.
func (s *Service) Assign(ctx context.Context, tid fleet.TID, kind string, doc json.RawMessage, deadline time.Time, actor string) (JobRow, error) {
	if !deadline.After(s.opt.Clock.Now()) || deadline.Sub(s.opt.Clock.Now()) > retainedLife {
		return JobRow{}, fmt.Errorf("%w: a job ends within a year, and not before it begins", ErrInvalid)
	}
	var row JobRow
	err := s.opt.Store.Change(ctx, []string{LockOf(tid)}, func(tx Tx) error {
		t, err := tx.Terminal(ctx, tid)
		if err != nil {
			return s.noTerminal(tid, err)
		}
		if err := t.inFleet(); err != nil {
			return err
		}
		t.Seq.Job++
		row = JobRow{By: actor, Made: s.opt.Clock.Now(), Job: fleet.Job{Claims: s.claims(tid, t.Seq.Job, deadline.Sub(s.opt.Clock.Now())), Rev: t.Seq.Job,
			Type: kind, Doc: doc, Deadline: fleet.At(deadline)}}
		return errors.Join(tx.SaveTerminal(ctx, t), savePaper(ctx, tx, tid, PaperJob, row))
	})
	if err != nil {
		return JobRow{}, err
	}
	s.tell()
	if err := s.sendJob(ctx, tid); err != nil {
		s.unsent("job", tid, err)
		s.behind()
	}
	return row, nil
}

// sendJob publishes the job that a terminal has.
func (s *Service) sendJob(ctx context.Context, tid fleet.TID) error {
	t, err := s.opt.Store.Terminal(ctx, tid)
	if err != nil || !t.Retired.IsZero() {
		return err
	}
	row, err := readPaper[JobRow](ctx, s.opt.Store, tid, PaperJob)
	if err != nil || row == nil {
		return err
	}
	if err := s.publish(ctx, tid, fleet.DownJob, fleet.TypeJob, row.Job); err != nil {
		return err
	}
	return s.changeTerminal(ctx, tid, func(t *Terminal) { t.JobSent = max(t.JobSent, row.Job.Rev) })
}

// jobReport takes the terminal's word on its job.
func (n *news) jobReport(ctx context.Context, t *Terminal, r fleet.JobReport) error {
	row, err := readPaper[JobRow](ctx, n.tx, t.TID, PaperJob)
	if err != nil || row == nil || row.Job.Jti != r.Jti {
		return err
	}
	if len(r.Status) > longest || len(r.Code) > longest || len(r.Type) > longest || len(r.Campaign) > longest || len(r.Ring) > longest {
		return nil // stored with the others, and not followed
	}
	r.Text = clip(r.Text)
	row.Report = r
	return savePaper(ctx, n.tx, t.TID, PaperJob, row)
}
