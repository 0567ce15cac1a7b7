package web

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"tillwire/agent"
)

// focused is an expression: the id of what has the keyboard; empty for the page itself.
const focused = `document.activeElement.id`

// TestBrowserEnterGoesOnAfterATouch: whoever taps the digits and presses Enter on the
// keyboard opens a payment of what was tapped, and never presses the last digit again.
func TestBrowserEnterGoesOnAfterATouch(t *testing.T) {
	tm := live(t).abroad()
	b := tm.atRegister(1280, 800)
	for _, digit := range "1280" {
		b.do(chromedp.Click(fmt.Sprintf(`#pad [data-key="%c"]`, digit)))
	}
	b.until(shows("amount", "1280.00"))
	b.keys(kb.Enter)
	b.until(`!document.getElementById("verdict").hidden || document.getElementById("typed").textContent !== "1280"`)
	b.until(shows("v-amount", "¥1,280.00"))
	tm.pay(b.latest(1))
	b.until(shows("v-word", "PAID"))
	b.keys(kb.Enter)
	b.until(`document.getElementById("verdict").hidden`)

	b.keys("7")
	b.do(chromedp.Click(`#currencies [data-code="THB"]`))
	b.until(shows("amount", "฿7.00"))
	b.keys(kb.Enter)
	b.until(shows("v-amount", "฿7.00 THB"))
	tm.fact(b.latest(2), agent.Fact{Kind: agent.FactApproved, Op: agent.OpQuery, Amount: 700})
	b.until(shows("v-word", "PAID"))
	b.keys(kb.Enter)
	b.until(`document.getElementById("verdict").hidden`)

	// A payment of the list that was opened by hand is not opened again by the next Enter.
	b.do(chromedp.Click("#list .item"))
	b.until(`document.getElementById("detail").open`)
	b.keys(kb.Escape)
	b.until(`!document.getElementById("detail").open`)
	b.keys("9", kb.Enter)
	b.until(`!document.getElementById("verdict").hidden || document.getElementById("detail").open`)
	b.until(shows("v-amount", "¥9.00"))
	b.quiet()
}

// TestBrowserWhatIsCoveredIsOutOfReach: nothing beneath a payment has the keyboard or can
// get it, and Enter on the verdict is the verdict's.
func TestBrowserWhatIsCoveredIsOutOfReach(t *testing.T) {
	for _, size := range []struct{ width, height int64 }{{1280, 800}, {390, 844}} {
		t.Run(fmt.Sprint(size.width), func(t *testing.T) { covered(t, live(t).atRegister(size.width, size.height)) })
	}
}

// beneath is an expression: what has the keyboard although something lies over it; empty
// when nothing does.
const beneath = `((e) => {
	if (!e || e === document.body) return "";
	const box = e.getBoundingClientRect(), seen = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
	return seen && e.contains(seen) ? "" : e.id || e.outerHTML.slice(0, 60);
})(document.activeElement)`

func covered(t *testing.T, b *browser) {
	tm := b.terminal
	b.keys("5")
	b.do(chromedp.Click("#do-scan"))
	b.until(shows("v-word", "SCAN"))
	if got := b.js(beneath); got != "" {
		t.Errorf("the keyboard is beneath the payment, at %s", got)
	}
	for range 12 { // more than there are stops on the page
		b.keys(kb.Tab)
		if got := b.js(beneath); got != "" {
			t.Fatalf("Tab leads beneath the payment, to %s", got)
		}
	}
	// The door covers both, and gives back what it found.
	const shut = `[document.getElementById("till").inert, document.getElementById("verdict").inert].join()`
	b.js(`document.activeElement.blur()`)
	b.keys(kb.F10)
	b.until(shut + ` === "true,true" && document.activeElement.id === "pin"`)
	b.do(chromedp.Click(`[data-pin="1"]`))
	if got := b.js(focused); got != "pin" {
		t.Errorf("a digit of the door took the keyboard to %q", got)
	}
	b.keys("11111")
	b.until(`document.getElementById("gate").hidden`)
	b.until(shut + ` === "true,false"`)
	tm.pay(b.latest(1))
	b.until(shows("v-word", "PAID"))
	b.keys(kb.Enter)
	b.until(`document.getElementById("verdict").hidden || document.getElementById("hint").textContent.includes("Enter the amount")`)
	if got := b.js(shut); got != "false,false" {
		t.Errorf("after the payment: %s, and the hint says %q", got, b.text("hint"))
	}
	b.quiet()
}

// meanwhile does something on the page in the moment in which the register's word becomes
// another one: before anybody can have read it.
func (b *browser) meanwhile(word, script string) {
	b.t.Helper()
	b.js(fmt.Sprintf(`(() => { window.tried = false; new MutationObserver((_, me) => {
		if (document.getElementById("v-word").textContent !== %q) return;
		me.disconnect();
		const key = (name, how) => document.body.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...how }));
		%s;
		window.tried = true;
	}).observe(document.getElementById("v-word"), { childList: true, characterData: true, subtree: true }) })()`, word, script))
}

