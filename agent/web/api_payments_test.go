package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

func TestOpeningAPayment(t *testing.T) {
	tm := newTerminal(t)
	till := tm.till()
	first := till.want(http.StatusCreated, "POST", "/payments", openBody("a", "scan"))
	p := first.json(t)
	if p["status"] != "created" || p["final"] != false || p["lane"] != "1" || p["request_id"] != "a" || p["wallet"] != "" || p["repeated"] != nil {
		t.Errorf("the payment is %v", p)
	}
	if got := first.header.Get("Location"); got != "/api/v1/payments/"+p["id"].(string) {
		t.Errorf("Location is %q", got)
	}

	again := till.want(http.StatusOK, "POST", "/payments", openBody("a", "scan")).json(t)
	if again["id"] != p["id"] || again["repeated"] != true {
		t.Errorf("the same request gave %v", again)
	}
	other := till.want(http.StatusConflict, "POST", "/payments", strings.Replace(openBody("a", "scan"), "1280", "1281", 1)).json(t)
	if other["code"] != "request_reused" || other["payment"] != p["id"] {
		t.Errorf("another body under the same id gave %v", other)
	}
	busy := till.want(http.StatusConflict, "POST", "/payments", openBody("b", "scan")).json(t)
	if busy["code"] != "lane_busy" || busy["payment"] != p["id"] || busy["say"] == "" {
		t.Errorf("a second payment on the lane gave %v", busy)
	}

	second := &client{terminal: tm, token: strings.Repeat("z", 32), agent: till.agent, cookies: map[string]string{}}
	if a := second.api("POST", "/payments", openBody("a", "scan")); a.code(t) != "lane_busy" {
		t.Errorf("another till's request_id is its own: got %s", a.body)
	}
}

func TestWhatIsRefusedWhenOpening(t *testing.T) {
	tm := newTerminal(t)
	body := func(old, new string) string { return strings.Replace(openBody("x", "scan"), old, new, 1) }
	tests := []struct {
		name, body string
		status     int
		code       string
	}{
		{"unknown member", body(`"mode"`, `"extra":1,"mode"`), 400, "unreadable"},
		{"unknown member inside the amount", body(`"value"`, `"cents":1,"value"`), 400, "unreadable"},
		{"client is not the caller's to choose", body(`"mode"`, `"client":"till:other","mode"`), 400, "unreadable"},
		{"no JSON", `{"request_id":`, 400, "unreadable"},
		{"two values", openBody("x", "scan") + `{}`, 400, "unreadable"},
		{"nothing", ` `, 400, "unreadable"},
		{"a list", `[]`, 400, "unreadable"},
		{"no request_id", body(`"x"`, `""`), 400, "unreadable"},
		{"request_id is a number", body(`"request_id":"x"`, `"request_id":7`), 400, "unreadable"},
		{"long request_id", body(`"x"`, `"`+strings.Repeat("r", 129)+`"`), 400, "unreadable"},
		{"zero", body("1280", "0"), 422, "amount"},
		{"negative", body("1280", "-1"), 422, "amount"},
		{"fraction", body("1280", "12.80"), 422, "amount"},
		{"exponent", body("1280", "1e3"), 422, "amount"},
		{"text", body("1280", `"1280"`), 422, "amount"},
		{"too large", body("1280", "1000000000000"), 422, "amount"},
		{"overflow", body("1280", "99999999999999999999"), 422, "amount"},
		{"amount is a number", body(`{"value":1280,"currency":"CNY"}`, "1280"), 422, "amount"},
		{"unknown currency", body("CNY", "CNX"), 422, "currency"},
		{"no currency", body(`,"currency":"CNY"`, ""), 422, "currency"},
		{"currency is a number", body(`"CNY"`, "156"), 422, "currency"},
		{"unknown mode", body(`"mode":"scan"`, `"mode":"card"`), 422, "mode"},
		{"no mode", body(`,"mode":"scan"`, ""), 422, "mode"},
		{"mode is a number", body(`"mode":"scan"`, `"mode":1`), 422, "mode"},
		{"unknown lane", body(`"lane":"1"`, `"lane":"9"`), 404, "lane_unknown"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := tm.till().api("POST", "/payments", test.body)
			if a.status != test.status || a.code(t) != test.code || a.json(t)["say"] == "" {
				t.Errorf("got %d %s, want %d %s", a.status, a.body, test.status, test.code)
			}
		})
	}
	if len(tm.payments) != 0 {
		t.Errorf("%d payments were opened", len(tm.payments))
	}
}

