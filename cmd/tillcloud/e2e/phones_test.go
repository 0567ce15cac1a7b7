package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// slip is a phone's code for a shop without a line.
const slip = `String(!document.getElementById("slip").hidden && document.querySelector("#slip-qr svg") !== null)`

// click presses what a selector finds, also where a bar at the bottom lies over it.
func (b *tab) click(selector string) {
	b.t.Helper()
	b.do(chromedp.WaitVisible(chromedp.CSS(selector)), chromedp.Evaluate[chromedp.Void](fmt.Sprintf("document.querySelector(%q).click()", selector)))
}

// held is a demo customer's phone in the browser.
func (s *shop) held(open func(string) *tab, name string) *tab {
	s.t.Helper()
	list, _ := s.sandbox("GET", "/customers", nil)["customers"].([]any)
	for _, c := range list {
		if c := c.(object); c["name"] == name {
			return open(fmt.Sprintf("%s/%v?lang=en", s.Phone, c["id"]))
		}
	}
	s.t.Fatalf("nobody is called %s", name)
	return nil
}

// counter is one register in an outage, with the phone of a customer before it.
type counter struct {
	*shop
	till, phone *tab
	sold        []object
}

// begin opens a sale at the register, to be sold without a line by a key.
func (c *counter) begin(key string) {
	c.t.Helper()
	c.till.amount(kb.Enter)
	c.till.sees(word, "SCAN")
	_, out := c.api("GET", "/payments?status=created", nil)
	if list, _ := out["payments"].([]any); len(list) == 1 {
		c.sold = append(c.sold, list[0].(object))
	}
	c.till.has(`document.getElementById("v-actions").textContent`, key)
	c.till.press(map[string]string{"F6": kb.F6, "F3": kb.F3}[key])
	if key == "F6" {
		c.till.chooses(1)
	}
}

func (c *counter) accepted() {
	c.t.Helper()
	c.till.sees(word, "ACCEPTED OFFLINE")
	c.till.press(kb.Enter)
	c.till.sees(word, "")
}

// answer lets the phone look at the display, and shows its code to the scanner.
func (c *counter) answer(name, kind string) {
	c.t.Helper()
	c.begin("F6")
	c.till.sees(word, "SHOW QR")
	c.phone.click(`[data-look="1"]`)
	c.phone.sees(slip, "true")
	text := c.phone.eval(`document.getElementById("slip").dataset.code`)
	if !strings.HasPrefix(text, kind+":") {
		c.t.Errorf("the phone shows %.4s, want %s", text, kind)
	}
	c.mu.Lock()
	c.canaries = append(c.canaries, text)
	c.mu.Unlock()
	c.phone.keeps(name)
	c.phone.click(`[data-slip-counter="1"]`)
}

// sellsOffline switches selling without a line on, as an owner does while there is one.
func (s *shop) sellsOffline() {
	s.t.Helper()
	said, rc := "", 1
	if !until(func() bool {
		said, rc = s.tillwire("settings", "set", "checkout.ride_through", "0s", "offline.accept", "true", "offline.caps", "CNY 200 500 5000 2500")
		return rc == 0
	}) {
		s.t.Fatalf("selling without a line is not switched on: %s", said)
	}
}

// TestE2EBrowserPhones sells without a line by the phones' own pages: a phone looks at
// the register's display and is held to its scanner, with a line, in flight mode and in
// a thief's hands; and a member card is held to it as ever.
func TestE2EBrowserPhones(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	s.sellsOffline()
	open := browser(t)
	cloud, sam := open(s.Sandbox+"/"), s.held(open, "Sam")
	c := &counter{shop: s, till: s.register(open), phone: s.held(open, "Cora")}

	// Nothing is shown yet, and the phone says so.
	c.phone.click(`[data-look="1"]`)
	c.phone.has(`document.getElementById("verdict").textContent`, "shows no code now")
	cloud.click("#cut")
	c.till.has(banner, "No line")

	c.answer("receipt", "RC1")
	c.accepted()
	c.phone.click("#slip-done")
	c.phone.sees(slip, "false")

	c.phone.click("#flight")
	c.phone.has(`document.getElementById("carries").textContent`, "¥1,000.00")
	c.answer("voucher", "OV2")
	c.accepted()

	c.begin("F3")
	sam.sees(`String(document.querySelector("#qr svg") !== null)`, "true")
	sam.click(`[data-counter="1"]`)
	c.accepted()

	sold := c.sold
	c.phone.do(chromedp.Evaluate[chromedp.Void](`(() => { const list = document.getElementById("attack"); list.value = "wrong_key"; list.dispatchEvent(new Event("change")); })()`))
	c.phone.click("#slip-done")
	c.answer("thief", "OV2")
	c.till.has(`document.getElementById("v-notice").textContent`, "not made by the customer's own phone")
	c.till.press(kb.Escape)

	cloud.keeps("cloud")
	cloud.click("#well")
	if len(sold) != 3 {
		t.Fatalf("%d sales were begun", len(sold))
	}
	for _, p := range sold {
		s.reaches(p, "paid")
	}
	s.books()
	s.verify()
	s.noCodesOnDisk()
}
