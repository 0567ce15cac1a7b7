package checkout_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"tillwire/agent"
)

// refusingJournal cannot write one kind of fact while it is told so.
type refusingJournal struct {
	agent.Journal
	kind agent.FactKind
	full *atomic.Bool
}

func (j refusingJournal) Record(ctx context.Context, id agent.PaymentID, version int64, facts ...agent.Fact) (agent.Payment, error) {
	if facts[0].Kind == j.kind && j.full.Load() {
		return agent.Payment{}, errors.New("no space left on device")
	}
	return j.Journal.Record(ctx, id, version, facts...)
}

// TestNothingIsConcludedBeforeTheRestartIsWritten: the power went while a voucher was being
// redeemed, so it may have been. That the next try cannot leave proves nothing then.
func TestNothingIsConcludedBeforeTheRestartIsWritten(t *testing.T) {
	cut(t, func(s *shop, w *issuing) {
		p := s.offer()
		s.said(s.scan(device(s.t, 1, p.Status.QR, s.clock.Now())), true, "say.offline_accepted")
		s.stop()
		p = s.want(p.ID, agent.OfflineAccepted)
		if _, err := s.journal.Record(s.t.Context(), p.ID, p.Version, agent.Fact{Kind: agent.FactForwardStarted, Op: agent.OpRedeem}); err != nil {
			s.t.Fatal(err)
		}
		var full atomic.Bool
		full.Store(true)
		s.wrap = func(j agent.Journal) agent.Journal { return refusingJournal{j, agent.FactRestarted, &full} }
		s.line = agent.Line{State: agent.LineOnline}
		s.cloud.forever(noLine, agent.OpRedeem)
		s.stop = func() {}
		s.again()
		s.pass(time.Minute)
		if p = s.want(p.ID, agent.Redeeming); slices.Contains(kinds(p), agent.FactUnsent) || s.cloud.count(agent.OpRedeem) != 0 {
			s.t.Fatalf("facts %v after %d tries", kinds(p), s.cloud.count(agent.OpRedeem))
		}
		full.Store(false)
		s.pass(time.Minute)
		p = s.want(p.ID, agent.Redeeming)
		if all := kinds(p); !slices.Contains(all, agent.FactRestarted) || slices.Contains(all, agent.FactUnsent) || s.cloud.count(agent.OpRedeem) == 0 {
			s.t.Fatalf("facts %v after %d tries", all, s.cloud.count(agent.OpRedeem))
		}
		s.cloud.lift()
		if p = s.settle(p.ID, 5*time.Minute); p.Status.State != agent.Paid || len(w.took) != 1 {
			s.t.Errorf("%s after %d redemptions", p.Status.State, len(w.took))
		}
	})
}
