// Command tillwire is the payment agent of a shop counter and the commands its
// operator needs. This folder holds all the wiring: parts.go lists the wallets
// and the drivers, assembly.go puts an agent together, the other files are one
// command each.
package main

import (
	"context"
	"os"
)

// version is set by the linker.
var version = "development"

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}
