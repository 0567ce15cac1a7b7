package gateway

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

// capable is what the gateway says of paypay, with members changed.
func capable(edit map[string]any) string {
	brand := map[string]any{"brand": "paypay", "title": "PayPay", "currencies": []string{"THB"}, "modes": []string{"code", "show"},
		"limits": []any{map[string]any{"currency": "THB", "min": 100, "max": 5000}}}
	for name, value := range edit {
		brand[name] = value
	}
	return edited(map[string]any{"version": 1, "merchant": "M100", "max_age_s": 3600, "time_zone": "Asia/Tokyo", "test": false, "brands": []any{brand}}, nil)
}

func paypay(t *testing.T, c *Connection) charging {
	t.Helper()
	w, err := c.Wallet("paypay", Brand{Name: "paypay", Charges: true})
	if err != nil {
		t.Fatal(err)
	}
	return w.(charging)
}

func TestCapabilitiesAreRemembered(t *testing.T) {
	c := newCloud(t, answer{status: 200, body: order("paid", map[string]any{"brand": "paypay"})})
	c.can = capable(nil)
	connection := c.connect()
	w := paypay(t, connection)
	if info := w.Info(); len(info.Currency) != 0 {
		t.Errorf("before it was asked: %+v", info)
	}
	for range 3 {
		if _, err := connection.Capabilities(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(c.requests()); n != 1 {
		t.Errorf("asked %d times", n)
	}
	c.clock.add(time.Hour)
	if _, err := connection.Capabilities(t.Context()); err != nil || len(c.requests()) != 2 {
		t.Errorf("after an hour: %d requests, %v", len(c.requests()), err)
	}
	if info := w.Info(); len(info.Currency) != 1 || info.Currency[0] != "THB" {
		t.Errorf("%+v", info)
	}
}

// TestWhatTheGatewayDoesNotTakeIsNotSent: nothing leaves, and that is proven.
func TestWhatTheGatewayDoesNotTakeIsNotSent(t *testing.T) {
	c := newCloud(t, answer{status: 200, body: order("paid", map[string]any{"brand": "paypay"})})
	c.can = capable(nil)
	w := paypay(t, c.connect())
	if a := w.Pay(t.Context(), sold(), code); a.Verdict != agent.Approved {
		t.Errorf("before the limits are known: %v", a.Verdict)
	}
	if _, err := w.Capabilities(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := len(c.requests())
	for reason, m := range map[agent.Reason]agent.Money{agent.ReasonOverLimit: {Value: 5001, Currency: "THB"}, agent.ReasonSetup: {Value: 2015, Currency: "SGD"}} {
		p := sold()
		p.Amount = m
		if a := w.Pay(t.Context(), p, code); a.Verdict != agent.NotDelivered || a.Reason != reason {
			t.Errorf("%s: %v (%s)", m, a.Verdict, a.Reason)
		}
	}
	if len(c.requests()) != before {
		t.Error("something was sent")
	}
	again := sold()
	again.Amount.Value, again.Status.Attempt = 5001, 2
	if a := w.Pay(t.Context(), again, code); a.Verdict == agent.NotDelivered {
		t.Error("of a second try nobody can say that nothing was delivered")
	}
	if a := w.Pay(t.Context(), sold(), code); a.Verdict != agent.Approved {
		t.Errorf("within the limits: %v", a.Verdict)
	}
}

func TestCapabilitiesThatCannotBeBelieved(t *testing.T) {
	for name, can := range map[string]string{
		"another merchant": strings.Replace(capable(nil), "M100", "M101", 1),
		"another version":  strings.Replace(capable(nil), `"version":1`, `"version":2`, 1),
		"no time zone":     strings.Replace(capable(nil), "Asia/Tokyo", "Tokyo", 1),
		"a wrong pattern":  capable(map[string]any{"code_patterns": []string{"^("}}),
		"a new mode":       capable(map[string]any{"modes": []string{"song"}}),
		"no JSON":          "hello",
		"nothing":          "",
	} {
		c := newCloud(t, answer{})
		c.can = can
		if _, err := c.connect().Capabilities(t.Context()); err == nil || agent.ClassOf(err) != agent.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRunAsksAgainWhenTheTimeIsOver(t *testing.T) {
	c := newCloud(t, answer{})
	connection := c.connect()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- connection.Run(ctx) }()
	c.clock.wake <- now // it waits: the first try, which failed, is over
	c.mu.Lock()
	c.can = capable(nil)
	c.mu.Unlock()
	c.clock.wake <- now
	c.clock.wake <- now // told, and woken too early: nothing to ask
	if n := len(c.requests()); n < 2 || n > 3 || connection.said() == nil {
		t.Errorf("%d requests", n)
	}
	before := len(c.requests())
	c.clock.add(time.Hour)
	c.clock.wake <- now
	c.clock.wake <- now
	if n := len(c.requests()); n != before+1 {
		t.Errorf("after an hour %d requests more, want 1", n-before)
	}
	cancel()
	if err := <-done; err != context.Canceled {
		t.Error(err)
	}
}

// TestALiveGateway needs the configuration's word, and loses it to the gateway's.
func TestALiveGateway(t *testing.T) {
	c := newCloud(t, answer{})
	connection := c.connect(func(c *Config) { c.Live, c.Hosts = true, []string{"https://gateway.example"} })
	w := paypay(t, connection)
	if w.Info().Test {
		t.Error("a live gateway is called a test")
	}
	connection.can = &Capabilities{Test: true}
	if !w.Info().Test {
		t.Error("the gateway says that no money moves, and no screen does")
	}
}

// page is a page of a bill of promptpay.
func page(next string, total int, sums string, lines ...string) answer {
	return answer{status: 200, body: fmt.Sprintf(`{"merchant":"M100","brand":"promptpay","date":"2026-01-01","time_zone":"Asia/Bangkok","final":true,"total_lines":%d,"sums":[%s],"lines":[%s],"next":%q}`,
		total, sums, strings.Join(lines, ","), next)}
}

const (
	paidLine   = `{"kind":"payment","order_no":"DEMO0101KDVE6QRC0000000000000001","txn":"GW42","amount":{"value":2015,"currency":"THB"},"at":"2026-01-01T09:34:57+07:00","fee":20}`
	refundLine = `{"kind":"refund","order_no":"DEMO0101KDVE6QRC0000000000000001","refund_no":"DEMO0101KDVE6QRC0000000000000001P1","txn":"RF42","amount":{"value":500,"currency":"THB"},"at":"2026-01-01T10:00:00+07:00"}`
	bothSums   = `{"kind":"payment","currency":"THB","count":1,"value":2015},{"kind":"refund","currency":"THB","count":1,"value":500}`
)

func TestABillOfTwoPages(t *testing.T) {
	c := newCloud(t, page("p2", 2, bothSums, paidLine), page("", 2, bothSums, refundLine))
	lines, err := c.wallet().Bill(t.Context(), "2026-01-01")
	if err != nil || len(lines) != 2 {
		t.Fatalf("%v %v", lines, err)
	}
	want := agent.BillLine{Kind: agent.BillRefund, Wallet: "promptpay", OrderNo: sold().OrderNo, RefundNo: sold().OrderNo + "P1", Txn: "RF42",
		Amount: agent.Money{Value: 500, Currency: "THB"}, At: "2026-01-01T10:00:00+07:00", Text: refundLine}
	if lines[1] != want {
		t.Errorf("%+v", lines[1])
	}
	if target := c.requests()[1].target; target != Root+"/bills/2026-01-01?brand=promptpay&cursor=p2&merchant=M100" {
		t.Error(target)
	}
	if lines, err := newCloud(t, page("", 0, "")).wallet().Bill(t.Context(), "2026-01-01"); err != nil || len(lines) != 0 {
		t.Errorf("a day without payments: %v %v", lines, err)
	}
}

// TestABillThatIsNotTheWholeDay is no bill: a line that is missing there would be
// called missing here.
func TestABillThatIsNotTheWholeDay(t *testing.T) {
	open := page("", 1, bothSums, paidLine)
	open.body = strings.Replace(open.body, `"final":true`, `"final":false`, 1)
	other := page("", 2, bothSums, paidLine, refundLine)
	other.body = strings.Replace(other.body, "2026-01-01", "2026-01-02", 1)
	for name, answers := range map[string][]answer{
		"not ready":       {{status: 404, body: failed("bill_not_ready")}},
		"not final":       {open},
		"another day":     {other},
		"a line short":    {page("", 2, bothSums, paidLine)},
		"a false sum":     {page("", 2, strings.Replace(bothSums, "500", "501", 1), paidLine, refundLine)},
		"a sum too many":  {page("", 1, bothSums, paidLine)},
		"a strange kind":  {page("", 1, "", strings.Replace(paidLine, "payment", "gift", 1))},
		"a strange money": {page("", 1, "", strings.Replace(paidLine, "THB", "XYZ", 1))},
		"no line":         {page("", 1, "", `7`)},
		"pages for ever":  {page("again", 0, "")},
	} {
		if lines, err := newCloud(t, answers...).wallet().Bill(t.Context(), "2026-01-01"); err == nil || agent.ClassOf(err) != agent.Unavailable || lines != nil {
			t.Errorf("%s: %v %v", name, lines, err)
		}
	}
}
