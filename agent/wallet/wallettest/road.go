package wallettest

import (
	"sync"
	"testing"

	"tillwire/agent"
)

// Road is the contract without faults. Parts that need an ability the wallet
// does not have are left out.
func Road(t *testing.T, h Harness) {
	s := open(t, h, patient)
	t.Run("info", s.info)
	t.Run("an order nobody knows", func(t *testing.T) {
		want(t, "query", s.wallet.Query(t.Context(), s.payment(false)), agent.Absent)
	})
	if w, ok := s.wallet.(agent.Charger); ok {
		s.charging(t, w)
	}
	if w, ok := s.wallet.(agent.Presenter); ok {
		s.presenting(t, w)
	}
	if w, ok := s.wallet.(agent.Reverser); ok {
		s.reversing(t, w)
	}
	if w, ok := s.wallet.(agent.Refunder); ok {
		s.refunding(t, w)
	}
}

func (s *shop) info(t *testing.T) {
	info := s.wallet.Info()
	if info.Name != s.Brand || info.Protocol == "" || len(info.Hosts) == 0 {
		t.Errorf("%+v does not say who it is", info)
	}
	if !info.Test {
		t.Error("a sandbox is not the brand's own host: every screen must say TEST")
	}
}

func (s *shop) charging(t *testing.T, w agent.Charger) {
	t.Run("pay", func(t *testing.T) {
		x := s.coded(t, "approve", 10*price)
		want(t, "pay", w.Pay(t.Context(), x.p, x.code), agent.Approved)
		a := s.wallet.Query(t.Context(), x.p)
		want(t, "query", a, agent.Approved)
		s.truth(t, agent.OpQuery, x, a)
		if a.Txn == "" {
			t.Error("a paid order has a transaction id")
		}
	})
	t.Run("the same number twice is one payment", func(t *testing.T) {
		x := s.coded(t, "approve", 10*price)
		want(t, "pay", w.Pay(t.Context(), x.p, x.code), agent.Approved)
		x.p.Status.Attempt = 2
		want(t, "pay again", w.Pay(t.Context(), x.p, x.code), agent.Approved, agent.InDoubt)
		want(t, "pay with another code", w.Pay(t.Context(), x.p, s.payCode(t, x.customer)), agent.Approved, agent.InDoubt)
		s.truth(t, agent.OpPay, x, agent.Answer{Verdict: agent.Approved, Amount: price})
	})
	t.Run("eight at once are one payment", func(t *testing.T) {
		x := s.coded(t, "approve", 10*price)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if a := w.Pay(t.Context(), x.p, x.code); a.Verdict != agent.Approved && a.Verdict != agent.InDoubt {
					t.Errorf("pay: %v (%s %v)", a.Verdict, a.Code, a.Err)
				}
			})
		}
		all.Wait()
		a := s.wallet.Query(t.Context(), x.p)
		want(t, "query", a, agent.Approved)
		s.truth(t, agent.OpQuery, x, a)
	})
	t.Run("the customer must confirm", func(t *testing.T) {
		x := s.coded(t, "password", 10*price)
		want(t, "pay", w.Pay(t.Context(), x.p, x.code), agent.Awaiting)
		want(t, "query", s.wallet.Query(t.Context(), x.p), agent.Awaiting)
		s.confirm(t, x.customer)
		want(t, "query after the confirmation", s.wallet.Query(t.Context(), x.p), agent.Approved)
	})
	s.refusing(t, w)
}

