package settings

import (
	"reflect"
	"testing"
	"time"

	"tillwire/agent"
)

func TestOfflineIsOffUntilSomebodySwitchesItOn(t *testing.T) {
	p := New(&memory{}, Table(shop())).Values().Offline()
	if p.On || len(p.Caps) != 0 {
		t.Errorf("the default policy is %+v", p)
	}
	want := []agent.Way{agent.WayReceipt, agent.WayDevice, agent.WayDeferred}
	if !reflect.DeepEqual(p.Ways, want) || p.Window != 24*time.Hour || p.TrustAge != 72*time.Hour || p.Count != 50 || p.DeviceDay != 3 || p.Least != agent.RoleCashier {
		t.Errorf("the default policy is %+v", p)
	}
}

func TestCapsAreReadInMajorUnits(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "",
		"cny 200 500 5000 2500": "CNY 200.00 500.00 5000.00 2500.00",
		"CNY 200.5 500 5000 0; JPY 4000 10000 100000 50000": "CNY 200.50 500.00 5000.00 0.00; JPY 4000 10000 100000 50000",
		"KWD 1.001 2 3 4": "KWD 1.001 2.000 3.000 4.000",
	} {
		if got, err := capsRow(t).Read(text); err != nil || got != want {
			t.Errorf("%q reads %q, %v; want %q", text, got, err, want)
		}
		if again, err := capsRow(t).Read(want); err != nil || again != want {
			t.Errorf("%q is not its own canonical form: %q, %v", want, again, err)
		}
	}
	for _, text := range []string{"CNY", "CNY 1 2 3", "CNY 1 2 3 4 5", "XXX 1 2 3 4", "CNY 1 2 3 4; CNY 1 2 3 4", "CNY -1 2 3 4", "CNY 1.005 2 3 4",
		"JPY 1.5 2 3 4", "CNY 1. 2 3 4", "CNY 1e3 2 3 4", "CNY 99999999999 2 3 4", "CNY 1 2 3 4;", ". . . . ."} {
		if got, err := capsRow(t).Read(text); agent.ClassOf(err) != agent.Invalid || err == nil {
			t.Errorf("%q reads %q, %v", text, got, err)
		}
	}
}

func capsRow(t *testing.T) Entry {
	t.Helper()
	for _, e := range Table(shop()) {
		if e.Key == OfflineCaps {
			return e
		}
	}
	t.Fatal("the table has no caps")
	return Entry{}
}

func TestNothingIsLoosenedWhileTheLineIsDown(t *testing.T) {
	book := New(&memory{}, Table(shop()))
	line := agent.Line{State: agent.LineOnline, Proven: true}
	book.Subscribe(Loosening{Now: book.Values, Line: func() agent.Line { return line }}, OfflineKeys()...)
	set := func(key, value string) error {
		_, err := book.Apply(t.Context(), []agent.Change{{Key: key, Value: value, By: "person:1"}})
		return err
	}
	for key, value := range map[string]string{OfflineOn: "true", OfflineCaps: "CNY 200 500 5000 2500"} {
		if err := set(key, value); err != nil {
			t.Fatalf("with a line: %v", err)
		}
	}
	// A line that nobody has tried since the start is none: whoever cut it starts the agent anew.
	for _, line = range []agent.Line{{State: agent.LineDown}, {State: agent.LineDegraded, Proven: true}, {State: agent.LineOnline}} {
		for key, value := range map[string]string{
			OfflineCaps: "CNY 201 500 5000 2500", OfflineCount: "51", OfflineWindow: "25h",
			OfflineWay + "sight": "true", OfflineDeviceDay: "4",
		} {
			before := book.Values().Text(key)
			if err := set(key, value); agent.CodeOf(err) != agent.CodeOffline || book.Values().Text(key) != before {
				t.Errorf("%+v, %s = %s: %v, now %q", line, key, value, err, book.Values().Text(key))
			}
		}
	}
	for _, c := range [][2]string{{OfflineCaps, "CNY 199 500 5000 2500"}, {OfflineCount, "10"}, {OfflineOn, "false"}} {
		if err := set(c[0], c[1]); err != nil {
			t.Errorf("tightening %s: %v", c[0], err)
		}
	}
	if err := set(OfflineOn, "true"); agent.CodeOf(err) != agent.CodeOffline {
		t.Errorf("switched on without a line: %v", err)
	}
}

