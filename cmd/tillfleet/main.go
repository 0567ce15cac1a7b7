// Command tillfleet is fleet operations: `serve` runs the office's service, and
// the other commands are what its operators do. This folder holds the wiring of
// agent/fleet/service; parts.go lists the commands, and each has a file of its own.
//
// The commands speak with the service on this machine over a socket that only its
// user and group can open; whoever operates from elsewhere comes with ssh. So no
// command has a password of its own, and who asked is what the kernel says.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"tillwire/agent"
)

// version is set by the linker.
var version = "development"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	a := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, env: os.Getenv, clock: agent.NewSystemClock()}
	code := a.execute(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
