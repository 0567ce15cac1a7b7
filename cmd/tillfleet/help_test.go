package main

import (
	"io"
	"regexp"
	"slices"
	"testing"

	"github.com/spf13/cobra"

	"tillwire/agent"
	"tillwire/agent/settings"
)

// TestSettingsInHelpTextsExist: what a person copies from a help text must work.
func TestSettingsInHelpTextsExist(t *testing.T) {
	known := settings.Keys(settings.Table(settings.Start{FleetSpread: "30s"}))
	example := regexp.MustCompile(`(^|\s)([a-z]+(?:\.[a-z_]+)+)=`)
	seen := 0
	var look func(c *cobra.Command)
	look = func(c *cobra.Command) {
		for _, found := range example.FindAllStringSubmatch(c.Long+"\n"+c.Example, -1) {
			seen++
			if !slices.Contains(known, found[2]) {
				t.Errorf("%s: there is no setting %s", c.CommandPath(), found[2])
			}
		}
		for _, child := range c.Commands() {
			look(child)
		}
	}
	a := &app{stdout: io.Discard, stderr: io.Discard, env: func(string) string { return "" }, clock: agent.NewSystemClock()}
	look(a.root())
	if seen < 4 {
		t.Errorf("only %d examples were found", seen)
	}
}
