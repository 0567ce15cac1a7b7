package service

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
)

// How often the messages of one terminal are tried that a working store does not
// take, how long to wait for a store that does not work, and how often it is said
// of one terminal that it was set aside.
const (
	alonePatience = 2
	storeRetry    = time.Second
	asideQuiet    = time.Minute
)

// aside are the terminals whose messages were not taken last, by when that was said.
// Only the one goroutine that stores uses it.
type aside map[fleet.TID]time.Time

// apart takes a batch apart: those of terminals that were set aside, each alone,
// behind the others. The messages of one terminal keep their order.
func (a aside) apart(batch []fleet.Heard) (parts [][]fleet.Heard) {
	var common []fleet.Heard
	alone := map[fleet.TID][]fleet.Heard{}
	var order []fleet.TID
	for _, m := range batch {
		if _, is := a[m.TID]; !is {
			common = append(common, m)
			continue
		}
		if alone[m.TID] == nil {
			order = append(order, m.TID)
		}
		alone[m.TID] = append(alone[m.TID], m)
	}
	if len(common) > 0 {
		parts = append(parts, common)
	}
	for _, tid := range order {
		parts = append(parts, alone[tid])
	}
	return parts
}

// halves splits a batch between its terminals; right is nil when there is only one.
func halves(batch []fleet.Heard) (left, right []fleet.Heard) {
	var tids []fleet.TID
	for _, m := range batch {
		if !slices.Contains(tids, m.TID) {
			tids = append(tids, m.TID)
		}
	}
	first := tids[:(len(tids)+1)/2]
	for _, m := range batch {
		if slices.Contains(first, m.TID) {
			left = append(left, m)
		} else {
			right = append(right, m)
		}
	}
	return left, right
}

// settle stores a batch and only then lets the broker forget it. While the store is
// down that is tried however often it must be, and the broker keeps what comes. What
// a store does not take that works is the fault of some terminal: the batch is
// halved until that one is alone, and it is set aside, so that it stops nobody else.
func (s *Service) settle(ctx context.Context, batch []fleet.Heard, set aside) {
	for alone := 0; ; {
		err := s.Take(ctx, batch)
		if err == nil {
			delete(set, batch[0].TID) // if it was there, it is alone in its batch
			break
		}
		if ctx.Err() != nil {
			return // not acknowledged, so it comes again
		}
		if down := s.storeDown(ctx); down != nil {
			s.opt.Log.Error("messages could not be stored; they are tried again", "code", "store", "messages", len(batch), "err", down)
			select {
			case <-ctx.Done():
				return
			case <-s.opt.Clock.After(storeRetry):
			}
			continue
		}
		left, right := halves(batch)
		if right != nil {
			s.settle(ctx, left, set)
			s.settle(ctx, right, set)
			return
		}
		if alone++; alone >= alonePatience {
			s.setAside(ctx, batch, err, set)
			break
		}
	}
	for _, m := range batch {
		m.Ack()
	}
}

// storeKey is the item by which the store is tried.
const storeKey = "service/store"

// storeDown answers why nothing at all can be stored, or nil.
func (s *Service) storeDown(ctx context.Context) error {
	return s.opt.Store.Save(ctx, agent.FleetItem{Key: storeKey, Value: []byte(s.opt.Name)})
}

// setAside gives messages up that a working store does not take. Nothing durable is
// lost by it: what a terminal keeps it says again until it is acknowledged.
func (s *Service) setAside(ctx context.Context, batch []fleet.Heard, cause error, set aside) {
	tid, now := batch[0].TID, s.opt.Clock.Now()
	s.opt.Meter.Took("aside", len(batch))
	if said, known := set[tid]; known && now.Sub(said) < asideQuiet {
		return
	}
	for other, said := range set { // those that are gone, or well again and silent since
		if now.Sub(said) > time.Hour {
			delete(set, other)
		}
	}
	set[tid] = now
	do := fmt.Sprintf("Its events wait at the terminal. If its row is damaged, delete it from the table terminal of the service's database: it is known again with its next connection. If it goes on after that, shut it out with `tillfleet enrol revoke %s`", tid)
	s.opt.Log.Error("messages of one terminal cannot be stored and were set aside", "code", "aside", "tid", string(tid), "messages", len(batch), "err", cause, "do", do)
	what := fmt.Sprintf("Messages of it cannot be stored and were set aside (%s). %s.", clip(cause.Error()), do)
	if err := s.changeTerminal(ctx, tid, func(t *Terminal) { t.find(FoundAside, what, now) }); err != nil {
		s.opt.Log.Warn("that a terminal was set aside could not be noted", "code", "aside", "tid", string(tid), "err", err)
	}
	s.tell()
}
