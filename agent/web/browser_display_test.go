package web

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"tillwire/agent"
)

// again starts the terminal's listener anew at the same address, as the unit does
// after the agent died.
func (tm *terminal) again(address string) {
	tm.t.Helper()
	l, err := net.Listen("tcp", address)
	for limit := time.After(patience); err != nil; l, err = net.Listen("tcp", address) {
		select {
		case <-limit:
			tm.t.Fatal(err)
		case <-time.After(20 * time.Millisecond): // another test has the port for a moment
		}
	}
	opt := tm.web.Options
	opt.Displays = patientDisplays(opt.Clock)
	if tm.web, err = New(opt); err != nil {
		tm.t.Fatal(err)
	}
	tm.http = &httptest.Server{Listener: l, Config: tm.web.HTTP()}
	tm.http.Start()
	tm.t.Cleanup(func() { tm.web.Close(); tm.http.CloseClientConnections(); tm.http.Close() })
}

// patientDisplays wait longer for a page's word that a code is gone than those of a shop.
func patientDisplays(clock agent.Clock) *Displays {
	d := NewDisplays(clock, "1")
	d.lanes["1"].ack = patience
	return d
}

// stage shows a screen on lane 1. Where a code leaves the display it returns when the
// page says so.
func (tm *terminal) stage(s agent.Screen) {
	tm.t.Helper()
	if err := tm.web.Displays.Lane("1").Show(tm.t.Context(), s); err != nil {
		tm.t.Error(err)
	}
}

func (tm *terminal) atDisplay(width, height int64) *browser {
	tm.t.Helper()
	b := tm.newBrowser(width, height)
	b.open("/display/1")
	b.until(shows("say", "Welcome"))
	return b
}

const codeShown = `document.querySelector("#code svg path")?.getAttribute("d").length > 1000 && !document.getElementById("code").hidden`
const codeGone = `document.getElementById("code").hidden && !document.querySelector("#code svg")`

func TestBrowserTheDisplayShowsAndConfirms(t *testing.T) {
	tm := live(t)
	b := tm.atDisplay(1280, 800)
	tm.stage(payScreen)
	b.until(codeShown)
	b.until(shows("amount", "¥12.80"))
	b.until(shows("say", "Scan to pay"))
	b.until(shows("brand", "WeChat Pay"))
	if got := b.js(`document.querySelector("#code svg").getBoundingClientRect().width >= 300`); got != "true" {
		t.Error("the code is smaller than 300 px")
	}
	if got := b.js(`(s => { const w = s.getBoundingClientRect().width / Number(s.getAttribute("viewBox").split(" ")[2]); return Math.abs(w - Math.round(w)) < 0.01 && w >= 4 })(document.querySelector("#code svg"))`); got != "true" {
		t.Error("the modules are uneven or smaller than 4 px")
	}
	// Show returns only when the page has confirmed, so the code is gone already.
	tm.stage(waitScreen)
	if got := b.js(codeGone); got != "true" {
		t.Error("the code is still there after Show has returned")
	}
	tm.stage(agent.Screen{Kind: agent.ScreenPaid, Amount: payScreen.Amount, Say: agent.Sentence{ID: "screen.paid", English: "Paid. Thank you"}, Test: true})
	b.until(`document.body.dataset.kind === "paid"`)
	b.until(shows("test", "TEST"))
	b.until(shows("say", "Thank you"))
	if s := tm.web.Displays.Status()[0]; s.State != agent.DeviceReady {
		t.Errorf("the display is %s", s.State)
	}
	b.quiet()
}

func TestBrowserTheDisplayBlanksWhenTheAgentDies(t *testing.T) {
	tm := live(t)
	b := tm.atDisplay(1280, 800)
	tm.stage(payScreen)
	b.until(codeShown)
	address := tm.http.Listener.Addr().String()
	tm.web.Close()
	tm.http.CloseClientConnections()
	tm.http.Close()
	b.until(codeGone)
	b.until(shows("say", "Please wait"))
	if b.text("amount") != "" {
		t.Error("the amount stays")
	}
	tm.again(address)
	tm.stage(payScreen)
	b.until(codeShown)
}

// TestBrowserACodeFitsATurnedTablet: the code is measured anew, or a part of it would be outside.
func TestBrowserACodeFitsATurnedTablet(t *testing.T) {
	tm := live(t)
	b := tm.atDisplay(1280, 800)
	tm.stage(payScreen)
	b.until(codeShown)
	b.do(chromedp.EmulateViewport(390, 844))
	b.until(`innerWidth === 390 && document.querySelector("#code svg").getBoundingClientRect().right <= 390 && document.querySelector("#code svg").getBoundingClientRect().width > 250`)
	b.quiet()
}

