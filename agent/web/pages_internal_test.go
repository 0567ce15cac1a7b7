package web

import (
	"io"
	"testing"

	"tillwire/agent/words"
)

// Pages are parsed when they are first asked for, so it is here that a broken one
// shows, and not at the start of an agent.
func TestEveryPageParsesInEveryLanguage(t *testing.T) {
	w, err := words.New()
	if err != nil {
		t.Fatal(err)
	}
	p, err := loadPages(&Server{Options: Options{Words: w}})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.set) != len(w.Languages()) {
		t.Fatalf("pages in %d languages of %d", len(p.set), len(w.Languages()))
	}
	for lang, pages := range p.set {
		if len(pages) < 10 {
			t.Errorf("%s: %d pages", lang, len(pages))
		}
		for name, page := range pages {
			if set, err := page(); err != nil || set.Lookup(name+".html") == nil {
				t.Errorf("%s: the page %s: %v", lang, name, err)
			}
		}
	}
}

func TestAPageThatIsNotThereIsAnError(t *testing.T) {
	p := &pages{set: map[string]map[string]parsed{"en": {}}}
	if err := p.write(io.Discard, "en", "none", view{}); err == nil {
		t.Error("no error")
	}
}
