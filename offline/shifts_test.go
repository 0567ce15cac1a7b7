package offline_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
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
	want := counted(1, 1, 0, 1280, 0)
	want[0].CapturedEarlier = 1280 // the one between the two
	if now, err := ts.LaneShift(t.Context(), "1"); err != nil || now.ID != second.ID || !reflect.DeepEqual(now.Wallets, want) {
		t.Errorf("the next shift has %+v, %v", now, err)
	}
	_, byID := ts.Shift(t.Context(), 99)
	_, byLane := ts.LaneShift(t.Context(), "9")
	if agent.ClassOf(byID) != agent.NotFound || agent.ClassOf(byLane) != agent.NotFound {
		t.Errorf("a shift that is not there: %v, %v", byID, byLane)
	}
	clean(t, ts.dir)
}

// TestTheShiftsOfADay: a shift belongs to every day on which it was open, one that goes on to
// every day since, and one whose clock was set back to that of its beginning.
func TestTheShiftsOfADay(t *testing.T) {
	ts := openStore(t, nil)
	start, at := ts.clock.Now(), 0
	clock := func(hour int) { ts.clock.Jump(time.Duration(hour-at) * time.Hour); at = hour }
	opens := func(hour int, lane, by string) int64 { clock(hour); return ts.begin(t, lane, by).ID }
	closes := func(hour int, id int64) {
		t.Helper()
		clock(hour)
		if _, err := ts.CloseShift(t.Context(), id, ts.clock.Now(), "Ana", 25000); err != nil {
			t.Fatal(err)
		}
	}
	closes(20, opens(8, "1", "Wei"))
	closes(30, opens(22, "1", "Ben"))
	opens(31, "2", "Eve")
	closes(12, opens(32, "1", "Kim"))
	for day, want := range map[int]string{-1: "", 0: "Wei Ben ", 1: "Ben Eve Kim ", 2: "Eve "} {
		from := start.Add(time.Duration(day) * 24 * time.Hour)
		list, err := ts.Shifts(t.Context(), from, from.Add(24*time.Hour))
		got := ""
		for _, n := range list {
			got += n.OpenedBy + " "
			if n.Begin != yuan(20000) || n.Wallets != nil || n.Over() != (n.Lane == "1") || n.Over() && (n.ClosedBy != "Ana" || n.End != yuan(25000)) {
				t.Errorf("day %d: %+v", day, n)
			}
		}
		if got != want || err != nil {
			t.Errorf("day %d: the shifts of %q, want %q; %v", day, got, want, err)
		}
	}
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

// TestAShiftIsClosedWithItsCountOrNotAtAll: a count that was made up later would hold what the
// next report holds as well.
func TestAShiftIsClosedWithItsCountOrNotAtAll(t *testing.T) {
	ts := openStore(t, nil)
	old := ts.at(t, "1", 1, approved)
	n := ts.begin(t, "1", "Wei")
	ts.at(t, "1", 2, approved)
	old = ts.gives(t, old, 1, 30)
	db, unreadable := byHand(t, ts.dir), old.Last().Seq
	var ev []byte
	if err := db.QueryRow("SELECT ev FROM journal WHERE seq = ?", unreadable).Scan(&ev); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("DROP TRIGGER journal_update; UPDATE journal SET ev = x'00' WHERE seq = ?", unreadable); err != nil {
		t.Fatal(err)
	}
	if closed, err := ts.CloseShift(t.Context(), n.ID, ts.clock.Now(), "Wei", 0); agent.ClassOf(err) != agent.Corrupt {
		t.Fatalf("closed although it could not be counted: %+v, %v", closed, err)
	}
	if _, err := db.Exec("UPDATE journal SET ev = ? WHERE seq = ?", ev, unreadable); err != nil {
		t.Fatal(err)
	}
	ts.gives(t, ts.now(t, old.ID), 2, 7) // the store still writes
	closed, err := ts.CloseShift(t.Context(), n.ID, ts.clock.Now(), "Wei", 0)
	want := counted(1, 1, 0, 1280, 0)
	want[0].Earlier = 37
	if err != nil || !reflect.DeepEqual(closed.Wallets, want) {
		t.Errorf("closed: %+v, %v", closed, err)
	}
}

// earlierSums is a row of what came in and went back on older sales alone.
func earlierSums(wallet string, captured, refunded int64) agent.WalletTotal {
	return agent.WalletTotal{Wallet: wallet, Totals: agent.Totals{Currency: "CNY", CapturedEarlier: captured, Earlier: refunded}}
}

// TestWhatIsCollectedLaterIsOnTheNextReport, like what happens between two shifts: once, and on
// the report of its own lane.
func TestWhatIsCollectedLaterIsOnTheNextReport(t *testing.T) {
	ts := openStore(t, nil)
	ts.at(t, "1", 1, approved) // before the first shift there are no reports
	ends := func(n agent.Shift, want ...agent.WalletTotal) {
		t.Helper()
		now, err := ts.LaneShift(t.Context(), n.Lane)
		if err != nil || !slices.Equal(now.Wallets, want) {
			t.Errorf("shift %d has come to %+v, %v, want %+v", n.ID, now.Wallets, err, want)
		}
		if n, err = ts.CloseShift(t.Context(), n.ID, ts.clock.Now(), "Ana", 0); err != nil || !slices.Equal(n.Wallets, want) {
			t.Errorf("the Z report of shift %d is %+v, %v, want %+v", n.ID, n.Wallets, err, want)
		}
	}
	own := func(wallet string, count, paid, open int, captured int64) agent.WalletTotal {
		return agent.WalletTotal{Wallet: wallet, Totals: agent.Totals{Currency: "CNY", Count: count, Paid: paid, Open: open, Captured: captured}}
	}
	first, beside := ts.begin(t, "1", "Wei"), ts.begin(t, "2", "Ana")
	promised := ts.accepted(t, 2, "bearer-2")
	late := ts.at(t, "1", 3, inDoubt, agent.Fact{Kind: agent.FactReviewOpened, Reason: agent.ReasonExhausted})
	ends(first, own("citypay", 1, 0, 1, 0), own("wechat", 1, 0, 1, 0))

	promised = ts.record(t, promised, agent.Fact{Kind: agent.FactForwardStarted, Op: agent.OpRedeem})
	promised = ts.record(t, promised, agent.Fact{Kind: agent.FactApproved, Op: agent.OpRedeem, Amount: 1280})
	ts.gives(t, ts.at(t, "1", 4, approved), 1, 80)
	ts.at(t, "1", 5, refused)

	second := ts.begin(t, "1", "Wei")
	late = ts.record(t, late, approved) // it has left its lane: the money goes back by itself
	ts.at(t, "1", 6, approved)
	row := own("wechat", 1, 1, 0, 1280)
	row.CapturedEarlier, row.Earlier = 1280+1280, 80
	ends(second, earlierSums("citypay", 1280, 0), row)

	third := ts.begin(t, "1", "Wei")
	ts.record(t, late, agent.Fact{Kind: agent.FactRefundDone, RefundNo: late.LateRefundNo()})
	ts.gives(t, promised, 1, 5)
	ends(third, earlierSums("citypay", 0, 5), earlierSums("wechat", 0, 1280))
	ends(beside)
	ends(ts.begin(t, "1", "Wei"))
	clean(t, ts.dir)
}

// TestNoClockDecidesWhatAShiftCounts: one that is years off when a shift begins or ends, or goes
// back meanwhile, loses no sale of it and none between two of them.
func TestNoClockDecidesWhatAShiftCounts(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for _, test := range []struct{ opens, closes, again time.Duration }{{year, 0, 0}, {0, year, 0}, {0, 0, year}, {-year, 0, 0}, {0, -year, 0}, {0, 0, -year}} {
		ts := openStore(t, nil)
		off := func(by time.Duration, do func() agent.Shift) agent.Shift {
			ts.clock.Jump(by)
			defer ts.clock.Jump(-by)
			return do()
		}
		closes := func(n agent.Shift) agent.Shift {
			n, err := ts.CloseShift(t.Context(), n.ID, ts.clock.Now(), "Wei", 0)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		first := off(test.opens, func() agent.Shift { return ts.begin(t, "1", "Wei") })
		ts.at(t, "1", 1, approved)
		first = off(test.closes, func() agent.Shift { ts.at(t, "1", 2, approved); return closes(first) })
		ts.at(t, "1", 3, approved)
		second := closes(off(test.again, func() agent.Shift { return ts.begin(t, "1", "Wei") }))
		if want := counted(2, 2, 0, 2560, 0); !slices.Equal(first.Wallets, want) {
			t.Errorf("%+v: the first report is %+v, want %+v", test, first.Wallets, want)
		}
		if want := []agent.WalletTotal{earlierSums("wechat", 1280, 0)}; !slices.Equal(second.Wallets, want) {
			t.Errorf("%+v: the second report is %+v, want %+v", test, second.Wallets, want)
		}
	}
}

// TestAShiftIsClosedWhileItsLaneGoesOn: what moves meanwhile is on this report or on the next.
func TestAShiftIsClosedWhileItsLaneGoesOn(t *testing.T) {
	ts := openStore(t, nil)
	n := ts.begin(t, "1", "Wei")
	p := ts.at(t, "1", 1, approved)
	const refunds = 60
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range refunds {
			p = ts.gives(t, p, i, 1)
		}
	}()
	var captured, refunded int64
	for last := false; !last; n = ts.begin(t, "1", "Wei") {
		select {
		case <-done:
			last = true
		default:
		}
		closed, err := ts.CloseShift(t.Context(), n.ID, ts.clock.Now(), "Ana", 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range closed.Wallets {
			captured, refunded = captured+w.Captured+w.CapturedEarlier, refunded+w.Refunded+w.Earlier
		}
	}
	if captured != 1280 || refunded != refunds {
		t.Errorf("the reports together have %d taken and %d given back", captured, refunded)
	}
}

// aLife is a lane with payments that go on at random, as far as the law allows.
type aLife struct {
	*testStore
	dice *rand.Rand
	list []agent.Payment
}

// step sells, or tries a fact on some payment.
func (l *aLife) step(t *testing.T) {
	t.Helper()
	l.clock.Advance(time.Duration(l.dice.IntN(30)) * time.Minute)
	if n := len(l.list); n == 0 || l.dice.IntN(4) == 0 {
		p := journaltest.Sale(n, fmt.Sprint(l.dice.IntN(2)))
		p.Created = l.clock.Now()
		if p, err := l.Open(t.Context(), p, opened, sent(n)); err == nil {
			l.list = append(l.list, p)
		} else if agent.CodeOf(err) != agent.CodeLaneBusy {
			t.Fatal(err)
		}
		return
	}
	i := l.dice.IntN(len(l.list))
	p := l.list[i]
	no := p.LateRefundNo()
	if all := p.Status.Refunds; len(all) > 0 {
		no = all[l.dice.IntN(len(all))].No
	}
	asked := refund(p, len(p.Facts), 1+l.dice.Int64N(700))
	asked.RefundNo = p.NextRefundNo()
	facts := []agent.Fact{approved, approved, refused, inDoubt, {Kind: agent.FactReversalDecided}, {Kind: agent.FactReversalAccepted}, {Kind: agent.FactReversed, Op: agent.OpQuery},
		{Kind: agent.FactReviewOpened}, asked, {Kind: agent.FactRefundDone, RefundNo: no}, {Kind: agent.FactRefundRefused, RefundNo: no}}
	p, err := l.Record(t.Context(), p.ID, p.Version, facts[l.dice.IntN(len(facts))])
	switch class := agent.ClassOf(err); {
	case err == nil:
		l.list[i] = p
	case class != agent.Conflict && class != agent.Invalid: // of those the law forbids the fact
		t.Fatal(err)
	}
}

// TestAllZReportsTogetherAreWhatTheShopHas whenever shifts begin and end, and however payments
// go on meanwhile.
func TestAllZReportsTogetherAreWhatTheShopHas(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			l := &aLife{testStore: openStore(t, nil), dice: rand.New(rand.NewPCG(seed, 7))}
			shifts := map[string]agent.Shift{"0": l.begin(t, "0", "Wei"), "1": l.begin(t, "1", "Ana")}
			told := map[string]int64{}
			turn := func(lane string) {
				n, open := shifts[lane]
				if !open {
					shifts[lane] = l.begin(t, lane, "Wei")
					return
				}
				n, err := l.CloseShift(t.Context(), n.ID, l.clock.Now(), "Ana", 0)
				if err != nil {
					t.Fatal(err)
				}
				for _, w := range n.Wallets {
					told[lane] += w.Captured - w.Refunded + w.CapturedEarlier - w.Earlier
				}
				delete(shifts, lane)
			}
			for range 150 {
				if l.step(t); l.dice.IntN(12) == 0 {
					turn(fmt.Sprint(l.dice.IntN(2)))
				}
			}
			has := map[string]int64{}
			for _, p := range l.list {
				switch p.Status.State {
				case agent.Paid, agent.Refunded, agent.RefundDue:
					has[p.Lane] += p.Status.Captured
				}
				has[p.Lane] -= p.Status.RefundedSum()
			}
			for _, lane := range []string{"0", "1"} {
				if turn(lane); shifts[lane].ID > 0 { // what came between two shifts is on the next report
					turn(lane)
				}
				if told[lane] != has[lane] {
					t.Errorf("the reports of lane %s come to %d, it has %d", lane, told[lane], has[lane])
				}
			}
			clean(t, l.dir)
		})
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
	// Two registers take the same amount off the list: the second is told.
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
