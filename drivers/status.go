package drivers

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"tillwire/agent"
)

// report is the Reporter of one run of a device. It goes dead with the run, so
// that a goroutine a driver left behind cannot make a lost device look ready.
type report struct {
	keeper *keeper

	mu      sync.Mutex
	over    bool
	readyAt time.Duration // monotonic; negative before it is ready
}

// Ready implements Reporter.
func (r *report) Ready() { r.works(agent.DeviceReady, agent.Sentence{}) }

// Degraded implements Reporter.
func (r *report) Degraded(why agent.Sentence) { r.works(agent.DeviceDegraded, why) }

func (r *report) works(state agent.DeviceState, why agent.Sentence) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return
	}
	if r.readyAt < 0 {
		r.readyAt = r.keeper.options.Clock.Mono()
	}
	r.keeper.set(state, why.English, why)
}

// Count implements Reporter.
func (r *report) Count(counter string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.over {
		r.keeper.count(counter)
	}
}

// end closes the report and returns how long the device was ready, negative if
// it never was.
func (r *report) end() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	if r.readyAt < 0 {
		return -1
	}
	return r.keeper.options.Clock.Mono() - r.readyAt
}

// set changes the state and tells it, unless nothing changed. say is the reason for
// pages in other languages, without what changes by the second.
func (k *keeper) set(state agent.DeviceState, reason string, say agent.Sentence) {
	k.telling.Lock()
	defer k.telling.Unlock()
	k.mu.Lock()
	if k.status.State == state && k.status.Reason == reason {
		k.mu.Unlock()
		return
	}
	if k.status.State != state {
		k.status.Since = k.options.Clock.Now()
		k.since = k.options.Clock.Mono()
	}
	k.status.State, k.status.Reason, k.status.Say = state, reason, say
	now := k.copyStatus()
	k.mu.Unlock()
	if k.options.Changed != nil {
		k.options.Changed(now)
	}
}

func (k *keeper) count(counter string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.status.Counters[counter]++
}

// snapshot returns the status. A device whose opening hangs cannot say so
// itself; here the clock does.
func (k *keeper) snapshot() agent.DeviceStatus {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.copyStatus()
	if opening := k.options.Clock.Mono() - k.since; s.State == agent.DeviceOpening && opening >= openingLong {
		long := opening.Round(time.Second).String()
		s.Reason = fmt.Sprintf("has been opening for %s: unplug the device and plug it in again", long)
		s.Say = agent.Sentence{ID: "device.opening", Args: []string{long}, English: s.Reason}
	}
	return s
}

func (k *keeper) copyStatus() agent.DeviceStatus {
	s := k.status
	s.Counters = maps.Clone(k.status.Counters)
	return s
}

// reason is an error in words: what to do about it where somebody knew, with
// the configuration's own mistake named.
func reason(err error) agent.Sentence {
	var known *agent.Error
	if !errors.As(err, &known) || known.Say.English == "" {
		return agent.Sentence{ID: "device.other", English: err.Error()}
	}
	say := known.Say
	var key *KeyError
	if errors.As(err, &key) {
		say.English += ": " + key.Error()
	}
	return say
}
