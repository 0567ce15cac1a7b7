package web

import (
	"context"
	"slices"
	"time"

	"tillwire/agent"
)

// drawers are the shop's shifts and parked amounts.
type drawers struct {
	all    []agent.Shift
	since  []int // how many payments there were when each shift began: no clock decides
	parked []agent.Parked
}

func noneOpen(class agent.Class) error {
	return &agent.Error{Op: "shift", Class: class, Code: agent.CodeState, Say: agent.Sentence{English: "No shift goes on."}}
}

func (s *shop) OpenShift(_ context.Context, n agent.Shift) (agent.Shift, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, old := range s.drawers.all {
		if old.Lane == n.Lane && !old.Over() {
			return n, &agent.Error{Op: "open shift", Class: agent.Conflict, Code: agent.CodeState, Say: agent.Sentence{English: "A shift goes on at this register. Close it first."}}
		}
	}
	n.ID, n.End.Currency = int64(len(s.drawers.all)+1), n.Begin.Currency
	s.drawers.all, s.drawers.since = append(s.drawers.all, n), append(s.drawers.since, len(s.payments))
	return n, nil
}

func (s *shop) CloseShift(ctx context.Context, id int64, at time.Time, by string, end int64) (agent.Shift, error) {
	n, err := s.Shift(ctx, id)
	if err != nil || n.Over() {
		return n, noneOpen(agent.Conflict)
	}
	n.Closed, n.ClosedBy, n.End.Value = at, by, end
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drawers.all[id-1] = n
	return n, nil
}

func (s *shop) Shift(_ context.Context, id int64) (agent.Shift, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id < 1 || int(id) > len(s.drawers.all) {
		return agent.Shift{}, noneOpen(agent.NotFound)
	}
	n := s.drawers.all[id-1]
	if n.Over() {
		return n, nil
	}
	sums := map[string]*agent.Totals{}
	for _, p := range s.payments[s.drawers.since[id-1]:] {
		if p.Lane != n.Lane {
			continue
		}
		t := sums[p.Status.Wallet]
		if t == nil {
			t = &agent.Totals{Currency: p.Amount.Currency}
			sums[p.Status.Wallet] = t
		}
		t.Count++
		t.Captured, t.Refunded = t.Captured+p.Status.Captured, t.Refunded+p.Status.RefundedSum()
		if p.Status.Captured > 0 {
			t.Paid++
		}
		if !p.Status.Final() {
			t.Open++
		}
	}
	for wallet, t := range sums {
		n.Wallets = append(n.Wallets, agent.WalletTotal{Wallet: wallet, Totals: *t})
	}
	return n, nil
}

func (s *shop) LaneShift(ctx context.Context, lane string) (agent.Shift, error) {
	s.mu.Lock()
	var id int64
	for _, n := range s.drawers.all {
		if n.Lane == lane {
			id = n.ID
		}
	}
	s.mu.Unlock()
	return s.Shift(ctx, id)
}

func (s *shop) Shifts(_ context.Context, from, to time.Time) (list []agent.Shift, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.drawers.all {
		if n.Opened.Before(to) && (!n.Over() || !n.Closed.Before(from)) {
			list = append(list, n)
		}
	}
	return list, nil
}

func (s *shop) Park(_ context.Context, p agent.Parked) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.ContainsFunc(s.drawers.parked, func(old agent.Parked) bool { return old.ID == p.ID }) {
		s.drawers.parked = append(s.drawers.parked, p)
	}
	return s.broken
}

func (s *shop) Parked(context.Context) ([]agent.Parked, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.drawers.parked), nil
}

func (s *shop) Unpark(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.drawers.parked)
	s.drawers.parked = slices.DeleteFunc(s.drawers.parked, func(p agent.Parked) bool { return p.ID == id })
	if len(s.drawers.parked) == before {
		return &agent.Error{Op: "unpark", Class: agent.NotFound, Code: agent.CodeNotFound, Say: agent.Sentence{English: "This amount is not parked any more."}}
	}
	return nil
}
