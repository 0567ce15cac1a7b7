package service_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
)

// crowd is terminals that answer a configuration as their settings would. refuses
// answers why one does not take it.
func (b *bureau) crowd(n int, refuses func(fleet.TID, fleet.Config) (fleet.Code, string)) []*machine {
	b.Helper()
	all := map[fleet.TID]*machine{}
	var list []*machine
	for i := range n {
		m := b.machine(i + 1)
		m.sess = 1
		all[m.tid], list = m, append(list, m)
	}
	b.hub.mu.Lock()
	b.hub.puppets = func(to fleet.TID, message fleet.Message) {
		m, ours := all[to]
		if !ours || message.Channel != fleet.DownConfig {
			return
		}
		c := bodyOf[fleet.Config](b.T, message.Payload)
		report := fleet.ConfigReport{V: fleet.Wire, Rev: c.Rev, Hash: c.Hash, Status: fleet.ConfigTrial, At: fleet.At(time.Now())}
		if report.Code, report.Text = refuses(to, c); report.Code != "" {
			report.Status = fleet.ConfigRefused
		}
		b.hub.say(m.tid, fleet.UpConfig, report)
		if report.Status == fleet.ConfigTrial {
			b.later(time.Minute, func() {
				report.Status = fleet.ConfigApplied
				b.hub.say(m.tid, fleet.UpConfig, report)
			})
		}
	}
	b.hub.mu.Unlock()
	for i, m := range list {
		platform := "linux/amd64"
		if i%10 == 0 {
			platform = "linux/arm64"
		}
		b.hub.say(m.tid, fleet.UpPresence, fleet.Presence{V: fleet.Wire, State: fleet.StateOnline, Sess: 1, Boot: m.boot, Ver: "1.4.2"})
		b.hub.say(m.tid, fleet.UpState, fleet.Report{V: fleet.Wire, Sess: 1, Shop: "Shop", Selling: true, Platform: platform, At: fleet.At(time.Now())})
	}
	b.pass(time.Second)
	return list
}

func takesAll(fleet.TID, fleet.Config) (fleet.Code, string) { return "", "" }

func (b *bureau) begin(p service.Plan) service.Rollout {
	b.Helper()
	r, err := b.svc.Begin(b.Context(), p, "ops")
	if err != nil {
		b.Fatal(err)
	}
	return r
}

func (b *bureau) course(id string) service.Course {
	b.Helper()
	return must(b.svc.Course(b.Context(), id))
}

// until looks every few minutes until a rollout runs no more.
func (b *bureau) until(id string, most time.Duration) service.Course {
	b.Helper()
	for began := time.Now(); ; {
		c := b.course(id)
		if c.Rollout.State != service.RolloutRunning || time.Since(began) > most {
			return c
		}
		b.pass(30 * time.Second)
	}
}

// One terminal in twenty has a printer that the setting cannot be for. The first
// rings are too small to show it for sure; a larger one does, and no more follow.
func TestARolloutToAThousandStopsByItselfAndSaysWhichAndWhy(t *testing.T) {
	inBureau(t, func(b *bureau) {
		odd := func(tid fleet.TID) bool { return strings.HasSuffix(string(tid), "7") && tid[6]%2 == 0 }
		refused := 0
		b.crowd(1000, func(tid fleet.TID, _ fleet.Config) (fleet.Code, string) {
			if odd(tid) {
				refused++
				return fleet.RefusedValue, "this printer has no cutter"
			}
			return "", ""
		})
		r := b.begin(service.Plan{Change: map[string]string{"receipt.cut": "half"}, Policy: service.Policy{FailPercent: 3, Rest: time.Minute, Patience: 20 * time.Minute}})
		if len(r.Rings) != 4 || r.Rings[0].Size+r.Rings[1].Size+r.Rings[2].Size+r.Rings[3].Size != 1000 {
			t.Fatalf("its rings are %+v", r.Rings)
		}
		c := b.until(r.ID, 3*time.Hour)
		if c.Rollout.State != service.RolloutStopped {
			t.Fatalf("it is %s after %+v", c.Rollout.State, c.Counts)
		}
		ring := c.Rollout.Rings[c.Rollout.Ring]
		failed := c.Counts[c.Rollout.Ring][service.MemberFailed]
		if failed*100 < 3*ring.Size {
			t.Errorf("it stopped with %d of %d", failed, ring.Size)
		}
		for _, m := range c.Members {
			if m.Ring > c.Rollout.Ring && m.Status != service.MemberWaiting {
				t.Fatalf("%s of a later ring is %s", m.TID, m.Status)
			}
			if m.Status == service.MemberFailed && (!odd(m.TID) || m.Code != fleet.RefusedValue || !strings.Contains(c.Rollout.Reason, "and") && !strings.Contains(c.Rollout.Reason, string(m.TID))) {
				t.Errorf("%s failed with %s %q; the reason is %q", m.TID, m.Code, m.Text, c.Rollout.Reason)
			}
		}
		for _, want := range []string{fmt.Sprintf("%d of the %d terminals", failed, ring.Size), "3 %", "REFUSED_VALUE", "this printer has no cutter", "t-000"} {
			if !strings.Contains(c.Rollout.Reason, want) {
				t.Errorf("the reason does not say %q: %s", want, c.Rollout.Reason)
			}
		}
		sent := refused
		b.pass(time.Hour)
		if refused != sent {
			t.Error("terminals were changed after it had stopped")
		}
	})
}

