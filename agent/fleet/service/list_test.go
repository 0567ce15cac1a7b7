package service_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
)

// counting counts the rows that are read at a time.
type counting struct {
	service.Store
	reads, most int
}

// Terminals implements service.Reader.
func (c *counting) Terminals(ctx context.Context, after fleet.TID, limit int) ([]service.Terminal, error) {
	list, err := c.Store.Terminals(ctx, after, limit)
	c.reads, c.most = c.reads+len(list), max(c.most, len(list))
	return list, err
}

// listed is a fleet of 2,300 terminals: every hundredth cannot sell, and they were
// heard in the order of their names backwards.
func listed(t *testing.T) (*service.Service, *counting) {
	t.Helper()
	now := time.Now()
	store := &counting{Store: newStore()}
	err := store.Change(t.Context(), nil, func(tx service.Tx) error {
		for n := range 2300 {
			row := service.Terminal{TID: fleet.TID(fmt.Sprintf("t-%06d", n)), Heard: now.Add(-time.Duration(n) * time.Millisecond),
				Presence: fleet.Presence{State: fleet.StateOnline, Ver: "1.0"}, Summary: service.Summary{At: now, Selling: n%100 != 7, Shop: fmt.Sprintf("Shop %d", n%10), Line: "online", Clock: fleet.ClockReport{Quality: fleet.Synced}}}
			if err := tx.SaveTerminal(t.Context(), row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return service.New(service.Options{Name: "office.test", Store: store, Broker: newHub(), Clock: agent.NewSystemClock()}), store
}

func TestAListComesInParts(t *testing.T) {
	s, store := listed(t)
	var names []fleet.TID
	p := service.Part{Order: service.ByName, Limit: 1000}
	for parts := 1; ; parts++ {
		rows, err := s.List(t.Context(), service.Filter{}, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows.Terminals {
			names = append(names, r.TID)
		}
		if (rows.Tally != nil) != (parts == 1) || rows.Tally != nil && (rows.Tally.Terminals != 2300 || rows.Tally.Troubled != 23 || rows.Tally.Standing[service.StandingOnline] != 2300) {
			t.Errorf("part %d counts %+v", parts, rows.Tally)
		}
		if p.After = rows.Next; rows.Next == "" {
			if parts != 3 {
				t.Errorf("%d parts", parts)
			}
			break
		}
	}
	if len(names) != 2300 || !slices.IsSorted(names) || len(slices.Compact(names)) != 2300 {
		t.Errorf("%d names, sorted %v", len(names), slices.IsSorted(names))
	}
	if store.most > 500 {
		t.Errorf("%d rows are read at a time", store.most)
	}
	store.reads = 0
	if rows, err := s.List(t.Context(), service.Filter{}, service.Part{Order: service.ByName, After: "t-000009", Limit: 10}); err != nil || rows.Terminals[0].TID != "t-000010" || rows.Next != "t-000019" || store.reads > 500 {
		t.Errorf("a part in the middle reads %d rows: %v, %+v", store.reads, err, rows)
	}
}

func TestAPartOfAListIsItsBeginning(t *testing.T) {
	s, _ := listed(t)
	for order, want := range map[service.Order][]fleet.TID{
		service.ByTrouble: {"t-000007", "t-000107", "t-000207"},
		service.ByName:    {"t-000000", "t-000001", "t-000002"},
		service.ByHeard:   {"t-002299", "t-002298", "t-002297"},
	} {
		rows, err := s.List(t.Context(), service.Filter{}, service.Part{Order: order, Limit: 3})
		if err != nil {
			t.Fatal(err)
		}
		var got []fleet.TID
		for _, r := range rows.Terminals {
			got = append(got, r.TID)
		}
		if !slices.Equal(got, want) || rows.Tally == nil || rows.Tally.Terminals != 2300 {
			t.Errorf("by %s: %v of %+v, want %v", order, got, rows.Tally, want)
		}
		if order != service.ByName && rows.Next != "" {
			t.Errorf("by %s it goes on behind %s", order, rows.Next)
		}
	}
	rows, err := s.List(t.Context(), service.Filter{Text: "shop 3"}, service.Part{Order: service.ByName, Limit: 230})
	if err != nil || rows.Tally.Terminals != 230 || len(rows.Terminals) != 230 || rows.Next != "" {
		t.Errorf("a filter's whole choice: %d rows, behind %q: %v", len(rows.Terminals), rows.Next, err)
	}
}

func TestAPartIsWrittenAsItIsRead(t *testing.T) {
	want := service.Part{Order: service.ByName, After: "t-000009", Limit: 10}
	q := want.Query(service.Filter{Text: "corner"})
	if got, err := service.PartOf(q); err != nil || got != want || service.FilterOf(q).Text != "corner" {
		t.Errorf("%+v comes back as %+v: %v", want, got, err)
	}
	for name, p := range map[string]service.Part{"an order there is not": {Order: "age"}, "a part of a list by trouble": {Order: service.ByTrouble, After: "t-000009"}} {
		if _, err := service.PartOf(p.Query(service.Filter{})); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
