package display

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"tillwire/agent"
	"tillwire/drivers"
	"tillwire/drivers/serial"
)

// refreshEvery is how often an unchanged picture is drawn again: a display that was
// switched off and on has forgotten it and tells nobody.
const refreshEvery = 30 * time.Second

// clearPatience is how long a display may take to go dark at the end.
const clearPatience = time.Second

// device is a customer display on a serial line.
type device struct {
	config   drivers.Config
	env      drivers.Env
	settings serial.Settings
	codec    Codec
	open     func(path string, s serial.Settings) (serial.Port, error)

	kick chan struct{}

	mu      sync.Mutex
	running bool
	screen  agent.Screen
	at      time.Duration // Clock.Mono when screen was asked for
	waiting []chan error  // those who asked for it
}

// Show implements agent.Display. A display that is away keeps the screen for its
// return; a code then shows for what is left of its time.
func (d *device) Show(ctx context.Context, s agent.Screen) error {
	done := make(chan error, 1)
	d.mu.Lock()
	d.screen, d.at = s, d.env.Clock.Mono()
	if !d.running {
		d.mu.Unlock()
		return &agent.Error{Op: "show on " + d.config.ID, Class: agent.Unavailable, Code: agent.CodeState, Say: agent.Sentence{
			ID: "device.stopped", English: "the display of this lane is not running: wait until it is ready"}}
	}
	d.waiting = append(d.waiting, done)
	d.mu.Unlock()
	select {
	case d.kick <- struct{}{}:
	default: // one waiting nudge says it all
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("show on %s: %w", d.config.ID, ctx.Err())
	}
}

// forever is the end of a screen that has none.
const forever = time.Duration(math.MaxInt64)

// now is what is to be seen, until which moment of Clock.Mono, and who waits for it.
func (d *device) now() (v View, until time.Duration, waiting []chan error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	waiting, d.waiting = d.waiting, nil
	s := d.screen
	until = forever
	if s.Kind == agent.ScreenQR {
		if until = d.at + s.TTL; d.env.Clock.Mono() >= until {
			s, until = agent.Screen{Kind: agent.ScreenWait, Test: s.Test}, forever
		}
	}
	return view(s), until, waiting
}

func (d *device) setRunning(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running = on
	if !on {
		for _, w := range d.waiting {
			w <- errors.New("the display was lost")
		}
		d.waiting = nil
	}
}

// Run implements drivers.Device.
func (d *device) Run(ctx context.Context, r drivers.Reporter) error {
	port, err := d.open(d.config.Path, d.settings)
	if errors.Is(err, serial.ErrNeedsPowerCycle) {
		return drivers.Fault(err)
	}
	if err != nil {
		return fmt.Errorf("display %s: %w", d.config.ID, err)
	}
	// Also when the driver panics: no code may outlive it.
	defer func() {
		d.setRunning(false)
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), clearPatience)
		defer cancel()
		_ = port.Write(ending, d.codec.Clear()) // a display that is gone shows nothing
		if err := port.Close(); err != nil {
			d.env.Log.Warn("display port does not close", "device", d.config.ID, "error", err)
		}
	}()
	// What the last run left there, even one that was killed, goes first.
	if err := port.Write(ctx, d.codec.Clear()); err != nil {
		return fmt.Errorf("display %s: %w", d.config.ID, err)
	}
	d.setRunning(true)
	return d.serve(ctx, port, r)
}

func (d *device) serve(ctx context.Context, port serial.Port, r drivers.Reporter) error {
	for {
		until, err := d.draw(ctx, port, r)
		if err != nil {
			return fmt.Errorf("display %s: %w", d.config.ID, err)
		}
		// A code's time counts from when it was asked for, however long it took to draw.
		again := d.env.Clock.After(max(min(until-d.env.Clock.Mono(), refreshEvery), 0))
		if err := d.wait(ctx, port, again); err != nil {
			return fmt.Errorf("display %s: %w", d.config.ID, err)
		}
	}
}

// draw shows what is to be seen now, and tells until when. A code without room is an
// answer to whoever asked for it and no fault of the display.
func (d *device) draw(ctx context.Context, port serial.Port, r drivers.Reporter) (time.Duration, error) {
	v, until, waiting := d.now()
	data, refused := d.codec.Draw(v)
	err := port.Write(ctx, data)
	for _, w := range waiting {
		w <- errors.Join(refused, err)
	}
	if err != nil {
		return 0, err
	}
	r.Count("drawn")
	if refused != nil {
		r.Degraded(sayRefused(refused))
	} else {
		r.Ready()
	}
	return until, nil
}

// sayRefused says why a code is not shown, and what to do.
func sayRefused(err error) agent.Sentence {
	id := "device.no_room"
	if errors.Is(err, ErrLetters) {
		id = "device.letters"
	}
	return agent.Sentence{ID: id, English: err.Error() + ": use a shorter code or another display"}
}

// wait returns when something is to be drawn; what the display sends back is thrown
// away, for its acknowledgements say nothing about what a customer sees.
func (d *device) wait(ctx context.Context, port serial.Port, again <-chan time.Time) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-d.kick:
			return nil
		case <-again:
			return nil
		case _, ok := <-port.Input():
			if !ok {
				return port.Err()
			}
		}
	}
}
