package web

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"tillwire/agent"
)

// hands does what a cashier does and counts it: an amount or a PIN that is typed is one
// action, however many digits it has; so is a key, and so is a scan.
type hands struct {
	*browser
	did []string
}

func (h *hands) types(digits string) {
	h.t.Helper()
	h.did = append(h.did, "types "+digits)
	h.keys(strings.Split(digits, "")...)
}

func (h *hands) presses(name, key string) {
	h.t.Helper()
	h.did = append(h.did, name)
	h.keys(key)
}

// scans is the lane's scanner: what it reads never passes through the page.
func (h *hands) scans(text string) {
	h.t.Helper()
	h.did = append(h.did, "scans")
	if a := h.till().api("POST", "/lanes/1/scan", `{"text":"`+text+`"}`); a.status > 299 {
		h.t.Fatalf("the scan: %d %s", a.status, a.body)
	}
}

func (h *hands) needed(most int) {
	h.t.Helper()
	if len(h.did) > most {
		h.t.Errorf("that took %d actions, want %d at most: %s", len(h.did), most, strings.Join(h.did, ", "))
	}
}

// TestBrowserASaleTakesThreeActions and a refund four: nobody reaches for a mouse.
func TestBrowserASaleTakesThreeActions(t *testing.T) {
	tm := live(t)
	sale := &hands{browser: tm.atRegister(1280, 800)}
	sale.types("12.80")
	sale.presses("Enter", kb.Enter)
	sale.until(shows("v-word", "SCAN"))
	sale.until(shows("v-who", "Your turn"))
	sale.scans("134567890123456789")
	sale.until(shows("v-word", "ASKING"))
	sale.until(shows("v-who", "Waiting for the wallet"))
	id := sale.latest(1)
	tm.fact(id, agent.Fact{Kind: agent.FactApproved, Op: agent.OpPay, Amount: 1280, Txn: "42"})
	sale.until(shows("v-word", "PAID"))
	sale.until(`!document.getElementById("v-who").checkVisibility()`)
	sale.needed(3)

	// On the verdict of a sale, as at any other time.
	refund := &hands{browser: sale.browser}
	sold := tm.payments[0]
	refund.scans(sold.OrderNo)
	refund.until(`document.activeElement?.id === "r-amount" && document.getElementById("r-amount").value === "12.80"`)
	refund.types("2.80") // its last digit leads on to the PIN
	refund.until(`document.activeElement?.id === "r-pin"`)
	refund.types("222222")
	refund.presses("Enter", kb.Enter)
	refund.until(shows("d-refunds", "Refund of 2.80 requested"))
	refund.needed(4)
	if r := tm.payments[0].Status.Refunds; len(r) != 1 || r[0].Amount != 280 || r[0].By != "person:mia" {
		t.Errorf("the refund is %+v", r)
	}
	refund.quiet()
}

func TestBrowserARefundByKeyboardStopsAtWhatIsWrong(t *testing.T) {
	tm := live(t)
	paid := tm.pay(tm.open("a", "scan"))
	b := tm.atRegister(1280, 800)
	h := &hands{browser: b}
	h.scans(paid.OrderNo)
	b.until(`document.activeElement?.id === "r-amount"`)
	h.types("99.00")
	b.until(shows("r-wrong", "up to ¥12.80"))
	if at := b.js(`document.activeElement.id`); at != "r-amount" {
		t.Errorf("an amount that is too large led on to %s", at)
	}
	for range 5 {
		b.keys(kb.Backspace)
	}
	h.types("5")
	b.keys(kb.Enter) // an amount without minor units
	b.until(`document.activeElement?.id === "r-pin"`)
	b.keys(kb.Backspace)
	b.until(`document.activeElement?.id === "r-amount"`)
	b.keys(kb.Escape)
	b.until(`!document.getElementById("detail").open`)
	if len(tm.payments[0].Status.Refunds) != 0 {
		t.Error("something was given back")
	}
	// A receipt does not take the screen from a customer who pays.
	b.keys("3", kb.Enter)
	b.until(shows("v-word", "SCAN"))
	tm.feed.Publish(agent.Event{Kind: "lane", Lane: "1", Say: agent.Sentence{English: "The code of a receipt"}, Tone: agent.ToneDoubt})
	b.until(shows("v-notice", "The code of a receipt"))
	b.quiet()
}

