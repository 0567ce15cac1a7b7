package web

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"tillwire/agent"
)

// comparisons is a reconciler that has compared one day and runs when it is told.
type comparisons struct {
	mu      sync.Mutex
	results []agent.Reconciliation
	running string
	started []string
}

func (c *comparisons) Start(day string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if day == "nonsense" {
		return fail(agent.Invalid, agent.CodeUnreadable, "error.bill_day", "Write the day as 2006-01-02.")
	}
	if c.running != "" && c.running != day {
		return fail(agent.Conflict, agent.CodeUnreadable, "error.bill_busy", "The day "+c.running+" is being compared. Wait until that is done.", c.running)
	}
	c.started, c.running = append(c.started, day), day
	return nil
}

func (c *comparisons) Progress() (day, wallet, bill string, done, of int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running, "alipay", c.running, 1, 2
}

// ends lets the day under way be done.
func (c *comparisons) ends() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = ""
}

func (c *comparisons) Result(day string) (agent.Reconciliation, bool) {
	for _, r := range c.results {
		if r.Day == day {
			return r, true
		}
	}
	return agent.Reconciliation{}, false
}

func (c *comparisons) Results() []agent.Reconciliation { return c.results }

func (c *comparisons) CSV(w io.Writer, r agent.Reconciliation, say func(agent.Sentence) string) error {
	_, err := fmt.Fprintf(w, "%s,%s\n", r.Day, say(r.Wallets[0].Differences[0].Say()))
	return err
}

// aprilDay is a result with everything that the page can show.
func aprilDay(payment agent.PaymentID) agent.Reconciliation {
	cny := func(v int64) agent.Money { return agent.Money{Value: v, Currency: "CNY"} }
	return agent.Reconciliation{Day: "2026-04-30", Made: time.Date(2026, 5, 1, 3, 0, 0, 0, time.UTC), Wallets: []agent.WalletBill{
		{Wallet: "alipay", Test: true, Elsewhere: 4, Later: []agent.LaterBill{{Day: "2026-05-01", Count: 1}},
			Sums: []agent.BillSum{{Currency: "CNY", There: agent.BillFlow{Payments: 12345, Paid: 99999999, Returns: 1, Returned: 280}, Here: agent.BillFlow{Payments: 12344, Paid: 99998719}, Differences: 2}},
			Differences: []agent.Difference{
				{Kind: agent.DiffUnknownHere, Wallet: "alipay", OrderNo: "<b>till</b>-77", There: cny(1280), At: "2026-04-30 12:00:00"},
				{Kind: agent.DiffPaidThere, Wallet: "alipay", Payment: payment, OrderNo: "DEMO0101KQJ7B0F5T1V8G5K8M2Q4R6S8", There: cny(99999999), State: agent.RefundDue, At: "2026-04-30 23:59:59", Asked: true},
				{Kind: agent.DiffRefundMissing, Wallet: "alipay", Payment: payment, OrderNo: "DEMO0101KQJ7B0F5T1V8G5K8M2Q4R6S8", RefundNo: "DEMO0101KQJ7B0F5T1V8G5K8M2Q4R6S8P1", Here: cny(280), At: "2026-04-30 23:59:59"},
			}},
		{Wallet: "wechat", Sums: []agent.BillSum{{Currency: "CNY", There: agent.BillFlow{Payments: 1, Paid: 500}, Here: agent.BillFlow{Payments: 1, Paid: 500}}}},
		{Wallet: "promptpay", Failed: &agent.Sentence{ID: "error.bill_unavailable", Args: []string{"promptpay", "2026-04-30"}, English: "The bill of 2026-04-30 is not there yet. Try again later."}},
	}}
}

