package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent"
	"tillwire/cmd/cli"
)

// The patience with a browser: until its page is there for the first time, and with a
// page that was there.
const (
	kioskGrace    = 90 * time.Second
	kioskPatience = 30 * time.Second
	kioskLook     = 5 * time.Second
	kioskEnd      = 5 * time.Second // between asking a browser to end and ending it
)

// errSilentPage reports a browser whose page gives no sign of life.
var errSilentPage = errors.New("the display's page is silent")

func (a *app) devicesKioskCommand() *cobra.Command {
	var address string
	c := &cobra.Command{Use: "kiosk LANE -- COMMAND...", Short: "Run a browser as a lane's display, and end it when its page falls silent",
		Long: `Starts COMMAND, a browser that shows /display/LANE, and asks the agent whether the page gives its signs of
life. A browser whose page is silent for 30 seconds, while the agent answers, is ended, and so is this
command: the unit that runs it (tillwire-kiosk@LANE) starts both again. An agent that is away is no
reason: the page waits for it by itself. It needs no configuration.`,
		Example: `  tillwire devices kiosk 1 -- chromium --kiosk --app=http://127.0.0.1:8480/display/1`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) < 2 || c.ArgsLenAtDash() != 1 {
				return cli.Wrong("%s takes LANE -- COMMAND. `%s --help` explains", c.CommandPath(), c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			ctx, _, end := stopSignals(c.Context())
			defer end()
			w := pageWatch{clock: a.clock, grace: kioskGrace, patience: kioskPatience, look: func(ctx context.Context) (bool, bool) { return lookAtPage(ctx, address+"/display/"+args[0]+"/alive") }}
			return a.runBrowser(ctx, w, args[1:])
		}}
	c.Flags().StringVar(&address, "agent", "http://127.0.0.1:8480", "where the agent listens")
	return c
}

// pageWatch decides when a display's page has been silent for too long.
type pageWatch struct {
	clock           agent.Clock
	grace, patience time.Duration
	// look tells whether the agent answered, and whether the page gives signs of life.
	look func(ctx context.Context) (answered, alive bool)
}

// lookAtPage asks the agent about a display's page.
func lookAtPage(ctx context.Context, url string) (answered, alive bool) {
	ctx, cancel := context.WithTimeout(ctx, kioskLook)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false, false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false, false
	}
	_ = res.Body.Close()
	// What is no word about the page, such as an agent that is not set up, ends nothing.
	return res.StatusCode == http.StatusNoContent || res.StatusCode == http.StatusServiceUnavailable, res.StatusCode == http.StatusNoContent
}

// watch returns errSilentPage when the page is silent for too long, and nil with ctx.
func (w pageWatch) watch(ctx context.Context) error {
	late := w.clock.Mono() + w.grace
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.clock.After(kioskLook):
		}
		answered, alive := w.look(ctx)
		now := w.clock.Mono()
		switch {
		case alive:
			late = now + w.patience
		case !answered:
			late = max(late, now+w.patience)
		case now >= late:
			return errSilentPage
		}
	}
}

// runBrowser runs the command until it ends, its page is silent, or ctx ends.
func (a *app) runBrowser(ctx context.Context, w pageWatch, command []string) error {
	browser := exec.Command(command[0], command[1:]...)
	browser.Stdin, browser.Stdout, browser.Stderr = os.Stdin, a.stdout, a.stderr
	if err := browser.Start(); err != nil {
		return fmt.Errorf("start the browser: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- browser.Wait() }()
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	silent := make(chan error, 1)
	go func() { silent <- w.watch(watching) }()
	var why error
	select {
	case err := <-ended:
		if err == nil {
			err = errors.New("it ended by itself")
		}
		return fmt.Errorf("the browser: %w", err)
	case why = <-silent:
	}
	// The unit ends what the browser has started beside itself.
	_ = browser.Process.Signal(syscall.SIGTERM)
	select {
	case <-ended:
	case <-a.clock.After(kioskEnd):
		_ = browser.Process.Kill()
		<-ended
	}
	return why
}
