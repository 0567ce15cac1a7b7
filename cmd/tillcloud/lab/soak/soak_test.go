package soak_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/cmd/tillcloud/lab"
)

const (
	// lengthEnv is how long the soak lasts; without it there is a short day.
	lengthEnv = "TILLWIRE_SOAK"
	days      = 60               // about, of a soak
	shortest  = 10 * time.Second // day of a soak
	glimpse   = 2 * time.Second  // day of a plain test run
	// settling bounds the end of a day; a doubt is over after a tenth of a minute.
	settling = time.Minute
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
	length, day := time.Duration(1), glimpse
	if text := os.Getenv(lengthEnv); text != "" {
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatalf("%s: %v", lengthEnv, err)
		}
		day = max(length/days, shortest)
	}
	if r.Only() {
		length, day = 1, 4*shortest
	}
	clock := agent.NewSystemClock()
	scratch := t.TempDir()
	var after []sample
	var trading time.Duration
	for seed := r.First(); clock.Mono() < length || len(after) == 0; seed++ {
		d := newDay(r, seed, keys, filepath.Join(scratch, fmt.Sprint(seed)))
		trading += d.run(t.Context(), day)
		if err := os.RemoveAll(d.dir); err != nil {
			t.Error(err)
		}
		s, err := take(true)
		if err != nil {
			t.Fatal(err)
		}
		after = append(after, s)
		r.Count("days", 1)
	}
	r.Resize(r.Done())
	r.Figure("payments_per_second", float64(r.Done())/trading.Seconds())
	r.Figure("hours", clock.Mono().Hours())
	r.Violated(r.First(), flat(after, r.Figure)...)
}
