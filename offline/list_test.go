package offline_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/offline/journaltest"
)

// aDay is a store with a payment a quarter of an hour, some paid, some not, in two
// currencies.
func aDay(t *testing.T) (*testStore, time.Time) {
	ts := openStore(t, nil)
	start := ts.clock.Now()
	for i := range 40 {
		p := journaltest.Sale(i, fmt.Sprint(i%4))
		facts := []agent.Fact{opened, sent(i)}
		if i%10 == 9 {
			p.Amount, p.Lane = agent.Money{Value: 500, Currency: "HKD"}, "h"
			facts[1].Wallet = "alipay"
		}
		p, err := ts.Open(t.Context(), p, facts...)
		if err != nil {
			t.Fatal(err)
		}
		paid := approved
		paid.Amount, paid.Txn = p.Amount.Value, fmt.Sprint("42000", i)
		switch {
		case i == 39:
		case i%3 == 0:
			ts.record(t, p, refused)
		default:
			p = ts.record(t, p, paid)
		}
		if i == 4 {
			p = ts.record(t, p, refund(p, 1, 80))
			ts.record(t, p, agent.Fact{Kind: agent.FactRefundDone, RefundNo: p.OrderNo + "P1"})
		}
		ts.clock.Advance(15 * time.Minute)
	}
	return ts, start
}

func numbers(list []agent.Payment) (ns []string) {
	for _, p := range list {
		ns = append(ns, strings.TrimPrefix(p.RequestID, "r"))
	}
	return ns
}

func TestAListFiltersAndGoesOn(t *testing.T) {
	ts, start := aDay(t)
	for _, c := range []struct {
		what string
		f    agent.Filter
		want string
	}{
		{"newest first", agent.Filter{Limit: 3}, "39 38 37"},
		{"a span", agent.Filter{From: start.Add(time.Hour), To: start.Add(2 * time.Hour)}, "7 6 5 4"},
		{"a lane", agent.Filter{Lane: "h"}, "39 29 19 9"},
		{"what is open", agent.Filter{Open: true}, "39"},
		{"a state that is open", agent.Filter{States: []agent.State{agent.Sending, agent.Review}}, "39"},
		{"a state that is open, on a lane", agent.Filter{States: []agent.State{agent.Sending}, Lane: "3"}, ""},
		{"states", agent.Filter{States: []agent.State{agent.Declined, agent.Sending}, Limit: 3}, "39 36 33"},
		{"part of an order number", agent.Filter{Text: "000000000000000021"}, "21"},
		{"a transaction", agent.Filter{Text: "4200022"}, "22"},
		{"a reference", agent.Filter{Text: "basket 13"}, "13"},
		{"a request id", agent.Filter{Text: "r31"}, "31"},
		{"part of many request ids", agent.Filter{Text: "r3", Limit: 3}, "39 38 37"},
		{"the whole of one", agent.Filter{Text: "R3", Whole: true}, "3"},
		{"the whole of a transaction", agent.Filter{Text: "420001", Whole: true}, "1"},
		{"the whole of a reference", agent.Filter{Text: "basket 1", Whole: true}, "1"},
		{"the whole of an order number", agent.Filter{Text: "T0TEST01JNTEST000000000000000021", Whole: true}, "21"},
		{"an id", agent.Filter{Text: "01JNTEST000000000000000021", Whole: true}, "21"},
		{"the whole of nothing", agent.Filter{Text: "basket", Whole: true}, ""},
		{"signs of a pattern are letters", agent.Filter{Text: "b%t"}, ""},
		{"signs of a pattern are letters in the whole, too", agent.Filter{Text: "basket _", Whole: true}, ""},
		{"nothing", agent.Filter{Lane: "no such"}, ""},
	} {
		page, err := ts.List(t.Context(), c.f)
		if got := strings.Join(numbers(page.Payments), " "); err != nil || got != c.want {
			t.Errorf("%s: got %q, want %q, %v", c.what, got, c.want, err)
		}
	}
	var all []string
	f := agent.Filter{Limit: 7, From: start, To: start.Add(10 * time.Hour)}
	for {
		page, err := ts.List(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, numbers(page.Payments)...)
		if f.Cursor = page.Next; f.Cursor == "" {
			break
		}
	}
	if len(all) != 40 || all[0] != "39" || all[39] != "0" || len(slices.Compact(all)) != 40 {
		t.Fatalf("pages gave %v", all)
	}
	if _, err := ts.List(t.Context(), agent.Filter{Cursor: "nonsense"}); agent.ClassOf(err) != agent.Invalid {
		t.Fatalf("a cursor of nonsense: %v", err)
	}
}

