//go:build a11y || pictures

package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// menu opens the till's menu and waits until it says how the shift stands.
func (w *tour) menu() {
	w.t.Helper()
	w.press(kb.F5)
	w.until(`document.getElementById("till-menu").open && document.getElementById("menu-shift").textContent !== ""`)
}

// click presses what a selector finds, which may lie below the edge of the screen.
func (w *tour) click(selector string) {
	w.t.Helper()
	w.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.querySelector(%q).click()`, selector)))
}

// focused waits until a field has the keyboard.
func (w *tour) focused(id string) {
	w.t.Helper()
	w.until(fmt.Sprintf(`document.activeElement?.id === %q`, id))
}

func (w *tour) closed(dialog string) {
	w.t.Helper()
	w.until(fmt.Sprintf(`!document.getElementById(%q).open`, dialog))
}

// beside is what a cashier does beside selling: a shift from its opening to its report,
// an amount put aside, a refund that begins with a receipt, and training.
func (w *tour) beside() {
	w.t.Helper()
	w.shift()
	w.parking()
	w.receiptScanned()
	w.practice()
}

func (w *tour) shift() {
	w.t.Helper()
	w.menu()
	w.look("register-menu")
	w.press("5")
	w.focused("shift-counted")
	w.look("register-shift-open")
	w.press("x", kb.Enter)
	w.until(`document.getElementById("shift-wrong").textContent !== ""`)
	w.look("register-shift-refused")
	w.press(kb.Backspace, "2", "0", "0", kb.Enter)
	w.closed("shift")
	w.menu()
	w.look("register-menu-shift")
	w.press("4")
	w.until(`document.getElementById("report").open`)
	w.look("register-report-x")
	w.press(kb.Escape)
	w.closed("report")
	w.menu()
	w.press("5")
	w.focused("shift-counted")
	w.look("register-shift-close")
	w.press("3", "1", "0", ".", "5", kb.Enter)
	w.until(`document.getElementById("report").open`)
	w.look("register-report-z")
	w.press(kb.Escape)
	w.closed("report")
}

func (w *tour) parking() {
	w.t.Helper()
	w.press("1", "2", ".", "8", kb.F1)
	w.focused("park-note")
	w.press("c", "a", "p")
	w.look("register-park")
	w.press(kb.Enter)
	w.closed("park")
	w.until(`document.getElementById("typed").textContent === "0"`)
	w.press(kb.F1)
	w.until(`document.querySelector("#parked-list button") !== null`)
	w.look("register-parked")
	w.press(kb.Escape)
	w.closed("parked")
}

// receiptScanned reads a receipt with the lane's scanner, which leads to its refund.
func (w *tour) receiptScanned() {
	w.t.Helper()
	if a := w.till().api("POST", "/lanes/1/scan", `{"text":"`+w.payments[0].OrderNo+`"}`); a.status > 299 {
		w.t.Fatalf("the receipt: %d %s", a.status, a.body)
	}
	w.focused("r-amount")
	w.look("register-receipt")
	w.press("9", "9", "9", "9", kb.Enter)
	w.until(`document.getElementById("r-wrong").textContent !== ""`)
	w.look("register-refund-refused")
	w.press(kb.Escape)
	w.closed("detail")
}

// practice sells once in training, to a customer who pays.
func (w *tour) practice() {
	w.t.Helper()
	w.menu()
	w.press("6")
	w.until(`!document.getElementById("training").hidden`)
	w.look("register-training")
	w.press("5", kb.Enter)
	w.state("calm", "scan")
	w.look("register-training-sale")
	w.press("1")
	w.state("good", "tick")
	w.look("register-training-paid")
	w.click("#training-end")
	w.until(`document.getElementById("training").hidden && document.getElementById("verdict").hidden`)
}

// handover is a change of people: a manager unlocks a cashier who has forgotten the PIN, and
// another browser takes the lane over.
func (w *tour) handover() {
	w.t.Helper()
	for range freeTries {
		w.page().signIn("cas", "999999")
	}
	w.press(kb.F10)
	w.signInAs("mia", "222222")
	w.menu()
	w.press("7")
	w.until(`document.querySelector("#team-list button") !== null`)
	w.look("register-staff")
	w.click("#team-list button")
	w.until(`document.querySelector("#team-list button") === null`)
	w.press(kb.Escape)
	w.closed("team")
	w.press(kb.F10)
	w.signInAs("cas", "111111")
	w.takenOver()
	w.look("register-taken")
	w.press(kb.Enter)
	w.until(`document.getElementById("taken").hidden`)
}

// takenOver has another browser take the lane, as often as it needs: the page may still be on
// its way to the place that it has just signed in to.
func (w *tour) takenOver() {
	w.t.Helper()
	mia := w.signedIn("mia", "222222")
	for i := range 60 {
		mia.want(204, "POST", "/lanes/1/take", fmt.Sprintf(`{"station":"another browser %d"}`, i))
		select {
		case <-w.ctx.Done():
			w.t.Fatal(w.ctx.Err())
		case <-time.After(500 * time.Millisecond):
		}
		if w.js(`!document.getElementById("taken").hidden`) == "true" {
			w.focused("take")
			return
		}
	}
	w.t.Fatal("the page never hears that its lane was taken over")
}

// signInAs signs somebody in at the register's door.
func (w *tour) signInAs(person, pin string) {
	w.t.Helper()
	w.until(`!document.getElementById("gate").hidden`)
	w.click(`[name=person][value=` + person + `]`)
	w.focused("pin")
	w.press(pin)
	w.until(`document.getElementById("gate").hidden && document.getElementById("line").classList.contains("good")`)
}

// lost shows a register whose agent has fallen silent, in a window of its own.
func (w *tour) lost(t *testing.T, limit time.Duration, begin func(*browser) func(stop string)) {
	t.Helper()
	o := &tour{browser: live(t).newBrowserFor(1280, 800, limit), lang: w.lang}
	o.look = begin(o.browser)
	o.open(o.url("/register"))
	o.signInAs("cas", "111111")
	if err := o.http.Listener.Close(); err != nil {
		t.Fatal(err)
	}
	o.http.CloseClientConnections()
	o.until(`!document.getElementById("lost").hidden`)
	o.look("register-lost")
}

// done fills in the form of the first start as it should be, and sends it.
func (w *tour) done(n *newcomer, b *browser, look func(string)) {
	w.t.Helper()
	// Nothing is ready yet, or the page would go on to the register by itself.
	n.web.Ready = func(context.Context) []Check { return []Check{{Name: "store"}} }
	form := goodForm(w.t)
	form["language"] = w.lang
	text, err := json.Marshal(form)
	if err != nil {
		w.t.Fatal(err)
	}
	b.do(chromedp.Evaluate[chromedp.Void](`for (const [name, value] of Object.entries(` + string(text) + `)) { const field = document.querySelector("[name=" + name + "]"); if (field) field.value = value; }`))
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("form").requestSubmit()`))
	b.until(`document.body.dataset.done !== undefined`)
	look("setup-done")
}

