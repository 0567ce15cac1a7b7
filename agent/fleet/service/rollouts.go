package service

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tillwire/agent/fleet"
)

// Plan is a rollout as a person asks for it.
type Plan struct {
	Name   string            `json:"name,omitempty"`
	Change map[string]string `json:"change"`
	Filter Filter            `json:"filter"`
	Rings  []int             `json:"rings,omitempty"` // percent of all up to the ring's end, rising, the last 100; nil: the usual ones
	Policy Policy            `json:"policy"`          // what is zero is as usual
}

// What is usual. A terminal watches a new configuration for ten minutes by itself,
// so patience is longer than that.
var (
	usualRings  = []int{1, 10, 50, 100}
	usualPolicy = Policy{FailPercent: 3, Rest: 30 * time.Minute, Patience: 30 * time.Minute, PerMinute: 1000}
)

// Begin starts a rollout. The terminals are chosen now; one that joins the fleet
// later is not part of it.
func (s *Service) Begin(ctx context.Context, p Plan, actor string) (Rollout, error) {
	if err := p.complete(); err != nil {
		return Rollout{}, err
	}
	now := s.opt.Clock.Now()
	var chosen []Terminal
	if err := s.Each(ctx, func(t Terminal) bool {
		if t.Retired.IsZero() && !t.damaged() && p.Filter.Matches(t, now) {
			chosen = append(chosen, t)
		}
		return true
	}); err != nil {
		return Rollout{}, err
	}
	if len(chosen) == 0 {
		return Rollout{}, fmt.Errorf("%w: no terminal matches. `tillfleet ls` with the same filter shows which do", ErrInvalid)
	}
	r := Rollout{ID: s.id(), Name: p.Name, Change: p.Change, By: actor, Made: now, State: RolloutRunning, Since: now, Policy: p.Policy}
	members := r.deal(chosen, p.Rings)
	err := s.opt.Store.Change(ctx, []string{rolloutLock(r.ID)}, func(tx Tx) error {
		return errors.Join(tx.SaveRollout(ctx, r), tx.SaveMembers(ctx, members))
	})
	if err != nil {
		return Rollout{}, err
	}
	s.opt.Log.Info("a rollout begins", "code", "rollout", "id", r.ID, "terminals", len(members), "actor", actor)
	s.tell()
	s.soon()
	return r, nil
}

func rolloutLock(id string) string { return "rollout/" + id }

func (p *Plan) complete() error {
	if len(p.Change) == 0 {
		return fmt.Errorf("%w: a rollout needs at least one setting to change", ErrInvalid)
	}
	if p.Rings == nil {
		p.Rings = usualRings
	}
	last := 0
	for _, percent := range p.Rings {
		if percent <= last || percent > 100 {
			return fmt.Errorf("%w: rings are rising parts in percent, such as 1,10,50,100", ErrInvalid)
		}
		last = percent
	}
	if last != 100 {
		return fmt.Errorf("%w: the last ring ends at 100 %%", ErrInvalid)
	}
	u := usualPolicy
	if p.Policy.FailPercent != 0 {
		u.FailPercent = p.Policy.FailPercent
	}
	if p.Policy.Rest != 0 {
		u.Rest = max(p.Policy.Rest, 0)
	}
	if p.Policy.Patience != 0 {
		u.Patience = p.Policy.Patience
	}
	if p.Policy.PerMinute != 0 {
		u.PerMinute = p.Policy.PerMinute
	}
	if u.FailPercent < 1 || u.FailPercent > 100 || u.Patience < time.Minute || u.PerMinute < 1 {
		return fmt.Errorf("%w: a limit of 1 to 100 %%, a patience of a minute or more, and at least one terminal a minute", ErrInvalid)
	}
	p.Policy = u
	return nil
}

// deal puts the terminals into rings. Their order is drawn from the rollout's id,
// so that not the same shops are always first; but the first of each platform
// stand in front, because what a change does hangs on the machine.
func (r *Rollout) deal(chosen []Terminal, rings []int) (members []Member) {
	draw := func(t Terminal) string {
		sum := sha256.Sum256([]byte(r.ID + "/" + string(t.TID)))
		return string(sum[:])
	}
	slices.SortFunc(chosen, func(a, b Terminal) int { return strings.Compare(draw(a), draw(b)) })
	seen := map[string]bool{}
	var first, rest []Terminal
	for _, t := range chosen {
		if platform := t.Summary.Platform; !seen[platform] {
			seen[platform] = true
			first = append(first, t)
			continue
		}
		rest = append(rest, t)
	}
	order := append(first, rest...)
	from := 0
	for _, percent := range rings {
		to := (len(order)*percent + 99) / 100
		if from == 0 {
			to = max(to, len(first))
		}
		if percent == 100 {
			to = len(order)
		}
		if to <= from {
			continue // a small fleet has fewer rings
		}
		for _, t := range order[from:to] {
			members = append(members, Member{Rollout: r.ID, TID: t.TID, Ring: len(r.Rings), Status: MemberWaiting})
		}
		r.Rings = append(r.Rings, Ring{Name: fmt.Sprintf("%d %%", percent), Size: to - from})
		from = to
	}
	return members
}

// Of the looks at rollouts: how many one takes, and how long after one comes the
// next, because each reads every terminal of a ring.
const (
	rolloutsOpen = 100
	rolloutEvery = 5 * time.Second
)

// tendRollouts moves every rollout on that runs.
func (s *Service) tendRollouts(ctx context.Context) error {
	s.mu.Lock()
	now := s.opt.Clock.Mono()
	early := s.rolled != 0 && now-s.rolled < rolloutEvery
	if !early {
		s.rolled = now
	}
	s.mu.Unlock()
	if early {
		return nil
	}
	list, err := s.opt.Store.Rollouts(ctx, rolloutsOpen)
	if err != nil {
		return err
	}
	var problems []error
	for _, r := range list {
		if r.State == RolloutRunning {
			problems = append(problems, s.tendRollout(ctx, r.ID))
		}
	}
	return errors.Join(problems...)
}

