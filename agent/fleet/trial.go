package fleet

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tillwire/agent"
)

// How long a new configuration is watched: one that cuts the way to the wallets for
// so long is taken back. settles is how long a line must have been there to count
// as one that is back: after a start it is taken for up until more is known.
const (
	trial   = 10 * time.Minute
	settles = time.Minute
)

// effectRestart is what Settings.Apply says of a key that holds from the next run
// on.
const effectRestart = string(agent.EffectRestart)

// trialState is the way back from a configuration, as long as it is on trial. A
// configuration that comes meanwhile takes it over: what was never found good is no
// place to go back to.
type trialState struct {
	Previous  map[string]string `json:"previous,omitempty"`  // what held before, by key
	Set       map[string]string `json:"set,omitempty"`       // what took its place; where it is another text now, somebody here has changed it since
	Run       string            `json:"run,omitempty"`       // of the terminal, in which it was set
	Pending   []string          `json:"pending,omitempty"`   // keys that hold from the run after that one on
	Unwatched bool              `json:"unwatched,omitempty"` // the line was down when it came, so it has not been watched yet

	began   time.Duration // of the trial, in this run; unwatched: when the line was last down
	good    time.Duration // when the line was last not down
	ripe    bool          // the trial of this run is over, and Pending waits for the next
	watched bool          // it takes the place of one that is being watched
}

// next is what a configuration begins with that takes the place of this one.
func (c configState) next() trialState {
	if c.Status != ConfigTrial {
		return trialState{Previous: map[string]string{}, Set: map[string]string{}}
	}
	t := c.trialState
	t.Previous, t.Set, t.Pending = maps.Clone(t.Previous), maps.Clone(t.Set), slices.Clone(t.Pending)
	if t.Previous == nil {
		t.Previous = map[string]string{}
	}
	if t.Set == nil {
		t.Set = map[string]string{}
	}
	t.watched = !t.Unwatched && !t.ripe
	return t
}

// resume begins the trial anew after a start. What waited for a restart holds now.
func (t *trialState) resume(run string, now time.Duration) {
	t.began, t.good = now, now
	if t.Run != run && len(t.Pending) > 0 {
		t.Pending, t.Unwatched = nil, false
	}
}

// remark says what a trial waits for.
func (c *configState) remark() {
	if c.Status != ConfigTrial {
		return
	}
	var parts []string
	if c.Unwatched {
		parts = append(parts, "The line to the wallets was down when it came; it is watched once the line is back.")
	}
	if len(c.Pending) > 0 {
		parts = append(parts, fmt.Sprintf("From the next restart of the agent on these hold, and are watched again: %s.", listed(c.Pending)))
	}
	c.Text = strings.Join(parts, " ")
}

// listed names some keys, and how many more there are.
func listed(keys []string) string {
	const most = 8
	if len(keys) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(keys[:most], ", "), len(keys)-most)
	}
	return strings.Join(keys, ", ")
}

// tried notes that a configuration holds now, and begins its trial.
func (a *Agent) tried(ctx context.Context, next configState, effects map[string]string) {
	next.Status, next.Effects = ConfigTrial, effects
	if next.Set == nil {
		next.Set = map[string]string{}
	}
	if next.Run != a.run {
		next.Run, next.Pending = a.run, nil
	}
	next.Pending = slices.DeleteFunc(next.Pending, func(key string) bool { _, again := next.Cfg[key]; return again })
	for _, key := range slices.Sorted(maps.Keys(next.Cfg)) {
		if text, known := a.opt.Settings.Current(key); known {
			next.Set[key] = text
		}
		if effects[key] == effectRestart {
			next.Pending = append(next.Pending, key)
		}
	}
	now := a.opt.Clock.Mono()
	next.began, next.ripe = now, false
	if !next.watched { // else the line has been missing since before
		next.good = now
		// A line that was down before says nothing about the settings.
		next.Unwatched = a.opt.Line() == agent.LineDown
	}
	a.putTrial(ctx, next)
	a.opt.Log.Info("the fleet changed settings", "code", "fleet_config", "rev", next.Rev, "iss", next.Iss, "settings", len(next.Cfg))
	a.soon("state", stateDebounce)
}

// putTrial keeps and tells where a configuration stands.
func (a *Agent) putTrial(ctx context.Context, next configState) {
	next.remark()
	a.config = next
	a.trouble("a configuration was not kept", "fleet_store", a.keepConfig(ctx, next))
	a.tellConfig(ctx, next.report())
}

// onTrial reports that the line is being watched for the configuration in force.
func (c configState) onTrial() bool { return c.Status == ConfigTrial && !c.Unwatched && !c.ripe }

// waits reports that a trial goes on only after something that may be far off.
func (c configState) waits() bool { return c.Status == ConfigTrial && (c.Unwatched || c.ripe) }

