package web

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

func TestAShiftFromCountToCount(t *testing.T) {
	var printed []agent.Report
	tm := newTerminal(t, func(o *Options) {
		o.Terminal = "DEMO01"
		o.Prints, o.Print = func(lane string) bool { return lane == "1" }, func(context.Context, agent.PaymentID) error { return nil }
		o.PrintReport = func(_ context.Context, _ string, r agent.Report) error { printed = append(printed, r); return nil }
	})
	cass := tm.signedIn("cas", "111111")
	if a := cass.want(200, "GET", "/lanes/1/shift", ""); a.json(t)["shift"] != nil {
		t.Errorf("before the first: %s", a.body)
	}
	cass.want(404, "POST", "/lanes/1/shift/close", `{"counted":0}`)
	for body, status := range map[string]int{`{}`: 422, `{"counted":-1}`: 422, `{"counted":1.5}`: 400, `{"counted":"9"}`: 400, `{"counted":1,"by":"x"}`: 400} {
		if a := cass.api("POST", "/lanes/1/shift", body); a.status != status {
			t.Errorf("%s: %d %s, want %d", body, a.status, a.body, status)
		}
	}
	cass.want(404, "POST", "/lanes/9/shift", `{"counted":20000}`)
	tm.till().want(403, "POST", "/lanes/1/shift", `{"counted":20000}`)
	tm.page().want(401, "POST", "/lanes/1/shift", `{"counted":20000}`)
	cass.want(201, "POST", "/lanes/1/shift", `{"counted":20000}`)
	cass.want(409, "POST", "/lanes/1/shift", `{"counted":20000}`)
	tm.pay(tm.open("a", "scan"))
	held := tm.open("b", "scan")
	if a := cass.want(409, "POST", "/lanes/1/shift/close", `{"counted":1}`); a.code(t) != "lane_busy" || a.json(t)["payment"] != string(held) {
		t.Errorf("closing under a payment: %s", a.body)
	}
	tm.till().want(202, "POST", "/payments/"+string(held)+"/cancel", "")
	cass.want(202, "POST", "/shifts/1/print", "")
	x := cass.do("GET", "/shift/1", "").body
	for _, has := range []string{"X report", "Cass", "¥200.00", "The shift is not over", `data-print="/shifts/1/print"`} {
		if !strings.Contains(x, has) {
			t.Errorf("the X report lacks %s", has)
		}
	}
	tm.clock.advance(time.Minute)
	closed := cass.want(200, "POST", "/lanes/1/shift/close", `{"counted":31000}`).json(t)["shift"].(map[string]any)
	if closed["closed"] == nil || closed["closed_by"] != "Cass" || fmt.Sprint(closed["end"]) != "map[currency:CNY value:31000]" || fmt.Sprint(closed["sums"]) != "[map[captured:1280 captured_earlier:0 count:2 currency:CNY open:0 paid:1 refunded:0 refunded_earlier:0 wallet:]]" {
		t.Errorf("the closed shift is %v", closed)
	}
	cass.want(202, "POST", "/shifts/1/print", "")
	if len(printed) != 2 || printed[0].Z || !printed[1].Z || printed[1].Shift.End.Value != 31000 || printed[1].Terminal != "DEMO01" || printed[0].By != "Cass" {
		t.Errorf("printed: %+v", printed)
	}
	z := cass.do("GET", "/shift/1?lang=zh-CN", "").body
	for _, has := range []string{"Z", "¥310.00", "¥200.00", "¥12.80"} {
		if !strings.Contains(z, has) {
			t.Errorf("the Z report lacks %s", has)
		}
	}
	for path, status := range map[string]int{"/shift/2": 404, "/shift/x": 400} {
		if a := cass.do("GET", path, ""); a.status != status {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	if a := tm.page().do("GET", "/shift/1", ""); a.status != 401 || strings.Contains(a.body, "310.00") {
		t.Errorf("a stranger: %d", a.status)
	}
	if tm.audited("shift_open") != 1 || tm.audited("shift_close") != 1 {
		t.Error("the shift is not in the audit trail")
	}
}

func TestParkingAnAmount(t *testing.T) {
	tm := newTerminal(t)
	cass := tm.signedIn("cas", "111111")
	park := func(id, note string) string {
		return fmt.Sprintf(`{"request_id":%q,"lane":"1","amount":{"value":1280,"currency":"CNY"},"note":%q}`, id, note)
	}
	cass.want(201, "POST", "/parked", park("a", " table 4 "))
	cass.want(201, "POST", "/parked", park("a", "table 4"))
	for body, status := range map[string]int{park("", "x"): 400, park("b", strings.Repeat("x", 41)): 400, park("b", "a\x01"): 400,
		strings.Replace(park("b", ""), "1280", "0", 1): 422, strings.Replace(park("b", ""), `"1"`, `"9"`, 1): 404} {
		if a := cass.api("POST", "/parked", body); a.status != status {
			t.Errorf("%s: %d %s, want %d", body, a.status, a.body, status)
		}
	}
	tm.till().want(403, "GET", "/parked", "")
	list := cass.want(200, "GET", "/parked", "").json(t)["parked"].([]any)
	if len(list) != 1 || list[0].(map[string]any)["note"] != "table 4" || list[0].(map[string]any)["by"] != "Cass" {
		t.Errorf("parked: %v", list)
	}
	if len(tm.payments) != 0 {
		t.Error("parking opened a payment")
	}
	cass.want(204, "DELETE", "/parked/a", "")
	cass.want(404, "DELETE", "/parked/a", "")
}

// TestAParkedAmountHasOnePayment, whoever takes it up at whatever register, and is on the list
// until that payment exists.
func TestAParkedAmountHasOnePayment(t *testing.T) {
	tm := newTerminal(t)
	cass, mia := tm.signedIn("cas", "111111"), tm.signedIn("mia", "222222")
	park := func(id string) {
		t.Helper()
		cass.want(201, "POST", "/parked", fmt.Sprintf(`{"request_id":%q,"lane":"1","amount":{"value":1280,"currency":"CNY"}}`, id))
	}
	listed := func(want int, when string) {
		t.Helper()
		if list := cass.want(200, "GET", "/parked", "").json(t)["parked"].([]any); len(list) != want {
			t.Errorf("%s, parked are %v", when, list)
		}
	}
	here, there := openBody("x", "any"), strings.Replace(openBody("x", "any"), `"lane":"1"`, `"lane":"2"`, 1)
	park("a")
	tm.till().want(403, "POST", "/parked/a/payment", here)
	cass.want(422, "POST", "/parked/a/payment", strings.Replace(here, "1280", "0", 1))
	held := tm.open("held", "scan")
	if a := cass.want(409, "POST", "/parked/a/payment", here); a.code(t) != agent.CodeLaneBusy {
		t.Errorf("on a held lane: %s", a.body)
	}
	listed(1, "when no payment could be opened")
	tm.till().want(202, "POST", "/payments/"+string(held)+"/cancel", "")

	first := cass.want(201, "POST", "/parked/a/payment", here).json(t)
	listed(0, "once there is a payment")
	if p := tm.payments[1]; first["request_id"] != "a" || p.Cashier != "Cass" || p.Client != parkedClient {
		t.Errorf("the payment is %+v", p)
	}
	if again := cass.want(200, "POST", "/parked/a/payment", here).json(t); again["id"] != first["id"] || again["repeated"] != true {
		t.Errorf("after a lost answer: %v", again)
	}
	// As if it had not left the list: the next who takes it up hears of its payment.
	park("a")
	for _, who := range []*client{mia, cass} {
		a := who.want(409, "POST", "/parked/a/payment", there)
		if a.code(t) != agent.CodeRequestReused || a.json(t)["payment"] != first["id"] || !strings.Contains(a.body, "not parked any more") {
			t.Errorf("at another register: %s", a.body)
		}
	}
	listed(0, "after another register has heard of the payment")
	if len(tm.payments) != 2 {
		t.Errorf("%d payments, want the till's and one of the amount", len(tm.payments))
	}
}
