package web

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

// TestBrowserTheRegisterSpeaksEveryLanguage looks at what only the page's script knows: how it
// writes amounts, which plural form it takes, and which way it runs.
func TestBrowserTheRegisterSpeaksEveryLanguage(t *testing.T) {
	tm := live(t, func(o *Options) {
		o.Line = func() agent.Line { return agent.Line{State: agent.LineDown, Since: time.Now().Add(-time.Hour)} }
	})
	tm.sale("a", "wechat", agent.Money{Value: 123456, Currency: "CNY"})
	b := tm.newBrowser(1280, 800)
	b.open("/register")
	b.until(`document.activeElement?.id === "pin"`)
	b.keys("111111")
	b.until(`document.getElementById("gate").hidden`)
	for _, c := range []struct{ lang, dir, sum, typed, down string }{
		{"en", "ltr", "¥1,234.56", "12.50", "0 waiting to be sent"},
		{"zh-CN", "ltr", "¥1,234.56", "12.50", "0 项等待发送"},
		{"fr", "ltr", "1\u202f234,56\u00a0¥", "12,50", "0 à envoyer"},
		{"pt-BR", "ltr", "¥\u00a01.234,56", "12,50", "0 a enviar"},
		{"th", "ltr", "¥1,234.56", "12.50", "รอส่ง 0 รายการ"},
		{"hi", "ltr", "¥1,234.56", "12.50", "0 भेजना बाकी"},
		{"ar", "rtl", "\u2066¥1,234.56\u2069", "12.50", "لا شيء ينتظر الإرسال"},
	} {
		b.open("/register?lang=" + c.lang)
		b.until(fmt.Sprintf(`document.documentElement.lang === %q && document.documentElement.dir === %q`, c.lang, c.dir))
		b.until(`document.getElementById("gate").hidden`)
		b.until(fmt.Sprintf(`document.querySelector("#list .what")?.textContent === %q`, c.sum))
		b.keys("1", "2", ".", "5")
		b.until(fmt.Sprintf(`(document.getElementById("typed").textContent + document.getElementById("rest").textContent) === %q`, c.typed))
		b.until(shows("down", c.down))
	}
	b.quiet()
}

// TestSwitchingTheLanguageStaysWhereItIs: a cashier of the second register must not find himself
// at the first one.
func TestSwitchingTheLanguageStaysWhereItIs(t *testing.T) {
	tm := newTerminal(t)
	for _, c := range []struct {
		method, path, body, want string
		c                        *client
	}{
		{"GET", "/register", "", `href="/register?lang=fr"`, tm.page()},
		{"GET", "/register?lane=2&lang=ar", "", `href="/register?lane=2&amp;lang=fr"`, tm.page()},
		{"GET", "/owner/payments?q=a%26b&status=paid", "", `href="/owner/payments?q=a%26b&amp;status=paid&amp;lang=fr"`, tm.owner()},
	} {
		if a := c.c.do(c.method, c.path, c.body); a.status != 200 || !strings.Contains(a.body, c.want) {
			t.Errorf("%s %s: %d, no %s", c.method, c.path, a.status, c.want)
		}
	}
	if a := tm.page().post("/owner/login", "person", "own", "password", "wrong"); !strings.Contains(a.body, `href="/owner?lang=fr"`) {
		t.Errorf("after a wrong password: %d", a.status)
	}
	// The answer to a form that was refused has no address that a link could lead to.
	id := string(tm.open("a", "scan"))
	tm.pay(agent.PaymentID(id))
	owner := tm.owner()
	for path, back := range map[string]string{
		"/owner/payments/" + id + "/refund": "/owner/payments/" + id, "/owner/payments/" + id + "/write-off": "/owner/payments/" + id, "/owner/people/cas": "/owner/people",
	} {
		a := owner.post(path, "do", "secret", "amount", "1.00", "request", "r", "reason", "x", "password", "wrong")
		if a.status < 400 || !strings.Contains(a.body, `href="`+back+`?lang=fr"`) {
			t.Errorf("after %s was refused: %d, no link to %s in another language", path, a.status, back)
		}
		if to := owner.do("GET", back+"?lang=fr", ""); to.status != 200 {
			t.Errorf("the link below %s leads to %d", path, to.status)
		}
	}
}

