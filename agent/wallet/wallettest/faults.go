package wallettest

import (
	"fmt"
	"slices"
	"testing"

	"tillwire/agent"
)

// outcome is what an operation may answer under a fault.
type outcome int

const (
	doubt     outcome = iota // nothing may be claimed
	unsent                   // nothing left, and that must be said
	honest                   // the fault is invisible: the usual verdict
	perhaps                  // the usual verdict or doubt: both are true
	byContent                // doubt where the answer names an amount, else the usual verdict
)

// trial is one fault and what it may do to an answer.
type trial struct {
	Fault
	outcome outcome
	short   bool // with a wallet that does not wait long
}

// trials are the kinds of fault of the sandbox with their edges. A cut after
// very many bytes lets the whole message pass before the reset.
func trials() []trial {
	whole := int64(1 << 20)
	list := []trial{
		{Fault{Kind: "delay", DelayMS: 30}, honest, false},
		{Fault{Kind: "delay", DelayMS: 4 * impatient.Milliseconds()}, doubt, true},
		{Fault{Kind: "bad_signature"}, doubt, false},
		{Fault{Kind: "wrong_amount"}, byContent, false},
		{Fault{Kind: "duplicate"}, honest, false},
		{Fault{Kind: "captive_portal"}, doubt, false},
		{Fault{Kind: "refuse_connection"}, unsent, false},
		{Fault{Kind: "drop_response", AfterBytes: whole}, perhaps, false},
	}
	for _, n := range []int64{0, 1, 200, whole} {
		list = append(list, trial{Fault{Kind: "drop_request", AfterBytes: n}, doubt, false})
	}
	for _, n := range []int64{0, 1, 200} {
		list = append(list, trial{Fault{Kind: "drop_response", AfterBytes: n}, doubt, false})
	}
	for _, status := range []int{200, 302, 401, 403, 404, 429, 500, 503} {
		list = append(list, trial{Fault{Kind: "status", Status: status}, doubt, false})
	}
	return list
}

// act is one operation under test: how to get there, how to call it, what it
// answers when nothing is wrong, and how a shop comes to an end afterwards.
type act struct {
	op      agent.Operation
	usual   agent.Verdict
	amount  bool // its answer names an amount
	asking  bool // only asks: may be repeated unseen by the transport
	prepare func(*testing.T, *shop) sale
	call    func(*testing.T, *shop, *sale) agent.Answer
	finish  func(*testing.T, *shop, sale)
}

// Faults breaks every operation in every way, once on a fresh connection and
// once on a kept one. After each, the fault is lifted and the same operations
// must come to an end that agrees with the ledger.
func Faults(t *testing.T, start func(*testing.T) Harness) {
	for _, a := range acts(start(t).New(t, patient)) {
		t.Run(string(a.op), func(t *testing.T) {
			t.Parallel()
			h := start(t)
			for i, f := range trials() {
				for n, kept := range []bool{false, true} {
					if h.InTurn && (i+n)%2 != 0 {
						continue
					}
					t.Run(name(f, kept), func(t *testing.T) { suffer(t, h, a, f, kept) })
				}
			}
		})
	}
}

func name(f trial, kept bool) string {
	text := f.Kind
	if n := f.AfterBytes + f.DelayMS + int64(f.Status); n != 0 || f.Kind == "drop_request" || f.Kind == "drop_response" {
		text += fmt.Sprintf("_%d", n)
	}
	if kept {
		return text + "_kept"
	}
	return text
}

