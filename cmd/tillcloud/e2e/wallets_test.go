package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestE2EBrowserWallets chooses wallets at the register without a mouse.
func TestE2EBrowserWallets(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	open := browser(t)
	till := s.register(open)
	customer := open(s.Lanes[0].Display)

	t.Run("another wallet by its digit", func(t *testing.T) {
		phone := fmt.Sprint(s.sandbox("POST", "/customers", object{"wallet": "alipay", "balance": 100_000_00, "behaviour": "approve"})["id"])
		till.amount(kb.F2)
		till.sees(tile, "wechat")
		till.press("2")
		till.sees(word, "SHOW QR")
		customer.sees(code, "true")
		customer.sees(brand, "Alipay 支付宝 | Open Alipay and scan | ¥12.80 CNY")
		s.sandbox("POST", "/customers/"+phone+"/scan", object{"qr": s.reaches(s.current(), "qr_shown")["qr"]})
		till.sees(word, "PAID")
		till.press(kb.Enter)
	})
	t.Run("a tile while waiting for a scan", func(t *testing.T) {
		till.amount(kb.Enter)
		till.sees(word, "SCAN")
		till.sees(`document.getElementById("v-tiles").textContent.replace(/\s+/g, "").slice(0, 19)`, "1WeChatPayF22Alipay")
		till.press("2")
		till.sees(word, "SHOW QR")
		till.press(kb.Escape)
		till.sees(`String(/CANCELLING|NOT CHARGED/.test(`+word+`))`, "true")
		till.sees(word, "NOT CHARGED")
		till.press(kb.Escape)
	})
	s.books()
}

// TestE2EBrowserFiveWallets is a newcomer's round: five wallets in four currencies
// by hand at the register, then the owner's day of them.
func TestE2EBrowserFiveWallets(t *testing.T) {
	t.Parallel()
	notAtMidnight()
	s := openShop(t)
	open := browser(t)
	till := s.register(open)
	customer := open(s.Lanes[0].Display)
	for _, sale := range []struct {
		wallet   string
		currency string // F3 goes on to it
		keys     string // after F2: the tile, where there is a choice
		reads    string
	}{
		{"wechat", "CNY", "1", "WeChat Pay 微信支付 | Open WeChat and scan | ¥12.80 CNY"},
		{"alipay", "CNY", "2", "Alipay 支付宝 | Open Alipay and scan | ¥12.80 CNY"},
		{"promptpay", "THB", "", "PromptPay | Open the app of your bank in Thailand and scan | ฿12.80 THB"},
		{"pix", "BRL", "", "Pix | Open the app of your bank in Brazil, choose Pix and scan | R$\u00a012,80 BRL"},
		{"upi", "INR", "", "UPI · BHIM | Open BHIM, PhonePe, Google Pay, Paytm or another UPI app and scan | ₹12.80 INR"},
	} {
		t.Run(sale.wallet, func(t *testing.T) {
			phone := fmt.Sprint(s.sandbox("POST", "/customers", object{"wallet": sale.wallet, "balance": 100_000_00, "behaviour": "approve"})["id"])
			for range 9 {
				if till.eval(unit) == sale.currency {
					break
				}
				till.press(kb.F3)
			}
			till.amount(kb.F2)
			if sale.keys != "" {
				till.sees(tile, "wechat")
				till.press(sale.keys)
			}
			till.sees(word, "SHOW QR")
			customer.sees(code, "true")
			customer.sees(brand, sale.reads)
			s.sandbox("POST", "/customers/"+phone+"/scan", object{"qr": s.reaches(s.current(), "qr_shown")["qr"]})
			till.sees(word, "PAID")
			till.press(kb.Enter)
			till.sees(word, "")
			till.sees(unit, "CNY") // the next sale is in the shop's own again
		})
	}
	owner := open(s.Owner + "?lang=en")
	owner.do(chromedp.WaitVisible(chromedp.CSS("#password")), chromedp.SendKeys(chromedp.CSS("#password"), s.OwnerPassword+kb.Enter))
	owner.sees(`[...document.querySelectorAll("[aria-labelledby=by-wallet] tbody tr")].map((r) => r.querySelector("th").textContent.trim() + " " + r.querySelector("td:nth-of-type(2)").textContent + " " + r.querySelector("td:last-child strong").textContent).join("; ")`,
		"Alipay 1 ¥12.80; WeChat Pay 1 ¥12.80; All CNY 2 ¥25.60; Pix 1 R$12.80 BRL; UPI 1 ₹12.80 INR; PromptPay 1 ฿12.80 THB")
	s.ownersRound(owner, "5")
	s.books()
}
