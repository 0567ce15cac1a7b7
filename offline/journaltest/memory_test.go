package journaltest_test

import (
	"errors"
	"testing"

	"tillwire/agent"
	"tillwire/offline/journaltest"
)

func memory(*testing.T) journaltest.Harness {
	clock, notices := journaltest.NewClock(), &journaltest.Notices{}
	m := journaltest.NewMemory(clock, agent.DefaultTimers, notices.Add)
	return journaltest.Harness{Store: m, Clock: clock, Notices: notices, Restart: func(*testing.T) journaltest.Store {
		m = m.Restart(nil)
		return m
	}}
}

func TestMemory(t *testing.T) { journaltest.Run(t, memory) }

func TestMemoryFailsOnDemand(t *testing.T) {
	m := journaltest.NewMemory(journaltest.NewClock(), agent.DefaultTimers, nil)
	m.Fail(errors.New("input/output error"))
	_, err := m.Open(t.Context(), journaltest.Sale(1, "1"), agent.Fact{Kind: agent.FactOpened})
	if agent.CodeOf(err) != agent.CodeNotWritable || agent.ClassOf(err) != agent.Unavailable {
		t.Fatalf("a broken journal answered %v", err)
	}
	m.Fail(nil)
	if _, err := m.Open(t.Context(), journaltest.Sale(1, "1"), agent.Fact{Kind: agent.FactOpened}); err != nil {
		t.Fatal(err)
	}
}

func TestRandomSequencesKeepTheInvariants(t *testing.T) {
	journaltest.TestSelf(t, func(clock *journaltest.Clock) journaltest.Store {
		return journaltest.NewMemory(clock, agent.DefaultTimers, nil)
	})
}
