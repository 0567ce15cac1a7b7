package main

import "github.com/spf13/cobra"

// commands are what the program can do. A new one is a file of its own and one
// line here.
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		a.versionCommand(),
	}
}
