package journaltest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet/voucher"
)

var (
	shownHere = agent.Fact{Kind: agent.FactOfflineShown, Wallet: "citypay", QR: "PC1:"}
	forwarded = agent.Fact{Kind: agent.FactForwardStarted, Op: agent.OpRedeem}
	collected = agent.Fact{Kind: agent.FactApproved, Op: agent.OpRedeem, Amount: 1280, Txn: "c1"}
	lost      = agent.Fact{Kind: agent.FactLoss, Op: agent.OpRedeem, Reason: agent.ReasonSpentElse}
	voided    = agent.Fact{Kind: agent.FactVoided, By: "person:1"}
)

// acceptance is one of a device's n-th code under a policy with room for three sales
// of a lane and five of the shop.
func (s *shop) acceptance(n uint32) agent.Acceptance {
	return agent.Acceptance{
		Fact:  agent.Fact{Kind: agent.FactOfflineAccepted, Wallet: "citypay", Way: agent.WayDevice, Amount: 1280, By: "person:1", Key: fmt.Sprintf("7|0a|%d", n)},
		Exact: true, Role: agent.RoleCashier, Now: s.h.Clock.Now(), Seen: s.h.Clock.Now(), Sealed: []byte("sealed"),
		Spend: &agent.Spend{Issuer: 7, ID: []byte("device 1"), Counter: n, Until: s.h.Clock.Now().Add(time.Hour), Allowance: 128000},
		Policy: agent.OfflinePolicy{On: true, Ways: agent.Ways(), Least: agent.RoleCashier, Window: 24 * time.Hour, Count: 5, LaneCount: 3, DeviceDay: 100,
			Caps: map[agent.Currency]agent.OfflineCap{"CNY": {Ceiling: 1280, Exact: 1280, Stored: 1280 * 5, Lane: 1280 * 4}}},
	}
}

func (s *shop) accept(p agent.Payment, a agent.Acceptance) agent.Payment {
	s.t.Helper()
	p, err := s.h.Store.Accept(ctx(), p.ID, p.Version, a)
	if err != nil {
		s.t.Fatalf("accept: %v", err)
	}
	return p
}

// acceptedNot wants a refusal that leaves nothing: no fact, no exposure, no code spent.
func (s *shop) acceptedNot(p agent.Payment, a agent.Acceptance, id string) {
	s.t.Helper()
	before := s.exposure()
	_, err := s.h.Store.Accept(ctx(), p.ID, p.Version, a)
	var e *agent.Error
	if !errors.As(err, &e) || e.Code != agent.CodeOffline || e.Class != agent.Conflict || id != "" && e.Say.ID != id {
		s.t.Fatalf("accept: %v, want a refusal with %s", err, id)
	}
	s.same(s.payment(p.ID), p)
	if after := s.exposure(); !reflect.DeepEqual(after, before) {
		s.t.Fatalf("a refusal left %+v of %+v", after, before)
	}
}

