package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tillwire/cmd/tillcloud/lab"
)

// faultyID is what the faulty builds together are called in the campaign's table.
const faultyID = "C14"

// chosen are the jobs of the named campaigns, in any case of letters; all when none
// is named, and the faulty builds alone for C14. A name that no job has is an error:
// a campaign that nobody ran must not look like one that found nothing.
func chosen(jobs []job, names []string) ([]job, error) {
	if len(names) == 0 {
		return jobs, nil
	}
	var known []string
	for _, j := range jobs {
		for _, id := range j.ids() {
			if !slices.Contains(known, id) {
				known = append(known, id)
			}
		}
	}
	var picked []job
	for _, j := range jobs {
		if slices.ContainsFunc(names, j.called) {
			picked = append(picked, j)
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(known, func(id string) bool { return strings.EqualFold(id, name) }) {
			return nil, fmt.Errorf("nothing to run here is called %q; there are %s", name, strings.Join(known, ", "))
		}
	}
	return picked, nil
}

// ids are the names by which a job can be chosen.
func (j job) ids() []string {
	if j.sabotage != "" {
		return []string{j.part.ID, faultyID}
	}
	return []string{j.part.ID}
}

func (j job) called(name string) bool {
	return slices.ContainsFunc(j.ids(), func(id string) bool { return strings.EqualFold(id, name) })
}

// whole refuses what would make a page lie: checks that are left out, and seeds
// that somebody chose.
func whole() error {
	for _, name := range []string{lab.WithoutEnv, lab.SeedEnv} {
		if value := os.Getenv(name); value != "" {
			return fmt.Errorf("%s=%s is set: a page is about every check and the campaign's own seeds. Unset it and start again", name, value)
		}
	}
	return nil
}

// reduced says what the environment takes away from a run that writes no page.
func reduced() {
	for _, name := range []string{lab.WithoutEnv, lab.SeedEnv} {
		if value := os.Getenv(name); value != "" {
			fmt.Printf("!! %s=%s: this is not the whole gate\n", name, value)
		}
	}
}

// pageFile is where a page goes: to its own place only if it is about the whole,
// since others read there what the project promises.
func (b *bench) pageFile(name, asked string, whole bool) (string, error) {
	own := filepath.Join(b.root, "offline", name)
	switch file, err := filepath.Abs(asked); {
	case asked == "" && whole:
		return own, nil
	case asked == "":
		return "", errors.New("this is a part of the whole: say with -page FILE (make: PAGE=FILE) where its page goes")
	case err != nil:
		return "", err
	case !whole && file == own:
		return "", fmt.Errorf("offline/%s is for the whole; give -page (make: PAGE=) another file", name)
	default:
		return file, nil
	}
}
