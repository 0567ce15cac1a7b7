package web

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"tillwire/agent"
)

// audit looks over a page as it stands: controls with names and large enough for a
// thumb, no sideways scrolling, no duplicate ids, one main part, a language.
const audit = `(() => {
  const bad = [];
  const seen = (e) => e.checkVisibility({checkOpacity: false}) && !e.closest("[inert]") && e.getBoundingClientRect().width > 0;
  const covered = document.querySelector("dialog[open]") ?? (document.getElementById("gate")?.checkVisibility() ? document.getElementById("gate") : document.body);
  for (const e of covered.querySelectorAll("button, a[href], input:not([type=hidden]), select, textarea, summary")) {
    if (!seen(e) || e.closest(".unseen, .skip") || e.classList.contains("unseen")) continue;
    const box = e.matches("[type=radio], [type=checkbox]") ? e.closest("label").getBoundingClientRect() : e.getBoundingClientRect();
    const inText = e.matches("p > a, dd > a");
    if (!inText && (box.height < 47.5 || box.width < 24)) bad.push("small: " + (e.id || e.className || e.textContent.trim()) + " " + Math.round(box.width) + "x" + Math.round(box.height));
    const name = e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.[0]?.textContent.trim() || e.title;
    if (!name) bad.push("nameless: " + e.outerHTML.slice(0, 80));
  }
  if (document.documentElement.scrollWidth > innerWidth + 1) bad.push("scrolls sideways: " + document.documentElement.scrollWidth + " > " + innerWidth);
  for (const e of document.querySelectorAll("#amount, #v-amount, .huge")) {
    if (!e.checkVisibility()) continue;
    const box = e.getBoundingClientRect();
    if (e.scrollWidth > e.clientWidth + 1 || box.left < 0 || box.right > innerWidth + 1) bad.push("an amount does not fit: " + e.textContent.trim());
  }
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) bad.push("twice: " + id);
  if (document.querySelectorAll("main").length !== 1) bad.push("main parts: " + document.querySelectorAll("main").length);
  if (!document.documentElement.lang) bad.push("no language");
  if (!document.title.trim()) bad.push("no title");
  return bad.join("\n");
})()`

// passes audits the page as it stands.
func (b *browser) passes(what string) {
	b.t.Helper()
	if bad := b.js(audit); bad != "" {
		b.t.Errorf("%s:\n%s", what, bad)
	}
	b.shot(what)
}

func TestBrowserPagesFitAndCanBeUsed(t *testing.T) {
	for _, size := range []struct{ width, height int64 }{{1280, 800}, {390, 844}, {320, 640}} {
		t.Run(fmt.Sprint(size.width), func(t *testing.T) {
			tm := live(t, func(o *Options) {
				o.Settings, o.Test = table{}, true
				o.Gear, o.Devices = &shelf{}, counterDevices
				o.Backups = &safe{now: Backups{List: []Backup{{Path: "/var/lib/tillwire/backups/agent-20260501T033000.db", At: o.Clock.Now(), Bytes: 5 << 20}}}}
			})
			tm.pay(tm.open("a", "scan"))
			name := func(page string) string { return fmt.Sprintf("%d-%s", size.width, page) }
			b := tm.newBrowser(size.width, size.height)
			b.open("/register")
			b.until(`document.activeElement?.id === "pin"`)
			b.passes(name("gate"))
			b.keys("111111")
			b.until(shows("line", "Online"))
			b.keys("9", "9", "9", "9", "9", "9", "9", "9", "9", "9", ".", "9", "9")
			b.passes(name("large"))
			b.keys(kb.Escape, "9", "9", "9", "9", "9", "9", ".", "9", "9") // the most that a register asks for
			b.passes(name("entry"))
			b.keys(kb.Enter)
			b.until(shows("v-word", "SCAN"))
			b.passes(name("waiting"))
			id := b.latest(2)
			tm.fact(id, sent(), agent.Fact{Kind: agent.FactInDoubt, Reason: agent.ReasonNoAnswer})
			b.until(shows("v-word", "NOT CONFIRMED"))
			b.passes(name("doubt"))
			tm.fact(id, agent.Fact{Kind: agent.FactApproved, Op: agent.OpQuery, Amount: 99999999})
			b.until(shows("v-word", "PAID"))
			b.passes(name("paid"))
			b.keys(kb.Enter, "9", "9", "9", "9", "9", "9", ".", "9", "9", kb.F2)
			b.until(`document.getElementById("verdict").classList.contains("showing")`)
			b.passes(name("showing"))
			tm.fact(b.latest(3), agent.Fact{Kind: agent.FactApproved, Op: agent.OpQuery, Amount: 99999999})
			b.until(shows("v-word", "PAID"))
			b.keys(kb.Escape)
			b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#list .item").click()`), chromedp.Evaluate[chromedp.Void](`document.getElementById("d-refund").click()`))
			b.until(`document.getElementById("detail").open && !document.getElementById("refund").hidden`)
			b.passes(name("refund"))
			b.open("/display/1")
			b.until(shows("say", "Welcome"))
			tm.stage(payScreen)
			b.until(codeShown)
			b.passes(name("display"))
			b.open("/owner")
			b.passes(name("login"))
			b.do(chromedp.SendKeys("#password", "open sesame 123"+kb.Enter))
			b.until(`document.querySelector(".takings") !== null`)
			for _, page := range []string{"", "?day=yesterday", "/payments", "/payments/" + string(id), "/queue", "/refunds", "/devices", "/lan", "/people", "/settings", "/backup", "/log"} {
				b.open("/owner" + page)
				b.js(`document.querySelectorAll("main details").forEach((d) => { d.open = true; })`)
				b.passes(name("owner" + fmt.Sprintf("%.9s", page)[min(1, len(page)):]))
			}
			b.quiet()
		})
	}
}

