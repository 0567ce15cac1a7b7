package reconcile_test

import (
	"context"
	"runtime"
	"slices"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/reconcile"
)

// kindCases builds, for each kind of difference, the smallest day that has it.
var kindCases = map[agent.DifferenceKind]func(s *shop){
	agent.DiffUnknownHere: func(s *shop) {
		s.bill(agent.BillLine{Kind: agent.BillPayment, OrderNo: "20260502-77", Txn: "T9", Amount: cny(500)}, at(2, 10, 0))
	},
	agent.DiffMissingThere: func(s *shop) { s.paid(500, at(2, 10, 0)) },
	agent.DiffAmount: func(s *shop) {
		s.bill(s.line(agent.BillPayment, s.paid(500, at(2, 10, 0)), 501, ""), at(2, 10, 0))
	},
	agent.DiffCurrency: func(s *shop) {
		l := s.line(agent.BillPayment, s.paid(500, at(2, 10, 0)), 500, "")
		l.Amount.Currency = "HKD"
		s.bill(l, at(2, 10, 0))
	},
	agent.DiffPaidThere: func(s *shop) { s.billPaid(s.declined(500, at(2, 10, 0)), at(2, 10, 0)) },
	agent.DiffUnsettled: func(s *shop) {
		n := s.open(500, at(2, 10, 0))
		s.sent(n, at(2, 10, 0))
		s.billPaid(n, at(2, 10, 0))
	},
	agent.DiffOtherWallet: func(s *shop) {
		n := s.open(500, at(2, 10, 0))
		s.fact(n, at(2, 10, 0), agent.Fact{Kind: agent.FactPayStarted, Op: agent.OpPay, Attempt: 1, Wallet: "wechat"},
			agent.Fact{Kind: agent.FactApproved, Op: agent.OpPay, Amount: 500})
		s.billPaid(n, at(2, 10, 0))
	},
	agent.DiffReversedThere: func(s *shop) {
		n := s.paid(500, at(2, 10, 0))
		s.billPaid(n, at(2, 10, 0))
		s.bill(s.line(agent.BillReversal, n, 500, ""), at(2, 11, 0))
	},
	agent.DiffReversalUnknown: func(s *shop) {
		s.bill(agent.BillLine{Kind: agent.BillReversal, OrderNo: "20260501-9", Amount: cny(500)}, at(2, 10, 0))
	},
	agent.DiffRefundMissing: func(s *shop) {
		n := s.paid(500, at(2, 10, 0))
		s.billPaid(n, at(2, 10, 0))
		s.refunded(n, 200, at(2, 11, 0), at(2, 11, 0))
	},
	agent.DiffRefundUnknown: func(s *shop) {
		n := s.paid(500, at(2, 10, 0))
		s.billPaid(n, at(2, 10, 0))
		s.bill(s.line(agent.BillRefund, n, 200, "PORTAL-1"), at(2, 11, 0))
	},
	agent.DiffRefundAmount: func(s *shop) {
		n := s.paid(500, at(2, 10, 0))
		s.billPaid(n, at(2, 10, 0))
		s.bill(s.line(agent.BillRefund, n, 201, s.refunded(n, 200, at(2, 11, 0), at(2, 11, 0))), at(2, 11, 0))
	},
	agent.DiffRefundUnsettled: func(s *shop) {
		n := s.paid(500, at(2, 10, 0))
		s.billPaid(n, at(2, 10, 0))
		no := s.payments[n].NextRefundNo()
		s.fact(n, at(2, 11, 0), agent.Fact{Kind: agent.FactRefundRequested, RefundNo: no, RequestID: no, Amount: 200})
		s.bill(s.line(agent.BillRefund, n, 200, no), at(2, 11, 0))
	},
	agent.DiffDuplicate: func(s *shop) {
		n := s.paid(500, at(2, 10, 0))
		s.billPaid(n, at(2, 10, 0))
		s.billPaid(n, at(2, 10, 0))
	},
}