func TestTheShapeOfRequests(t *testing.T) {
	tm := newTerminal(t)
	id := string(tm.open("a", "scan"))
	till := tm.till()
	tests := []struct {
		name         string
		c            *client
		method, path string
		body         string
		status       int
		code         string
	}{
		{"JSON sent as text", till.with("Content-Type", "text/plain"), "POST", "/payments", openBody("b", "scan"), 415, "content_type"},
		{"JSON sent as a form", till.with("Content-Type", "application/x-www-form-urlencoded"), "POST", "/payments", openBody("b", "scan"), 415, "content_type"},
		{"no media type", till.with("Content-Type", ""), "POST", "/payments", openBody("b", "scan"), 415, "content_type"},
		{"JSON with a character set", till.with("Content-Type", "application/json; charset=utf-8"), "POST", "/payments", openBody("a", "scan"), 200, ""},
		{"64 KiB and more", till, "POST", "/payments", `{"reference":"` + strings.Repeat("x", 64<<10) + `"}`, 413, "too_large"},
		{"unknown call", till, "GET", "/nothing", "", 404, "not_found"},
		{"unknown call below a payment", till, "GET", "/payments/" + id + "/nothing", "", 404, "not_found"},
		{"unknown payment", till, "GET", "/payments/01JZ0000000000000000000009", "", 404, "not_found"},
		{"encoded slashes", till, "GET", "/payments/..%2f..%2fetc", "", 404, "not_found"},
		{"GET where something changes", till, "GET", "/payments/" + id + "/cancel", "", 405, "method"},
		{"GET on approvals", till, "GET", "/approvals", "", 405, "method"},
		{"DELETE of a payment", till, "DELETE", "/payments/" + id, "", 405, "method"},
		{"no token", tm.till().with("Authorization", ""), "GET", "/status", "", 401, "unauthorized"},
		{"wrong token", tm.till().with("Authorization", "Bearer "+tillToken+"x"), "GET", "/status", "", 401, "unauthorized"},
		{"empty token", tm.till().with("Authorization", "Bearer "), "GET", "/status", "", 401, "unauthorized"},
		{"another scheme", tm.till().with("Authorization", "Basic "+tillToken), "GET", "/status", "", 401, "unauthorized"},
		{"a till asks for people", till, "GET", "/people", "", 403, "forbidden"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := test.c.api(test.method, test.path, test.body)
			if a.status != test.status || test.code != "" && a.code(t) != test.code {
				t.Errorf("got %d %s, want %d %s", a.status, a.body, test.status, test.code)
			}
			if a.status == 405 && a.header.Get("Allow") == "" {
				t.Error("405 does not say what is allowed")
			}
		})
	}
}

