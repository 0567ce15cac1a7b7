package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
	"tillwire/cmd/cli"
)

// commandFlags are what a command may be given with.
type commandFlags struct {
	chooser
	ticket, cancel string
	idle           bool
	wait           time.Duration
	approval       keyFlags
}

func (a *app) cmdCommand() *cobra.Command {
	var f commandFlags
	c := &cobra.Command{Use: "cmd [TERMINAL] NAME [KEY=VALUE...]", Short: "Have a terminal do something of the catalogue", Args: cobra.ArbitraryArgs,
		Long: `Sends a command and waits for its end. A terminal takes what its catalogue knows and nothing
else. Instead of TERMINAL, filters choose some. A word behind the name that is no KEY=VALUE is
the text of display.message or the reason of terminal.lock and terminal.wipe.

What is dangerous is only proposed; two people approve it with their keys (tillfleet approve).

` + catalogueText(),
		Example: `  tillfleet cmd corner display.message "Back in five minutes" ttl=300
  tillfleet cmd corner log.level level=debug ttl=600
  tillfleet cmd --label city=Lyon config.reapply --yes
  tillfleet cmd corner terminal.lock "stolen" --key anna.key --ticket T-4711`,
		RunE: func(c *cobra.Command, args []string) error {
			if f.cancel != "" {
				return a.cancelCommand(c.Context(), f.cancel)
			}
			return a.command(c.Context(), f, args)
		}}
	f.manyFlags(c)
	f.approval.flags(c)
	c.Flags().StringVar(&f.ticket, "ticket", "", "why, as your office numbers it; the owner of the shop sees it")
	c.Flags().StringVar(&f.cancel, "cancel", "", "take back the command with this number, if it was not sent yet")
	c.Flags().BoolVar(&f.idle, "idle", false, "have the terminal wait until no payment holds a lane")
	c.Flags().DurationVar(&f.wait, "wait", time.Minute, "how long to wait for the end; 0 does not wait")
	return c
}

func catalogueText() string {
	var b strings.Builder
	b.WriteString("The catalogue:\n")
	for _, e := range fleet.Catalogue() {
		fmt.Fprintf(&b, "  %-18s %s\n", e.Name, e.Class)
	}
	return b.String()
}

// textArgument is the argument that a bare word means.
var textArgument = map[string]string{"display.message": "text", "terminal.lock": "reason", "terminal.wipe": "reason"}

// shownFor is how long a message stands when nobody says.
const shownFor = 60

// askOf reads a command line: the terminal, unless filters choose, the name and its
// arguments.
func (f *commandFlags) askOf(args []string) (terminal string, ask service.Ask, err error) {
	if !f.given() {
		if len(args) < 2 {
			return "", ask, cli.Wrong("name a terminal and a command, such as `tillfleet cmd corner ping`")
		}
		terminal, args = args[0], args[1:]
	}
	if len(args) == 0 {
		return "", ask, cli.Wrong("name a command; `tillfleet cmd --help` lists them")
	}
	ask = service.Ask{Name: args[0], Ticket: f.ticket, Idle: f.idle}
	values := map[string]any{}
	for _, word := range args[1:] {
		key, value, pair := strings.Cut(word, "=")
		if !pair || strings.ContainsAny(key, " \t") {
			key, value = textArgument[ask.Name], word
		}
		if key == "" {
			return "", ask, cli.Wrong("%q is no KEY=VALUE, and %s takes no text", word, ask.Name)
		}
		if _, twice := values[key]; twice {
			return "", ask, cli.Wrong("%s is given twice; put quotes around a text with spaces", key)
		}
		values[key] = value
		if n, err := strconv.Atoi(value); err == nil && key == "ttl" {
			values[key] = n
		}
	}
	if _, set := values["ttl"]; ask.Name == "display.message" && !set {
		values["ttl"] = shownFor
	}
	if len(values) > 0 {
		if ask.Args, err = json.Marshal(values); err != nil {
			return "", ask, err
		}
	}
	return terminal, ask, nil
}

