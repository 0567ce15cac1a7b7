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
