package main

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent"
	"tillwire/cmd/cli"
)

// paymentsUnfinishedCommand is what the package asks before it is removed: with the agent
// goes whoever would reverse, refund or collect what is still open.
func (a *app) paymentsUnfinishedCommand() *cobra.Command {
	return &cobra.Command{Use: "unfinished", Short: "List what this terminal still has to do; exit code 1 when there is something", Args: cli.Exactly(),
		Long: `Lists the payments that have not ended, and refunds under way. What was accepted without a
connection and is not collected is named with its sums. The exit code is 0 when nothing is left, so
that the terminal can be taken away, and 1 otherwise; a terminal that never sold has nothing left.`,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, r, err := a.journalReader(c.Context())
			if agent.ClassOf(err) == agent.NotFound {
				return a.sayUnfinished(nil, zoneOf(cfg))
			}
			if err != nil {
				return err
			}
			defer r.Close()
			list, err := r.Unfinished(c.Context())
			if err != nil {
				return err
			}
			return a.sayUnfinished(list, zoneOf(cfg))
		}}
}

func (a *app) sayUnfinished(list []agent.Payment, zone *time.Location) error {
	if a.json {
		rows := []row{}
		for _, p := range list {
			rows = append(rows, newRow(p))
		}
		if err := a.printJSON(map[string]any{"unfinished": rows}); err != nil {
			return err
		}
	} else if len(list) == 0 {
		a.printf("Nothing is left to do.\n")
	} else {
		stake := map[agent.Currency]int64{}
		w := table(a.stdout)
		fmt.Fprintln(w, "ORDER NUMBER\tAMOUNT\tSTATUS\tSINCE")
		for _, p := range list {
			if p.Status.AtStake() {
				stake[p.Amount.Currency] += p.Amount.Value
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", p.OrderNo, p.Amount, p.Status.State, p.Status.Since.In(zone).Format(time.DateTime))
		}
		if err := w.Flush(); err != nil {
			return err
		}
		for _, c := range slices.Sorted(maps.Keys(stake)) {
			a.printf("%s was accepted without a connection and is not collected.\n", agent.Money{Value: stake[c], Currency: c})
		}
		a.printf("Let the agent run with a connection until this list is empty.\n")
	}
	if len(list) > 0 {
		return cli.ErrFound
	}
	return nil
}
