package web

import (
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// overhear keeps what the page asks the terminal for, and loses so many answers to calls
// of a method.
func (b *browser) overhear(lost int, method string) {
	b.t.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](`(() => {
		const real = window.fetch; let lose = ` + strconv.Itoa(lost) + `;
		window.asked = [];
		window.fetch = async (url, how) => {
			window.asked.push((how?.method ?? "GET") + " " + url);
			const answer = await real(url, how);
			if (how?.method === "` + method + `" && lose-- > 0) throw new TypeError("lost");
			return answer;
		};
	})()`))
}

// parks puts 12.80 aside at the register and opens the list of what is parked.
func (b *browser) parks() {
	b.t.Helper()
	b.keys("1", "2", ".", "8", kb.F1)
	b.until(`document.activeElement?.id === "park-note"`)
	b.keys(kb.Enter)
	b.until(shows("hint", "Parked"))
	b.keys(kb.F1)
	b.until(shows("parked-list", "¥12.80"))
}

// putsBack leaves an amount that was taken up and opens the list that it is on again.
func (b *browser) putsBack() {
	b.t.Helper()
	b.keys(kb.Escape)
	b.until(shows("hint", "F1 lists"))
	b.keys(kb.F1)
	b.until(shows("parked-list", "¥12.80"))
}

// TestBrowserAParkedAmountIsNeverLost when the answer to taking it up is, or when it is
// pressed twice.
func TestBrowserAParkedAmountIsNeverLost(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	b.parks()
	b.overhear(1, "DELETE")
	b.keys("1")
	b.until(shows("amount", "12.80") + ` || document.getElementById("parked-none").checkVisibility()`)
	if got := b.text("typed"); got != "12.80" {
		t.Errorf("the amount that was taken up is %q, and the list says %q", got, b.text("parked-none"))
	}
	b.putsBack()
	b.js(`(() => { window.asked.length = 0; const one = document.querySelector("#parked-list [data-number]"); one.click(); one.click() })()`)
	b.until(shows("amount", "12.80"))
	if got := b.js(`window.asked.filter((call) => call.startsWith("DELETE")).length`); got != "1" {
		t.Errorf("two presses asked for it %s times", got)
	}
	if left := tm.drawers.parked; len(left) != 0 {
		t.Errorf("parked are %+v", left)
	}

	b.putsBack()
	b.js(`(() => { window.asked.length = 0; const no = document.querySelector("#parked-list .quiet"); no.click(); no.click() })()`)
	if got := b.text("parked-list"); !strings.Contains(got, "Really discard?") || b.js(`window.asked.filter((call) => call.startsWith("DELETE")).length`) != "0" {
		t.Errorf("two presses at once discard it, or the list says %q", got)
	}
	b.until(`(document.querySelector("#parked-list .danger")?.click(), document.getElementById("parked-none").checkVisibility())`)
	if left := tm.drawers.parked; len(left) != 0 {
		t.Errorf("after the second press parked are %+v", left)
	}
	b.quiet()
}

// TestBrowserOtherMoneyIsParkedWithItsSale: the next one is in the shop's own again.
func TestBrowserOtherMoneyIsParkedWithItsSale(t *testing.T) {
	tm := live(t).abroad()
	b := tm.atRegister(1280, 800)
	b.keys("5", kb.F3)
	b.until(shows("unit", "THB"))
	b.keys(kb.F1)
	b.until(`document.activeElement?.id === "park-note"`)
	b.keys(kb.Enter)
	b.until(shows("hint", "Parked"))
	if got := b.text("unit"); got != "CNY" {
		t.Errorf("the next sale would be in %s", got)
	}
	b.keys(kb.F3)
	b.until(shows("unit", "THB"))
	b.menu("No shift")
	b.keys("6")
	b.until(shows("training", "TRAINING"))
	if got := b.text("unit"); got != "CNY" {
		t.Errorf("training begins in %s", got)
	}
	b.quiet()
}

