package main

import (
	"strings"
	"testing"

	"tillwire/agent/settings"
	"tillwire/agent/words"
)

// TestEverySettingIsSaidInEveryLanguage holds the catalogues against the table: a setting that is
// added, or says something else, has to be translated.
func TestEverySettingIsSaidInEveryLanguage(t *testing.T) {
	w, err := words.New()
	if err != nil {
		t.Fatal(err)
	}
	table := settings.Table(settings.Start{Shop: "S", Language: "en", Languages: words.Codes(), Protocols: []string{"wechat", "alipay", "gateway"}, Codes: codeRows(), FleetSpread: "10s"})
	for _, e := range table {
		title, help, arg := "setting."+e.Key, "setting."+e.Key+".help", ""
		family, name, _ := strings.Cut(e.Key, ".")
		switch {
		case w.Has(words.English, title):
		case family == "codes":
			title, help, arg = "setting.codes", "setting.codes.help", strings.TrimPrefix(e.Title, "Codes: ")
			if e.Default == "" {
				help = "setting.codes.unknown.help"
			}
		default:
			title, help = "setting.timer."+name, "setting.timer."+name+".help"
		}
		if got := w.Text(words.English, title, arg); got != e.Title {
			t.Errorf("%s is called %q, its translations are of %q", e.Key, e.Title, got)
		}
		if got := w.Text(words.English, help); got != e.Help {
			t.Errorf("%s: the help is %q, its translations are of %q", e.Key, e.Help, got)
		}
		for _, l := range w.Languages() {
			if !w.Has(l.Code, title) || !w.Has(l.Code, help) {
				t.Errorf("%s lacks the setting %s", l.Name, e.Key)
			}
		}
	}
	if len(table) < 60 {
		t.Errorf("only %d settings were seen", len(table))
	}
}
