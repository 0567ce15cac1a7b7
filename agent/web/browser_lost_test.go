package web

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"tillwire/agent"
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

// takesUp goes on with the only amount that is parked, from the list of them.
func (b *browser) takesUp() {
	b.t.Helper()
	b.until(shows("parked-list", "¥12.80"))
	b.keys("1")
	b.until(shows("hint", "Parked: ¥12.80"))
	b.until(shows("amount", "12.80"))
}

// holdsBack keeps the first call whose method and address have a text from leaving until the page's
// letGo(), or letGo("lost"), which loses it; answered are the calls that came back.
func (b *browser) holdsBack(call string) {
	b.t.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`(() => {
		const real = window.fetch;
		window.answered = [];
		window.fetch = async (url, how) => {
			const name = (how?.method ?? "GET") + " " + url;
			if (!window.letGo && name.includes(%q) && await new Promise((go) => { window.letGo = go; }) === "lost") throw new TypeError("lost");
			const answer = await real(url, how);
			window.answered.push(name);
			return answer;
		};
	})()`, call)))
}

// putsBack leaves an amount that was taken up and opens the list that it is on.
func (b *browser) putsBack() {
	b.t.Helper()
	b.keys(kb.Escape)
	b.until(shows("hint", "F1 lists"))
	b.keys(kb.F1)
	b.until(shows("parked-list", "¥12.80"))
}

// parkedNow is what the terminal keeps of what was parked.
func (tm *terminal) parkedNow() []agent.Parked {
	tm.t.Helper()
	list, err := tm.Parked(tm.t.Context())
	if err != nil {
		tm.t.Fatal(err)
	}
	return list
}

// TestBrowserAParkedAmountIsNeverLost: the terminal keeps it while it is taken up and put back,
// when the page is loaded anew and when the next person comes, until its payment exists.
func TestBrowserAParkedAmountIsNeverLost(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	b.parks()
	b.js(`(() => { const one = document.querySelector("#parked-list [data-number]"); one.click(); one.click() })()`)
	b.until(shows("amount", "12.80"))
	b.putsBack()
	b.takesUp()
	if left := tm.parkedNow(); len(left) != 1 {
		t.Errorf("while it is taken up, parked are %+v", left)
	}
	b.do(chromedp.Reload())
	b.until(shows("waits", "Parked: 1"))
	b.keys(kb.F1)
	b.takesUp()
	b.keys(kb.F10)
	b.until(`document.activeElement?.id === "pin"`)
	b.js(`document.querySelector('[name=person][value="mia"]').click()`)
	b.keys("222222")
	b.until(shows("me", "Mia"))
	if got := b.text("typed"); got != "0" {
		t.Errorf("the next person finds an amount of %s", got)
	}
	b.keys(kb.F1)
	b.takesUp()
	b.overhear(1, "POST")
	b.keys(kb.Enter)
	b.until(shows("v-amount", "¥12.80"))
	b.latest(1)
	if left := tm.parkedNow(); len(left) != 0 || len(tm.payments) != 1 {
		t.Errorf("after a lost answer %d payments were opened, and parked are %+v", len(tm.payments), left)
	}
	b.quiet()
}

// TestBrowserAParkedAmountIsChargedOnce: a register that finds it on its screen when another has
// charged it is led to that payment.
func TestBrowserAParkedAmountIsChargedOnce(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	b.parks()
	b.takesUp()
	elsewhere := strings.Replace(openBody("x", "scan"), `"lane":"1"`, `"lane":"2"`, 1)
	tm.signedIn("mia", "222222").want(201, "POST", "/parked/"+tm.parkedNow()[0].ID+"/payment", elsewhere)
	b.keys(kb.Enter)
	b.until(`document.getElementById("detail").open`)
	if opened := b.text("d-facts"); !strings.Contains(opened, tm.payments[0].OrderNo) || !strings.Contains(opened, "Mia") {
		t.Errorf("the payment that is shown is %q", opened)
	}
	b.keys(kb.Escape)
	b.until(shows("hint", "not parked any more"))
	if got := b.text("typed"); got != "0" || len(tm.payments) != 1 {
		t.Errorf("the next Enter asks for %s, and there are %d payments", got, len(tm.payments))
	}
	b.quiet()
}

