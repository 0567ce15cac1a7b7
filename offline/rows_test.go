package offline_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/offline"
	"tillwire/offline/journaltest"
)

// rows collects what an export would write.
func (ts *testStore) rows(t *testing.T, f agent.Filter) (list []offline.Row) {
	t.Helper()
	if err := ts.Rows(t.Context(), f, func(r offline.Row) error { list = append(list, r); return nil }); err != nil {
		t.Fatal(err)
	}
	return list
}

// TestAnExportSaysWhatTheListSays holds each row against the whole payment.
func TestAnExportSaysWhatTheListSays(t *testing.T) {
	ts, start := aDay(t)
	list := ts.rows(t, agent.Filter{Limit: 3, Cursor: "is not read"})
	if len(list) != 40 {
		t.Fatalf("%d rows", len(list))
	}
	for i, r := range list {
		p, err := ts.Payment(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		want := offline.Row{ID: p.ID, OrderNo: p.OrderNo, Txn: p.Status.Txn, Created: p.Created, Wallet: p.Status.Wallet, Lane: p.Lane, Cashier: p.Cashier,
			Reference: p.Reference, Mode: p.Mode, State: p.Status.State, Amount: p.Amount, Taken: p.Status.Captured, Refunded: p.Status.RefundedSum(), Test: p.Test}
		if r.Created.Equal(p.Created) {
			r.Created = p.Created // the place where a clock stands is not kept
		}
		if r != want {
			t.Errorf("the row is\n%+v, the payment\n%+v", r, want)
		}
		if i > 0 && r.Created.Before(list[i-1].Created) {
			t.Errorf("row %d is out of order", i)
		}
	}
	for _, c := range []struct {
		what string
		f    agent.Filter
		want int
	}{
		{"a span", agent.Filter{From: start.Add(time.Hour), To: start.Add(2 * time.Hour)}, 4},
		{"given back", agent.Filter{GivenBack: true}, 1},
		{"a person", agent.Filter{Cashier: "Wei"}, 40},
		{"nobody", agent.Filter{Cashier: "We"}, 0},
	} {
		if got := ts.rows(t, c.f); len(got) != c.want {
			t.Errorf("%s: %d rows, want %d", c.what, len(got), c.want)
		}
		if page, err := ts.List(t.Context(), c.f); err != nil || len(page.Payments) != c.want {
			t.Errorf("%s: the list has %d, want %d, %v", c.what, len(page.Payments), c.want, err)
		}
	}
}

// TestAnExportGoesOnAfterAPiece has more payments than are read at a time, all of one
// moment, and ends where its reader ends it.
func TestAnExportGoesOnAfterAPiece(t *testing.T) {
	ts := openStore(t, nil)
	const many = 1203
	for i := range many {
		ts.sell(t, i)
	}
	seen := map[agent.PaymentID]bool{}
	for _, r := range ts.rows(t, agent.Filter{From: ts.clock.Now(), To: ts.clock.Now().Add(time.Second)}) {
		seen[r.ID] = true
	}
	if len(seen) != many {
		t.Errorf("%d payments of %d", len(seen), many)
	}
	enough, n := errors.New("enough"), 0
	if err := ts.Rows(t.Context(), agent.Filter{}, func(offline.Row) error {
		if n++; n == 1100 {
			return enough
		}
		return nil
	}); !errors.Is(err, enough) || n != 1100 {
		t.Errorf("it went on to %d: %v", n, err)
	}
}

// TestAnExportKeepsNobodyFromTidying: while a row is handed out the log can be cut to
// nothing, which a reading transaction would forbid.
func TestAnExportKeepsNobodyFromTidying(t *testing.T) {
	ts := openStore(t, nil)
	ts.sell(t, 1, approved)
	if err := ts.Rows(t.Context(), agent.Filter{}, func(offline.Row) error {
		var busy, pages, moved int
		if err := byHand(t, ts.dir).QueryRow("PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved); err != nil {
			return err
		}
		if busy != 0 || ts.LogBytes() != 0 {
			return fmt.Errorf("busy %d, the log has %d bytes", busy, ts.LogBytes())
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// TestTheHoursTellLanesAndPeopleApart: a chart by lane and one by person are the same
// rows added up otherwise.
func TestTheHoursTellLanesAndPeopleApart(t *testing.T) {
	ts := openStore(t, nil)
	from := ts.clock.Now()
	for i, who := range []string{"Ann", "Ann", "Bob", ""} {
		p := journaltest.Sale(i, fmt.Sprint("lane ", i%2))
		p.Cashier = who
		p, err := ts.Open(t.Context(), p, opened, sent(i))
		if err != nil {
			t.Fatal(err)
		}
		ts.record(t, p, approved)
	}
	hours, err := ts.TotalsByHour(t.Context(), from, from.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range hours {
		got = append(got, fmt.Sprintf("%s %q %d", h.Lane, h.Cashier, h.Paid))
	}
	if want := `[lane 0 "Ann" 1 lane 0 "Bob" 1 lane 1 "" 1 lane 1 "Ann" 1]`; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// TestWhatEndsOnlyOfflineSalesIsFound: losses are looked up among what was accepted, which
// finds them all and nothing else.
func TestWhatEndsOnlyOfflineSalesIsFound(t *testing.T) {
	ts := openStore(t, nil)
	ts.sell(t, 1, approved)
	waits := ts.accepted(t, 2, "bearer-2")
	lost := ts.accepted(t, 3, "bearer-3")
	lost = ts.record(t, lost, agent.Fact{Kind: agent.FactForwardStarted, Op: agent.OpRedeem})
	lost = ts.record(t, lost, agent.Fact{Kind: agent.FactLoss, Op: agent.OpRedeem, Reason: agent.ReasonRevoked})
	for _, c := range []struct {
		what   string
		states []agent.State
		want   []agent.PaymentID
	}{
		{"losses", []agent.State{agent.OfflineRejected}, []agent.PaymentID{lost.ID}},
		{"losses and what was taken back", []agent.State{agent.OfflineRejected, agent.Voided}, []agent.PaymentID{lost.ID}},
		{"what waits", []agent.State{agent.OfflineAccepted, agent.Redeeming, agent.Review}, []agent.PaymentID{waits.ID}},
		{"losses and what was paid", []agent.State{agent.OfflineRejected, agent.Paid}, []agent.PaymentID{lost.ID, "01JNTEST000000000000000001"}},
	} {
		page, err := ts.List(t.Context(), agent.Filter{States: c.states})
		if err != nil {
			t.Fatal(err)
		}
		var got []agent.PaymentID
		for _, p := range page.Payments {
			got = append(got, p.ID)
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

// TestLossesAreAddedUp by why they were lost: with a slip that was printed afterwards, and
// without what was collected, taken back or still waits.
func TestLossesAreAddedUp(t *testing.T) {
	ts := openStore(t, nil)
	if got, err := ts.Losses(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("before any: %+v, %v", got, err)
	}
	forwarded := agent.Fact{Kind: agent.FactForwardStarted, Op: agent.OpRedeem}
	lost := func(why agent.Reason) []agent.Fact {
		return []agent.Fact{forwarded, {Kind: agent.FactInDoubt, Op: agent.OpRedeem, Reason: agent.ReasonNoAnswer}, {Kind: agent.FactLoss, Op: agent.OpRedeem, Reason: why, By: "person:1"}}
	}
	for n, facts := range [][]agent.Fact{
		lost(agent.ReasonRevoked), append(lost(agent.ReasonWrittenOff), agent.Fact{Kind: agent.FactPrintFailed}, agent.Fact{Kind: agent.FactPrinted}), lost(agent.ReasonRevoked),
		{forwarded, {Kind: agent.FactApproved, Op: agent.OpRedeem, Amount: 1280}}, {{Kind: agent.FactVoided, By: "person:1"}}, {forwarded}, nil,
	} {
		p := ts.accepted(t, n, fmt.Sprint("bearer-", n))
		for _, f := range facts {
			p = ts.record(t, p, f)
		}
	}
	ts.sell(t, 20, refused)
	want := []offline.Loss{{Reason: agent.ReasonRevoked, Count: 2, Sum: yuan(2560)}, {Reason: agent.ReasonWrittenOff, Count: 1, Sum: yuan(1280)}}
	if got, err := ts.Losses(t.Context()); err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}
