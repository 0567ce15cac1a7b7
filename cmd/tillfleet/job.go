package main

import (
	"encoding/json"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent/fleet/service"
	"tillwire/cmd/cli"
)

func (a *app) jobCommand() *cobra.Command {
	var f chooser
	var within time.Duration
	c := &cobra.Command{Use: "job [TERMINAL] TYPE [JSON]", Short: "Give a terminal work for a while", Args: cobra.RangeArgs(1, 3),
		Long: `Gives a terminal a job in place of the one it has: it waits on the broker until the terminal
comes, and tillfleet show says how far it is.

The types are cert, a new certificate; config, settings that change when the counter is quiet, with
their revision, hash and values as JSON; and none, which withdraws what waits. A terminal rejects a
type that it does not do, and says which it does.`,
		Example: `  tillfleet job corner cert --within 24h`,
		RunE: func(c *cobra.Command, args []string) error {
			word := ""
			if !f.given() {
				if len(args) < 2 {
					return cli.Wrong("name a terminal and the type of the job")
				}
				word, args = args[0], args[1:]
			}
			ask := service.JobAsk{Type: args[0], Doc: json.RawMessage("{}"), Deadline: a.clock.Now().Add(within)}
			if len(args) == 2 {
				if ask.Doc = json.RawMessage(args[1]); !json.Valid(ask.Doc) {
					return cli.Wrong("%s is no JSON document", args[1])
				}
			}
			tids, err := a.targets(c.Context(), word, &f, "begin a job")
			if err != nil {
				return err
			}
			list, broken := a.toMany(c.Context(), "/v1/jobs", service.Many{Job: &ask}, tids)
			if broken == nil {
				return a.tellAssigned(list, ask)
			}
			if len(list) > 0 {
				_ = a.tellAssigned(list, ask) // what broke outweighs what could not be printed
			}
			return broken
		}}
	f.manyFlags(c)
	c.Flags().DurationVar(&within, "within", 7*24*time.Hour, "how long it may wait and run")
	return c
}

// tellAssigned prints who has the job now.
func (a *app) tellAssigned(list []service.Outcome, ask service.JobAsk) error {
	if a.json {
		return a.printJSON(list)
	}
	for _, out := range list {
		if out.Error != "" {
			a.printf("%s  %s\n", out.TID, printable(out.Error))
			continue
		}
		a.printf("%s  %s until %s\n", out.TID, ask.Type, ask.Deadline.Local().Format(time.DateTime))
	}
	return nil
}
