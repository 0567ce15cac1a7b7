package service

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tillwire/agent/fleet"
)

// advance is one look at a rollout: what its terminals say by now, whether it must
// stop, which of them are sent the change next. It decides from its arguments
// alone. Members of later rings are left alone.
func advance(r Rollout, members []Member, terminals map[fleet.TID]Terminal, now time.Time) (next Rollout, changed []Member, send []fleet.TID) {
	next = r
	if r.State != RolloutRunning {
		return next, nil, nil
	}
	ring := ringOf(members, r.Ring)
	for i := range ring {
		was := ring[i]
		if t, known := terminals[was.TID]; known {
			ring[i].hear(t, r.Policy, now)
		}
		if ring[i] != was {
			changed = append(changed, ring[i])
		}
	}
	if why := stopFor(r, ring); why != "" {
		next.State, next.Reason, next.Ended = RolloutStopped, why, now
		return next, changed, nil
	}
	count := tally(ring)
	if count[MemberWaiting]+count[MemberSent]+count[MemberTrial] == 0 {
		next.rest(count, now)
		return next, changed, nil
	}
	quota := r.Policy.PerMinute
	for _, m := range ring {
		if !m.Sent.IsZero() && now.Sub(m.Sent) < time.Minute {
			quota--
		}
	}
	for _, m := range ring {
		if m.Status == MemberWaiting && quota > 0 {
			send, quota = append(send, m.TID), quota-1
		}
	}
	return next, changed, send
}

// hear takes what a terminal says about the change, or that it says nothing. One that
// was not sent it has no revision.
func (m *Member) hear(t Terminal, p Policy, now time.Time) {
	if m.Rev == 0 || m.Status == MemberDone || m.Status == MemberFailed && !m.Gone {
		return
	}
	answer, waited := t.Config, now.Sub(m.Sent)
	if answer.Rev < m.Rev { // no word yet
		if m.Status == MemberSent && waited > p.Patience {
			m.unheard(t, m.There, "no answer in time; it gets the change when it comes back", now)
		}
		return
	}
	switch answer.Status {
	case fleet.ConfigApplied:
		m.end(MemberDone, "", "", now)
	case fleet.ConfigRefused:
		m.end(MemberFailed, answer.Code, answer.Text, now)
	case fleet.ConfigReverted:
		m.end(MemberFailed, "", "it cut the line to the wallets and was taken back", now)
	case fleet.ConfigTrial:
		switch {
		case m.Status == MemberFailed && t.vanished(now): // and still is
		case t.vanished(now) && now.Sub(t.Heard) > p.Patience || waited > 2*p.Patience:
			m.unheard(t, true, "took the change and was not heard after its trial", now)
		default:
			m.Status, m.Gone = MemberTrial, false
		}
	}
}

// end is how a change ended for a terminal.
func (m *Member) end(status MemberStatus, code fleet.Code, text string, now time.Time) {
	m.Status, m.Code, m.Text, m.Ended, m.Gone = status, code, text, now, false
}

// vanished reports that a terminal is gone without a word: neither did it say good
// bye, as a shop does that closes, nor is it heard.
func (t Terminal) vanished(now time.Time) bool {
	standing := t.Standing(now)
	return standing == StandingStale || standing == StandingLost
}

// unheard ends waiting for a terminal. One that had the change and vanished counts
// as one that failed from it, for what kills a terminal lets it say nothing; when it
// comes back and says otherwise, it is believed.
func (m *Member) unheard(t Terminal, had bool, text string, now time.Time) {
	if had && t.vanished(now) {
		m.end(MemberFailed, "", "it was there, was sent the change, and vanished", now)
		m.Gone = true
		return
	}
	if m.Status != MemberSilent {
		m.end(MemberSilent, "", text, now)
	}
}

// rest ends a ring whose terminals have all answered, and after the pause begins
// the next.
func (r *Rollout) rest(count map[MemberStatus]int, now time.Time) {
	if count[MemberDone] == 0 {
		r.State, r.Ended = RolloutStopped, now
		r.Reason = fmt.Sprintf("None of the %d terminals of ring %d (%s) has answered, so nothing is known about the change.", r.Rings[r.Ring].Size, r.Ring+1, r.Rings[r.Ring].Name)
		return
	}
	last := r.Ring == len(r.Rings)-1
	if r.Rested.IsZero() {
		r.Rested = now
		r.Rings = slices.Clone(r.Rings)
		r.Rings[r.Ring].Ended = now
	}
	switch {
	case last:
		r.State, r.Ended = RolloutDone, now
	case now.Sub(r.Rested) >= r.Policy.Rest:
		r.Ring, r.Since, r.Rested = r.Ring+1, now, time.Time{}
	}
}

// failuresNamed is how many terminals a reason names.
const failuresNamed = 5

// stopFor answers why a rollout must stop: too great a part of the ring has failed.
// One that fails in a ring of one is all of it.
func stopFor(r Rollout, ring []Member) string {
	failed := slices.DeleteFunc(slices.Clone(ring), func(m Member) bool { return m.Status != MemberFailed })
	if len(failed) == 0 || len(failed)*100 < r.Policy.FailPercent*len(ring) {
		return ""
	}
	why := map[string][]string{}
	var order []string
	for _, m := range failed {
		reason := strings.TrimSpace(string(m.Code) + " " + m.Text)
		if why[reason] == nil {
			order = append(order, reason)
		}
		why[reason] = append(why[reason], string(m.TID))
	}
	var parts []string
	for _, reason := range order {
		names := why[reason]
		more := ""
		if len(names) > failuresNamed {
			more, names = fmt.Sprintf(" and %d more", len(names)-failuresNamed), names[:failuresNamed]
		}
		parts = append(parts, fmt.Sprintf("%s%s: %s", strings.Join(names, ", "), more, reason))
	}
	return fmt.Sprintf("%d of the %d terminals of ring %d (%s) have failed, and %d %% are the limit. %s", len(failed), len(ring), r.Ring+1, r.Rings[r.Ring].Name,
		r.Policy.FailPercent, strings.Join(parts, "; "))
}

func ringOf(members []Member, ring int) (list []Member) {
	for _, m := range members {
		if m.Ring == ring {
			list = append(list, m)
		}
	}
	return list
}

func tally(members []Member) map[MemberStatus]int {
	count := map[MemberStatus]int{}
	for _, m := range members {
		count[m.Status]++
	}
	return count
}
