package scanner

import (
	"context"
	"errors"
	"fmt"
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
)

// Specs lists the drivers of this room: a serial scanner for each profile.
func Specs() []drivers.Spec {
	var specs []drivers.Spec
	for _, p := range Profiles() {
		specs = append(specs, drivers.Spec{
			Name: p.Name, Kind: agent.KindScanner, Help: "serial scanner, " + p.Help, NeedsPath: true,
			Keys: append(serialKeys(), p.Keys...),
			New: func(c drivers.Config, v *drivers.Values, e drivers.Env) (drivers.Device, error) {
				return newDevice(p, c, v, e)
			},
		})
	}
	return specs
}

func serialKeys() []drivers.Key {
	return []drivers.Key{
		{Name: "baud", Default: "9600", Help: "line speed, 50 to 4000000; USB scanners ignore it"},
		{Name: "data_bits", Default: "8", Help: "5 to 8"},
		{Name: "parity", Default: "N", Help: "N, E or O"},
		{Name: "stop_bits", Default: "1", Help: "1 or 2"},
	}
}

// device is a scanner on a serial line.
type device struct {
	config   drivers.Config
	env      drivers.Env
	settings serial.Settings
	setup    func() (Setup, error) // a fresh codec for each opening
	open     func(path string, s serial.Settings) (serial.Port, error)
}

func newDevice(p Profile, c drivers.Config, v *drivers.Values, e drivers.Env) (*device, error) {
	setup, err := p.New(v)
	if err != nil {
		return nil, err
	}
	d := &device{config: c, env: e, open: serial.NewOpener(e.Clock).Open,
		setup: func() (Setup, error) { return p.New(v) }}
	d.settings = serial.Settings{
		Baud: v.Int("baud", 50, 4_000_000), DataBits: v.Int("data_bits", 5, 8),
		Parity:   serial.Parity(v.Choice("parity", string(serial.ParityNone), string(serial.ParityEven), string(serial.ParityOdd))),
		StopBits: v.Int("stop_bits", 1, 2), Poll: setup.Poll,
	}
	return d, v.Err()
}

// Run implements drivers.Device.
func (d *device) Run(ctx context.Context, r drivers.Reporter) error {
	setup, err := d.setup()
	if err != nil {
		return drivers.Fault(err)
	}
	port, err := d.open(d.config.Path, d.settings)
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
	return d.serve(ctx, port, setup, r)
}

// serve feeds the codec until the port ends. The codec's clock moves only by
// what the reader of the port has seen, never by this goroutine's own, so a
// busy machine cannot cut a code in two.
func (d *device) serve(ctx context.Context, port serial.Port, setup Setup, r drivers.Reporter) error {
	opened := d.env.Clock.Mono()
	d.deliver(ctx, port, setup.Codec.Start(opened), r)
	grace := d.env.Clock.After(setup.Grace)
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("scanner %s: %w", d.config.ID, ctx.Err())
		case <-grace: // what arrives from now on is read after the grace
			r.Ready()
		case c, ok := <-port.Input():
			if !ok {
				return fmt.Errorf("scanner %s: %w", d.config.ID, port.Err())
			}
			if c.Lost {
				d.deliver(ctx, port, setup.Codec.Lost(c.At), r)
			}
			if len(c.Bytes) == 0 {
				d.deliver(ctx, port, setup.Codec.Tick(c.At), r)
				continue
			}
			d.deliver(ctx, port, setup.Codec.Feed(c.At, c.Bytes), r)
		}
	}
}

// deliver passes scans on and counts everything. What was scanned is in no log:
// the counters say enough, and "tillwire devices watch" shows the rest.
func (d *device) deliver(ctx context.Context, port serial.Port, events []Event, r drivers.Reporter) {
	for _, e := range events {
		if e.Kind == EventSend {
			// A failed write ends the port, and its input says so next.
			_ = port.Write(ctx, e.Send)
		}
		if e.Kind == EventScan && d.env.Clock.Mono()-e.At > staleAfter {
			r.Count(countStale)
			continue
		}
		r.Count(string(e.Kind))
		if e.Kind == EventScan {
			d.env.Sink(agent.Scan{Lane: d.config.Lane, Device: d.config.ID, Text: e.Text, Symbology: e.Symbology, At: e.At})
		}
	}
}
