package reconcile_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/reconcile"
)

func TestWhatCannotBeComparedIsSaid(t *testing.T) {
	s := newShop()
	o := s.options()
	o.Sources = append(o.Sources, reconcile.Source{Name: "silent"},
		reconcile.Source{Name: "zoneless", Bill: s, Zone: func(context.Context) (*time.Location, error) { return nil, errors.New("no line") }})
	s.missing[theDay] = &agent.Error{Op: "bill", Class: agent.Unavailable, Say: agent.Sentence{ID: "error.bill_unavailable", English: "Later."}}
	var steps []string
	r, err := reconcile.Compare(t.Context(), o, theDay, nil, func(p reconcile.Progress) { steps = append(steps, p.Wallet+" "+p.Bill) })
	if err != nil || r.Whole() || len(r.Wallets) != 3 {
		t.Fatalf("%+v %v", r, err)
	}
	for i, want := range []string{"Later.", "gives no bill", "no line"} {
		if failed := r.Wallets[i].Failed; failed == nil || !strings.Contains(failed.English, want) {
			t.Errorf("%s says %+v", r.Wallets[i].Wallet, failed)
		}
	}
	if want := []string{wallet + " " + theDay}; !slices.Equal(steps, want) {
		t.Errorf("the progress was %q", steps)
	}
	if r, err = reconcile.Compare(t.Context(), o, theDay, []string{"silent"}, func(reconcile.Progress) {}); err != nil || len(r.Wallets) != 1 {
		t.Errorf("one wallet: %+v %v", r, err)
	}
}

func TestADayOrAWalletThatThereIsNot(t *testing.T) {
	s := newShop()
	for _, test := range []struct {
		day, wallet, id string
	}{{"2.5.2026", "", "error.bill_day"}, {"", "", "error.bill_day"}, {"2026-02-30", "", "error.bill_day"},
		{"2026-05-22", "", "error.bill_future"}, {theDay, "nobody", "error.bill_wallet"}} {
		var wallets []string
		if test.wallet != "" {
			wallets = []string{test.wallet}
		}
		_, err := reconcile.Compare(t.Context(), s.options(), test.day, wallets, func(reconcile.Progress) {})
		var said *agent.Error
		if !errors.As(err, &said) || said.Say.ID != test.id {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

// held is a wallet whose bill comes when the test lets it.
type held struct {
	began chan struct{}
	let   chan struct{}
}

// Bill implements agent.Biller.
func (h held) Bill(ctx context.Context, _ string) ([]agent.BillLine, error) {
	h.began <- struct{}{}
	select {
	case <-h.let:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// underWay is a runner that waits for the day's bill.
func underWay(t *testing.T) (*reconcile.Runner, held) {
	t.Helper()
	h := held{make(chan struct{}), make(chan struct{})}
	o := newShop().options()
	o.Sources[0].Bill = h
	r := reconcile.NewRunner(o)
	if err := r.Start(theDay); err != nil {
		t.Fatal(err)
	}
	<-h.began
	return r, h
}

func TestOneDayAtATime(t *testing.T) {
	r, h := underWay(t)
	if day, p := r.Running(); day != theDay || p.Wallet != wallet || p.Bill != theDay {
		t.Errorf("runs %s %+v", day, p)
	}
	if err := r.Start(theDay); err != nil {
		t.Errorf("the same day again: %v", err)
	}
	if err := r.Start("2026-05-01"); agent.ClassOf(err) != agent.Conflict {
		t.Errorf("another day: %v", err)
	}
	if _, err := r.Run(t.Context(), theDay, nil, nil); agent.ClassOf(err) != agent.Conflict {
		t.Errorf("from the command line: %v", err)
	}
	close(h.let)
	for busy := theDay; busy != ""; busy, _ = r.Running() {
		select {
		case <-time.After(time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("it does not end")
		}
	}
	if result, ok := r.Result(theDay); !ok || !result.Whole() || len(r.Results()) != 1 {
		t.Errorf("remembered: %+v", r.Results())
	}
	r.Close()
}

func TestAStopEndsWhatRuns(t *testing.T) {
	r, _ := underWay(t)
	r.Close()
	if _, ok := r.Result(theDay); ok {
		t.Error("a comparison that was cut is remembered")
	}
}

func TestTheExport(t *testing.T) {
	s := newShop()
	s.billPaid(s.paid(1280, at(2, 9, 0)), at(2, 9, 0))
	s.bill(agent.BillLine{Kind: agent.BillPayment, OrderNo: "=1+1", Txn: "T9", Amount: cny(500)}, at(2, 10, 0))
	s.refunded(0, 100, at(2, 11, 0), at(2, 11, 0))
	o := s.options()
	o.Sources = append(o.Sources, reconcile.Source{Name: "silent"})
	r, err := reconcile.Compare(t.Context(), o, theDay, nil, func(reconcile.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := reconcile.WriteCSV(&out, r, func(s agent.Sentence) string { return s.ID }); err != nil {
		t.Fatal(err)
	}
	want := `day,wallet,kind,order_no,refund_no,transaction,at,currency_there,amount_there,currency_here,amount_here,payment,status,asked_again,say,bill_line
2026-05-02,alipay,unknown_here,'=1+1,,T9,2026-05-02 10:00:00,CNY,5.00,,,,,false,bill.unknown_here,"payment,=1+1,,5.00 CNY"
2026-05-02,alipay,refund_missing,SHOP0101000000000000000000000000,SHOP0101000000000000000000000000P1,T000000,2026-05-02 11:00:00,,,CNY,1.00,01000000000000000000000000,paid,false,bill.refund_missing,
2026-05-02,alipay,sum_paid,,,,,CNY,17.80,CNY,12.80,,,,,
2026-05-02,alipay,sum_returned,,,,,CNY,0.00,CNY,1.00,,,,,
2026-05-02,alipay,sum_net,,,,,CNY,17.80,CNY,11.80,,,,,
2026-05-02,silent,not_compared,,,,,,,,,,,,error.bill_none,
`
	if out.String() != want {
		t.Errorf("the export is\n%s", out.String())
	}
}