func (a *app) command(ctx context.Context, f commandFlags, args []string) error {
	terminal, ask, err := f.askOf(args)
	if err != nil {
		return err
	}
	tids, err := a.targets(ctx, terminal, &f.chooser, "run "+ask.Name)
	if err != nil {
		return err
	}
	key, err := f.approval.open(a) // before anything is proposed
	if err != nil {
		return err
	}
	list, broken := a.toMany(ctx, "/v1/commands", service.Many{Ask: &ask}, tids)
	if broken != nil {
		if len(list) > 0 {
			_ = a.tellOutcomes(list) // what broke outweighs a command that failed
		}
		return broken
	}
	if key != nil {
		for i, out := range list {
			if out.Command != nil && out.Command.Status == service.Proposed {
				signed, err := a.sign(ctx, *out.Command, key)
				if err != nil {
					return err
				}
				list[i].Command = &signed
			}
		}
	}
	if list, err = a.await(ctx, list, f.wait); err != nil {
		return err
	}
	return a.tellOutcomes(list)
}

// await follows the commands until all have ended or are waiting for a person.
func (a *app) await(ctx context.Context, list []service.Outcome, patience time.Duration) ([]service.Outcome, error) {
	show := a.progress()
	defer show("")
	until := a.clock.Mono() + patience
	for {
		open := 0
		going, err := a.stillOpen(ctx, list)
		if err != nil {
			return list, err
		}
		for i, out := range list {
			if !follows(out) {
				continue
			}
			if going[out.Command.Order.Jti] {
				open++
				continue
			}
			var now service.Command
			if err := a.ask(ctx, "GET", "/v1/commands/"+out.Command.Order.Jti, nil, &now); err != nil {
				return list, err
			}
			list[i].Command = &now
			if !now.Status.Final() {
				open++
			}
		}
		if open == 0 || a.clock.Mono() >= until {
			return list, nil
		}
		show("%d of %d have ended", len(list)-open, len(list))
		select {
		case <-ctx.Done():
			return list, ctx.Err()
		case <-a.clock.After(200 * time.Millisecond):
		}
	}
}

// follows reports that a command's end is still to come.
func follows(out service.Outcome) bool {
	c := out.Command
	return c != nil && !c.Status.Final() && c.Status != service.Proposed && c.Order.Jti != ""
}

// askTogether is from how many commands on one question for all of them is less
// than one for each.
const askTogether = 20

// stillOpen are the numbers of the fleet's commands that have not ended, where many
// are followed; nil where few are, or where the fleet has more than one answer
// holds, and then each is looked at.
func (a *app) stillOpen(ctx context.Context, list []service.Outcome) (map[string]bool, error) {
	n := 0
	for _, out := range list {
		if follows(out) {
			n++
		}
	}
	if n < askTogether {
		return nil, nil
	}
	var open []service.Command
	if err := a.ask(ctx, "GET", "/v1/commands?open=1&limit=10000", nil, &open); err != nil {
		return nil, err
	}
	going := map[string]bool{}
	for _, c := range open {
		going[c.Order.Jti] = c.Status != service.Proposed
	}
	return going, nil
}

// tellOutcomes prints what became of the commands; one that did not do its work
// makes the exit code 1.
func (a *app) tellOutcomes(list []service.Outcome) error {
	failed := false
	for _, out := range list {
		failed = failed || out.Error != "" || out.Command != nil && out.Command.Status.Final() && out.Command.Status != service.Status(fleet.Succeeded)
	}
	if a.json {
		if err := a.printJSON(list); err != nil {
			return err
		}
	} else {
		for _, out := range list {
			a.tellOutcome(out)
		}
	}
	if failed {
		return cli.ErrFound
	}
	return nil
}

func (a *app) tellOutcome(out service.Outcome) {
	if out.Error != "" {
		a.printf("%s  %s\n", out.TID, printable(out.Error))
		return
	}
	c := out.Command
	a.printf("%s  %s %s%s\n", out.TID, c.Order.Name, c.Status, inBrackets(printable(strings.TrimSpace(string(c.Code)+" "+c.Text))))
	switch {
	case c.Status == service.Proposed:
		a.printf("  %d of 2 signatures. `tillfleet approve %s --key FILE` adds one, until %s.\n", len(c.Signed), c.Order.Jti, c.Order.Exp.Local().Format(time.TimeOnly))
	case !c.Status.Final():
		a.printf("  It goes on; `tillfleet show %s` tells how.\n", out.TID)
	case len(c.Result) > 0:
		a.printf("  %s\n", printable(string(c.Result)))
	}
}

func (a *app) cancelCommand(ctx context.Context, jti string) error {
	var c service.Command
	if err := a.ask(ctx, "DELETE", "/v1/commands/"+jti, nil, &c); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(c)
	}
	a.printf("%s for %s is taken back.\n", c.Order.Name, c.Order.Aud)
	return nil
}

var errNoKey = errors.New("name your key with --key; `tillfleet keys` makes one")
