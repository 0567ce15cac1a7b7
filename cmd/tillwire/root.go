package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent"
	"tillwire/agent/settings"
)

const defaultConfig = "/etc/tillwire/tillwire.toml"

// The exit codes of every command.
const (
	exitFine  = 0
	exitFound = 1 // something is wrong, and it was said
	exitUsage = 2
)

// app is one invocation of the program: everything it may touch of the world,
// so that a test can start it in its own process.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            func(string) string
	clock          agent.Clock
	synced         func() bool   // the machine's own time service has set the clock; nil: there is none
	retry          time.Duration // between looks whether a store that is down is back
	json           bool
	config         string
}

// usageError is a command line that cannot be understood.
type usageError struct{ error }

// errFound ends a command with exit code 1 after it has said what it found.
var errFound = errors.New("something is wrong")

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) string) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, env: env, clock: agent.NewSystemClock(), synced: serviceSynced, retry: retryStore}
	return a.execute(ctx, args)
}

// execute runs one command line of this invocation.
func (a *app) execute(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitFine
	case errors.Is(err, errFound):
		return exitFound
	case errors.As(err, &usage):
		fmt.Fprintf(a.stderr, "tillwire: %v\n", err)
		return exitUsage
	}
	fmt.Fprintf(a.stderr, "tillwire: %v\n", err)
	return exitFound
}

func (a *app) root() *cobra.Command {
	root := group("tillwire", "The payment agent of a shop counter",
		a.runCommand(), a.checkCommand(), a.codeCommand(), a.devicesCommand(), a.gatewayCommand(), a.paymentsCommand(), a.reconcileCommand(), a.settingsCommand(),
		a.journalCommand(), a.backupCommand(), a.restoreCommand(), a.peopleCommand(), a.enrolCommand(), a.versionCommand())
	root.Long = `Tillwire shows QR codes or reads scanners, asks the wallets' clouds, and keeps every
payment on disk, so that a dropped line or a pulled plug never loses a sale and never
charges a customer twice.

Exit codes: 0 fine, 1 something is wrong, 2 the command line was not understood.`
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON")
	root.PersistentFlags().StringVar(&a.config, "config", defaultConfig, "configuration file")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w. `%s --help` shows what there is", err, c.CommandPath())}
	})
	return root
}

// group is a command that only has others below it. Cobra would print the help
// and end well when none or an unknown one is named; a script must hear of it.
func group(use, short string, children ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs}
	c.RunE = func(c *cobra.Command, args []string) error {
		var names []string
		for _, child := range c.Commands() {
			names = append(names, child.Name())
		}
		if len(args) == 0 && !c.HasParent() {
			c.SetOut(c.ErrOrStderr())
			return errors.Join(c.Help(), usageError{errors.New("name a command")})
		}
		if len(args) == 0 {
			return usageError{fmt.Errorf("%s needs a command: %s", c.CommandPath(), strings.Join(names, ", "))}
		}
		hint := "Commands: " + strings.Join(names, ", ")
		if near := settings.Nearest(args[0], names); near != "" {
			hint = fmt.Sprintf("Did you mean `%s %s`?", c.CommandPath(), near)
		}
		return usageError{fmt.Errorf("%s has no command %q. %s", c.CommandPath(), args[0], hint)}
	}
	c.AddCommand(children...)
	return c
}

// exactly refuses a wrong number of arguments as wrong usage; names are shown.
func exactly(names ...string) cobra.PositionalArgs {
	return between(len(names), names...)
}

// between takes at least low arguments and at most as many as there are names.
func between(low int, names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) >= low && len(args) <= len(names) {
			return nil
		}
		want := "no argument"
		if len(names) > 0 {
			want = strings.Join(names, " ")
		}
		return usageError{fmt.Errorf("%s takes %s; %d given. `%s --help` explains", c.CommandPath(), want, len(args), c.CommandPath())}
	}
}

// printJSON writes a value for programs, one document with a final newline.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.stdout)
	e.SetEscapeHTML(false) // a payload of a QR code stays what it is
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func (a *app) printf(format string, args ...any) { fmt.Fprintf(a.stdout, format, args...) }

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: exactly(),
		RunE: func(*cobra.Command, []string) error {
			b := buildInfo()
			if a.json {
				return a.printJSON(b)
			}
			a.printf("tillwire %s (commit %s, %s)\n", b.Version, b.Commit, b.Go)
			return nil
		}}
}
