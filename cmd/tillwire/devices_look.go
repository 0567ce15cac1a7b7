package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent"
	"tillwire/cmd/cli"
	"tillwire/drivers"
)

// sysRoot is where devices are looked for; TILLWIRE_SYSROOT is for tests and for
// looking at another machine's tree.
func (a *app) sysRoot() string {
	if root := a.env("TILLWIRE_SYSROOT"); root != "" {
		return root
	}
	return "/"
}

func indent(text, by string) string {
	out := by
	for i, r := range text {
		out += string(r)
		if r == '\n' && i < len(text)-1 {
			out += by
		}
	}
	return out
}

func (a *app) devicesWatchCommand() *cobra.Command {
	var profile string
	var set []string
	var trigger bool
	c := &cobra.Command{Use: "watch [LANE | PATH]", Short: "Tell what is plugged in and out, or what a scanner sends, until Ctrl-C", Args: cli.Between(0, "LANE | PATH"),
		Long: `Without an argument it tells what is plugged in and out. With a lane or the path of a scanner it opens
the scanner, while the agent is stopped, and shows every byte that arrives and what it means, in the form
that "tillwire devices decode" reads: written to a file it is a capture. What the scanner's protocol has to
answer is answered; with --trigger it is also set up and switched on, as for a payment. What is scanned is
shown in full, so scan goods.`,
		Example: `  tillwire devices watch /dev/ttyACM0 --profile zebra-ds-ssi > scan.txt`,
		RunE: func(c *cobra.Command, args []string) error {
			for _, flag := range []string{"profile", "set", "trigger"} {
				if len(args) == 0 && c.Flags().Changed(flag) {
					return cli.Wrong("--%s is about one scanner: name its lane or its path, as in %s /dev/ttyACM0. `tillwire devices list` shows the paths", flag, c.CommandPath())
				}
			}
			ctx, _, end := stopSignals(c.Context())
			defer end()
			if len(args) == 1 {
				return a.watchScanner(ctx, args[0], profile, set, trigger)
			}
			err := drivers.Watch(ctx, a.sysRoot(), a.clock, func(added, removed []drivers.Found) {
				a.printChanges("+", "plugged in", added)
				a.printChanges("-", "gone", removed)
			})
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		}}
	c.Flags().BoolVar(&trigger, "trigger", false, "set the scanner up and switch it on, as for a payment")
	c.Flags().StringVar(&profile, "profile", "", "what the scanner at PATH speaks: a profile or a product (default line)")
	c.Flags().StringArrayVar(&set, "set", nil, "a key of the profile or of the serial line, as key=value; may be repeated")
	return c
}

func (a *app) printChanges(sign, event string, list []drivers.Found) {
	for _, f := range list {
		if a.json {
			_ = json.NewEncoder(a.stdout).Encode(map[string]any{"event": event, "device": f}) // nobody reads any more when this fails
			continue
		}
		a.printf("%s %s  %s\n", sign, f.Path, f.What)
	}
}

// testScanner runs one scanner under supervision until it has read something.
func (a *app) testScanner(ctx context.Context, c config, lane string, limit time.Duration) error {
	device, err := laneScanner(c, lane)
	if err != nil {
		return err
	}
	scans, states := make(chan agent.Scan, 1), make(chan agent.DeviceStatus, 16)
	unit := registry().Build(device, drivers.Env{Clock: a.clock, Log: slog.New(slog.DiscardHandler), Sink: func(s agent.Scan) {
		select {
		case scans <- s:
		default:
		}
	}})
	if unit.Err != nil {
		return unit.Err
	}
	if scanner, ok := unit.Device.(triggered); ok {
		scanner.Listen(true) // some read only while a payment waits
	}
	claims, err := a.testClaims(ctx, c, device)
	if err != nil {
		return err
	}
	s := drivers.NewSupervisor(drivers.Options{Clock: a.clock, Log: slog.New(slog.DiscardHandler), Claims: claims, Changed: func(d agent.DeviceStatus) {
		select {
		case states <- d:
		default:
		}
	}})
	s.Add(unit)
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	return a.tellScanner(ctx, limit, scans, states)
}

func (a *app) tellScanner(ctx context.Context, limit time.Duration, scans <-chan agent.Scan, states <-chan agent.DeviceStatus) error {
	end := a.clock.After(limit)
	last := agent.DeviceStatus{State: agent.DeviceOpening}
	for {
		select {
		case d := <-states:
			last = d
			a.tell(map[string]any{"state": d.State, "reason": d.Reason}, "%s %s\n", d.State, d.Reason)
		case s := <-scans:
			kind := explain(s.Text.Reveal())
			a.tell(map[string]any{"read": kind.Scheme, "mode": kind.Mode, "length": s.Text.Len(), "symbology": s.Symbology},
				"read a code of %d characters: %s, %s %s\n", s.Text.Len(), kind.Scheme, kind.Mode, s.Symbology)
			return nil
		case <-end:
			fmt.Fprintf(a.stderr, "Nothing was read in %s; the scanner is %s. %s\n", limit, last.State, last.Reason)
			return cli.ErrFound
		case <-ctx.Done():
			return nil
		}
	}
}

// tell prints one event, as JSON or as a line.
func (a *app) tell(event map[string]any, format string, args ...any) {
	if a.json {
		_ = json.NewEncoder(a.stdout).Encode(event) // nobody reads any more when this fails
		return
	}
	a.printf(format, args...)
}

func laneScanner(c config, lane string) (drivers.Config, error) {
	var lanes []string
	for _, l := range c.Lanes {
		lanes = append(lanes, l.ID)
		if l.ID != lane {
			continue
		}
		if l.Scanner == nil {
			return drivers.Config{}, fmt.Errorf("lane %s has no scanner. `tillwire devices list` shows what is plugged in, with the lines to add", lane)
		}
		return deviceConfig(lane, agent.KindScanner, l.Scanner), nil
	}
	return drivers.Config{}, fmt.Errorf("there is no lane %q. %s", lane, meant(lane, lanes))
}

// table writes columns of text.
func table(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) }
