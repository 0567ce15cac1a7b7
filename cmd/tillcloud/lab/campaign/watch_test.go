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
	if why := good.wrong(); why != "" {
		t.Errorf("a good run is called wrong: %s", why)
	}
	died := hearing(t, whole)
	died.err = errors.New("exit status 2")
	for name, o := range map[string]*outcome{
		"violations": hearing(t, said), "no result": hearing(t, "PASS\n"), "an error": died,
		"half the work": hearing(t, `LAB-RESULT {"campaign":"C6","size":40,"done":20}`), "a counted violation": hearing(t, `LAB-RESULT {"campaign":"C6","size":40,"done":40,"violations":1}`),
	} {
		if o.wrong() == "" {
			t.Errorf("a run with %s passes", name)
		}
	}
}

func TestEveryFaultyBuildHasACampaign(t *testing.T) {
	if jobs := faulty(true); len(jobs) != len(sabotage.All()) {
		t.Errorf("%d jobs", len(jobs))
	}
	for _, j := range blinded() {
		s, err := sabotage.Find(j.sabotage)
		if err != nil || len(j.env) != 1 || !strings.HasSuffix(j.env[0], "="+s.Check) || j.catch != "" {
			t.Errorf("the proof for %s: %+v, %v", j.sabotage, j, err)
		}
	}
	if _, err := partOf("C99"); err == nil {
		t.Error("a campaign that does not exist was found")
	}
}

func TestAMissedFaultyBuildIsNotTakenForProof(t *testing.T) {
	s, err := sabotage.Find("new-number-on-retry")
	if err != nil {
		t.Fatal(err)
	}
	if hearing(t, said).missed(s) == "" {
		t.Error("a check that was left out and speaks all the same went unnoticed")
	}
	if hearing(t, "panic: something else\n").missed(s) == "" {
		t.Error("a run that never ended is taken for proof")
	}
	blind := hearing(t, strings.ReplaceAll(said, "VIOLATION I7-one-key", "VIOLATION I2-intent-first"))
	if why := blind.missed(s); why != "" || !strings.Contains(blind.others(), "I2-intent-first, books-agree") {
		t.Errorf("a blinded run: %q, %q", why, blind.others())
	}
}
