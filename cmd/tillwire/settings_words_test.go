package main

import (
	"strings"
	"testing"

	"tillwire/agent/settings"
	"tillwire/agent/words"
)

// Every setting has a title in every language, and the English one is the table's own.
func TestEverySettingHasATitleInEveryLanguage(t *testing.T) {
	w, err := words.New()
	if err != nil {
		t.Fatal(err)
	}
	table := settings.Table(settings.Start{Shop: "Shop", Language: "en", Languages: words.Codes(), Protocols: protocols(), Codes: codeRows(), FleetSpread: "30s"})
	if len(table) < 60 {
		t.Fatalf("only %d settings", len(table))
	}
	for _, e := range table {
		_, name, _ := strings.Cut(e.Key, ".")
		key, args := "setting."+e.Key, []any(nil)
		if !w.Has(words.English, key) {
			key = "setting.timer." + name
		}
		if scheme, ok := strings.CutPrefix(e.Title, "Codes: "); ok {
			key, args = "setting.codes", []any{scheme}
		}
		if got := w.Text(words.English, key, args...); got != e.Title {
			t.Errorf("%s is called %q in the table and %q on the page", e.Key, e.Title, got)
		}
		for _, l := range w.Languages() {
			if !w.Has(l.Code, key) {
				t.Errorf("%s: %s has no title %s", e.Key, l.Name, key)
			}
		}
	}
}
