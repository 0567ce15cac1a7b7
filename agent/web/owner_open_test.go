package web

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

// TestOpenItemsSayWhatHappensNext: what a person must settle is first, the rest is in the
// order in which it began, and a refund under way is there although its payment has ended.
func TestOpenItemsSayWhatHappensNext(t *testing.T) {
	tm := newTerminal(t)
	tm.pay(tm.open("paid", "scan")) // nothing is left to do
	back := tm.open("back", "scan")
	tm.clock.advance(time.Second)
	p := tm.pay(back)
	tm.fact(back, agent.Fact{Kind: agent.FactRefundRequested, RefundNo: p.NextRefundNo(), RequestID: "r", Amount: 280, By: "person:mia"})
	sent := agent.Fact{Kind: agent.FactPayStarted, Op: agent.OpPay, Attempt: 1, Wallet: "wechat"}
	lost := agent.Fact{Kind: agent.FactInDoubt, Reason: agent.ReasonNoAnswer}
	undone := tm.open("undone", "scan")
	tm.fact(undone, sent, lost, agent.Fact{Kind: agent.FactReversalDecided, Reason: agent.ReasonCancelled, By: "person:cas"})
	tm.clock.advance(time.Second)
	office := tm.open("office", "scan")
	tm.fact(office, sent, lost, agent.Fact{Kind: agent.FactReviewOpened, Reason: agent.ReasonExhausted, By: "tillwire"})
	list, err := tm.web.openItems(t.Context(), "en")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range list {
		got = append(got, fmt.Sprintf("%s %s %d %.20s", x.ID[len(x.ID)-1:], x.Status.State, x.Refund.Value, x.Next))
	}
	if want := []string{"4 review 0 A person must act: l", "2 paid 280 The refund is on its", "3 reversing 0 It is being taken ba"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	body := tm.owner().do("GET", "/owner/queue", "").body
	for _, want := range []string{"−¥2.80", "next try in 4 s", "tries: 2", "the wallet gave no answer", "A person must act", `href="/owner/payments/` + string(office) + `"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if body := tm.owner().do("GET", "/owner/payments/"+string(undone), "").body; !strings.Contains(body, "It is being taken back") {
		t.Error("the payment's own page does not say what happens next")
	}
	if body := newTerminal(t).owner().do("GET", "/owner/queue", "").body; !strings.Contains(body, "Nothing is waiting") {
		t.Errorf("an empty list: %s", body)
	}
}

// TestEveryOpenStateSaysWhatHappensNext: and none of those that have ended does.
func TestEveryOpenStateSaysWhatHappensNext(t *testing.T) {
	tm := newTerminal(t)
	for _, state := range States() {
		for _, l := range tm.web.Words.Languages() {
			said := tm.web.next(l.Code, agent.Payment{Status: agent.Status{State: state}})
			if (said == "") != state.Final() || strings.HasPrefix(said, "next.") {
				t.Errorf("%s in %s: %q", state, l.Name, said)
			}
		}
	}
}

func TestRefundsAreListedWithWhoAndWhy(t *testing.T) {
	tm := newTerminal(t)
	c := tm.owner()
	if body := c.do("GET", "/owner/refunds", "").body; !strings.Contains(body, "Nothing was given back") {
		t.Errorf("without any: %s", body)
	}
	tm.pay(tm.open("kept", "scan"))
	id := tm.open("a", "scan")
	no := tm.pay(id).NextRefundNo()
	tm.fact(id, agent.Fact{Kind: agent.FactRefundRequested, RefundNo: no, RequestID: "r", Amount: 280, By: "person:mia", Text: "cold <soup>"})
	body := c.do("GET", "/owner/refunds", "").body
	for _, want := range []string{"−¥2.80", "of ¥12.80", "approved by Mia", "cold &lt;soup&gt;", "badge doubt", "Refund of 2.80 requested", string(id)} {
		if !strings.Contains(body, want) {
			t.Errorf("a refund under way: the page lacks %q", want)
		}
	}
	tm.fact(id, agent.Fact{Kind: agent.FactRefundRefused, RefundNo: no, Reason: agent.ReasonShopBalance})
	if body := c.do("GET", "/owner/refunds", "").body; !strings.Contains(body, "badge bad") || !strings.Contains(body, "not enough money in the shop") {
		t.Errorf("a refused one: %s", body)
	}
	day := tm.clock.Now().In(tm.web.Zone).Format(time.DateOnly)
	if body := c.do("GET", "/owner/refunds?since="+day, "").body; !strings.Contains(body, `href="/owner/refunds.xlsx?since=`+day+`"`) {
		t.Errorf("the file is of other days: %s", body)
	}
	if n := strings.Count(body, `href="/owner/payments/01`); n != 1 {
		t.Errorf("%d payments, and one was given back", n)
	}
}

// TestARefundBelongsToItsOwnDay, however old its sale is, and two of one sale to two days.
func TestARefundBelongsToItsOwnDay(t *testing.T) {
	tm := newTerminal(t)
	day := func() string { return tm.clock.Now().In(tm.web.Zone).Format(time.DateOnly) }
	asks := func(id agent.PaymentID, request string, amount int64) {
		p, _ := tm.Payment(t.Context(), id)
		tm.fact(id, agent.Fact{Kind: agent.FactRefundRequested, RefundNo: p.NextRefundNo(), RequestID: request, Amount: amount, By: "person:mia"})
	}
	id := tm.open("old", "scan")
	tm.pay(id)
	sold := day()
	asks(id, "first", 100)
	tm.clock.advance(48 * time.Hour)
	tm.pay(tm.open("new", "scan"))
	later := day()
	asks(id, "second", 250)
	c := tm.owner()
	for query, want := range map[string][2]bool{ // whether the first is there, and the second
		"":                                    {true, true},
		"?since=" + sold + "&until=" + sold:   {true, false},
		"?since=" + later + "&until=" + later: {false, true},
		"?since=" + later:                     {false, true},
		"?until=" + sold:                      {true, false},
		"?since=2020-01-01&until=2020-01-01":  {false, false},
	} {
		body := c.do("GET", "/owner/refunds"+query, "").body
		if got := [2]bool{strings.Contains(body, "−¥1.00"), strings.Contains(body, "−¥2.50")}; got != want {
			t.Errorf("%q lists the two refunds: %v, want %v", query, got, want)
		}
	}
	if body := c.do("GET", "/owner?day="+later, "").body; !strings.Contains(body, `href="/owner/refunds?since=`+later+`&amp;until=`+later+`"`) {
		t.Error("the day does not lead to what was given back on it")
	}
}

func TestThePaymentsListKeepsToItsFilters(t *testing.T) {
	tm := newTerminal(t)
	tm.pay(tm.open("till", "scan"))
	cass := tm.signedIn("cas", "111111")
	mine := cass.want(201, "POST", "/payments", strings.Replace(openBody("hers", "scan"), `"lane":"1"`, `"lane":"2"`, 1)).json(t)["id"].(string)
	c := tm.owner()
	for query, want := range map[string]bool{"?cashier=Cass": true, "?cashier=Mia": false, "?lane=2": true, "?lane=1": false, "?lane=2&cashier=Cass&status=open": true, "?since=2020-01-01&until=2020-01-02": false} {
		body := c.do("GET", "/owner/payments"+query, "").body
		if strings.Contains(body, mine) != want {
			t.Errorf("%s: found %v", query, !want)
		}
		if want && !strings.Contains(body, `/owner/payments.xlsx?`+strings.ReplaceAll(sortedQuery(query), "&", "&amp;")+`"`) {
			t.Errorf("%s: the export has other filters: %s", query, body)
		}
	}
	body := c.do("GET", "/owner/payments?day=2026-05-01&lane=gone&cashier=Left&wallet=old", "").body
	for _, want := range []string{`name="since" type="date" value="2026-05-01"`, `name="until" type="date" value="2026-05-01"`, `<option value="gone" selected>gone</option>`, `<option selected>Left</option>`, `<option value="old" selected>old</option>`} {
		if !strings.Contains(body, want) {
			t.Errorf("the form lacks %s", want)
		}
	}
}

// sortedQuery is a query as an address writes it.
func sortedQuery(query string) string {
	list := strings.Split(strings.TrimPrefix(query, "?"), "&")
	slices.Sort(list)
	return strings.Join(list, "&")
}

func TestTheSettingsPageSaysWhoChangedWhat(t *testing.T) {
	tm := newTerminal(t, func(o *Options) { o.Settings = table{} })
	body := tm.owner().do("GET", "/owner/settings", "").body
	for _, want := range []string{"Latest changes", `<bdi>Joe&#39;s</bdi> <span class="to">→</span> <strong><bdi>Joe&#39;s &lt;b&gt;shop&lt;/b&gt;</bdi></strong>`, ">Olive<", ">gone.key<", "Somebody on the network", `<span class="soft">default</span> <span class="to">→</span> <strong><bdi>7</bdi></strong>`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestTheLogShowsMoreWhenAsked(t *testing.T) {
	tm := newTerminal(t)
	for range actsFirst + 10 {
		tm.web.audits.note(t.Context(), agent.Audit{Actor: "person:cas", Action: "reconcile"})
	}
	c := tm.owner()
	first := c.do("GET", "/owner/log", "").body
	if n := strings.Count(first, `<li class="line">`); n != actsFirst || !strings.Contains(first, `href="/owner/log?show=1000"`) {
		t.Errorf("%d acts at first", n)
	}
	more := c.do("GET", "/owner/log?show=1000", "").body
	if n := strings.Count(more, `<li class="line">`); n != actsFirst+11 || strings.Contains(more, "Show more") {
		t.Errorf("%d acts of %d", n, actsFirst+11)
	}
	if a := c.do("GET", "/owner/log?show=-5", ""); a.status != 200 || strings.Count(a.body, `<li class="line">`) != actsFirst {
		t.Errorf("a number of nonsense: %d", a.status)
	}
}

// TestTheLogSaysWhoAndWhereByName: nobody in a shop knows anybody by an id.
func TestTheLogSaysWhoAndWhereByName(t *testing.T) {
	tm := newTerminal(t)
	for _, a := range []agent.Audit{
		{Actor: "person:mia", Action: "refund", Object: "01J", Detail: "2.80 CNY DEMO01P1 via person:cas"},
		{Actor: "person:mia", Action: "refund", Object: "01J", Detail: "1.00 CNY DEMO01P2 via till:till-1"},
		{Actor: "person:cas", Action: "shift_close", Object: "lane 2", Detail: "310.00 CNY"},
		{Actor: "person:cas", Action: "unlock", Object: "person:mia"},
		{Actor: "person:cas", Action: "refund", Object: "01J", Detail: "3.00 CNY DEMO01P3 via person:gone"},
	} {
		tm.web.audits.note(t.Context(), a)
	}
	body := tm.owner().do("GET", "/owner/log", "").body
	for _, want := range []string{`<span class="end">Mia</span>`, "DEMO01P1 via Cass<", "DEMO01P2 via till-1<", `<small class="mono">Register 2</small>`, `<small class="mono">Mia</small>`, "via person:gone<"} {
		if !strings.Contains(body, want) {
			t.Errorf("the log lacks %s", want)
		}
	}
}
