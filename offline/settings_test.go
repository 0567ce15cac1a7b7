package offline_test

import (
	"fmt"
	"testing"
	"time"

	"tillwire/agent"
)

func TestChangesOfSettingsAreToldWithWhatWasBefore(t *testing.T) {
	ts := openStore(t, nil)
	for _, c := range []agent.Change{
		{Key: "shop.name", Value: "Old", By: "person:1"}, {Key: "log.level", Value: "debug", By: "fleet"},
		{Key: "shop.name", Value: "New", By: "person:2"}, {Key: "shop.name", Value: "Newest", By: "cli"},
	} {
		c.At = ts.clock.Now()
		if err := ts.SaveSettings(t.Context(), []agent.Change{c}); err != nil {
			t.Fatal(err)
		}
		ts.clock.Advance(time.Minute)
	}
	list, err := ts.SettingChanges(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for i, c := range list {
		got += fmt.Sprintf("%s %s>%s %s %v; ", c.Key, c.Was, c.Value, c.By, c.First)
		if i > 0 && !c.At.Before(list[i-1].At) {
			t.Errorf("%d is not older than %d", i, i-1)
		}
	}
	if want := "shop.name New>Newest cli false; shop.name Old>New person:2 false; log.level >debug fleet true; "; got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}
