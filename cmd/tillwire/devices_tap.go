package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tillwire/cmd/cli"
	"tillwire/drivers"
	"tillwire/drivers/scanner"
)

// learnReadings is how many readings are enough to know a scanner by.
const learnReadings = 3

// watchScanner shows what a scanner sends: that of a lane, or the one at a path.
func (a *app) watchScanner(ctx context.Context, where, profile string, set []string, trigger bool) error {
	tap, release, err := a.tapOf(ctx, where, profile, set)
	if err != nil {
		return err
	}
	defer release()
	tap.Trigger = trigger
	a.warnScanner("Scan goods: what is scanned is shown in full. Ctrl-C ends it.")
	return usageOf(tap.Run(ctx, func(s scanner.Step, events []scanner.Event) { a.showStep(s, events) }))
}

func (a *app) warnScanner(text string) { fmt.Fprintln(a.stderr, text) }

func (a *app) showStep(s scanner.Step, events []scanner.Event) {
	write := scanner.WriteCapture
	if a.json {
		write = scanner.WriteStep
	}
	_ = write(a.stdout, s, events) // nobody reads any more when this fails
}

// usageOf marks a mistake in a key or a name as one of the command line.
func usageOf(err error) error {
	var key *drivers.KeyError
	if errors.As(err, &key) {
		return cli.Wrong("%w", err)
	}
	return err
}

// tapOf finds the scanner that is meant and claims it, so that no agent loses a
// customer's code to somebody who looks.
func (a *app) tapOf(ctx context.Context, where, profile string, set []string) (scanner.Tap, func(), error) {
	keys, err := keyValues(set)
	if err != nil {
		return scanner.Tap{}, nil, err
	}
	device := drivers.Config{ID: where, Path: where, Driver: "line"}
	cfg, err := a.configForData()
	if err == nil && !strings.Contains(where, "/") {
		if device, err = laneScanner(cfg, where); err != nil {
			return scanner.Tap{}, nil, err
		}
	} else if err != nil && !strings.Contains(where, "/") {
		return scanner.Tap{}, nil, err
	}
	if device.Path == "" {
		return scanner.Tap{}, nil, fmt.Errorf("the scanner of lane %s has no port to watch: it is %q", device.Lane, device.Driver)
	}
	if profile != "" {
		device.Driver, device.Keys = profile, nil
	}
	p, err := scanner.FindProfile(device.Driver)
	if err != nil {
		return scanner.Tap{}, nil, usageOf(err)
	}
	written := maps.Clone(device.Keys)
	if written == nil {
		written = map[string]any{}
	}
	for key, value := range keys {
		written[key] = value
	}
	release, err := a.claim(ctx, cfg, device)
	return scanner.Tap{Path: device.Path, Profile: p, Keys: written, Clock: a.clock}, release, err
}

// claim takes a device for this command, if there is a data folder to claim in.
func (a *app) claim(ctx context.Context, c config, device drivers.Config) (func(), error) {
	if c.Terminal.Data == "" {
		return func() {}, nil
	}
	if _, err := os.Stat(c.Terminal.Data); err != nil {
		return func() {}, nil // no agent was ever here, so nobody can hold the device
	}
	claims := drivers.NewClaims(filepath.Join(c.Terminal.Data, "locks"))
	if err := refuseTaken(ctx, c, device, claims); err != nil {
		return nil, err
	}
	release, err := claims.Take(device.Path, "tillwire devices")
	if errors.Is(err, drivers.ErrClaimed) {
		return nil, err
	}
	if err != nil {
		return func() {}, nil // what is wrong with the path, opening it says best
	}
	return release, nil
}

func (a *app) devicesLearnCommand() *cobra.Command {
	var set []string
	var limit time.Duration
	c := &cobra.Command{Use: "learn PATH", Short: "Show what an unknown scanner sends and propose its profile", Args: cli.Exactly("PATH"),
		Long: `Opens the port, never writes to it, shows every byte that arrives, and after three readings proposes the
profile and the lines for the configuration. What is shown is a capture: keep it for the folder of a
product. Scan goods, one after the other, a second apart: what is scanned is shown in full.`,
		Example: `  tillwire devices learn /dev/serial/by-id/usb-Scanner-if00
  tillwire devices learn /dev/ttyUSB0 --set baud=115200`,
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkWait(limit); err != nil {
				return err
			}
			ctx, _, end := stopSignals(c.Context())
			defer end()
			return a.learnScanner(ctx, args[0], set, limit)
		}}
	c.Flags().StringArrayVar(&set, "set", nil, "a key of the serial line: baud, data_bits, parity or stop_bits, as key=value; may be repeated")
	c.Flags().DurationVar(&limit, "wait", time.Minute, "how long to wait for three readings")
	return c
}

// checkWait refuses a time in which nothing can come.
func checkWait(limit time.Duration) error {
	if limit <= 0 {
		return cli.Wrong("--wait %s: give a time to wait, such as 30s", limit)
	}
	return nil
}

// learnScanner collects what a scanner sends and says what it speaks.
func (a *app) learnScanner(ctx context.Context, path string, set []string, limit time.Duration) error {
	kind := scanner.PortOf(path)
	neutral := map[scanner.PortKind]string{scanner.PortSerial: "line", scanner.PortHIDRaw: "hid-pos", scanner.PortInput: "evdev"}[kind]
	tap, release, err := a.tapOf(ctx, absolute(path), neutral, set)
	if err != nil {
		return err
	}
	defer release()
	tap.Mute = true
	a.warnScanner(fmt.Sprintf("Scan goods %d times, a second apart. Ctrl-C ends it.", learnReadings))
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	// The scanner's own time tells when a reading is over, this one when nothing comes.
	late := a.clock.After(limit)
	stopped := make(chan struct{})
	defer close(stopped)
	go func() {
		select {
		case <-late:
			enough()
		case <-stopped:
		}
	}()
	var capture []scanner.Step
	err = tap.Run(ctx, func(s scanner.Step, _ []scanner.Event) {
		if len(s.Bytes) > 0 {
			capture = append(capture, s)
			a.showStep(s, nil)
			return
		}
		if scanner.Readings(capture) >= learnReadings && s.At-capture[len(capture)-1].At >= scanner.BurstGap {
			enough()
		}
	})
	if err != nil {
		return usageOf(err)
	}
	return a.propose(path, tap.Keys, scanner.Learn(kind, capture))
}

// absolute makes a path that no lane's id can be taken for.
func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}

// propose prints what was learned, with the lines for the configuration.
func (a *app) propose(path string, written map[string]any, p scanner.Proposal) error {
	if a.json {
		if err := a.printJSON(p); err != nil {
			return err
		}
	} else {
		a.printf("\n# %s.\n", p.Why)
	}
	if p.Profile == "" {
		return cli.ErrFound
	}
	if a.json {
		return nil
	}
	a.printf("[lane.scanner]\ndriver = %q\npath = %q\n", p.Profile, path)
	for _, key := range []string{"baud", "data_bits", "parity", "stop_bits"} {
		if value, ok := written[key]; ok {
			a.printf("%s = %q\n", key, value)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(p.Keys)) {
		a.printf("%s = %q\n", key, p.Keys[key])
	}
	if len(p.Products) > 0 {
		a.printf("# Products that speak it: %s.\n", strings.Join(p.Products, ", "))
	}
	return nil
}