func TestARolloutReachesEverybodyRingAfterRing(t *testing.T) {
	inBureau(t, func(b *bureau) {
		b.crowd(200, takesAll)
		r := b.begin(service.Plan{Name: "less logging", Change: map[string]string{"log.level": "warn"}, Policy: service.Policy{Rest: 5 * time.Minute}})
		b.pass(time.Minute)
		c := b.course(r.ID)
		platforms := map[string]bool{}
		for _, m := range c.Members {
			if m.Ring == 0 {
				platforms[b.terminal(m.TID).Summary.Platform] = true
			}
			if m.Ring > 0 && m.Status != service.MemberWaiting {
				t.Errorf("%s of ring %d is %s in the first minute", m.TID, m.Ring+1, m.Status)
			}
		}
		if len(platforms) != 2 {
			t.Errorf("the first ring has %v, not one of each kind", platforms)
		}
		c = b.until(r.ID, 3*time.Hour)
		done := 0
		for _, n := range c.Counts {
			done += n[service.MemberDone]
		}
		if c.Rollout.State != service.RolloutDone || done != 200 || c.Rollout.Reason != "" {
			t.Errorf("it is %s (%s) with %d done", c.Rollout.State, c.Rollout.Reason, done)
		}
		if want := must(b.svc.Desired(t.Context(), c.Members[0].TID)); want.Cfg["log.level"] != "warn" || want.Cause != r.ID {
			t.Errorf("wanted is %+v", want)
		}
	})
}

func TestOneFailureBelowTheLimitDoesNotStop(t *testing.T) {
	inBureau(t, func(b *bureau) {
		b.crowd(100, func(tid fleet.TID, _ fleet.Config) (fleet.Code, string) {
			if tid == "t-000050" {
				return fleet.RefusedValue, "no"
			}
			return "", ""
		})
		r := b.begin(service.Plan{Change: map[string]string{"log.level": "warn"}, Rings: []int{100}, Policy: service.Policy{FailPercent: 2}})
		if c := b.until(r.ID, time.Hour); c.Rollout.State != service.RolloutDone || c.Counts[0][service.MemberFailed] != 1 {
			t.Errorf("it is %s (%s) with %v", c.Rollout.State, c.Rollout.Reason, c.Counts)
		}
	})
}

func TestARolloutThatNobodyAnswersStops(t *testing.T) {
	inBureau(t, func(b *bureau) {
		for i := range 5 {
			m := b.machine(i + 1)
			m.connect()
			m.present(fleet.StateOffline)
		}
		r := b.begin(service.Plan{Change: map[string]string{"log.level": "warn"}, Rings: []int{40, 100}})
		if c := b.until(r.ID, 2*time.Hour); c.Rollout.State != service.RolloutStopped || c.Counts[0][service.MemberSilent] != 2 || c.Counts[1][service.MemberWaiting] != 3 {
			t.Errorf("it is %s (%s) with %v", c.Rollout.State, c.Rollout.Reason, c.Counts)
		}
	})
}