func TestEachKindIsFoundAndSaid(t *testing.T) {
	for _, kind := range agent.DifferenceKinds() {
		t.Run(string(kind), func(t *testing.T) {
			s := newShop()
			s.billPaid(s.paid(1280, at(2, 9, 0)), at(2, 9, 0))
			kindCases[kind](s)
			w := s.compare(t, theDay)
			only(t, w, kind)
			sum := w.Sums[0]
			if len(w.Differences) == 1 && (w.Differences[0].Say().ID != "bill."+string(kind) || w.Differences[0].At == "") {
				t.Errorf("it is said as %+v", w.Differences[0].Say())
			}
			if total := sum.Differences; len(w.Sums) == 1 && total != 1 {
				t.Errorf("the sum counts %d differences: %+v", total, w.Sums)
			}
			askable := kind == agent.DiffPaidThere || kind == agent.DiffUnsettled
			if asked := len(s.asked) == 1; asked != askable || len(s.asked) > 1 {
				t.Errorf("the wallet is asked again about %v", s.asked)
			}
		})
	}
}

func TestWhatAgreesIsNoDifference(t *testing.T) {
	tests := []struct {
		name string
		make func(s *shop)
	}{
		{"a payment", func(s *shop) { s.billPaid(s.paid(500, at(2, 10, 0)), at(2, 10, 0)) }},
		{"a refusal", func(s *shop) { s.declined(500, at(2, 10, 0)) }},
		{"undone before the wallet took it", func(s *shop) { s.reversed(500, at(2, 10, 0), at(2, 10, 1)) }},
		{"taken and undone", func(s *shop) {
			n := s.reversed(500, at(2, 10, 0), at(2, 10, 1))
			s.billPaid(n, at(2, 10, 0))
			s.bill(s.line(agent.BillReversal, n, 500, ""), at(2, 10, 1))
		}},
		{"taken before midnight, undone after", func(s *shop) {
			n := s.reversed(500, at(2, 23, 59), at(3, 0, 1))
			s.billPaid(n, at(2, 23, 59))
			s.bill(s.line(agent.BillReversal, n, 500, ""), at(3, 0, 0))
		}},
		{"paid late and given back", func(s *shop) {
			n := s.declined(500, at(2, 10, 0))
			s.fact(n, at(2, 10, 5), agent.Fact{Kind: agent.FactApproved, Op: agent.OpQuery, Amount: 500})
			no := s.payments[n].LateRefundNo()
			s.fact(n, at(2, 10, 6), agent.Fact{Kind: agent.FactRefundDone, RefundNo: no})
			s.billPaid(n, at(2, 10, 0))
			s.bill(s.line(agent.BillRefund, n, 500, no), at(2, 10, 6))
		}},
		{"a refund of last month's payment", func(s *shop) {
			n := s.paid(500, at(2, 10, 0).AddDate(0, 0, -30))
			s.bill(s.line(agent.BillRefund, n, 200, s.refunded(n, 200, at(2, 11, 0), at(2, 11, 0))), at(2, 11, 0))
		}},
		{"another terminal's", func(s *shop) {
			s.bill(agent.BillLine{Kind: agent.BillPayment, OrderNo: "SHOP02" + "01KQJ7B0F5T1V8G5K8M2Q4R6S8", Amount: cny(900)}, at(2, 12, 0))
		}},
		{"a line that only has the wallet's number", func(s *shop) {
			l := s.line(agent.BillPayment, s.paid(500, at(2, 10, 0)), 500, "")
			l.OrderNo = ""
			s.bill(l, at(2, 10, 0))
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newShop()
			test.make(s)
			for day := 1; day <= 4; day++ {
				w := s.compare(t, at(day, 0, 0).Format(time.DateOnly))
				only(t, w)
				for _, sum := range w.Sums {
					if sum.Off().Value != 0 {
						t.Errorf("the sums are off by %s: %+v", sum.Off(), sum)
					}
				}
			}
		})
	}
}

