package journaltest

import (
	"fmt"
	"time"

	"tillwire/agent"
)

// roads are ways through the law; after each fact the outbox must hold the steps.
var roads = [][]agent.Fact{
	{payStarted, approved, printed},
	{payStarted, refused, {Kind: agent.FactWatched, Op: agent.OpQuery}},
	{payStarted, inDoubt, awaiting, inDoubt, undo, undone, reversed, {Kind: agent.FactWatched, Op: agent.OpQuery}},
	{payStarted, inDoubt, undo, undone, approved},
	{payStarted, {Kind: agent.FactRestarted}, {Kind: agent.FactPayStarted, Attempt: 2}, review, undo},
	{{Kind: agent.FactUnsent, Reason: agent.ReasonNoScan}},
	{presented, qrReady, shut, {Kind: agent.FactCloseAccepted}, {Kind: agent.FactClosed, Op: agent.OpQuery}, approved},
	{presented, qrReady, shut, {Kind: agent.FactReleased}, approved},
}

var outboxCases = []testCase{
	{"after each fact the rows are the steps", func(s *shop) {
		for i, road := range roads {
			p := s.open(Sale(i, fmt.Sprint("lane ", i)))
			s.stepsAreRows(p)
			for _, f := range road {
				p = s.record(p, f)
				s.stepsAreRows(p)
			}
		}
		s.restart()
		for i := range roads {
			s.stepsAreRows(s.payment(Sale(i, "").ID))
		}
	}},
	{"a step is due after its wait and not before", func(s *shop) {
		p := s.open(Sale(1, "1"), payStarted)
		wait, ok, err := s.h.Store.NextDue(ctx())
		if err != nil || !ok || wait != 5*time.Second {
			s.t.Fatalf("next due %v %v %v", wait, ok, err)
		}
		s.h.Clock.Advance(4999 * time.Millisecond)
		s.nothingDue()
		s.h.Clock.Jump(time.Hour)
		s.nothingDue()
		s.h.Clock.Advance(time.Millisecond)
		task := s.leaseOne()
		if task.Payment != p.ID || task.Op != agent.OpQuery || task.Tries != 1 || task.RefundNo != "" {
			s.t.Fatalf("leased %+v", task)
		}
		if _, ok, _ := s.h.Store.NextDue(ctx()); ok {
			s.t.Fatal("something is due although all is leased")
		}
		s.nothingDue()
	}},
	{"undoing goes before asking, asking before paying back", func(s *shop) {
		paid := s.record(s.open(Sale(1, "1"), payStarted), approved)
		s.record(paid, refundAsked(paid.OrderNo+"P1", 5))
		s.record(s.open(Sale(2, "2"), payStarted), inDoubt)
		s.record(s.open(Sale(3, "3"), payStarted), inDoubt, undo)
		s.open(Sale(4, "4"))
		s.h.Clock.Advance(5 * time.Minute)
		var ops []agent.Operation
		for range 4 {
			ops = append(ops, s.lease(1)[0].Op)
		}
		if fmt.Sprint(ops) != "[reverse query expire refund]" {
			s.t.Fatalf("order %v", ops)
		}
	}},
	{"among equals the longest due goes first", func(s *shop) {
		first := s.open(Sale(1, "1"), payStarted)
		s.h.Clock.Advance(time.Second)
		second := s.open(Sale(2, "2"), payStarted)
		s.h.Clock.Advance(time.Minute)
		if tasks := s.lease(10); len(tasks) != 2 || tasks[0].Payment != first.ID || tasks[1].Payment != second.ID {
			s.t.Fatalf("leased %v", tasks)
		}
	}},
	{"a postponed task comes back after its wait with its tries", func(s *shop) {
		s.open(Sale(1, "1"), payStarted)
		s.h.Clock.Advance(time.Minute)
		task := s.leaseOne()
		s.postpone(task, 3*time.Second)
		if e := s.queue()[0]; e.Tries != 1 || e.Last != "no answer" || e.Due != 3*time.Second || e.Age != time.Minute {
			s.t.Fatalf("queue %+v", e)
		}
		s.nothingDue()
		s.h.Clock.Advance(3 * time.Second)
		if again := s.leaseOne(); again.Tries != 2 || again.Row != task.Row || again.Lease == task.Lease {
			s.t.Fatalf("leased again %+v after %+v", again, task)
		}
	}},
	{"a lease that is over moves nothing", func(s *shop) {
		s.open(Sale(1, "1"), payStarted)
		s.h.Clock.Advance(time.Minute)
		old := s.leaseOne()
		s.postpone(old, 0)
		s.leaseOne()
		s.postpone(old, 0)
		if err := s.h.Store.Bury(ctx(), old, "late"); err != nil {
			s.t.Fatal(err)
		}
		s.nothingDue()
	}},
	{"a fact that changes the step ends the lease", func(s *shop) {
		p := s.record(s.open(Sale(1, "1"), payStarted), inDoubt)
		s.h.Clock.Advance(time.Minute)
		task := s.leaseOne()
		s.record(p, undo)
		s.postpone(task, time.Hour)
		if next := s.leaseOne(); next.Op != agent.OpReverse || next.Tries != 1 || next.Row == task.Row {
			s.t.Fatalf("leased %+v", next)
		}
	}},
	{"a fact that leaves the step the same leaves the lease", func(s *shop) {
		p := s.record(s.open(Sale(1, "1"), payStarted), inDoubt)
		s.h.Clock.Advance(time.Minute)
		task := s.leaseOne()
		s.record(p, awaiting)
		s.nothingDue()
		s.postpone(task, time.Second)
		s.h.Clock.Advance(time.Second)
		if again := s.leaseOne(); again.Row != task.Row || again.Tries != 2 {
			s.t.Fatalf("leased %+v", again)
		}
	}},
	{"a fact about the step begins its tries anew", func(s *shop) {
		p := s.record(s.open(Sale(1, "1"), payStarted), inDoubt)
		s.h.Clock.Advance(time.Minute)
		for range 9 {
			s.postpone(s.leaseOne(), 0)
		}
		task := s.leaseOne()
		s.record(p, awaiting)
		s.postpone(task, 0)
		if again := s.leaseOne(); task.Tries != 10 || again.Row != task.Row || again.Tries != 2 {
			s.t.Fatalf("leased %+v, and %+v before", again, task)
		}
	}},
	{"a fact about something else does not move a refund's wait", func(s *shop) {
		p := s.record(s.open(Sale(1, "1"), payStarted), approved)
		p = s.record(p, refundAsked(p.OrderNo+"P1", 5))
		s.postpone(s.leaseOne(), time.Minute)
		s.record(p, printed)
		s.nothingDue()
		s.h.Clock.Advance(time.Minute)
		s.leaseOne()
	}},
	{"a buried task stays visible and is never leased by itself", func(s *shop) {
		p := s.record(s.open(Sale(1, "1"), payStarted), inDoubt)
		s.h.Clock.Advance(time.Minute)
		if err := s.h.Store.Bury(ctx(), s.leaseOne(), "the wallet is not configured"); err != nil {
			s.t.Fatal(err)
		}
		s.nothingDue()
		if e := s.queue()[0]; e.Payment != p.ID || e.Last != "the wallet is not configured" {
			s.t.Fatalf("queue %+v", e)
		}
		s.record(p, awaiting)
		s.h.Clock.Advance(time.Minute)
		s.leaseOne()
	}},
	{"a restart gives a buried task another chance", func(s *shop) {
		p := s.record(s.open(Sale(1, "1"), payStarted), inDoubt)
		s.h.Clock.Advance(time.Minute)
		if err := s.h.Store.Bury(ctx(), s.leaseOne(), "it panicked"); err != nil {
			s.t.Fatal(err)
		}
		s.restart()
		if e := s.queue()[0]; e.Payment != p.ID || e.Last != "it panicked" {
			s.t.Fatalf("queue %+v", e)
		}
		s.leaseOne()
	}},
	{"a returned line hastens what was tried, wallet by wallet", func(s *shop) {
		s.record(s.open(Sale(1, "1"), payStarted), inDoubt)
		other := payStarted
		other.Wallet = "alipay"
		s.record(s.open(Sale(2, "2"), other), inDoubt)
		s.h.Clock.Advance(time.Minute)
		for _, task := range s.lease(10) {
			s.postpone(task, time.Hour)
		}
		untried := s.open(Sale(3, "3"), payStarted)
		if err := s.h.Store.Hasten(ctx(), "alipay"); err != nil {
			s.t.Fatal(err)
		}
		if task := s.leaseOne(); task.Payment != Sale(2, "2").ID {
			s.t.Fatalf("leased %+v", task)
		}
		if err := s.h.Store.Hasten(ctx(), ""); err != nil {
			s.t.Fatal(err)
		}
		if task := s.leaseOne(); task.Payment == untried.ID {
			s.t.Fatal("a query that was never tried lost its wait")
		}
	}},
	{"after a restart everything is due and no old lease holds", func(s *shop) {
		p := s.record(s.open(Sale(1, "1"), payStarted), inDoubt)
		s.open(Sale(2, "2"), payStarted)
		s.h.Clock.Advance(10 * time.Second)
		old := s.lease(1)[0]
		s.restart()
		wait, ok, err := s.h.Store.NextDue(ctx())
		if err != nil || !ok || wait != 0 {
			s.t.Fatalf("next due %v %v %v", wait, ok, err)
		}
		tasks := s.lease(10)
		if len(tasks) != 2 || tasks[0].Payment != p.ID || tasks[0].Tries != 2 || tasks[1].Tries != 1 {
			s.t.Fatalf("leased %+v", tasks)
		}
		s.postpone(old, 0)
		s.nothingDue()
	}},
}
