package checkout_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
)

// slowJournal holds back one kind of fact until it is let go, so that something
// else can happen between a decision and its record.
type slowJournal struct {
	agent.Journal
	kind agent.FactKind
	gate chan struct{}
}

func (j slowJournal) Record(ctx context.Context, id agent.PaymentID, version int64, facts ...agent.Fact) (agent.Payment, error) {
	if facts[0].Kind == j.kind {
		<-j.gate
	}
	return j.Journal.Record(ctx, id, version, facts...)
}

// TestDecisionsAreAboutWhatWasSeen: a decision that nothing was sent is void when
// a scan came first.
func TestDecisionsAreAboutWhatWasSeen(t *testing.T) {
	t.Run("a code is shown while a scan is being refused", func(t *testing.T) {
		inShop(t, func(s *shop) {
			gate := s.slow(agent.FactUnsent)
			p := s.open(agent.ModeAny)
			s.line.Wallets = map[string]agent.WalletLine{"wechat": {State: agent.LineDown, Down: time.Minute}}
			go s.engine.Scan(t.Context(), lane, agent.NewPayCode(goodCode))
			synctest.Wait()
			if _, err := s.engine.Show(t.Context(), p.ID, "wechat"); err != nil {
				t.Fatal(err)
			}
			close(gate)
			s.pass(time.Second)
			s.want(p.ID, agent.QRShown)
			s.cloud.payQR(p.OrderNo, 1280)
			s.settle(p.ID, time.Minute)
		})
	})
	t.Run("a scan in the moment the time is over", func(t *testing.T) {
		inShop(t, func(s *shop) {
			gate := s.slow(agent.FactUnsent)
			p := s.open(agent.ModeScan)
			s.pass(91 * time.Second) // the step is on its way to the journal
			r := s.scan(goodCode)
			close(gate)
			p = s.settle(p.ID, time.Minute)
			if !r.Accepted || p.Status.State != agent.Paid {
				t.Errorf("the scan was accepted: %t; the payment is %s (%s), facts %v", r.Accepted, p.Status.State, p.Status.Reason, kinds(p))
			}
		})
	})
}

// slow reopens the shop over a journal that holds back one kind of fact.
func (s *shop) slow(kind agent.FactKind) chan struct{} {
	s.stop()
	gate := make(chan struct{})
	s.wrap = func(j agent.Journal) agent.Journal { return slowJournal{j, kind, gate} }
	s.start()
	return gate
}

// TestTheWallClockIsNoPatience: a clock that is set right, or a weekend without
// power, hands nothing to the office that was not tried.
func TestTheWallClockIsNoPatience(t *testing.T) {
	t.Run("the clock jumps a day while a code is shown", func(t *testing.T) {
		inShop(t, func(s *shop) {
			p := s.open(agent.ModeShow)
			s.pass(time.Second)
			s.clock.jump(25 * time.Hour)
			s.pass(10 * time.Second)
			s.want(p.ID, agent.QRShown)
			s.cloud.payQR(p.OrderNo, 1280)
			if p = s.settle(p.ID, 10*time.Second); p.Status.State != agent.Paid {
				t.Errorf("ends %s", p.Status.State)
			}
		})
	})
	t.Run("the clock is put right by eleven years in doubt", func(t *testing.T) {
		inShop(t, func(s *shop) {
			s.cloud.forever(noLine, agent.OpQuery, agent.OpReverse)
			s.cloud.plan(agent.OpPay, lostBack)
			p := s.open(agent.ModeScan)
			s.scan(goodCode)
			s.clock.jump(11 * 365 * 24 * time.Hour)
			s.pass(20 * time.Minute)
			s.want(p.ID, agent.Reversing)
			s.cloud.lift()
			if p = s.settle(p.ID, time.Minute+30*time.Second); p.Status.State != agent.Reversed {
				t.Errorf("ends %s", p.Status.State)
			}
		})
	})
	t.Run("switched off over the weekend", func(t *testing.T) {
		inShop(t, func(s *shop) {
			s.cloud.forever(noLine, agent.OpQuery, agent.OpReverse)
			s.cloud.plan(agent.OpPay, lostBack)
			p := s.open(agent.ModeScan)
			s.scan(goodCode)
			s.pass(50 * time.Second)
			s.want(p.ID, agent.Reversing)
			s.clock.jump(60 * time.Hour)
			s.cloud.lift()
			s.restart()
			if p = s.settle(p.ID, 30*time.Second); p.Status.State != agent.Reversed {
				t.Errorf("ends %s", p.Status.State)
			}
		})
	})
	t.Run("the clock jumps back a year in doubt", func(t *testing.T) {
		inShop(t, func(s *shop) {
			s.cloud.plan(agent.OpPay, mustAgree)
			p := s.open(agent.ModeScan)
			s.scan(goodCode)
			s.clock.jump(-365 * 24 * time.Hour)
			s.restart()
			s.settle(p.ID, 2*time.Minute)
		})
	})
}

// TestAnOldSuccessDoesNotEndInTheOffice: the wallet acknowledges the reversal, a
// slow replica of it still tells of the money, and the refund is refused because
// nothing is left to give back.
func TestAnOldSuccessDoesNotEndInTheOffice(t *testing.T) {
	for name, queries := range map[string][]fault{
		"told right afterwards":      {staleYes, fine},
		"told right an hour later":   {staleYes, lostOut},
		"told wrong again, then not": {staleYes, staleYes},
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, func(s *shop) {
				s.cloud.plan(agent.OpPay, lostBack)
				p := s.open(agent.ModeScan)
				s.scan(goodCode)
				if _, _, err := s.engine.Cancel(t.Context(), p.ID, "cashier"); err != nil {
					t.Fatal(err)
				}
				s.cloud.plan(agent.OpQuery, queries...)
				p = s.settle(p.ID, 3*time.Hour)
				if p.Status.State != agent.Reversed {
					t.Errorf("the payment is %s, want reversed; facts %v", p.Status.State, kinds(p))
				}
			})
		})
	}
}

// TestAnAskingTillDoesNotRideOnPastAStop: what a till's question has set going ends
// with the agent, and does not dial for as long as the customer's code is young.
func TestAnAskingTillDoesNotRideOnPastAStop(t *testing.T) {
	inShop(t, func(s *shop) {
		s.cloud.plan(agent.OpPay, lostOut, noLine, noLine, noLine, noLine)
		s.cloud.plan(agent.OpQuery, lostOut)
		p := s.open(agent.ModeScan)
		s.scan(goodCode)
		s.want(p.ID, agent.Unknown)
		dialled := 0
		s.cloud.heard = func(op agent.Operation) {
			if op == agent.OpPay {
				dialled++
			}
		}
		asked := make(chan struct{})
		go func() {
			defer close(asked)
			_, _ = s.engine.Check(context.Background(), p.ID)
			_, _ = s.engine.Check(context.Background(), p.ID)
		}()
		synctest.Wait()
		began := s.clock.Mono()
		s.stop()
		<-asked
		if took := s.clock.Mono() - began; took > 0 || dialled != 1 {
			t.Errorf("the stop took %s, and the wallet was dialled %d times; want at once, and 1", took, dialled)
		}
		s.start()
		s.settle(p.ID, 2*time.Minute)
	})
}
