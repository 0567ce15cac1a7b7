package main

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
	"tillwire/cmd/cli"
)

func (a *app) configCommand() *cobra.Command {
	return cli.Group("config", "What the fleet wants of terminals' settings", a.configShowCommand(), a.configSetCommand())
}

func (a *app) configShowCommand() *cobra.Command {
	return &cobra.Command{Use: "show TERMINAL", Short: "What is wanted, and what became of it", Args: cli.Exactly("TERMINAL"),
		RunE: func(c *cobra.Command, args []string) error {
			tid, err := a.one(c.Context(), args[0])
			if err != nil {
				return err
			}
			want, err := a.wanted(c.Context(), tid)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(want)
			}
			a.printWanted(tid, want)
			return nil
		}}
}

func (a *app) wanted(ctx context.Context, tid fleet.TID) (want service.Wanted, err error) {
	return want, a.ask(ctx, "GET", "/v1/terminals/"+string(tid)+"/config", nil, &want)
}

func (a *app) printWanted(tid fleet.TID, want service.Wanted) {
	if want.Desired == nil {
		a.printf("%s  the fleet wants nothing\n", tid)
		return
	}
	d, r := want.Desired, want.Report
	answer := "not answered yet"
	if r.Rev >= d.Rev {
		answer = string(r.Status) + inBrackets(printable(strings.TrimSpace(string(r.Code)+" "+r.Text)))
	}
	a.printf("%s  revision %d by %s: %s\n", tid, d.Rev, d.By, answer)
	for _, key := range slices.Sorted(maps.Keys(d.Cfg)) {
		a.printf("  %s = %s\n", key, printable(d.Cfg[key]))
	}
}

// pairs reads KEY=VALUE arguments.
func pairs(args []string) (map[string]string, error) {
	values := map[string]string{}
	for _, word := range args {
		key, value, pair := strings.Cut(word, "=")
		if !pair || key == "" {
			return nil, cli.Wrong("%q is no KEY=VALUE", word)
		}
		values[key] = value
	}
	return values, nil
}

func (a *app) configSetCommand() *cobra.Command {
	var f chooser
	var wait time.Duration
	c := &cobra.Command{Use: "set [TERMINAL] KEY=VALUE...", Short: "Change settings of a terminal", Args: cobra.MinimumNArgs(1),
		Long: `Wants settings of a terminal, or with filters of some, and waits until it has answered. The
settings are those of ` + "`tillwire settings`" + `; a terminal takes all of them or none, watches them for ten
minutes, and takes them back when they cut its line to the wallets. What it refused or took back is
not wanted any more with the next change. An empty value ends wanting a setting. To change many with
care, use a rollout.`,
		Example: `  tillfleet config set corner shop.name="Corner shop"
  tillfleet config set --label city=Lyon log.level=warn --yes`,
		RunE: func(c *cobra.Command, args []string) error {
			word := ""
			if !strings.Contains(args[0], "=") {
				word, args = args[0], args[1:]
			}
			change, err := pairs(args)
			if err != nil {
				return err
			}
			if len(change) == 0 {
				return cli.Wrong("name a setting as KEY=VALUE")
			}
			tids, err := a.targets(c.Context(), word, &f, "change settings")
			if err != nil {
				return err
			}
			return a.configure(c.Context(), tids, change, wait)
		}}
	f.manyFlags(c)
	c.Flags().DurationVar(&wait, "wait", 15*time.Second, "how long to wait for the answers; 0 does not wait")
	return c
}

// configured is what became of a change on one terminal.
type configured struct {
	TID   fleet.TID `json:"tid"`
	Error string    `json:"error,omitempty"`
	service.Wanted
}

func (a *app) configure(ctx context.Context, tids []fleet.TID, change map[string]string, patience time.Duration) error {
	list, broken := a.toMany(ctx, "/v1/config", service.Many{Change: change}, tids)
	if broken != nil {
		patience = 0 // what was asked is told as it stands
	}
	show := a.progress()
	until := a.clock.Mono() + patience
	results := make([]configured, len(list))
	for i, out := range list {
		results[i] = configured{TID: out.TID, Error: out.Error, Wanted: service.Wanted{Desired: out.Desired}}
		for out.Error == "" && results[i].open() && broken == nil {
			want, err := a.wanted(ctx, out.TID)
			if err != nil {
				return err
			}
			results[i].Wanted = want
			if !results[i].open() || a.clock.Mono() >= until {
				break
			}
			show("%d of %d have answered", i, len(list))
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-a.clock.After(200 * time.Millisecond):
			}
		}
	}
	show("")
	if broken == nil {
		return a.tellConfigured(results)
	}
	if len(results) > 0 {
		_ = a.tellConfigured(results) // what broke outweighs a terminal that refused
	}
	return broken
}

// open reports that the terminal has not answered.
func (c configured) open() bool { return c.Desired != nil && c.Report.Rev < c.Desired.Rev }

// failed reports that it did not take the change.
func (c configured) failed() bool {
	return c.Error != "" || !c.open() && (c.Report.Status == fleet.ConfigRefused || c.Report.Status == fleet.ConfigReverted)
}

func (a *app) tellConfigured(results []configured) error {
	failed := slices.ContainsFunc(results, configured.failed)
	if a.json {
		if err := a.printJSON(results); err != nil {
			return err
		}
	} else {
		for _, r := range results {
			if r.Error != "" {
				a.printf("%s  %s\n", r.TID, printable(r.Error))
				continue
			}
			a.printWanted(r.TID, r.Wanted)
		}
	}
	if failed {
		return cli.ErrFound
	}
	return nil
}
