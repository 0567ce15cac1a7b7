package offline_test

import (
	"testing"
	"time"

	"tillwire/agent"
)

func TestPaymentsAreFoundByWhatHappenedToThem(t *testing.T) {
	ts, start := aDay(t)
	span := func(from, to time.Duration) []string {
		t.Helper()
		list, err := ts.Touched(t.Context(), start.Add(from), start.Add(to))
		if err != nil {
			t.Fatal(err)
		}
		return numbers(list)
	}
	if got := span(0, time.Hour); len(got) != 4 || got[0] != "0" || got[3] != "3" {
		t.Errorf("in the first hour: %v", got)
	}
	if got := span(time.Hour+time.Minute, time.Hour+14*time.Minute); len(got) != 0 {
		t.Errorf("while nothing happened: %v", got)
	}
	if got := span(15*time.Minute, 15*time.Minute); len(got) != 0 {
		t.Errorf("in no time: %v", got)
	}
	// A month without a sale, and then a refund of an old one.
	ts.clock.Advance(30 * 24 * time.Hour)
	old, err := ts.ByOrderNo(t.Context(), mustFirst(t, ts, start.Add(15*time.Minute)).OrderNo)
	if err != nil {
		t.Fatal(err)
	}
	now := ts.clock.Now().Sub(start)
	ts.record(t, old, refund(old, 9, 10))
	if got := span(now-time.Hour, now+time.Hour); len(got) != 1 || got[0] != "1" {
		t.Errorf("after a month: %v", got)
	}
	if got := span(0, 24*time.Hour); len(got) != 40 {
		t.Errorf("the first day has %d payments", len(got))
	}
}

func mustFirst(t *testing.T, ts *testStore, from time.Time) agent.Payment {
	t.Helper()
	list, err := ts.Touched(t.Context(), from, from.Add(time.Minute))
	if err != nil || len(list) == 0 {
		t.Fatal(list, err)
	}
	return list[0]
}