func TestAnotherTerminalsLinesAreCounted(t *testing.T) {
	s := newShop()
	for _, no := range []string{"SHOP02" + "01KQJ7B0F5T1V8G5K8M2Q4R6S8", // another terminal's, of that day
		"SHOP02" + "01GQJ7B0F5T1V8G5K8M2Q4R6S8", // years old
		"SHOP01" + "01KQJ7B0F5T1V8G5K8M2Q4R6S8", // ours, and not in the journal
		"SHOP02" + "01KQJ7B0F5U1V8G5K8M2Q4R6S8", // no ULID has a U
		"550E8400E29B41D4A716446655440000"} {
		s.bill(agent.BillLine{Kind: agent.BillPayment, OrderNo: no, Amount: cny(900)}, at(2, 12, 0))
	}
	w := s.compare(t, theDay)
	unknown := agent.DiffUnknownHere
	only(t, w, unknown, unknown, unknown, unknown)
	if w.Elsewhere != 1 {
		t.Errorf("%d lines are other terminals'", w.Elsewhere)
	}
}

func TestMidnightIsNoDifference(t *testing.T) {
	tests := []struct {
		name         string
		theirs, ours time.Time
	}{
		{"known after midnight", at(2, 23, 59), at(3, 0, 1)},
		{"their clock is ahead", at(3, 0, 1), at(2, 23, 59)},
		{"their clock is behind", at(1, 23, 58), at(2, 0, 1)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newShop()
			s.billPaid(s.paid(500, test.ours), test.theirs)
			for day := 1; day <= 3; day++ {
				only(t, s.compare(t, at(day, 0, 0).Format(time.DateOnly)))
			}
		})
	}
}

func TestABillThatIsNotThereYetIsWaitedFor(t *testing.T) {
	s := newShop()
	s.paid(500, at(2, 23, 58))
	s.paid(700, at(2, 12, 0))
	s.missing["2026-05-03"] = &agent.Error{Op: "bill", Class: agent.Unavailable}
	w := s.compare(t, theDay)
	only(t, w, agent.DiffMissingThere)
	if want := []agent.LaterBill{{Day: "2026-05-03", Count: 1}}; !slices.Equal(w.Later, want) {
		t.Errorf("waits for %+v", w.Later)
	}
	if w.Differences[0].Here != cny(700) {
		t.Errorf("the wrong payment is missing: %+v", w.Differences[0])
	}
	s.missing = map[string]error{}
	only(t, s.compare(t, theDay), agent.DiffMissingThere, agent.DiffMissingThere)
}

func TestWhatIsPaidWhileTheBillIsFetchedIsNotMissed(t *testing.T) {
	s := newShop()
	s.now = at(2, 12, 0)
	s.paid(500, at(2, 12, 0))
	only(t, s.compare(t, theDay))
	if s.now = at(2, 12, 1); len(s.compare(t, theDay).Differences) != 1 {
		t.Error("afterwards it is not missed")
	}
}

func TestOnlyTheBillsThatMatterAreFetched(t *testing.T) {
	s := newShop()
	for hour := range 20 {
		s.billPaid(s.paid(500, at(2, hour+1, 0)), at(2, hour+1, 0))
	}
	s.compare(t, theDay)
	if want := []string{theDay}; !slices.Equal(s.fetched, want) {
		t.Errorf("fetched %v", s.fetched)
	}
}

func TestSumsPerCurrency(t *testing.T) {
	s := newShop()
	n := s.paid(1000, at(2, 10, 0))
	s.billPaid(n, at(2, 10, 0))
	s.bill(s.line(agent.BillRefund, n, 300, s.refunded(n, 300, at(2, 11, 0), at(2, 11, 0))), at(2, 11, 0))
	s.paid(500, at(2, 12, 0))
	s.bill(agent.BillLine{Kind: agent.BillPayment, OrderNo: "other", Amount: agent.Money{Value: 700, Currency: "JPY"}}, at(2, 13, 0))
	want := []agent.BillSum{
		{Currency: "CNY", There: agent.BillFlow{Payments: 1, Paid: 1000, Returns: 1, Returned: 300}, Here: agent.BillFlow{Payments: 2, Paid: 1500, Returns: 1, Returned: 300}, Differences: 1},
		{Currency: "JPY", There: agent.BillFlow{Payments: 1, Paid: 700}, Differences: 1},
	}
	w := s.compare(t, theDay)
	if !slices.Equal(w.Sums, want) {
		t.Errorf("the sums are %+v", w.Sums)
	}
	if off := w.Sums[0].Off(); off != cny(-500) {
		t.Errorf("off by %s", off)
	}
}