func TestTheOwnerComparesBills(t *testing.T) {
	bills := &comparisons{}
	tm := newTerminal(t, func(o *Options) { o.Bills = bills })
	tm.clock.wall = time.Date(2026, 5, 1, 10, 30, 0, 0, time.UTC)
	c := tm.owner()
	if a := c.do("GET", "/owner/reconcile", ""); a.status != 200 || !strings.Contains(a.body, `value="2026-04-30"`) || !strings.Contains(a.body, `max="2026-05-01"`) || !strings.Contains(a.body, "has not been compared") {
		t.Errorf("the page before anything: %d %s", a.status, a.body)
	}
	if a := c.do("GET", "/owner/reconcile/csv?day=2026-04-30", ""); a.status != http.StatusNotFound {
		t.Errorf("an export of nothing: %d", a.status)
	}
	if a := c.post("/owner/reconcile", "day", "2026-04-30"); a.status != 303 || a.header.Get("Location") != "/owner/reconcile?day=2026-04-30" || len(bills.started) != 1 || tm.audited("reconcile") != 1 {
		t.Errorf("a start: %d %v %v", a.status, a.header, bills.started)
	}
	if a := c.do("GET", "/owner/reconcile?day=2026-04-30", ""); !strings.Contains(a.body, "data-running") || !strings.Contains(a.body, "Fetching Alipay") || !strings.Contains(a.body, "disabled") {
		t.Errorf("while it runs: %s", a.body)
	}
	if a := c.post("/owner/reconcile", "day", "2026-04-29"); a.status != http.StatusConflict || !strings.Contains(a.body, "is being compared. Wait") {
		t.Errorf("another day meanwhile: %d %s", a.status, a.body)
	}
	bills.ends()
	if a := c.post("/owner/reconcile", "day", "nonsense"); a.status != http.StatusBadRequest || !strings.Contains(a.body, `role="alert">Write the day`) {
		t.Errorf("nonsense: %d %s", a.status, a.body)
	}
	bills.results = []agent.Reconciliation{aprilDay("p1")}
	a := c.do("GET", "/owner/reconcile?day=2026-04-30", "")
	for _, want := range []string{"Differences: 3", "Unknown here", "¥999,999.99", `href="/owner/payments/p1"`, "&lt;b&gt;till", "is not there yet", "Everything agrees", "other terminals", "asked again", "csv?day=2026-04-30"} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the result lacks %q", want)
		}
	}
	if strings.Contains(a.body, "data-running") || strings.Contains(a.body, "<b>till") {
		t.Error("it still runs, or shows markup")
	}
	if a := c.do("GET", "/owner/reconcile?day=2026-04-29", ""); !strings.Contains(a.body, `href="/owner/reconcile?day=2026-04-30"`) {
		t.Error("another day does not lead to the one that is known")
	}
	a = c.do("GET", "/owner/reconcile/csv?day=2026-04-30&lang=zh-CN", "")
	if a.status != 200 || !strings.HasPrefix(a.body, "\ufeff2026-04-30,支付平台为") || !strings.Contains(a.header.Get("Content-Disposition"), `filename="reconcile-2026-04-30.csv"`) || !strings.HasPrefix(a.header.Get("Content-Type"), "text/csv") {
		t.Errorf("the export: %d %v %q", a.status, a.header, a.body)
	}
}

// TestThePageOpensOnADayThatHasBills: early in the morning yesterday has none, unless it
// was compared all the same.
func TestThePageOpensOnADayThatHasBills(t *testing.T) {
	for _, c := range []struct {
		what  string
		hour  int
		known []agent.Reconciliation
		day   string
		early bool
	}{
		{"early", 9, nil, "2026-04-29", true},
		{"from ten on", 10, nil, "2026-04-30", false},
		{"early, but compared", 0, []agent.Reconciliation{aprilDay("p1")}, "2026-04-30", false},
	} {
		t.Run(c.what, func(t *testing.T) {
			tm := newTerminal(t, func(o *Options) { o.Bills = &comparisons{results: c.known} })
			tm.clock.wall = time.Date(2026, 5, 1, c.hour, 59, 0, 0, time.UTC)
			owner := tm.owner()
			a := owner.do("GET", "/owner/reconcile", "")
			if !strings.Contains(a.body, `type="date" value="`+c.day+`"`) || strings.Contains(a.body, "from ten o") != c.early {
				t.Errorf("the page: %s", a.body)
			}
			if a := owner.do("GET", "/owner/reconcile?day=2026-04-30", ""); !strings.Contains(a.body, `value="2026-04-30"`) || strings.Contains(a.body, "from ten o") {
				t.Errorf("a day that was asked for: %s", a.body)
			}
		})
	}
}

func TestBillsAreTheOwnersOnly(t *testing.T) {
	bills := &comparisons{results: []agent.Reconciliation{aprilDay("p1")}}
	tm := newTerminal(t, func(o *Options) { o.Bills = bills })
	for who, c := range map[string]*client{"nobody": tm.page(), "a cashier": tm.signedIn("cas", "111111"), "a manager": tm.signedIn("mia", "222222")} {
		for _, path := range []string{"/owner/reconcile?day=2026-04-30", "/owner/reconcile/csv?day=2026-04-30"} {
			if a := c.do("GET", path, ""); strings.Contains(a.body, "999,999.99") || strings.Contains(a.body, "DEMO01") {
				t.Errorf("%s sees %s", who, path)
			}
		}
		if a := c.post("/owner/reconcile", "day", "2026-04-30"); a.status < 400 {
			t.Errorf("%s starts a comparison: %d", who, a.status)
		}
	}
	if a := tm.owner().with("Sec-Fetch-Site", "cross-site").post("/owner/reconcile", "day", "2026-04-30"); a.status != 403 {
		t.Errorf("another site: %d", a.status)
	}
	if len(bills.started) != 0 {
		t.Errorf("started %v", bills.started)
	}
}