// TestTheFleetOnlyTightensWhatIsAcceptedOffline, with the line up and proven: whoever
// stole the key of its service must not choose what a shop accepts on trust.
func TestTheFleetOnlyTightensWhatIsAcceptedOffline(t *testing.T) {
	book := New(&memory{}, Table(shop()))
	book.Subscribe(Loosening{Now: book.Values, Line: func() agent.Line { return agent.Line{State: agent.LineOnline, Proven: true} }}, OfflineKeys()...)
	set := func(by, key, value string) error {
		_, err := book.Apply(t.Context(), []agent.Change{{Key: key, Value: value, By: by}})
		return err
	}
	looser := [][2]string{{OfflineCaps, "CNY 2000 5000 50000 25000"}, {OfflineCount, "51"}, {OfflineLaneCount, "51"}, {OfflineDeviceDay, "4"}, {OfflineWindow, "25h"},
		{OfflineWay + "bearer", "true"}, {OfflineWay + "sight", "true"}}
	for _, on := range []bool{false, true} {
		if on {
			for _, c := range [][2]string{{OfflineCaps, "CNY 200 500 5000 2500"}, {OfflineOn, "true"}, {OfflineLeast, "manager"}} {
				if err := set("person:1", c[0], c[1]); err != nil {
					t.Fatal(err)
				}
			}
			looser = append(looser, [2]string{OfflineLeast, "cashier"}, [2]string{OfflineCaps, "CNY 200 500 5000 2500; JPY 1 1 1 1"})
		} else {
			looser = append(looser, [2]string{OfflineOn, "true"})
		}
		for _, c := range looser {
			before := book.Values().Text(c[0])
			if err := set("fleet:fleet.example", c[0], c[1]); before != c[1] && (agent.ClassOf(err) != agent.Forbidden || agent.CodeOf(err) != agent.CodeOffline || book.Values().Text(c[0]) != before) {
				t.Errorf("accepting is on: %v. The fleet sets %s to %s: %v, now %q", on, c[0], c[1], err, book.Values().Text(c[0]))
			}
		}
	}
	for _, c := range [][2]string{{OfflineCaps, "CNY 100 500 5000 2500"}, {OfflineCount, "10"}, {OfflineWay + "receipt", "false"}, {OfflineWindow, "1h"}, {OfflineOn, "false"}} {
		if err := set("fleet:fleet.example", c[0], c[1]); err != nil {
			t.Errorf("the fleet tightens %s: %v", c[0], err)
		}
	}
	// What the fleet has tightened it does not loosen again, not even to take it back.
	if err := set("fleet:revert", OfflineCount, "50"); agent.ClassOf(err) != agent.Forbidden {
		t.Errorf("taken back: %v", err)
	}
	if err := set("person:1", OfflineCount, "50"); err != nil {
		t.Errorf("the owner: %v", err)
	}
}

func TestNothingIsLoosenedBesideAnAgentThatIsStopped(t *testing.T) {
	book := New(&memory{}, Table(shop()))
	book.Subscribe(Loosening{Now: book.Values}, OfflineKeys()...)
	for value, refused := range map[string]bool{"true": true, "false": false} {
		_, err := book.Apply(t.Context(), []agent.Change{{Key: OfflineOn, Value: value, By: "person:1"}})
		if (agent.CodeOf(err) == agent.CodeOffline) != refused || !refused && err != nil {
			t.Errorf("%s = %s: %v", OfflineOn, value, err)
		}
	}
}
