package web

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"tillwire/agent"
)

func TestBrowserSearching(t *testing.T) {
	tm := live(t)
	tm.sale("tea", "wechat", agent.Money{Value: 2100, Currency: "CNY"})
	dear := tm.payments[0].OrderNo
	first := tm.pay(tm.open("a", "scan")).OrderNo
	second := tm.pay(tm.open("another", "scan")).OrderNo // is newer and has all of T-a in its reference
	third := tm.pay(tm.open("no21", "scan")).OrderNo     // has another's amount in its reference
	b := tm.atRegister(1280, 800)
	b.until(shows("list", "T-a"))
	b.keys("5") // an amount that no key in the search may send
	for _, s := range []struct {
		wanted string
		opens  string // the order number; empty where nothing is found
		among  int    // how many there are to choose from, where it is not clear which is meant
	}{
		{"T-a", first, 0}, {"T-an", second, 0}, {"T-", third, 3}, {"12.80", third, 3}, {"¥12.80", third, 3}, {"12.8", third, 3}, {"paid", third, 4},
		{"21.00", dear, 0}, {"21", dear, 2}, {"2.80", "", 0}, {"12.81", "", 0}, {"nobody", "", 0}, {"declined", "", 0},
	} {
		b.keys(kb.F8)
		b.js(`document.getElementById("search").value = ""`)
		b.do(chromedp.SendKeys("#search", s.wanted+kb.Enter))
		if s.opens == "" {
			b.until(shows("empty", "Nothing found."))
			b.keys(kb.Enter)
			continue
		}
		if s.among > 0 {
			b.until(`document.getElementById("detail").open || document.activeElement === document.querySelector("#list .item")`)
			if rows := b.js(`document.querySelectorAll("#list .item").length`); rows != fmt.Sprint(s.among) || b.js(`document.getElementById("detail").open`) == "true" {
				t.Errorf("%s finds %s payments, want %d to choose from", s.wanted, rows, s.among)
			}
			b.keys(kb.Enter)
		}
		b.until(`document.getElementById("detail").open`)
		if opened := b.text("d-facts"); !strings.Contains(opened, s.opens) {
			t.Errorf("%s opens %q, want %s", s.wanted, opened, s.opens)
		}
		b.keys(kb.Escape)
		b.until(`!document.getElementById("detail").open`)
		b.until(ofToday(4))
	}
	b.keys(kb.Escape)
	b.until(ofToday(4))
	if len(tm.payments) != 4 || b.text("typed") != "5" {
		t.Errorf("the search opened a sale: %d payments, %q is typed", len(tm.payments), b.text("typed"))
	}

	// Out of an amount and out of a search: one step a press. A payment that begins ends it, too.
	filtered := func() {
		b.do(chromedp.SendKeys("#search", "tea"))
		b.until(`document.querySelectorAll("#list .item").length === 1`)
		b.js(`document.activeElement.blur()`)
	}
	filtered()
	b.keys(kb.Escape)
	b.until(`document.getElementById("typed").textContent === "0"`)
	b.keys(kb.Escape)
	b.until(ofToday(4))
	filtered()
	late := tm.open("late", "scan")
	b.until(shows("v-word", "SCAN"))
	b.until(ofToday(5))
	tm.till().want(202, "POST", "/payments/"+string(late)+"/cancel", "")
	b.until(shows("v-word", "NOT CHARGED"))
	b.keys(kb.Escape)
	b.until(`document.getElementById("verdict").hidden`)

	// The last receipt is neither what was found nor what nobody paid.
	filtered()
	b.keys(kb.F9)
	b.until(`document.getElementById("detail").open`)
	if opened := b.text("d-facts"); !strings.Contains(opened, third) {
		t.Errorf("the last receipt is of %q, want %s", opened, third)
	}
	b.quiet()
}

// ofToday is an expression: the list is the day's, with so many payments.
func ofToday(n int) string {
	return fmt.Sprintf(`document.getElementById("search").value === "" && document.querySelectorAll("#list .item").length === %d`, n)
}

// TestBrowserTheSearchNeverTakesACustomersCode: not while a customer pays, and what looks
// like a code is not looked for, since that would put it into an address.
func TestBrowserTheSearchNeverTakesACustomersCode(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	b.overhear(0, "")
	b.keys("5", kb.Enter)
	b.until(shows("v-word", "SCAN"))
	b.keys(kb.F8)
	if got := b.js(focused); got == "search" {
		t.Fatal("the field beneath the payment has the keyboard")
	}
	b.js(burst("134567890123456789"))
	b.until(shows("v-word", "ASKING"))
	tm.fact(b.latest(1), agent.Fact{Kind: agent.FactApproved, Op: agent.OpPay, Amount: 500, Txn: "42"})
	b.until(shows("v-word", "PAID"))
	b.keys(kb.F8)
	b.until(`document.getElementById("verdict").hidden && document.activeElement.id === "search"`)
	for _, code := range []string{"134567890123456789", "2812345678901234", "6212345678901234567", "3158990012345678901", "9000818188123456789012",
		"fp0123456789abcdefghijABCDEFGHIJ012", "hQVDUFYwMWEcTwegAAADMwEB", "hQVKUFFSMDFhHE8HoAAAAzMBAQ=="} {
		// At once, as a scanner types: what stands in the field meanwhile is no code yet.
		b.js(`(() => { const field = document.getElementById("search"); field.value = "` + code + `"; field.dispatchEvent(new Event("input"));
			field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true })) })()`)
		b.until(shows("hint", "looks like a payment code") + ` && document.getElementById("search").value === ""`)
		b.js(`document.getElementById("hint").textContent = ""`)
		if got := b.js(`window.asked.filter((call) => call.includes("` + code + `")).length`); got != "0" {
			t.Errorf("%s went into an address", code)
		}
	}
	// An amount after a search is an amount.
	b.do(chromedp.SendKeys("#search", "5.00"+kb.Enter))
	b.until(`document.getElementById("detail").open`)
	b.keys(kb.Escape)
	b.until(`!document.getElementById("detail").open`)
	b.keys("1", "2", ".", "8", kb.Enter)
	b.until(shows("v-amount", "¥12.80"))
	b.quiet()
}