// last says something for terminals when they are sent a configuration, in place of
// the crowd's answer.
func (b *bureau) last(list []*machine, words func(*machine, fleet.Config)) {
	b.hub.mu.Lock()
	defer b.hub.mu.Unlock()
	others := b.hub.puppets
	b.hub.puppets = func(to fleet.TID, message fleet.Message) {
		for _, m := range list {
			if m.tid == to && message.Channel == fleet.DownConfig {
				words(m, bodyOf[fleet.Config](b.T, message.Payload))
				return
			}
		}
		others(to, message)
	}
}

func (m *machine) word(s fleet.State) {
	m.b.hub.say(m.tid, fleet.UpPresence, fleet.Presence{V: fleet.Wire, State: s, Sess: m.sess, Boot: m.boot})
}

func (m *machine) answer(c fleet.Config, s fleet.ConfigStatus) {
	m.b.hub.say(m.tid, fleet.UpConfig, fleet.ConfigReport{V: fleet.Wire, Rev: c.Rev, Hash: c.Hash, Status: s})
}

// What kills a terminal lets it say nothing. Those that were there when they were
// sent a change and vanished have failed; those that said good bye have not.
func TestTerminalsThatVanishWithTheChangeHaveFailed(t *testing.T) {
	for name, c := range map[string]struct {
		words  func(*machine, fleet.Config)
		failed bool
	}{
		"the broker lost it":           {func(m *machine, _ fleet.Config) { m.word(fleet.StateLost) }, true},
		"it is not heard":              {func(*machine, fleet.Config) {}, true},
		"in the middle of its trial":   {func(m *machine, c fleet.Config) { m.answer(c, fleet.ConfigTrial); m.word(fleet.StateLost) }, true},
		"it said good bye":             {func(m *machine, _ fleet.Config) { m.word(fleet.StateOffline) }, false},
		"good bye during its trial":    {func(m *machine, c fleet.Config) { m.answer(c, fleet.ConfigTrial); m.word(fleet.StateOffline) }, false},
		"it installs another version":  {func(m *machine, _ fleet.Config) { m.word(fleet.StateUpdating) }, false},
		"it was gone before, and is":   {nil, false},
		"it takes it and says nothing": {func(m *machine, c fleet.Config) { m.answer(c, fleet.ConfigTrial); m.beats() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			inBureau(t, func(b *bureau) {
				all := b.crowd(100, takesAll)
				doomed := all[40:45]
				words := c.words
				if words == nil {
					words = func(*machine, fleet.Config) {}
					for _, m := range doomed {
						m.word(fleet.StateLost)
					}
					b.pass(time.Second)
				}
				b.last(doomed, words)
				r := b.begin(service.Plan{Change: map[string]string{"log.level": "warn"}, Rings: []int{100}})
				course := b.until(r.ID, 3*time.Hour)
				want := service.RolloutDone
				if c.failed {
					want = service.RolloutStopped
				}
				if course.Rollout.State != want || (course.Counts[0][service.MemberFailed] == 5) != c.failed {
					t.Fatalf("it is %s (%s) with %v", course.Rollout.State, course.Rollout.Reason, course.Counts)
				}
				if c.failed && (!strings.Contains(course.Rollout.Reason, "5 of the 100 terminals") || !strings.Contains(course.Rollout.Reason, "t-000041") || !strings.Contains(course.Rollout.Reason, "vanished")) {
					t.Errorf("it says %q", course.Rollout.Reason)
				}
			})
		})
	}
}

// beats has a terminal live on for a few hours.
func (m *machine) beats() {
	for n := range 240 {
		m.b.later(time.Duration(n)*time.Minute, func() { m.b.hub.say(m.tid, fleet.UpBeat, fleet.Beat{V: fleet.Wire, Sess: m.sess}) })
	}
}