func (s *shop) exposure() agent.Exposure {
	s.t.Helper()
	e, err := s.h.Store.Exposure(ctx())
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

func (s *shop) sealed(p agent.Payment, want string) {
	s.t.Helper()
	if got, err := s.h.Store.Sealed(ctx(), p.ID); err != nil || !bytes.Equal(got, []byte(want)) {
		s.t.Fatalf("sealed %q, %v; want %q", got, err, want)
	}
}

func (s *shop) sell(n int) agent.Payment { return s.open(Sale(n, fmt.Sprint(n%2)), shownHere) }

var offlineCases = []testCase{
	{"an acceptance is one commit and outlives a restart", func(s *shop) {
		p := s.accept(s.sell(1), s.acceptance(1))
		if p.Version != 2 || p.Status.State != agent.OfflineAccepted || p.Status.Key != "7|0a|1" || p.Status.Held() {
			s.t.Fatalf("accepted %+v", p)
		}
		want := agent.Exposure{Stored: agent.Stored{Count: 1, Sums: map[agent.Currency]int64{"CNY": 1280}}, Since: s.h.Clock.Now().UTC(),
			Lanes: map[string]agent.Stored{"1": {Count: 1, Sums: map[agent.Currency]int64{"CNY": 1280}}}}
		for range 2 {
			s.same(s.payment(p.ID), p)
			s.stepsAreRows(p)
			s.sealed(p, "sealed")
			if e := s.exposure(); !reflect.DeepEqual(e, want) {
				s.t.Fatalf("exposure %+v, want %+v", e, want)
			}
			if at, err := s.h.Store.SeenTime(ctx()); err != nil || !at.Equal(s.h.Clock.Now()) {
				s.t.Fatalf("seen %v, %v", at, err)
			}
			s.restart()
		}
	}},
	{"a code is accepted once, also after a restart and after it has ended", func(s *shop) {
		first := s.accept(s.sell(1), s.acceptance(1))
		for n := range 3 {
			second := s.open(Sale(n+2, "1"), shownHere)
			p, err := s.h.Store.Accept(ctx(), second.ID, second.Version, s.acceptance(1))
			if !errors.Is(err, agent.ErrSpent) || p.ID != first.ID {
				s.t.Fatalf("a spent code: %v for %s, want that of %s", err, p.ID, first.ID)
			}
			s.same(s.payment(second.ID), second)
			s.record(second, shut, agent.Fact{Kind: agent.FactReleased})
			switch n {
			case 0:
				s.restart()
			case 1:
				s.record(s.record(first, forwarded), collected)
			}
		}
	}},
	{"a device's counter goes up, and not far", func(s *shop) {
		s.accept(s.sell(1), s.acceptance(10))
		s.acceptedNot(s.sell(3), s.acceptance(9), "")
		p := s.payment(Sale(3, "1").ID)
		s.acceptedNot(p, s.acceptance(75), "")
		s.restart()
		s.acceptedNot(p, s.acceptance(75), "")
		s.accept(p, s.acceptance(74))
	}},
	{"one device pays so often a day", func(s *shop) {
		ask := func(n uint32) agent.Acceptance {
			a := s.acceptance(n)
			a.Policy.DeviceDay = 2
			return a
		}
		for n := range 2 {
			s.record(s.record(s.accept(s.sell(n), ask(uint32(n+1))), forwarded), collected)
		}
		p := s.sell(3)
		s.acceptedNot(p, ask(3), voucher.PolicyDevice)
		other := ask(3)
		other.Spend.ID = []byte("device 2")
		s.accept(p, other)
		s.h.Clock.Advance(24*time.Hour + time.Second)
		late := ask(4)
		late.Policy.Window = 48 * time.Hour
		s.accept(s.sell(5), late)
	}},
	{"a device's codes take no more together than its issuer answers for", func(s *shop) {
		ask := func(n uint32) agent.Acceptance {
			a := s.acceptance(n)
			a.Spend.Allowance = 3 * 1280
			return a
		}
		// Collected or not makes no difference; what was taken back took nothing.
		s.record(s.record(s.accept(s.sell(1), ask(1)), forwarded), collected)
		back := s.accept(s.sell(2), ask(2))
		p := s.accept(s.sell(3), ask(3))
		next := s.sell(4)
		s.acceptedNot(next, ask(4), voucher.PolicyAllowance)
		s.restart()
		s.acceptedNot(next, ask(4), voucher.PolicyAllowance)
		s.record(s.record(p, forwarded), lost)
		s.acceptedNot(next, ask(4), voucher.PolicyAllowance)
		none := ask(4)
		none.Spend.ID, none.Spend.Allowance = []byte("device 2"), 0
		s.acceptedNot(next, none, voucher.PolicyAllowance)
		s.record(back, voided)
		s.accept(next, ask(4))
	}},
	{"of a device's codes that come at once only as many as fit are accepted", func(s *shop) {
		var wg sync.WaitGroup
		var yes atomic.Int64
		for n := range 8 {
			p := s.open(Sale(n, fmt.Sprint("lane ", n)), shownHere)
			a := s.acceptance(1)
			a.Spend.Counter, a.Spend.Allowance = uint32(n+1), 2*1280
			wg.Go(func() {
				if _, err := s.h.Store.Accept(ctx(), p.ID, p.Version, a); err == nil {
					yes.Add(1)
				}
			})
		}
		wg.Wait()
		// A counter that comes after a higher one is refused, so one may be all.
		if e := s.exposure(); yes.Load() < 1 || yes.Load() > 2 || e.Count != int(yes.Load()) {
			s.t.Fatalf("%d accepted, exposure %+v", yes.Load(), e)
		}
	}},
	{"caps hold over everything that waits, and come back as it ends", func(s *shop) {
		for n := range 5 {
			s.accept(s.sell(n), s.acceptance(uint32(n+1)))
		}
		p := s.open(Sale(10, "9"), shownHere)
		s.acceptedNot(p, s.acceptance(20), voucher.PolicyCount)
		s.restart()
		s.acceptedNot(p, s.acceptance(20), voucher.PolicyCount)
		under := s.record(s.payment(Sale(0, "0").ID), forwarded)
		s.acceptedNot(p, s.acceptance(20), voucher.PolicyCount)
		s.sealed(under, "sealed")
		s.sealed(s.record(under, collected), "")
		s.sealed(s.record(s.record(s.payment(Sale(1, "1").ID), forwarded), lost), "")
		s.sealed(s.record(s.payment(Sale(2, "0").ID), voided), "")
		if e := s.exposure(); e.Count != 2 || e.Sums["CNY"] != 2560 || e.Lanes["0"].Count != 1 || e.Lanes["1"].Count != 1 {
			s.t.Fatalf("exposure %+v", e)
		}
		s.accept(p, s.acceptance(20))
	}},
	{"a lane has caps of its own", func(s *shop) {
		for n := range 3 {
			s.accept(s.open(Sale(n, "1"), shownHere), s.acceptance(uint32(n+1)))
		}
		s.acceptedNot(s.open(Sale(3, "1"), shownHere), s.acceptance(4), voucher.PolicyLaneCount)
		s.accept(s.open(Sale(4, "2"), shownHere), s.acceptance(4))
	}},
	{"the window begins with the oldest that waits, whatever the clock is set to", func(s *shop) {
		s.accept(s.sell(1), s.acceptance(1))
		s.h.Clock.Advance(24 * time.Hour)
		late := s.acceptance(2)
		p := s.sell(2)
		s.acceptedNot(p, late, voucher.PolicyWindow)
		if err := s.h.Store.Saw(ctx(), s.h.Clock.Now()); err != nil {
			s.t.Fatal(err)
		}
		back := s.acceptance(2)
		back.Now = back.Now.Add(-24 * time.Hour)
		s.acceptedNot(p, back, voucher.PolicyWindow)
	}},
	{"a bearer voucher that was taken back is good again", func(s *shop) {
		ask := func() agent.Acceptance {
			a := s.acceptance(0)
			a.Fact.Way = agent.WayBearer
			return a
		}
		s.record(s.accept(s.sell(1), ask()), voided)
		s.restart()
		s.accept(s.sell(2), ask())
		_, err := s.h.Store.Accept(ctx(), s.sell(3).ID, 1, ask())
		if !errors.Is(err, agent.ErrSpent) {
			s.t.Fatalf("accepted twice: %v", err)
		}
	}},
	{"a code that is charged later is accepted for one sale", func(s *shop) {
		code := []byte("the print of a member card's code")
		ask := func() agent.Acceptance {
			a := s.acceptance(0)
			a.Fact.Way, a.Fact.CodePrint, a.Exact = agent.WayDeferred, code, false
			a.Spend = agent.SpendOf(code, a.Now.Add(12*time.Hour))
			return a
		}
		n := 0
		not := func(want error, by agent.PaymentID) {
			s.t.Helper()
			n++
			p := s.open(Sale(n, "9"))
			if got, err := s.h.Store.Accept(ctx(), p.ID, p.Version, ask()); !errors.Is(err, want) || got.ID != by {
				s.t.Fatalf("accepted again: %v for %s, want %v for %s", err, got.ID, want, by)
			}
			s.record(p, agent.Fact{Kind: agent.FactUnsent})
		}
		online := s.open(Sale(100, "1"), agent.Fact{Kind: agent.FactPayStarted, Op: agent.OpPay, Attempt: 1, Wallet: "citypay", CodePrint: code})
		not(agent.ErrCodeSeen, online.ID)
		s.h.Clock.Advance(time.Hour)
		first := s.accept(s.open(Sale(101, "2")), ask())
		not(agent.ErrCodeSeen, first.ID)
		_, err := s.h.Store.Open(ctx(), Sale(102, "3"), opened, agent.Fact{Kind: agent.FactPayStarted, Op: agent.OpPay, Attempt: 1, Wallet: "citypay", CodePrint: code})
		if !errors.Is(err, agent.ErrCodeSeen) {
			s.t.Fatalf("charged beside it: %v", err)
		}
		s.h.Clock.Advance(time.Hour)
		not(agent.ErrSpent, first.ID)
		s.restart()
		s.h.Clock.Advance(time.Hour)
		not(agent.ErrSpent, first.ID)
		s.record(first, voided)
		s.accept(s.open(Sale(103, "4")), ask())
	}},
	{"what the law forbids leaves nothing", func(s *shop) {
		p := s.record(s.open(Sale(1, "1"), payStarted), approved)
		_, err := s.h.Store.Accept(ctx(), p.ID, p.Version, s.acceptance(1))
		s.refused(err, agent.Conflict, agent.CodeState)
		_, err = s.h.Store.Accept(ctx(), p.ID, p.Version-1, s.acceptance(1))
		if !errors.Is(err, agent.ErrStale) {
			s.t.Fatalf("a stale version: %v", err)
		}
		s.accept(s.sell(2), s.acceptance(1))
	}},
	{"of many at a time only as many as fit are accepted", func(s *shop) {
		const lanes = 24
		var wg sync.WaitGroup
		var mu sync.Mutex
		yes, other := 0, 0
		for n := range lanes {
			p := s.open(Sale(n, fmt.Sprint("lane ", n)), shownHere)
			a := s.acceptance(1)
			a.Spend.ID = fmt.Appendf(nil, "device %d", n/2) // two lanes have the same code
			wg.Go(func() {
				_, err := s.h.Store.Accept(ctx(), p.ID, p.Version, a)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					yes++
				case !errors.Is(err, agent.ErrSpent) && agent.CodeOf(err) != agent.CodeOffline:
					other++
				}
			})
		}
		wg.Wait()
		if e := s.exposure(); yes != 5 || other != 0 || e.Count != 5 {
			s.t.Fatalf("%d accepted, %d failed otherwise, exposure %+v", yes, other, e)
		}
	}},
}
