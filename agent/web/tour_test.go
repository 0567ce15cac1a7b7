//go:build a11y || pictures

package web

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"tillwire/agent"
)

// tour walks a browser through every screen that the terminal has, in one language. It knows
// the way only; what is done at each stop is look's business.
type tour struct {
	*browser
	lang string
	look func(stop string)
	down atomic.Bool // the wallets are out of reach
}

// walk goes the whole way in a language. look is called at every stop with its name.
func walk(t *testing.T, lang string, limit time.Duration, begin func(*browser) func(stop string)) {
	t.Helper()
	w := &tour{lang: lang}
	tm := live(t, func(o *Options) {
		o.Settings, o.Test, o.Bills = table{}, true, &comparisons{results: []agent.Reconciliation{aprilDay("p1")}}
		o.Policy = caps
		o.LAN = func() LANDoor {
			return LANDoor{On: true, Addresses: []string{"https://192.168.1.20:8483"}, Print: strings.Repeat("4F:A2:", 15) + "4F:A2"}
		}
		o.Problems = func() []agent.Problem {
			return []agent.Problem{{ID: "problem.disk", Args: []string{"200", "/var/lib/tillwire"}, What: "Only 200 MiB are free on the disk of /var/lib/tillwire.", Since: time.Now().Add(-time.Hour),
				Do: "Free some space: below 64 MiB no new payment is taken, so that what is open can still be finished."}}
		}
		o.Backups = &safe{now: Backups{List: []Backup{{Path: "/var/lib/tillwire/backups/agent-20260501T033000.db", At: o.Clock.Now(), Bytes: 5 << 20}}}}
		o.Line = func() agent.Line {
			if w.down.Load() {
				return agent.Line{State: agent.LineDown, Since: time.Now().Add(-3 * time.Minute)}
			}
			return agent.Line{State: agent.LineOnline, Since: time.Now().Add(-time.Hour)}
		}
	}).abroad()
	tm.past()
	w.browser = tm.newBrowserFor(1280, 800, limit)
	w.look = begin(w.browser)
	w.register()
	w.beside()
	w.handover()
	w.troubles()
	w.display()
	w.owner()
	w.second()
	w.network()
	w.found()
	w.quiet()
	w.lost(t, limit, begin)
	w.firstStart(t, limit, begin)
}

// past is what has happened in the shop before the tour: sales of several wallets and
// currencies, one refunded in part, one declined.
func (tm *terminal) past() {
	for i, s := range []struct {
		wallet string
		money  agent.Money
	}{{"wechat", agent.Money{Value: 128050, Currency: "CNY"}}, {"alipay", agent.Money{Value: 2550, Currency: "CNY"}}, {"promptpay", agent.Money{Value: 123450, Currency: "THB"}}, {"wechat", agent.Money{Value: 680, Currency: "CNY"}}} {
		tm.sale(fmt.Sprint("past-", i), s.wallet, s.money)
	}
	first := tm.payments[0]
	tm.fact(first.ID, agent.Fact{Kind: agent.FactRefundRequested, RefundNo: first.NextRefundNo(), RequestID: "r", Amount: 2800, By: "person:mia", Text: "cold soup"},
		agent.Fact{Kind: agent.FactRefundDone, RefundNo: first.NextRefundNo()})
	declined := tm.open("declined", "scan")
	tm.fact(declined, sent(), agent.Fact{Kind: agent.FactRefused, Reason: agent.ReasonNotEnough})
}

func (w *tour) url(path string) string {
	if strings.Contains(path, "?") {
		return path + "&lang=" + w.lang
	}
	return path + "?lang=" + w.lang
}

// state waits until the register shows a payment in a state, told by its tone and sign.
func (w *tour) state(tone, icon string) {
	w.t.Helper()
	w.until(fmt.Sprintf(`!document.getElementById("verdict").hidden && document.getElementById("verdict").dataset.tone === %q && document.querySelector("#v-icon use").getAttribute("href") === "#i-%s"`, tone, icon))
}

