package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

// at records a payment that was paid at a time.
func (tm *terminal) soldAt(when time.Time, id, wallet string, value int64) agent.PaymentID {
	tm.t.Helper()
	tm.clock.wall = when
	return tm.sale(id, wallet, agent.Money{Value: value, Currency: "CNY"})
}

// friday is a Friday of a shop in UTC.
func friday(hour, minute int) time.Time { return time.Date(2026, 5, 8, hour, minute, 0, 0, time.UTC) }

// aFriday is a shop that sold on a Friday and on the one before.
func aFriday(t *testing.T) *terminal {
	t.Helper()
	tm := newTerminal(t).abroad()
	week := func(hour, minute int) time.Time { return friday(hour, minute).AddDate(0, 0, -7) }
	tm.soldAt(week(9, 0), "a", "wechat", 1000)
	tm.soldAt(week(12, 29), "b", "alipay", 500)
	tm.soldAt(week(12, 31), "c", "wechat", 7000) // later than now
	tm.soldAt(friday(0, 0).AddDate(0, 0, -1), "d", "wechat", 40000)
	tm.soldAt(friday(8, 30), "e", "wechat", 2000)
	tm.soldAt(friday(10, 59), "f", "wechat", 1000)
	tm.clock.wall = friday(12, 30)
	return tm
}

func TestADayIsHeldAgainstTheSameDayAWeekBefore(t *testing.T) {
	tm := aFriday(t)
	d, err := tm.web.dayFrom(t.Context(), friday(0, 0), friday(12, 30))
	if err != nil {
		t.Fatal(err)
	}
	sums := tm.web.takings(d, true)
	if len(sums) != 1 {
		t.Fatalf("%+v", sums)
	}
	if s := sums[0]; s.Net.Value != 3000 || s.Before.Value != 1500 || !s.Compared || s.Percent != 100 || s.Paid != 2 || s.PaidBefore != 2 || s.Average.Value != 1500 {
		t.Errorf("up to this minute: %+v", s)
	}
	d, err = tm.web.dayFrom(t.Context(), friday(0, 0), friday(12, 30).AddDate(0, 0, 1))
	if err != nil || !d.Over {
		t.Fatal(d.Over, err)
	}
	if s := tm.web.takings(d, true)[0]; s.Net.Value != 3000 || s.Before.Value != 8500 || s.Percent != -64 {
		t.Errorf("when the day is over: %+v", s)
	}
}

func TestTheChartShowsBothDays(t *testing.T) {
	tm := aFriday(t)
	d, err := tm.web.dayFrom(t.Context(), friday(0, 0), friday(12, 30))
	if err != nil {
		t.Fatal(err)
	}
	list := charts(d, "CNY")
	if len(list) != 1 {
		t.Fatalf("%+v", list)
	}
	c := list[0]
	got := fmt.Sprintf("%s %s %d %s;", c.Top, c.Half, c.Width, c.Line)
	for _, h := range c.Hours {
		got += fmt.Sprintf(" %d:%d/%d@%d+%d", h.Hour, h.Net.Value, h.Before.Value, h.X, h.Height)
	}
	// What may still come stands there as the week before had it: 75.00 at twelve.
	want := "80.00 CNY 40.00 CNY 80 M0 100V100H10V88H20V100H30V100H40V7H50V100H60V100H70V100H80;" +
		" 8:2000/0@2+25 9:0/1000@12+0 10:1000/0@22+12 11:0/0@32+0 12:0/7500@42+0 13:0/0@52+0 14:0/0@62+0 15:0/0@72+0"
	if got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	if empty := charts(day{Start: friday(0, 0), End: friday(24, 0)}, "CNY"); len(empty) != 0 {
		t.Errorf("a day without sales: %+v", empty)
	}
}

// TestTheTopOfAChartReadsWell: the scale and its middle are round, and nothing stands
// above it.
func TestTheTopOfAChartReadsWell(t *testing.T) {
	for value, want := range map[int64]int64{1: 2, 2: 2, 3: 4, 9: 10, 10: 10, 11: 20, 99: 100, 1280: 2000, 2001: 4000, 799999: 800000, 800001: 1000000} {
		if got := roundUp(value); got != want || got%2 != 0 {
			t.Errorf("%d: %d, want %d", value, got, want)
		}
	}
}