// refusing holds the ways a payment with a code ends without money.
func (s *shop) refusing(t *testing.T, w agent.Charger) {
	for name, refused := range map[string]struct {
		behaviour string
		balance   int64
		reason    agent.Reason
	}{
		"the customer declines":       {"decline", 10 * price, ""},
		"not enough money":            {"approve", price - 1, agent.ReasonNotEnough},
		"the customer never confirms": {"abandon", 10 * price, ""},
	} {
		t.Run(name, func(t *testing.T) {
			x := s.coded(t, refused.behaviour, refused.balance)
			a := w.Pay(t.Context(), x.p, x.code)
			if refused.behaviour == "abandon" {
				want(t, "pay", a, agent.Awaiting)
			} else {
				want(t, "pay", a, agent.Refused)
			}
			if refused.reason != "" && a.Reason != refused.reason {
				t.Errorf("the reason is %q, want %q", a.Reason, refused.reason)
			}
			s.truth(t, agent.OpPay, x, a)
			s.truth(t, agent.OpQuery, x, s.wallet.Query(t.Context(), x.p))
		})
	}
	t.Run("a code of nobody and a code of yesterday's customer", func(t *testing.T) {
		x := s.coded(t, "approve", 10*price)
		nobody := agent.NewPayCode(x.code.Reveal()[:2] + "0000000000000000"[:max(0, min(16, x.code.Len()-2))])
		a := w.Pay(t.Context(), x.p, nobody)
		want(t, "pay with nobody's code", a, agent.Refused)
		if a.Reason != agent.ReasonCodeInvalid && a.Reason != agent.ReasonCodeExpired {
			t.Errorf("the reason is %q", a.Reason)
		}
		y := s.coded(t, "approve", 10*price)
		want(t, "pay", w.Pay(t.Context(), y.p, y.code), agent.Approved)
		z := sale{p: s.payment(false), code: y.code}
		want(t, "pay with a used code", w.Pay(t.Context(), z.p, z.code), agent.Refused)
		s.truth(t, agent.OpPay, z, agent.Answer{Verdict: agent.Refused})
	})
}

// coded is a sale whose customer holds out a fresh code.
func (s *shop) coded(t *testing.T, behaviour string, balance int64) sale {
	t.Helper()
	x := sale{p: s.payment(false), customer: s.customer(t, behaviour, balance)}
	x.code = s.payCode(t, x.customer)
	return x
}

func (s *shop) presenting(t *testing.T, w agent.Presenter) {
	closer, closes := s.wallet.(agent.Closer)
	t.Run("show", func(t *testing.T) {
		x := sale{p: s.payment(true), customer: s.customer(t, "approve", 10*price)}
		first := w.Present(t.Context(), x.p)
		want(t, "present", first, agent.Shown)
		want(t, "query", s.wallet.Query(t.Context(), x.p), agent.Unpaid)
		again := w.Present(t.Context(), x.p)
		want(t, "present again", again, agent.Shown)
		if got := s.scan(t, x.customer, again.QR); got != "paid" {
			t.Fatalf("the phone says %q", got)
		}
		if got := s.scan(t, s.customer(t, "approve", 10*price), first.QR); got == "paid" {
			t.Error("two codes of one payment were paid by two customers")
		}
		a := s.wallet.Query(t.Context(), x.p)
		want(t, "query", a, agent.Approved)
		s.truth(t, agent.OpQuery, x, a)
		if closes {
			c := closer.Close(t.Context(), x.p)
			want(t, "close of a paid order", c, agent.Refused, agent.InDoubt)
			want(t, "query after it", s.wallet.Query(t.Context(), x.p), agent.Approved)
		}
	})
	if !closes {
		return
	}
	t.Run("close", func(t *testing.T) {
		x := s.shown(t)
		for _, what := range []string{"close", "close again"} {
			want(t, what, closer.Close(t.Context(), x.p), agent.Accepted)
		}
		want(t, "query", s.wallet.Query(t.Context(), x.p), agent.Ended)
		if got := s.scan(t, x.customer, x.qr); got == "paid" {
			t.Error("a closed code was paid")
		}
	})
	t.Run("a close that comes first", func(t *testing.T) {
		x := sale{p: s.payment(true)}
		want(t, "close", closer.Close(t.Context(), x.p), agent.Accepted, agent.Absent)
		want(t, "query", s.wallet.Query(t.Context(), x.p), agent.Ended, agent.Absent)
	})
}