// entering waits until the next amount can be typed.
func (w *tour) entering() {
	w.t.Helper()
	w.until(`document.getElementById("verdict").hidden`)
}

func (w *tour) press(keys ...string) {
	w.t.Helper()
	w.keys(keys...)
}

// register takes payments to every end that a cashier sees.
func (w *tour) register() {
	w.t.Helper()
	w.open(w.url("/register"))
	w.until(`document.activeElement?.id === "pin"`)
	w.look("register-sign-in")
	w.press("111111")
	w.until(`document.getElementById("gate").hidden && document.getElementById("line").classList.contains("good")`)
	w.until(`document.querySelectorAll("#list .item").length >= 5`)
	w.press("1", "2", "8", ".", "5")
	w.look("register-amount")
	w.press("?")
	w.until(`document.getElementById("help").open`)
	w.look("register-keys")
	w.press(kb.Escape)
	w.until(`!document.getElementById("help").open`)
	w.press(kb.F2)
	w.until(`document.getElementById("choose").open`)
	w.look("register-choose")
	w.press(kb.Escape)
	w.until(`!document.getElementById("choose").open`)
	w.press(kb.Enter)
	w.state("calm", "scan")
	w.look("register-waiting")
	id := w.latest(6)
	w.fact(id, sent())
	w.state("calm", "dots")
	w.look("register-asking")
	w.fact(id, agent.Fact{Kind: agent.FactAwaiting})
	w.state("calm", "phone")
	w.look("register-confirm")
	w.fact(id, agent.Fact{Kind: agent.FactInDoubt, Reason: agent.ReasonNoAnswer})
	w.state("doubt", "question")
	w.look("register-doubt")
	w.press(kb.F4)
	w.until(`!document.getElementById("v-notice").hidden`)
	w.look("register-cancel")
	w.fact(id, agent.Fact{Kind: agent.FactApproved, Op: agent.OpQuery, Amount: 12850})
	w.state("good", "tick")
	w.look("register-paid")
	w.press(kb.Enter)
	w.entering()
	w.declinedAndShown()
	w.oneOfToday()
}

func (w *tour) declinedAndShown() {
	w.t.Helper()
	w.press("3", "0", kb.Enter)
	w.state("calm", "scan")
	w.fact(w.latest(7), sent(), agent.Fact{Kind: agent.FactRefused, Reason: agent.ReasonNotEnough})
	w.state("bad", "cross")
	w.look("register-declined")
	w.press(kb.Escape)
	w.entering()
	w.press("4", "5", kb.F2)
	w.until(`document.getElementById("choose").open`)
	w.press(kb.F2)
	w.until(`document.getElementById("verdict").classList.contains("showing")`)
	w.look("register-code")
	w.fact(w.latest(8), agent.Fact{Kind: agent.FactApproved, Op: agent.OpQuery, Amount: 4500})
	w.state("good", "tick")
	w.press(kb.Enter)
	w.entering()
}

