// Package cli is what the command lines of the programs have in common: exit codes,
// wrong usage, groups of commands and JSON. It imports agent/settings for the nearest
// word and the library of commands; the commands are their programs' own.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"tillwire/agent/settings"
)

// The exit codes of every command.
const (
	Fine  = 0
	Found = 1 // something is wrong, and it was said
	Usage = 2 // the command line was not understood
)

// ErrFound ends a command with the exit code Found after it has said what it found.
var ErrFound = errors.New("something is wrong")

// misuse is a command line that cannot be understood.
type misuse struct{ error }

// Unwrap returns what the error was made of.
func (m misuse) Unwrap() error { return m.error }

// Wrong is an error of the command line, in the words of fmt.Errorf.
func Wrong(format string, args ...any) error { return misuse{fmt.Errorf(format, args...)} }

// Root is a program's own command. long says what it is for; the exit codes are
// added to it.
func Root(name, short, long string, children ...*cobra.Command) *cobra.Command {
	c := Group(name, short, children...)
	c.Long = long + "\n\nExit codes: 0 fine, 1 something is wrong, 2 the command line was not understood."
	c.SilenceErrors, c.SilenceUsage = true, true
	c.CompletionOptions.HiddenDefaultCmd = true
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return Wrong("%w. `%s --help` shows what there is", err, c.CommandPath())
	})
	return c
}

// Execute runs one command line and returns its exit code; an error is told on
// stderr under the program's name.
func Execute(ctx context.Context, root *cobra.Command, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var usage misuse
	switch {
	case err == nil:
		return Fine
	case errors.Is(err, ErrFound):
		return Found
	}
	fmt.Fprintf(stderr, "%s: %v\n", root.Name(), err)
	if errors.As(err, &usage) {
		return Usage
	}
	return Found
}

// Group is a command that only has others below it. Cobra would print the help and
// end well when none or an unknown one is named; a script must hear of it.
func Group(use, short string, children ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs}
	c.RunE = func(c *cobra.Command, args []string) error {
		var names []string
		for _, child := range c.Commands() {
			names = append(names, child.Name())
		}
		if len(args) == 0 && !c.HasParent() {
			c.SetOut(c.ErrOrStderr())
			return errors.Join(c.Help(), Wrong("name a command"))
		}
		if len(args) == 0 {
			return Wrong("%s needs a command: %s", c.CommandPath(), strings.Join(names, ", "))
		}
		hint := "Commands: " + strings.Join(names, ", ")
		if near := settings.Nearest(args[0], names); near != "" {
			hint = fmt.Sprintf("Did you mean `%s %s`?", c.CommandPath(), near)
		}
		return Wrong("%s has no command %q. %s", c.CommandPath(), args[0], hint)
	}
	c.AddCommand(children...)
	return c
}

// Exactly takes one argument for each name; the names are shown when it is not so.
func Exactly(names ...string) cobra.PositionalArgs { return Between(len(names), names...) }

// Between takes at least low arguments and at most as many as there are names.
func Between(low int, names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) >= low && len(args) <= len(names) {
			return nil
		}
		want := "no argument"
		if len(names) > 0 {
			want = strings.Join(names, " ")
		}
		return Wrong("%s takes %s; %d given. `%s --help` explains", c.CommandPath(), want, len(args), c.CommandPath())
	}
}

// PrintJSON writes a value for programs, one document with a final newline. What
// stands in a QR code stays as it is.
func PrintJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
