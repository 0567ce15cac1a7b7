package web

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func TestBrowserSearching(t *testing.T) {
	tm := live(t)
	first := tm.pay(tm.open("a", "scan")).OrderNo
	second := tm.pay(tm.open("another", "scan")).OrderNo // is newer and has all of T-a in its reference
	b := tm.atRegister(1280, 800)
	b.until(shows("list", "T-a"))
	b.keys("5") // an amount that no key in the search may send
	for _, s := range []struct {
		wanted string
		found  bool
		opens  string // the order number, where it matters whose
	}{
		{"T-a", true, first}, {"T-an", true, second}, {"T-", true, second}, {"12.80", true, ""}, {"¥12.80", true, ""}, {"12.8", true, ""}, {"paid", true, ""},
		{"2.80", false, ""}, {"12.81", false, ""}, {"nobody", false, ""}, {"declined", false, ""},
	} {
		b.keys(kb.F8)
		b.js(`document.getElementById("search").value = ""`)
		b.do(chromedp.SendKeys("#search", s.wanted+kb.Enter))
		if s.found {
			b.until(`document.getElementById("detail").open`)
			if opened := b.text("d-facts"); s.opens != "" && !strings.Contains(opened, s.opens) {
				t.Errorf("%s opens %q, want %s", s.wanted, opened, s.opens)
			}
			b.keys(kb.Escape)
			b.until(`!document.getElementById("detail").open`)
			continue
		}
		b.until(shows("empty", "Nothing found."))
		b.keys(kb.Enter)
	}
	b.keys(kb.Escape)
	b.until(shows("list", "T-a"))
	if len(tm.payments) != 2 || b.text("typed") != "5" {
		t.Errorf("the search opened a sale: %d payments, %q is typed", len(tm.payments), b.text("typed"))
	}
	b.quiet()
}
