package agent_test

import (
	"testing"
	"time"

	"tillwire/agent"
)

// TestNothingIsForgotten: a payment that is not final has exactly one next step,
// and one for each refund under way (invariant I5).
func TestNothingIsForgotten(t *testing.T) {
	tm := agent.DefaultTimers("wechat")
	for _, s := range stories()[1:] {
		status, err := agent.Decide(s.facts)
		if err != nil {
			t.Fatal(err)
		}
		p := agent.Payment{Status: status, Facts: s.facts, Created: t0}
		own, refunds := 0, 0
		for _, step := range p.Steps(tm) {
			if step.RefundNo == "" {
				own++
			} else {
				refunds++
			}
		}
		open := 0
		for _, r := range status.Refunds {
			if !r.State.Final() {
				open++
			}
		}
		wantOwn := 1
		if status.Final() && status.State != agent.Declined && s.name != "voided" || status.State == agent.RefundDue {
			wantOwn = 0
		}
		if own != wantOwn || refunds != open {
			t.Errorf("%s: %d own steps (want %d), %d refund steps (want %d)", s.name, own, wantOwn, refunds, open)
		}
	}
}

func TestStepsKeepTheWalletsRules(t *testing.T) {
	tm := agent.DefaultTimers("wechat")
	at := func(kind agent.FactKind, d time.Duration) agent.Fact {
		return f(kind, func(x *agent.Fact) { x.At = t0.Add(d) })
	}
	opened, sent := at(agent.FactOpened, 0), at(agent.FactPayStarted, 0)
	for name, tc := range map[string]struct {
		facts []agent.Fact
		want  agent.Step
	}{
		"a code is waited for":               {[]agent.Fact{opened}, agent.Step{Op: agent.OpExpire, Wait: 90 * time.Second}},
		"first query five seconds after pay": {[]agent.Fact{opened, sent}, agent.Step{Op: agent.OpQuery, Wait: 5 * time.Second}},
		"doubt after two seconds":            {[]agent.Fact{opened, sent, at(agent.FactInDoubt, 2*time.Second)}, agent.Step{Op: agent.OpQuery, Wait: 3 * time.Second}},
		"doubt after ten seconds":            {[]agent.Fact{opened, sent, at(agent.FactInDoubt, 10*time.Second)}, agent.Step{Op: agent.OpQuery}},
		"no reversal before fifteen":         {[]agent.Fact{opened, sent, at(agent.FactReversalDecided, 4*time.Second)}, agent.Step{Op: agent.OpReverse, Wait: 11 * time.Second}},
		"reversal at once afterwards":        {[]agent.Fact{opened, sent, at(agent.FactReversalDecided, 45*time.Second)}, agent.Step{Op: agent.OpReverse}},
		"a clock set back waits no longer":   {[]agent.Fact{opened, sent, at(agent.FactReversalDecided, -48*time.Hour)}, agent.Step{Op: agent.OpReverse, Wait: 15 * time.Second}},
		"the acknowledgement is checked":     {[]agent.Fact{opened, sent, at(agent.FactReversalDecided, 20*time.Second), at(agent.FactReversalAccepted, 21*time.Second)}, agent.Step{Op: agent.OpQuery}},
		"the office's, too":                  {[]agent.Fact{opened, sent, at(agent.FactReversalDecided, 20*time.Second), at(agent.FactReviewOpened, 30*time.Second), at(agent.FactReversalAccepted, 31*time.Second)}, agent.Step{Op: agent.OpQuery}},
		"the office asks once an hour":       {[]agent.Fact{opened, sent, at(agent.FactReversalDecided, 20*time.Second), at(agent.FactReviewOpened, 30*time.Second)}, agent.Step{Op: agent.OpQuery, Wait: time.Hour}},
		"a refusal is watched":               {[]agent.Fact{opened, sent, at(agent.FactRefused, time.Second)}, agent.Step{Op: agent.OpQuery, Wait: 15 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			status, err := agent.Decide(tc.facts)
			if err != nil {
				t.Fatal(err)
			}
			steps := agent.Payment{Status: status, Facts: tc.facts, Created: t0}.Steps(tm)
			if len(steps) != 1 || steps[0] != tc.want {
				t.Fatalf("steps %+v, want %+v", steps, tc.want)
			}
		})
	}
}

// TestUnsentIsWhatTheWalletMustBeTold: a poll that is due is nothing to worry about.
func TestUnsentIsWhatTheWalletMustBeTold(t *testing.T) {
	for op, want := range map[agent.Operation]bool{agent.OpReverse: true, agent.OpClose: true, agent.OpRefund: true,
		agent.OpQuery: false, agent.OpPresent: false, agent.OpRefundQuery: false, agent.OpExpire: false} {
		if got := (agent.Step{Op: op}).Tells(); got != want {
			t.Errorf("%s tells: %t", op, got)
		}
	}
}

func TestUndoingComesFirst(t *testing.T) {
	order := []agent.Operation{agent.OpReverse, agent.OpQuery, agent.OpExpire, agent.OpRefund}
	for i := 1; i < len(order); i++ {
		if (agent.Step{Op: order[i-1]}).Priority() >= (agent.Step{Op: order[i]}).Priority() {
			t.Errorf("%s does not come before %s", order[i-1], order[i])
		}
	}
}