// One that comes back and has taken the change is no failure.
func TestATerminalThatVanishedMayComeBack(t *testing.T) {
	inBureau(t, func(b *bureau) {
		all := b.crowd(50, takesAll)
		b.last(all[7:8], func(m *machine, c fleet.Config) {
			m.word(fleet.StateLost)
			b.later(50*time.Minute, func() {
				m.sess++
				m.word(fleet.StateOnline)
				m.answer(c, fleet.ConfigApplied)
			})
		})
		b.last(all[8:9], func(m *machine, c fleet.Config) { // keeps the ring open until then
			m.answer(c, fleet.ConfigTrial)
			b.later(55*time.Minute, func() { m.answer(c, fleet.ConfigApplied) })
			m.beats()
		})
		r := b.begin(service.Plan{Change: map[string]string{"log.level": "warn"}, Rings: []int{100}})
		b.pass(45 * time.Minute)
		if c := b.course(r.ID); c.Counts[0][service.MemberFailed] != 1 || c.Rollout.State != service.RolloutRunning {
			t.Errorf("it is %s (%s) with %v", c.Rollout.State, c.Rollout.Reason, c.Counts)
		}
		if c := b.until(r.ID, 3*time.Hour); c.Rollout.State != service.RolloutDone || c.Counts[0][service.MemberDone] != 50 {
			t.Errorf("it is %s (%s) with %v", c.Rollout.State, c.Rollout.Reason, c.Counts)
		}
	})
}

func TestARolloutIsPacedPausedAndCancelled(t *testing.T) {
	inBureau(t, func(b *bureau) {
		b.crowd(100, takesAll)
		r := b.begin(service.Plan{Change: map[string]string{"log.level": "warn"}, Rings: []int{100}, Policy: service.Policy{PerMinute: 10}})
		sent := func() int {
			c := b.course(r.ID).Counts[0]
			return c[service.MemberSent] + c[service.MemberTrial] + c[service.MemberDone]
		}
		b.pass(30 * time.Second)
		if n := sent(); n != 10 {
			t.Errorf("%d are changed in the first minute, want 10", n)
		}
		must(b.svc.Steer(t.Context(), r.ID, service.RolloutPaused, "ops"))
		b.pass(10 * time.Minute)
		if n := sent(); n != 10 {
			t.Errorf("paused, and %d are changed", n)
		}
		must(b.svc.Steer(t.Context(), r.ID, service.RolloutRunning, "ops"))
		b.pass(90 * time.Second)
		if n := sent(); n <= 10 || n > 40 {
			t.Errorf("resumed, and %d are changed", n)
		}
		must(b.svc.Steer(t.Context(), r.ID, service.RolloutCancelled, "ops"))
		if _, err := b.svc.Steer(t.Context(), r.ID, service.RolloutRunning, "ops"); !errors.Is(err, service.ErrConflict) {
			t.Errorf("resuming what was cancelled: %v", err)
		}
	})
}

func TestAPlanThatCannotWorkIsRefused(t *testing.T) {
	inBureau(t, func(b *bureau) {
		b.crowd(3, takesAll)
		change := map[string]string{"log.level": "warn"}
		for name, p := range map[string]service.Plan{
			"nothing to change": {},
			"rings that fall":   {Change: change, Rings: []int{50, 10, 100}},
			"rings without end": {Change: change, Rings: []int{1, 10}},
			"no terminal":       {Change: change, Filter: service.Filter{Text: "nobody"}},
			"no patience":       {Change: change, Policy: service.Policy{Patience: time.Second}},
			"a limit of 200 %":  {Change: change, Policy: service.Policy{FailPercent: 200}},
		} {
			if _, err := b.svc.Begin(t.Context(), p, "ops"); !errors.Is(err, service.ErrInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestARolloutGoesOnAfterTheServiceWasKilled(t *testing.T) {
	inBureau(t, func(b *bureau) {
		b.crowd(40, takesAll)
		r := b.begin(service.Plan{Change: map[string]string{"log.level": "warn"}, Policy: service.Policy{Rest: time.Minute}})
		for range 6 {
			b.pass(6 * time.Minute)
			b.restart()
		}
		if c := b.until(r.ID, 2*time.Hour); c.Rollout.State != service.RolloutDone {
			t.Errorf("it is %s (%s) with %v", c.Rollout.State, c.Rollout.Reason, c.Counts)
		}
		for _, m := range b.course(r.ID).Members {
			if n := len(documents[fleet.Config](b, m.TID, fleet.DownConfig)); n != 1 {
				t.Fatalf("%s was sent the change %d times", m.TID, n)
			}
		}
	})
}