// watchTrial ends the trial of a configuration: with the line there after ten
// minutes it stays; with the line down for ten minutes what it replaced comes
// back, whatever cut it.
func (a *Agent) watchTrial(ctx context.Context) {
	if a.config.Status != ConfigTrial || a.config.ripe {
		return
	}
	now, down := a.opt.Clock.Mono(), a.opt.Line() == agent.LineDown
	if a.config.Unwatched {
		a.awaitLine(ctx, now, down)
		return
	}
	if !down {
		a.config.good = now
	}
	if now-a.config.began < trial || down && now-a.config.good < trial {
		return
	}
	if down {
		a.takeBack(ctx)
		return
	}
	next := a.config
	if len(next.Pending) > 0 {
		next.ripe = true // what does not hold yet has not been tried
	} else {
		next.Status, next.Text, next.trialState = ConfigApplied, "", trialState{}
	}
	a.putTrial(ctx, next)
}

// awaitLine begins a trial that had to wait for a line.
func (a *Agent) awaitLine(ctx context.Context, now time.Duration, down bool) {
	if down {
		a.config.began = now
	}
	if now-a.config.began < settles {
		return
	}
	next := a.config
	next.Unwatched, next.began, next.good = false, now, now
	a.putTrial(ctx, next)
}

// takeBack puts back what held before a configuration that cut the way to the
// wallets: all of it at once, or as much as may be put back. What the terminal does
// not let the fleet change back, and what somebody here has changed since, stays.
func (a *Agent) takeBack(ctx context.Context) {
	next, back := a.config, map[string]string{}
	var left []string
	for _, key := range slices.Sorted(maps.Keys(next.Previous)) {
		now, known := a.opt.Settings.Current(key)
		set, noted := next.Set[key]
		switch {
		case !known || noted && now != set:
			left = append(left, key)
		case now != next.Previous[key]:
			back[key] = next.Previous[key]
		}
	}
	effects, refused, err := a.putBack(ctx, back)
	if err == nil && len(refused) > 0 && len(refused) == len(back) {
		err = fmt.Errorf("the terminal does not let the fleet change %s back", listed(refused))
	}
	if err != nil {
		a.trouble("a configuration that cut the line was not taken back", "fleet_config", err)
		a.config.good = a.opt.Clock.Mono() // and again in ten minutes
		return
	}
	left = append(left, refused...)
	next.Status, next.Text, next.trialState, next.At = ConfigReverted, "", trialState{}, a.opt.Clock.Now()
	if len(left) > 0 {
		next.Text = fmt.Sprintf("These stay as they are, because the terminal does not let the fleet change them back or somebody there has changed them since: %s.", listed(left))
	}
	a.opt.Audit(ctx, "fleet.reverted", "settings", strings.TrimSpace(fmt.Sprintf("revision %d cut the way to the wallets. %s", next.Rev, next.Text)))
	a.putTrial(ctx, next)
	for _, effect := range effects {
		a.restart = a.restart || effect == effectRestart
	}
}

// putBack changes settings back at once, or part by part where the terminal does
// not allow all of it: settings that hang together have the beginning of their keys
// in common. refused are those that stay; an error is the store's, and then it is
// not known how far it came.
func (a *Agent) putBack(ctx context.Context, back map[string]string) (effects map[string]string, refused []string, err error) {
	effects = map[string]string{}
	var parts []map[string]string
	if len(back) > 0 {
		parts = append(parts, back)
	}
	for size := 0; len(parts) > 0; size++ {
		var smaller []map[string]string
		for _, part := range parts {
			done, err := a.opt.Settings.Apply(ctx, part, "fleet:revert")
			switch {
			case err == nil:
				maps.Copy(effects, done)
			case !forbidden(err):
				return effects, nil, err
			case size == 0:
				smaller = append(smaller, split(part, func(key string) string { family, _, _ := strings.Cut(key, "."); return family })...)
			case size == 1:
				smaller = append(smaller, split(part, func(key string) string { return key })...)
			default:
				refused = slices.AppendSeq(refused, maps.Keys(part))
			}
		}
		parts = smaller
	}
	slices.Sort(refused)
	return effects, refused, nil
}

// split puts together what has the same name.
func split(settings map[string]string, name func(key string) string) (parts []map[string]string) {
	at := map[string]map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		n := name(key)
		if at[n] == nil {
			at[n] = map[string]string{}
			parts = append(parts, at[n])
		}
		at[n][key] = settings[key]
	}
	return parts
}

// forbidden tells what the terminal does not allow from what did not work.
func forbidden(err error) bool {
	switch agent.ClassOf(err) {
	case agent.Invalid, agent.Conflict, agent.Forbidden, agent.NotFound:
		return true
	}
	return false
}

// restartWhenIdle lets settings hold that were put back and need a restart: without
// it the shop would stay without its line until somebody comes.
func (a *Agent) restartWhenIdle(ctx context.Context) {
	if !a.restart || a.opt.Restart == nil || a.running != nil || a.working || !a.opt.Idle() {
		return
	}
	a.restart = false
	a.opt.Audit(ctx, "fleet.restart", "agent", "settings that were taken back hold from now on")
	a.opt.Restart()
}
