package drivers

import (
	"context"
	"fmt"
	"log/slog"

	"tillwire/agent"
)

// Config is one device of the configuration, before a driver has looked at it.
type Config struct {
	ID       string           // unique within the terminal, e.g. "1.scanner"
	Lane     string           // the register it belongs to
	Kind     agent.DeviceKind //
	Driver   string           // a Spec's name
	Path     string           // device node or a stable link to it; empty for devices without one
	Disabled bool             // stays in the configuration, is never opened
	Keys     map[string]any   // everything else that was written, as the TOML decoder yields it
}

// Env is what a driver may use of the world.
type Env struct {
	Clock agent.Clock
	Log   *slog.Logger
	Sink  agent.ScanSink // where scanners deliver; nil for other kinds
}

// Device is one piece of hardware under supervision. A display or printer
// implements agent.Display or agent.Printer beside it.
type Device interface {
	// Run opens the device, serves it, and returns when ctx ends or the device
	// is lost; the supervisor owns every retry. It holds nothing open when it
	// returns. A missing device is fs.ErrNotExist; what only a person can mend
	// is wrapped by Fault. A panic is caught by the supervisor.
	Run(ctx context.Context, r Reporter) error
}

// Reporter is how a running device says how it is. Its methods may be called
// from any goroutine; after Run has returned they do nothing.
type Reporter interface {
	Ready()                      // works without limits
	Degraded(why agent.Sentence) // works, with a limit that a person should know; its id begins with "device."
	Count(counter string)        // one more of something
}

// Spec describes a driver.
type Spec struct {
	Name      string           // what is written behind "driver ="
	Kind      agent.DeviceKind // what it drives
	Help      string           // one line
	NeedsPath bool             // a device node must be named, and is claimed
	Keys      []Key            // what else can be set
	// New checks the configuration and must not touch the device: a shop's
	// configuration is checked on a desk.
	New func(c Config, v *Values, e Env) (Device, error)
}

// Registry is the list of drivers of this program, written out in cmd.
type Registry []Spec

// Unit is a configured device, ready to be supervised. With Err it cannot be:
// it is still supervised, as faulted, so that the page shows it and everything
// else sells on.
type Unit struct {
	Config Config
	Device Device
	Err    error
}

// Build finds the driver and checks the configuration. The cause of Unit.Err is
// a *KeyError when a name or value is wrong.
func (r Registry) Build(c Config, e Env) Unit {
	device, err := r.build(c, e)
	if err != nil {
		err = &agent.Error{Op: "configure device " + c.ID, Class: agent.Invalid, Err: err, Say: agent.Sentence{
			ID: "device.config", Args: []string{c.ID}, English: fmt.Sprintf("the configuration of %s is wrong: correct it and restart the agent", c.ID)}}
	}
	return Unit{Config: c, Device: device, Err: err}
}

func (r Registry) build(c Config, e Env) (Device, error) {
	spec, err := r.Find(c.Kind, c.Driver)
	if err != nil {
		return nil, err
	}
	if spec.NeedsPath && c.Path == "" {
		return nil, &KeyError{What: "value", Key: "path", Reason: "must name the device; \"tillwire devices list\" shows what is plugged in"}
	}
	values, err := NewValues(c.Keys, spec.Keys)
	if err != nil {
		return nil, err
	}
	device, err := spec.New(c, values, e)
	if err == nil {
		err = values.Err()
	}
	if err != nil {
		return nil, err
	}
	return device, nil
}

// Find returns the driver of a kind by name; the error names the nearest.
func (r Registry) Find(kind agent.DeviceKind, name string) (Spec, error) {
	var names []string
	for _, s := range r {
		if s.Kind != kind {
			continue
		}
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Spec{}, Unknown(string(kind)+" driver", name, names)
}

// faultError marks an error that retrying cannot mend.
type faultError struct{ err error }

func (f *faultError) Error() string { return f.err.Error() }
func (f *faultError) Unwrap() error { return f.err }

// Fault wraps an error that only a person can mend: the device becomes faulted
// and is tried again once it was plugged in anew or Supervisor.Retry was called.
func Fault(err error) error { return &faultError{err} }
