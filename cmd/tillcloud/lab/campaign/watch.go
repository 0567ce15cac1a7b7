package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"tillwire/cmd/tillcloud/lab"
)

// job is one run of a test binary.
type job struct {
	part     part
	size     string   // "merge" or "release"
	sabotage string   // empty: the honest build
	catch    string   // the check that ends the search for a faulty build
	env      []string // on top
	limit    time.Duration
	progress func(string)
}

// finding is a violation with the command that repeats it.
type finding struct{ check, what, repeat string }

// outcome is what a run said, and nothing else: the page is made of it.
type outcome struct {
	job
	results []lab.Result
	found   []finding
	took    time.Duration
	err     error    // how the run ended
	tail    []string // its last lines
}

// quiet is the environment without what belongs to one run. What is left out of
// the checks stays left out: that is how the gate shows that it needs each.
func quiet() []string {
	own := []string{lab.SizeEnv, lab.OnlyEnv, lab.CatchEnv, lab.SabotageEnv}
	return slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(own, name)
	})
}

// run waits for a slot, builds what is needed and runs a job to its end.
func (b *bench) run(ctx context.Context, j job) outcome {
	o := outcome{job: j}
	give, err := b.take(ctx, j.part.Wide && j.sabotage == "")
	if err != nil {
		o.err = err
		return o
	}
	defer give()
	binary, err := b.binary(ctx, j.part, j.sabotage != "")
	if err != nil {
		o.err = err
		return o
	}
	begin := b.clock.Mono()
	o.err = b.watch(ctx, binary, &o)
	o.took = b.clock.Mono() - begin
	return o
}

func (b *bench) watch(ctx context.Context, binary string, o *outcome) error {
	ctx, cancel := context.WithTimeout(ctx, o.limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "-test.timeout=0")
	cmd.Dir = filepath.Join(b.root, filepath.FromSlash(b.folder(o.part)))
	cmd.Env = append(quiet(), lab.SizeEnv+"="+o.size, lab.OnlyEnv+"="+o.part.ID, lab.SabotageEnv+"="+o.sabotage, lab.CatchEnv+"="+o.catch)
	cmd.Env = append(cmd.Env, o.env...)
	// A campaign may start processes of its own; they end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	read, write := io.Pipe()
	cmd.Stdout, cmd.Stderr = write, write
	heard := make(chan error, 1)
	go func() { heard <- o.hear(read) }()
	err := cmd.Run()
	_ = write.Close() // never fails
	if unheard := <-heard; err == nil {
		err = unheard
	}
	if ctx.Err() == context.DeadlineExceeded {
		return fmt.Errorf("it was stopped after %s", o.limit)
	}
	return err
}

// The words that the laboratory fails a test with.
const (
	violationMark = "VIOLATION "
	repeatMark    = "repeat it: "
)

// keep is how many last lines of a run are kept.
const keep = 40

// hear sorts the lines of a run. Whatever comes is read to its end, so that the run
// never waits for its listener.
func (o *outcome) hear(r io.Reader) error {
	lines := bufio.NewReader(r)
	var broken error
	for {
		text, err := lines.ReadString('\n')
		if text = strings.TrimRight(text, "\n"); text != "" {
			if wrong := o.line(text); broken == nil {
				broken = wrong
			}
		}
		if err == io.EOF {
			return broken
		}
		if err != nil {
			return err
		}
	}
}

func (o *outcome) line(text string) error {
	if _, said, ok := strings.Cut(text, lab.ProgressMark); ok {
		if o.progress != nil {
			o.progress(said)
		}
		return nil
	}
	if _, said, ok := strings.Cut(text, lab.ResultMark); ok {
		var r lab.Result
		if err := json.Unmarshal([]byte(said), &r); err != nil {
			return fmt.Errorf("a result cannot be read: %w: %s", err, said)
		}
		if r.Campaign == o.part.ID {
			o.results = append(o.results, r)
		}
		return nil
	}
	if _, said, ok := strings.Cut(text, violationMark); ok {
		check, what, _ := strings.Cut(said, ": ")
		o.found = append(o.found, finding{check: check, what: what})
	} else if _, command, ok := strings.Cut(text, repeatMark); ok && len(o.found) > 0 {
		o.found[len(o.found)-1].repeat = command
	}
	if o.tail = append(o.tail, text); len(o.tail) > keep {
		o.tail = o.tail[1:]
	}
	return nil
}

// wrong says why an honest run is no success, or nothing.
func (o *outcome) wrong() string {
	switch {
	case len(o.found) > 0:
		return fmt.Sprintf("%d violations; the first: %s: %s", len(o.found), o.found[0].check, o.found[0].what)
	case o.err != nil:
		return o.err.Error()
	case len(o.results) == 0:
		return "it ended without a result"
	}
	for _, r := range o.results {
		if r.Violations > 0 || r.Done < r.Size {
			return fmt.Sprintf("it did %d of %d %s and counted %d violations", r.Done, r.Size, r.Unit, r.Violations)
		}
	}
	return ""
}

// caught is the finding of the named check, if there is one.
func (o *outcome) caught(check string) (finding, bool) {
	i := slices.IndexFunc(o.found, func(f finding) bool { return f.check == check })
	if i < 0 {
		return finding{}, false
	}
	return o.found[i], true
}

// sum is what a run did, in a few words.
func (o *outcome) sum() string {
	var done []string
	for _, r := range o.results {
		done = append(done, fmt.Sprintf("%s %s", thousands(r.Done), r.Unit))
	}
	return strings.Join(done, ", ")
}

// thousands writes a count as people read it.
func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
