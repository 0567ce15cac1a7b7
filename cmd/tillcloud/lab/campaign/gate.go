package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"tillwire/cmd/tillcloud/lab"
	"tillwire/cmd/tillcloud/lab/sabotage"
)

// mergeLimit is when one run of the gate is taken to hang, on a machine that has other
// things to do as well.
const mergeLimit = 10 * time.Minute

// gate runs every campaign at the size of a merge, then every faulty build until
// it is caught. It fails when an honest run finds anything, or a faulty one is not
// caught by the check that is there for it. only names campaigns; all without it.
func (b *bench) gate(ctx context.Context, only []string) error {
	// Said once, before minutes have passed.
	if _, err := sabotage.Overlay(b.root, b.dir, append(sabotage.CheapSigner(), sabotage.Edits()...)); err != nil {
		return err
	}
	jobs, err := chosen(append(honest("merge", mergeLimit), faulty()...), only)
	if err != nil {
		return err
	}
	reduced()
	begin := b.clock.Mono()
	failed := false
	for o := range b.all(ctx, jobs) {
		o.report()
		failed = failed || len(o.wrong()) > 0
	}
	if ctx.Err() != nil {
		return errInterrupted
	}
	fmt.Printf("the gate took %s\n", (b.clock.Mono() - begin).Round(time.Second))
	if failed {
		return errFailed
	}
	return nil
}

// honest are the jobs of the honest builds: first those that run beside the others,
// then those that take all slots, so that none stands idle until the other is free, then
// those that take longest.
func honest(size string, limit time.Duration) (jobs []job) {
	for _, p := range parts() {
		if size == "long" && !p.Long {
			continue
		}
		p.Cheap = p.Cheap && !(p.Real && size == "release")
		jobs = append(jobs, job{part: p, size: size, limit: limit})
	}
	slices.SortStableFunc(jobs, func(x, y job) int {
		return cmp.Or(before(x.part.Light, y.part.Light), before(x.part.Wide, y.part.Wide), cmp.Compare(y.part.Minutes, x.part.Minutes))
	})
	return jobs
}

// before orders what has something before what does not have it.
func before(x, y bool) int {
	switch {
	case x && !y:
		return -1
	case y && !x:
		return 1
	}
	return 0
}

// faulty are the jobs of the faulty builds. Each goes on until the check that is
// there for it has spoken.
func faulty() (jobs []job) {
	for _, s := range sabotage.All() {
		p, err := partOf(s.Campaign)
		if err != nil {
			panic(err) // the test of the table has seen to that
		}
		jobs = append(jobs, job{part: p, size: "merge", sabotage: s.Name, catch: s.Check, limit: mergeLimit})
	}
	return jobs
}

// blinded are the same jobs, each without that check: nothing ends it before its size.
func blinded() []job {
	jobs := faulty()
	for i := range jobs {
		jobs[i].without = jobs[i].catch
	}
	return jobs
}

// all runs jobs, as many at a time as there are slots, and hands out their outcomes
// in the order in which they end. The caller hears all of them.
func (b *bench) all(ctx context.Context, jobs []job) <-chan outcome {
	ended, turn := make(chan outcome), make(chan job)
	var wg sync.WaitGroup
	for range slots + 1 { // one more for what takes none
		wg.Go(func() {
			for j := range turn {
				ended <- b.run(ctx, j)
			}
		})
	}
	go func() {
		for _, j := range jobs {
			turn <- j
		}
		close(turn)
		wg.Wait()
		close(ended)
	}()
	return ended
}

// report prints a run's line, and why it was not as it must be.
func (o *outcome) report() {
	took, wrong := o.took.Round(100*time.Millisecond), o.wrong()
	switch {
	case o.err == errInterrupted:
		fmt.Printf("%-5s %-44s interrupted\n", o.part.ID, cmp.Or(o.sabotage, o.part.Title))
	case o.sabotage == "" && len(wrong) == 0:
		fmt.Printf("%-5s %-44s %s, 0 violations, %s\n", o.part.ID, o.part.Title, o.sum(), took)
	case o.sabotage == "":
		fmt.Printf("%-5s %-44s FAILED: %s\n", o.part.ID, o.part.Title, strings.Join(wrong, "; "))
		o.explain()
	case len(wrong) == 0:
		f, _ := o.caught(o.catch)
		fmt.Printf("%-5s caught %-26s by %s, %s: %s\n", o.part.ID, o.sabotage, o.catch, took, f.repeat)
	default:
		s, _ := sabotage.Find(o.sabotage) // the job was made from it
		fmt.Printf("%-5s NOT CAUGHT: %s (%s). %s should have seen it in %s\n", o.part.ID, s.Name, s.Says, s.Check, o.sum())
		o.explain()
	}
}

// explain shows how a run ended.
func (o *outcome) explain() {
	if o.err != nil {
		fmt.Fprintf(os.Stderr, "     %v\n", o.err)
	}
	for _, line := range o.tail {
		fmt.Fprintln(os.Stderr, "     "+line)
	}
	for _, list := range [][]finding{o.found, o.broken} {
		for _, f := range list[:min(len(list), 3)] {
			fmt.Fprintf(os.Stderr, "     %s\n", f.repeat)
		}
	}
}

// proof runs every faulty build twice: with the check that must catch it, and
// without it, to the end of the size. Only then is it known that the check was what
// caught it, and that nothing but a missing check let it through.
func (b *bench) proof(ctx context.Context, only []string) error {
	if value := os.Getenv(lab.WithoutEnv); value != "" {
		return fmt.Errorf("%s=%s is set: the proof leaves out checks itself. Unset it and start again", lab.WithoutEnv, value)
	}
	seeing, err := chosen(faulty(), only)
	if err != nil {
		return err
	}
	blind, err := chosen(blinded(), only)
	if err != nil {
		return err
	}
	p := page{}
	for o := range b.all(ctx, append(seeing, blind...)) {
		switch {
		case o.without == "":
			o.report()
			p.Faulty = append(p.Faulty, o)
		default:
			fmt.Printf("%-5s %s without %s: %s, %s\n", o.part.ID, o.sabotage, o.without, o.sum(), o.took.Round(100*time.Millisecond))
			p.Blind = append(p.Blind, o)
		}
	}
	if ctx.Err() != nil {
		return errInterrupted
	}
	for _, o := range p.Blind {
		fmt.Printf("%-26s %s\n", o.sabotage, p.without(o.sabotage))
		if len(o.unproven(p.Faulty)) > 0 {
			o.explain()
		}
	}
	fmt.Println(p.alone())
	if len(p.wrong()) > 0 {
		return errFailed
	}
	return nil
}

// unproven says why a run without a check does not show that the check is needed.
// seeing are the runs with their checks.
func (o *outcome) unproven(seeing []outcome) (why []string) {
	if _, ok := o.caught(o.without); ok {
		why = append(why, "is caught by "+o.without+" although that check is left out")
	}
	if len(o.broken) > 0 {
		why = append(why, fmt.Sprintf("%d cases could not be run to their end; the first: %s", len(o.broken), o.broken[0]))
	}
	if short := o.short(); short != "" {
		why = append(why, short)
	}
	i := slices.IndexFunc(seeing, func(with outcome) bool { return with.sabotage == o.sabotage })
	if i < 0 || len(seeing[i].wrong()) > 0 {
		why = append(why, "the same run with "+o.without+" does not catch it either")
	}
	return why
}

// others names the checks that still spoke.
func (o *outcome) others() (names []string) {
	for _, f := range o.found {
		if !slices.Contains(names, f.check) {
			names = append(names, f.check)
		}
	}
	return names
}
