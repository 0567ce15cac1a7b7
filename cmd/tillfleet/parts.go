package main

import (
	"context"
	"net/http"

	"github.com/spf13/cobra"
)

// commands are what the program can do. A new one is a file of its own and one
// line here.
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		a.serveCommand(),
		a.lsCommand(),
		a.showCommand(),
		a.watchCommand(),
		a.cmdCommand(),
		a.approveCommand(),
		a.configCommand(),
		a.jobCommand(),
		a.rolloutCommand(),
		a.exportCommand(),
		a.labelCommand(),
		a.keysCommand(),
		a.enrolCommand(),
		a.simCommand(),
		a.versionCommand(),
	}
}

// mount puts routes beside the service's own on the operators' socket, and what it
// begins runs until ctx ends.
type mount func(ctx context.Context, o *office, mux *http.ServeMux) error

// operatorParts are what stands beside the service.
func (a *app) operatorParts() []mount { return []mount{a.mountDesk} }
