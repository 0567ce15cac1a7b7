package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"tillwire/agent"
	"tillwire/cmd/tillcloud/lab"
	"tillwire/cmd/tillcloud/lab/sabotage"
)

// bench builds the campaigns' test binaries, each once.
type bench struct {
	root string // of the module
	dir  string // for what is built; removed in the end
	// scratch is for what the campaigns put down; removed in the end, so that also a
	// campaign that was killed leaves nothing. lock tells others that it is in use.
	scratch string
	lock    *os.File
	clock   agent.SystemClock
	slots   chan struct{}
	turn    sync.Mutex // one at a time waits for its slots: nobody overtakes one that needs all

	mu    sync.Mutex
	built map[string]func() (string, error)
}

// slots is how many campaigns run at once.
const slots = 2

func newBench(ctx context.Context) (*bench, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return nil, fmt.Errorf("find the module: %w", err)
	}
	dir, err := os.MkdirTemp("", "tillwire-campaign-")
	if err != nil {
		return nil, err
	}
	b := &bench{root: filepath.Dir(strings.TrimSpace(string(out))), dir: dir, clock: agent.NewSystemClock(),
		slots: make(chan struct{}, slots), built: map[string]func() (string, error){}}
	if err := b.settle(lab.ScratchHome()); err != nil {
		b.close()
		return nil, fmt.Errorf("a folder for the campaigns' data: %w", err)
	}
	return b, nil
}

// settle makes the scratch folder below home, and removes those of benches that were
// killed: their locks are free.
func (b *bench) settle(home string) error {
	const prefix, lockName = "tillwire-bench-", "lock"
	old, err := filepath.Glob(filepath.Join(home, prefix+"*", lockName))
	if err != nil {
		return err
	}
	for _, name := range old {
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			continue // another user's, or just gone
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = os.RemoveAll(filepath.Dir(name)) // the next bench tries again
		}
		_ = f.Close()
	}
	if b.scratch, err = os.MkdirTemp(home, prefix); err != nil {
		return err
	}
	// The lock is held before its name can be found.
	hidden := filepath.Join(b.scratch, "."+lockName)
	if b.lock, err = os.OpenFile(hidden, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return err
	}
	if err := syscall.Flock(int(b.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return err
	}
	return os.Rename(hidden, filepath.Join(b.scratch, lockName))
}

// close removes what the bench put down; what a temporary folder keeps all the same
// is nobody's loss.
func (b *bench) close() {
	_ = os.RemoveAll(b.dir)
	if b.scratch != "" {
		_ = os.RemoveAll(b.scratch)
	}
	if b.lock != nil {
		_ = b.lock.Close()
	}
}

// binary returns a campaign's test binary: the honest one or the one in which the
// faulty builds can be switched on.
func (b *bench) binary(ctx context.Context, p part, faulty bool) (string, error) {
	name := p.Folder
	if p.Cheap {
		name += "-cheap"
	}
	if faulty {
		name += "-faulty"
	}
	b.mu.Lock()
	build := b.built[name]
	if build == nil {
		build = sync.OnceValues(func() (string, error) { return b.build(ctx, p, name, faulty) })
		b.built[name] = build
	}
	b.mu.Unlock()
	return build()
}

func (b *bench) build(ctx context.Context, p part, name string, faulty bool) (string, error) {
	binary := filepath.Join(b.dir, name+".test")
	// Nobody debugs these, and linking is most of their price.
	args := []string{"test", "-c", "-o", binary, "-ldflags=-s -w"}
	if p.Tags != "" {
		tags, err := b.tags(ctx)
		if err != nil {
			return "", err
		}
		args = append(args, "-tags="+strings.TrimPrefix(tags+","+p.Tags, ","))
	}
	var edits []sabotage.Edit
	if p.Cheap {
		edits = sabotage.CheapSigner()
	}
	if faulty {
		edits = append(edits, sabotage.Edits()...)
	}
	if len(edits) > 0 {
		dir := filepath.Join(b.dir, name+"-overlay")
		if err := os.Mkdir(dir, 0o755); err != nil {
			return "", err
		}
		overlay, err := sabotage.Overlay(b.root, dir, edits)
		if err != nil {
			return "", err
		}
		args = append(args, "-overlay="+overlay)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "./"+b.folder(p))...)
	cmd.Dir = b.root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	if _, err := os.Stat(binary); err != nil {
		return "", fmt.Errorf("build %s: %s holds no test", name, b.folder(p))
	}
	return binary, nil
}

func (b *bench) folder(p part) string { return "cmd/tillcloud/lab/" + p.Folder }

// tags are those of every build, so that nothing is compiled for a second
// combination but what a further tag changes.
func (b *bench) tags(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOFLAGS").Output()
	if err != nil {
		return "", fmt.Errorf("read the build tags: %w", err)
	}
	for _, flag := range strings.Fields(string(out)) {
		if tags, ok := strings.CutPrefix(flag, "-tags="); ok {
			return tags, nil
		}
	}
	return "", nil
}

// take waits for so many processors and returns how to give them back. Who asked
// first has them first.
func (b *bench) take(ctx context.Context, n int) (give func(), err error) {
	b.turn.Lock()
	defer b.turn.Unlock()
	give = func() {
		for range n {
			<-b.slots
		}
	}
	for i := range n {
		select {
		case b.slots <- struct{}{}:
		case <-ctx.Done():
			n = i
			give()
			return nil, ctx.Err()
		}
	}
	return give, nil
}

// How the program ends after everything was said.
var (
	errFailed      = errors.New("the laboratory found what is listed above")
	errInterrupted = errors.New("interrupted")
)