// TestADayOf25HoursIsDrawnWhole: in the night when clocks go back an hour comes twice.
func TestADayOf25HoursIsDrawnWhole(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 10, 25, 0, 0, 0, 0, berlin)
	d := day{Start: start, End: start.AddDate(0, 0, 1), Took: []HourTotals{
		{Hour: start.Add(2 * time.Hour), Totals: agent.Totals{Currency: "EUR", Paid: 1, Captured: 100}},
		{Hour: start.Add(3 * time.Hour), Totals: agent.Totals{Currency: "EUR", Paid: 1, Captured: 200}},
		{Hour: start.Add(24 * time.Hour), Totals: agent.Totals{Currency: "EUR", Paid: 1, Captured: 300}},
	}}
	hours := charts(d, "EUR")[0].Hours
	got := ""
	for _, h := range hours {
		if !h.Quiet {
			got += fmt.Sprint(h.Hour, " ", h.Net, "; ")
		}
	}
	if want := "2 1.00 EUR; 2 2.00 EUR; 23 3.00 EUR; "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestADayIsDividedByWalletPersonAndRegister(t *testing.T) {
	of := func(wallet, lane, cashier string, c agent.Currency, paid int, captured, refunded int64) HourTotals {
		return HourTotals{Wallet: wallet, Lane: lane, Cashier: cashier, Totals: agent.Totals{Currency: c, Paid: paid, Captured: captured, Refunded: refunded}}
	}
	d := day{
		Took: []HourTotals{of("wechat", "1", "Ann", "CNY", 3, 3000, 0), of("alipay", "2", "Bob", "CNY", 1, 9000, 3000), of("alipay", "1", "", "CNY", 1, 500, 0),
			of("promptpay", "1", "Ann", "THB", 1, 100, 0), of("linepay", "1", "Ann", "TWD", 0, 0, 0)},
		Before: []HourTotals{of("wechat", "1", "Ann", "CNY", 1, 1200, 200), of("promptpay", "3", "Eve", "THB", 1, 700, 0)},
	}
	for _, c := range []struct {
		by   string
		key  func(HourTotals) string
		want string
	}{
		{"wallet", byWallet, "alipay 65.00 CNY 0.00 CNY 100; wechat 30.00 CNY 10.00 CNY 46; sum 95.00 CNY 10.00 CNY 0; promptpay 1.00 THB 7.00 THB 100; "},
		{"person", byCashier, "Bob 60.00 CNY 0.00 CNY 100; Ann 30.00 CNY 10.00 CNY 50;  5.00 CNY 0.00 CNY 8; sum 95.00 CNY 10.00 CNY 0; Ann 1.00 THB 0.00 THB 100; "},
		{"register", byLane, "2 60.00 CNY 0.00 CNY 100; 1 35.00 CNY 10.00 CNY 58; sum 95.00 CNY 10.00 CNY 0; 1 1.00 THB 0.00 THB 100; "},
	} {
		got := ""
		for _, p := range parts(d, "CNY", c.key) {
			if p.Sum {
				p.Key = "sum"
			}
			got += fmt.Sprintf("%s %s %s %d; ", p.Key, p.Net, p.Before, p.Share)
		}
		if got != c.want {
			t.Errorf("by %s:\n%s, want\n%s", c.by, got, c.want)
		}
	}
	back := day{Took: []HourTotals{of("wechat", "1", "", "CNY", 0, 0, 500)}}
	if p := parts(back, "CNY", byWallet)[0]; p.Net.Value != -500 || p.Share != 0 {
		t.Errorf("a day on which more went back than came: %+v", p)
	}
}

// TestYesterdaysTakingsAreOneLinkAway follows what the first page says.
func TestYesterdaysTakingsAreOneLinkAway(t *testing.T) {
	tm := aFriday(t)
	c := tm.owner()
	today := c.do("GET", "/owner", "").body
	for _, want := range []string{`<a class="button" href="/owner?day=2026-05-07">‹ Yesterday</a>`, "¥30.00", "a week ago by now ¥15.00", "▲ +100", "By register", "Register 1</a>", "By cashier", "No name", `max="2026-05-08"`} {
		if !strings.Contains(today, want) {
			t.Errorf("the first page lacks %q", want)
		}
	}
	yesterday := c.do("GET", "/owner?day=2026-05-07", "").body
	for _, want := range []string{"7 May 2026", "¥400.00", "a week before ¥0.00", `<a class="button" href="/owner">Today ›</a>`, `<a class="button" href="/owner?day=2026-05-06">‹ 6 May 2026</a>`, "/owner/day.xlsx?day=2026-05-07"} {
		if !strings.Contains(yesterday, want) {
			t.Errorf("yesterday's page lacks %q", want)
		}
	}
	if strings.Contains(yesterday, "Open payments") || strings.Contains(yesterday, "Everything works") {
		t.Error("a day that is over says how the shop stands now")
	}
	if body := c.do("GET", "/owner?day=2026-04-01", "").body; !strings.Contains(body, "Nobody has paid on this day") || strings.Contains(body, "day.csv") {
		t.Errorf("a day without sales: %s", body)
	}
	if one := c.do("GET", "/owner?day=2026-05-01&wallet=alipay", "").body; !strings.Contains(one, `<p class="huge figure">¥5.00</p>`) || !strings.Contains(one, `href="/owner?day=2026-05-01&amp;wallet=wechat"`) {
		t.Errorf("one wallet of an earlier day: %s", one)
	}
	if a := c.do("GET", "/owner?day=x", ""); a.status != 400 {
		t.Errorf("no day: %d", a.status)
	}
}