// second goes through the owner's own second factor.
func (w *tour) second() {
	w.t.Helper()
	w.open(w.url("/owner/second"))
	w.look("owner-second")
	w.do(chromedp.SendKeys("#password", "open sesame 123"+kb.Enter))
	w.until(`document.querySelector(".second-code") !== null`)
	w.look("owner-second-code")
}

// found searches where nothing is to be found.
func (w *tour) found() {
	w.t.Helper()
	w.open(w.url("/owner/payments?q=nobody-bought-this"))
	w.until(`document.querySelector("main h1") !== null`)
	w.look("owner-payments-none")
	if rows := w.js(`document.querySelectorAll("main .rows li").length`); rows != "0" {
		w.t.Errorf("%s payments were found", rows)
	}
}

// network lets a tablet of the shop's network in: what the owner sees, and what the tablet does.
func (w *tour) network() {
	w.t.Helper()
	w.open(w.url("/owner/lan"))
	w.look("owner-network")
	w.click(`button[value="expect"]`)
	w.until(`document.querySelector(".second-code") !== null`)
	w.look("owner-network-code")
	// Without TLS, for which no browser has an exception here.
	server := httptest.NewServer(w.web.lanHandler())
	w.t.Cleanup(server.Close)
	w.do(chromedp.Navigate(server.URL + w.url("/pair")))
	w.until(`document.getElementById("code") !== null`)
	w.look("pair")
	w.do(chromedp.SendKeys("#code", "AAAA-AAAA"), chromedp.SendKeys("#name", "Tablet"+kb.Enter))
	w.until(`document.getElementById("wrong") !== null`)
	w.look("pair-refused")
}