// TestBrowserNoVerdictGoesUnread: what was meant for "cancel" and comes a moment late does
// not take the verdict away; a digit does, since it begins the next sale.
func TestBrowserNoVerdictGoesUnread(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	b.keys("5", kb.Enter)
	b.until(shows("v-word", "SCAN"))
	b.meanwhile("PAID", `key("Escape"); key("Enter"); document.querySelector('[data-do="new"]').click(); key("Enter", { repeat: true })`)
	tm.pay(b.latest(1))
	b.until(`window.tried`)
	if got := b.js(`document.getElementById("verdict").hidden`); got != "false" {
		t.Fatal("a key that was meant for something else took a verdict away that nobody has read")
	}
	b.until(settled)
	b.js(`document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true, cancelable: true, repeat: true }))`)
	if got := b.js(`document.getElementById("verdict").hidden`); got != "false" {
		t.Error("a key that is held down took the verdict away")
	}
	b.do(chromedp.Click(`[data-do="new"]`))
	b.until(`document.getElementById("verdict").hidden`)

	b.keys("6", kb.Enter)
	b.until(shows("v-word", "SCAN"))
	b.meanwhile("PAID", `key("7")`)
	tm.pay(b.latest(2))
	b.until(`window.tried && document.getElementById("verdict").hidden`)
	if got := b.text("typed"); got != "7" {
		t.Errorf("of the next amount %q is left", got)
	}
	b.quiet()
}

// TestBrowserACodeReadTwiceLeavesTheVerdict: a scanner may read the customer's phone once
// more in the moment in which the money comes.
func TestBrowserACodeReadTwiceLeavesTheVerdict(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	// The moment lasts as long as the test wants.
	b.js(`(() => { const real = window.setTimeout; window.setTimeout = (then, ms) => (ms === 700 ? (window.later = then, 0) : real(then, ms)) })()`)
	b.keys("5")
	b.do(chromedp.Click("#do-scan"))
	b.until(shows("v-word", "SCAN"))
	tm.pay(b.latest(1))
	b.until(shows("v-word", "PAID"))
	again := agent.Event{Kind: "lane", Lane: "1", Say: agent.Sentence{English: "Enter the amount first"}, Tone: agent.ToneDoubt}
	tm.feed.Publish(again)
	b.until(shows("v-notice", "Enter the amount first"))
	if got := b.js(`document.getElementById("verdict").hidden`); got != "false" {
		t.Fatal("a second reading took the verdict away")
	}
	b.js(`window.later()`)
	tm.feed.Publish(again)
	b.until(`document.getElementById("verdict").hidden`)
	b.until(shows("hint", "Enter the amount first"))
	b.quiet()
}

// TestBrowserAQuestionNeedsASecondPress: a key that is held down or pressed twice at once does
// not answer it, and whoever came by Tab stands at its no.
func TestBrowserAQuestionNeedsASecondPress(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	b.keys("5", kb.Enter)
	b.until(shows("v-word", "SCAN"))
	id := b.latest(1)
	tm.fact(id, sent())
	b.until(shows("v-word", "ASKING"))
	// All in one breath: the question is taken back by itself after a while.
	b.overhear(0, "")
	got := b.js(`(() => { for (const repeat of [false, true, true, false]) document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true, cancelable: true, repeat }));
		return [document.getElementById("v-notice").hidden, document.querySelectorAll('[data-do="cancel.yes"]').length, window.asked.filter((call) => call.includes("/cancel")).length].join() })()`)
	if got != "false,1,0" {
		t.Errorf("after a key that is held down and pressed again: no question, answers and calls are %s", got)
	}
	b.keys(kb.Enter) // no
	b.until(`document.getElementById("v-notice").hidden`)
	b.js(`document.querySelector('[data-do="cancel"]').focus()`)
	b.keys(kb.Enter)
	b.until(shows("v-notice", "Money may have moved") + ` && document.activeElement.dataset.do === "cancel.no"`)
	b.keys(kb.Enter)
	b.until(`document.getElementById("v-notice").hidden`)
	if got := tm.payments[0].Status.State; got != agent.Sending {
		t.Errorf("the payment is %s", got)
	}
	b.quiet()
}

// TestBrowserAVerdictIsHeardOverADialog: what lies over the page makes the rest of it
// silent for a screen reader.
func TestBrowserAVerdictIsHeardOverADialog(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	for n, dialog := range []string{"till-menu", "help"} {
		b.keys("5", kb.Enter)
		b.until(shows("v-word", "SCAN"))
		b.keys(map[string]string{"till-menu": kb.F5, "help": "?"}[dialog])
		b.until(fmt.Sprintf(`document.getElementById(%q).open`, dialog))
		b.js(`document.getElementById("say-verdict").textContent = ""`)
		tm.pay(b.latest(n + 1))
		b.until(`document.getElementById("say-verdict").textContent.includes("PAID")`)
		if got := b.js(fmt.Sprintf(`document.getElementById(%q).open`, dialog)); got != "false" {
			t.Errorf("%s stays over the verdict", dialog)
		}
		b.keys(kb.Enter)
		b.until(`document.getElementById("verdict").hidden`)
	}
	b.quiet()
}
