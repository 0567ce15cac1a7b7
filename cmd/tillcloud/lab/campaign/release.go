package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"tillwire/cmd/tillcloud/lab"
	"tillwire/cmd/tillcloud/lab/sabotage"
)

// releaseLimit is the time that a whole campaign may take.
const releaseLimit = 90 * time.Minute

// release runs the campaign and writes its page, also when something failed.
func (b *bench) release(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	size := flags.String("size", "release", "release, or merge to try the campaign")
	only := flags.String("only", "", "campaigns, separated by commas; all when empty")
	file := flags.String("page", filepath.Join(b.root, "offline", "CAMPAIGN.md"), "where the page goes")
	if err := flags.Parse(args); err != nil {
		return errors.Join(errUsage, err)
	}
	p, err := b.start(ctx)
	if err != nil {
		return err
	}
	p.Size, p.Only = *size, *only
	jobs, err := b.selected(ctx, *size, *only)
	if err != nil {
		return err
	}
	minutes := 10 // the faulty builds, twice
	for _, j := range jobs {
		minutes += j.part.Minutes
	}
	fmt.Printf("commit %.12s on %s; at release size this takes about %d minutes on two processors, at most %s\n", p.Commit, p.Machine, minutes, releaseLimit)
	limited, cancel := context.WithTimeout(ctx, releaseLimit)
	defer cancel()
	screen := newScreen(b)
	p.Honest = screen.follow(b.all(limited, screen.watched(jobs)))
	if *only == "" || slices.Contains(strings.Split(*only, ","), "C14") {
		p.Faulty = screen.follow(b.all(limited, faulty(true)))
		p.Blind = screen.follow(b.all(limited, blinded()))
	}
	p.Ended = b.clock.Now()
	if err := os.WriteFile(*file, p.text(), 0o644); err != nil {
		return err
	}
	fmt.Printf("%s\nthe page is %s\n", p.verdict(), *file)
	if p.failed() {
		return errFailed
	}
	return nil
}

// selected are the jobs to run, their programs built before the clock starts, so
// that everything is made from the tree that was looked at.
func (b *bench) selected(ctx context.Context, size, only string) ([]job, error) {
	jobs := honest(size, releaseLimit)
	if only != "" {
		jobs = chosen(jobs, strings.Split(only, ","))
	}
	for _, j := range jobs {
		fmt.Printf("building %s\n", j.part.ID)
		if _, err := b.binary(ctx, j.part, false); err != nil {
			return nil, err
		}
	}
	if only != "" {
		return jobs, nil
	}
	for _, s := range sabotage.All() {
		p, err := partOf(s.Campaign)
		if err != nil {
			return nil, err
		}
		if _, err := b.binary(ctx, p, true); err != nil {
			return nil, err
		}
	}
	return jobs, nil
}

// start looks at the tree: what is measured must be what a commit holds.
func (b *bench) start(ctx context.Context) (*page, error) {
	commit, err := b.git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return nil, fmt.Errorf("the page names the commit that was tried, so this needs the project's git history: %w", err)
	}
	dirty, err := b.git(ctx, "status", "--porcelain")
	if err != nil {
		return nil, err
	}
	if dirty != "" {
		return nil, fmt.Errorf("the tree is not what the commit holds, so a page about it would lie. Commit these, or put them away with git stash -u, and start again:\n%s", dirty)
	}
	return &page{Commit: commit, Begun: b.clock.Now(), Machine: machine()}, nil
}

func (b *bench) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = b.root
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(said.Bytes()))
	}
	return strings.TrimSpace(string(out)), nil
}

// machine says on what the figures were measured.
func machine() string {
	model := ""
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = " of " + strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%d processors%s, %s/%s, %s", runtime.NumCPU(), model, runtime.GOOS, runtime.GOARCH, runtime.Version())
}

// screen is the one line that tells how far the campaigns under way are.
type screen struct {
	terminal bool

	mu   sync.Mutex
	said map[string]string // the latest of each campaign
}

func newScreen(*bench) *screen {
	info, err := os.Stdout.Stat()
	return &screen{terminal: err == nil && info.Mode()&os.ModeCharDevice != 0, said: map[string]string{}}
}

// watched lets the screen hear of the jobs' progress.
func (s *screen) watched(jobs []job) []job {
	for i := range jobs {
		id, last := jobs[i].part.ID, 0
		jobs[i].progress = func(said string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.said[id] = said
			if s.terminal {
				fmt.Printf("\r\033[K%s", s.line())
			} else if last++; last%30 == 1 { // about once a minute
				fmt.Println(said)
			}
		}
	}
	return jobs
}

// line joins what the campaigns under way said last. The caller holds the mutex.
func (s *screen) line() string {
	var said []string
	for _, text := range s.said {
		said = append(said, text)
	}
	slices.Sort(said)
	return strings.Join(said, " | ")
}

// follow prints each outcome as it comes, and returns all of them in the order of
// the campaigns.
func (s *screen) follow(ended <-chan outcome) (all []outcome) {
	for o := range ended {
		s.mu.Lock()
		delete(s.said, o.part.ID)
		if s.terminal {
			fmt.Print("\r\033[K")
		}
		if len(o.env) == 0 {
			verdict(o)
		}
		s.mu.Unlock()
		all = append(all, o)
	}
	order := map[string]int{}
	for i, p := range parts() {
		order[p.ID] = i
	}
	slices.SortStableFunc(all, func(x, y outcome) int { return order[x.part.ID] - order[y.part.ID] })
	return all
}

// total adds up the violations of results.
func total(results []lab.Result) (n int) {
	for _, r := range results {
		n += r.Violations
	}
	return n
}