// tendRollout looks once at a rollout. Of several services only one moves it: what
// the others decided from older rows they find done.
func (s *Service) tendRollout(ctx context.Context, id string) error {
	var send []fleet.TID
	err := s.opt.Store.Change(ctx, []string{rolloutLock(id)}, func(tx Tx) error {
		send = nil
		now := s.opt.Clock.Now()
		r, err := tx.Rollout(ctx, id)
		if err != nil || r.State != RolloutRunning {
			return err
		}
		members, err := tx.Members(ctx, id)
		if err != nil {
			return err
		}
		terminals := map[fleet.TID]Terminal{}
		for _, m := range ringOf(members, r.Ring) {
			if m.Status == MemberSent || m.Status == MemberTrial || m.Status == MemberSilent || m.Gone {
				if terminals[m.TID], err = s.member(ctx, tx, m.TID); err != nil {
					return err
				}
			}
		}
		next, changed, to := advance(r, members, terminals, now)
		send = to
		if next.State != r.State {
			s.opt.Log.Warn("a rollout ended", "code", "rollout", "id", id, "state", string(next.State), "reason", next.Reason)
		}
		return errors.Join(tx.SaveRollout(ctx, next), tx.SaveMembers(ctx, changed))
	})
	if err != nil {
		return err
	}
	for part := range slices.Chunk(send, bringAtOnce) {
		if err := s.bring(ctx, id, part); err != nil {
			return err
		}
	}
	if send != nil {
		s.tell()
	}
	return nil
}

// member reads a terminal of a rollout; one whose row is damaged must not hold up the
// others.
func (s *Service) member(ctx context.Context, tx Tx, tid fleet.TID) (Terminal, error) {
	t, err := tx.Terminal(ctx, tid)
	if errors.Is(err, ErrDamaged) {
		return Damaged(tid, err), nil
	}
	return t, err
}

// bringAtOnce is how many terminals one commit changes.
const bringAtOnce = 100

// bring makes the change wanted of some terminals, unless somebody has stopped the
// rollout or brought it meanwhile.
func (s *Service) bring(ctx context.Context, id string, tids []fleet.TID) error {
	locks := []string{rolloutLock(id)}
	for _, tid := range tids {
		locks = append(locks, LockOf(tid))
	}
	var brought []Member
	err := s.opt.Store.Change(ctx, locks, func(tx Tx) error {
		brought = nil
		r, err := tx.Rollout(ctx, id)
		if err != nil || r.State != RolloutRunning {
			return err
		}
		members, err := tx.Members(ctx, id)
		if err != nil {
			return err
		}
		for _, m := range members {
			if m.Status != MemberWaiting || !slices.Contains(tids, m.TID) {
				continue
			}
			if err := s.change(ctx, tx, r, &m); err != nil {
				return err
			}
			brought = append(brought, m)
		}
		return tx.SaveMembers(ctx, brought)
	})
	if err != nil {
		return err
	}
	for _, m := range brought {
		if m.Status != MemberSent {
			continue
		}
		if err := s.sendConfig(ctx, m.TID); err != nil {
			s.unsent("config", m.TID, err)
			s.behind()
		}
	}
	return nil
}

// change makes a rollout's change wanted of one terminal, in an open change of the
// store.
func (s *Service) change(ctx context.Context, tx Tx, r Rollout, m *Member) error {
	t, err := s.member(ctx, tx, m.TID)
	if err != nil {
		return err
	}
	now := s.opt.Clock.Now()
	switch {
	case !t.Retired.IsZero():
		m.end(MemberSilent, "", "it was taken out of the fleet", now)
		return nil
	case t.damaged():
		m.end(MemberFailed, "", t.Found[0].What, now)
		return nil
	}
	want, err := s.want(ctx, tx, &t, r.Change, r.By, r.ID)
	if errors.Is(err, ErrInvalid) {
		m.end(MemberFailed, "", plainly(err), now)
		return nil
	}
	if err != nil {
		return err
	}
	m.Status, m.Rev, m.Sent, m.There = MemberSent, want.Rev, now, t.Present(now)
	return tx.SaveTerminal(ctx, t)
}

// Steer pauses, resumes or cancels a rollout. What was changed stays changed; to
// take it back is a rollout of its own.
func (s *Service) Steer(ctx context.Context, id string, to RolloutState, actor string) (Rollout, error) {
	var r Rollout
	err := s.opt.Store.Change(ctx, []string{rolloutLock(id)}, func(tx Tx) error {
		var err error
		if r, err = tx.Rollout(ctx, id); err != nil {
			if errors.Is(err, ErrUnknown) {
				return fmt.Errorf("%w: no rollout %q. `tillfleet rollout ls` lists them", ErrUnknown, id)
			}
			return err
		}
		may := map[RolloutState][]RolloutState{RolloutPaused: {RolloutRunning}, RolloutRunning: {RolloutPaused}, RolloutCancelled: {RolloutRunning, RolloutPaused, RolloutStopped}}
		if !slices.Contains(may[to], r.State) {
			return fmt.Errorf("%w: the rollout is %s", ErrConflict, r.State)
		}
		r.Reason = fmt.Sprintf("%s by %s", to, actor)
		r.Ended = time.Time{}
		if r.State = to; to == RolloutCancelled {
			r.Ended = s.opt.Clock.Now()
		}
		return tx.SaveRollout(ctx, r)
	})
	s.tell()
	s.soon()
	return r, err
}
