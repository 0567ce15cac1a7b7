package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/cmd/tillcloud/lab"
	"tillwire/cmd/tillcloud/lab/sabotage"
)

func TestAMisspeltCampaignIsNoSuccess(t *testing.T) {
	all, faults := append(honest("merge", time.Minute), faulty()...), len(sabotage.All())
	for names, want := range map[string]int{"": len(all), "C4": 1, "c6": 1, "C1": 2, "C14": faults, "C4 C9": 3} {
		jobs, err := chosen(all, strings.Fields(names))
		if err != nil || len(jobs) != want {
			t.Errorf("%q: %d jobs, %v; want %d", names, len(jobs), err, want)
		}
	}
	for _, wrong := range []string{"C44", "C13", "C", "C4,C5"} {
		if _, err := chosen(all, []string{"C4", wrong}); err == nil || !strings.Contains(err.Error(), "C10") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if _, err := chosen(blinded(), []string{"C6"}); err == nil || !strings.Contains(err.Error(), "C2") || strings.Contains(err.Error(), "C10") {
		t.Errorf("a proof in a campaign without faulty builds: %v", err)
	}
	for only, want := range map[string]int{"": len(parts()) + 2*faults, "C4,C6": 2, "C14": 2 * faults, "C6,c14": 1 + 2*faults} {
		jobs, err := selected("release", only)
		if err != nil || len(jobs) != want {
			t.Errorf("-only %q: %d jobs, %v; want %d", only, len(jobs), err, want)
		}
	}
	for _, only := range []string{"C44", "C4,", "C14,C44", "C13"} {
		if _, err := selected("release", only); err == nil {
			t.Errorf("-only %q starts", only)
		}
	}
}

func TestAPartOfTheWholeHasAPageOfItsOwn(t *testing.T) {
	b := &bench{root: "/project"}
	for _, c := range []struct {
		asked string
		whole bool
		want  string
	}{
		{"", true, "/project/offline/CAMPAIGN.md"}, {"/tmp/x.md", true, "/tmp/x.md"}, {"/tmp/x.md", false, "/tmp/x.md"},
		{"", false, ""}, {"/project/offline/../offline/CAMPAIGN.md", false, ""},
	} {
		if got, err := b.pageFile("CAMPAIGN.md", c.asked, c.whole); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
}

func TestAPageIsAboutEveryCheck(t *testing.T) {
	if err := whole(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{lab.WithoutEnv, lab.SeedEnv} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, "I1-one-charge")
			if err := whole(); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("with %s: %v", name, err)
			}
		})
	}
}

func TestACaseIsReadAsPeopleWriteIt(t *testing.T) {
	for text, want := range map[string]string{"C6-17": "C6-17", "c6-1": "C6-1", "QUEUE-2": "queue-2"} {
		if _, got, err := caseOf(text); err != nil || got != want {
			t.Errorf("%s is read as %q, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{"C6-x": "such as C6-17", "C6": "such as C6-17", "": "such as C6-17", "C44-1": "there are C1", "C14-1": "SABOTAGE="} {
		if _, _, err := caseOf(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestWhatAKilledBenchLeftIsRemoved(t *testing.T) {
	home := t.TempDir()
	dead := filepath.Join(home, "tillwire-bench-dead")
	for _, dir := range []string{dead, filepath.Join(home, "tillwire-bench-strange"), filepath.Join(home, "another")} {
		if err := os.MkdirAll(filepath.Join(dir, "tillwire-lab-1"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dead, "lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var first, second bench
	for _, b := range []*bench{&first, &second} {
		b.dir = t.TempDir()
		if err := b.settle(home); err != nil {
			t.Fatal(err)
		}
	}
	left, err := filepath.Glob(filepath.Join(home, "*"))
	if err != nil || len(left) != 4 {
		t.Errorf("left %q, %v; want two benches at work, one that nobody knows, and a stranger", left, err)
	}
	first.close()
	second.close()
	if left, _ := filepath.Glob(filepath.Join(home, "*")); len(left) != 2 {
		t.Errorf("left %q in the end", left)
	}
}

// TestARunThatMustEndMayClearUp: it is asked first, and what it started goes with it.
func TestARunThatMustEndMayClearUp(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "run")
	text := "#!/bin/sh\ntrap 'touch \"$0.cleared\"; exit 1' TERM\nsleep 600 &\necho $! > \"$0.child\"\nwait\n"
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	b := &bench{root: dir, clock: agent.NewSystemClock()}
	if err := os.MkdirAll(filepath.Join(dir, filepath.FromSlash(b.folder(part{}))), 0o700); err != nil {
		t.Fatal(err)
	}
	o := &outcome{job: job{limit: 2 * time.Second}}
	if err := b.watch(t.Context(), script, o); err == nil || !strings.Contains(err.Error(), "stopped after") {
		t.Errorf("a run over its limit: %v", err)
	}
	if _, err := os.Stat(script + ".cleared"); err != nil {
		t.Errorf("it was not asked to end: %v", err)
	}
	child, err := os.ReadFile(script + ".child")
	if err != nil {
		t.Fatal(err)
	}
	// A killed process may still be listed until somebody asks for its end.
	state, err := os.ReadFile("/proc/" + strings.TrimSpace(string(child)) + "/stat")
	if err == nil && !strings.Contains(string(state), ") Z ") {
		t.Errorf("what it had started runs on: %s", state)
	}
}

func TestWhatNeedsAllProcessorsComesFirstAndWhatNeedsNoneRunsBesideIt(t *testing.T) {
	var order []string
	taken := map[string]int{}
	for _, j := range honest("release", time.Minute)[:4] {
		order = append(order, j.part.ID)
		taken[j.part.ID] = j.slots()
	}
	if got := strings.Join(order, " "); got != "C3 C6 C1 C11" || taken["C3"] != 0 || taken["C6"] != slots || taken["C1"] != slots || taken["C11"] != slots {
		t.Errorf("a release begins with %s, on %v processors", got, taken)
	}
}