// tongues is a settings table with the shop's language.
type tongues struct{ table }

func (tongues) Settings() []SettingRow {
	return []SettingRow{{Key: shopLanguage, Title: "Language", Type: "choice", Choices: []string{"en", "zh-CN"}, Value: "zh-CN", Default: "en", By: "person:own"}}
}

func (tongues) Changes(context.Context, int) ([]SettingChange, error) {
	return []SettingChange{{Change: agent.Change{Key: shopLanguage, Value: "zh-CN", By: "person:own"}, Was: "en"}}, nil
}

// TestALanguageIsChosenByItsOwnName: whoever looks for a language reads no other one.
func TestALanguageIsChosenByItsOwnName(t *testing.T) {
	tm := newTerminal(t, func(o *Options) { o.Settings = tongues{} })
	owner := tm.owner()
	pages := map[string]string{"display": tm.page().do("GET", "/display/1", "").body, "register": tm.page().do("GET", "/register", "").body,
		"settings": owner.do("GET", "/owner/settings", "").body, "set-up": newNewcomer(t).claimed().do("GET", "/setup", "").body}
	for _, l := range tm.web.Words.Languages() {
		link := fmt.Sprintf(`lang="%s" dir="%s" hreflang="%s"`, l.Code, l.Dir, l.Code)
		option := fmt.Sprintf(`<option value="%s" lang="%s" dir="%s"`, l.Code, l.Code, l.Dir)
		for page, body := range pages {
			if !strings.Contains(body, link) || !strings.Contains(body, ">"+l.Name+"</a>") {
				t.Errorf("%s: no link in %s", page, l.Name)
			}
			if form := page == "settings" || page == "set-up"; form && (!strings.Contains(body, option) || !strings.Contains(body, ">"+l.Name+"</option>")) {
				t.Errorf("%s: %s cannot be chosen", page, l.Name)
			}
		}
	}
	for _, want := range []string{`dir="ltr" selected>简体中文</option>`, "Default: English", "<bdi>English</bdi>", "<bdi>简体中文</bdi>"} {
		if !strings.Contains(pages["settings"], want) {
			t.Errorf("the settings lack %s", want)
		}
	}
}

// TestBrowserArabicRunsFromRightToLeft: the page turns round; the keypad, amounts and order
// numbers do not.
func TestBrowserArabicRunsFromRightToLeft(t *testing.T) {
	tm := live(t)
	tm.sale("a", "wechat", agent.Money{Value: 123456, Currency: "CNY"})
	b := tm.newBrowser(1280, 800)
	b.open("/register?lang=ar")
	b.until(`document.activeElement?.id === "pin"`)
	b.keys("111111")
	b.until(`document.getElementById("gate").hidden && document.querySelector("#list .item") !== null`)
	left := func(selector string) string {
		return fmt.Sprintf(`document.querySelector(%q).getBoundingClientRect().left`, selector)
	}
	for _, order := range [][2]string{
		{".today", ".entry"}, {"#lock", ".top .shop"}, // the page: what is first is on the right
		{"[data-key='7']", "[data-key='9']"}, {"#sign", "#typed"}, {"#typed", "#rest"}, // what everyone reads alike
	} {
		b.until(left(order[0]) + " < " + left(order[1]))
	}
	// A name in other letters that does not fit is cut at its own end.
	if got := b.js(`getComputedStyle(document.querySelector(".top .shop")).direction`); got != "ltr" {
		t.Errorf("an English shop's name runs %s", got)
	}
	if wide := b.js(`document.documentElement.scrollWidth > innerWidth`); wide == "true" {
		t.Error("the page scrolls sideways")
	}
	b.quiet()
}

func TestWhyATryFailedIsSaidInTheReadersLanguage(t *testing.T) {
	s := newTerminal(t).web
	for _, c := range []struct{ lang, english, want string }{
		{"zh-CN", "the wallet gave no answer", "支付平台没有应答"}, {"en", "the wallet gave no answer", "the wallet gave no answer"}, {"fr", "dial tcp: refused", "dial tcp: refused"},
	} {
		if got := s.because(c.lang, c.english); got != c.want {
			t.Errorf("%s: %q, want %q", c.lang, got, c.want)
		}
	}
}
