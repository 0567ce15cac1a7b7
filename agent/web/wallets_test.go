package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"tillwire/agent"
)

// abroad gives the shop wallets of three currencies: two that scan and show yuan,
// one that only shows baht, one that only shows yen, which has no minor units.
func (tm *terminal) abroad() *terminal {
	tm.offer = []agent.Offer{
		{Name: "alipay", Scan: true, Show: true, Currencies: []agent.Currency{"CNY"}, Test: true},
		{Name: "wechat", Scan: true, Show: true, Currencies: []agent.Currency{"CNY"}, Test: true},
		{Name: "promptpay", Show: true, Currencies: []agent.Currency{"THB"}, Test: true},
		{Name: "jpqr", Show: true, Currencies: []agent.Currency{"JPY"}, Test: true},
		{Name: "linepay", Scan: true, Currencies: []agent.Currency{"TWD"}, Test: true},
	}
	return tm
}

func TestTheStatusSaysWhatEachWalletCanDo(t *testing.T) {
	tm := newTerminal(t, func(o *Options) {
		o.Line = func() agent.Line {
			return agent.Line{State: agent.LineDegraded, Wallets: map[string]agent.WalletLine{"alipay": {State: agent.LineDown}}}
		}
	}).abroad()
	got := tm.till().want(200, "GET", "/status", "").json(t)
	if c := fmt.Sprint(got["currencies"]); c != "[CNY THB JPY TWD]" {
		t.Errorf("the currencies are %s", c)
	}
	lane := got["lanes"].([]any)[0].(map[string]any)
	if fmt.Sprint(lane["shows"], lane["scans"]) != "[wechat alipay promptpay jpqr] [alipay wechat linepay]" {
		t.Errorf("the lane shows %v and scans %v", lane["shows"], lane["scans"])
	}
	for i, want := range []string{
		"map[currencies:[CNY] name:alipay scan:true show:true state:down test:true]",
		"map[currencies:[CNY] name:wechat scan:true show:true state:online test:true]",
		"map[currencies:[THB] name:promptpay scan:false show:true state:online test:true]",
	} {
		if w := fmt.Sprint(got["wallets"].([]any)[i]); w != want {
			t.Errorf("wallet %d is %s", i, w)
		}
	}
}

func TestAPaymentTellsWhatThePayerPaid(t *testing.T) {
	tm := newTerminal(t)
	id := tm.open("a", "scan")
	tm.fact(id, sent())
	tm.fact(id, agent.Fact{Kind: agent.FactApproved, Op: agent.OpPay, Amount: 1280, Txn: "42",
		Payer: agent.PayerSum{Amount: agent.Money{Value: 250, Currency: "HKD"}, Rate: "0.9100"}})
	for _, path := range []string{"/payments/" + string(id), "/payments/" + string(id) + "/receipt"} {
		if got := fmt.Sprint(tm.till().want(200, "GET", path, "").json(t)["payer"]); got != "map[amount:map[currency:HKD value:250] rate:0.9100]" {
			t.Errorf("%s: the payer is %s", path, got)
		}
	}
	if got, told := tm.till().want(200, "GET", "/payments/"+string(tm.open("b", "scan")), "").json(t)["payer"]; told {
		t.Errorf("without the wallet's word the payer is %v", got)
	}
	owner := tm.owner()
	for _, path := range []string{"/owner/payments/" + string(id), "/receipt/" + string(id)} {
		if a := owner.do("GET", path, ""); !strings.Contains(a.body, "HK$2.50 HKD (rate 0.9100)") {
			t.Errorf("%s does not say what the payer paid", path)
		}
	}
}

// TestThePayersSumNamesItsCurrency: a yen and a yuan have one sign, and so a customer
// who was charged in the shop's own currency for a price in another reads which is which.
func TestThePayersSumNamesItsCurrency(t *testing.T) {
	tm := newTerminal(t).abroad()
	yuan := agent.PayerSum{Amount: agent.Money{Value: 4704, Currency: "CNY"}, Rate: "0.048"}
	id := tm.sale("a", "jpqr", agent.Money{Value: 980, Currency: "JPY"}, yuan)
	same := tm.sale("b", "wechat", agent.Money{Value: 5000, Currency: "CNY"}, yuan)
	owner := tm.owner()
	for _, page := range []string{"/owner/payments/", "/receipt/"} {
		if a := owner.do("GET", page+string(id), ""); !strings.Contains(a.body, "¥47.04 CNY (rate 0.048)") {
			t.Errorf("%s does not say which ¥ the customer paid", page)
		}
		if a := owner.do("GET", page+string(same), ""); !strings.Contains(a.body, "¥47.04 (rate") {
			t.Errorf("%s names the only currency there is", page)
		}
	}
}

