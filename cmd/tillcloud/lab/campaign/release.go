package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"tillwire/cmd/tillcloud/lab"
)

// releaseLimit is the time that a whole campaign may take.
const releaseLimit = 90 * time.Minute

// release runs the campaign and writes its page, also when something failed.
func (b *bench) release(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	size := flags.String("size", "release", "release, merge to try the campaign, or long for more of what has more")
	only := flags.String("only", "", "campaigns, separated by commas; all when empty")
	page := flags.String("page", "", "where the page goes; offline/CAMPAIGN.md for a whole campaign of a release")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 || !slices.Contains([]string{"release", "merge", "long"}, *size) {
		return errors.Join(errUsage, err)
	}
	jobs, err := selected(*size, *only)
	if err != nil {
		return err
	}
	name := "CAMPAIGN.md"
	if *size == "long" {
		name = "CAMPAIGN-LONG.md"
	}
	file, err := b.pageFile(name, *page, *only == "" && *size != "merge")
	if err != nil {
		return err
	}
	p, err := b.start(ctx)
	if err != nil {
		return err
	}
	p.Size, p.Only = *size, *only
	if err := b.prepare(ctx, jobs); err != nil {
		return err
	}
	fmt.Printf("commit %.12s on %s; at release size this takes about %d minutes on two processors, at most %s\n", p.Commit, p.Machine, estimate(jobs), releaseLimit)
	limited, cancel := context.WithTimeout(ctx, releaseLimit)
	defer cancel()
	screen := newScreen()
	for _, o := range screen.follow(b.all(limited, screen.watched(jobs))) {
		switch {
		case o.sabotage == "":
			p.Honest = append(p.Honest, o)
		case o.without == "":
			p.Faulty = append(p.Faulty, o)
		default:
			p.Blind = append(p.Blind, o)
		}
	}
	p.Ended = b.clock.Now()
	return p.write(ctx, file, p.text())
}

// write puts a page down, also one about a failure. An interrupted run leaves none.
func (p *page) write(ctx context.Context, file string, text []byte) error {
	if ctx.Err() != nil {
		return errInterrupted
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return err
	}
	fmt.Printf("%s\nthe page is %s\n", p.verdict(), file)
	if len(p.wrong()) > 0 {
		return errFailed
	}
	return nil
}

// selected are the jobs to run: the honest ones of the named campaigns, and after
// them the faulty ones with and without their checks, if C14 is named or nothing is.
func selected(size, only string) ([]job, error) {
	jobs := honest(size, releaseLimit)
	if size == "long" {
		return chosen(jobs, strings.FieldsFunc(only, func(r rune) bool { return r == ',' }))
	}
	faults := append(faulty(), blinded()...)
	if only == "" {
		return append(jobs, faults...), nil
	}
	var names []string
	for _, name := range strings.Split(only, ",") {
		if strings.EqualFold(name, faultyID) {
			continue
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return faults, nil
	}
	picked, err := chosen(jobs, names)
	if len(names) < strings.Count(only, ",")+1 {
		picked = append(picked, faults...)
	}
	return picked, err
}

// prepare builds the programs before the clock starts, so that everything is made
// from the tree that was looked at.
func (b *bench) prepare(ctx context.Context, jobs []job) error {
	said := map[string]bool{}
	for _, j := range jobs {
		if !said[j.part.ID] && j.sabotage == "" {
			fmt.Printf("building %s\n", j.part.ID)
		}
		said[j.part.ID] = true
		if _, err := b.binary(ctx, j.part, j.sabotage != ""); err != nil {
			return err
		}
	}
	return nil
}

// estimate is about how many minutes jobs take: those of an honest run that needs
// all processors by itself, and a share of the others. What runs beside them adds
// nothing.
func estimate(jobs []job) int {
	alone, shared := 0, 0
	for _, j := range jobs {
		switch {
		case j.without != "":
			shared += 2 // to the end of the size of a merge
		case j.sabotage != "", j.part.Light:
		case j.part.Wide:
			alone += j.part.Minutes
		default:
			shared += j.part.Minutes
		}
	}
	return alone + (shared+slots-1)/slots
}

// start looks at the tree: what is measured must be what a commit holds.
func (b *bench) start(ctx context.Context) (*page, error) {
	if err := whole(); err != nil {
		return nil, err
	}
	commit, err := b.git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return nil, fmt.Errorf("the page names the commit that was tried, so this needs the project's git history: %w", err)
	}
	// The pages themselves may have changed: one campaign after the other.
	dirty, err := b.git(ctx, "status", "--porcelain", "--", ":/", ":!/offline/CAMPAIGN.md", ":!/offline/CAMPAIGN-LONG.md", ":!/offline/SOAK.md")
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

func newScreen() *screen {
	info, err := os.Stdout.Stat()
	return &screen{terminal: err == nil && info.Mode()&os.ModeCharDevice != 0, said: map[string]string{}}
}

// watched lets the screen hear of the jobs' progress.
func (s *screen) watched(jobs []job) []job {
	for i := range jobs {
		if jobs[i].sabotage != "" {
			continue // over in seconds
		}
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
		if o.without == "" { // the others are judged together with these
			o.report()
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
