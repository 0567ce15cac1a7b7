package offline_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"tillwire/agent"
)

// gives records a refund from its request to its end.
func (ts *testStore) gives(t *testing.T, p agent.Payment, n int, amount int64) agent.Payment {
	t.Helper()
	p = ts.record(t, p, refund(p, n, amount))
	return ts.record(t, p, agent.Fact{Kind: agent.FactRefundDone, RefundNo: refund(p, n, amount).RefundNo})
}

// now is a payment as the store has it by now.
func (ts *testStore) now(t *testing.T, id agent.PaymentID) agent.Payment {
	t.Helper()
	p, err := ts.Payment(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestWhatWasGivenBackIsFoundByItsOwnTime, in the list and in an export, however old the
// sale is, and whatever else became of it since.
func TestWhatWasGivenBackIsFoundByItsOwnTime(t *testing.T) {
	ts := openStore(t, nil)
	start := ts.clock.Now()
	sold := ts.at(t, "1", 1, approved)
	ts.at(t, "1", 2, approved)
	ts.clock.Advance(72 * time.Hour)
	// A reason that reads like a fact is none.
	asked := refund(sold, 1, 80)
	asked.Text = "refund_requested"
	sold = ts.record(t, sold, asked)
	middle := ts.clock.Now()
	ts.clock.Advance(72 * time.Hour)
	sold = ts.record(t, sold, agent.Fact{Kind: agent.FactRefundRefused, RefundNo: asked.RefundNo, Reason: agent.ReasonShopBalance})
	end := ts.clock.Now()
	for _, c := range []struct {
		what     string
		from, to time.Time
		want     int
	}{
		{"ever", time.Time{}, time.Time{}, 1},
		{"on the day of the sale", start.Add(-time.Hour), start.Add(time.Hour), 0},
		{"on its own day", middle.Add(-time.Hour), middle.Add(time.Hour), 1},
		{"from its own moment", middle, time.Time{}, 1},
		{"up to its own moment", time.Time{}, middle, 0},
		{"up to after it", time.Time{}, middle.Add(1), 1},
		{"when it was refused", end.Add(-time.Hour), end.Add(time.Hour), 0},
	} {
		f := agent.Filter{GivenBack: true, From: c.from, To: c.to}
		page, err := ts.List(t.Context(), f)
		if err != nil || len(page.Payments) != c.want {
			t.Errorf("%s: %d payments, want %d, %v", c.what, len(page.Payments), c.want, err)
		}
		if got := ts.rows(t, f); len(got) != c.want {
			t.Errorf("%s: the export has %d, want %d", c.what, len(got), c.want)
		}
		f.Text = "nobody is called this"
		if page, err := ts.List(t.Context(), f); err != nil || len(page.Payments) != 0 {
			t.Errorf("%s, with a text beside it: %d payments, %v", c.what, len(page.Payments), err)
		}
	}
}

// TestAnExportOfRefundsGoesOnAfterAPiece with the span that it began with.
func TestAnExportOfRefundsGoesOnAfterAPiece(t *testing.T) {
	ts := openStore(t, nil)
	const many, late = 1003, 7
	var old []agent.Payment
	for i := range many {
		p := ts.sell(t, i, approved)
		if i < late {
			old = append(old, p)
			continue
		}
		ts.record(t, p, refund(p, 1, 1))
	}
	ts.clock.Advance(72 * time.Hour)
	for _, p := range old {
		ts.record(t, p, refund(p, 1, 1))
	}
	if got := ts.rows(t, agent.Filter{GivenBack: true, From: ts.clock.Now().Add(-time.Hour)}); len(got) != late {
		t.Errorf("%d refunds of today, want %d", len(got), late)
	}
	if got := ts.rows(t, agent.Filter{GivenBack: true, From: ts.clock.Now().Add(-100 * time.Hour)}); len(got) != many {
		t.Errorf("%d refunds, want %d", len(got), many)
	}
}

// TestMoneyThatGoesBackLaterIsOnTheReportOfItsDay, apart from what the day's own sales gave
// back, in the shift's report and in the day's.
func TestMoneyThatGoesBackLaterIsOnTheReportOfItsDay(t *testing.T) {
	ts := openStore(t, nil)
	old := ts.at(t, "1", 1, approved)
	other := ts.at(t, "2", 2, approved)
	ts.clock.Advance(100 * time.Hour)
	begin := ts.clock.Now()
	first := ts.begin(t, "1", "Wei")
	mine := ts.at(t, "1", 4, approved)
	mine = ts.gives(t, mine, 1, 30)
	for n := range 11 { // a number of two digits begins with one of one digit
		old = ts.gives(t, old, n+1, int64(n+1))
	}
	ts.gives(t, other, 1, 500)
	want := counted(1, 1, 0, 1280, 30)
	want[0].Earlier = 66
	if now, err := ts.LaneShift(t.Context(), "1"); err != nil || !reflect.DeepEqual(now.Wallets, want) {
		t.Errorf("the shift has come to %+v, %v", now.Wallets, err)
	}
	closed, err := ts.CloseShift(t.Context(), first.ID, ts.clock.Now(), "Wei", 0)
	if err != nil || !reflect.DeepEqual(closed.Wallets, want) {
		t.Fatalf("closed: %+v, %v", closed.Wallets, err)
	}
	ts.clock.Advance(time.Minute)
	ts.begin(t, "1", "Ana")
	ts.gives(t, mine, 2, 5)
	// Nothing was sold in this one; what went back is of the shift before.
	if now, err := ts.LaneShift(t.Context(), "1"); err != nil || fmt.Sprint(now.Wallets) != fmt.Sprint([]agent.WalletTotal{{Wallet: "wechat", Totals: agent.Totals{Currency: "CNY", Earlier: 5}}}) {
		t.Errorf("the next shift has come to %+v, %v", now.Wallets, err)
	}
	if again, err := ts.Shift(t.Context(), first.ID); err != nil || !reflect.DeepEqual(again, closed) {
		t.Errorf("the Z report became %+v, %v", again, err)
	}
	day := agent.Totals{Currency: "CNY", Count: 1, Paid: 1, Captured: 1280, Refunded: 35, Earlier: 566}
	if got, err := ts.Totals(t.Context(), begin, begin.Add(24*time.Hour)); err != nil || !reflect.DeepEqual(got, []agent.Totals{day}) {
		t.Errorf("the day has come to %+v, %v", got, err)
	}
	next := ts.clock.Now().Add(time.Hour)
	ts.clock.Advance(2 * time.Hour)
	ts.gives(t, ts.now(t, old.ID), 12, 100)
	if got, err := ts.Totals(t.Context(), next, next.Add(24*time.Hour)); err != nil || !reflect.DeepEqual(got, []agent.Totals{{Currency: "CNY", Earlier: 100}}) {
		t.Errorf("a day without a sale has come to %+v, %v", got, err)
	}
	clean(t, ts.dir)
}

// TestMoneyThatComesLaterIsOnTheReportOfItsDay, apart from what the day's own sales took.
func TestMoneyThatComesLaterIsOnTheReportOfItsDay(t *testing.T) {
	ts := openStore(t, nil)
	start := ts.clock.Now()
	promised := ts.accepted(t, 1, "bearer-1")
	ts.at(t, "1", 2, approved)
	ts.clock.Advance(48 * time.Hour)
	later := ts.clock.Now()
	for _, f := range []agent.Fact{{Kind: agent.FactForwardStarted, Op: agent.OpRedeem}, {Kind: agent.FactApproved, Op: agent.OpRedeem, Amount: 1280}, {Kind: agent.FactPrinted}} {
		promised = ts.record(t, promised, f)
	}
	for what, c := range map[string]struct {
		from time.Time
		want []agent.Totals
	}{
		"the day of the sale":      {start, []agent.Totals{{Currency: "CNY", Count: 2, Paid: 2, Captured: 2560}}},
		"a day on which was none":  {start.Add(24 * time.Hour), nil},
		"the day of its money":     {later, []agent.Totals{{Currency: "CNY", CapturedEarlier: 1280}}},
		"the day after that again": {later.Add(24 * time.Hour), nil},
	} {
		if got, err := ts.Totals(t.Context(), c.from, c.from.Add(24*time.Hour)); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v, %v, want %+v", what, got, err, c.want)
		}
	}
}

// TestAZReportIsCountedWhoeverIsGone: the request that closes the shift may be over before
// it is counted.
func TestAZReportIsCountedWhoeverIsGone(t *testing.T) {
	ts := openStore(t, nil)
	n := ts.begin(t, "1", "Wei")
	sold := ts.at(t, "1", 1, approved)
	gone, leave := context.WithCancel(t.Context())
	leave()
	closed, err := ts.CloseShift(gone, n.ID, ts.clock.Now(), "Wei", 0)
	if err != nil || !reflect.DeepEqual(closed.Wallets, counted(1, 1, 0, 1280, 0)) {
		t.Fatalf("closed by somebody who has gone: %+v, %v", closed, err)
	}
	ts.reopen(t, nil)
	ts.gives(t, ts.now(t, sold.ID), 1, 10)
	if got, err := ts.Shift(t.Context(), n.ID); err != nil || !reflect.DeepEqual(got, closed) {
		t.Errorf("the Z report became %+v, %v", got, err)
	}
	clean(t, ts.dir)
}