func suffer(t *testing.T, h Harness, a act, f trial, kept bool) {
	s := open(t, h, patient)
	a.amount = a.amount || h.Amounts
	x := a.prepare(t, s)
	healthy := s.wallet
	limit := patient
	if f.short {
		limit = impatient
	}
	s.wallet = h.New(t, limit)
	if kept {
		s.wallet.Query(t.Context(), x.p)
	}
	before := s.seen(t, a.op)
	f.Wallet, f.Operation, f.Count = s.Brand, a.op, 1
	s.fault(t, f.Fault)
	answer := a.call(t, s, &x)
	s.heal(t)

	if f.outcome == byContent && a.op == agent.OpRefund && h.RefundSums {
		f.outcome = perhaps
	}
	want(t, "under the fault", answer, a.allowed(f.outcome)...)
	s.truth(t, a.op, x, answer)
	after := s.seen(t, a.op)
	if answer.Verdict == agent.NotDelivered && after != before {
		t.Errorf("%d requests of a call that says nothing was delivered", after-before)
	}
	if most := map[string]int{"duplicate": 2}[f.Kind]; a.op == agent.OpPay && after-before > max(1, most) {
		t.Errorf("%d pay requests of one call: something repeats them behind our back", after-before)
	}
	if f.Kind != "refuse_connection" && after == before {
		t.Error("the fault was not met: this test proves nothing")
	}
	s.wallet = healthy
	a.finish(t, s, x)
}

func (a act) allowed(o outcome) []agent.Verdict {
	switch {
	case o == unsent:
		return []agent.Verdict{agent.NotDelivered}
	case o == honest, o == byContent && !a.amount:
		return []agent.Verdict{a.usual}
	case o == perhaps:
		return []agent.Verdict{a.usual, agent.InDoubt}
	case o == doubt && a.asking:
		// Asking again is harmless, and a second answer may be a good one.
		return []agent.Verdict{agent.InDoubt, a.usual}
	}
	return []agent.Verdict{agent.InDoubt}
}

// acts lists the operations that a wallet has.
func acts(w agent.Wallet) []act {
	list := []act{{op: agent.OpQuery, usual: agent.Approved, amount: true, asking: true,
		prepare: func(t *testing.T, s *shop) sale { return s.paid(t) },
		call:    func(t *testing.T, s *shop, x *sale) agent.Answer { return s.wallet.Query(t.Context(), x.p) },
		finish: func(t *testing.T, s *shop, x sale) {
			want(t, "query afterwards", s.wallet.Query(t.Context(), x.p), agent.Approved)
		}}}
	if _, ok := w.(agent.Charger); ok {
		list = append(list, act{op: agent.OpPay, usual: agent.Approved, amount: true,
			prepare: func(t *testing.T, s *shop) sale { return s.coded(t, "approve", 10*price) },
			call: func(t *testing.T, s *shop, x *sale) agent.Answer {
				return s.wallet.(agent.Charger).Pay(t.Context(), x.p, x.code)
			}, finish: finishPay})
	}
	if _, ok := w.(agent.Presenter); ok {
		list = append(list, act{op: agent.OpPresent, usual: agent.Shown,
			prepare: func(t *testing.T, s *shop) sale {
				return sale{p: s.payment(true), customer: s.customer(t, "approve", 10*price)}
			},
			call: func(t *testing.T, s *shop, x *sale) agent.Answer {
				return s.wallet.(agent.Presenter).Present(t.Context(), x.p)
			}, finish: finishPresent})
	}
	if _, ok := w.(agent.Reverser); ok {
		list = append(list, act{op: agent.OpReverse, usual: agent.Accepted,
			prepare: func(t *testing.T, s *shop) sale { return s.paid(t) },
			call: func(t *testing.T, s *shop, x *sale) agent.Answer {
				return s.wallet.(agent.Reverser).Reverse(t.Context(), x.p)
			}, finish: finishReverse})
	}
	if _, ok := w.(agent.Closer); ok {
		list = append(list, act{op: agent.OpClose, usual: agent.Accepted,
			prepare: func(t *testing.T, s *shop) sale { return s.shown(t) },
			call: func(t *testing.T, s *shop, x *sale) agent.Answer {
				return s.wallet.(agent.Closer).Close(t.Context(), x.p)
			}, finish: finishClose})
	}
	if _, ok := w.(agent.Refunder); ok {
		list = append(list, refundActs()...)
	}
	return list
}

