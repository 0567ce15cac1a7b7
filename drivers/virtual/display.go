package virtual

import (
	"context"
	"fmt"
	"sync"
	"time"

	"tillwire/agent"
	"tillwire/drivers"
)

// historyMax bounds the screens a display remembers; the oldest go first.
const historyMax = 1000

// Display is a customer display without hardware. It keeps the contract of
// agent.Display and remembers every screen it was shown.
type Display struct {
	clock agent.Clock

	mu      sync.Mutex
	running bool
	history []agent.Screen
	shown   time.Duration // monotonic, when the last screen was shown
	changed chan struct{} // closed and replaced at every Show
}

// NewDisplay returns a display that shows the idle screen.
func NewDisplay(clock agent.Clock) *Display {
	return &Display{clock: clock, changed: make(chan struct{})}
}

// DisplaySpec is the driver "virtual" of displays: a lane without one. It has
// no keys.
func DisplaySpec() drivers.Spec {
	return drivers.Spec{Name: "virtual", Kind: agent.KindDisplay, Help: "no customer display",
		New: func(_ drivers.Config, _ *drivers.Values, e drivers.Env) (drivers.Device, error) {
			return NewDisplay(e.Clock), nil
		}}
}

// Run implements drivers.Device: it is ready until ctx ends, and blank after.
func (d *Display) Run(ctx context.Context, r drivers.Reporter) error {
	d.setRunning(true)
	defer d.setRunning(false)
	r.Ready()
	<-ctx.Done()
	return fmt.Errorf("virtual display: %w", ctx.Err())
}

func (d *Display) setRunning(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running = on
}

// Show implements agent.Display.
func (d *Display) Show(ctx context.Context, s agent.Screen) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("show on the virtual display: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.running {
		return &agent.Error{Op: "show on the virtual display", Class: agent.Unavailable, Say: agent.Sentence{
			ID: "device.stopped", English: "the display of this lane is not running: wait until it is ready"}}
	}
	if len(d.history) == historyMax {
		d.history = append(d.history[:0], d.history[1:]...)
	}
	d.history = append(d.history, s)
	d.shown = d.clock.Mono()
	close(d.changed)
	d.changed = make(chan struct{})
	return nil
}

// Visible is what a customer sees now: the idle screen before the first Show,
// when the driver does not run, and once a QR has outlived its TTL.
func (d *Display) Visible() agent.Screen {
	d.mu.Lock()
	defer d.mu.Unlock()
	idle := agent.Screen{Kind: agent.ScreenIdle}
	if !d.running || len(d.history) == 0 {
		return idle
	}
	last := d.history[len(d.history)-1]
	if last.QR != "" && d.clock.Mono()-d.shown >= last.TTL {
		return idle
	}
	return last
}

// History returns every screen shown, oldest first.
func (d *Display) History() []agent.Screen {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]agent.Screen(nil), d.history...)
}

// Changed returns a channel that is closed at the next Show.
func (d *Display) Changed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changed
}
