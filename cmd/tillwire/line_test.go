package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet"
	"tillwire/offline/replay"
)

// TestALineWithoutAHandshakeIsDown: whoever takes connections in the wallet's place is
// not the wallet.
func TestALineWithoutAHandshakeIsDown(t *testing.T) {
	file := equipped(t, strings.Replace(sound, "http://127.0.0.1:1", "https://"+answering(t), 1))
	owned(t, file)
	r := started(t, file)
	r.ready()
	r.waits("the line's end", func() bool {
		_, status := r.call("GET", "/api/v1/status", "")
		return status["line"].(map[string]any)["state"] == "down"
	})
}

// TestWhatTrafficSaysOfTheLine: what only the wallet can say counts, what anybody can does
// not, and the wallet's own trouble is not the line's.
func TestWhatTrafficSaysOfTheLine(t *testing.T) {
	for name, tc := range map[string]struct {
		x    wallet.Exchange
		want agent.LineState
	}{
		"a signed answer":              {wallet.Exchange{Status: 200, Verdict: agent.Approved}, agent.LineOnline},
		"a signed \"I do not know\"":   {wallet.Exchange{Status: 200, Verdict: agent.InDoubt, Reason: agent.ReasonSystem}, agent.LineOnline},
		"a log-in page":                {wallet.Exchange{Status: 200, Verdict: agent.InDoubt, Reason: agent.ReasonUnverified}, agent.LineDown},
		"a way to a log-in page":       {wallet.Exchange{Status: 302, Verdict: agent.InDoubt, Reason: agent.ReasonUnverified}, agent.LineDown},
		"a network that wants a login": {wallet.Exchange{Status: 511, Verdict: agent.InDoubt, Reason: agent.ReasonUnverified}, agent.LineDown},
		"the wallet's front in need":   {wallet.Exchange{Status: 503, Verdict: agent.InDoubt, Reason: agent.ReasonUnverified}, agent.LineOnline},
		"a request that was given up":  {wallet.Exchange{}, agent.LineOnline},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				clock := agent.NewSystemClock()
				up := func(context.Context) error { return nil }
				d := &agentd{link: replay.NewLink(replay.LinkOptions{Clock: clock, Targets: []replay.Target{
					{Wallet: "wechat", Reach: up, Prove: func(context.Context) error { return errors.New("somebody else") }}}})}
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- d.link.Run(ctx) }()
				tc.x.Wallet = "wechat"
				for range 3 {
					d.observed(tc.x)
				}
				<-clock.After(15 * time.Second)
				if got := d.link.Line().State; got != tc.want {
					t.Errorf("the line is %s, want %s", got, tc.want)
				}
				cancel()
				<-ended
			})
		})
	}
}

// asking is a wallet that answers queries with one answer.
type asking struct {
	answer agent.Answer
	orders map[string]bool
}

func (asking) Info() agent.WalletInfo { return agent.WalletInfo{Name: "wechat"} }

func (a asking) Query(_ context.Context, p agent.Payment) agent.Answer {
	a.orders[p.OrderNo] = true
	return a.answer
}

// TestAWalletProvesItselfByWhatOnlyItKnows: an order that was never made.
func TestAWalletProvesItselfByWhatOnlyItKnows(t *testing.T) {
	for name, tc := range map[string]struct {
		answer agent.Answer
		proven bool
	}{
		"there is none":           {agent.Answer{Verdict: agent.Absent}, true},
		"a refusal":               {agent.Answer{Verdict: agent.Refused, Reason: agent.ReasonSetup}, true},
		"its own trouble, signed": {agent.Answer{Verdict: agent.InDoubt, Reason: agent.ReasonSystem}, true},
		"somebody else's page":    {agent.Answer{Verdict: agent.InDoubt, Reason: agent.ReasonUnverified}, false},
		"silence":                 {agent.Answer{Verdict: agent.InDoubt, Reason: agent.ReasonNoAnswer}, false},
		"no connection":           {agent.Answer{Verdict: agent.NotDelivered, Reason: agent.ReasonLineDown}, false},
	} {
		w := asking{tc.answer, map[string]bool{}}
		prove := proof(w, "DEMO01", agent.NewSystemClock())
		for range 2 {
			if err := prove(t.Context()); (err == nil) != tc.proven {
				t.Errorf("%s: %v", name, err)
			}
		}
		if len(w.orders) != 2 {
			t.Errorf("%s: asked for the orders %v, each of which is new", name, w.orders)
		}
		for no := range w.orders {
			if len(no) != 32 || no[:6] != "DEMO01" {
				t.Errorf("%s: %q is no order number of this terminal", name, no)
			}
		}
	}
}

// TestBrandsOfOneAcquirerShareALook, and a look is not kept for longer than it takes.
func TestBrandsOfOneAcquirerShareALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock, looks := agent.NewSystemClock(), 0
		down := errors.New("no route")
		shared := newLineLook(clock, func(context.Context) error {
			looks++
			<-clock.After(time.Second)
			return down
		})
		for _, want := range []int{1, 2} {
			ended := make(chan error, 16)
			for range cap(ended) {
				go func() { ended <- shared.Reach(t.Context()) }()
			}
			for range cap(ended) {
				if err := <-ended; !errors.Is(err, down) {
					t.Errorf("the look says %v", err)
				}
			}
			if looks != want {
				t.Errorf("%d looks, want %d", looks, want)
			}
			<-clock.After(time.Second)
		}
	})
}
