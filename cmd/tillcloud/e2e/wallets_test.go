package e2e

import (
	"fmt"
	"testing"
	"time"

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
		till.sees(5*time.Second, tile, "wechat")
		till.press("2")
		till.sees(5*time.Second, word, "SHOW QR")
		customer.sees(5*time.Second, code, "true")
		customer.sees(time.Second, brand, "Alipay 支付宝 | Open Alipay and scan | ¥12.80 CNY")
		s.sandbox("POST", "/customers/"+phone+"/scan", object{"qr": s.reaches(s.current(), 5*time.Second, "qr_shown")["qr"]})
		till.sees(5*time.Second, word, "PAID")
		till.press(kb.Enter)
	})
	t.Run("a tile while waiting for a scan", func(t *testing.T) {
		till.amount(kb.Enter)
		till.sees(5*time.Second, word, "SCAN")
		till.sees(2*time.Second, `document.getElementById("v-tiles").textContent.replace(/\s+/g, "").slice(0, 17)`, "1WeChatPay2Alipay")
		till.press("2")
		till.sees(5*time.Second, word, "SHOW QR")
		till.press(kb.Escape)
		till.sees(10*time.Second, `String(/CANCELLING|NOT CHARGED/.test(`+word+`))`, "true")
		till.sees(30*time.Second, word, "NOT CHARGED")
		till.press(kb.Escape)
	})
	s.books()
}
