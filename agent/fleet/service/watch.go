package service

import (
	"context"
	"slices"
	"time"

	"tillwire/agent/fleet"
)

// Happening is one thing that a watcher sees: an event that was stored, or a
// terminal whose standing has changed.
type Happening struct {
	At    time.Time    `json:"at"`
	TID   fleet.TID    `json:"tid"`
	Event *StoredEvent `json:"event,omitempty"`
	From  Standing     `json:"from,omitempty"`
	To    Standing     `json:"to,omitempty"`
}

// Of a watch: how many events one look takes, and how often at most it looks.
const (
	watchPage  = 500
	watchEvery = 500 * time.Millisecond
	watchRest  = 2 * time.Second // what another service stored is seen then
)

// Watch tells everything that happens from now on, until ctx ends or show fails.
// streams empty: all but metrics.
func (s *Service) Watch(ctx context.Context, f Filter, tid fleet.TID, streams []fleet.Stream, show func([]Happening) error) error {
	if len(streams) == 0 {
		streams = slices.DeleteFunc(fleet.Streams(), func(x fleet.Stream) bool { return x == fleet.Metrics })
	}
	if tid != "" {
		if _, err := s.opt.Store.Terminal(ctx, tid); err != nil {
			return s.noTerminal(tid, err)
		}
	}
	last, err := s.opt.Store.Events(ctx, EventFilter{Latest: true, Limit: 1})
	if err != nil {
		return err
	}
	w := watch{s: s, filter: f, tid: tid, streams: streams, standing: map[fleet.TID]Standing{}}
	if len(last) > 0 {
		w.after = last[0].ID
	}
	if _, err := w.look(ctx); err != nil { // how it stands before
		return err
	}
	for ctx.Err() == nil {
		news := s.News()
		list, err := w.look(ctx)
		if err != nil {
			return err
		}
		if err := show(list); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-s.opt.Clock.After(watchRest):
		case <-news:
			select {
			case <-ctx.Done():
			case <-s.opt.Clock.After(watchEvery):
			}
		}
	}
	return ctx.Err()
}

type watch struct {
	s        *Service
	filter   Filter
	tid      fleet.TID
	streams  []fleet.Stream
	after    int64
	standing map[fleet.TID]Standing
}

func (w *watch) look(ctx context.Context) (list []Happening, err error) {
	now := w.s.opt.Clock.Now()
	chosen := map[fleet.TID]bool{}
	note := func(t Terminal) bool {
		if !w.filter.Matches(t, now) {
			return true
		}
		chosen[t.TID] = true
		standing := t.Standing(now)
		if was, known := w.standing[t.TID]; known && was != standing {
			list = append(list, Happening{At: now, TID: t.TID, From: was, To: standing})
		}
		w.standing[t.TID] = standing
		return true
	}
	if w.tid != "" {
		t, err := w.s.opt.Store.Terminal(ctx, w.tid)
		if err != nil {
			return nil, err
		}
		note(t)
	} else if err := w.s.Each(ctx, note); err != nil {
		return nil, err
	}
	events, err := w.s.opt.Store.Events(ctx, EventFilter{TID: w.tid, Stream: w.streams, After: w.after, Limit: watchPage})
	for _, e := range events {
		w.after = e.ID
		if chosen[e.TID] {
			list = append(list, Happening{At: e.Event.Time.Time, TID: e.TID, Event: &e})
		}
	}
	return list, err
}
