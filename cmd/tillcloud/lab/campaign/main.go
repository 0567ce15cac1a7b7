// Command campaign runs the laboratory: the gate of every merge, the whole campaign
// of a release with its page, the soak, and one case of either again. The Makefile
// is how a person starts it. It is no part of what a shop gets.
//
// As all of cmd it may import everything; it needs only the laboratory's words and
// its faulty builds.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

const usage = `usage: campaign gate [C4 C14 …] | proof [C2 …] | release [-size merge|long] [-only C4,C6,C14] [-page FILE] | soak [-page FILE] | replay C6-17
    gate     the merge sizes of every campaign, then every faulty build, which must be caught
    proof    every faulty build with its check, which must see it, and without, when that must be silent
    release  the release sizes, and the page about them; needs a clean tree, and -page for less than the whole;
             -size long is ten times as much of what has that size
    soak     all faults at random for SOAK (1h), and the page about it; needs a clean tree
    replay   one case again, of the faulty build that SABOTAGE names, if it names one`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var errUsage = errors.New("wrong usage")

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	bench, err := newBench(ctx)
	if err != nil {
		return err
	}
	defer bench.close()
	switch args[0] {
	case "gate":
		return bench.gate(ctx, args[1:])
	case "proof":
		return bench.proof(ctx, args[1:])
	case "release":
		return bench.release(ctx, args[1:])
	case "soak":
		return bench.soak(ctx, args[1:])
	case "replay":
		if len(args) == 2 {
			return bench.replay(ctx, args[1], os.Getenv("SABOTAGE"))
		}
	}
	return errUsage
}
