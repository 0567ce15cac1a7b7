package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"tillwire/agent"
)

const defaultConfig = "/etc/tillwire/tillfleet.toml"

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
	json           bool
	config         string
	socket         string
}

var (
	// errUsage marks a command line that cannot be understood.
	errUsage = errors.New("usage")
	// errFound ends a command with exit code 1 after it has said what it found.
	errFound = errors.New("something is wrong")
)

// execute runs one command line and returns its exit code.
func (a *app) execute(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitFine
	case errors.Is(err, errFound):
		return exitFound
	case errors.Is(err, errUsage):
		fmt.Fprintf(a.stderr, "tillfleet: %v\n", err)
		return exitUsage
	}
	fmt.Fprintf(a.stderr, "tillfleet: %v\n", err)
	return exitFound
}

func (a *app) root() *cobra.Command {
	root := group("tillfleet", "Fleet operations: see every terminal, change it, trust what it says", a.commands()...)
	root.Long = `See every terminal of a fleet, change it, and trust what it says. No command here can
move money or stop a sale: a terminal takes only what its closed catalogue knows, and
only under the fleet's signature.

Exit codes: 0 fine, 1 something is wrong, 2 the command line was not understood.`
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON")
	config := defaultConfig
	if named := a.env("TILLFLEET_CONFIG"); named != "" {
		config = named
	}
	root.PersistentFlags().StringVar(&a.config, "config", config, "configuration file of the service; TILLFLEET_CONFIG names another default")
	root.PersistentFlags().StringVar(&a.socket, "socket", "", "socket of the service; the configuration names it when this is not given")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return wrong("%w. `%s --help` shows what there is", err, c.CommandPath())
	})
	return root
}

// wrong is an error of the command line.
func wrong(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errUsage, fmt.Errorf(format, args...))
}

// group is a command that only has others below it; naming none is a mistake that
// a script must hear of.
func group(use, short string, children ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs}
	c.RunE = func(c *cobra.Command, args []string) error {
		var names []string
		for _, child := range c.Commands() {
			names = append(names, child.Name())
		}
		if len(args) == 0 {
			return wrong("%s needs a command: %s", c.CommandPath(), strings.Join(names, ", "))
		}
		return wrong("%s has no command %q. There are %s", c.CommandPath(), args[0], strings.Join(names, ", "))
	}
	c.AddCommand(children...)
	return c
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
		return wrong("%s takes %s; %d given. `%s --help` explains", c.CommandPath(), want, len(args), c.CommandPath())
	}
}

// exactly takes one argument for each name.
func exactly(names ...string) cobra.PositionalArgs { return between(len(names), names...) }

// printJSON writes a value for programs, one document with a final newline.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func (a *app) printf(format string, args ...any) { fmt.Fprintf(a.stdout, format, args...) }

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: exactly(),
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				return a.printJSON(map[string]string{"version": version})
			}
			a.printf("tillfleet %s\n", version)
			return nil
		}}
}
