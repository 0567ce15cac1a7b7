package offline

import (
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/offline/journaltest"
)

// TestAShopThatIsNeverIdleForgetsOldCodes: otherwise its memory would grow with every
// payment until a quiet night.
func TestAShopThatIsNeverIdleForgetsOldCodes(t *testing.T) {
	clock := journaltest.NewClock()
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), Clock: clock, Timers: agent.DefaultTimers, BackupEvery: -1,
		Free: func(string) (uint64, error) { return 1 << 30, nil }})
	if err != nil {
		t.Fatal(err)
	}
	started := lateStarted
	started.CodePrint = []byte("a print of a code")
	if _, err := s.Open(t.Context(), journaltest.Sale(1, "1"), lateOpened, started); err != nil {
		t.Fatal(err)
	}
	look := func() int {
		t.Helper()
		const before = 0 // another row than the journal's last: it was written meanwhile
		if _, err := s.whenIdle(before); err != nil {
			t.Fatal(err)
		}
		s.mu.RLock()
		defer s.mu.RUnlock()
		return len(s.state.codes)
	}
	if n := look(); n != 1 {
		t.Errorf("%d codes are known just after one was used", n)
	}
	clock.Advance(codeMemory + time.Second)
	if n := look(); n != 0 {
		t.Errorf("%d codes are known when their time is over", n)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
