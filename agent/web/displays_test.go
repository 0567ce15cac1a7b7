package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tillwire/agent"
)

var payScreen = agent.Screen{Kind: agent.ScreenQR, Amount: agent.Money{Value: 1280, Currency: "CNY"}, Wallet: "wechat",
	QR: "weixin://wxpay/bizpayurl?pr=Ab3dEf", TTL: 2 * time.Minute, Say: agent.Sentence{ID: "screen.qr", English: "Scan to pay"}}

var waitScreen = agent.Screen{Kind: agent.ScreenWait, Say: agent.Sentence{ID: "screen.wait", English: "Please wait"}}

// beatAs tells the terminal which screen a page shows.
func (c *client) beatAs(screen event) answer {
	c.t.Helper()
	return c.do("POST", "/display/1/beat", fmt.Sprintf(`{"stream":%q,"generation":%d}`, screen.data["stream"], int64(screen.data["generation"].(float64))))
}

func show(t *testing.T, k *Kiosk, s agent.Screen) {
	t.Helper()
	if err := k.Show(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}

func TestADisplayGetsWholeScreens(t *testing.T) {
	tm := newTerminal(t)
	l := tm.page().listen("/display/1/events")
	first := l.next("screen")
	if first.data["kind"] != "idle" || first.data["svg"] != "" {
		t.Errorf("the first screen is %v", first.data)
	}
	k := tm.web.Displays.Lane("1")
	show(t, k, payScreen)
	e := l.next("screen").data
	if e["kind"] != "qr" || e["amount"] != "¥12.80" || e["say"] != "Scan to pay" || e["ttl_ms"].(float64) != 120_000 || !strings.HasPrefix(e["svg"].(string), "<svg ") {
		t.Errorf("the code's screen is %v", e)
	}
	if e["boot"] != first.data["boot"] || e["generation"].(float64) <= first.data["generation"].(float64) {
		t.Errorf("generations do not grow: %v after %v", e, first.data)
	}
	tm.beatOf()
	l.next("beat")
}

// TestADisplaySpeaksTheShopsLanguage: neither the browser of the kiosk nor what the cashier has
// chosen in it counts, and a page that stands there for months follows the owner's setting.
func TestADisplaySpeaksTheShopsLanguage(t *testing.T) {
	var language atomic.Value
	language.Store("zh-CN")
	tm := newTerminal(t, func(o *Options) {
		o.Setting = func(key string) string {
			if key == "shop.language" {
				return language.Load().(string)
			}
			return ""
		}
	})
	kiosk := tm.page().with("Accept-Language", "fr-FR,fr;q=0.9")
	kiosk.cookies["tillwire-lang"] = "th"
	for query, want := range map[string]string{"": "zh-CN", "?lang=fr": "fr", "?lang=de": "zh-CN"} {
		if a := kiosk.do("GET", "/display/1"+query, ""); !strings.Contains(a.body, `<html lang="`+want+`"`) {
			t.Errorf("the page %s is not in %s", query, want)
		}
		if got := kiosk.listen("/display/1/events" + query).next("screen").data["lang"]; got != want {
			t.Errorf("the screens %s are in %v, want %s", query, got, want)
		}
	}
	l := tm.page().listen("/display/1/events")
	if got := l.next("screen").data["say"]; got != "欢迎光临" {
		t.Errorf("the welcome is %v", got)
	}
	language.Store("pt-BR")
	tm.beatOf()
	if e := l.next("screen").data; e["lang"] != "pt-BR" || e["kind"] != "idle" {
		t.Errorf("after the owner has chosen another language: %v", e)
	}
}

func TestACodesTimeRunsWhileNobodyLooks(t *testing.T) {
	tm := newTerminal(t)
	show(t, tm.web.Displays.Lane("1"), payScreen)
	tm.clock.advance(50 * time.Second)
	if e := tm.page().listen("/display/1/events").next("screen").data; e["ttl_ms"].(float64) != 70_000 {
		t.Errorf("after 50 of 120 s: %v ms are left", e["ttl_ms"])
	}
	tm.clock.advance(70 * time.Second)
	if e := tm.page().listen("/display/1/events").next("screen").data; e["kind"] != "wait" || e["svg"] != "" {
		t.Errorf("after its time the code is still handed out: %v", e)
	}
}

func TestACodeIsGoneOnceThePageSaysSo(t *testing.T) {
	tm := newTerminal(t)
	k := tm.web.Displays.Lane("1")
	page := tm.page()
	l := page.listen("/display/1/events")
	l.next("screen")
	show(t, k, payScreen)
	page.beatAs(l.next("screen"))

	done := make(chan error, 1)
	go func() { done <- k.Show(t.Context(), waitScreen) }()
	blank := l.next("screen")
	select {
	case err := <-done:
		t.Fatalf("Show returned %v before the page had confirmed", err)
	default:
	}
	if a := page.beatAs(blank); a.status != 204 {
		t.Fatalf("beat: %d %s", a.status, a.body)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestADisplayThatDoesNotConfirmIsReported(t *testing.T) {
	tm := newTerminal(t)
	k := tm.web.Displays.Lane("1")
	page := tm.page()
	l := page.listen("/display/1/events")
	page.beatAs(l.next("screen"))
	show(t, k, payScreen)
	done := make(chan error, 1)
	go func() { done <- k.Show(t.Context(), waitScreen) }()
	for l.next("screen").data["kind"] != "wait" {
	}
	tm.beatOf()
	if err := <-done; err == nil || !strings.Contains(err.Error(), "lane 1") {
		t.Errorf("got %v", err)
	}
	show(t, k, payScreen)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := k.Show(ctx, waitScreen); err == nil {
		t.Error("a cancelled wait ends well")
	}
	show(t, k, payScreen)
	go func() { done <- k.Show(t.Context(), waitScreen) }()
	l.close()
	if err := <-done; err != nil {
		t.Errorf("a page that has gone is waited for: %v", err)
	}
}

func TestWithoutAPageNobodyIsWaitedFor(t *testing.T) {
	tm := newTerminal(t)
	k := tm.web.Displays.Lane("1")
	show(t, k, payScreen)
	show(t, k, waitScreen)
	tm.page().listen("/display/1/events").next("screen")
	show(t, k, payScreen)
	show(t, k, waitScreen) // the stream has never sent a beat: it is no page
}

// TestStreamsOfDisplaysAreTheirOwn: whoever opens displays, without a session, takes
// no stream from a register or a till.
func TestStreamsOfDisplaysAreTheirOwn(t *testing.T) {
	tm := newTerminal(t)
	for range displayStreams {
		tm.page().listen("/display/1/events").next("screen")
	}
	if a := tm.page().do("GET", "/display/1/events", ""); a.status != 503 || a.code(t) != codeStreams {
		t.Errorf("one more display: %d %s", a.status, a.body)
	}
	if held := tm.web.streams.held.Load(); held != 0 {
		t.Errorf("displays hold %d streams of the registers", held)
	}
	tm.till().listen(apiRoot + "/events").next("status")
}

func TestADisplayIsADevice(t *testing.T) {
	tm := newTerminal(t)
	if a := tm.owner().do("GET", "/owner/devices?lang=zh-CN", ""); !strings.Contains(a.body, "请在顾客屏上打开 /display/1") {
		t.Errorf("the reason is not in Chinese: %s", a.body)
	}
	state := func() agent.DeviceState { return tm.web.Displays.Status()[0].State }
	if state() != agent.DeviceAbsent {
		t.Errorf("before anyone opened it: %s", state())
	}
	page := tm.page()
	l := page.listen("/display/1/events")
	screen := l.next("screen")
	if state() != agent.DeviceReady {
		t.Errorf("with a page: %s", state())
	}
	tm.clock.advance(displayLost - time.Second)
	page.beatAs(screen)
	tm.clock.advance(displayLost - time.Second)
	if state() != agent.DeviceReady {
		t.Errorf("with a beat: %s", state())
	}
	tm.clock.advance(time.Second)
	if d := tm.web.Displays.Status()[0]; d.State != agent.DeviceLost || d.Reason == "" || d.Path != "/display/1" {
		t.Errorf("without a beat: %+v", d)
	}
	page.beatAs(screen)
	if state() != agent.DeviceReady {
		t.Errorf("with a beat again: %s", state())
	}
}

func TestWhoMayOpenADisplay(t *testing.T) {
	tm := newTerminal(t)
	if a := tm.page().do("GET", "/display/9/events", ""); a.status != 404 {
		t.Errorf("an unknown lane: %d", a.status)
	}
	if a := tm.page().do("GET", "/display/2/events", ""); a.status != 404 || a.code(t) != "not_found" {
		t.Errorf("a lane without a kiosk: %d %s", a.status, a.body)
	}
	for name, c := range map[string]*client{"cross-site": tm.page().with("Sec-Fetch-Site", "cross-site"), "neither header": tm.page().with("Sec-Fetch-Site", "")} {
		if a := c.do("GET", "/display/1/events", ""); a.status != 403 {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	req := tm.page().request("GET", "/display/1/events", "")
	req.Host, req.RemoteAddr = "localhost", "10.0.0.9:1234"
	rec := newRecorder()
	tm.web.Handler().ServeHTTP(rec, req)
	if rec.status != 403 {
		t.Errorf("from the LAN: %d", rec.status)
	}
	if a := tm.page().do("POST", "/display/1/beat", `{"stream":"nobody","generation":1}`); a.status != 404 {
		t.Errorf("a beat of nobody: %d", a.status)
	}
}

func TestEachRunHasItsOwnGenerations(t *testing.T) {
	clock := newHandClock()
	if a, b := NewDisplays(clock, "1"), NewDisplays(clock, "1"); a.boot == b.boot {
		t.Error("a page could not tell a restarted agent from an old screen")
	}
}

// Whoever runs the browser hears whether its page lives.
func TestAPagesLifeIsTold(t *testing.T) {
	tm := newTerminal(t)
	alive := func(want int, when string) {
		t.Helper()
		if a := tm.page().with("Sec-Fetch-Site", "").do("GET", "/display/1/alive", ""); a.status != want {
			t.Errorf("%s: %d, want %d", when, a.status, want)
		}
	}
	alive(http.StatusServiceUnavailable, "before a page was there")
	l := tm.page().listen("/display/1/events")
	first := l.next("screen")
	if a := tm.page().beatAs(first); a.status >= 300 {
		t.Fatalf("the beat: %d", a.status)
	}
	alive(http.StatusNoContent, "with a page")
	tm.clock.advance(displayLost)
	alive(http.StatusServiceUnavailable, "when it is silent")
	if a := tm.page().do("GET", "/display/9/alive", ""); a.status != http.StatusNotFound {
		t.Errorf("no such lane: %d", a.status)
	}
}
