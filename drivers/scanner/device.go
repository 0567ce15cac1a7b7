package scanner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"tillwire/agent"
	"tillwire/drivers"
	"tillwire/drivers/serial"
)

// staleAfter is how old a scan may be when it is delivered. Whoever did not
// take it by then is busy with something else, and by the time he looks the
// code could land in the next customer's payment: it is dropped, never queued.
const staleAfter = time.Second

// The counters of a scanner beside those named after events.
const (
	countStale = "stale" // scans dropped because nobody took them in time

	// CountAccepted is how often something was sent to the scanner because the agent took
	// a code: on most models a beep.
	CountAccepted = "told_accepted"
)

// Specs lists the drivers of this room: a scanner for each profile.
func Specs() []drivers.Spec {
	var specs []drivers.Spec
	for _, p := range Profiles() {
		specs = append(specs, drivers.Spec{
			Name: p.Name, Kind: agent.KindScanner, Help: portHelp(p.Port) + ", " + p.Help, NeedsPath: true,
			Keys: append(slices.Clone(p.Line), p.Keys...),
			New: func(c drivers.Config, v *drivers.Values, e drivers.Env) (drivers.Device, error) {
				return newDevice(p, c, v, e)
			},
		})
	}
	return specs
}

func portHelp(kind PortKind) string {
	switch kind {
	case PortHIDRaw:
		return "USB HID scanner"
	case PortInput:
		return "keyboard scanner"
	}
	return "serial scanner"
}

func serialKeys() []drivers.Key {
	return []drivers.Key{
		{Name: "baud", Default: "9600", Help: "line speed, 50 to 4000000; USB scanners ignore it"},
		{Name: "data_bits", Default: "8", Help: "5 to 8"},
		{Name: "parity", Default: "N", Help: "N, E or O"},
		{Name: "stop_bits", Default: "1", Help: "1 or 2"},
	}
}

// device is a scanner on a line of its own.
type device struct {
	config drivers.Config
	env    drivers.Env
	setup  func() (Setup, error) // a fresh codec for each opening
	open   func(path string) (serial.Port, error)
	stale  time.Duration // staleAfter; more where a test's machine may be busy

	mu     sync.Mutex
	wanted bool          // a payment waits for a code
	said   []Command     // answers to scans that are not sent yet
	wake   chan struct{} // wanted or said changed
}

func newDevice(p Profile, c drivers.Config, v *drivers.Values, e drivers.Env) (*device, error) {
	setup, err := p.New(v)
	if err != nil {
		return nil, err
	}
	d := &device{config: c, env: e, stale: staleAfter, wake: make(chan struct{}, 1), setup: func() (Setup, error) { return p.New(v) }}
	switch p.Port {
	case PortHIDRaw:
		d.open = newNodes(e.Clock, setup.Poll).hidraw
	case PortInput:
		d.open = newNodes(e.Clock, setup.Poll).input
	default:
		opener, settings := serial.NewOpener(e.Clock), readLine(v, setup.Poll)
		d.open = func(path string) (serial.Port, error) { return opener.Open(path, settings) }
	}
	return d, v.Err()
}

// readLine reads the keys of serialKeys.
func readLine(v *drivers.Values, poll time.Duration) serial.Settings {
	return serial.Settings{
		Baud: v.Int("baud", 50, 4_000_000), DataBits: v.Int("data_bits", 5, 8),
		Parity:   serial.Parity(v.Choice("parity", string(serial.ParityNone), string(serial.ParityEven), string(serial.ParityOdd))),
		StopBits: v.Int("stop_bits", 1, 2), Poll: poll,
	}
}

// Listen says whether a payment waits for a code. It returns at once; the
// scanner is told as soon as it can be.
func (d *device) Listen(waiting bool) {
	d.mu.Lock()
	d.wanted = waiting
	d.mu.Unlock()
	d.nudge()
}

// Answer says whether the agent took what was scanned last. It returns at once.
func (d *device) Answer(accepted bool) {
	c := CommandRefused
	if accepted {
		c = CommandAccepted
	}
	d.mu.Lock()
	d.said = append(d.said[:0], c) // a beep for an older scan would be a lie
	d.mu.Unlock()
	d.nudge()
}

func (d *device) nudge() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Run implements drivers.Device.
func (d *device) Run(ctx context.Context, r drivers.Reporter) error {
	setup, err := d.setup()
	if err != nil {
		return drivers.Fault(err)
	}
	port, err := d.open(d.config.Path)
	if errors.Is(err, serial.ErrNeedsPowerCycle) {
		return drivers.Fault(err)
	}
	if err != nil {
		return fmt.Errorf("scanner %s: %w", d.config.ID, err)
	}
	defer func() {
		if err := port.Close(); err != nil {
			d.env.Log.Warn("scanner port does not close", "device", d.config.ID, "error", err)
		}
	}()
	d.mu.Lock()
	d.said = d.said[:0] // about a scan before it was plugged in again
	d.mu.Unlock()
	return (&session{device: d, port: port, setup: setup, report: r}).serve(ctx)
}
