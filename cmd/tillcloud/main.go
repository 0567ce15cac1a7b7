// Command tillcloud runs the sandbox cloud: fake wallets that speak their real
// protocol, customers' phones, and faults on demand. `serve` runs the sandbox
// alone, for a till vendor's tests; `demo` runs a whole shop around it, with
// the same tillwire program a shop runs.
//
// As a command it may import everything; it is the only one that imports
// agent/sandbox.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"tillwire/agent"
)

// version is stamped by the linker.
var version = "unknown"

// errUsage marks what the caller wrote wrong: exit code 2.
var errUsage = errors.New("usage")

// streams are what a command writes to, and the clock it lives by.
type streams struct {
	out, err io.Writer
	clock    agent.Clock
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], streams{os.Stdout, os.Stderr, agent.NewSystemClock()})
	stop()
	os.Exit(code)
}

// run is the program as a value: 0 fine, 1 something went wrong, 2 wrong usage.
func run(ctx context.Context, args []string, s streams) int {
	root := &cobra.Command{Use: "tillcloud", Short: "The sandbox cloud and the demo shop of Tillwire", Version: version,
		SilenceErrors: true, SilenceUsage: true, CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true}}
	root.AddCommand(demoCommand(s), serveCommand(s))
	root.SetArgs(args)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w: %w", errUsage, err) })
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	// Scripts tell a typo from a failure by the exit code.
	case errors.Is(err, errUsage):
		fmt.Fprintf(s.err, "tillcloud: %v\nSee tillcloud --help.\n", err)
		return 2
	}
	fmt.Fprintf(s.err, "tillcloud: %v\n", err)
	return 1
}

// noArgs refuses arguments, which are always a forgotten flag here.
func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: unexpected argument %q", errUsage, args[0])
	}
	return nil
}
