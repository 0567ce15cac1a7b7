package web

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"tillwire/agent"
)

// onTrust brings a sale of 5.00 to the register that was accepted without a line; F6 takes it back.
func (b *browser) onTrust() {
	b.t.Helper()
	b.keys("5", kb.Enter)
	b.until(shows("v-word", "SCAN"))
	id := b.latest(1)
	b.fact(id, agent.Fact{Kind: agent.FactOfflineShown, Wallet: "cornerpay", QR: "PC1:"})
	if _, err := b.take(id, agent.WayDevice, "person:cas"); err != nil {
		b.t.Fatal(err)
	}
	b.until(`document.querySelector('[data-do="void"]')`)
}

// manager enters a PIN into the manager's dialog of what F6 does.
func (b *browser) manager(pin string) {
	b.t.Helper()
	b.keys(kb.F6)
	b.until(focused + ` === "m-pin"`)
	b.do(chromedp.SendKeys("#m-pin", pin+kb.Enter))
}

// leaves closes a dialog while the first call that holdsBack keeps is under way, and has that
// call go on.
func (b *browser) leaves(dialog string) {
	b.t.Helper()
	b.until(`window.letGo`)
	b.keys(kb.Escape)
	b.until(`!document.getElementById("` + dialog + `").open`)
	b.js(`letGo()`)
	b.until(`window.answered.some((call) => call.includes("/approvals?"))`)
}

// TestBrowserAManagersDialogThatWasLeftDoesNothing: the PIN may have been right, nobody wants
// the act any more.
func TestBrowserAManagersDialogThatWasLeftDoesNothing(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	b.onTrust()
	b.holdsBack("/approvals?")
	b.manager("222222")
	b.leaves("manager")
	b.manager("222222")
	b.until(`document.querySelector('[data-do="void"]') === null`)
	if n := b.js(`window.answered.filter((call) => call.includes("/void?")).length`); n != "1" {
		t.Errorf("it was taken back %s times", n)
	}
	b.quiet()
}

// TestBrowserAManagerHearsHowLongToWait, as everybody does who enters wrong PINs.
func TestBrowserAManagerHearsHowLongToWait(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	b.onTrust()
	cass := tm.signedIn("cas", "111111")
	for range freeTries {
		cass.want(401, "POST", "/approvals", `{"pin":"999999","payment":"`+string(tm.payments[0].ID)+`","amount":500,"act":"void"}`)
	}
	b.manager("999999")
	b.until(`/Wait \d+ s/.test(document.getElementById("m-wrong").textContent)`)
	b.quiet()
}

// TestBrowserARefundWhoseFormWasLeftIsNotMade: the next one is the only one.
func TestBrowserARefundWhoseFormWasLeftIsNotMade(t *testing.T) {
	tm := live(t)
	paid := tm.pay(tm.open("a", "scan")).ID
	b := tm.atRegister(1280, 800)
	b.until(ofToday(1))
	b.holdsBack("/approvals?")
	refund := func() {
		b.do(chromedp.Click("#list .item"))
		b.until(focused + ` === "d-refund"`)
		b.keys(kb.F6)
		b.until(`document.getElementById("r-amount").value === "12.80"`)
		b.do(chromedp.SendKeys("#r-pin", "222222"+kb.Enter))
	}
	refund()
	b.leaves("detail")
	b.until(`!document.querySelector("#refund [type=submit]").disabled`)
	refund()
	b.until(shows("d-refunds", "Refund of 12.80 requested"))
	if p, err := tm.Payment(t.Context(), paid); err != nil || len(p.Status.Refunds) != 1 {
		t.Errorf("given back: %+v, %v", p.Status.Refunds, err)
	}
	b.quiet()
}

// TestBrowserAnAnswerStaysWithItsPayment: what comes late about one is not said of another.
func TestBrowserAnAnswerStaysWithItsPayment(t *testing.T) {
	tm := live(t)
	undone := tm.open("a", "scan")
	tm.fact(undone, sent())
	tm.till().want(202, "POST", "/payments/"+string(undone)+"/cancel", "")
	paid := tm.pay(tm.open("b", "scan")).ID
	b := tm.atRegister(1280, 800)
	b.until(ofToday(2))
	look := func(id agent.PaymentID) {
		b.do(chromedp.Click(`#list [data-id="` + string(id) + `"]`))
		b.until(`document.getElementById("detail").open`)
	}
	b.holdsBack("/check?")
	look(undone)
	b.do(chromedp.Click("#d-check"))
	b.until(`window.letGo`)
	b.keys(kb.Escape)
	b.until(`!document.getElementById("detail").open`)
	look(paid)
	said := b.text("d-say")
	b.js(`letGo("lost")`)
	if got := b.text("d-say"); got != said {
		t.Errorf("of a payment that nobody asked about is said %q", got)
	}
	b.quiet()
}

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
