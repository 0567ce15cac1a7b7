package checkout_test

import (
	"errors"
	"testing"
	"time"

	"tillwire/agent"
)

// TestALockedTerminalTakesNoNewPaymentAndEndsThoseItHas: a lock from afar stops no
// sale that has begun and moves no money.
func TestALockedTerminalTakesNoNewPaymentAndEndsThoseItHas(t *testing.T) {
	inShop(t, func(s *shop) {
		reason := ""
		s.locked = func() (string, bool) { return reason, reason != "" }
		s.restart()
		ask := agent.Request{Client: "till:1", RequestID: "before", Lane: lane, Amount: agent.Money{Value: 1280, Currency: "CNY"}, Mode: agent.ModeScan}
		before, _, err := s.engine.Open(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		reason = "stolen on Friday"
		if r := s.scan(goodCode); !r.Accepted {
			t.Fatalf("the scan of a sale that had begun was not accepted: %s", r.Say)
		}
		if p := s.settle(before.ID, time.Second); p.Status.State != agent.Paid {
			t.Errorf("a sale that had begun ends %s", p.Status.State)
		}
		if again, repeated, err := s.engine.Open(t.Context(), ask); err != nil || !repeated || again.ID != before.ID {
			t.Errorf("a till that asks again for it hears %v", err)
		}
		ask.RequestID = "after"
		_, _, err = s.engine.Open(t.Context(), ask)
		var told *agent.Error
		if !errors.As(err, &told) || told.Code != agent.CodeLocked || told.Class != agent.Conflict || len(told.Say.Args) != 1 || told.Say.Args[0] != reason {
			t.Errorf("a new sale: %v", err)
		}
		reason = ""
		if _, _, err := s.engine.Open(t.Context(), ask); err != nil {
			t.Errorf("unlocked: %v", err)
		}
	})
}
