package web

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"tillwire/agent"
)

// TestBrowserEveryCallSaysWhoAsks, from which page and in which language; also the one for the
// picture of a code.
func TestBrowserEveryCallSaysWhoAsks(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	b.do(chromedp.Evaluate[chromedp.Void](`(() => {
		const real = window.fetch;
		window.calls = window.nameless = "";
		window.fetch = (url, how) => {
			window.calls += url + " ";
			if (!how?.headers?.["Tillwire-Station"] || !url.includes("lang=en")) window.nameless += url + " ";
			return real(url, how);
		};
	})()`))
	b.keys("5", kb.F2)
	b.until(`document.querySelector("#v-qr svg path")?.getAttribute("d").length > 1000`)
	if got := b.js(`window.nameless`); got != "" || b.js(`window.calls.includes("/qr?")`) != "true" {
		t.Errorf("these calls do not say who asks: %s", got)
	}
	b.quiet()
}

// TestBrowserASlipOnTheLanesPrinter, and what its page says when the terminal is silent.
func TestBrowserASlipOnTheLanesPrinter(t *testing.T) {
	printed := make(chan agent.PaymentID, 1)
	tm := live(t, func(o *Options) {
		o.Prints = func(string) bool { return true }
		o.Print = func(_ context.Context, id agent.PaymentID) error { printed <- id; return nil }
	})
	id := tm.pay(tm.open("a", "scan")).ID
	b := tm.atRegister(1280, 800)
	b.open("/receipt/" + string(id))
	b.until(`document.readyState === "complete"`)
	b.do(chromedp.Click("#paper"))
	b.until(shows("said", "on its way to the printer"))
	if got := <-printed; got != id {
		t.Errorf("on paper is the slip of %s", got)
	}
	b.do(chromedp.Evaluate[chromedp.Void](`window.fetch = async () => { throw new TypeError("Failed to fetch"); }`))
	b.do(chromedp.Click("#paper"))
	b.until(shows("said", "The terminal does not answer."))
	b.quiet()
}