// TestBrowserTheTestMarkStaysInOneLine: Chinese may break between any two characters.
func TestBrowserTheTestMarkStaysInOneLine(t *testing.T) {
	tm := live(t, func(o *Options) { o.Test = true })
	b := tm.newBrowser(390, 844)
	b.open("/register?lang=zh-CN")
	b.until(`document.activeElement?.id === "pin"`)
	b.keys("111111")
	b.until(`document.getElementById("gate").hidden`)
	b.until(shows("test", "测试"))
	if wrapped := b.js(`(() => {
  const mark = document.getElementById("test"), text = document.createRange();
  text.selectNodeContents(mark);
  return text.getClientRects().length > 1 || mark.scrollWidth > mark.clientWidth + 1 ? mark.outerHTML + " " + mark.clientHeight : "";
})()`); wrapped != "" {
		t.Errorf("the mark is broken: %s", wrapped)
	}
	b.passes("390-chinese")
	b.quiet()
}

func TestBrowserTheFirstStart(t *testing.T) {
	for _, width := range []int64{1280, 390} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			n := newNewcomer(t)
			b := n.newBrowser(width, 844)
			b.open("/register")
			b.until(`location.pathname === "/setup"`)
			b.passes(fmt.Sprint(width, "-claim"))
			b.do(chromedp.SendKeys("#code", n.code()+kb.Enter))
			b.until(`document.getElementById("shop") !== null`)
			b.passes(fmt.Sprint(width, "-form"))
			for field, value := range goodForm(t) {
				if field == "hosts" || field == "sub_merchant_id" {
					continue
				}
				b.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.getElementById(%q).value = %q`, field, value)))
			}
			b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("form").requestSubmit()`))
			b.until(`document.body.dataset.done === "/register" || location.pathname === "/register"`)
			b.until(`location.pathname === "/register"`)
			if len(n.applied) != 1 || len(n.people) != 3 {
				t.Errorf("applied %d times, %d people", len(n.applied), len(n.people))
			}
			b.quiet()
		})
	}
}

// TestBrowserAnAmountBelowZero: a report has one where a wallet took back what it had said.
func TestBrowserAnAmountBelowZero(t *testing.T) {
	tm := newTerminal(t)
	b := tm.newBrowser(1280, 800)
	b.open("/register")
	got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](fmt.Sprintf(`import(%q).then(({fromMinor}) => [fromMinor(-5, 2), fromMinor(-50, 2), fromMinor(-1280, 2), fromMinor(-5, 0), fromMinor(0, 2)].join(" "))`,
		tm.web.assets.url("amount.js")), chromedp.EvalAwaitPromise))
	if want := "-0.05 -0.50 -12.80 -5 0.00"; err != nil || got != want {
		t.Errorf("%q, want %q, %v", got, want, err)
	}
}

func TestBrowserTheAmountAsItIsTyped(t *testing.T) {
	tm := newTerminal(t)
	b := tm.newBrowser(1280, 800)
	b.open("/register")
	type line struct {
		exponent    int
		keys, shown string
		minor       int64
	}
	for _, l := range []line{
		{2, "1280", "1280.00", 128000}, {2, "12.8", "12.80", 1280}, {2, "0.05", "0.05", 5}, {2, ".5", "0.50", 50}, {2, "10.00", "10.00", 1000},
		{2, "100", "100.00", 10000}, {2, "007", "7.00", 700}, {2, "12.345", "12.34", 1234}, {2, "1.2.3", "1.23", 123}, {2, "12<<", "0.00", 0},
		{2, "12.<", "12.00", 1200}, {2, "1,5", "1.50", 150}, {2, "99999999999", "9999999999.00", 999999999900}, {2, "x-5", "5.00", 500}, {2, "0.29", "0.29", 29},
		{0, "500", "500", 500}, {0, "5.5", "55", 55}, {3, "1.25", "1.250", 1250}, {3, "0.001", "0.001", 1},
	} {
		script := fmt.Sprintf(`import(%q).then(({Amount}) => { const a = new Amount(%d); for (const k of %q) a.key(k === "<" ? "Backspace" : k); return (a.text || "0") + a.rest() + " " + a.minor(); })`,
			tm.web.assets.url("amount.js"), l.exponent, l.keys)
		got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
		if want := fmt.Sprint(l.shown, " ", l.minor); err != nil || got != want {
			t.Errorf("%q with %d places: %q, want %q, %v", l.keys, l.exponent, got, want, err)
		}
	}
}
