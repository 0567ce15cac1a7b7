package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// keeps saves what the page shows now; `go test -artifacts` keeps the pictures.
func (b *tab) keeps(name string) {
	b.t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+".png"), png, 0o644)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

const banner = `document.getElementById("down").hidden ? "" : document.getElementById("down").textContent`

// has waits until the expression holds a text.
func (b *tab) has(js, text string) {
	b.t.Helper()
	b.sees(fmt.Sprintf(`(() => { const x = %s; return x.includes(%q) ? "" : x || "nothing" })()`, js, text), "")
}

// outage is a shop that may sell without a line, its register, and who pays there.
type outage struct {
	*shop
	till               *tab
	cora, flying, card string // phones with and without a line, and the code of a shop's card
}

// openOutage lets four sales be accepted, by the shop's own command: nothing is loosened
// before every wallet has answered.
func openOutage(t *testing.T, open func(string) *tab) *outage {
	s := openShop(t)
	allow := []string{"settings", "set", "checkout.ride_through", "0s", "offline.accept", "true", "offline.caps", "CNY 200 500 5000 5000", "offline.count", "4", "offline.way.sight", "true"}
	said, rc := "", 1
	if !until(func() bool { said, rc = s.tillwire(allow...); return rc == 0 }) {
		t.Fatalf("selling without a line is not switched on: %s", said)
	}
	phone := func(wallet string) string {
		return fmt.Sprint(s.sandbox("POST", "/customers", object{"wallet": wallet, "balance": 1_000_00, "behaviour": "approve"})["id"])
	}
	o := &outage{shop: s, cora: phone("cornerpay"), flying: phone("cornerpay"), card: s.paycode(phone("shopcard")), till: s.register(open)}
	s.sandbox("POST", "/customers/"+o.flying+"/carry", object{"flight": true})
	return o
}

// answers has a phone read the code that is shown now, and gives what it then shows. What
// was accepted before is open as well, and is not on the lane any more.
func (o *outage) answers(phone string) string {
	o.t.Helper()
	var qr any
	if !until(func() bool {
		_, out := o.api("GET", "/payments?status=qr_shown", nil)
		if list, _ := out["payments"].([]any); len(list) == 1 {
			qr = list[0].(object)["qr"]
		}
		return qr != nil
	}) {
		o.t.Fatal("no code is shown")
	}
	return fmt.Sprint(o.sandbox("POST", "/customers/"+phone+"/scan", object{"qr": qr})["code"])
}

// chooses picks one of several wallets by its number, once they are offered.
func (b *tab) chooses(n int) {
	b.t.Helper()
	b.do(chromedp.WaitVisible(chromedp.CSS("#choose-tiles .wallet")))
	b.press(strconv.Itoa(n))
}

// asks opens a sale and asks with a key to take it offline; F6 offers the wallets.
func (o *outage) asks(key, code string) {
	o.t.Helper()
	o.till.amount(kb.Enter)
	o.till.sees(word, "SCAN")
	o.till.has(`document.getElementById("v-actions").textContent`, key)
	o.till.press(code)
	if key == "F6" {
		o.till.has(`document.getElementById("choose-tiles").textContent`, "Corner Pay")
	}
}

// begins is asks with the first wallet; with F6 a code is shown then.
func (o *outage) begins(key, code string) {
	o.t.Helper()
	o.asks(key, code)
	if key == "F6" {
		o.till.chooses(1)
		o.till.sees(word, "SHOW QR")
	}
}

// accepted wants the striped verdict and the banner, and goes on to the next sale.
func (o *outage) accepted(name, left string) {
	o.t.Helper()
	o.till.sees(word, "ACCEPTED OFFLINE")
	o.till.sees(tone, "striped")
	o.till.has(banner, left)
	o.till.keeps(name)
	o.till.press(kb.Enter)
	o.till.sees(word, "")
}

// sells goes through the four ways and then over the limit.
func (o *outage) sells() {
	o.t.Helper()
	o.begins("F6", kb.F6)
	o.till.keeps("3-challenge")
	o.scan(0, o.answers(o.cora))
	o.accepted("4-receipt", "1 of 4 sales")
	o.begins("F6", kb.F6)
	o.scan(0, o.answers(o.flying))
	o.accepted("5-voucher", "2 of 4 sales")
	o.begins("F3", kb.F3)
	o.till.has(`document.getElementById("v-notice").textContent`, "card")
	o.scan(0, o.card)
	o.accepted("6-charged-later", "3 of 4 sales")
	o.begins("F6", kb.F6)
	o.answers(o.cora) // paid, and nobody scans the receipt
	o.till.press(kb.F6)
	o.till.do(chromedp.WaitVisible(chromedp.CSS("#m-pin")))
	o.till.keeps("7-manager")
	o.till.press(append(strings.Split(o.ManagerPIN, ""), kb.Enter)...)
	o.accepted("8-on-sight", "Left on this register: 0 more")
	// Over the limit nothing is shown any more.
	o.asks("F6", kb.F6)
	o.till.chooses(1)
	o.till.has(`document.getElementById("v-notice").textContent`, "4 sales wait to be collected")
	o.till.sees(word, "SCAN")
	o.till.keeps("9-limit")
	o.till.press(kb.Escape)
}

// TestE2EBrowserOutage: the line is cut on the sandbox's page; the register sells in four
// ways while the caps count down, stops at the limit, and everything is forwarded when
// the line is back.
func TestE2EBrowserOutage(t *testing.T) {
	t.Parallel()
	open := browser(t)
	o := openOutage(t, open)
	cloud := open(o.Sandbox + "/")
	cloud.do(chromedp.Click(chromedp.CSS("#cut")))
	cloud.keeps("1-line-cut")
	o.till.has(banner, "Accepted without it: 0 of 4 sales")
	o.till.keeps("2-no-line")
	o.sells()

	owner := open(o.Owner + "?lang=en")
	owner.do(chromedp.SendKeys(chromedp.CSS("#password"), o.OwnerPassword+kb.Enter))
	owner.sees(`String(document.querySelector(".tabs") !== null)`, "true")
	owner.do(chromedp.Navigate(strings.TrimSuffix(o.Owner, "/") + "/offline?lang=en"))
	owner.has(`document.body.innerText`, "4 of 4")
	owner.keeps("10-owner")
	o.sandbox("DELETE", "/faults", nil)
	o.till.sees(banner, "")
	o.till.keeps("11-line-back")
	if !until(func() bool {
		_, out := o.api("GET", "/payments?status=paid", nil)
		list, _ := out["payments"].([]any)
		return len(list) == 4
	}) {
		_, out := o.api("GET", "/payments", nil)
		t.Fatalf("not everything was collected: %v", out)
	}
	owner.do(chromedp.Reload())
	owner.has(`document.body.innerText`, "Nothing waits")
	owner.keeps("12-owner-after")
	o.books()
}
