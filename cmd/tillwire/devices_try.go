package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent"
	"tillwire/cmd/cli"
	"tillwire/drivers"
	"tillwire/drivers/scanner"
)

func (a *app) devicesTestCommand() *cobra.Command {
	var limit time.Duration
	var drawer, beep bool
	c := &cobra.Command{Use: "test DEVICE", Short: "Try one device: read or beep with a scanner, print a slip, open a drawer, show a code", Args: cli.Exactly("DEVICE"),
		Long: `Opens a device as the agent would and tells its states and what comes of it. DEVICE is a lane, for
its scanner, or a device as "devices list" names it, such as printer.1 or display.pole.

A scanner: what kind of code it reads and how long that is, never the code itself; the command ends
at the first reading, after --wait, or with Ctrl-C; with --beep it is told to beep instead. A printer: a slip with every kind of line and a QR
code, or with --drawer a pulse to the cash drawer; beside a running agent the agent prints it. A
display: a code of no worth with an amount, for ten seconds.

Scanners and displays belong to the agent while it runs; the owner's page, under Devices, tries them then.`,
		Example: `  tillwire devices test 1
  tillwire devices test printer.counter --drawer`,
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkWait(limit); err != nil {
				return err
			}
			cfg, err := a.configForData()
			if err != nil {
				return err
			}
			device, err := namedDevice(cfg, args[0])
			if err != nil {
				return err
			}
			if drawer && device.Kind != agent.KindPrinter {
				return cli.Wrong("--drawer: %s is a %s; drawers hang on printers", device.ID, device.Kind)
			}
			if beep && device.Kind != agent.KindScanner {
				return cli.Wrong("--beep: %s is a %s; scanners beep", device.ID, device.Kind)
			}
			ctx, _, end := stopSignals(c.Context())
			defer end()
			if beep {
				return a.testBeep(ctx, cfg, device, limit)
			}
			switch device.Kind {
			case agent.KindPrinter:
				return a.testPrinter(ctx, cfg, device, drawer, limit)
			case agent.KindDisplay:
				return a.testDisplay(ctx, cfg, device, limit)
			}
			return a.testScanner(ctx, cfg, device.Lane, limit)
		}}
	c.Flags().DurationVar(&limit, "wait", 30*time.Second, "how long to wait for a reading or for paper")
	c.Flags().BoolVar(&beep, "beep", false, "tell the scanner to beep as when the agent took a code, and read nothing")
	c.Flags().BoolVar(&drawer, "drawer", false, "open the printer's cash drawer and print nothing")
	return c
}

// namedDevice finds a device of the configuration by its id; a bare lane is its scanner.
func namedDevice(c config, name string) (drivers.Config, error) {
	var known []string
	for _, d := range deviceConfigs(c, "") {
		if d.ID == name {
			return d, nil
		}
		known = append(known, d.ID)
	}
	for _, l := range c.Lanes {
		if l.ID == name {
			return laneScanner(c, name)
		}
		if l.ID+"."+string(agent.KindDisplay) == name && l.Display["driver"] == kiosk {
			return drivers.Config{}, fmt.Errorf("%s is a page: open /display/%s in a browser", name, l.ID)
		}
		known = append(known, l.ID)
	}
	return drivers.Config{}, fmt.Errorf("there is no lane %q, nor a device of that name. %s", name, meant(name, known))
}

// testClaims is who may open a device for a test; the error says who has it.
func (a *app) testClaims(ctx context.Context, c config, device drivers.Config) (*drivers.Claims, error) {
	if _, err := os.Stat(c.Terminal.Data); err != nil {
		return nil, nil // no agent was ever here, so nobody can hold the device
	}
	claims := drivers.NewClaims(filepath.Join(c.Terminal.Data, "locks"))
	return claims, refuseTaken(ctx, c, device, claims)
}

