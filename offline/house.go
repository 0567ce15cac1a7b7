package offline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"tillwire/agent"
)

// The rhythm of what the store does for itself.
const (
	idleCheckpoint = 30 * time.Second // without a write: move the log into the file
	tidyFirst      = time.Hour        // after the start, and after a tidying that could not be whole
	tidyEvery      = 24 * time.Hour   // retention, old sessions, and the log cut to nothing
	maxLog         = 16 << 20         // a log longer than this is a problem: a reader holds it
	clockSlack     = 5 * time.Minute
)

// keepHouse does what nobody asks for until the store closes. All of it waits on
// the monotonic clock.
func (s *Store) keepHouse(ctx context.Context) {
	clock := s.opt.Clock
	idle, tidy, copies := clock.After(idleCheckpoint), clock.After(tidyFirst), (<-chan time.Time)(nil)
	if s.opt.BackupEvery > 0 {
		copies = clock.After(s.opt.BackupEvery)
	}
	var last int64
	steady := s.newSteadiness()
	for {
		var what string
		var err error
		select {
		case <-ctx.Done():
			return
		case <-idle:
			idle = clock.After(idleCheckpoint)
			what = "checkpoint"
			last, err = s.whenIdle(last)
		case <-tidy:
			// A shop that opens for eight hours a day has no 24 h: what cannot be done
			// now is looked at again each hour.
			wait := tidyFirst
			if steady.holds() {
				wait = tidyEvery
			}
			tidy = clock.After(wait)
			what = "retention"
			err = s.tidy(ctx, wait == tidyEvery)
		case <-copies:
			copies = clock.After(s.opt.BackupEvery)
			what = "backup"
			err = s.makeCopy(ctx)
		case <-s.copies.wanted:
			what = "backup"
			err = s.makeCopy(ctx)
		}
		if err != nil {
			s.opt.Log.Warn("housekeeping failed and is tried again", "comp", "store", "code", "store_house", "what", what, "err", err)
		}
	}
}

// whenIdle moves the log into the file when nothing was written since the last
// look, so that it happens while no customer waits.
func (s *Store) whenIdle(last int64) (int64, error) {
	s.mu.RLock()
	seq := s.state.seq
	s.mu.RUnlock()
	if long := s.LogBytes(); long > maxLog {
		s.opt.Log.Warn("the write-ahead log grows: something reads without end", "comp", "store", "code", "wal_long", "bytes", long)
	}
	if seq != last {
		// A shop that is never idle must not remember every code it has ever seen.
		return seq, s.submit("old codes", request{alone: func(w *writer) error {
			w.dropCodes()
			return nil
		}})
	}
	s.witnessed()
	return seq, s.submit("checkpoint", request{alone: func(w *writer) error {
		w.dropCodes()
		_, err := ask(w.conn, "PRAGMA wal_checkpoint(PASSIVE)")
		return err
	}})
}

// LogBytes is the size of the write-ahead log on the disk.
func (s *Store) LogBytes() int64 {
	info, err := os.Stat(filepath.Join(s.opt.Dir, fileName+"-wal"))
	if err != nil {
		return 0
	}
	return info.Size()
}

// dropCodes forgets payment codes whose time is over.
func (w *writer) dropCodes() {
	now := w.s.opt.Clock.Mono()
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	for print, c := range w.s.state.codes {
		if c.until <= now {
			delete(w.s.state.codes, print)
		}
	}
}

// tidy removes what is too old; payments only by a clock that can be trusted.
func (s *Store) tidy(ctx context.Context, trusted bool) error {
	var errs []error
	if trusted {
		keep := s.opt.Keep()
		gone, err := s.retain(ctx, keep)
		if gone > 0 {
			s.opt.Log.Info("old payments were removed", "comp", "store", "payments", gone, "keep", keep.String())
		}
		errs = append(errs, err)
		errs = append(errs, s.write("spent codes", func(b *batch) error {
			return b.do("DELETE FROM spent WHERE until < ?", s.opt.Clock.Now().UnixNano())
		}))
	}
	errs = append(errs, s.write("old sessions", func(b *batch) error { return b.do(deleteOldSessions, s.sessionsFrom()) }))
	errs = append(errs, s.submit("checkpoint", request{alone: func(w *writer) error {
		_, err := ask(w.conn, "PRAGMA wal_checkpoint(TRUNCATE)")
		return err
	}}))
	return errors.Join(errs...)
}

const deleteOldSessions = "DELETE FROM session WHERE created < ?"

// sessionsFrom is when a session that still lives began at the earliest.
func (s *Store) sessionsFrom() int64 { return s.opt.Clock.Now().Add(-agent.SessionLife).UnixNano() }

// steadiness compares the wall clock with the monotonic one: retention trusts a
// wall clock only when somebody confirmed it and it has not jumped.
type steadiness struct {
	s    *Store
	wall time.Time
	mono time.Duration
}

func (s *Store) newSteadiness() *steadiness { return &steadiness{s, s.wall, s.booted} }

// holds reports whether the clock can be trusted now. After a jump it counts from
// the new time, so that a clock that was set right is trusted the next time.
func (y *steadiness) holds() bool {
	now, mono := y.s.opt.Clock.Now(), y.s.opt.Clock.Mono()
	drift := now.Sub(y.wall) - (mono - y.mono)
	if drift.Abs() >= clockSlack {
		y.wall, y.mono = now, mono
		y.s.opt.Log.Warn("the clock jumped: no old payments are removed now", "comp", "store", "code", "clock_jump", "by", drift.String())
		return false
	}
	return y.s.opt.Steady()
}

// watchClock compares the wall clock with the latest time that the store has seen.
func (w *writer) watchClock() error {
	got, err := ask(w.conn, "SELECT coalesce(max(at), 0) FROM (SELECT at FROM journal ORDER BY seq DESC LIMIT 1)")
	if err != nil {
		return err
	}
	var ns int64
	if _, err := fmt.Sscan(got[0], &ns); err != nil {
		return err
	}
	now := w.s.opt.Clock.Now()
	if seen := fromNano(ns); ns > 0 && seen.Sub(now) > clockSlack {
		w.s.problem(agent.Problem{ID: "problem.store_clock", Args: []string{now.Format(time.DateTime), seen.Format(time.DateTime)}, What: fmt.Sprintf("The clock says %s, but the last entry of the journal is of %s.", now.Format(time.DateTime), seen.Format(time.DateTime)),
			Since: now, Do: "Set the clock or let the terminal reach a time server; records carry wrong times until then."})
	}
	return nil
}

// farewell is the writer's last act before a clean stop.
func (w *writer) farewell() error {
	if err := w.s.keepLocks(w); err != nil {
		return err
	}
	_, err := ask(w.conn, "PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}

// close ends the connections: readers first, so that the last to go is the writer,
// which takes the log away with it. A log that is found at the next start means
// that the stop was not clean.
func (w *writer) close() error {
	return errors.Join(w.s.Reader.Close(), w.disconnect(), w.s.lock.Close())
}
