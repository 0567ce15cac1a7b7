package soak_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tillwire/cmd/tillcloud/lab"
)

const (
	halfHour = 30 * time.Minute // about a run of the agent, in a soak
	again    = 40 * time.Second // run of a case that is repeated
	glimpse  = 2 * time.Second  // run of a plain test
	// settling bounds the end of trade; a doubt is over after a tenth of a minute.
	settling = 4 * time.Minute // a limit for busy machines; the page has how long it really took
)

// checkFlat is that a process which trades for ever holds no more and no more.
const checkFlat = "holds-no-more"

func TestSoak(t *testing.T) {
	r := lab.Begin(t, "C13", "payments", 1, 1)
	if r.Size() == 0 {
		return
	}
	keys, err := lab.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	length, runs := glimpse, 1
	switch text := os.Getenv(lab.SoakEnv); {
	case r.Only():
		length = again
	case text != "":
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatalf("%s: %v", lab.SoakEnv, err)
		}
		runs = max(int(length.Round(halfHour)/halfHour), 1)
	}
	clock := lab.NewClock()
	var trading time.Duration
	for n := range runs {
		seed := r.First() + uint64(n)
		d := newDay(r, seed, keys, filepath.Join(t.TempDir(), fmt.Sprint(seed)))
		trading += d.run(t.Context(), length/time.Duration(runs))
		r.Violated(seed, flat(d.held, r.Figure)...)
		r.Count("runs_of_the_agent", 1)
		r.Count("samples", float64(len(d.held)))
	}
	r.Figure("payments_per_second", float64(r.Done())/trading.Seconds())
	r.Figure("hours", clock.Mono().Hours())
}
