package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent"
	"tillwire/cmd/cli"
)

const defaultConfig = "/etc/tillwire/tillwire.toml"

// app is one invocation of the program: everything it may touch of the world,
// so that a test can start it in its own process.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            func(string) string
	clock          agent.Clock
	synced         func() bool                 // the machine's own time service has set the clock; nil: there is none
	reboot         func(context.Context) error // starts the machine anew; nil: that cannot be asked for
	retry          time.Duration               // between looks whether a store that is down is back
	json           bool
	config         string
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) string) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, env: env, clock: agent.NewSystemClock(), synced: serviceSynced, reboot: rebooter(env, "systemctl"), retry: retryStore}
	return a.execute(ctx, args)
}

// execute runs one command line of this invocation.
func (a *app) execute(ctx context.Context, args []string) int {
	return cli.Execute(ctx, a.root(), args, a.stdin, a.stdout, a.stderr)
}

func (a *app) root() *cobra.Command {
	root := cli.Root("tillwire", "The payment agent of a shop counter", `Tillwire shows QR codes or reads scanners, asks the wallets' clouds, and keeps every
payment on disk, so that a dropped line or a pulled plug never loses a sale and never
charges a customer twice.`,
		a.runCommand(), a.checkCommand(), a.codeCommand(), a.devicesCommand(), a.gatewayCommand(), a.paymentsCommand(), a.reconcileCommand(), a.settingsCommand(),
		a.journalCommand(), a.backupCommand(), a.restoreCommand(), a.peopleCommand(), a.enrolCommand(), a.versionCommand())
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON")
	root.PersistentFlags().StringVar(&a.config, "config", defaultConfig, "configuration file")
	return root
}

// printJSON writes a value for programs.
func (a *app) printJSON(v any) error { return cli.PrintJSON(a.stdout, v) }

func (a *app) printf(format string, args ...any) { fmt.Fprintf(a.stdout, format, args...) }

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: cli.Exactly(),
		RunE: func(*cobra.Command, []string) error {
			b := buildInfo()
			if a.json {
				return a.printJSON(b)
			}
			a.printf("tillwire %s (commit %s, %s)\n", b.Version, b.Commit, b.Go)
			return nil
		}}
}
