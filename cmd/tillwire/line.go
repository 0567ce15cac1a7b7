package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"tillwire/agent"
	"tillwire/agent/wallet"
	"tillwire/offline/replay"
)

// targets are the wallets' clouds as the link watches them: by the handshake that every
// request begins with, and by a question where somebody else seems to answer.
func (d *agentd) targets() (list []replay.Target) {
	looks := map[string]*lineLook{}
	for _, w := range d.wallets.All() {
		t := replay.Target{Wallet: w.Info().Name, Hosts: w.Info().Hosts, Prove: proof(w, d.config.Terminal.Code, d.clock)}
		if r, ok := w.(interface{ Reach(context.Context) error }); ok {
			// Brands behind one acquirer are looked for once and not each by itself.
			hosts := strings.Join(slices.Sorted(slices.Values(t.Hosts)), "\n")
			if looks[hosts] == nil {
				looks[hosts] = newLineLook(d.clock, r.Reach)
			}
			t.Reach = looks[hosts].Reach
		}
		list = append(list, t)
	}
	return list
}

// lineLook is one way to the hosts that several wallets share.
type lineLook struct {
	clock agent.Clock
	reach func(context.Context) error
	turn  chan struct{} // holds one while somebody looks; guards the rest

	any  bool
	at   time.Duration // monotonic end of the last one
	last error
}

func newLineLook(clock agent.Clock, reach func(context.Context) error) *lineLook {
	return &lineLook{clock: clock, reach: reach, turn: make(chan struct{}, 1)}
}

// lookFresh is how long one wallet's look is every wallet's.
const lookFresh = 500 * time.Millisecond

// Reach looks, or waits for somebody who does.
func (l *lineLook) Reach(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-l.turn }()
	if !l.any || l.clock.Mono()-l.at >= lookFresh {
		l.last = l.reach(ctx)
		l.any, l.at = true, l.clock.Mono()
	}
	return l.last
}

// proof asks a wallet for an order that was never made and never will be: that there is
// none is an answer which only the wallet itself can sign.
func proof(w agent.Wallet, terminal string, clock agent.Clock) func(context.Context) error {
	return func(ctx context.Context) error {
		id := ulid.Make().String()
		p := agent.Payment{ID: agent.PaymentID(id), OrderNo: terminal + id, Amount: agent.Money{Value: 1, Currency: "CNY"}, Created: clock.Now(),
			Status: agent.Status{Wallet: w.Info().Name}}
		if list := w.Info().Currency; len(list) > 0 {
			p.Amount.Currency = list[0]
		}
		a := w.Query(ctx, p)
		if a.Verdict == agent.NotDelivered || a.Reason == agent.ReasonNoAnswer || a.Reason == agent.ReasonUnverified {
			return errors.Join(fmt.Errorf("%s does not answer for itself: %s %s", w.Info().Name, a.Verdict, a.Reason), a.Err)
		}
		return nil
	}
}

// observed lets the traffic itself tell the line's state: faster than a probe.
func (d *agentd) observed(x wallet.Exchange) {
	switch {
	case x.Status == 0 && x.Err != nil:
		d.link.Suspect(x.Wallet)
	case x.Status == 0:
	case x.Reason == agent.ReasonUnverified && (x.Status < 500 || x.Status == http.StatusNetworkAuthenticationRequired):
		// Whoever answered was not the wallet, or has lost its keys. Its own trouble, which
		// is not the line's, is 5xx and often bears no signature either.
		d.link.Disbelieve(x.Wallet)
	default:
		d.link.Observe(x.Wallet, true)
	}
}

// lineChanged makes everything that waits due when a wallet can be reached again.
func (d *agentd) lineChanged(name string, state agent.LineState) {
	d.log.Info("line", "comp", "replay", "wallet", name, "state", string(state))
	d.feed.Publish(agent.Event{Kind: "status"})
	if state != agent.LineOnline {
		return
	}
	if err := d.store.Hasten(context.Background(), name); err != nil {
		d.log.Warn("what waits could not be made due", "comp", "replay", "code", "hasten", "err", err)
	}
	if d.keySets != nil {
		d.keySets.kick()
	}
	d.replayer.Kick()
}
