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

// mergeLimit is when one run of the gate is taken to hang.
const mergeLimit = 4 * time.Minute

// gate runs every campaign at the size of a merge, then every faulty build until
// it is caught. It fails when an honest run finds anything, or a faulty one is not
// caught by the check that is there for it. only names campaigns; all without it.
func (b *bench) gate(ctx context.Context, only []string) error {
	// Said once, before minutes have passed.
	if _, err := sabotage.Overlay(b.root, b.dir, append(sabotage.CheapSigner(), sabotage.Edits()...)); err != nil {
		return err
	}
	begin := b.clock.Mono()
	failed := false
	for o := range b.all(ctx, chosen(append(honest("merge", mergeLimit), faulty(true)...), only)) {
		failed = !verdict(o) || failed
	}
	fmt.Printf("the gate took %s\n", (b.clock.Mono() - begin).Round(time.Second))
	if failed {
		return errFailed
	}
	return nil
}

// honest are the jobs of the honest builds, those first that take all processors.
func honest(size string, limit time.Duration) (jobs []job) {
	for _, p := range parts() {
		jobs = append(jobs, job{part: p, size: size, limit: limit})
	}
	slices.SortStableFunc(jobs, func(x, y job) int { return cmp.Compare(y.part.Minutes, x.part.Minutes) })
	return jobs
}

// faulty are the jobs of the faulty builds. named makes each go on until the check
// that is there for it has spoken; otherwise any check ends it.
func faulty(named bool) (jobs []job) {
	for _, s := range sabotage.All() {
		p, err := partOf(s.Campaign)
		if err != nil {
			panic(err) // the test of the table has seen to that
		}
		j := job{part: p, size: "merge", sabotage: s.Name, limit: mergeLimit}
		if named {
			j.catch = s.Check
		}
		jobs = append(jobs, j)
	}
	return jobs
}

// chosen are the jobs of the named campaigns; all when none is named.
func chosen(jobs []job, only []string) []job {
	if len(only) == 0 {
		return jobs
	}
	return slices.DeleteFunc(jobs, func(j job) bool { return !slices.Contains(only, j.part.ID) })
}

// all runs jobs, as many at a time as there are slots, and hands out their outcomes
// in the order in which they end. The caller hears all of them.
func (b *bench) all(ctx context.Context, jobs []job) <-chan outcome {
	ended, turn := make(chan outcome), make(chan job)
	var wg sync.WaitGroup
	for range slots {
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

// verdict prints a run's line and reports whether it was as it must be.
func verdict(o outcome) bool {
	took := o.took.Round(100 * time.Millisecond)
	if o.sabotage == "" {
		wrong := o.wrong()
		if wrong == "" {
			fmt.Printf("%-5s %-44s %s, 0 violations, %s\n", o.part.ID, o.part.Title, o.sum(), took)
			return true
		}
		fmt.Printf("%-5s %-44s FAILED: %s\n", o.part.ID, o.part.Title, wrong)
		o.explain()
		return false
	}
	s, err := sabotage.Find(o.sabotage)
	if err != nil {
		panic(err) // the job was made from it
	}
	f, ok := o.caught(s.Check)
	if ok {
		fmt.Printf("%-5s caught %-26s by %s, %s: %s\n", o.part.ID, s.Name, s.Check, took, f.repeat)
		return true
	}
	fmt.Printf("%-5s NOT CAUGHT: %s (%s). %s should have seen it in %s\n", o.part.ID, s.Name, s.Says, s.Check, o.sum())
	if o.err == nil || len(o.found) == 0 {
		o.explain()
	}
	return false
}

// explain shows how a run ended.
func (o *outcome) explain() {
	if o.err != nil {
		fmt.Fprintf(os.Stderr, "     %v\n", o.err)
	}
	for _, line := range o.tail {
		fmt.Fprintln(os.Stderr, "     "+line)
	}
	for _, f := range o.found[:min(len(o.found), 3)] {
		fmt.Fprintf(os.Stderr, "     %s\n", f.repeat)
	}
}

// proof leaves out, one faulty build after another, the check that must catch it:
// the gate must then let it through, or it would not need that check.
func (b *bench) proof(ctx context.Context, only []string) error {
	failed := false
	for o := range b.all(ctx, chosen(blinded(), only)) {
		s, err := sabotage.Find(o.sabotage)
		if err != nil {
			return err
		}
		switch missed := o.missed(s); {
		case missed != "":
			failed = true
			fmt.Printf("%-5s %-26s %s\n", o.part.ID, s.Name, missed)
			o.explain()
		default:
			fmt.Printf("%-5s %-26s without %s the gate fails%s\n", o.part.ID, s.Name, s.Check, o.others())
		}
	}
	if failed {
		return errFailed
	}
	return nil
}

// blinded are the jobs of the proof.
func blinded() []job {
	jobs := faulty(false)
	for i := range jobs {
		s, err := sabotage.Find(jobs[i].sabotage)
		if err != nil {
			panic(err) // the job was made from it
		}
		jobs[i].env = []string{lab.WithoutEnv + "=" + s.Check}
	}
	return jobs
}

// missed says why a run with a blinded check proves nothing, or nothing.
func (o *outcome) missed(s sabotage.Sabotage) string {
	if _, ok := o.caught(s.Check); ok {
		return "is caught by " + s.Check + " although that check is left out"
	}
	if len(o.results) == 0 {
		return "could not be run"
	}
	return ""
}

// others names the checks that still spoke.
func (o *outcome) others() string {
	var names []string
	for _, f := range o.found {
		if !slices.Contains(names, f.check) {
			names = append(names, f.check)
		}
	}
	if len(names) == 0 {
		return "; no other check sees it"
	}
	return "; seen as well by " + strings.Join(names, ", ")
}