func TestAReversalOfAPartLeavesTheRestPaid(t *testing.T) {
	s := newShop()
	n := s.reversed(10000, at(2, 10, 0), at(2, 10, 1))
	s.billPaid(n, at(2, 10, 0))
	s.bill(s.line(agent.BillReversal, n, 4000, ""), at(2, 10, 1))
	w := s.compare(t, theDay)
	only(t, w, agent.DiffPaidThere)
	if off := w.Sums[0].Off(); off != cny(6000) {
		t.Errorf("the shop holds %s that nobody knows of, not 60.00", off)
	}
}

func TestAMovementOnTwoDaysBillsIsThereTwice(t *testing.T) {
	s := newShop()
	n := s.paid(500, at(2, 10, 0))
	s.billPaid(n, at(2, 10, 0))
	s.billPaid(n, at(4, 9, 0))
	no := s.refunded(n, 200, at(2, 11, 0), at(2, 11, 0))
	s.bill(s.line(agent.BillRefund, n, 200, no), at(2, 11, 0))
	s.bill(s.line(agent.BillRefund, n, 200, no), at(3, 11, 0))
	only(t, s.compare(t, theDay))
	only(t, s.compare(t, "2026-05-03"), agent.DiffDuplicate)
	only(t, s.compare(t, "2026-05-04"), agent.DiffDuplicate)
}

func TestARefundOfAnotherWalletsPaymentIsNotSilent(t *testing.T) {
	s := newShop()
	n := s.open(500, at(2, 10, 0))
	s.fact(n, at(2, 10, 0), agent.Fact{Kind: agent.FactPayStarted, Op: agent.OpPay, Attempt: 1, Wallet: "wechat"},
		agent.Fact{Kind: agent.FactApproved, Op: agent.OpPay, Amount: 500})
	s.bill(s.line(agent.BillRefund, n, 500, "PORTAL-9"), at(2, 11, 0))
	only(t, s.compare(t, theDay), agent.DiffRefundUnknown)
}

// On the day that summer time begins, a step of 24 hours from half past eleven at
// night jumps over a whole day.
func TestTheDayOf23HoursIsLookedAt(t *testing.T) {
	s := newShop()
	chicago, err := time.LoadLocation("America/Chicago")
	if err != nil {
		t.Fatal(err)
	}
	// It was asked for on the 7th, taken on the 8th, which has 23 hours, and known on the 9th.
	asked := time.Date(2026, 3, 7, 23, 45, 0, 0, chicago)
	n := s.open(500, asked.UTC())
	s.sent(n, asked)
	s.fact(n, time.Date(2026, 3, 9, 9, 0, 0, 0, chicago), agent.Fact{Kind: agent.FactApproved, Op: agent.OpQuery, Amount: 500})
	s.bills["2026-03-08"] = []agent.BillLine{s.line(agent.BillPayment, n, 500, "")}
	o := s.options()
	o.Sources[0].Zone = func(context.Context) (*time.Location, error) { return chicago, nil }
	r, err := reconcile.Compare(t.Context(), o, "2026-03-09", nil, func(reconcile.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	only(t, r.Wallets[0])
}

// A day's bill is gone through once, however many movements are looked for on it.
func TestABillIsReadOnceForAllThatIsMissing(t *testing.T) {
	s := newShop()
	for range 2000 {
		s.bill(agent.BillLine{Kind: agent.BillPayment, OrderNo: "SHOP02" + "01KQJ7B0F5T1V8G5K8M2Q4R6S8", Amount: cny(900)}, at(3, 12, 0))
	}
	taken := func() uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s.compare(t, theDay)
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	s.paid(500, at(2, 23, 55))
	one := taken()
	for range 40 {
		s.paid(500, at(2, 23, 55))
	}
	if many := taken(); many > 4*one {
		t.Errorf("one missing payment takes %d bytes and 41 take %d: the bill is read again for each", one, many)
	}
}