// oneOfToday opens a payment of the list and begins its refund.
func (w *tour) oneOfToday() {
	w.t.Helper()
	w.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#list .item").click()`))
	w.until(`document.getElementById("detail").open`)
	w.look("register-payment")
	w.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("d-refund").click()`))
	w.until(`!document.getElementById("refund").hidden`)
	w.look("register-refund")
	w.press(kb.Escape)
	w.until(`!document.getElementById("detail").open`)
}

// troubles shows the register without a line, with a sale accepted all the same, and the
// receipt of that.
func (w *tour) troubles() {
	w.t.Helper()
	w.down.Store(true)
	w.open(w.url("/register"))
	w.until(`document.getElementById("gate").hidden && !document.getElementById("down").hidden`)
	w.look("register-no-line")
	w.press("1", "2", kb.Enter)
	w.state("calm", "scan")
	w.look("register-sell-offline")
	id := w.latest(9)
	w.fact(id, agent.Fact{Kind: agent.FactOfflineShown, Wallet: "cornerpay", QR: "PC1:6BF+70790T9WJWG.FKY*4GO0"})
	if _, err := w.take(id, agent.WayReceipt, "person:cas"); err != nil {
		w.t.Fatal(err)
	}
	w.state("striped", "hourglass")
	w.look("register-offline")
	w.press(kb.F6)
	w.until(`document.getElementById("manager").open`)
	w.look("register-manager")
	w.press(kb.Escape)
	w.open(w.url("/receipt/" + string(id)))
	w.look("receipt-offline")
	w.open(w.url("/receipt/" + string(w.payments[0].ID)))
	w.look("receipt")
	w.open(w.url(fmt.Sprintf("/shift/%d", w.drawers.all[0].ID)))
	w.look("receipt-shift")
	w.open(w.url("/nowhere"))
	w.look("problem")
	w.down.Store(false)
}

// display shows the customer what a payment says in each of its states.
func (w *tour) display() {
	w.t.Helper()
	w.open(w.url("/display/1"))
	w.until(`document.body.dataset.kind === "idle"`)
	w.look("display-idle")
	sum := agent.Money{Value: 12850, Currency: "CNY"}
	for _, s := range []struct {
		state agent.State
		name  string
	}{{agent.Created, "scan"}, {agent.AwaitPayer, "confirm"}, {agent.QRShown, "code"}, {agent.Paid, "paid"}, {agent.Declined, "unpaid"}, {agent.Unknown, "wait"}} {
		p := agent.Payment{Amount: sum, Status: agent.Status{State: s.state, Wallet: "wechat", QR: "weixin://wxpay/bizpayurl?pr=Ab3dEf"}, Test: true}
		screen := p.Screen(2 * time.Minute)
		w.stage(screen)
		w.until(fmt.Sprintf(`document.body.dataset.kind === %q`, string(screen.Kind)))
		w.look("display-" + s.name)
	}
}

// owner looks at every page that the owner's menu names, whatever it names by now.
func (w *tour) owner() {
	w.t.Helper()
	w.open(w.url("/owner"))
	w.until(`document.querySelector('[name="password"]')`)
	w.look("owner-sign-in")
	w.do(chromedp.SendKeys("#password", "not the password"+kb.Enter))
	w.until(`document.getElementById("wrong") !== null`)
	w.look("owner-refused")
	w.do(chromedp.SendKeys("#password", "open sesame 123"+kb.Enter))
	w.until(`document.querySelector("nav.tabs a") !== null`)
	pages := strings.Fields(w.js(`[...document.querySelectorAll("nav.tabs a")].map((a) => new URL(a.href).pathname).join(" ")`))
	if len(pages) < 9 {
		w.t.Fatalf("the owner's menu names only %v", pages)
	}
	pages = append(pages, "/owner/payments/"+string(w.payments[0].ID), "/owner/reconcile?day=2026-04-30")
	for _, page := range pages {
		w.open(w.url(page))
		w.until(`document.querySelector("main h1, main .story") !== null`)
		w.do(chromedp.Evaluate[chromedp.Void](`for (const d of document.querySelectorAll("main details")) d.open = true`))
		name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(page, "/owner"), "/"), "?")
		switch {
		case name == "":
			name = "today"
		case strings.HasPrefix(name, "payments/"):
			name = "payment"
		case page == "/owner/reconcile?day=2026-04-30":
			name = "differences"
		}
		w.look("owner-" + strings.ReplaceAll(name, "/", "-"))
	}
}

// firstStart is the way of a terminal that nobody has set up.
func (w *tour) firstStart(t *testing.T, limit time.Duration, begin func(*browser) func(stop string)) {
	t.Helper()
	n := newNewcomer(t)
	b := n.newBrowserFor(1280, 800, limit)
	look := begin(b)
	b.open(w.url("/setup"))
	b.until(`document.getElementById("code") !== null`)
	look("setup-claim")
	b.do(chromedp.SendKeys("#code", n.code()+kb.Enter))
	b.until(`document.getElementById("shop") !== null`)
	look("setup-form")
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("form").requestSubmit()`))
	b.until(`document.querySelector("[aria-invalid]") !== null`)
	look("setup-refused")
	w.done(n, b, look)
	b.quiet()
}
