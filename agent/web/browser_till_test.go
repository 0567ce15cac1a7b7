package web

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"tillwire/agent"
)

// menu opens the till's menu and waits until it knows how the shift stands.
func (b *browser) menu(shift string) {
	b.t.Helper()
	b.keys(kb.F5)
	b.until(shows("menu-shift", shift))
}

func TestBrowserAShiftFromCountToCount(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	b.menu("No shift was opened")
	if got := b.js(`document.getElementById("staff").hidden`); got != "true" {
		t.Error("a cashier is offered what only a manager may do")
	}
	b.passes("1280-menu")
	b.keys("5")
	b.until(`document.activeElement?.id === "shift-counted"`)
	b.keys(kb.Enter) // nothing was counted: the browser asks for it
	b.keys("2", "0", "0", kb.Enter)
	b.until(shows("hint", "The shift is open"))
	tm.pay(tm.open("a", "scan"))
	b.until(shows("v-word", "PAID"))
	b.keys(kb.Enter)
	b.until(`document.getElementById("verdict").hidden`)
	b.menu("opened by Cass")
	b.keys("4")
	b.until(shows("report-title", "X report"))
	b.until(shows("report-rows", "¥12.80"))
	b.until(shows("report-facts", "¥200.00"))
	b.passes("1280-report")
	b.keys(kb.Escape)
	b.until(`!document.getElementById("report").open`)
	b.menu("opened by Cass")
	b.keys("5")
	b.until(`document.activeElement?.id === "shift-counted"`)
	b.keys("x", kb.Enter)
	b.until(shows("shift-wrong", "0 when the drawer is empty"))
	b.keys(kb.Backspace, "3", "1", "0", ".", "5", kb.Enter)
	b.until(shows("report-title", "Z report"))
	b.until(shows("report-facts", "¥310.50"))
	if n := tm.drawers.all[0]; !n.Over() || n.End.Value != 31050 || n.Begin.Value != 20000 || n.OpenedBy != "Cass" {
		t.Errorf("the shift is %+v", n)
	}
	b.keys(kb.Escape)
	b.menu("was closed")
	b.quiet()
}

func TestBrowserParkingASale(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	b.keys("1", "2", ".", "8", kb.F1)
	b.until(`document.activeElement?.id === "park-note"`)
	b.keys("c", "a", "p", kb.Enter)
	b.until(shows("hint", "Parked"))
	b.until(`document.getElementById("typed").textContent === "0"`)
	b.until(shows("waits", "Parked: 1"))
	// Also what waits for a code already: nothing of it was sent.
	b.keys("5", kb.Enter)
	b.until(shows("v-actions", "Park"))
	id := b.latest(1)
	b.keys(kb.F1)
	b.until(shows("park-amount", "¥5.00"))
	b.until(`document.activeElement?.id === "park-note"`)
	b.keys(kb.Enter)
	b.until(shows("hint", "Parked"))
	if p, _ := tm.Payment(t.Context(), id); p.Status.State != agent.NotSent {
		t.Errorf("the payment that was parked is %s", p.Status.State)
	}
	b.keys(kb.F1)
	b.until(shows("parked-list", "cap"))
	b.until(shows("parked-list", "¥5.00"))
	b.passes("1280-parked")
	b.keys("1")
	b.until(shows("amount", "12.80"))
	b.until(shows("hint", "Parked: cap"))
	// Esc puts it back under its word; after a digit it offers it again.
	b.keys(kb.Escape)
	b.until(shows("hint", "F1 lists"))
	b.keys(kb.F1)
	b.until(shows("parked-list", "cap"))
	b.keys("1")
	b.until(shows("hint", "Parked: cap"))
	b.until(shows("waits", "Parked: 2")) // it is still one of them
	b.keys("9")
	b.until(shows("amount", "9.00"))
	b.keys(kb.Escape)
	b.until(shows("hint", "Parked: cap"))
	b.until(shows("amount", "12.80"))
	b.keys(kb.Enter)
	b.until(shows("v-amount", "¥12.80"))
	if left := tm.drawers.parked; len(left) != 1 || left[0].Amount.Value != 500 {
		t.Errorf("parked are %+v", left)
	}
	tm.pay(b.latest(2))
	b.until(shows("v-word", "PAID"))
	b.keys(kb.Enter)
	b.until(shows("waits", "Parked: 1"))
	b.quiet()
}

// TestBrowserTrainingTouchesNothing: a whole day of training leaves no payment, no scan
// and no slip, and a real sale is never seen in its frame.
func TestBrowserTrainingTouchesNothing(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	b.menu("No shift")
	b.keys("6")
	b.until(shows("training", "TRAINING"))
	if title := b.js(`document.title`); !strings.HasPrefix(title, "TRAINING") {
		t.Errorf("the window is called %q", title)
	}
	b.passes("1280-training")
	b.keys("5", kb.Enter)
	b.until(shows("v-word", "SCAN"))
	b.until(`document.querySelector(".v-training").checkVisibility() && getComputedStyle(document.getElementById("verdict")).borderTopWidth === "18px"`)
	b.keys("2") // a customer whose wallet asks for the password
	b.until(shows("v-word", "CONFIRM"))
	b.until(shows("v-who", "The customer's turn"))
	b.until(shows("v-word", "PAID"))
	b.passes("1280-training-paid")
	b.keys("9")
	b.until(shows("amount", "9.00"))
	b.keys(kb.Enter)
	b.until(shows("v-amount", "¥9.00"))
	b.keys("4") // no answer
	b.until(shows("v-word", "NOT CONFIRMED"))
	b.keys(kb.F4)
	b.until(shows("v-notice", "Money may have moved"))
	b.keys(kb.F4)
	b.until(shows("v-word", "CANCELLING"))
	b.until(shows("v-word", "NOT CHARGED"))
	b.keys(kb.F9)
	b.until(shows("v-notice", "Training prints nothing"))
	b.keys(kb.Escape, "3", kb.Enter)
	b.until(shows("v-amount", "¥3.00"))
	// The lane's own scanner finds nothing open at the terminal, and says so.
	tm.feed.Publish(agent.Event{Kind: "lane", Lane: "1", Say: agent.Sentence{English: "No payment is open"}, Tone: agent.ToneDoubt})
	b.until(shows("v-word", "PAID"))
	if rows := b.js(`document.querySelectorAll("#list .item").length`); len(tm.payments) != 0 || len(tm.scans) != 0 || len(tm.audits) != 1 || rows != "0" {
		t.Errorf("training left %d payments, %d scans, %s rows and the acts %+v", len(tm.payments), len(tm.scans), rows, tm.audits)
	}
	// A till opens a sale here: it is real, and the page says so by ending training.
	b.keys("4")
	b.until(shows("amount", "4.00"))
	b.keys(kb.Enter)
	b.until(shows("v-amount", "¥4.00"))
	tm.open("real", "scan")
	b.until(shows("v-amount", "¥12.80"))
	b.until(`!document.body.classList.contains("training") && document.getElementById("training").hidden`)
	b.quiet()
}
