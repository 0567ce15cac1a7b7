package web

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

// refundForm is the id that the form of a payment's page asks under.
func refundForm(t *testing.T, page string) string {
	t.Helper()
	m := regexp.MustCompile(`name="request" value="([A-Z2-7]+)"`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("the page has no form: %s", page)
	}
	return m[1]
}

func TestTheOwnerGivesMoneyBack(t *testing.T) {
	tm := newTerminal(t)
	id := tm.open("a", "scan")
	path := "/owner/payments/" + string(id)
	c := tm.owner()
	if body := c.do("GET", path, "").body; strings.Contains(body, `action="`+path+`/refund"`) {
		t.Error("what was not paid can be given back")
	}
	tm.pay(id)
	page := c.do("GET", path, "").body
	request := refundForm(t, page)
	if !strings.Contains(page, `value="12.80"`) {
		t.Error("the form does not offer what is left")
	}
	form := func(amount, password string) []string {
		return []string{"request", request, "amount", amount, "reason", "cold <soup>", "password", password}
	}
	for _, test := range []struct {
		amount, password string
		status           int
		says             string
	}{
		{"2.80", "wrong password", 401, "That is not right"},
		{"nothing", "open sesame 123", 400, "such as 12.80"},
		{"0", "open sesame 123", 400, "such as 12.80"},
		{"12.81", "open sesame 123", 400, "At most 12.80"},
	} {
		a := c.post(path+"/refund", form(test.amount, test.password)...)
		if a.status != test.status || !strings.Contains(a.body, test.says) || !strings.Contains(a.body, "<details class=\"card pad-in\" open>") ||
			!strings.Contains(a.body, `value="`+test.amount+`"`) || !strings.Contains(a.body, `value="cold &lt;soup&gt;"`) || refundForm(t, a.body) != request || strings.Contains(a.body, test.password) {
			t.Errorf("%s: %d %s", test.amount, a.status, a.body)
		}
	}
	if p, _ := tm.Payment(t.Context(), id); len(p.Status.Refunds) != 0 {
		t.Fatalf("a refusal gave back %+v", p.Status.Refunds)
	}
	// A double click asks twice under one id.
	for range 2 {
		if a := c.post(path+"/refund", form("2.80", "open sesame 123")...); a.status != 303 || a.header.Get("Location") != path {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	p, _ := tm.Payment(t.Context(), id)
	if r := p.Status.Refunds; len(r) != 1 || r[0].Amount != 280 || r[0].By != "person:own" || r[0].Why != "cold <soup>" {
		t.Errorf("given back: %+v", r)
	}
	if tm.audited("refund") != 1 || tm.audited("approval_refused") != 1 {
		t.Error("the log lacks the refund or the refusal")
	}
	if next := c.do("GET", path, "").body; refundForm(t, next) == request || !strings.Contains(next, `value="10.00"`) {
		t.Error("the next refund would be taken for this one, or offers too much")
	}
}

func TestOnlyTheOwnerGivesBackHere(t *testing.T) {
	tm := newTerminal(t)
	id := tm.open("a", "scan")
	tm.pay(id)
	path := "/owner/payments/" + string(id) + "/refund"
	form := []string{"request", "R", "amount", "1.00", "password", "open sesame 123"}
	for who, c := range map[string]*client{"nobody": tm.page(), "a manager": tm.signedIn("mia", "222222"), "another site": tm.owner().with("Sec-Fetch-Site", "cross-site")} {
		if a := c.post(path, form...); a.status != 401 && a.status != 403 {
			t.Errorf("%s: %d", who, a.status)
		}
	}
	if a := tm.owner().do("GET", path, ""); a.status != 405 {
		t.Errorf("by a link: %d", a.status)
	}
	if p, _ := tm.Payment(t.Context(), id); len(p.Status.Refunds) != 0 {
		t.Errorf("given back: %+v", p.Status.Refunds)
	}
}

// TestAStoryNamesTheDaysThatItTakes: the time of a day alone is misread when a payment
// goes on over midnight.
func TestAStoryNamesTheDaysThatItTakes(t *testing.T) {
	tm := newTerminal(t)
	tm.clock.wall = time.Date(2026, 5, 1, 23, 59, 30, 0, time.UTC)
	id := tm.open("a", "scan")
	tm.pay(id)
	tm.clock.wall = tm.clock.wall.Add(time.Minute)
	tm.fact(id, agent.Fact{Kind: agent.FactRefundRequested, RefundNo: "x", RequestID: "r", Amount: 100, By: "person:mia"})
	body := tm.owner().do("GET", "/owner/payments/"+string(id), "").body
	if got := fmt.Sprint(regexp.MustCompile(`<time class="figure">([^/]*)</time>`).FindAllStringSubmatch(body, -1)); got != fmt.Sprint([][]string{
		{`<time class="figure">23:59:30</time>`, "23:59:30"}, {`<time class="figure">23:59:30</time>`, "23:59:30"}, {`<time class="figure">23:59:30</time>`, "23:59:30"},
		{`<time class="figure">2 May 2026<br>00:00:30</time>`, "2 May 2026<br>00:00:30"}}) {
		t.Errorf("the times are %s", got)
	}
}
