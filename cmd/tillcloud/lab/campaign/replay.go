package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
	id, _, ok := strings.Cut(seed, "-")
	if !ok {
		return fmt.Errorf("SEED is a campaign and a number, such as C6-17, not %q", seed)
	}
	p, err := partOf(id)
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
		cmd.Env = append(quiet(), lab.SizeEnv+"=merge", lab.SeedEnv+"="+seed, lab.OnlyEnv+"="+id, lab.SabotageEnv+"="+name)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s, try %d: %w", seed, try, err)
		}
		if try == tries || b.clock.Mono()-begin > patience {
			fmt.Printf("%s ends without a violation, %d times out of %d\n", seed, try, try)
			return nil
		}
	}
}
