package offline_test

import (
	"testing"

	"pgregory.net/rapid"

	"tillwire/agent"
	"tillwire/offline"
	"tillwire/offline/journaltest"
)

// TestTheStoreDoesWhatTheMemoryJournalDoes drives both with the same random calls.
func TestTheStoreDoesWhatTheMemoryJournalDoes(t *testing.T) {
	dir := t.TempDir()
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		clock := journaltest.NewClock()
		opt := options(dir+"/"+string(rune('a'+round%26))+string(rune('a'+round/26%26))+string(rune('a'+round/676)), clock)
		s, err := offline.Open(t.Context(), opt)
		if err != nil {
			rt.Fatal(err)
		}
		journaltest.Agree(rt, clock, journaltest.NewMemory(clock, agent.DefaultTimers, nil), s)
		report, err := s.Verify(t.Context(), agent.DefaultTimers)
		if err != nil || len(report.Findings) > 0 {
			rt.Fatalf("verification: %v %v", report.Findings, err)
		}
		if err := s.Close(); err != nil {
			rt.Fatal(err)
		}
	})
}