// TestBrowserTheLanguagesStayInSight: on a low screen, in a shop with four wallets, the tiles and
// the code give way. They do not leave the screen either.
func TestBrowserTheLanguagesStayInSight(t *testing.T) {
	tm := live(t)
	for _, name := range []string{"alipay", "unionpay", "alipayplus"} {
		tm.offer = append(tm.offer, agent.Offer{Name: name, Scan: true, Currencies: []agent.Currency{"CNY"}})
	}
	b := tm.atDisplay(1280, 720)
	scan := agent.Screen{Kind: agent.ScreenScan, Amount: payScreen.Amount, Say: agent.Sentence{ID: "screen.scan", English: "Show your payment code"}, Test: true}
	const missed = `[...document.querySelectorAll(".languages a")].filter((a) => (r => r.top < 0 || r.left < 0 || r.bottom > innerHeight || r.right > innerWidth || r.width < 44 || r.height < 44)(a.getBoundingClientRect())).map((a) => a.textContent).join()`
	const above = `(bar => ["test", "marks", "code", "left"].filter((id) => (e => e.checkVisibility() && (r => r.top < 0 || r.bottom > bar.top || r.right > innerWidth)(e.getBoundingClientRect()))(document.getElementById(id))).join())(document.querySelector(".languages").getBoundingClientRect())`
	for _, size := range [][2]int64{{1280, 720}, {1024, 600}, {800, 480}} {
		b.do(chromedp.EmulateViewport(size[0], size[1]))
		b.until(fmt.Sprintf(`innerWidth === %d && innerHeight === %d`, size[0], size[1]))
		for _, screen := range []agent.Screen{scan, payScreen} {
			tm.stage(screen)
			b.until(fmt.Sprintf(`document.body.dataset.kind === %q`, screen.Kind))
			name := fmt.Sprintf("languages-%s-%dx%d", screen.Kind, size[0], size[1])
			b.shot(name)
			if got := b.js(missed); got != "" {
				t.Errorf("%s: out of sight or too small to touch: %s", name, got)
			}
			if got := b.js(above); got != "" {
				t.Errorf("%s: cut off: %s", name, got)
			}
		}
	}
	b.quiet()
}

func TestBrowserACodeGoesWhenItsTimeIsOver(t *testing.T) {
	tm := live(t)
	b := tm.atDisplay(390, 844)
	// The page itself notes that it showed the code: a busy test may look too late.
	b.do(chromedp.Evaluate[chromedp.Void](`window.shown = false; new MutationObserver(() => { if (` + codeShown + `) shown = true; }).observe(document.body, {subtree: true, childList: true, attributes: true})`))
	short := payScreen
	short.TTL = 1500 * time.Millisecond
	tm.stage(short)
	b.until(`shown`)
	b.until(codeGone)
	b.quiet()
}

func TestBrowserSilenceTakesTheCodeOff(t *testing.T) {
	// A proxy that stays open and says nothing more is what a hanging agent looks like.
	tm := live(t)
	b := tm.newBrowser(1280, 800)
	b.open("/display/1")
	b.until(shows("say", "Welcome"))
	tm.stage(payScreen)
	b.until(codeShown)
	b.do(chromedp.Evaluate[chromedp.Void](`performance.realNow = performance.now.bind(performance); performance.now = () => performance.realNow() + 5001`))
	b.until(codeGone)
}

func TestBrowserAnOldScreenDoesNotComeBack(t *testing.T) {
	tm := newTerminal(t)
	events := make(chan string, 8)
	tm.serve(&http.Server{Handler: replay(tm.web.Handler(), events), ReadHeaderTimeout: time.Second})
	b := tm.newBrowser(1280, 800)
	b.open("/display/1")
	screen := func(generation, boot, kind, say string) string {
		return `event: screen` + "\n" + `data: {"boot":"` + boot + `","stream":"s","generation":` + generation + `,"ttl_ms":60000,"kind":"` + kind + `","say":"` + say + `","amount":"","wallet":"","svg":"","test":false}` + "\n\n"
	}
	events <- screen("5", "one", "progress", "newer")
	b.until(shows("say", "newer"))
	b.do(chromedp.Evaluate[chromedp.Void](`window.said = []; new MutationObserver(() => said.push(document.getElementById("say").textContent)).observe(document.getElementById("say"), {childList: true})`))
	events <- screen("4", "one", "progress", "older")
	events <- screen("6", "one", "progress", "newest")
	b.until(shows("say", "newest"))
	events <- screen("1", "two", "progress", "another run")
	b.until(shows("say", "another run"))
	if got := b.js(`said.join()`); got != "newest,another run" {
		t.Errorf("the screens were %s", got)
	}
}

// replay answers the display's stream with what a test writes.
func replay(next http.Handler, events chan string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/display/1/events" {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for {
			select {
			case text := <-events:
				_, _ = w.Write([]byte(text))
				_ = http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				return
			}
		}
	})
}

func TestBrowserTheCustomerChoosesALanguage(t *testing.T) {
	tm := live(t)
	b := tm.atDisplay(1280, 800)
	b.do(chromedp.Click(`.languages a[lang="zh-CN"]`))
	b.until(shows("say", "欢迎光临"))
	tm.stage(payScreen)
	b.until(shows("say", "请扫码付款"))
	b.open("/register")
	if got := b.js(`document.documentElement.lang`); got != "en" {
		t.Errorf("the cashier's page is in %s now", got)
	}
}

// TestBrowserTheDisplayFollowsTheShopsLanguage: the page of a kiosk is opened once.
func TestBrowserTheDisplayFollowsTheShopsLanguage(t *testing.T) {
	var language atomic.Value
	language.Store("en")
	tm := live(t, func(o *Options) {
		o.Setting = func(key string) string {
			if key == "shop.language" {
				return language.Load().(string)
			}
			return ""
		}
	})
	b := tm.atDisplay(1280, 800)
	language.Store("ar")
	b.until(`document.documentElement.lang === "ar" && document.documentElement.dir === "rtl"`)
	b.until(`document.querySelector(".languages [aria-current]")?.lang === "ar"`)
	b.quiet()
}
