package offline_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/offline/journaltest"
)

func yuan(v int64) agent.Money { return agent.Money{Value: v, Currency: "CNY"} }

// at sells on a lane by the store's clock.
func (ts *testStore) at(t *testing.T, lane string, n int, facts ...agent.Fact) agent.Payment {
	t.Helper()
	p := journaltest.Sale(n, lane)
	p.Created = ts.clock.Now()
	p, err := ts.Open(t.Context(), p, opened, sent(n))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range facts {
		p = ts.record(t, p, f)
	}
	return p
}

func (ts *testStore) begin(t *testing.T, lane, by string) agent.Shift {
	t.Helper()
	n, err := ts.OpenShift(t.Context(), agent.Shift{Lane: lane, Opened: ts.clock.Now(), OpenedBy: by, Begin: yuan(20000)})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// counted is a shift's row for the only wallet of these tests.
func counted(count, paid, open int, captured, refunded int64) []agent.WalletTotal {
	return []agent.WalletTotal{{Wallet: "wechat", Totals: agent.Totals{Currency: "CNY", Count: count, Paid: paid, Open: open, Captured: captured, Refunded: refunded}}}
}

// TestAShiftCountsItsOwnSales: none is lost between two shifts or counted in both, with a
// clock that is set meanwhile, after a restart, beside another lane's.
func TestAShiftCountsItsOwnSales(t *testing.T) {
	ts := openStore(t, nil)
	ts.at(t, "1", 1, approved)
	first := ts.begin(t, "1", "Wei")
	if first.ID == 0 || first.Over() {
		t.Fatalf("%+v", first)
	}
	if _, err := ts.OpenShift(t.Context(), agent.Shift{Lane: "1", Opened: ts.clock.Now(), Begin: yuan(0)}); agent.ClassOf(err) != agent.Conflict {
		t.Errorf("two shifts at one register: %v", err)
	}
	ts.begin(t, "2", "Ana")
	ts.at(t, "1", 2, approved)
	ts.at(t, "2", 3, approved)
	ts.clock.Jump(-2 * time.Hour)
	sold := ts.at(t, "1", 4, approved)
	doubt := ts.at(t, "1", 5, inDoubt, agent.Fact{Kind: agent.FactReversalDecided, Reason: agent.ReasonCancelled})
	ts.reopen(t, nil)
	now, err := ts.LaneShift(t.Context(), "1")
	if err != nil || now.ID != first.ID || !reflect.DeepEqual(now.Wallets, counted(3, 2, 1, 2560, 0)) {
		t.Fatalf("as far as it has come: %+v, %v", now, err)
	}
	ts.clock.Jump(3 * time.Hour)
	closed, err := ts.CloseShift(t.Context(), first.ID, ts.clock.Now(), "Ana", 31000)
	if err != nil || !closed.Over() || closed.ClosedBy != "Ana" || closed.End != yuan(31000) || closed.Begin != yuan(20000) || !reflect.DeepEqual(closed.Wallets, counted(3, 2, 1, 2560, 0)) {
		t.Fatalf("closed: %+v, %v", closed, err)
	}
	if _, err := ts.CloseShift(t.Context(), first.ID, ts.clock.Now(), "Wei", 1); agent.ClassOf(err) != agent.Conflict {
		t.Errorf("closed twice: %v", err)
	}
	ts.at(t, "1", 6, approved)
	second := ts.begin(t, "1", "Wei")
	ts.at(t, "1", 7, approved)
	// What happens to old sales later is the day's business: a Z report stands.
	ts.record(t, sold, refund(sold, 1, 1000))
	ts.record(t, doubt, agent.Fact{Kind: agent.FactReversalAccepted, Op: agent.OpReverse})
	again, err := ts.Shift(t.Context(), first.ID)
	if err != nil || !reflect.DeepEqual(again, closed) {
		t.Errorf("the Z report became %+v, %v", again, err)
	}
	if now, err := ts.LaneShift(t.Context(), "1"); err != nil || now.ID != second.ID || !reflect.DeepEqual(now.Wallets, counted(1, 1, 0, 1280, 0)) {
		t.Errorf("the next shift has %+v, %v", now, err)
	}
	_, byID := ts.Shift(t.Context(), 99)
	_, byLane := ts.LaneShift(t.Context(), "9")
	if agent.ClassOf(byID) != agent.NotFound || agent.ClassOf(byLane) != agent.NotFound {
		t.Errorf("a shift that is not there: %v, %v", byID, byLane)
	}
	clean(t, ts.dir)
}

func TestAClosedShiftNeverChanges(t *testing.T) {
	ts := openStore(t, nil)
	n := ts.begin(t, "1", "Wei")
	ts.at(t, "1", 1, approved)
	if _, err := ts.CloseShift(t.Context(), n.ID, ts.clock.Now(), "Wei", 0); err != nil {
		t.Fatal(err)
	}
	db := byHand(t, ts.dir)
	for _, statement := range []string{"UPDATE shift SET sums = '[]'", "UPDATE shift SET closed = 1", "UPDATE shift SET left_over = 5", "UPDATE shift SET drawer = 5", "DELETE FROM shift",
		"INSERT INTO shift(lane, currency, opened, opened_by, drawer, since, sums) VALUES ('3', 'CNY', 0, 'x', 0, 0, '[]')"} {
		if _, err := db.Exec(statement); err == nil {
			t.Errorf("%s is possible", statement)
		}
	}
}

// TestAShiftWhoseSumsWereNotWritten is what a power cut between the end of a shift and its
// count leaves: the journal still knows.
func TestAShiftWhoseSumsWereNotWritten(t *testing.T) {
	ts := openStore(t, nil)
	n := ts.begin(t, "1", "Wei")
	ts.at(t, "1", 1, approved)
	if _, err := byHand(t, ts.dir).Exec("UPDATE shift SET closed = 1, closed_by = 'Wei', left_over = 0, upto = (SELECT max(seq) FROM journal)"); err != nil {
		t.Fatal(err)
	}
	ts.at(t, "1", 2, approved)
	if got, err := ts.Shift(t.Context(), n.ID); err != nil || !reflect.DeepEqual(got.Wallets, counted(1, 1, 0, 1280, 0)) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestParkedAmounts(t *testing.T) {
	ts := openStore(t, nil)
	park := func(id string) error {
		return ts.Park(t.Context(), agent.Parked{ID: id, Lane: "1", Amount: yuan(1280), Note: "table 4", By: "Wei", At: ts.clock.Now()})
	}
	for _, id := range []string{"a", "a", "b"} {
		if err := park(id); err != nil {
			t.Fatal(err)
		}
	}
	ts.reopen(t, nil)
	list, err := ts.Parked(t.Context())
	if err != nil || len(list) != 2 || list[0].ID != "a" || list[0].Amount != yuan(1280) || list[0].Note != "table 4" || list[0].By != "Wei" || !list[0].At.Equal(ts.clock.Now()) {
		t.Fatalf("%+v, %v", list, err)
	}
	// Two registers reach for the same amount: one gets it.
	if err := ts.Unpark(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if err := ts.Unpark(t.Context(), "a"); agent.ClassOf(err) != agent.NotFound {
		t.Errorf("taken up twice: %v", err)
	}
	for n := range 49 {
		if err := park(fmt.Sprint("more ", n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := park("one too many"); agent.ClassOf(err) != agent.Conflict {
		t.Errorf("the list has no end: %v", err)
	}
	if err := park("b"); err != nil {
		t.Errorf("a repeat on a full list: %v", err)
	}
}