// TestBrowserASentAwayPageTakesNoLaneBack when the terminal comes back and nobody sits there:
// whoever was at it would be sent away by a page that is covered.
func TestBrowserASentAwayPageTakesNoLaneBack(t *testing.T) {
	tm := live(t)
	first := tm.atRegister(1280, 800)
	second := tm.atRegister(390, 844)
	second.until(shows("taken", "Cass"))
	second.until(shows("line", "Online"))
	first.do(chromedp.Navigate("about:blank"))
	address := tm.http.Listener.Addr().String()
	tm.web.Close()
	tm.http.CloseClientConnections()
	tm.http.Close()
	second.js(`document.getElementById("line").textContent = ""`)
	tm.again(address)
	second.until(shows("line", "Online")) // by a new stream
	if !tm.web.seats.free("1", "another page") {
		t.Error("a page that was sent away has the lane")
	}
	second.keys(kb.Enter)
	second.until(`document.getElementById("taken").hidden`)
	second.keys("5", kb.Enter)
	second.until(shows("v-word", "SCAN"))
	first.quiet()
	second.quiet()
}

// hush keeps the page from hearing the terminal until released.
func (b *browser) hush() {
	b.t.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](`(() => {
		const Real = window.EventSource, waiting = [];
		window.EventSource = class {
			constructor(url) { this.readyState = Real.CONNECTING; this.heard = []; waiting.push(() => { this.real = new Real(url); for (const one of this.heard) this.real.addEventListener(...one); }); }
			addEventListener(...one) { this.heard.push(one); }
			close() { this.real?.close(); }
		};
		window.released = () => { window.EventSource = Real; for (const one of waiting) one(); };
	})()`))
}

// TestBrowserWhatEndsWhileTheDoorOpensIsSeen: between the answer that said how a payment
// stands and the stream that tells what becomes of it there is no gap.
func TestBrowserWhatEndsWhileTheDoorOpensIsSeen(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	b.keys("5", kb.Enter)
	b.until(shows("v-word", "SCAN"))
	id := b.latest(1)
	b.keys(kb.F10)
	b.until(`document.activeElement.id === "pin"`)
	b.hush()
	b.keys("111111")
	b.until(`document.getElementById("gate").hidden`)
	tm.pay(id)
	b.js(`window.released()`)
	b.until(shows("v-word", "PAID"))
	b.quiet()
}

// TestBrowserASessionThatEndedInASilenceLeadsToTheDoor, at once and without a word about a
// terminal that is there.
func TestBrowserASessionThatEndedInASilenceLeadsToTheDoor(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	b.overhear(0, "")
	address := tm.http.Listener.Addr().String()
	tm.web.Close()
	tm.http.CloseClientConnections()
	tm.http.Close()
	if err := tm.DeleteSessions(t.Context(), "cas"); err != nil {
		t.Fatal(err)
	}
	tm.again(address)
	b.until(`window.asked.some((call) => call.startsWith("GET ") && call.includes("/session?"))`)
	b.until(`!document.getElementById("gate").hidden && document.getElementById("lost").hidden`)
	b.keys("111111")
	b.until(shows("line", "Online"))
}

// The list of the day may be asked for before a payment begins and answered after it.
func TestBrowserAPaymentThatBeginsWhileTheListIsAskedForStaysInIt(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	b.do(chromedp.Evaluate[chromedp.Void](`window.realFetch = fetch; window.fetch = async (...a) => {
		const answer = await realFetch(...a);
		if (String(a[0]).includes("day=today&lane=") && !window.letGo) await new Promise((go) => { window.letGo = go; });
		return answer;
	}`))
	b.js(`(() => { const search = document.getElementById("search"); search.value = "x"; search.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" })); })()`)
	b.until(`window.letGo !== undefined`)
	tm.till().want(201, "POST", "/payments", openBody("x", "scan"))
	b.until(`document.querySelectorAll("#list li").length === 1`)
	b.js(`(() => { window.drawn = false; new MutationObserver(() => { window.drawn = true; }).observe(document.getElementById("list"), { childList: true }); letGo(); })()`)
	b.until(`window.drawn`)
	if n := b.js(`document.querySelectorAll("#list li").length`); n != "1" {
		t.Errorf("the day has %s payments after an older answer", n)
	}
	b.quiet()
}
