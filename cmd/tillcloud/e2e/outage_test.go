package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
func (b *tab) has(within time.Duration, js, text string) {
	b.t.Helper()
	b.sees(within, fmt.Sprintf(`(() => { const x = %s; return x.includes(%q) ? "" : x || "nothing" })()`, js, text), "")
}

// TestE2EBrowserOutage: the line is cut on the sandbox's page; the register sells in four
// ways while the caps count down, stops at the limit, and everything is forwarded when
// the line is back.
func TestE2EBrowserOutage(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	allow := []string{"settings", "set", "checkout.ride_through", "0s", "offline.accept", "true", "offline.caps", "CNY 200 500 5000 5000",
		"offline.count", "4", "offline.way.sight", "true"}
	said, rc := "", 1
	// Nothing is loosened before every wallet has answered.
	if !until(20*time.Second, func() bool { said, rc = s.tillwire(allow...); return rc == 0 }) {
		t.Fatalf("selling without a line is not switched on: %s", said)
	}
	phone := func(wallet string) string {
		return fmt.Sprint(s.sandbox("POST", "/customers", object{"wallet": wallet, "balance": 1_000_00, "behaviour": "approve"})["id"])
	}
	cora, flying, sam := phone("cornerpay"), phone("cornerpay"), phone("shopcard")
	s.sandbox("POST", "/customers/"+flying+"/carry", object{"flight": true})
	card := s.paycode(sam)
	open := browser(t)
	till, cloud := s.register(open), open(s.Sandbox+"/")
	cloud.do(chromedp.Click(chromedp.CSS("#cut")))
	cloud.keeps("1-line-cut")
	till.has(30*time.Second, banner, "Accepted without it: 0 of 4 sales")
	till.keeps("2-no-line")

	// What was accepted before is open as well, and is not on the lane any more.
	shown := func() (qr any) {
		if !until(5*time.Second, func() bool {
			_, out := s.api("GET", "/payments?status=qr_shown", nil)
			if list, _ := out["payments"].([]any); len(list) == 1 {
				qr = list[0].(object)["qr"]
			}
			return qr != nil
		}) {
			t.Fatal("no code is shown")
		}
		return qr
	}
	answer := func(phone string) string {
		qr := shown()
		return fmt.Sprint(s.sandbox("POST", "/customers/"+phone+"/scan", object{"qr": qr})["code"])
	}
	begin := func(key string) {
		till.amount(kb.Enter)
		till.sees(5*time.Second, word, "SCAN")
		till.has(5*time.Second, `document.getElementById("v-actions").textContent`, key)
		till.press(map[string]string{"F6": kb.F6, "F3": kb.F3}[key])
	}
	accepted := func(name, left string) {
		till.sees(5*time.Second, word, "ACCEPTED OFFLINE")
		till.sees(time.Second, tone, "striped")
		till.has(5*time.Second, banner, left)
		till.keeps(name)
		till.press(kb.Enter)
		till.sees(5*time.Second, word, "")
	}
	begin("F6")
	till.sees(5*time.Second, word, "SHOW QR")
	till.keeps("3-challenge")
	s.scan(0, answer(cora))
	accepted("4-receipt", "1 of 4 sales")
	begin("F6")
	till.sees(5*time.Second, word, "SHOW QR")
	s.scan(0, answer(flying))
	accepted("5-voucher", "2 of 4 sales")
	begin("F3")
	till.has(5*time.Second, `document.getElementById("v-notice").textContent`, "card")
	s.scan(0, card)
	accepted("6-charged-later", "3 of 4 sales")
	begin("F6")
	till.sees(5*time.Second, word, "SHOW QR")
	answer(cora) // paid, and nobody scans the receipt
	till.press(kb.F6)
	till.do(chromedp.WaitVisible(chromedp.CSS("#m-pin")))
	till.keeps("7-manager")
	till.press(append(strings.Split(s.ManagerPIN, ""), kb.Enter)...)
	accepted("8-on-sight", "Left on this register: 0 more")
	begin("F6")
	till.sees(5*time.Second, word, "SHOW QR")
	s.scan(0, answer(flying))
	till.has(5*time.Second, `document.getElementById("v-notice").textContent`, "4 sales wait to be collected")
	till.keeps("9-limit")
	till.press(kb.Escape)

	owner := open(s.Owner + "?lang=en")
	owner.do(chromedp.SendKeys(chromedp.CSS("#password"), s.OwnerPassword+kb.Enter))
	owner.sees(10*time.Second, `String(document.querySelector(".tabs") !== null)`, "true")
	owner.do(chromedp.Navigate(strings.TrimSuffix(s.Owner, "/") + "/offline?lang=en"))
	owner.has(5*time.Second, `document.body.innerText`, "4 of 4")
	owner.keeps("10-owner")
	s.sandbox("DELETE", "/faults", nil)
	till.sees(40*time.Second, banner, "")
	till.keeps("11-line-back")
	if !until(30*time.Second, func() bool {
		_, out := s.api("GET", "/payments?status=paid", nil)
		list, _ := out["payments"].([]any)
		return len(list) == 4
	}) {
		_, out := s.api("GET", "/payments", nil)
		t.Fatalf("not everything was collected: %v", out)
	}
	owner.do(chromedp.Reload())
	owner.has(5*time.Second, `document.body.innerText`, "Nothing waits")
	owner.keeps("12-owner-after")
	s.books()
}
