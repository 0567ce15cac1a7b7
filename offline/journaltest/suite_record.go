package journaltest

import (
	"errors"
	"time"

	"tillwire/agent"
)

var recordCases = []testCase{
	{"each commit raises the version by one", func(s *shop) {
		p := s.open(Sale(1, "1"), payStarted)
		s.h.Clock.Advance(time.Second)
		p = s.record(p, inDoubt, awaiting)
		if p.Version != 2 || len(p.Facts) != 4 || p.Status.State != agent.AwaitPayer {
			s.t.Fatalf("recorded %+v", p)
		}
		s.same(s.payment(p.ID), p)
		s.restart()
		s.same(s.payment(p.ID), p)
		s.record(p, approved)
	}},
	{"a late answer is fenced off", func(s *shop) {
		old := s.open(Sale(1, "1"), payStarted)
		now := s.record(old, inDoubt)
		got, err := s.h.Store.Record(ctx(), old.ID, old.Version, approved)
		if !errors.Is(err, agent.ErrStale) {
			s.t.Fatalf("a stale version was taken: %v", err)
		}
		s.same(got, now)
		s.same(s.payment(old.ID), now)
	}},
	{"a fact against the law is refused and leaves nothing", func(s *shop) {
		p := s.record(s.open(Sale(1, "1"), payStarted), approved)
		told := len(s.h.Notices.List())
		_, err := s.h.Store.Record(ctx(), p.ID, p.Version, printed, refused)
		s.refused(err, agent.Conflict, agent.CodeState)
		s.same(s.payment(p.ID), p)
		if len(s.h.Notices.List()) != told {
			s.t.Fatal("a refused fact was told")
		}
	}},
	{"no facts are no commit", func(s *shop) {
		p := s.open(Sale(1, "1"))
		_, err := s.h.Store.Record(ctx(), p.ID, p.Version)
		s.refused(err, agent.Internal, "")
	}},
	{"a payment that does not exist is not found", func(s *shop) {
		_, err := s.h.Store.Record(ctx(), "nobody", 1, approved)
		s.refused(err, agent.NotFound, agent.CodeNotFound)
		_, err = s.h.Store.Payment(ctx(), "nobody")
		s.refused(err, agent.NotFound, agent.CodeNotFound)
	}},
	{"a success after the end leads to exactly one refund", func(s *shop) {
		p := s.record(s.open(Sale(1, "1"), payStarted), refused)
		p = s.record(p, approved)
		no := p.OrderNo + "R0"
		if r, ok := p.Status.Refund(no); p.Status.State != agent.RefundDue || !ok || r.Amount != 1280 || !r.Auto {
			s.t.Fatalf("late success led to %+v", p.Status)
		}
		p = s.record(p, approved)
		s.restart()
		p = s.record(s.payment(p.ID), approved)
		if len(p.Status.Refunds) != 1 {
			s.t.Fatalf("refunds %+v", p.Status.Refunds)
		}
		s.stepsAreRows(p)
		p = s.record(p, aboutRefund(agent.FactRefundDone, no))
		if p.Status.State != agent.Refunded {
			s.t.Fatalf("state %s", p.Status.State)
		}
		s.stepsAreRows(p)
	}},
	{"a fact keeps every word of itself", func(s *shop) {
		p := s.open(Sale(1, "1"), payStarted)
		full := agent.Fact{Kind: agent.FactApproved, At: s.h.Clock.Now().Add(1234567 * time.Nanosecond), Op: agent.OpQuery, Attempt: 3,
			Wallet: "alipay", Code: "SUCCESS", Text: "支付成功", Txn: "2026", By: "tillwire", Amount: 1280,
			Payer: agent.PayerSum{Amount: agent.Money{Value: 77, Currency: "EUR"}, Rate: "7.8000"}, CodePrint: []byte{0, 1, 255}}
		p = s.record(p, full)
		s.restart()
		got := s.payment(p.ID).Facts[2]
		full.Seq = got.Seq
		full.At = full.At.UTC()
		s.same(agent.Payment{Facts: []agent.Fact{got}}, agent.Payment{Facts: []agent.Fact{full}})
	}},
	{"a code scanned for an opened payment counts as seen", func(s *shop) {
		p := s.record(s.open(Sale(1, "1")), scanned("134"))
		second := s.open(Sale(2, "2"))
		got, err := s.h.Store.Record(ctx(), second.ID, second.Version, scanned("134"))
		if !errors.Is(err, agent.ErrCodeSeen) {
			s.t.Fatalf("the code was taken twice: %v", err)
		}
		s.same(got, p)
		s.same(s.payment(second.ID), second)
		s.restart()
		if _, err := s.h.Store.Record(ctx(), second.ID, second.Version, scanned("134")); !errors.Is(err, agent.ErrCodeSeen) {
			s.t.Fatalf("the code was taken twice after a restart: %v", err)
		}
	}},
	{"a payment may send its own code again", func(s *shop) {
		p := s.record(s.open(Sale(1, "1"), scanned("134")), inDoubt)
		s.record(p, scanned("134"))
	}},
	{"refunds never sum to more than was captured", func(s *shop) {
		p := s.record(s.open(Sale(1, "1"), payStarted), approved)
		one, two := p.OrderNo+"P1", p.OrderNo+"P2"
		p = s.record(p, refundAsked(one, 1000))
		_, err := s.h.Store.Record(ctx(), p.ID, p.Version, refundAsked(two, 281))
		s.refused(err, agent.Invalid, agent.CodeAmount)
		p = s.record(p, refundAsked(two, 280))
		p = s.record(p, aboutRefund(agent.FactRefundRefused, one))
		p = s.record(p, refundAsked(p.OrderNo+"P3", 1000), aboutRefund(agent.FactRefundDone, two))
		s.stepsAreRows(p)
		p = s.record(p, aboutRefund(agent.FactRefundDone, p.OrderNo+"P3"))
		if p.Status.State != agent.Refunded || p.Status.RefundedSum() != 1280 {
			s.t.Fatalf("status %+v", p.Status)
		}
		s.restart()
		s.same(s.payment(p.ID), p)
	}},
	{"a payment out of review does not take a lane back", func(s *shop) {
		p := s.record(s.open(Sale(1, "1"), payStarted), inDoubt, review)
		second := s.open(Sale(2, "1"))
		p = s.record(p, awaiting)
		if p.Status.State != agent.Review { // it goes on out of sight
			s.t.Fatalf("state %s", p.Status.State)
		}
		s.restart()
		_, err := s.h.Store.Open(ctx(), Sale(3, "1"), opened)
		s.refused(err, agent.Conflict, agent.CodeLaneBusy)
		if paymentOf(err) != second.ID {
			s.t.Fatalf("the lane is held by %s", paymentOf(err))
		}
	}},
}