// shown is a sale whose code is on display, with a customer in front of it.
func (s *shop) shown(t *testing.T) sale {
	t.Helper()
	x := sale{p: s.payment(true), customer: s.customer(t, "approve", 10*price)}
	a := s.wallet.(agent.Presenter).Present(t.Context(), x.p)
	want(t, "present", a, agent.Shown)
	x.qr = a.QR
	return x
}

func (s *shop) reversing(t *testing.T, w agent.Reverser) {
	charger, charges := s.wallet.(agent.Charger)
	if !charges {
		return
	}
	for name, behaviour := range map[string]string{"a paid order": "approve", "an order that waits for a password": "password", "a declined order": "decline"} {
		t.Run("reverse "+name, func(t *testing.T) {
			x := s.coded(t, behaviour, 10*price)
			charger.Pay(t.Context(), x.p, x.code)
			for _, what := range []string{"reverse", "reverse again"} {
				a := w.Reverse(t.Context(), x.p)
				want(t, what, a, agent.Accepted)
				s.truth(t, agent.OpReverse, x, a)
			}
			a := s.wallet.Query(t.Context(), x.p)
			want(t, "query", a, agent.Ended, agent.Refused)
			s.truth(t, agent.OpQuery, x, a)
		})
	}
	t.Run("a reversal that comes first", func(t *testing.T) {
		x := s.coded(t, "approve", 10*price)
		a := w.Reverse(t.Context(), x.p)
		want(t, "reverse", a, agent.Accepted, agent.Absent)
		paid := charger.Pay(t.Context(), x.p, x.code)
		s.truth(t, agent.OpPay, x, paid)
		if a.Verdict == agent.Accepted {
			want(t, "pay afterwards", paid, agent.Refused, agent.InDoubt)
		}
	})
}

func (s *shop) refunding(t *testing.T, w agent.Refunder) {
	t.Run("refund in parts", func(t *testing.T) {
		x := s.paid(t)
		want(t, "query of a refund nobody asked for", w.QueryRefund(t.Context(), x.p, x.r), agent.Absent)
		for _, what := range []string{"refund", "the same refund again"} {
			a := w.Refund(t.Context(), x.p, x.r)
			want(t, what, a, agent.Accepted)
			s.truth(t, agent.OpRefund, x, a)
		}
		want(t, "query", w.QueryRefund(t.Context(), x.p, x.r), agent.Accepted)
		want(t, "the order after it", s.wallet.Query(t.Context(), x.p), agent.Approved)

		want(t, "more than is left", w.Refund(t.Context(), x.p, refundOf(x.p, "P3", price-s.share()+1)), agent.Refused)
		if rest := price - s.share(); rest > 0 {
			want(t, "the rest", w.Refund(t.Context(), x.p, refundOf(x.p, "P2", rest)), agent.Accepted)
		}
		want(t, "one more", w.Refund(t.Context(), x.p, refundOf(x.p, "P4", 1)), agent.Refused)
		if r, _ := s.order(t, x.p.OrderNo); r.Refunded != price || r.keeps() != 0 {
			t.Errorf("the ledger has %+v", r)
		}
	})
	t.Run("refund of an order nobody knows", func(t *testing.T) {
		p := s.payment(false)
		want(t, "refund", w.Refund(t.Context(), p, refundOf(p, "P1", s.share())), agent.Refused, agent.InDoubt, agent.Absent)
	})
}

// paid is a sale that was paid, whichever way the wallet can.
func (s *shop) paid(t *testing.T) sale {
	t.Helper()
	var x sale
	if w, ok := s.wallet.(agent.Charger); ok {
		x = s.coded(t, "approve", 10*price)
		want(t, "pay", w.Pay(t.Context(), x.p, x.code), agent.Approved)
	} else {
		x = s.shown(t)
		if got := s.scan(t, x.customer, x.qr); got != "paid" {
			t.Fatalf("the phone says %q", got)
		}
	}
	x.r = refundOf(x.p, "P1", s.share())
	return x
}