// TestBrowserWhatIsAskedForIsNotParkedAsWell, however long the terminal takes to answer.
func TestBrowserWhatIsAskedForIsNotParkedAsWell(t *testing.T) {
	for name, test := range map[string]struct {
		enter func(*browser)
		call  string
	}{
		"typed":    {func(b *browser) { b.keys("1", "2", ".", "8") }, "POST " + apiRoot + "/payments?"},
		"taken up": {func(b *browser) { b.parks(); b.takesUp() }, "/payment?"},
	} {
		t.Run(name, func(t *testing.T) {
			tm := live(t)
			b := tm.atRegister(1280, 800)
			test.enter(b)
			b.holdsBack(test.call)
			b.keys(kb.Enter)
			b.until(`window.letGo`)
			b.keys(kb.Escape, kb.F1)
			b.menu("No shift")
			b.keys("2")
			b.until(`!document.getElementById("till-menu").open`)
			if got := b.js(`document.querySelector("dialog[open]")?.id`); got != "undefined" || !strings.Contains(b.text("amount"), "12.80") {
				t.Errorf("meanwhile the amount is %q, and over it lies %s", b.text("amount"), got)
			}
			b.js(`letGo()`)
			b.until(shows("v-amount", "¥12.80"))
			if left := tm.parkedNow(); len(left) != 0 || len(tm.payments) != 1 {
				t.Errorf("%d payments, and parked are %+v", len(tm.payments), left)
			}
			b.quiet()
		})
	}
}

// TestBrowserWhoLeavesTheDialogParksNothing: the amount is before them again.
func TestBrowserWhoLeavesTheDialogParksNothing(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	b.keys("5", kb.F1)
	b.until(`document.activeElement?.id === "park-note"`)
	b.holdsBack("POST " + apiRoot + "/parked?")
	b.keys(kb.Enter)
	b.until(`window.letGo`)
	b.keys(kb.Escape)
	b.until(`!document.getElementById("park").open`)
	b.js(`letGo()`)
	b.until(`window.answered.some((call) => call.startsWith("DELETE"))`)
	if left := tm.parkedNow(); len(left) != 0 || b.text("typed") != "5" {
		t.Errorf("the amount is %q, and parked are %+v", b.text("typed"), left)
	}
	b.quiet()
}

// TestBrowserALateAnswerParksNoOtherAmount: it is about the amount of a dialog that was left, and
// another one is in it by now.
func TestBrowserALateAnswerParksNoOtherAmount(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	park := func() {
		b.keys(kb.F1)
		b.until(`document.activeElement?.id === "park-note"`)
	}
	b.keys("5")
	park()
	b.holdsBack("POST " + apiRoot + "/parked?")
	b.keys(kb.Enter)
	b.until(`window.letGo`)
	b.keys(kb.Escape)
	b.until(`!document.getElementById("park").open`)
	b.keys(kb.Escape, "7")
	park()
	b.js(`letGo()`)
	b.until(`window.answered.some((call) => call.startsWith("DELETE"))`)
	if amount := b.text("park-amount"); b.js(`document.getElementById("park").open`) != "true" || amount != "¥7.00" {
		t.Fatalf("the dialog with %s was closed", amount)
	}
	b.keys(kb.Enter)
	b.until(shows("hint", "Parked"))
	if left := tm.parkedNow(); len(left) != 1 || left[0].Amount.Value != 700 {
		t.Errorf("parked are %+v", left)
	}
	b.quiet()
}

// TestBrowserAParkedAmountIsDiscardedByTwoPresses that do not come at once.
func TestBrowserAParkedAmountIsDiscardedByTwoPresses(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	b.parks()
	b.overhear(0, "")
	b.js(`(() => { const no = document.querySelector("#parked-list .quiet"); no.click(); no.click() })()`)
	if got := b.text("parked-list"); !strings.Contains(got, "Really discard?") || b.js(`window.asked.filter((call) => call.startsWith("DELETE")).length`) != "0" {
		t.Errorf("two presses at once discard it, or the list says %q", got)
	}
	b.until(`(document.querySelector("#parked-list .danger")?.click(), document.getElementById("parked-none").checkVisibility())`)
	if left := tm.parkedNow(); len(left) != 0 {
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

// TestBrowserALongSilenceAsksForNoSecondPayment: the first one was opened, and paid before this
// page heard the terminal again.
func TestBrowserALongSilenceAsksForNoSecondPayment(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	b.keys(kb.F10)
	b.until(`document.activeElement.id === "pin"`)
	b.hush()
	b.keys("111111")
	b.until(`document.getElementById("gate").hidden`)
	b.overhear(5, "POST")
	b.keys("1", "2", ".", "8", kb.Enter)
	b.until(`document.getElementById("hint").classList.contains("wrong")`)
	tm.pay(tm.payments[0].ID)
	b.keys(kb.Enter)
	b.until(`document.getElementById("detail").open`)
	if got := b.text("typed"); got != "0" || len(tm.payments) != 1 {
		t.Errorf("the next Enter asks for %s, and there are %d payments", got, len(tm.payments))
	}
	b.js(`window.released()`)
	b.quiet()
}
