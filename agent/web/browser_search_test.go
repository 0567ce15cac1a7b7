package web

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func TestBrowserSearching(t *testing.T) {
	tm := live(t)
	tm.pay(tm.open("a", "scan"))
	b := tm.atRegister(1280, 800)
	b.until(shows("list", "T-a"))
	b.keys("5") // an amount that no key in the search may send
	for _, s := range []struct {
		wanted string
		found  bool
	}{
		{"T-a", true}, {"12.80", true}, {"¥12.80", true}, {"12.8", true}, {"paid", true},
		{"2.80", false}, {"12.81", false}, {"nobody", false}, {"declined", false},
	} {
		b.keys(kb.F8)
		b.js(`document.getElementById("search").value = ""`)
		b.do(chromedp.SendKeys("#search", s.wanted+kb.Enter))
		if s.found {
			b.until(`document.getElementById("detail").open`)
			b.keys(kb.Escape)
			b.until(`!document.getElementById("detail").open`)
			continue
		}
		b.until(shows("empty", "Nothing found."))
		b.keys(kb.Enter)
	}
	b.keys(kb.Escape)
	b.until(shows("list", "T-a"))
	if len(tm.payments) != 1 || b.text("typed") != "5" {
		t.Errorf("the search opened a sale: %d payments, %q is typed", len(tm.payments), b.text("typed"))
	}
	b.quiet()
}