func TestAListCarriesWholePayments(t *testing.T) {
	ts, _ := aDay(t)
	page, err := ts.List(t.Context(), agent.Filter{Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range page.Payments {
		same, err := ts.Payment(t.Context(), p.ID)
		if err != nil || same.Version != p.Version || len(same.Facts) != len(p.Facts) || same.Status.State != p.Status.State {
			t.Fatalf("listed %+v, on record %+v, %v", p, same, err)
		}
		if byOrder, err := ts.ByOrderNo(t.Context(), p.OrderNo); err != nil || byOrder.ID != p.ID {
			t.Fatalf("by order number: %v %v", byOrder.ID, err)
		}
	}
}

// TestTotalsAreTheSumOfTheRows adds the list up by hand.
func TestTotalsAreTheSumOfTheRows(t *testing.T) {
	ts, start := aDay(t)
	from, to := start.Add(time.Hour), start.Add(6*time.Hour)
	page, err := ts.List(t.Context(), agent.Filter{From: from, To: to, Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]agent.Totals{}
	add := func(key string, p agent.Payment) {
		s := want[key]
		s.Currency = p.Amount.Currency
		s.Count++
		if p.Status.Captured > 0 {
			s.Paid++
		}
		s.Captured += p.Status.Captured
		s.Refunded += p.Status.RefundedSum()
		if !p.Status.Final() {
			s.Open++
		}
		want[key] = s
	}
	for _, p := range page.Payments {
		add(string(p.Amount.Currency), p)
		add(p.Created.Sub(from).Truncate(time.Hour).String()+string(p.Amount.Currency)+p.Status.Wallet+p.Lane+p.Cashier, p)
	}
	got := map[string]agent.Totals{}
	all, err := ts.Totals(t.Context(), from, to)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		got[string(s.Currency)] = s
	}
	hours, err := ts.TotalsByHour(t.Context(), from, to)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range hours {
		got[s.Hour.Sub(from).String()+string(s.Currency)+s.Wallet+s.Lane+s.Cashier] = s.Totals
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || len(hours) < 5 {
		t.Fatalf("got  %v\nwant %v", got, want)
	}
}

func TestAReversedPaymentWasNeverTaken(t *testing.T) {
	ts := openStore(t, nil)
	ts.sell(t, 1, inDoubt, agent.Fact{Kind: agent.FactReversalDecided}, agent.Fact{Kind: agent.FactApproved, Op: agent.OpPay, Amount: 1280},
		agent.Fact{Kind: agent.FactReversalAccepted}, agent.Fact{Kind: agent.FactReversed, Op: agent.OpQuery})
	got, err := ts.Totals(t.Context(), ts.clock.Now().Add(-time.Hour), ts.clock.Now().Add(time.Hour))
	if err != nil || len(got) != 1 || got[0].Captured != 0 || got[0].Paid != 0 || got[0].Count != 1 {
		t.Fatalf("%+v %v", got, err)
	}
}

func TestAStreamGoesOnFromARow(t *testing.T) {
	ts := openStore(t, nil)
	first := ts.sell(t, 1)
	second := ts.sell(t, 2)
	row := second.Facts[1].Seq
	third := ts.sell(t, 3)
	first = ts.record(t, first, approved)
	got, err := ts.Since(t.Context(), row, 10)
	if err != nil || len(got) != 2 || got[0].ID != third.ID || got[1].ID != first.ID || got[1].Version != first.Version {
		t.Fatalf("%v %v", numbers(got), err)
	}
	if got, err := ts.Since(t.Context(), 0, 1); err != nil || len(got) != 1 || got[0].ID != second.ID {
		t.Fatalf("%v %v", numbers(got), err)
	}
}
