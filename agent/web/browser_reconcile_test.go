package web

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"tillwire/agent"
)

// TestBrowserBills looks at a day with differences in every size, language and theme,
// and compares another one without a mouse.
func TestBrowserBills(t *testing.T) {
	for _, width := range []int64{1280, 390, 320} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			bills := &comparisons{results: []agent.Reconciliation{aprilDay("p1")}}
			tm := live(t, func(o *Options) { o.Bills = bills })
			tm.clock.wall = time.Date(2026, 5, 1, 6, 30, 0, 0, time.UTC)
			b := tm.newBrowser(width, 844)
			b.open("/owner")
			b.do(chromedp.SendKeys("#password", "open sesame 123"+kb.Enter))
			b.until(`document.querySelector(".takings") !== null`)
			for _, lang := range []string{"zh-CN", "en"} {
				for _, theme := range []string{"light", "dark"} {
					b.open("/owner/reconcile?day=2026-04-30&lang=" + lang)
					b.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.documentElement.dataset.theme = %q`, theme)))
					b.until(`document.querySelectorAll(".differences .line").length === 3`)
					b.until(`[...document.querySelectorAll("table.sums")].every((t) => t.getBoundingClientRect().right <= t.closest(".card").getBoundingClientRect().right)`)
					b.passes(fmt.Sprintf("%d-reconcile-%s-%s", width, lang, theme))
				}
			}
			b.open("/owner/reconcile?day=2026-04-29")
			b.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("day").focus()`))
			b.keys(kb.Enter)
			b.until(`document.querySelector("[data-running]") !== null`)
			b.passes(fmt.Sprintf("%d-reconcile-running", width))
			bills.ends()
			b.until(`document.querySelector("main") !== null && document.querySelector("[data-running]") === null`)
			if bills.started[0] != "2026-04-29" {
				t.Errorf("started %v", bills.started)
			}
			b.quiet()
		})
	}
}
