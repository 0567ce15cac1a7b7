package brokertest

import (
	"testing"
	"time"
)

// Eventually looks until something holds, and fails the test when it does not within the
// patience. What goes through a real broker comes when it comes.
func Eventually(t testing.TB, patience time.Duration, what string, holds func() bool) {
	t.Helper()
	limit, look := time.After(patience), time.NewTicker(2*time.Millisecond)
	defer look.Stop()
	for !holds() {
		select {
		case <-look.C:
		case <-limit:
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}