func refundActs() []act {
	return []act{{op: agent.OpRefund, usual: agent.Accepted, amount: true,
		prepare: func(t *testing.T, s *shop) sale { return s.paid(t) },
		call: func(t *testing.T, s *shop, x *sale) agent.Answer {
			return s.wallet.(agent.Refunder).Refund(t.Context(), x.p, x.r)
		}, finish: finishRefund,
	}, {op: agent.OpRefundQuery, usual: agent.Accepted, amount: true, asking: true,
		prepare: func(t *testing.T, s *shop) sale {
			x := s.paid(t)
			want(t, "refund", s.wallet.(agent.Refunder).Refund(t.Context(), x.p, x.r), agent.Accepted)
			return x
		},
		call: func(t *testing.T, s *shop, x *sale) agent.Answer {
			return s.wallet.(agent.Refunder).QueryRefund(t.Context(), x.p, x.r)
		}, finish: finishRefund}}
}

// finishPay repeats the payment, asks, and undoes it: no road may take twice,
// and the end is that the shop keeps nothing.
func finishPay(t *testing.T, s *shop, x sale) {
	x.p.Status.Attempt = 2
	s.truth(t, agent.OpPay, x, s.wallet.(agent.Charger).Pay(t.Context(), x.p, x.code))
	a := s.wallet.Query(t.Context(), x.p)
	want(t, "query afterwards", a, agent.Approved, agent.Refused, agent.Absent)
	s.truth(t, agent.OpQuery, x, a)
	if r, _ := s.order(t, x.p.OrderNo); r.Captured != 0 != (a.Verdict == agent.Approved) {
		t.Errorf("the query says %v and the ledger %+v", a.Verdict, r)
	}
	if _, ok := s.wallet.(agent.Reverser); ok {
		finishReverse(t, s, x)
	}
}

func finishReverse(t *testing.T, s *shop, x sale) {
	a := s.wallet.(agent.Reverser).Reverse(t.Context(), x.p)
	want(t, "reverse afterwards", a, agent.Accepted)
	s.truth(t, agent.OpReverse, x, a)
	a = s.wallet.Query(t.Context(), x.p)
	want(t, "query after the reversal", a, agent.Ended, agent.Refused)
	s.truth(t, agent.OpQuery, x, a)
}

func finishPresent(t *testing.T, s *shop, x sale) {
	a := s.wallet.(agent.Presenter).Present(t.Context(), x.p)
	want(t, "present afterwards", a, agent.Shown)
	if got := s.scan(t, x.customer, a.QR); got != "paid" {
		t.Errorf("the phone says %q", got)
	}
	a = s.wallet.Query(t.Context(), x.p)
	want(t, "query afterwards", a, agent.Approved)
	s.truth(t, agent.OpQuery, x, a)
}

func finishClose(t *testing.T, s *shop, x sale) {
	want(t, "close afterwards", s.wallet.(agent.Closer).Close(t.Context(), x.p), agent.Accepted)
	a := s.wallet.Query(t.Context(), x.p)
	want(t, "query afterwards", a, agent.Ended)
	s.truth(t, agent.OpQuery, x, a)
	if got := s.scan(t, x.customer, x.qr); !slices.Contains([]string{"closed", "unknown"}, got) {
		t.Errorf("the phone says %q to a closed code", got)
	}
}

func finishRefund(t *testing.T, s *shop, x sale) {
	w := s.wallet.(agent.Refunder)
	a := w.Refund(t.Context(), x.p, x.r)
	want(t, "refund afterwards", a, agent.Accepted)
	s.truth(t, agent.OpRefund, x, a)
	a = w.QueryRefund(t.Context(), x.p, x.r)
	want(t, "refund query afterwards", a, agent.Accepted)
	s.truth(t, agent.OpRefundQuery, x, a)
}
