package main

import (
	"testing"
	"time"

	"tillwire/agent"
)

// TestTheShopKeepsWhatStands: what was undone left nothing in the shop, whatever the wallet
// once said of it.
func TestTheShopKeepsWhatStands(t *testing.T) {
	at := time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)
	p := agent.Payment{OrderNo: "TILL01", Amount: agent.Money{Value: 1280, Currency: "CNY"}}
	late := p.LateRefundNo()
	asks := agent.Fact{Kind: agent.FactRefundRequested, RefundNo: late, RequestID: late, Amount: 1280, Auto: true}
	scanned := []agent.Fact{{Kind: agent.FactOpened}, {Kind: agent.FactPayStarted, Op: agent.OpPay}}
	undone := append(scanned[:2:2], agent.Fact{Kind: agent.FactReversalDecided}, agent.Fact{Kind: agent.FactApproved, Op: agent.OpPay, Amount: 1280},
		agent.Fact{Kind: agent.FactReversalAccepted}, agent.Fact{Kind: agent.FactReversed})
	shut := []agent.Fact{{Kind: agent.FactOpened}, {Kind: agent.FactPresentStarted, Op: agent.OpPresent}, {Kind: agent.FactQRReady},
		{Kind: agent.FactCloseDecided}, {Kind: agent.FactCloseAccepted}, {Kind: agent.FactClosed}}
	paid := append(scanned[:2:2], agent.Fact{Kind: agent.FactApproved, Op: agent.OpPay, Amount: 1280})
	for _, c := range []struct {
		what  string
		facts []agent.Fact
		state agent.State
		kept  int64
	}{
		{"paid", paid, agent.Paid, 1280},
		{"partly given back", append(paid[:3:3], agent.Fact{Kind: agent.FactRefundRequested, RefundNo: "P1", Amount: 280}, agent.Fact{Kind: agent.FactRefundDone, RefundNo: "P1"}), agent.Paid, 1000},
		{"taken and reversed", undone, agent.Reversed, 0},
		{"closed", shut, agent.Closed, 0},
		{"closed, and an old success besides", append(shut[:6:6], agent.Fact{Kind: agent.FactApproved, Op: agent.OpQuery, Amount: 1280}, asks,
			agent.Fact{Kind: agent.FactRefundRefused, RefundNo: late}, agent.Fact{Kind: agent.FactClosed}), agent.Closed, 0},
	} {
		for i := range c.facts {
			c.facts[i].At = at
		}
		var err error
		if p.Status, err = agent.Decide(c.facts); err != nil || p.Status.State != c.state {
			t.Fatalf("%s: %s, %v", c.what, p.Status.State, err)
		}
		if r := newRow(p); r.Kept != c.kept {
			t.Errorf("%s: the shop keeps %d, want %d", c.what, r.Kept, c.kept)
		}
	}
}
