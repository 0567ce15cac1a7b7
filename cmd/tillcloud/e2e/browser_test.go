package e2e

import (
	"context"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// tab is a page in a real browser.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// browser starts Chromium; its tabs share cookies, as at one register.
func browser(t *testing.T) func(url string) *tab {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("the browser tests need Debian's chromium: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("lang", "en-US"), chromedp.WindowSize(1280, 900), chromedp.WSURLReadTimeout(patience))
	alloc, end := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(end)
	first, endFirst := chromedp.NewContext(alloc)
	t.Cleanup(endFirst)
	if err := chromedp.Do(first); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	return func(url string) *tab {
		t.Helper()
		ctx, cancel := chromedp.NewContext(first)
		t.Cleanup(cancel)
		b := &tab{t, ctx}
		if err := chromedp.Do(ctx); err != nil { // opens the tab for as long as the test lasts
			t.Fatalf("open a tab: %v", err)
		}
		b.do(chromedp.Navigate(url))
		return b
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("browser: %v", err)
	}
}

// eval reads a JavaScript expression as text.
func (b *tab) eval(js string) string {
	b.t.Helper()
	out, err := b.read(js)
	if err != nil {
		b.t.Fatalf("browser: %s: %v", js, err)
	}
	return out
}

func (b *tab) read(js string) (string, error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[string](js))
}

// sees waits until the expression has the value. An expression that a page cannot
// answer has none yet: half of the page may still be on its way.
func (b *tab) sees(js, want string) {
	b.t.Helper()
	got, err := "", error(nil)
	if !until(func() bool { got, err = b.read(js); return err == nil && got == want }) {
		b.t.Fatalf("%s is %q (%v) after %s, want %q; the page says: %s", js, got, err, patience, want, b.eval(`document.body.innerText.slice(0, 600)`))
	}
}

// press types keys one after the other, wherever the focus is, as a hand would whose eyes
// have read what the page says.
func (b *tab) press(keys ...string) {
	b.t.Helper()
	for _, k := range keys {
		if k == kb.Enter || k == kb.Escape {
			b.sees(`String(document.querySelector("#verdict[data-fresh]") === null)`, "true")
		}
		b.do(chromedp.KeyEvent(k), chromedp.Sleep(60*time.Millisecond))
	}
}

const (
	word = `document.getElementById("verdict").hidden ? "" : document.getElementById("v-word").textContent.trim()`
	tone = `document.getElementById("verdict").hidden ? "" : document.getElementById("verdict").dataset.tone`
	unit = `document.getElementById("unit").textContent`
	tile = `document.activeElement?.dataset.wallet ?? ""`
	// brand is what the customer reads beside a code.
	brand = `["brand", "app", "amount", "unit"].map((id) => document.getElementById(id).textContent).join(" | ").replace(/ \| (?=[A-Z]+$)/, " ")`
	code  = `String(!document.getElementById("code").hidden && document.querySelector("#code svg") !== null)`
)

// register signs the cashier in, by keyboard alone.
func (s *shop) register(open func(string) *tab) *tab {
	s.t.Helper()
	b := open(s.Register + "?lane=" + s.Lanes[0].ID + "&lang=en")
	b.do(chromedp.WaitVisible(chromedp.CSS("#pin")), chromedp.Focus(chromedp.CSS("#pin")))
	b.do(chromedp.Evaluate[chromedp.Void](`(() => { const tiles = [...document.querySelectorAll('input[name="person"]')]; const cashier = tiles.find((x) => /cashier/i.test(x.parentElement.textContent)); if (cashier) cashier.checked = true; document.getElementById("pin").focus(); })()`))
	b.press(strings.Split(s.CashierPIN, "")...)
	b.press(kb.Enter)
	b.sees(`String(document.getElementById("gate").hidden)`, "true")
	return b
}

// amount types 12.80 and a key.
func (b *tab) amount(then string) {
	b.t.Helper()
	b.press("1", "2", ".", "8", "0", then)
}

// current is the payment that holds the first lane.
func (s *shop) current() object {
	s.t.Helper()
	var p object
	if !until(func() bool {
		_, out := s.api("GET", "/payments?status=open", nil)
		list, _ := out["payments"].([]any)
		for _, x := range list {
			if x.(object)["lane"] == s.Lanes[0].ID {
				p = x.(object)
			}
		}
		return p != nil
	}) {
		s.t.Fatal("no payment is open on the first lane")
	}
	return p
}

func TestE2EBrowserSales(t *testing.T) {
	t.Parallel()
	notAtMidnight()
	s := openShop(t)
	open := browser(t)
	till := s.register(open)
	customer := open(s.Lanes[0].Display)

	t.Run("the shift begins", func(*testing.T) { till.drawer("2", "0", "0") })
	t.Run("sale by scan", func(t *testing.T) {
		till.amount(kb.Enter)
		till.sees(word, "SCAN")
		s.scan(0, s.paycode(s.customer("approve")))
		till.sees(word, "PAID")
		till.sees(tone, "good")
		till.sees(`document.getElementById("say-verdict").textContent.includes("PAID") ? "said" : document.getElementById("say-verdict").textContent`, "said")
		customer.sees(`document.body.dataset.kind`, "paid")
		till.press(kb.Enter)
	})
	t.Run("sale by QR", func(t *testing.T) {
		phone := s.customer("approve")
		till.amount(kb.F2)
		till.sees(tile, "wechat") // the lane's own is first; Enter takes it
		till.press(kb.Enter)
		till.sees(word, "SHOW QR")
		customer.sees(code, "true")
		customer.sees(brand, "WeChat Pay 微信支付 | Open WeChat and scan | ¥12.80 CNY")
		s.sandbox("POST", "/customers/"+phone+"/scan", object{"qr": s.reaches(s.current(), "qr_shown")["qr"]})
		till.sees(word, "PAID")
		customer.sees(code, "false")
		till.press(kb.Enter)
	})
	t.Run("customer must confirm", func(t *testing.T) {
		phone := s.customer("password")
		till.amount(kb.Enter)
		till.sees(word, "SCAN")
		s.scan(0, s.paycode(phone))
		till.sees(word, "CONFIRM")
		s.sandbox("POST", "/customers/"+phone+"/confirm", nil)
		till.sees(word, "PAID")
		till.press(kb.Enter)
	})
	t.Run("declined", func(t *testing.T) {
		till.amount(kb.Enter)
		till.sees(word, "SCAN")
		s.scan(0, s.paycode(s.customer("decline")))
		till.sees(word, "NOT CHARGED")
		till.sees(tone, "bad")
		till.press(kb.Escape)
		till.sees(word, "")
	})
	t.Run("cancel", func(t *testing.T) {
		till.amount(kb.Enter)
		till.sees(word, "SCAN")
		till.press(kb.Escape)
		till.sees(word, "NOT CHARGED")
		till.press(kb.Escape)
	})
	t.Run("refund with a wrong and a right PIN", func(*testing.T) { s.refundsByHand(till) })
	t.Run("refund by scanning the receipt", func(*testing.T) { s.refundsByReceipt(till) })
	t.Run("the shift ends", func(*testing.T) { s.endsShift(till) })
	s.books()
}

func (s *shop) refundsByHand(till *tab) {
	s.t.Helper()
	till.sees(`String(document.querySelectorAll("#list li").length > 2)`, "true")
	till.do(chromedp.Evaluate[chromedp.Void](`[...document.querySelectorAll("#list li")].find((x) => /PAID/i.test(x.textContent)).querySelector("button, a").click()`),
		chromedp.WaitVisible(chromedp.CSS("#d-refund")), chromedp.Click(chromedp.CSS("#d-refund")),
		chromedp.SetValue(chromedp.CSS("#r-amount"), "5.00"), chromedp.SendKeys(chromedp.CSS("#r-reason"), "broken"),
		chromedp.SendKeys(chromedp.CSS("#r-pin"), "999999"+kb.Enter))
	till.sees(`String(document.getElementById("r-wrong").textContent.trim() !== "")`, "true")
	till.do(chromedp.SetValue(chromedp.CSS("#r-pin"), s.ManagerPIN), chromedp.SendKeys(chromedp.CSS("#r-pin"), kb.Enter))
	till.sees(`String(/Refunded ¥5\.00/.test(document.getElementById("d-refunds").textContent))`, "true")
	till.do(chromedp.Click(chromedp.CSS("#d-close")))
}

func (s *shop) refundsByReceipt(till *tab) {
	s.t.Helper()
	_, out := s.api("GET", "/payments?status=paid", nil)
	newest := out["payments"].([]any)[0].(object)
	s.scan(0, newest["order_no"].(string))
	till.sees(focused, "r-amount")
	till.press("1", ".", "0", "0")
	till.sees(focused, "r-pin")
	till.press(strings.Split(s.ManagerPIN, "")...)
	till.press(kb.Enter)
	till.sees(`String(/Refunded ¥1\.00/.test(document.getElementById("d-refunds").textContent))`, "true")
	till.press(kb.Escape)
}

func (s *shop) endsShift(till *tab) {
	s.t.Helper()
	till.drawer("2", "1", "0")
	till.sees(`document.getElementById("report-title").textContent.slice(0, 8)`, "Z report")
	// Three sales of 12.80, less what went back.
	till.sees(`[...document.querySelectorAll("#report-rows .sum td")].map((cell) => cell.textContent).join(" ")`, "3 ¥38.40 ¥6.00 ¥32.40")
}

const focused = `document.activeElement?.id ?? ""`

// drawer opens or closes the shift, whichever there is to do, with what was counted.
func (b *tab) drawer(counted ...string) {
	b.t.Helper()
	b.press(kb.F5)
	b.sees(`String(document.getElementById("menu-shift").textContent.trim() !== "")`, "true")
	b.press("5")
	b.sees(focused, "shift-counted")
	b.press(append(counted, kb.Enter)...)
	b.sees(`String(document.getElementById("shift").open)`, "false")
}

func TestE2EBrowserDoubt(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	till := s.register(browser(t))

	t.Run("in doubt, then paid", func(t *testing.T) {
		// The doubt lasts until the third question: long enough for a busy machine to see it.
		s.sandbox("PUT", "/faults", []object{{"wallet": "wechat", "operation": "pay", "kind": "drop_response", "after_bytes": 10},
			{"wallet": "wechat", "operation": "query", "kind": "status", "count": 2}})
		till.amount(kb.Enter)
		till.sees(word, "SCAN")
		s.scan(0, s.paycode(s.customer("approve")))
		till.sees(word, "NOT CONFIRMED")
		till.sees(tone, "doubt")
		till.sees(word, "PAID")
		till.press(kb.Enter)
	})
	t.Run("in doubt, then reversed", func(t *testing.T) {
		s.sandbox("PUT", "/faults", []object{{"wallet": "wechat", "operation": "pay", "kind": "drop_request", "count": 9}})
		till.amount(kb.Enter)
		till.sees(word, "SCAN")
		s.scan(0, s.paycode(s.customer("approve")))
		till.sees(word, "NOT CONFIRMED")
		till.sees(word, "NOT CHARGED")
		till.sees(tone, "bad")
	})
	s.books()
}

// TestE2EBrowserBlank kills the agent while a code is shown, with nobody there to
// start it again: a code on a screen without an agent must not stay payable.
func TestE2EBrowserBlank(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	customer := browser(t)(s.Lanes[0].Display)
	p := s.open(0, 1280, "show")
	s.reaches(p, "qr_shown")
	customer.sees(code, "true")
	_ = syscall.Kill(s.CloudPID, syscall.SIGSTOP)
	_ = syscall.Kill(s.AgentPID, syscall.SIGKILL)
	// Long before the code would be over by itself.
	if !within(30*time.Second, func() bool { shows, err := customer.read(code); return err == nil && shows == "false" }) {
		t.Error("a code stays on the display without an agent")
	}
	_ = syscall.Kill(s.CloudPID, syscall.SIGCONT)
	customer.sees(code, "true") // the same code, with the time that is left
	s.cancel(p)
	customer.sees(code, "false")
	s.settled(p)
	s.books()
}
