package main

import (
	"github.com/spf13/cobra"

	"tillwire/agent/fleet/service"
	"tillwire/cmd/cli"
)

func (a *app) labelCommand() *cobra.Command {
	var f chooser
	var seen bool
	c := &cobra.Command{Use: "label [TERMINAL] KEY=VALUE...", Short: "Write labels of a terminal, or say that its findings were seen", Args: cobra.ArbitraryArgs,
		Long: `Labels are the office's own words on a terminal, by which it is found and chosen. An empty
value takes one away. --seen takes away what was found of a terminal, once somebody has looked.`,
		Example: `  tillfleet label corner city=Lyon model=J1900
  tillfleet label corner --seen`,
		RunE: func(c *cobra.Command, args []string) error {
			word := ""
			if !f.given() && len(args) > 0 {
				word, args = args[0], args[1:]
			}
			labels, err := pairs(args)
			if err != nil {
				return err
			}
			if len(labels) == 0 && !seen {
				return cli.Wrong("name a label as KEY=VALUE, or --seen")
			}
			tids, err := a.targets(c.Context(), word, &f, "write labels")
			if err != nil {
				return err
			}
			rows := service.Rows{At: a.clock.Now()}
			show := a.progress()
			for i, tid := range tids {
				var row service.Row
				if len(labels) > 0 {
					err = a.ask(c.Context(), "POST", "/v1/terminals/"+string(tid)+"/labels", service.Labelled{Labels: labels}, &row)
				}
				if err == nil && seen {
					err = a.ask(c.Context(), "DELETE", "/v1/terminals/"+string(tid)+"/found", nil, &row)
				}
				if err != nil {
					return broken(err, i, tids[i:i+1], tids[i+1:])
				}
				show("%d of %d are written", i+1, len(tids))
				rows.Terminals = append(rows.Terminals, row)
			}
			show("")
			if a.json {
				return a.printJSON(rows)
			}
			for _, r := range rows.Terminals {
				a.printf("%s  %s\n", r.TID, changeText(r.Labels))
			}
			return nil
		}}
	f.manyFlags(c)
	c.Flags().BoolVar(&seen, "seen", false, "its findings were seen")
	return c
}
