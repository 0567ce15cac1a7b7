package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tillwire/cmd/tillcloud/lab"
)

// root is the module's, from this folder.
const root = "../../../.."

var commitLine = regexp.MustCompile("(?m)^\\| commit \\| `([0-9a-f]{40})` \\|$")

// TestThePagesAreOfThisHistory: a page about a commit that this tree does not come
// from says nothing about this tree.
func TestThePagesAreOfThisHistory(t *testing.T) {
	if out, err := exec.CommandContext(t.Context(), "git", "-C", root, "rev-parse", "HEAD").CombinedOutput(); err != nil {
		t.Logf("NOT CHECKED: these are sources without their git history: %s", out)
		return
	}
	shallow, err := exec.CommandContext(t.Context(), "git", "-C", root, "rev-parse", "--is-shallow-repository").Output()
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(root, "offline", "README.md"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, name := range []string{"CAMPAIGN.md", "CAMPAIGN-LONG.md", "SOAK.md"} {
		text, err := os.ReadFile(filepath.Join(root, "offline", name))
		if errors.Is(err, fs.ErrNotExist) && !strings.Contains(string(readme), name) {
			continue // nobody refers to it yet
		}
		if err != nil {
			t.Errorf("make campaign and make soak write the pages: %v", err)
			continue
		}
		why := soakRefusals(string(text))
		switch name {
		case "CAMPAIGN.md":
			why = refusals(t, string(text), partsAt(t, string(text)))
		case "CAMPAIGN-LONG.md":
			why = longRefusals(string(text))
		}
		for _, reason := range why {
			t.Errorf("offline/%s is not a page that the project can show: %s", name, reason)
		}
		found := commitLine.FindSubmatch(text)
		if found == nil {
			t.Errorf("offline/%s names no commit", name)
			continue
		}
		out, err := exec.CommandContext(t.Context(), "git", "-C", root, "merge-base", "--is-ancestor", string(found[1]), "HEAD").CombinedOutput()
		switch {
		case err == nil:
		case strings.TrimSpace(string(shallow)) == "true":
			t.Logf("NOT CHECKED: this clone is shallow and does not reach back to %s, of which offline/%s is; git fetch --unshallow", found[1], name)
		default:
			t.Errorf("offline/%s is of commit %s, which is no ancestor of this tree: run it again and commit its page. %s", name, found[1], out)
		}
	}
}

// longRefusals says why a page does not speak for ten times a release's codes.
func longRefusals(page string) (why []string) {
	for _, line := range []string{"# The fault campaign: 0 violations\n", "| sizes | long |\n", "| violations | 0 |\n", "| C11 | stolen, forged and damaged codes | 20,000,000 executions | "} {
		if !strings.Contains(page, line) {
			why = append(why, fmt.Sprintf("it lacks %q", line))
		}
	}
	return why
}

// partsAt are the campaigns that the commit of a page had: a page speaks for its own
// commit, and a campaign that is younger is missing on it until the next release.
func partsAt(t *testing.T, page string) (all []part) {
	t.Helper()
	found := commitLine.FindStringSubmatch(page)
	if found == nil {
		return parts()
	}
	source, err := exec.CommandContext(t.Context(), "git", "-C", root, "show", found[1]+":cmd/tillcloud/lab/campaign/parts.go").Output()
	if err != nil {
		return parts() // of no commit that is known here: it must have all of them
	}
	for _, p := range parts() {
		if strings.Contains(string(source), `{ID: "`+p.ID+`",`) {
			all = append(all, p)
		} else {
			t.Logf("NOT CHECKED: %s is younger than the page of %.12s; make campaign runs it", p.ID, found[1])
		}
	}
	return all
}

// example is the page of a campaign in which everything went well.
func example() *page {
	begun := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	p := &page{Commit: strings.Repeat("ab", 20), Machine: "2 processors", Size: "release", Begun: begun, Ended: begun.Add(time.Hour)}
	for _, part := range parts() {
		r := lab.Result{Campaign: part.ID, Unit: part.Unit, Seed: 1, Size: part.Least, Done: part.Least, Begun: begun, Ended: begun.Add(12 * time.Minute), Wallets: []string{"wechat"}}
		switch part.ID {
		case "C4":
			r.Figures = map[string]float64{"pay request bytes": 1099, "pay answer bytes": 899}
			r.Size, r.Done = 2000*cutWays, 2000*cutWays
		case "C6":
			r.Done, r.Figures = 1_000_031, map[string]float64{"drain_seconds": 31.25, "queue_max": 512}
		}
		p.Honest = append(p.Honest, outcome{job: job{part: part}, results: []lab.Result{r}})
	}
	for _, j := range faulty() {
		f := finding{check: j.catch, what: "something", repeat: "make replay SEED=C5-1 SABOTAGE=" + j.sabotage}
		p.Faulty = append(p.Faulty, outcome{job: j, found: []finding{f}})
	}
	for _, j := range blinded() {
		p.Blind = append(p.Blind, outcome{job: j, results: []lab.Result{{Campaign: j.part.ID, Size: 40, Done: 40}}})
	}
	return p
}

func TestThePageSaysWhatTheRunsSaid(t *testing.T) {
	p := example()
	text := string(p.text())
	for _, want := range []string{"# The fault campaign: 0 violations; 15 of 15 faulty builds caught\n", "| commit | `" + p.Commit + "` |\n",
		"| C6 | whole shops in virtual time | 1,000,000 payments | 1,000,031 | 0 | 1 | 09:00:00 | 12.0 |\n",
		"| wallets | wechat |\n", "No other check sees sync-normal, ", "| C6 | drain seconds | 31.25 |\n", "| C6 | queue max | 512 |\n", "make replay SEED=C5-1 SABOTAGE=no-tombstone", "after 1h0m0s"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
	if wrong := p.wrong(); len(wrong) > 0 {
		t.Errorf("a good campaign failed: %q", wrong)
	}
	if found := commitLine.FindStringSubmatch(text); found == nil || found[1] != p.Commit {
		t.Errorf("the page's commit cannot be read back: %v", found)
	}
}

func TestAPageAboutAFailureSaysSo(t *testing.T) {
	for name, spoil := range map[string]func(*page){
		"a violation": func(p *page) {
			p.Honest[0].results[0].Violations = 1
			p.Honest[0].found = []finding{{"I1-one-charge", "twice", "make replay SEED=C6-9"}}
		},
		"half a campaign":    func(p *page) { p.Honest[0].results[0].Done = 5 },
		"no result":          func(p *page) { p.Honest[0].results = nil },
		"a case that broke":  func(p *page) { p.Honest[0].broken = []finding{{what: "no disk"}} },
		"a check left out":   func(p *page) { p.Honest[0].results[0].Without = []string{"I1-one-charge"} },
		"a survivor":         func(p *page) { p.Faulty[3].found = nil },
		"a check not needed": func(p *page) { p.Blind[3].found = p.Faulty[3].found },
		"half a proof":       func(p *page) { p.Blind[3].results[0].Done = 20 },
		"a broken proof":     func(p *page) { p.Blind[3].broken = []finding{{what: "no disk"}} },
	} {
		p := example()
		spoil(p)
		if text := string(p.text()); len(p.wrong()) == 0 || !strings.Contains(text, "## What failed") {
			t.Errorf("%s is no failure:\n%s", name, text)
		}
	}
}

func TestCountsAreReadable(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000"} {
		if got := thousands(n); got != want {
			t.Errorf("%d is written %q", n, got)
		}
	}
}
