package main

import (
	"github.com/spf13/cobra"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/jetstream"
	"tillwire/agent/fleet/service"
	"tillwire/cmd/cli"
)

func (a *app) enrolNATSCommand() *cobra.Command {
	var out string
	var offices []string
	var first bool
	c := &cobra.Command{Use: "nats", Short: "Write the list of who may come in at NATS servers", Args: cli.Exactly(),
		Long: `NATS learns from its configuration who may come in; its list of users is written here: the fleet's
services, and every terminal that is enrolled and not shut out, each with its own part of the tree and
nothing else. Write it again and reload the servers after a terminal has joined or was shut out.`,
		Example: `  tillfleet enrol nats --first --out /etc/nats/fleet/nats-users.conf
  tillfleet enrol nats --out /etc/nats/fleet/nats-users.conf && nats-server --signal reload`,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := readConfig(a.config)
			if err != nil {
				return err
			}
			if len(offices) == 0 {
				offices = []string{cfg.Broker.User}
			}
			var terminals []fleet.TID
			if !first {
				rows, err := a.rows(c.Context(), service.Filter{})
				if err != nil {
					return err
				}
				for _, r := range rows.Terminals {
					if r.Standing != service.StandingRetired {
						terminals = append(terminals, r.TID)
					}
				}
			}
			text, err := jetstream.Users(offices, cfg.Broker.Stream, terminals)
			if err != nil {
				return err
			}
			if out == "" {
				a.printf("%s", text)
				return nil
			}
			return replaceFile(out, []byte(text))
		}}
	c.Flags().StringVar(&out, "out", "", "the file; without it the list is printed")
	c.Flags().StringSliceVar(&offices, "service", nil, "names of the fleet's services at the broker; without it broker.user")
	c.Flags().BoolVar(&first, "first", false, "for a fleet without terminals, whose service does not run yet: only the services")
	return c
}
