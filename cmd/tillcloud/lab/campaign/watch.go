package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
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
	catch    string   // the check that must find the faulty build; it ends the search
	without  string   // the check to leave out
	env      []string // on top
	limit    time.Duration
	progress func(string)
}

// finding is a violation, or a case that could not be run and has no check, with
// the command that repeats it.
type finding struct{ check, what, repeat string }

// String says what was found and how to see it again.
func (f finding) String() string {
	text := f.what
	if f.check != "" {
		text = f.check + ": " + text
	}
	if f.repeat != "" {
		text += ". Repeat it: `" + f.repeat + "`"
	}
	return text
}

// outcome is what a run said, and nothing else: the page is made of it.
type outcome struct {
	job
	results []lab.Result
	found   []finding
	broken  []finding
	last    *[]finding // that the line before was about; nil: neither
	took    time.Duration
	err     error    // how the run ended
	tail    []string // its last lines
}

// environ is the environment for a run, without what belongs to another one. Checks
// that the caller leaves out stay left out where no page is written.
func (b *bench) environ(own ...string) []string {
	not := []string{lab.SizeEnv, lab.OnlyEnv, lab.CatchEnv, lab.SabotageEnv, lab.SoakEnv}
	// What a case leaves behind is soon over: memory is cheaper here than collecting it.
	env := slices.DeleteFunc(append([]string{"GOGC=1000"}, os.Environ()...), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(not, name)
	})
	return append(append(env, lab.ScratchEnv+"="+b.scratch), own...)
}

// slots is how many processors a job keeps busy.
func (j job) slots() int {
	switch {
	case j.part.Light:
		return 0
	case j.part.Wide && j.sabotage == "":
		return slots
	}
	return 1
}

// run waits for its slots, builds what is needed and runs a job to its end.
func (b *bench) run(ctx context.Context, j job) outcome {
	o := outcome{job: j}
	give, err := b.take(ctx, j.slots())
	if err != nil {
		o.err = errInterrupted
		return o
	}
	defer give()
	binary, err := b.binary(ctx, j.part, j.sabotage != "")
	switch {
	case ctx.Err() != nil:
		o.err = errInterrupted
		return o
	case err != nil:
		o.err = err
		return o
	}
	begin := b.clock.Mono()
	o.err = b.watch(ctx, binary, &o)
	o.took = b.clock.Mono() - begin
	return o
}

// grace is how long a run that must end may clear up.
const grace = 10 * time.Second

func (b *bench) watch(ctx context.Context, binary string, o *outcome) error {
	begin := b.clock.Mono()
	ctx, cancel := context.WithTimeout(ctx, o.limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "-test.timeout=0")
	cmd.Dir = filepath.Join(b.root, filepath.FromSlash(b.folder(o.part)))
	cmd.Env = b.environ(lab.SizeEnv+"="+o.size, lab.OnlyEnv+"="+o.part.ID, lab.SabotageEnv+"="+o.sabotage, lab.CatchEnv+"="+o.catch)
	if o.without != "" {
		cmd.Env = append(cmd.Env, lab.WithoutEnv+"="+o.without)
	}
	cmd.Env = append(cmd.Env, o.env...)
	gently(cmd)
	read, write := io.Pipe()
	cmd.Stdout, cmd.Stderr = write, write
	heard := make(chan error, 1)
	go func() { heard <- o.hear(read) }()
	err := finish(cmd)
	_ = write.Close() // never fails
	if unheard := <-heard; err == nil {
		err = unheard
	}
	switch ctx.Err() {
	case context.DeadlineExceeded:
		return fmt.Errorf("it was stopped after %s", (b.clock.Mono() - begin).Round(time.Second))
	case context.Canceled:
		return errInterrupted
	}
	return err
}

// gently lets a run that must end clear up, with the processes that it started.
func gently(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = grace
}

// finish runs a command to its end, and leaves nothing of its group behind.
func finish(cmd *exec.Cmd) error {
	err := cmd.Run()
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // mostly there is nobody left
	}
	return err
}

// The words that the laboratory fails a test with.
const (
	violationMark = "VIOLATION "
	brokenMark    = "BROKEN "
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
		o.last = &o.found
	} else if _, what, ok := strings.Cut(text, brokenMark); ok {
		o.broken = append(o.broken, finding{what: what})
		o.last = &o.broken
	} else if _, command, ok := strings.Cut(text, repeatMark); ok && o.last != nil {
		// A command belongs to what stands before it, and to nothing else.
		list := *o.last
		list[len(list)-1].repeat = command
		o.last = nil
	}
	if o.tail = append(o.tail, text); len(o.tail) > keep {
		o.tail = o.tail[1:]
	}
	return nil
}

// wrong says why a run is not as it must be: an honest one finds nothing and does
// its size, a faulty one is caught by its check. Nothing is wrong with a good one.
func (o *outcome) wrong() (why []string) {
	if o.sabotage != "" {
		if _, ok := o.caught(o.catch); !ok {
			why = append(why, o.sabotage+" was not caught by "+o.catch)
		}
		return why
	}
	if n := len(o.found); n > 0 {
		why = append(why, fmt.Sprintf("%d violations; the first: %s", n, o.found[0]))
	}
	if n := len(o.broken); n > 0 {
		why = append(why, fmt.Sprintf("%d cases could not be run to their end; the first: %s", n, o.broken[0]))
	}
	if o.err != nil && (len(why) == 0 || !errors.As(o.err, new(*exec.ExitError))) {
		why = append(why, o.err.Error())
	}
	if short := o.short(); short != "" {
		why = append(why, short)
	}
	for _, r := range o.results {
		if r.Violations > len(o.found) {
			why = append(why, fmt.Sprintf("it counted %d violations", r.Violations))
		}
	}
	return why
}

// short says what a run did less than its size.
func (o *outcome) short() string {
	for _, r := range o.results {
		if least := cmp.Or(r.Least, r.Size); r.Done < least {
			return fmt.Sprintf("it did %d of %d %s", r.Done, least, r.Unit)
		}
	}
	if len(o.results) == 0 {
		return "it ended without a result"
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
