package drivers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"tillwire/agent"
)

// forever is a delay that only an event ends.
const forever = time.Duration(math.MaxInt64)

// keeper keeps one device running, in one goroutine.
type keeper struct {
	unit    Unit
	options Options
	hints   chan struct{}
	retries chan struct{}
	ended   atomic.Bool

	backoff backoff
	panics  []time.Duration // when the driver panicked, within the window
	logged  string          // the failure that was logged last

	telling sync.Mutex // held while Changed runs, so that changes arrive in order
	mu      sync.Mutex
	status  agent.DeviceStatus
	since   time.Duration // monotonic twin of status.Since
}

func newKeeper(u Unit, o Options) *keeper {
	c := u.Config
	k := &keeper{unit: u, options: o, hints: make(chan struct{}, 1), retries: make(chan struct{}, 1), backoff: newBackoff()}
	k.status = agent.DeviceStatus{ID: c.ID, Kind: c.Kind, Lane: c.Lane, Driver: c.Driver, Path: c.Path,
		Since: o.Clock.Now(), Counters: map[string]uint64{}}
	k.since = o.Clock.Mono()
	switch {
	case c.Disabled:
		k.status.State, k.status.Say = agent.DeviceDisabled, agent.Sentence{ID: "device.disabled", English: "switched off in the configuration"}
	case u.Err != nil:
		k.status.State, k.status.Say = agent.DeviceFaulted, reason(u.Err)
	default:
		k.status.State = agent.DeviceOpening
	}
	k.status.Reason = k.status.Say.English
	return k
}

func (k *keeper) run(ctx context.Context) {
	defer k.ended.Store(true)
	if k.unit.Config.Disabled || k.unit.Err != nil {
		<-ctx.Done() // nothing but a restart with another configuration helps
		return
	}
	for ctx.Err() == nil {
		seen, err := k.look()
		if err != nil {
			path := k.unit.Config.Path
			text := "nothing is plugged in at " + path + ": plug the device in, or correct its path"
			k.set(agent.DeviceAbsent, text, agent.Sentence{ID: "device.absent", Args: []string{path}, English: text})
			k.wait(ctx, forever, seen)
			continue
		}
		k.set(agent.DeviceOpening, "", agent.Sentence{})
		readyFor, err := k.once(ctx)
		if ctx.Err() != nil {
			return
		}
		k.wait(ctx, k.settle(err, readyFor), seen)
	}
}

// look identifies the node at the device's path. Without a path there is
// nothing to look at and nothing missing.
func (k *keeper) look() (node, error) {
	if k.unit.Config.Path == "" {
		return node{}, nil
	}
	n, err := lookNode(k.unit.Config.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return node{}, err
	}
	return n, nil // what else is wrong with the path, opening it will say best
}

// once claims and runs the device, turning a panic into an error. readyFor is
// how long it had been ready at the end, negative if it never was.
func (k *keeper) once(ctx context.Context) (readyFor time.Duration, err error) {
	if k.options.Claims != nil && k.unit.Config.Path != "" {
		release, err := k.options.Claims.Take(k.unit.Config.Path, k.unit.Config.ID)
		if err != nil {
			return -1, err
		}
		defer release()
	}
	r := &report{keeper: k, readyAt: -1}
	defer func() {
		if v := recover(); v != nil {
			err = k.panicked(v)
		}
		readyFor = r.end()
	}()
	if err := k.unit.Device.Run(ctx, r); err != nil {
		return 0, err
	}
	return 0, errors.New("the driver ended without a reason")
}

// settle records the end of a run and returns how long to wait before the next.
func (k *keeper) settle(err error, readyFor time.Duration) time.Duration {
	if text := err.Error(); readyFor >= 0 || text != k.logged {
		// The same failure every ten seconds for a weekend is one line.
		k.logged = text
		k.options.Log.Warn("device stopped", "device", k.unit.Config.ID, "driver", k.unit.Config.Driver, "error", err)
	}
	if readyFor >= backoffReset {
		k.backoff.reset()
	}
	why := reason(err)
	if readyFor >= 0 {
		k.count("losses")
		k.set(agent.DeviceLost, why.English, why)
	}
	var fault *faultError
	if errors.As(err, &fault) || len(k.panics) >= panicLimit {
		k.panics = nil // a person gives it all its chances again
		k.set(agent.DeviceFaulted, why.English, why)
		return forever
	}
	if _, gone := k.look(); gone != nil {
		return 0 // absent, says the next turn
	}
	delay := k.backoff.delay()
	k.set(agent.DeviceBackoff, fmt.Sprintf("%s; next try in %s", why.English, delay.Round(10*time.Millisecond)), why)
	return delay
}

// panicked counts a panic of the driver. Its value may hold what was scanned,
// so only the runtime's own messages are logged.
func (k *keeper) panicked(value any) error {
	message := fmt.Sprintf("panic with a %T", value)
	if e, ok := value.(runtime.Error); ok {
		message = e.Error()
	}
	k.options.Log.Error("device driver panicked", "device", k.unit.Config.ID, "driver", k.unit.Config.Driver,
		"panic", message, "stack", string(debug.Stack()))
	k.count("panics")
	now := k.options.Clock.Mono()
	recent := k.panics[:0]
	for _, at := range k.panics {
		if now-at < panicWindow {
			recent = append(recent, at)
		}
	}
	k.panics = append(recent, now)
	return &agent.Error{Op: "run device " + k.unit.Config.ID, Class: agent.Internal, Err: errors.New(message), Say: agent.Sentence{
		ID: "device.panic", Args: []string{k.unit.Config.Driver},
		English: fmt.Sprintf("the driver %s failed by its own mistake: report it with the log", k.unit.Config.Driver)}}
}

// wait returns when the delay is over, when another node is at the path than
// was seen before (plugged in again, or its permissions changed), when somebody
// asks for a try, or when ctx ends.
func (k *keeper) wait(ctx context.Context, delay time.Duration, seen node) {
	end := forever
	if delay < forever {
		end = k.options.Clock.Mono() + delay
	}
	for ctx.Err() == nil {
		if n, err := k.look(); err == nil && n != seen {
			k.backoff.reset()
			return
		}
		left := end - k.options.Clock.Mono()
		if left <= 0 {
			return
		}
		select {
		case <-ctx.Done():
		case <-k.retries:
			k.backoff.reset()
			return
		case <-k.hints: // look again
		case <-k.options.Clock.After(min(left, lookEvery)):
		}
	}
}
