package main

import (
	"errors"
	"strings"
	"testing"

	"tillwire/cmd/tillcloud/lab/sabotage"
)

// said is what a run prints: its lines come from both of its streams.
const said = `LAB-PROGRESS C6 12 of 40 payments, 0 violations, 2s
--- FAIL: TestShops (0.05s)
    shop_test.go:55: VIOLATION I7-one-key: the ledger has order A1 (captured 5): and no payment has that number
        repeat it: make replay SEED=C6-3 SABOTAGE=new-number-on-retry
    shop_test.go:55: VIOLATION books-agree: A1 keeps 0
        repeat it: make replay SEED=C6-4
FAIL
LAB-RESULT {"campaign":"C6","unit":"payments","seed":1,"size":40,"done":40,"violations":2,"figures":{"queue_max":7}}
`

func hearing(t *testing.T, text string) *outcome {
	t.Helper()
	o := &outcome{job: job{part: part{ID: "C6"}}}
	if err := o.hear(strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestARunIsKnownByWhatItSaid(t *testing.T) {
	told := 0
	o := &outcome{job: job{part: part{ID: "C6"}, progress: func(text string) {
		if told++; !strings.HasPrefix(text, "C6 12 of 40") {
			t.Errorf("progress %q", text)
		}
	}}}
	if err := o.hear(strings.NewReader(said)); err != nil || told != 1 {
		t.Fatalf("told %d times: %v", told, err)
	}
	if len(o.results) != 1 || o.results[0].Done != 40 || o.results[0].Figures["queue_max"] != 7 {
		t.Errorf("results %+v", o.results)
	}
	f, ok := o.caught("I7-one-key")
	if !ok || f.repeat != "make replay SEED=C6-3 SABOTAGE=new-number-on-retry" || !strings.HasPrefix(f.what, "the ledger has order A1") {
		t.Errorf("found %+v", o.found)
	}
	if _, ok := o.caught("I1-one-charge"); ok {
		t.Error("a check that did not speak is taken to have caught something")
	}
	if len(o.tail) != 6 {
		t.Errorf("kept %d lines: %q", len(o.tail), o.tail)
	}
	if o := hearing(t, `LAB-RESULT {"campaign":"C5","size":1,"done":1}`); len(o.results) != 0 {
		t.Error("another campaign's result is taken for this one's")
	}
	if err := o.hear(strings.NewReader("LAB-RESULT {half")); err == nil {
		t.Error("half a result was believed")
	}
}

func TestAnHonestRunMustEndWellAndWhole(t *testing.T) {
	const whole = `LAB-RESULT {"campaign":"C6","size":40,"done":40,"violations":0}` + "\n"
	good := hearing(t, whole)
	if why := good.wrong(); len(why) > 0 {
		t.Errorf("a good run is called wrong: %q", why)
	}
	if fewer := hearing(t, `LAB-RESULT {"campaign":"C6","size":40,"least":39,"done":39}`); len(fewer.wrong()) > 0 {
		t.Errorf("a run that did all there is: %q", fewer.wrong())
	}
	died := hearing(t, whole)
	died.err = errors.New("exit status 2")
	for name, o := range map[string]*outcome{
		"violations": hearing(t, said), "no result": hearing(t, "PASS\n"), "an error": died, "a case that broke": hearing(t, "BROKEN no disk\n"+whole),
		"half the work": hearing(t, `LAB-RESULT {"campaign":"C6","size":40,"done":20}`), "a counted violation": hearing(t, `LAB-RESULT {"campaign":"C6","size":40,"done":40,"violations":1}`),
	} {
		if len(o.wrong()) == 0 {
			t.Errorf("a run with %s passes", name)
		}
	}
}

func TestACaseThatBrokeLeavesTheViolationItsCommand(t *testing.T) {
	o := hearing(t, "VIOLATION I1-one-charge: twice\nrepeat it: make replay SEED=C6-1\nBROKEN no disk\nand no hope\nrepeat it: make replay SEED=C6-2\nrepeat it: nobody's\n")
	if len(o.found) != 1 || o.found[0].repeat != "make replay SEED=C6-1" || len(o.broken) != 1 || o.broken[0].repeat != "make replay SEED=C6-2" {
		t.Fatalf("found %+v, broken %+v", o.found, o.broken)
	}
	why := strings.Join(o.wrong(), "\n")
	for _, want := range []string{"1 violations; the first: I1-one-charge: twice. Repeat it: `make replay SEED=C6-1`", "1 cases could not be run to their end; the first: no disk. Repeat it: `make replay SEED=C6-2`"} {
		if !strings.Contains(why, want) {
			t.Errorf("the reasons lack %q: %s", want, why)
		}
	}
}

func TestEveryFaultyBuildHasACampaign(t *testing.T) {
	if jobs := faulty(); len(jobs) != len(sabotage.All()) {
		t.Errorf("%d jobs", len(jobs))
	}
	for _, j := range blinded() {
		s, err := sabotage.Find(j.sabotage)
		if err != nil || j.without != s.Check || j.catch != s.Check {
			t.Errorf("the proof for %s: %+v, %v", j.sabotage, j, err)
		}
	}
	if _, err := partOf("C99"); err == nil {
		t.Error("a campaign that does not exist was found")
	}
}

func TestAMissedFaultyBuildIsNotTakenForProof(t *testing.T) {
	j := job{part: part{ID: "C6"}, sabotage: "new-number-on-retry", catch: "I7-one-key"}
	run := func(without, text string) *outcome {
		o := hearing(t, text)
		o.job = j
		o.without = without
		return o
	}
	seen, unseen := []outcome{*run("", said)}, []outcome{*run("", "PASS\n")}
	blind := strings.ReplaceAll(said, "VIOLATION I7-one-key", "VIOLATION I2-intent-first")
	good := run("I7-one-key", blind)
	if why := good.unproven(seen); len(why) > 0 || strings.Join(good.others(), " ") != "I2-intent-first books-agree" {
		t.Errorf("a blinded run: %q, %q", why, good.others())
	}
	for name, o := range map[string]*outcome{
		"a check that speaks although it is left out": run("I7-one-key", said),
		"a run that never ended":                      run("I7-one-key", "panic: something else\n"),
		"a run that ended early":                      run("I7-one-key", strings.ReplaceAll(blind, `"done":40`, `"done":4`)),
		"a case that broke":                           run("I7-one-key", "BROKEN no disk\n"+blind),
	} {
		if len(o.unproven(seen)) == 0 {
			t.Errorf("%s is taken for proof", name)
		}
	}
	if len(good.unproven(unseen)) == 0 || len(good.unproven(nil)) == 0 {
		t.Error("a faulty build that no check sees at all is taken for proof of one")
	}
}
