package offline_test

import (
	"fmt"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/offline"
	"tillwire/offline/journaltest"
)

// TestOneWalletsTasksLeaveWorkersForTheOthers: of sixteen workers a wallet that
// hangs holds twelve at the most, however much of its is due first.
func TestOneWalletsTasksLeaveWorkersForTheOthers(t *testing.T) {
	ts := openStore(t, func(opt *offline.Options) { opt.PerWallet = 12 })
	for i := range 22 {
		started := sent(i)
		if started.Wallet = "wechat"; i >= 20 {
			started.Wallet = "alipay"
		}
		p, err := ts.Open(t.Context(), journaltest.Sale(i, fmt.Sprint("lane ", i)), opened, started)
		if err != nil {
			t.Fatal(err)
		}
		ts.record(t, p, agent.Fact{Kind: agent.FactInDoubt, Op: agent.OpPay, Reason: agent.ReasonNoAnswer})
	}
	ts.clock.Advance(time.Hour)
	tasks := lease(t, ts, 16)
	if by := wallets(t, ts, tasks); by["wechat"] != 12 || by["alipay"] != 2 {
		t.Fatalf("leased %v", by)
	}
	// Nothing is due while the share is used up: nobody asks in vain.
	if wait, any, err := ts.NextDue(t.Context()); any || err != nil {
		t.Fatalf("due in %s, %v", wait, err)
	}
	if more := lease(t, ts, 2); len(more) != 0 {
		t.Fatalf("leased %+v beyond the share", more)
	}
	for _, task := range tasks[len(tasks)-3:] { // alipay asks sooner, so these are of wechat
		if err := ts.Postpone(t.Context(), task, time.Hour, "later"); err != nil {
			t.Fatal(err)
		}
	}
	if more := lease(t, ts, 16); len(more) != 3 {
		t.Fatalf("leased %+v after three came back", more)
	}
}

func lease(t *testing.T, ts *testStore, limit int) []agent.Task {
	t.Helper()
	tasks, err := ts.Lease(t.Context(), limit)
	if err != nil {
		t.Fatal(err)
	}
	return tasks
}

func wallets(t *testing.T, ts *testStore, tasks []agent.Task) map[string]int {
	t.Helper()
	by := map[string]int{}
	for _, task := range tasks {
		p, err := ts.Payment(t.Context(), task.Payment)
		if err != nil {
			t.Fatal(err)
		}
		by[p.Status.Wallet]++
	}
	return by
}
