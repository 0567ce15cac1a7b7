package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"tillwire/agent"
	"tillwire/cmd/cli"
)

const defaultConfig = "/etc/tillwire/tillfleet.toml"

// app is one invocation of the program: everything it may touch of the world,
// so that a test can start it in its own process.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            func(string) string
	clock          agent.Clock
	json           bool
	config         string
	socket         string
}

// execute runs one command line and returns its exit code.
func (a *app) execute(ctx context.Context, args []string) int {
	return cli.Execute(ctx, a.root(), args, a.stdin, a.stdout, a.stderr)
}

func (a *app) root() *cobra.Command {
	root := cli.Root("tillfleet", "Fleet operations: see every terminal, change it, trust what it says", `See every terminal of a fleet, change it, and trust what it says. No command here can
move money or stop a sale: a terminal takes only what its closed catalogue knows, and
only under the fleet's signature.`, a.commands()...)
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON")
	config := defaultConfig
	if named := a.env("TILLFLEET_CONFIG"); named != "" {
		config = named
	}
	root.PersistentFlags().StringVar(&a.config, "config", config, "configuration file of the service; TILLFLEET_CONFIG names another default")
	root.PersistentFlags().StringVar(&a.socket, "socket", "", "socket of the service; the configuration names it when this is not given")
	return root
}

// printJSON writes a value for programs.
func (a *app) printJSON(v any) error { return cli.PrintJSON(a.stdout, v) }

func (a *app) printf(format string, args ...any) { fmt.Fprintf(a.stdout, format, args...) }

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: cli.Exactly(),
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				return a.printJSON(map[string]string{"version": version})
			}
			a.printf("tillfleet %s\n", version)
			return nil
		}}
}
