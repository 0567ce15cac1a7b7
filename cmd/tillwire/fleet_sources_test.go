package main

import (
	"encoding/json"
	"strings"
	"testing"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/offline"
)

// actSource follows the acts of a store as the fleet's agent does.
func actSource(t *testing.T, store *offline.Store) fleet.Source {
	t.Helper()
	d := &agentd{store: store}
	for _, s := range d.fleetSources() {
		if s.Stream == fleet.Audits {
			return s
		}
	}
	t.Fatal("the acts are no source")
	return fleet.Source{}
}

// TestTheFleetCanFollowTheChainOfActs: each act names its row, that row's hash and
// those of the act before, across the parts it is read in and the sales between.
func TestTheFleetCanFollowTheChainOfActs(t *testing.T) {
	store := ownStore(t, equipped(t, sound))
	defer store.Close()
	s := actSource(t, store)
	note := func(a agent.Audit) {
		t.Helper()
		if err := store.AppendAudit(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	note(agent.Audit{Actor: "person:1", Action: "sign_in", Object: "before it joined"})
	newest, err := store.Audits(t.Context(), 0, 1)
	if err != nil || len(newest) != 1 {
		t.Fatal(newest, err)
	}
	before := actOf("", offline.AuditEntry{}, newest[0])
	facts, mark, err := s.Read(t.Context(), "", 2)
	if err != nil || len(facts) != 0 || mark == "" {
		t.Fatalf("a terminal that joins tells %v, its mark is %q, %v", facts, mark, err)
	}
	const acts = 5
	for range acts {
		note(agent.Audit{Actor: "person:1", Action: "setting", Object: strings.Repeat("&", 5000), Detail: strings.Repeat("<", 5000)})
	}
	note(agent.Audit{Actor: "person:1", Action: "person_added", Object: "person:2", Detail: "Wang cashier"})
	var list []fleet.Act
	for {
		part, next, err := s.Read(t.Context(), mark, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(part) == 0 {
			if next != mark {
				t.Errorf("with nothing new the mark goes from %q to %q", mark, next)
			}
			break
		}
		if len(part) > 2 || next == mark {
			t.Fatalf("%d acts, the mark goes from %q to %q", len(part), mark, next)
		}
		mark = next
		for _, f := range part {
			list = append(list, f.Data.(fleet.Act))
		}
	}
	if len(list) != acts+1 {
		t.Fatalf("%d acts of %d: %+v", len(list), acts+1, list)
	}
	for i, a := range list {
		if a.Row <= before.Row || a.PrevRow != before.Row || a.PrevHash != before.Hash || len(a.Hash) != 64 || a.Hash == before.Hash {
			t.Errorf("act %d does not follow the one before it: %+v after %+v", i, a, before)
		}
		if raw, err := json.Marshal(a); err != nil || len(raw) > 8<<10 || a.Life != list[0].Life || a.Life == "" {
			t.Errorf("act %d, %d bytes: %+v, %v", i, len(raw), a, err)
		}
		before = a
	}
	if last := list[acts]; last.Action != "person_added" || last.Detail != "" {
		t.Errorf("a person's name leaves the shop: %+v", last)
	}
}