// trial runs one device under supervision, as the agent would, while use does
// something with it; changes of its state are told.
func (a *app) trial(ctx context.Context, c config, device drivers.Config, use func(ctx context.Context, d drivers.Device, state func() agent.DeviceStatus) error) error {
	claims, err := a.testClaims(ctx, c, device)
	if err != nil {
		return err
	}
	unit := registry().Build(device, drivers.Env{Clock: a.clock, Log: slog.New(slog.DiscardHandler)})
	if unit.Err != nil {
		return unit.Err
	}
	s := drivers.NewSupervisor(drivers.Options{Clock: a.clock, Log: slog.New(slog.DiscardHandler), Claims: claims, Changed: func(d agent.DeviceStatus) {
		a.tell(map[string]any{"state": d.State, "reason": d.Reason}, "%s %s\n", d.State, d.Reason)
	}})
	s.Add(unit)
	running, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(running) }()
	err = use(ctx, unit.Device, func() agent.DeviceStatus { return s.Status()[0] })
	cancel()
	return errors.Join(err, <-ended)
}

// testBeep has a scanner beep as it does when the agent took a code.
func (a *app) testBeep(ctx context.Context, c config, device drivers.Config, limit time.Duration) error {
	return a.trial(ctx, c, device, func(ctx context.Context, d drivers.Device, state func() agent.DeviceStatus) error {
		works := func() bool {
			s := state().State
			return s == agent.DeviceReady || s == agent.DeviceDegraded
		}
		for late := a.clock.After(limit); !works(); {
			select {
			case <-a.clock.After(20 * time.Millisecond):
			case <-ctx.Done():
				return nil
			case <-late:
				now := state()
				fmt.Fprintf(a.stderr, "The scanner is %s after %s. %s\n", now.State, limit, now.Reason)
				return cli.ErrFound
			}
		}
		beeped := false
		if s, ok := d.(triggered); ok {
			beep := func() error { s.Answer(true); return nil }
			beeped, _ = beeps(ctx, a.clock, beep, func() uint64 { return state().Counters[scanner.CountAccepted] }) // it fails with beep only
		}
		if !beeped {
			fmt.Fprintf(a.stderr, "The driver %q has no command for a beep that a host asks for. Many scanners beep by themselves at each reading.\n", device.Driver)
			return cli.ErrFound
		}
		a.tell(map[string]any{"beep": true}, "The scanner was told to beep. If it is silent, its beeper is switched off; its manual has the code for that.\n")
		return nil
	})
}

// testRequest asks the running agent to try a printer.
type testRequest struct {
	Device string        `json:"device"`
	Drawer bool          `json:"drawer"`
	Wait   time.Duration `json:"wait,omitempty"` // for its end, in nanoseconds; 0: testPatience
}

// testAnswer is what came of it; without an end the job still waits.
type testAnswer struct {
	End   agent.PrintEnd `json:"end"`
	Error string         `json:"error,omitempty"`
}

// How long the agent waits for the end of a trial where nobody says, and at most.
const (
	testPatience = 4 * time.Second
	testMost     = 10 * time.Minute
)

func (a *app) testPrinter(ctx context.Context, c config, device drivers.Config, drawer bool, limit time.Duration) error {
	var answer testAnswer
	q := testRequest{device.ID, drawer, limit}
	err := askAgentWithin(ctx, q.patience()+askPatience, c.Terminal.Data, "POST", "/devices/test", q, &answer)
	if err == nil {
		return a.tellPrinted(answer.End, "The running agent has queued it; `tillwire devices list` says what the printer waits for.")
	}
	if !errors.Is(err, errNotRunning) {
		return err
	}
	return a.trial(ctx, c, device, func(ctx context.Context, d drivers.Device, state func() agent.DeviceStatus) error {
		language, _ := device.Keys[keyLanguage].(string)
		voice, err := slipVoice(c, language)
		if err != nil {
			return err
		}
		ends := make(chan agent.PrintEnd, 1)
		if err := d.(agent.Printer).Print(testJob(device.ID, drawer, voice, a.clock.Now(), ends)); err != nil {
			return err
		}
		select {
		case end := <-ends:
			return a.tellPrinted(end, "")
		case <-a.clock.After(limit):
		case <-ctx.Done():
		}
		now := state()
		fmt.Fprintf(a.stderr, "Nothing came out in %s; the printer is %s. %s\n", limit, now.State, now.Reason)
		return cli.ErrFound
	})
}

