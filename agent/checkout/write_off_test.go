package checkout_test

import (
	"testing"
	"time"

	"tillwire/agent"
)

func (s *shop) writtenOffNot(p agent.Payment, code string) {
	s.t.Helper()
	if _, err := s.engine.WriteOff(s.t.Context(), p.ID, "person:owner", "the scheme has ended"); agent.CodeOf(err) != code {
		s.t.Fatalf("written off while it is %s: %v", s.now(p.ID).Status.State, err)
	}
}

// atStake counts what holds the caps.
func (s *shop) atStake() int {
	s.t.Helper()
	e, err := s.journal.Exposure(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return e.Count
}

// TestWhatCannotBeCollectedIsWrittenOff: a sale whose wallet is gone from the shop would
// otherwise be tried for ever, and hold the caps and the window with it.
func TestWhatCannotBeCollectedIsWrittenOff(t *testing.T) {
	cut(t, func(s *shop, _ *issuing) {
		p := s.offer()
		s.said(s.scan(device(s.t, 1, p.Status.QR, s.clock.Now())), true, "say.offline_accepted")
		s.writtenOffNot(p, agent.CodeState)
		s.wallet = s.cloud // it redeems nothing
		s.again()
		s.restore()
		s.pass(25 * time.Hour)
		if s.want(p.ID, agent.Redeeming); s.atStake() != 1 {
			s.t.Fatalf("%d at stake", s.atStake())
		}
		if _, err := s.engine.WriteOff(s.t.Context(), p.ID, "person:owner", " "); agent.ClassOf(err) != agent.Invalid {
			s.t.Fatalf("given up for no reason: %v", err)
		}
		for range 2 {
			if _, err := s.engine.WriteOff(s.t.Context(), p.ID, "person:owner", "the scheme has ended"); err != nil {
				s.t.Fatal(err)
			}
		}
		p = s.want(p.ID, agent.OfflineRejected)
		last := p.Facts[len(p.Facts)-1]
		if last.Kind != agent.FactLoss || last.Reason != agent.ReasonWrittenOff || last.By != "person:owner" || last.Text != "the scheme has ended" {
			s.t.Errorf("written down as %+v", last)
		}
		if len(p.Steps(timers(""))) != 0 || s.atStake() != 0 {
			s.t.Errorf("still to do %v, at stake %d", p.Steps(timers("")), s.atStake())
		}
	})
}

// TestNothingIsWrittenOffBesideItsCollection: the answer that is on its way may be the
// money.
func TestNothingIsWrittenOffBesideItsCollection(t *testing.T) {
	cut(t, func(s *shop, _ *issuing) {
		p := s.offer()
		s.said(s.scan(device(s.t, 1, p.Status.QR, s.clock.Now())), true, "say.offline_accepted")
		s.cloud.plan(agent.OpRedeem, slowBack)
		s.restore()
		s.pass(2 * time.Second)
		s.want(p.ID, agent.Redeeming)
		s.writtenOffNot(p, agent.CodeState)
		s.settle(p.ID, time.Minute)
		s.want(p.ID, agent.Paid)
		s.writtenOffNot(p, agent.CodeState)
	})
}
