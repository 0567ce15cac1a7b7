package offline_test

import (
	"errors"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/offline/journaltest"
)

// TestACodeIsRememberedWhateverTheClockSays: a terminal without a battery starts in
// 1970 or years ahead, and the code on the customer's phone is still the same.
func TestACodeIsRememberedWhateverTheClockSays(t *testing.T) {
	for name, jump := range map[string]time.Duration{"right": 0, "a day ahead": 24 * time.Hour, "years ahead": 10 * 365 * 24 * time.Hour,
		"years back": -10 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			ts := openStore(t, nil)
			code := agent.Fact{Kind: agent.FactPayStarted, Op: agent.OpPay, Attempt: 1, Wallet: "wechat", CodePrint: []byte("the print of a code")}
			first, err := ts.Open(t.Context(), journaltest.Sale(1, "lane 1"), opened, code)
			if err != nil {
				t.Fatal(err)
			}
			ts.clock.Jump(jump)
			ts.reopen(t, nil)
			got, err := ts.Open(t.Context(), journaltest.Sale(2, "lane 2"), opened, code)
			if !errors.Is(err, agent.ErrCodeSeen) || got.ID != first.ID {
				t.Errorf("the code of payment %s was taken for payment %s: %v", first.ID, got.ID, err)
			}
		})
	}
}