func TestAStoreThatCannotWrite(t *testing.T) {
	tm := newTerminal(t)
	tm.broken = &agent.Error{Op: "commit", Class: agent.Unavailable, Code: agent.CodeNotWritable, Err: errors.New("disk is full: /var/lib/secret-path"),
		Say: agent.Sentence{English: "The disk is full."}}
	a := tm.till().api("POST", "/payments", openBody("a", "scan"))
	if a.status != 503 || a.code(t) != "store_not_writable" || strings.Contains(a.body, "secret-path") {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestEveryMemberOfAPayment(t *testing.T) {
	tm := newTerminal(t)
	till := tm.till()
	id := tm.open("a", "scan")
	tm.pay(id)
	tm.fact(id, agent.Fact{Kind: agent.FactRefundRequested, RefundNo: tm.payments[0].NextRefundNo(), RequestID: "r1", Amount: 280, Text: "cold soup", By: "person:mia"})
	a := till.want(http.StatusOK, "GET", "/payments/"+string(id), "")
	p := a.json(t)
	for _, member := range []string{"id", "order_no", "request_id", "lane", "amount", "reference", "mode", "wallet", "status", "final", "created", "since",
		"say", "word", "tone", "qr", "refunded", "refundable", "refunds", "test", "facts"} {
		if _, ok := p[member]; !ok {
			t.Errorf("there is no member %s", member)
		}
	}
	money := func(v any) string { m := v.(map[string]any); return fmt.Sprint(m["value"], m["currency"]) }
	if p["status"] != "paid" || p["say"] != "PAID 12.80" || p["tone"] != "good" || money(p["amount"]) != "1280CNY" || money(p["refunded"]) != "0CNY" || money(p["refundable"]) != "1000CNY" {
		t.Errorf("the payment is %s", a.body)
	}
	refund := p["refunds"].([]any)[0].(map[string]any)
	if refund["id"] != "r1" || refund["refund_no"] != tm.payments[0].OrderNo+"P1" || money(refund["amount"]) != "280CNY" || refund["status"] != "requested" || refund["final"] != false || refund["say"] == "" {
		t.Errorf("the refund is %v", refund)
	}
	if strings.Contains(a.body, "fingerprint") || strings.Contains(a.body, "ZmluZ2Vy") {
		t.Error("the payment code's fingerprint leaves the terminal")
	}
	if kinds := a.body; !strings.Contains(kinds, `"kind":"opened"`) || !strings.Contains(kinds, `"kind":"approved"`) {
		t.Error("the facts are missing")
	}
	if zh := till.want(http.StatusOK, "GET", "/payments/"+string(id)+"?lang=zh-CN", "").json(t); zh["say"] == p["say"] {
		t.Errorf("asked for Chinese, it says %v", zh["say"])
	}
}

func TestAShownCodeIsInThePaymentOnlyWhileItIsShown(t *testing.T) {
	tm := newTerminal(t)
	id := string(tm.open("a", "show"))
	till := tm.till()
	if p := till.want(200, "GET", "/payments/"+id, "").json(t); p["qr"] != "weixin://wxpay/bizpayurl?pr=Ab3dEf" || p["status"] != "qr_shown" {
		t.Errorf("while it is shown: %v", p)
	}
	if svg := till.want(200, "GET", "/payments/"+id+"/qr", ""); !strings.HasPrefix(svg.body, "<svg ") || svg.header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("the picture is %.40q", svg.body)
	}
	if p := till.want(202, "POST", "/payments/"+id+"/cancel", "").json(t); p["qr"] != "" || p["status"] != "closing" {
		t.Errorf("after cancelling: %v", p)
	}
	till.want(404, "GET", "/payments/"+id+"/qr", "")
}

func TestCancelling(t *testing.T) {
	tests := []struct {
		name   string
		facts  []agent.Fact
		mode   string
		status int
		state  string
	}{
		{"nothing sent", nil, "scan", 202, "not_sent"},
		{"sending", []agent.Fact{{Kind: agent.FactPayStarted, Wallet: "wechat", Attempt: 1}}, "scan", 202, "reversing"},
		{"in doubt", []agent.Fact{{Kind: agent.FactPayStarted, Wallet: "wechat", Attempt: 1}, {Kind: agent.FactInDoubt, Reason: agent.ReasonNoAnswer}}, "scan", 202, "reversing"},
		{"customer must confirm", []agent.Fact{{Kind: agent.FactPayStarted, Wallet: "wechat", Attempt: 1}, {Kind: agent.FactAwaiting}}, "scan", 202, "reversing"},
		{"code shown", nil, "show", 202, "closing"},
		{"paid", []agent.Fact{{Kind: agent.FactPayStarted, Wallet: "wechat", Attempt: 1}, {Kind: agent.FactApproved, Amount: 1280, Op: agent.OpPay}}, "scan", 409, "final"},
	}
	for _, test := range tests {
		for _, body := range []string{"", "{}"} {
			t.Run(test.name+" "+body, func(t *testing.T) {
				tm := newTerminal(t)
				id := tm.open("a", test.mode)
				if len(test.facts) > 0 {
					tm.fact(id, slices.Clone(test.facts)...)
				}
				path := "/payments/" + string(id) + "/cancel"
				got := tm.till().want(test.status, "POST", path, body).json(t)
				if test.status == 409 {
					if got["code"] != test.state || got["payment"] != string(id) {
						t.Errorf("got %v", got)
					}
					return
				}
				if got["status"] != test.state || got["id"] != string(id) {
					t.Errorf("got %v", got)
				}
				if !got["final"].(bool) {
					if again := tm.till().want(200, "POST", path, body).json(t); again["status"] != test.state || again["repeated"] != true {
						t.Errorf("again: %v", again)
					}
				}
			})
		}
	}
}

func TestListing(t *testing.T) {
	tm := newTerminal(t)
	for i := range 5 {
		id := tm.open(fmt.Sprint("r", i), "scan")
		if i < 4 {
			tm.pay(id)
		}
		tm.clock.advance(time.Hour)
	}
	ids := func(query string) (list []string, next string) {
		a := tm.till().want(200, "GET", "/payments"+query, "").json(t)
		for _, p := range a["payments"].([]any) {
			list = append(list, p.(map[string]any)["request_id"].(string))
		}
		return list, a["next"].(string)
	}
	after := func(d time.Duration) string {
		return tm.clock.Now().Add(d).UTC().Format(time.RFC3339)
	}
	tests := []struct {
		query string
		want  []string
	}{
		{"", []string{"r4", "r3", "r2", "r1", "r0"}},
		{"?status=open", []string{"r4"}},
		{"?status=paid&limit=2", []string{"r3", "r2"}},
		{"?status=paid,created", []string{"r4", "r3", "r2", "r1", "r0"}},
		{"?status=review", nil},
		{"?q=T-r2", []string{"r2"}},
		{"?q=T-r", []string{"r4", "r3", "r2", "r1", "r0"}},
		{"?q=T-r&whole=true", nil},
		{"?q=r2&whole=true", []string{"r2"}},
		{"?lane=2", nil},
		{"?from=" + after(-150*time.Minute), []string{"r4", "r3"}},
		{"?to=" + after(-270*time.Minute), []string{"r0"}},
	}
	for _, test := range tests {
		if got, _ := ids(test.query); !slices.Equal(got, test.want) {
			t.Errorf("%q: got %v, want %v", test.query, got, test.want)
		}
	}
	var all []string
	for cursor, pages := "", 0; pages == 0 || cursor != ""; pages++ {
		list, next := ids("?limit=2&cursor=" + cursor)
		all, cursor = append(all, list...), next
	}
	if !slices.Equal(all, []string{"r4", "r3", "r2", "r1", "r0"}) {
		t.Errorf("page by page: %v", all)
	}
	for _, query := range []string{"?from=yesterday", "?limit=0", "?limit=501", "?limit=x", "?status=great", "?day=tomorrow"} {
		if a := tm.till().want(400, "GET", "/payments"+query, ""); a.code(t) != "unreadable" {
			t.Errorf("%s: %s", query, a.body)
		}
	}
}

func TestTodayIsTheShopsDay(t *testing.T) {
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	tm := newTerminal(t, func(o *Options) { o.Zone = shanghai })
	from, to, err := tm.web.day("today")
	if err != nil || from.Location() != shanghai || from.Hour() != 0 || to.Sub(from) != 24*time.Hour || tm.clock.Now().Before(from) || !tm.clock.Now().Before(to) {
		t.Errorf("today is %v to %v, %v", from, to, err)
	}
}

func TestScanningThroughTheAPI(t *testing.T) {
	tm := newTerminal(t)
	till := tm.till()
	none := till.want(200, "POST", "/lanes/1/scan", `{"text":"134567890123456789"}`).json(t)
	if none["accepted"] != false || none["say"] == "" || none["payment"] != nil {
		t.Errorf("without a payment: %v", none)
	}
	id := tm.open("a", "scan")
	got := till.want(202, "POST", "/lanes/1/scan", `{"text":"134567890123456789"}`).json(t)
	if got["accepted"] != true || got["payment"].(map[string]any)["id"] != string(id) || got["payment"].(map[string]any)["status"] != "sending" {
		t.Errorf("with a payment: %v", got)
	}
	till.want(404, "POST", "/lanes/9/scan", `{"text":"134567890123456789"}`)
	for _, body := range []string{`{"text":""}`, `{}`, `{"text":"` + strings.Repeat("1", 4097) + `"}`, `{"text":"1","lane":"2"}`} {
		till.want(400, "POST", "/lanes/1/scan", body)
	}
}

func TestNoErrorRepeatsAPaymentCode(t *testing.T) {
	tm := newTerminal(t)
	const code = "134567890123456789"
	for _, body := range []string{`{"text":` + code + `}`, `{"text":["` + code + `"]}`, `{"text":"` + code + `"`, `"` + code + `"`, code, `{"text":"` + code + `"} x`} {
		if a := tm.till().want(400, "POST", "/lanes/1/scan", body); strings.Contains(a.body, code[:8]) {
			t.Errorf("%s is answered with %s", body, a.body)
		}
	}
}

func TestStatus(t *testing.T) {
	tm := newTerminal(t, func(o *Options) {
		o.Line = func() agent.Line {
			return agent.Line{State: agent.LineDown, Wallets: map[string]agent.WalletLine{"wechat": {State: agent.LineDown}}}
		}
		o.Problems = func() []agent.Problem { return []agent.Problem{{What: "The clock is wrong.", Do: "Set it."}} }
	})
	tm.open("a", "scan")
	a := tm.till().want(200, "GET", "/status", "")
	for _, part := range []string{`"version":"1.2.3"`, `"line":{"state":"down"`, `"wallets":{"wechat":{"state":"down"`, `"queue":{"entries":1,"unsent":0,"dead":0,"oldest_age_ms":0}`,
		`{"id":"1","name":"Register 1","wallet":"wechat","payment":"01JZ`, `"scanner":"ready","display":"absent"`, `"scanner":"disabled","display":"disabled"`,
		`"id":"1.scanner","kind":"scanner","lane":"1","driver":"line","path":"/dev/ttyACM0","state":"ready"`, `"id":"1.display"`,
		`"problems":[{"what":"The clock is wrong.","since":`, `"do":"Set it."`} {
		if !strings.Contains(a.body, part) {
			t.Errorf("the status lacks %s:\n%s", part, a.body)
		}
	}
}
