package web

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"tillwire/agent"
)

// live is a terminal whose clock really runs, as browsers expect. It is about noon there,
// so that no day ends while a test looks at it.
func live(t *testing.T, change ...func(*Options)) *terminal {
	tm := newTerminal(t, append([]func(*Options){func(o *Options) {
		o.Clock = agent.NewSystemClock()
		o.Displays = patientDisplays(o.Clock)
		o.Zone = noon(t)
	}}, change...)...)
	tm.clock.jump(time.Since(tm.clock.Now())) // what is sold is sold now
	return tm
}

// noon is a time zone where it is between noon and one o'clock now.
func noon(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(fmt.Sprintf("Etc/GMT%+d", time.Now().UTC().Hour()-12)) // whose signs are the other way round
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// atRegister opens the register and signs Cass in.
func (tm *terminal) atRegister(width, height int64) *browser {
	tm.t.Helper()
	b := tm.newBrowser(width, height)
	b.open("/register")
	b.until(`document.activeElement?.id === "pin"`)
	b.keys("111111")
	b.until(`document.getElementById("gate").hidden`)
	b.until(shows("line", "Online"))
	return b
}

// latest is the payment that was opened last, once there are n of them.
func (b *browser) latest(n int) agent.PaymentID {
	b.t.Helper()
	b.until(fmt.Sprintf(`document.querySelectorAll("#list .item").length >= %d`, n))
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.payments[len(b.payments)-1].ID
}

func sent() agent.Fact {
	return agent.Fact{Kind: agent.FactPayStarted, Op: agent.OpPay, Attempt: 1, Wallet: "wechat"}
}

func TestBrowserASaleByScan(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	b.keys("1", "2", ".", "8")
	b.until(shows("amount", "12.80"))
	b.keys(kb.Enter)
	b.until(shows("v-word", "SCAN"))
	id := b.latest(1)
	if p := tm.payments[0]; p.Amount.Value != 1280 || p.Mode != agent.ModeAny || p.Cashier != "Cass" || p.Client != "person:cas" {
		t.Errorf("the payment is %+v", p)
	}
	tm.fact(id, sent())
	b.until(shows("v-word", "ASKING"))
	b.until(`/^[1-9]\d* s$/.test(document.getElementById("v-time").textContent)`)
	tm.fact(id, agent.Fact{Kind: agent.FactAwaiting})
	b.until(shows("v-say", "Customer must confirm on the phone"))
	if got := b.text("say-progress"); !strings.Contains(got, "CONFIRM") {
		t.Errorf("screen readers hear %q", got)
	}
	tm.fact(id, agent.Fact{Kind: agent.FactApproved, Op: agent.OpQuery, Amount: 1280, Txn: "42"})
	b.until(shows("v-word", "PAID"))
	b.until(shows("v-amount", "¥12.80"))
	if got := b.js(`document.getElementById("verdict").dataset.tone`); got != "good" {
		t.Errorf("the tone is %s", got)
	}
	if got := b.js(`parseFloat(getComputedStyle(document.getElementById("v-amount")).fontSize) >= 96`); got != "true" {
		t.Error("the amount is smaller than 96 px")
	}
	if got := b.text("say-verdict"); !strings.Contains(got, "PAID") {
		t.Errorf("screen readers hear %q", got)
	}
	if got := b.js(`document.getElementById("v-time").hidden`); got != "true" {
		t.Error("the seconds go on after the verdict")
	}
	b.keys("7")
	b.until(`document.getElementById("verdict").hidden`)
	b.until(shows("amount", "7.00"))
	b.until(shows("list", "PAID"))
	b.keys(kb.Enter)
	b.until(shows("v-word", "SCAN"))
	if got := b.text("say-verdict"); got != "" {
		t.Errorf("of an earlier payment is still said %q", got)
	}
	b.quiet()
}

func TestBrowserASaleByQRAndCancel(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	b.keys("5", kb.F2)
	b.until(shows("v-word", "SHOW QR"))
	// The lane's display is not open, so the code stands here.
	b.until(`document.querySelector("#v-qr svg path")?.getAttribute("d").length > 1000`)
	b.until(shows("v-actions", "Hide code"))
	b.keys(kb.F7)
	b.until(`document.getElementById("v-qr").hidden`)
	b.until(shows("v-actions", "Show code here"))
	b.keys(kb.F7)
	b.until(`!document.getElementById("v-qr").hidden`)
	id := b.latest(1)
	b.keys(kb.Escape)
	b.until(shows("v-word", "CANCELLING"))
	if b.js(`document.getElementById("v-qr").hidden`) != "true" {
		t.Error("the code is still there while it is being closed")
	}
	b.keys(kb.Enter)
	b.until(`document.getElementById("verdict").hidden`)
	b.until(shows("hint", "same amount again"))
	tm.fact(id, agent.Fact{Kind: agent.FactCloseAccepted})
	tm.fact(id, agent.Fact{Kind: agent.FactClosed, Reason: agent.ReasonCancelled})
	b.until(shows("toasts", "NOT CHARGED"))
	b.keys("3", kb.Enter)
	b.until(shows("v-amount", "¥3.00"))
	b.keys(kb.F2)
	b.until(shows("v-word", "SHOW QR"))
	if len(tm.payments) != 2 {
		t.Errorf("showing a code for an open payment opened another: %d", len(tm.payments))
	}
	b.quiet()
}

func TestBrowserInDoubtAndAnotherTender(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	b.keys("9", kb.Enter)
	b.until(shows("v-word", "SCAN"))
	id := b.latest(1)
	tm.fact(id, sent(), agent.Fact{Kind: agent.FactInDoubt, Reason: agent.ReasonNoAnswer})
	b.until(shows("v-word", "NOT CONFIRMED"))
	if got := b.js(`document.getElementById("verdict").dataset.tone`); got != "doubt" {
		t.Errorf("the tone is %s", got)
	}
	if got := b.text("say-verdict"); !strings.Contains(got, "NOT CONFIRMED") {
		t.Errorf("screen readers hear %q", got)
	}
	// There is no slip of what may still be paid; while it is being undone there is one.
	b.js(`window.open = () => (window.slip = "asked for")`)
	b.keys(kb.F9)
	if got := b.js(`window.slip`); got != "undefined" {
		t.Errorf("a slip of a payment in doubt is %s", got)
	}
	b.keys(kb.F4)
	b.until(shows("v-notice", "Money may have moved"))
	if got := b.text("say-verdict"); !strings.Contains(got, "Money may have moved") {
		t.Errorf("screen readers hear %q of the question", got)
	}
	if tm.payments[0].Status.State != agent.Unknown {
		t.Fatal("one key reversed a payment that may be paid")
	}
	b.until(shows("v-actions", "No, keep waiting"))
	b.keys(kb.Escape) // whoever did not mean it leaves the question as any other
	b.until(`document.getElementById("v-notice").hidden`)
	b.until(shows("v-actions", "Use other payment"))
	if tm.payments[0].Status.State != agent.Unknown {
		t.Fatal("the key that leaves a question answered it")
	}
	b.keys(kb.F4)
	b.until(shows("v-notice", "Money may have moved"))
	b.keys(kb.F4)
	b.until(shows("v-word", "CANCELLING"))
	b.keys(kb.F9)
	b.until(`window.slip === "asked for"`)
	b.keys(kb.Escape)
	b.until(shows("v-notice", "Enter: Take another payment"))
	if got := b.text("say-progress"); !strings.Contains(got, "Take another payment") {
		t.Errorf("screen readers hear %q of what can be done", got)
	}
	b.keys(kb.Enter)
	b.until(`document.getElementById("verdict").hidden`)
	b.keys(kb.Enter)
	b.until(shows("v-word", "SCAN"))
	tm.fact(id, agent.Fact{Kind: agent.FactReversalAccepted, Op: agent.OpReverse})
	tm.fact(id, agent.Fact{Kind: agent.FactReversed, Op: agent.OpQuery, Reason: agent.ReasonCancelled})
	b.until(shows("toasts", "NOT CHARGED"))
	if b.text("v-word") != "SCAN" {
		t.Error("the end of an old payment took the screen from the new one")
	}
	b.quiet()
}

func TestBrowserDeclinedAndTryAgain(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(390, 844)
	b.keys("4", "2", kb.Enter)
	id := b.latest(1)
	tm.fact(id, sent(), agent.Fact{Kind: agent.FactRefused, Op: agent.OpPay, Reason: agent.ReasonNotEnough})
	b.until(shows("v-say", "not enough money in the wallet"))
	b.until(shows("v-word", "NOT CHARGED"))
	b.until(settled)
	b.do(chromedp.Click(`[data-do="again"]`, chromedp.NodeVisible))
	b.until(shows("amount", "42.00"))
	b.keys(kb.Enter)
	b.until(shows("v-word", "SCAN"))
	b.latest(2)
	if tm.payments[0].OrderNo == tm.payments[1].OrderNo {
		t.Error("another try has the same order number")
	}
	b.quiet()
}

func TestBrowserRefund(t *testing.T) {
	tm := live(t)
	tm.pay(tm.open("a", "scan"))
	b := tm.atRegister(1280, 800)
	b.until(shows("list", "T-a"))
	b.do(chromedp.Click("#list .item"))
	b.until(`document.activeElement?.id === "d-refund"`)
	b.keys(kb.F6)
	b.until(`document.getElementById("r-amount").value === "12.80"`)
	b.do(chromedp.SetValue("#r-amount", "99"), chromedp.SendKeys("#r-pin", "222222"+kb.Enter))
	b.until(shows("r-wrong", "up to ¥12.80"))
	b.do(chromedp.SetValue("#r-amount", "2.8"), chromedp.SetValue("#r-pin", "999999"), chromedp.SendKeys("#r-reason", "cold soup"+kb.Enter))
	b.until(shows("r-wrong", "That is not right"))
	if len(tm.payments[0].Status.Refunds) != 0 || b.js(`document.getElementById("r-pin").value`) != "" {
		t.Error("a wrong PIN refunded, or stayed in the field")
	}
	b.do(chromedp.SendKeys("#r-pin", "222222"+kb.Enter))
	b.until(shows("d-refunds", "Refund of 2.80 requested"))
	if r := tm.payments[0].Status.Refunds; len(r) != 1 || r[0].Amount != 280 || r[0].Why != "cold soup" || r[0].By != "person:mia" {
		t.Errorf("the refund is %+v", r)
	}
	b.until(focused + ` === "d-close"`)
	tm.fact(tm.payments[0].ID, agent.Fact{Kind: agent.FactRefundDone, RefundNo: tm.payments[0].Status.Refunds[0].No})
	b.until(shows("d-refunds", "Refunded ¥2.80"))
	b.passes("1280-refunded")
	b.keys(kb.Enter)
	b.until(`!document.getElementById("detail").open`)
	b.quiet()
}

func TestBrowserSigningIn(t *testing.T) {
	tm := live(t)
	b := tm.newBrowser(1280, 800)
	// The cookie is Secure and has the __Host- prefix; Chromium takes it on both
	// names of this machine.
	for _, host := range []string{"127.0.0.1", "localhost"} {
		b.do(chromedp.Navigate(strings.Replace(tm.http.URL, "127.0.0.1", host, 1) + "/register"))
		b.until(`document.activeElement?.id === "pin"`)
		b.keys("999999")
		b.until(shows("gate-wrong", "That is not right"))
		b.keys("111111")
		b.until(shows("me", "Cass"))
		b.do(chromedp.Reload())
		b.until(shows("me", "Cass"))
		if got := b.js("document.cookie"); strings.Contains(got, "__Host") {
			t.Errorf("scripts can read the cookie: %s", got)
		}
	}
	b.keys("5", "5")
	b.keys(kb.F10)
	b.until(`!document.getElementById("gate").hidden`)
	b.keys("1", "2")
	if got := b.text("typed"); got != "55" {
		t.Errorf("keys on the locked screen changed the amount to %s", got)
	}
	b.quiet()
}

func TestBrowserAPaymentEndsWhileTheRegisterIsLocked(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	b.keys("5", kb.Enter)
	b.until(shows("v-word", "SCAN"))
	id := b.latest(1)
	b.keys(kb.F10)
	b.until(`!document.getElementById("gate").hidden`)
	tm.pay(id)
	b.keys("111111")
	b.until(`document.getElementById("gate").hidden`)
	b.until(shows("v-word", "PAID"))
	b.quiet()
}

func browserMarkupStaysText(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	body := strings.Replace(openBody("x", "scan"), `"T-x"`, `"<img src=x onerror=alert(1)>"`, 1)
	tm.till().want(201, "POST", "/payments", body)
	b.until(shows("v-meta", "<img src=x onerror=alert(1)>"))
	b.until(shows("list", "<img src=x") + ` || document.getElementById("list").textContent.includes("<img")`)
	if got := b.js(`document.querySelectorAll("img").length`); got != "0" {
		t.Error("a reference became an element")
	}
	b.quiet()
}

func TestBrowserAScannerThatTypes(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	// One script types as fast as a scanner does, 5 ms a key by the page's own clock,
	// however busy the machine is.
	wedge := `let at = performance.now(); performance.now = () => at += 5;
		try { for (const key of [..."134567890123456789", "Enter"]) document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true})) }
		finally { delete performance.now }`
	b.do(chromedp.Evaluate[chromedp.Void](`setTimeout(() => {` + wedge + `}, 100)`))
	b.until(shows("hint", "No payment is open"))
	b.keys("3")
	b.until(shows("amount", "3.00"))
	b.do(chromedp.Evaluate[chromedp.Void](`setTimeout(() => {` + wedge + `}, 100)`))
	b.until(shows("hint", "Press Enter, then scan again"))
	if got := b.text("typed"); got != "3" {
		t.Errorf("the code was typed into the amount: %s", got)
	}
	b.keys(kb.Enter)
	b.until(shows("v-word", "SCAN"))
	b.do(chromedp.Evaluate[chromedp.Void](`setTimeout(() => {` + wedge + `}, 100)`))
	b.until(shows("v-word", "ASKING"))
	if len(tm.scans) != 3 || tm.scans[2] != "134567890123456789" {
		t.Errorf("the scans are %v", tm.scans)
	}
	b.quiet()
}

func TestBrowserASilentTerminalIsNoticed(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	b.keys("5", kb.Enter)
	tm.pay(b.latest(1))
	b.until(shows("v-word", "PAID"))
	address := tm.http.Listener.Addr().String()
	tm.web.Close()
	tm.http.CloseClientConnections()
	tm.http.Close()
	b.until(`document.body.classList.contains("lost") && !document.getElementById("lost").hidden`)
	if green := b.js(`getComputedStyle(document.getElementById("verdict")).backgroundColor === getComputedStyle(document.body).backgroundColor`); green != "true" {
		t.Error("the verdict keeps its colour")
	}
	if line := b.text("line"); line != "No connection" {
		t.Errorf("the header says %q", line)
	}
	if able := b.js(`document.querySelectorAll("#v-actions button:enabled").length`); able != "0" {
		t.Errorf("%s actions are left", able)
	}
	b.keys(kb.Enter, kb.Escape)
	if gone := b.js(`document.getElementById("verdict").hidden`); gone != "false" {
		t.Error("a key took the payment off the screen")
	}
	if hidden := b.js(`getComputedStyle(document.getElementById("v-word")).visibility`); hidden != "hidden" {
		t.Error("the verdict's word stays")
	}
	tm.again(address)
	b.until(`!document.body.classList.contains("lost")`)
	b.until(shows("v-word", "PAID"))
	b.until(shows("line", "Online"))
	b.until(`document.querySelectorAll("#v-actions button:enabled").length === 2`)
	b.keys(kb.Escape)
	b.until(`document.getElementById("verdict").hidden`)
}

func TestBrowserALostAnswerOpensNothingTwice(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	b.do(chromedp.Evaluate[chromedp.Void](`window.realFetch = fetch; window.lose = 1; window.fetch = async (...a) => { const r = await realFetch(...a); if (a[1]?.method === "POST" && lose-- > 0) throw new TypeError("lost"); return r; }`))
	b.keys("5", kb.Enter, kb.Enter)
	b.until(shows("v-word", "SCAN"))
	b.latest(1)
	if len(tm.payments) != 1 {
		t.Errorf("%d payments were opened", len(tm.payments))
	}
}

func TestBrowserARefusalIsSaid(t *testing.T) {
	tm := live(t)
	b := tm.atRegister(1280, 800)
	const warns = `document.getElementById("hint").classList.contains("wrong")`
	b.keys(kb.Enter)
	b.until(shows("hint", "Enter the amount first") + " && " + warns)
	b.keys("1")
	b.until(`!` + warns)
	b.keys("0", "0", "0", "0", "0", "0", kb.Enter)
	b.until(shows("hint", "The most is ¥999,999.99"))
	if len(tm.payments) != 0 {
		t.Error("a slip of the finger became a payment")
	}
	b.keys(kb.Escape)
	tm.mu.Lock()
	tm.broken = &agent.Error{Op: "commit", Class: agent.Unavailable, Code: agent.CodeNotWritable, Err: errors.New("full"), Say: agent.Sentence{English: "The disk is full."}}
	tm.mu.Unlock()
	b.keys("5", kb.Enter)
	b.until(shows("hint", "The disk is full.") + " && " + warns)
	if got := b.text("typed"); got != "5" {
		t.Errorf("the amount is lost: %s", got)
	}
}
