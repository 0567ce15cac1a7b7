package service

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"tillwire/agent/fleet"
)

// terminalPage is how many terminals are read at a time.
const terminalPage = 500

// Each calls visit for every terminal by name until it answers false.
func (s *Service) Each(ctx context.Context, visit func(Terminal) bool) error {
	return s.eachBehind(ctx, "", visit)
}

func (s *Service) eachBehind(ctx context.Context, after fleet.TID, visit func(Terminal) bool) error {
	for {
		page, err := s.opt.Store.Terminals(ctx, after, terminalPage)
		if err != nil {
			return err
		}
		for _, t := range page {
			if !visit(t) {
				return nil
			}
			after = t.TID
		}
		if len(page) < terminalPage {
			return nil
		}
	}
}

func (s *Service) changeTerminal(ctx context.Context, tid fleet.TID, change func(*Terminal)) error {
	return s.opt.Store.Change(ctx, []string{LockOf(tid)}, func(tx Tx) error {
		t, err := tx.Terminal(ctx, tid)
		if err != nil {
			return s.noTerminal(tid, err)
		}
		change(&t)
		return tx.SaveTerminal(ctx, t)
	})
}

// Enrol makes a terminal known before it is heard, or writes its labels. What it
// needs to believe the office waits for it on the broker.
func (s *Service) Enrol(ctx context.Context, tid fleet.TID, labels map[string]string) error {
	err := s.opt.Store.Change(ctx, []string{LockOf(tid)}, func(tx Tx) error {
		now := s.opt.Clock.Now()
		t, err := tx.Terminal(ctx, tid)
		if errors.Is(err, ErrUnknown) {
			t, err = Terminal{TID: tid, Known: now}, nil
		}
		if err != nil {
			return err
		}
		t.Enrolled, t.Retired, t.Labels = now, time.Time{}, labels
		return tx.SaveTerminal(ctx, t)
	})
	if err != nil {
		return err
	}
	s.tell()
	s.behind()
	return nil
}

// Retire takes a terminal out of the fleet: what it tells is still stored, and it
// is sent nothing any more.
func (s *Service) Retire(ctx context.Context, tid fleet.TID) error {
	now := s.opt.Clock.Now()
	defer s.tell()
	return s.changeTerminal(ctx, tid, func(t *Terminal) { t.Retired = now })
}

// Label writes labels of a terminal; an empty value takes one away.
func (s *Service) Label(ctx context.Context, tid fleet.TID, labels map[string]string) error {
	defer s.tell()
	return s.changeTerminal(ctx, tid, func(t *Terminal) {
		if t.Labels == nil {
			t.Labels = map[string]string{}
		}
		for k, v := range labels {
			if t.Labels[k] = v; v == "" {
				delete(t.Labels, k)
			}
		}
	})
}

// Dismiss forgets what was found of a terminal, once a person has looked; an empty
// kind means everything.
func (s *Service) Dismiss(ctx context.Context, tid fleet.TID, kind Kind) error {
	defer s.tell()
	return s.changeTerminal(ctx, tid, func(t *Terminal) {
		t.Found = slices.DeleteFunc(t.Found, func(f Finding) bool { return kind == "" || f.Kind == kind })
	})
}

// readPaper answers nil when there is none.
func readPaper[T any](ctx context.Context, r Reader, tid fleet.TID, kind Paper) (*T, error) {
	raw, err := r.Paper(ctx, tid, kind)
	if err != nil || raw == nil {
		return nil, err
	}
	v := new(T)
	return v, json.Unmarshal(raw, v)
}

func savePaper(ctx context.Context, tx Tx, tid fleet.TID, kind Paper, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return tx.SavePaper(ctx, tid, kind, raw)
}