func TestWhatIsWrongNamesAWalletByItsBrand(t *testing.T) {
	tm := newTerminal(t, func(o *Options) {
		o.Problems = func() []agent.Problem {
			return []agent.Problem{{ID: "problem.wallet_down", Args: []string{"wechat"}, What: "The cloud of wechat cannot be reached.", Do: "Take another wallet."}}
		}
	})
	owner := tm.owner()
	for lang, want := range map[string]string{"en": "The cloud of WeChat Pay cannot be reached.", "zh-CN": "微信支付", "fr": "WeChat Pay"} {
		if body := owner.do("GET", "/owner?lang="+lang, "").body; !strings.Contains(body, want) || strings.Contains(body, "cloud of wechat") {
			t.Errorf("in %s the page lacks %q", lang, want)
		}
	}
}

// sale records a payment that was paid, by a wallet in a currency.
func (tm *terminal) sale(id, wallet string, m agent.Money, payer ...agent.PayerSum) agent.PaymentID {
	tm.t.Helper()
	body := fmt.Sprintf(`{"request_id":%q,"lane":"1","amount":{"value":%d,"currency":%q},"reference":%q,"mode":"show","wallet":%q}`, id, m.Value, m.Currency, id, wallet)
	p := agent.PaymentID(tm.till().want(201, "POST", "/payments", body).json(tm.t)["id"].(string))
	approved := agent.Fact{Kind: agent.FactApproved, Op: agent.OpQuery, Amount: m.Value, Txn: id}
	for _, sum := range payer {
		approved.Payer = sum
	}
	tm.fact(p, approved)
	return p
}