func testJob(device string, drawer bool, voice agent.Voice, now time.Time, ends chan<- agent.PrintEnd) agent.PrintJob {
	job := agent.PrintJob{Drawer: drawer, Done: func(end agent.PrintEnd) { ends <- end }}
	if !drawer {
		job.Slip = agent.TrialSlip(voice, device, now)
	}
	return job
}

// tellPrinted says what a job came to; waits is for one that has no end yet.
func (a *app) tellPrinted(end agent.PrintEnd, waits string) error {
	say := map[agent.PrintEnd]string{
		agent.PrintCompleted: "The printer says that it is done.",
		agent.PrintAccepted:  "The printer took it and says no more: look whether it came out.",
		agent.PrintDoubtful:  "The printer took it and did not say that it is done: look whether it came out.",
		agent.PrintNothing:   "Nothing reached the printer.",
		"":                   waits,
	}[end]
	a.tell(map[string]any{"end": end}, "%s\n", say)
	if end == agent.PrintCompleted || end == agent.PrintAccepted {
		return nil
	}
	return cli.ErrFound
}

// controlTest tries a printer for the command line.
func (d *agentd) controlTest(w http.ResponseWriter, r *http.Request) {
	var q testRequest
	var answer testAnswer
	w.Header().Set("Content-Type", "application/json")
	err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&q)
	if err == nil {
		// The limits of the socket are for answers that are known at once.
		line, long := http.NewResponseController(w), d.clock.Now().Add(q.patience()+askPatience)
		err = errors.Join(line.SetReadDeadline(long), line.SetWriteDeadline(long))
	}
	if err == nil {
		answer.End, err = d.testPrinter(r.Context(), q)
	}
	if err != nil {
		w.WriteHeader(http.StatusUnprocessableEntity)
		answer.Error = said(err)
	}
	_ = json.NewEncoder(w).Encode(answer) // the other side is gone when this fails
}

// patience is how long the end of this trial is waited for.
func (q testRequest) patience() time.Duration {
	if q.Wait <= 0 {
		return testPatience
	}
	return min(q.Wait, testMost)
}

// testPrinter prints a trial slip, or opens the drawer, and tells what it came to; "" while
// it waits.
func (d *agentd) testPrinter(ctx context.Context, q testRequest) (agent.PrintEnd, error) {
	to, err := d.printing.chosen(q.Device, "")
	if err != nil {
		return "", err
	}
	ends := make(chan agent.PrintEnd, 1)
	if err := to.printer.Print(testJob(to.ID, q.Drawer, d.printing.voice(to), d.clock.Now(), ends)); err != nil {
		return "", err
	}
	select {
	case end := <-ends:
		return end, nil
	case <-d.clock.After(q.patience()):
	case <-ctx.Done(): // whoever asked has gone
	}
	return "", nil
}

// showFor is how long a display shows its trial.
const showFor = 10 * time.Second

func (a *app) testDisplay(ctx context.Context, c config, device drivers.Config, limit time.Duration) error {
	screen := trialScreen()
	return a.trial(ctx, c, device, func(ctx context.Context, d drivers.Device, state func() agent.DeviceStatus) error {
		late := a.clock.After(limit)
		for {
			err := d.(agent.Display).Show(ctx, screen)
			if err == nil {
				break
			}
			if agent.ClassOf(err) != agent.Unavailable {
				return err
			}
			select {
			case <-a.clock.After(100 * time.Millisecond):
			case <-ctx.Done():
				return nil
			case <-late:
				now := state()
				fmt.Fprintf(a.stderr, "Nothing could be shown in %s; the display is %s. %s\n", limit, now.State, now.Reason)
				return cli.ErrFound
			}
		}
		a.tell(map[string]any{"shown": screen.QR, "amount": screen.Amount}, "shows %s and, where it draws codes, %s for %s\n", screen.Amount, screen.QR, showFor)
		select {
		case <-a.clock.After(showFor):
		case <-ctx.Done():
		}
		return nil
	})
}
