package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tillwire/cmd/cli"
	"tillwire/drivers"
	"tillwire/drivers/scanner"
)

func (a *app) devicesCommand() *cobra.Command {
	return cli.Group("devices", "Look at scanners, displays and printers", a.devicesListCommand(), a.devicesWatchCommand(), a.devicesLearnCommand(), a.devicesTestCommand(), a.devicesDecodeCommand(), a.devicesKioskCommand())
}

func (a *app) devicesDecodeCommand() *cobra.Command {
	var profile string
	var set []string
	c := &cobra.Command{Use: "decode", Short: "Replay a capture of a scanner's bytes", Args: cli.Exactly(),
		Long: `Reads lines "@MS HEX…" (milliseconds, then the bytes that arrived; "@MS" alone moves the
clock, "@MS !trigger_on" shows what a scanner is told: init, trigger_on, trigger_off,
accepted or refused) from standard input and prints one JSON event a line. It needs no
configuration, no data and no agent, so a capture from a shop can be replayed anywhere.

` + profileHelp(),
		Example: `  echo "@0 36393031323334353637383932 0D" | tillwire devices decode --profile line`,
		RunE: func(c *cobra.Command, _ []string) error {
			keys, err := keyValues(set)
			if err != nil {
				return err
			}
			err = scanner.Decode(a.stdin, a.stdout, profile, keys)
			var key *drivers.KeyError
			if errors.As(err, &key) {
				return cli.Wrong("%w", err)
			}
			return err
		}}
	c.Flags().StringVar(&profile, "profile", "line", "what the scanner speaks")
	c.Flags().StringArrayVar(&set, "set", nil, "a key of the profile, as key=value; may be repeated")
	return c
}

// keyValues reads what was written behind --set.
func keyValues(set []string) (map[string]string, error) {
	keys := map[string]string{}
	for _, pair := range set {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, cli.Wrong("--set %s: write it as key=value", pair)
		}
		keys[key] = value
	}
	return keys, nil
}

// profileHelp lists the protocols with their keys, and the products with what
// differs in them, from the drivers' own tables.
func profileHelp() string {
	var b strings.Builder
	protocols := map[string]map[string]string{}
	for _, p := range scanner.Profiles() {
		if p.Speaks != "" {
			fmt.Fprintf(&b, "Product %s: %s\n  speaks %s%s\n", p.Name, p.Help, p.Speaks, differences(p, protocols[p.Speaks]))
			continue
		}
		fmt.Fprintf(&b, "Profile %s: %s\n", p.Name, p.Help)
		protocols[p.Name] = map[string]string{}
		for _, k := range slices.Concat(p.Keys, p.Line) {
			protocols[p.Name][k.Name] = k.Default
		}
		for _, k := range p.Keys {
			fmt.Fprintf(&b, "  %-16s %s (default %s)\n", k.Name, k.Help, orNone(k.Default))
		}
	}
	return b.String()
}

// differences are a product's defaults that are not its protocol's.
func differences(p scanner.Profile, protocol map[string]string) (list string) {
	for _, k := range slices.Concat(p.Keys, p.Line) {
		if k.Default != protocol[k.Name] {
			list += fmt.Sprintf(", %s = %s", k.Name, k.Default)
		}
	}
	return list
}

func orNone(value string) string {
	if value == "" {
		return "nothing"
	}
	return value
}
