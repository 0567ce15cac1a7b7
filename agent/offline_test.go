package agent_test

import (
	"strings"
	"testing"

	"tillwire/agent"
)

// TestWhatWasAcceptedIsForwardedByItself: every way leads to one step that says what
// is still to be done, until it has ended.
func TestWhatWasAcceptedIsForwardedByItself(t *testing.T) {
	timers := agent.DefaultTimers("gateway")
	for way, op := range map[agent.Way]agent.Operation{agent.WayReceipt: agent.OpRedeem, agent.WayDevice: agent.OpRedeem, agent.WayBearer: agent.OpRedeem,
		agent.WayDeferred: agent.OpChargeLater, agent.WaySight: agent.OpQuery} {
		p := agent.Payment{OrderNo: "DEMO01X"}
		begin := []agent.Fact{f(agent.FactOpened)}
		if way != agent.WayDeferred {
			begin = append(begin, f(agent.FactOfflineShown))
		}
		for _, x := range append(begin, f(agent.FactOfflineAccepted, by(way))) {
			p = recorded(t, p, x)
		}
		if steps := p.Steps(timers); len(steps) != 1 || steps[0] != (agent.Step{Op: op}) || p.Status.Collects() != op || p.Status.Held() {
			t.Errorf("%s: steps %v, held %t", way, steps, p.Status.Held())
		}
		p = recorded(t, p, f(agent.FactForwardStarted))
		if steps := p.Steps(timers); len(steps) != 1 || steps[0].Op != op || steps[0].Wait == 0 {
			t.Errorf("%s, under way: steps %v", way, steps)
		}
		if p = recorded(t, p, f(agent.FactApproved)); len(p.Steps(timers)) != 0 || p.Status.State != agent.Paid || p.Status.Captured != 1280 {
			t.Errorf("%s, collected: %s with steps %v", way, p.Status.State, p.Steps(timers))
		}
	}
}

func recorded(t *testing.T, p agent.Payment, x agent.Fact) agent.Payment {
	t.Helper()
	facts, s, err := agent.Settle(p, x)
	if err != nil {
		t.Fatal(err)
	}
	p.Facts, p.Status = append(p.Facts, facts...), s
	return p
}

// TestTakenBackAfterItMayHaveBeenPaid: a sale on sight that is taken back is asked
// about, and money that is found then goes back.
func TestTakenBackAfterItMayHaveBeenPaid(t *testing.T) {
	p := agent.Payment{OrderNo: "DEMO01X", Amount: agent.Money{Value: 1280, Currency: "CNY"}}
	for _, x := range []agent.Fact{f(agent.FactOpened), f(agent.FactOfflineShown), f(agent.FactOfflineAccepted, by(agent.WaySight)), f(agent.FactCloseDecided), f(agent.FactApproved)} {
		p = recorded(t, p, x)
	}
	if late, asked := p.Status.Refund("DEMO01XR0"); !asked || late.Amount != 1280 || p.Status.State != agent.RefundDue {
		t.Errorf("%s with the refunds %v", p.Status.State, p.Status.Refunds)
	}
}

// TestALossThatNoWalletHasProvenHasAName: the owner may give up what cannot be collected,
// once its collection was tried, and says so under a name.
func TestALossThatNoWalletHasProvenHasAName(t *testing.T) {
	accepted := []agent.Fact{f(agent.FactOpened), f(agent.FactOfflineShown), f(agent.FactOfflineAccepted)}
	written := agent.Fact{Kind: agent.FactLoss, At: t0, Reason: agent.ReasonWrittenOff, By: "person:owner"}
	for name, more := range map[string][]agent.Fact{
		"being collected": {f(agent.FactForwardStarted)},
		"with the office": {f(agent.FactForwardStarted), f(agent.FactInDoubt), f(agent.FactReviewOpened)},
	} {
		p := agent.Payment{OrderNo: "DEMO01X"}
		for _, x := range append(accepted[:3:3], more...) {
			p = recorded(t, p, x)
		}
		nameless := written
		nameless.By = ""
		if _, _, err := agent.Settle(p, nameless); err == nil {
			t.Errorf("%s: nobody gave it up, and it is lost", name)
		}
		p = recorded(t, p, written)
		if p.Status.State != agent.OfflineRejected || p.Status.AtStake() || len(p.Steps(agent.DefaultTimers("gateway"))) != 0 || p.Say().ID != "say.loss.written_off" {
			t.Errorf("%s: %s says %q", name, p.Status.State, p.Say().English)
		}
	}
	untried := agent.Payment{OrderNo: "DEMO01X"}
	for _, x := range accepted {
		untried = recorded(t, untried, x)
	}
	if _, _, err := agent.Settle(untried, written); err == nil {
		t.Error("what was never tried is given up")
	}
}

// TestNoOfflineSentenceSaysPaid holds the words at the counter to what is known.
func TestNoOfflineSentenceSaysPaid(t *testing.T) {
	for _, s := range stories() {
		status, _ := agent.Decide(s.facts)
		if status.State == agent.OfflineAccepted || status.State == agent.Redeeming {
			word, _ := status.Word()
			if said := word.English + (agent.Payment{Status: status}).Say().English; strings.Contains(strings.ToLower(said), "paid") {
				t.Errorf("%s says %q", s.name, said)
			}
		}
	}
}
