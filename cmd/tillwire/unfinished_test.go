package main

import (
	"io"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/cmd/cli"
	"tillwire/offline"
	"tillwire/offline/journaltest"
)

// acceptedOnSight puts a sale into a store that is accepted and not collected.
func acceptedOnSight(t *testing.T, store *offline.Store) agent.Payment {
	t.Helper()
	p, err := store.Open(t.Context(), journaltest.Sale(1, "1"), agent.Fact{Kind: agent.FactOpened}, agent.Fact{Kind: agent.FactOfflineShown, Wallet: "wechat", QR: "PC1:"})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	p, err = store.Accept(t.Context(), p.ID, p.Version, agent.Acceptance{Fact: agent.Fact{Kind: agent.FactOfflineAccepted, Wallet: "wechat", Way: agent.WaySight, Amount: 1280},
		Role: agent.RoleManager, Now: now, Policy: agent.OfflinePolicy{On: true, Ways: agent.Ways(), Window: time.Hour, Count: 9, LaneCount: 9,
			Caps: map[agent.Currency]agent.OfflineCap{"CNY": {Ceiling: 1280, Stored: 1280, Lane: 1280}}}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestATerminalIsTakenAwayWhenNothingIsLeft: the package asks this before it goes.
func TestATerminalIsTakenAwayWhenNothingIsLeft(t *testing.T) {
	file := configured(t, sound)
	if r := invoke(t, "", "payments", "unfinished", "--config", file); r.code != cli.Fine || !strings.Contains(r.stdout, "Nothing is left") {
		t.Errorf("a terminal that never sold: %+v", r)
	}
	c, _, err := readConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	a := &app{stderr: io.Discard, env: func(string) string { return "" }, clock: agent.NewSystemClock()}
	store, err := a.openOwnStore(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	p := acceptedOnSight(t, store)
	since := p.Status.Since.In(zoneOf(c)).Format(time.DateTime) // by the shop's clock, as the list of payments has it
	if r := invoke(t, "", "payments", "unfinished", "--config", file); r.code != cli.Found || !strings.Contains(r.stdout, p.OrderNo) || !strings.Contains(r.stdout, since) || !strings.Contains(r.stdout, "12.80 CNY was accepted without a connection") {
		t.Errorf("a sale waits to be collected: %+v", r)
	}
	if r := invoke(t, "", "payments", "unfinished", "--json", "--config", file); r.code != cli.Found || !strings.Contains(r.stdout, `"offline_accepted"`) {
		t.Errorf("as JSON: %+v", r)
	}
	for _, fact := range []agent.Fact{{Kind: agent.FactForwardStarted, Op: agent.OpQuery}, {Kind: agent.FactApproved, Op: agent.OpQuery, Amount: 1280}} {
		if p, err = store.Record(t.Context(), p.ID, p.Version, fact); err != nil {
			t.Fatal(err)
		}
	}
	if r := invoke(t, "", "payments", "unfinished", "--config", file); r.code != cli.Fine {
		t.Errorf("it is collected: %+v", r)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}
