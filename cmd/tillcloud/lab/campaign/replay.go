package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"tillwire/cmd/tillcloud/lab"
	"tillwire/cmd/tillcloud/lab/sabotage"
)

// A seed decides everything that a case does, but not which of two processors is
// the faster one: a case that hangs on that needs a few tries.
const (
	tries    = 10
	patience = 2 * time.Minute
)

// replay runs one case of one campaign again and shows everything it says, until it
// fails.
func (b *bench) replay(ctx context.Context, seed, name string) error {
	p, seed, err := caseOf(seed)
	if err != nil {
		return err
	}
	if name != "" {
		if _, err := sabotage.Find(name); err != nil {
			return err
		}
	}
	binary, err := b.binary(ctx, p, name != "")
	if err != nil {
		return err
	}
	begin := b.clock.Mono()
	for try := 1; ; try++ {
		cmd := exec.CommandContext(ctx, binary, "-test.v", "-test.timeout=0")
		cmd.Dir = filepath.Join(b.root, filepath.FromSlash(b.folder(p)))
		// The case must not depend on the size that is asked for today.
		cmd.Env = b.environ(lab.SizeEnv+"=merge", lab.SeedEnv+"="+seed, lab.OnlyEnv+"="+p.ID, lab.SabotageEnv+"="+name)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		gently(cmd)
		switch err := finish(cmd); {
		case ctx.Err() != nil:
			return errInterrupted
		case err != nil:
			return fmt.Errorf("%s, try %d: %w", seed, try, err)
		}
		if try == tries || b.clock.Mono()-begin > patience {
			fmt.Printf("%s ends without a violation, %d times out of %d\n", seed, try, try)
			return nil
		}
	}
}

// caseOf reads a case as a person writes it, and returns it as the campaigns do.
func caseOf(text string) (part, string, error) {
	id, number, ok := strings.Cut(text, "-")
	seed, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil {
		return part{}, "", fmt.Errorf("SEED is a campaign and a number, such as C6-17, not %q", text)
	}
	if strings.EqualFold(id, faultyID) {
		var names []string
		for _, s := range sabotage.All() {
			names = append(names, s.Name+" (in "+s.Campaign+")")
		}
		return part{}, "", fmt.Errorf("%s are the faulty builds, each a case of another campaign: make replay SEED=C2-%d SABOTAGE=name. The names are %s",
			faultyID, seed, strings.Join(names, ", "))
	}
	p, err := partOf(id)
	return p, fmt.Sprintf("%s-%d", p.ID, seed), err
}