// TestBrowserSuccessIsSaidAloud in the page's language, once, and not again by a page
// that is opened on it.
func TestBrowserSuccessIsSaidAloud(t *testing.T) {
	const listen = `(() => { window.said = []; speechSynthesis.getVoices = () => [{lang: "de-DE"}, {lang: "en-GB"}]; speechSynthesis.cancel = () => {};
		speechSynthesis.speak = (u) => said.push(u.lang + " " + u.text); window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text } }; return true })()`
	tm := live(t)
	b := tm.atRegister(1280, 800)
	b.until(listen)
	b.keys("1", "2", "8", "0", kb.Enter)
	tm.fact(b.latest(1), sent(), agent.Fact{Kind: agent.FactApproved, Op: agent.OpPay, Amount: 128000, Txn: "42"})
	b.until(`said.length > 0`)
	if got := b.js(`said.join("|")`); got != "en-GB Received: 1,280.00 Chinese yuan" {
		t.Errorf("it says %q", got)
	}
	d := tm.atDisplay(1280, 800)
	d.until(listen)
	tm.stage(payScreen)
	tm.stage(agent.Screen{Kind: agent.ScreenPaid, Amount: payScreen.Amount, Say: agent.Sentence{ID: "screen.paid", English: "Paid. Thank you"}})
	d.until(`said.length > 0`)
	if got := d.js(`said.join("|")`); got != "en-GB Received: 12.80 Chinese yuan" {
		t.Errorf("the display says %q", got)
	}
	b.quiet()
}

func TestOneOfRegisterAndDisplaySpeaks(t *testing.T) {
	tm := newTerminal(t)
	k := tm.web.Displays.Lane("1")
	k.join("p")
	lane := func(i int) any {
		return tm.till().want(200, "GET", "/status", "").json(t)["lanes"].([]any)[i].(map[string]any)["announces"]
	}
	for _, sound := range []bool{true, false, true} {
		a := tm.page().do("POST", "/display/1/beat", fmt.Sprintf(`{"stream":"p","generation":0,"sound":%t}`, sound))
		if a.status != 204 || lane(0) != sound || lane(1) != false {
			t.Errorf("a page that can be heard: %t; the beat gave %d, the lanes say %v and %v", sound, a.status, lane(0), lane(1))
		}
	}
	tm.clock.advance(displayLost)
	if lane(0) != false {
		t.Error("a page that is gone still speaks")
	}
}

func TestBrowserTheDisplaysLanguagesTakeTurns(t *testing.T) {
	tm := live(t, func(o *Options) {
		o.Setting = func(key string) string { return map[string]string{"display.languages": "en, zh-cn nowhere"}[key] }
	})
	b := tm.atDisplay(1280, 800)
	b.until(shows("say", "欢迎光临"))
	tm.stage(agent.Screen{Kind: agent.ScreenScan, Amount: payScreen.Amount, Say: agent.Sentence{ID: "screen.scan", English: "Show your payment code"}})
	b.until(`document.querySelector("#marks li")?.checkVisibility()`)
	tm.stage(payScreen)
	b.until(codeShown)
	b.until(`document.getElementById("say").lang === "zh-CN"`)
	if got := b.js(codeShown); got != "true" {
		t.Error("another language took the code away")
	}
	b.quiet()
}

// TestBrowserTheActionsNeverCoverASentence on the screens where room is shortest.
func TestBrowserTheActionsNeverCoverASentence(t *testing.T) {
	const covered = `(() => {
		const bar = document.getElementById("v-actions").getBoundingClientRect(), room = document.querySelector(".verdict-in").getBoundingClientRect();
		return [...document.querySelectorAll("#v-word, #v-amount, #v-say, #v-notice")].filter((e) => e.checkVisibility() && e.textContent).filter((e) => {
			const r = e.getBoundingClientRect();
			return r.bottom > bar.top + 1 || r.bottom > room.bottom + 1 || r.top < room.top - 1;
		}).map((e) => e.id).join()
	})()`
	for _, size := range []struct{ width, height int64 }{{1280, 757}, {1280, 640}, {390, 844}} {
		t.Run(fmt.Sprint(size.width, "x", size.height), func(t *testing.T) {
			tm := live(t).abroad()
			b := tm.atRegister(size.width, size.height)
			b.keys("9", "9", "9", "9", "9", "9", ".", "9", "9", kb.Enter)
			b.until(shows("v-word", "SCAN"))
			tm.feed.Publish(agent.Event{Kind: "lane", Lane: "1", Tone: agent.ToneBad, Say: agent.Sentence{English: "No more can be accepted without a line: 50 of 50 sales and ¥5,000.00 of ¥5,000.00 are reached. Take cash, or wait until the line is back"}})
			b.until(shows("v-notice", "wait until the line is back"))
			b.shot(fmt.Sprintf("limit-%dx%d", size.width, size.height))
			if got := b.js(covered); got != "" {
				t.Errorf("hidden in part: %s", got)
			}
			b.quiet()
		})
	}
}
