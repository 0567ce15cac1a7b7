package e2e

import (
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// ownersRound is what an owner does after the day's figures: gives back what WeChat's
// customer paid, looks for it among the refunds, takes the payments away as a file and
// makes a backup. sales is how many payments the day has.
func (s *shop) ownersRound(owner *tab, sales string) {
	s.t.Helper()
	base := strings.TrimSuffix(s.Owner, "/")
	owner.do(chromedp.Navigate(base+"/payments?wallet=wechat&lang=en"), chromedp.Click(chromedp.CSS(".rows a.line")), chromedp.WaitVisible(chromedp.CSS("summary")),
		chromedp.Click(chromedp.CSS("summary")), chromedp.SendKeys(chromedp.CSS("#password"), s.OwnerPassword+kb.Enter))
	owner.sees(`String(/Refund(ed| of) 12\.80/.test(document.body.innerText))`, "true")
	p := object{"id": owner.eval(`location.pathname.split("/").pop()`)}
	s.reaches(p, "refunded")
	owner.do(chromedp.Navigate(base + "/refunds?lang=en"))
	owner.sees(`String(document.body.innerText.includes("−¥12.80") && document.body.innerText.includes("Refunded 12.80"))`, "true")

	owner.eval(`(fetch("/owner/payments.csv").then((r) => r.text()).then((t) => { window.rows = t.trim().split("\n").length - 1; }), "")`)
	owner.sees(`String(window.rows)`, sales)

	owner.do(chromedp.Navigate(base+"/backup?lang=en"), chromedp.Click(chromedp.CSS(`form[action="/owner/backup"] button`)))
	owner.sees(`String(document.querySelectorAll(".rows li").length > 0 && document.querySelector("[data-running]") === null && document.querySelector(".badge.good") !== null)`, "true")
}
