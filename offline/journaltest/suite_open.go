package journaltest

import (
	"bytes"
	"errors"
	"time"

	"tillwire/agent"
)

var openCases = []testCase{
	{"an opened payment is on record with its facts", func(s *shop) {
		p := s.open(Sale(1, "1"), scanned("134"))
		if p.Version != 1 || p.Status.State != agent.Sending || len(p.Facts) != 2 || p.Status.Wallet != "wechat" {
			s.t.Fatalf("opened %+v", p)
		}
		if p.Facts[0].Seq == 0 || p.Facts[1].Seq <= p.Facts[0].Seq || !p.Facts[0].At.Equal(s.h.Clock.Now()) || !p.Created.Equal(s.h.Clock.Now()) {
			s.t.Fatalf("facts without rows or times: %+v", p.Facts)
		}
		s.same(s.payment(p.ID), p)
		s.restart()
		s.same(s.payment(p.ID), p)
	}},
	{"the same request again is the same payment", func(s *shop) {
		p := s.open(Sale(1, "1"), scanned("134"))
		again := Sale(1, "1")
		again.ID, again.OrderNo = "01JNTEST999999999999999999", "T0TEST01JNTEST999999999999999999"
		for range 2 {
			got, err := s.h.Store.Open(ctx(), again, opened, scanned("134"))
			if !errors.Is(err, agent.ErrRepeated) {
				s.t.Fatalf("opened again: %v", err)
			}
			s.same(got, p)
			s.restart()
		}
		if _, err := s.h.Store.Payment(ctx(), again.ID); agent.ClassOf(err) != agent.NotFound {
			s.t.Fatalf("the repeat left a payment behind: %v", err)
		}
	}},
	{"a repeat is found when the payment has long ended", func(s *shop) {
		p := s.record(s.open(Sale(1, "1"), payStarted), approved)
		got, err := s.h.Store.Open(ctx(), Sale(1, "1"), opened)
		if !errors.Is(err, agent.ErrRepeated) {
			s.t.Fatal(err)
		}
		s.same(got, p)
	}},
	{"the same request id with another content is refused by name", func(s *shop) {
		p := s.open(Sale(1, "1"))
		other := Sale(2, "2")
		other.RequestID = "r1"
		_, err := s.h.Store.Open(ctx(), other, opened)
		s.refused(err, agent.Conflict, agent.CodeRequestReused)
		if paymentOf(err) != p.ID {
			s.t.Fatalf("the error names %q", paymentOf(err))
		}
	}},
	{"request ids of different clients do not meet", func(s *shop) {
		s.open(Sale(1, "1"))
		other := Sale(2, "2")
		other.Client, other.RequestID = "till:b", "r1"
		s.open(other)
	}},
	{"a request is found by its client and id", func(s *shop) {
		p := s.open(Sale(1, "1"))
		got, err := s.h.Store.ByRequest(ctx(), "till:a", "r1")
		if err != nil {
			s.t.Fatal(err)
		}
		s.same(got, p)
		_, err = s.h.Store.ByRequest(ctx(), "till:b", "r1")
		s.refused(err, agent.NotFound, agent.CodeNotFound)
	}},
	{"a held lane refuses a second payment and says which one holds it", func(s *shop) {
		p := s.open(Sale(1, "1"))
		for range 2 {
			_, err := s.h.Store.Open(ctx(), Sale(2, "1"), opened)
			s.refused(err, agent.Conflict, agent.CodeLaneBusy)
			if paymentOf(err) != p.ID {
				s.t.Fatalf("the error names %q", paymentOf(err))
			}
			s.restart()
		}
		s.open(Sale(3, "2"))
	}},
	{"a lane is free again once the reversal is durable", func(s *shop) {
		p := s.record(s.open(Sale(1, "1"), payStarted), inDoubt, undo)
		second := s.open(Sale(2, "1"), payStarted)
		s.record(p, undone)
		s.record(second, approved)
		s.open(Sale(3, "1"))
	}},
	{"a code seen within ten minutes belongs to its payment", func(s *shop) {
		p := s.record(s.open(Sale(1, "1"), scanned("134")), refused)
		for range 2 {
			got, err := s.h.Store.Open(ctx(), Sale(2, "1"), opened, scanned("134"))
			if !errors.Is(err, agent.ErrCodeSeen) {
				s.t.Fatalf("the code was taken again: %v", err)
			}
			s.same(got, p)
			s.restart()
		}
		s.open(Sale(3, "1"), scanned("135"))
	}},
	{"ten minutes are counted in running time, not on the wall clock", func(s *shop) {
		s.record(s.open(Sale(1, "1"), scanned("134")), refused)
		s.h.Clock.Jump(24 * time.Hour)
		if _, err := s.h.Store.Open(ctx(), Sale(2, "1"), opened, scanned("134")); !errors.Is(err, agent.ErrCodeSeen) {
			s.t.Fatalf("after a jump of the clock: %v", err)
		}
		s.h.Clock.Advance(10 * time.Minute)
		s.open(Sale(3, "1"), scanned("134"))
	}},
	{"an illegal beginning is refused and leaves nothing", func(s *shop) {
		_, err := s.h.Store.Open(ctx(), Sale(1, "1"), opened, approved)
		s.refused(err, agent.Conflict, agent.CodeState)
		_, err = s.h.Store.Open(ctx(), Sale(1, "1"), payStarted)
		s.refused(err, agent.Conflict, agent.CodeState)
		if len(s.queue()) != 0 || len(s.h.Notices.List()) != 0 {
			s.t.Fatal("a refused payment left a row or a notice")
		}
		s.open(Sale(1, "1"))
	}},
	{"an order number serves one payment", func(s *shop) {
		p := s.record(s.open(Sale(1, "1"), payStarted), approved)
		for _, change := range []func(*agent.Payment){
			func(second *agent.Payment) { second.OrderNo = p.OrderNo },
			func(second *agent.Payment) { second.ID = p.ID },
		} {
			second := Sale(2, "2")
			change(&second)
			_, err := s.h.Store.Open(ctx(), second, opened)
			s.refused(err, agent.Internal, "")
		}
		s.same(s.payment(p.ID), p)
	}},
	{"an amount of nothing is refused", func(s *shop) {
		p := Sale(1, "1")
		p.Amount.Value = 0
		_, err := s.h.Store.Open(ctx(), p, opened)
		s.refused(err, agent.Invalid, agent.CodeAmount)
	}},
	{"what the shop asked for is kept to the letter", func(s *shop) {
		p := Sale(1, "1")
		p.Reference, p.Cashier, p.Test, p.Mode = "桌 7 'x\"", "", true, agent.ModeShow
		got := s.open(p, presented)
		s.restart()
		got = s.payment(got.ID)
		if got.Reference != p.Reference || got.Cashier != "" || !got.Test || got.Mode != agent.ModeShow || got.Amount != p.Amount ||
			got.Client != p.Client || got.RequestID != p.RequestID || !bytes.Equal(got.RequestHash, p.RequestHash) || got.Lane != "1" {
			s.t.Fatalf("got %+v", got)
		}
	}},
	{"open payments are those that are not final, oldest first", func(s *shop) {
		s.record(s.open(Sale(1, "1"), payStarted), approved)
		second := s.open(Sale(2, "1"), payStarted)
		s.record(s.open(Sale(3, "2"), payStarted), refused)
		fourth := s.record(s.open(Sale(4, "2"), payStarted), inDoubt)
		for range 2 {
			got, err := s.h.Store.OpenPayments(ctx())
			if err != nil || len(got) != 2 {
				s.t.Fatalf("open payments %v, %v", got, err)
			}
			s.same(got[0], second)
			s.same(got[1], fourth)
			s.restart()
		}
	}},
}