func TestTheDayByWalletAndCurrency(t *testing.T) {
	tm := newTerminal(t).abroad()
	tm.sale("a", "wechat", agent.Money{Value: 1000, Currency: "CNY"})
	tm.sale("b", "alipay", agent.Money{Value: 2500, Currency: "CNY"})
	tm.sale("c", "wechat", agent.Money{Value: 700, Currency: "CNY"})
	tm.sale("d", "promptpay", agent.Money{Value: 123450, Currency: "THB"})
	tm.sale("e", "jpqr", agent.Money{Value: 980, Currency: "JPY"})
	tm.till().want(202, "POST", "/payments/"+string(tm.open("f", "scan"))+"/cancel", "") // the day knows nothing of what nobody paid
	dollars := tm.till().want(201, "POST", "/payments", `{"request_id":"g","lane":"1","amount":{"value":900,"currency":"TWD"},"reference":"g","mode":"scan"}`).json(t)["id"].(string)
	tm.till().want(202, "POST", "/payments/"+dollars+"/cancel", "")
	now := tm.clock.Now()
	today, err := tm.web.dayFrom(t.Context(), now.Add(-time.Hour), now)
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, r := range parts(today, "CNY", byWallet) {
		rows = append(rows, fmt.Sprintf("%s %v %d %s", r.Key, r.Sum, r.Paid, r.Net))
	}
	want := "alipay false 1 25.00 CNY|wechat false 2 17.00 CNY| true 3 42.00 CNY|jpqr false 1 980 JPY|promptpay false 1 1234.50 THB"
	if got := strings.Join(rows, "|"); got != want {
		t.Errorf("the day is\n%s, want\n%s", got, want)
	}
	c := tm.owner()
	page := c.do("GET", "/owner", "").body
	for _, has := range []string{"¥42.00", "฿1,234.50 THB", "¥980 JPY", "All CNY", ">PromptPay<", "wallet=jpqr&amp;currency=JPY"} {
		if !strings.Contains(page, has) {
			t.Errorf("the owner's page lacks %s", has)
		}
	}
	if strings.Contains(page, "· TWD<") {
		t.Error("a currency in which nobody paid has a card of its own")
	}
	if n := strings.Count(page, `<svg class="bars"`); n != 3 {
		t.Errorf("%d charts for three currencies", n)
	}
	export := c.do("GET", "/owner/day.csv?day=today", "")
	local := now.In(tm.web.Zone)
	day, row := local.Format(time.DateOnly), local.Format(time.DateOnly)+","+fmt.Sprint(local.Hour())+","
	if want := "\ufeffday,hour,wallet,lane,cashier,currency,paid,open,taken,given_back,takings,test\n" + row + "alipay,1,,CNY,1,0,25.00,0.00,25.00,\n" + row + "wechat,1,,CNY,2,0,17.00,0.00,17.00,\n" +
		row + "jpqr,1,,JPY,1,0,980,0,980,\n" + row + "promptpay,1,,THB,1,0,1234.50,0.00,1234.50,\n"; export.body != want {
		t.Errorf("the export is\n%s, want\n%s", export.body, want)
	}
	if got := export.header.Get("Content-Disposition"); got != `attachment; filename="takings-`+day+`.csv"` {
		t.Errorf("the export is sent as %s", got)
	}
	for path, status := range map[string]int{"/owner/day.csv?day=2020-01-01": 200, "/owner/day.csv?day=x": 400} {
		if a := c.do("GET", path, ""); a.status != status {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	if a := tm.page().do("GET", "/owner/day.csv", ""); strings.Contains(a.body, "alipay") {
		t.Error("the export does not ask who wants it")
	}
	one := c.do("GET", "/owner?wallet=promptpay", "").body
	if !strings.Contains(one, `<p class="huge figure long">฿1,234.50 THB</p>`) || strings.Contains(one, `<p class="huge figure">¥42.00</p>`) {
		t.Error("one wallet's day shows the others'")
	}
	list := c.do("GET", "/owner/payments?wallet=alipay&currency=CNY", "").body
	if !strings.Contains(list, "¥25.00") || strings.Contains(list, "¥10.00") || !strings.Contains(list, `<option value="alipay" selected>`) {
		t.Error("the list does not keep to the wallet")
	}
	if got := tm.till().want(200, "GET", "/payments?currency=THB", "").json(t)["payments"].([]any); len(got) != 1 {
		t.Errorf("%d payments in baht", len(got))
	}
}

func TestTheCustomerReadsTheWalletsNameAndTheApp(t *testing.T) {
	tm := newTerminal(t).abroad()
	for _, test := range []struct {
		wallet, lang       string
		amount             agent.Money
		brand, app, figure string
	}{
		{"wechat", "en", agent.Money{Value: 1280, Currency: "CNY"}, "WeChat Pay 微信支付", "Open WeChat and scan", "¥12.80"},
		{"alipay", "zh-CN", agent.Money{Value: 1280, Currency: "CNY"}, "支付宝 Alipay", "请打开支付宝扫一扫", "¥12.80"},
		{"promptpay", "en", agent.Money{Value: 123450, Currency: "THB"}, "PromptPay", "Open the app of your bank in Thailand and scan", "฿1,234.50"},
		{"pix", "en", agent.Money{Value: 123450, Currency: "BRL"}, "Pix", "Open the app of your bank in Brazil, choose Pix and scan", "R$\u00a01.234,50"},
		{"upi", "zh-CN", agent.Money{Value: 12345600, Currency: "INR"}, "UPI · BHIM", "请打开 BHIM、PhonePe、Google Pay、Paytm 等 UPI App 扫码", "₹1,23,456.00"},
		{"corner", "en", agent.Money{Value: 980, Currency: "JPY"}, "corner", "Open the app of corner and scan", "¥980"},
	} {
		k := tm.web.Displays.Lane("1")
		_ = k.Show(t.Context(), agent.Screen{Kind: agent.ScreenQR, Amount: test.amount, Wallet: test.wallet, QR: "weixin://wxpay/bizpayurl?pr=Ab3dEf", TTL: time.Minute})
		got := tm.web.screen(k, "s", test.lang)
		if got.Brand != test.brand || got.App != test.app || got.Amount != test.figure || got.Currency != test.amount.Currency {
			t.Errorf("%s: %q, %q, %q %s", test.wallet, got.Brand, got.App, got.Amount, got.Currency)
		}
	}
	k := tm.web.Displays.Lane("1")
	_ = k.Show(t.Context(), agent.Screen{Kind: agent.ScreenScan, Amount: agent.Money{Value: 1280, Currency: "CNY"}})
	if got := tm.web.screen(k, "s", "en"); strings.Join(got.Marks, ", ") != "Alipay 支付宝, WeChat Pay 微信支付" || got.Brand != "" || got.App != "" {
		t.Errorf("before a scan: %q, %q, %q", got.Marks, got.Brand, got.App)
	}
}

const tileFocused = `document.activeElement?.dataset.wallet`

func TestBrowserAWalletIsChosenByItsTile(t *testing.T) {
	tm := live(t).abroad()
	b := tm.atRegister(1280, 800)
	b.keys("5")
	b.chooses()
	b.until(tileFocused + ` === "wechat"`) // the lane's own is first
	b.until(shows("choose-tiles", "2Alipay"))
	b.until(shows("choose-other", "PromptPay (THB) · JPQR (JPY)"))
	b.shot("choose")
	if len(tm.payments) != 0 {
		t.Error("a payment was opened before a wallet was chosen")
	}
	b.keys(kb.Escape)
	b.until(`!document.getElementById("choose").open`)
	b.until(shows("amount", "5.00"))
	b.chooses()
	b.pressesAlipay(agent.ModeShow, shows("v-meta", "Alipay"))
}

// chooses opens the tiles to choose from.
func (b *browser) chooses() {
	b.t.Helper()
	b.keys(kb.F2)
	b.until(`document.getElementById("choose").open`)
}

// pressesAlipay presses the second tile, whose code is then shown for a payment that was
// opened in that mode.
func (b *browser) pressesAlipay(mode agent.Mode, then string) {
	b.t.Helper()
	b.keys("2")
	b.until(shows("v-word", "SHOW QR"))
	b.until(then)
	if p := b.payments[0]; p.Mode != mode || p.Status.Wallet != "alipay" {
		b.t.Errorf("the payment is %+v", p)
	}
	b.quiet()
}

func TestBrowserAPaymentThatWaitsForAScanOffersTiles(t *testing.T) {
	tm := live(t).abroad()
	b := tm.atRegister(1280, 800)
	b.keys("5", kb.Enter)
	b.until(shows("v-word", "SCAN"))
	b.until(shows("v-choice", "Or show a code for"))
	if got := b.js(tileFocused); got != "undefined" {
		t.Errorf("a second Enter would press the tile of %s", got)
	}
	b.until(shows("v-tiles", "2Alipay"))
	b.shot("any")
	b.pressesAlipay(agent.ModeAny, `document.getElementById("v-choice").hidden`)
}

// TestBrowserF2SaysWhichWalletItShows: the key stands on the tile that it presses, before a
// payment is opened and while one waits for a scan.
func TestBrowserF2SaysWhichWalletItShows(t *testing.T) {
	tm := live(t).abroad()
	b := tm.atRegister(1280, 800)
	marked := func(tiles string) string {
		return `[...document.querySelectorAll("#` + tiles + ` .wallet")].filter((tile) => tile.textContent.includes("F2")).map((tile) => tile.dataset.wallet).join() === "wechat"`
	}
	b.keys("5")
	b.chooses()
	b.until(marked("choose-tiles"))
	b.keys(kb.Escape)
	b.until(`!document.getElementById("choose").open`)
	b.keys(kb.Enter)
	b.until(shows("v-word", "SCAN"))
	b.until(marked("v-tiles"))
	b.keys(kb.F2)
	b.until(shows("v-meta", "WeChat Pay"))
	b.quiet()
}

// A keyboard scanner's first digit must not press a tile.
func TestBrowserAScannerThatTypesPressesNoTile(t *testing.T) {
	tm := live(t).abroad()
	b := tm.atRegister(1280, 800)
	b.keys("5", kb.Enter)
	b.until(shows("v-tiles", "2Alipay"))
	b.js(burst("234567890123456789"))
	b.until(shows("v-word", "ASKING"))
	if p := tm.payments[0]; len(tm.scans) != 1 || p.Status.Showing {
		t.Errorf("%d scans, the payment is %+v", len(tm.scans), p)
	}
	b.quiet()
}

// burst types a code as a keyboard scanner does: at once.
func burst(code string) string {
	return `(() => { for (const key of [...` + fmt.Sprintf("%q", code) + `, "Enter"]) document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true })); })()`
}

func TestBrowserAnotherCurrency(t *testing.T) {
	tm := live(t).abroad()
	b := tm.atRegister(1280, 800)
	b.until(shows("currencies", "CNY"))
	b.until(shows("unit", "CNY"))
	b.keys("1", "2", ".", "5", kb.F3)
	b.until(shows("unit", "THB"))
	b.until(shows("amount", "฿12.50"))
	b.until(shows("hint", "PromptPay"))
	// What stays as it is is not written again with a digit: it would be read aloud again.
	b.js(`(() => { window.written = 0; new MutationObserver((all) => (window.written += all.length)).observe(document.getElementById("hint"), { childList: true }) })()`)
	b.keys("0")
	b.until(`document.getElementById("typed").textContent === "12.50"`)
	if got := b.js(`window.written`); got != "0" {
		t.Errorf("a digit wrote the hint anew %s times", got)
	}
	b.shot("baht")
	// Baht can only be shown, and only by one wallet: one key, no choice.
	if got := b.js(`document.getElementById("do-scan").hidden`); got != "true" {
		t.Error("a scan is offered in a currency that nobody's code pays")
	}
	b.keys(kb.Enter)
	b.until(shows("v-word", "SHOW QR"))
	b.until(shows("v-amount", "฿12.50 THB"))
	id := b.latest(1)
	tm.fact(id, agent.Fact{Kind: agent.FactApproved, Op: agent.OpQuery, Amount: 1250})
	b.until(shows("v-word", "PAID"))
	b.keys(kb.Enter)
	b.until(shows("list", "฿12.50 THB"))
	b.until(shows("unit", "CNY")) // the next sale is in the shop's own again
	b.keys("7", ".", "5", kb.F3, kb.F3)
	b.until(shows("unit", "JPY"))
	b.until(shows("amount", "¥0JPY")) // there is no half a yen
	if got := b.js(`document.getElementById("point").textContent`); got != "00" {
		t.Errorf("the key for the point says %s", got)
	}
	b.keys("9", ".", "8", "0", kb.Enter)
	b.until(shows("v-amount", "¥980 JPY"))
	if p := tm.payments[1]; p.Amount != (agent.Money{Value: 980, Currency: "JPY"}) || p.Status.Wallet != "jpqr" {
		t.Errorf("the payment is %+v", p)
	}
	// What a till asks for in yen and waits for a scan shows the code of the wallet that takes yen.
	tm.fact(b.latest(2), agent.Fact{Kind: agent.FactApproved, Op: agent.OpQuery, Amount: 980})
	b.until(shows("v-word", "PAID"))
	tm.till().want(201, "POST", "/payments", `{"request_id":"yen","lane":"1","amount":{"value":450,"currency":"JPY"},"reference":"","mode":"any"}`)
	b.until(shows("v-amount", "¥450 JPY"))
	b.until(shows("v-actions", "Show QR"))
	b.keys(kb.F2)
	b.until(shows("v-word", "SHOW QR"))
	if p := tm.payments[2]; p.Status.Wallet != "jpqr" {
		t.Errorf("the code is of %s", p.Status.Wallet)
	}
	b.quiet()
}

// TestBrowserCancelStaysInSight looks at the screens of tills: with tiles to choose from
// and a remark about a wrong code, the remark can be read and Cancel can be pressed.
func TestBrowserCancelStaysInSight(t *testing.T) {
	tm := live(t).abroad()
	tm.offer = append(tm.offer, agent.Offer{Name: "unionpay", Scan: true, Show: true, Currencies: []agent.Currency{"CNY"}})
	b := tm.atRegister(1366, 768)
	b.keys("5", kb.Enter)
	b.until(`!document.getElementById("v-choice").hidden`)
	// Long enough for two lines on a small screen, as the sentences about wrong codes are.
	b.js(`(e => { e.textContent = "This is a shop's code (PromptPay): the customer scans it with the phone. Ask for the payment code"; e.hidden = false; })(document.getElementById("v-notice"))`)
	for _, size := range [][2]int64{{1366, 768}, {1280, 720}, {1024, 600}, {390, 844}, {320, 568}} {
		b.do(chromedp.EmulateViewport(size[0], size[1]))
		name := fmt.Sprintf("cancel-%dx%d", size[0], size[1])
		b.until(fmt.Sprintf(`innerWidth === %d && innerHeight === %d`, size[0], size[1]))
		b.fits(name)
		for _, id := range []string{"v-notice", "v-actions"} {
			seen := b.js(`(r => r.top >= 0 && r.bottom <= innerHeight && document.getElementById("` + id + `").contains(document.elementFromPoint(r.left + r.width / 2, r.bottom - 24)))(document.getElementById("` + id + `").getBoundingClientRect())`)
			if seen != "true" {
				t.Errorf("%s: %s is out of sight", name, id)
			}
		}
	}
	b.quiet()
}

func TestBrowserTheDisplayNamesWalletAmountAndApp(t *testing.T) {
	tm := live(t).abroad()
	b := tm.atDisplay(1280, 800)
	s := payScreen
	s.Wallet, s.Amount = "promptpay", agent.Money{Value: 123450, Currency: "THB"}
	tm.stage(s)
	b.until(codeShown)
	b.until(shows("amount", "฿1,234.50"))
	b.until(shows("unit", "THB"))
	b.until(shows("brand", "PromptPay"))
	b.until(shows("app", "Open the app of your bank in Thailand"))
	b.shot("display")
	tm.stage(waitScreen)
	if got := b.text("app"); got != "" {
		t.Errorf("without a code the page still says %q", got)
	}
	b.quiet()
}

// TestBrowserTilesAndDayFitAPhone looks at what this adds, in both languages and
// on the narrowest screens.
func TestBrowserTilesAndDayFitAPhone(t *testing.T) {
	for _, lang := range []string{"en", "zh-CN"} {
		t.Run(lang, func(t *testing.T) {
			tm := live(t).abroad()
			for _, s := range []struct {
				id, wallet string
				m          agent.Money
			}{{"a", "wechat", agent.Money{Value: 128000, Currency: "CNY"}}, {"b", "alipay", agent.Money{Value: 2550, Currency: "CNY"}}, {"c", "promptpay", agent.Money{Value: 123450, Currency: "THB"}}, {"d", "jpqr", agent.Money{Value: 980, Currency: "JPY"}}, {"e", "promptpay", agent.Money{Value: 12345600, Currency: "THB"}}} {
				tm.sale(s.id, s.wallet, s.m)
			}
			b := tm.atRegister(390, 844)
			b.open("/register?lang=" + lang)
			b.until(`document.getElementById("gate").hidden`)
			b.keys("1", "2")
			b.until(shows("amount", "12"))
			b.fits("390-entry-" + lang)
			b.chooses()
			b.fits("390-choose-" + lang)
			b.keys(kb.Escape)
			b.until(`!document.getElementById("choose").open`)
			b.keys(kb.Enter)
			b.until(`!document.getElementById("v-choice").hidden`)
			b.fits("390-any-" + lang)
			b.keys(kb.Escape)
			b.until(`document.getElementById("v-choice").hidden`)
			b.open("/owner?lang=" + lang)
			b.signInOwner()
			b.until(`document.querySelector(".tally")`)
			b.until(`document.querySelector(".tally").getBoundingClientRect().right <= document.querySelector(".tally").closest(".card").getBoundingClientRect().right`)
			b.fits("390-day-" + lang)
			b.quiet()
		})
	}
}

// signInOwner passes the owner's door.
func (b *browser) signInOwner() {
	b.t.Helper()
	b.until(`document.querySelector('[name="password"]')`)
	b.js(`(document.querySelector('[name="password"]').value = "open sesame 123", document.querySelector('form[action="/owner/login"]').requestSubmit(), "")`)
}

// fits fails the test when something leaves the page sideways or a target is too
// small to hit.
func (b *browser) fits(name string) {
	b.t.Helper()
	b.shot(name)
	if got := b.js(`document.documentElement.scrollWidth <= innerWidth`); got != "true" {
		b.t.Errorf("%s: the page scrolls sideways", name)
	}
	small := b.js(`[...(document.querySelector("dialog[open]") ?? document).querySelectorAll("button, a[href], input, select")]` +
		`.filter((e) => e.checkVisibility() && !e.closest(".unseen") && !e.classList.contains("unseen"))` +
		`.map((e) => [e, e.getBoundingClientRect()]).filter(([, r]) => r.width > 0 && (r.width < 24 || r.height < 24)).map(([e]) => e.outerHTML.slice(0, 80)).join("; ")`)
	if small != "" {
		b.t.Errorf("%s: targets below 24 px: %s", name, small)
	}
}
