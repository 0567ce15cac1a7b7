package web

import (
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

// TestTheOwnersDayListsItsShifts: who opened and closed each, by how much the drawer's counts
// differ, and the way to its report. A shift over midnight is on both days.
func TestTheOwnersDayListsItsShifts(t *testing.T) {
	tm := aFriday(t)
	cny := func(value int64) agent.Money { return agent.Money{Value: value, Currency: "CNY"} }
	thursday := func(hour int) time.Time { return friday(hour, 0).AddDate(0, 0, -1) }
	tm.drawers.all = []agent.Shift{
		{ID: 1, Lane: "1", Opened: thursday(20), OpenedBy: "Cass", Begin: cny(20000), Closed: friday(1, 0), ClosedBy: "Mia", End: cny(31000)},
		{ID: 2, Lane: "1", Opened: friday(8, 0), OpenedBy: "Cass", Begin: cny(31000), Closed: friday(12, 0), ClosedBy: "Cass", End: cny(30950)},
		{ID: 3, Lane: "2", Opened: friday(9, 0), OpenedBy: "Ben", Begin: cny(5000)},
	}
	tm.drawers.since = make([]int, len(tm.drawers.all))
	c := tm.owner()
	const night = `<a href="/shift/1" target="_blank" rel="noopener">Register 1 · Z report</a></th><td>Cass<small>7 May 2026 20:00:00</small></td><td>Mia<small>8 May 2026 01:00:00</small></td>`
	for _, page := range []struct {
		path        string
		has, hasNot []string
	}{
		{"/owner", []string{"Shifts of this day", night, `<strong dir="ltr">+¥110.00</strong>`, `/shift/2"`, `<strong dir="ltr">−¥0.50</strong>`,
			`/shift/3" target="_blank" rel="noopener">Register 2 · X report</a></th><td>Ben<small>8 May 2026 09:00:00</small></td>`, "Still open"}, nil},
		{"/owner?day=2026-05-07", []string{night}, []string{"/shift/2", "/shift/3", "Still open"}},
		{"/owner?day=2026-04-01", nil, []string{"Shifts of this day", "/shift/"}},
		{"/owner?lang=zh-CN", []string{"当天的班次", "未交班"}, nil},
	} {
		body := c.do("GET", page.path, "").body
		for _, want := range page.has {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %s", page.path, want)
			}
		}
		for _, no := range page.hasNot {
			if strings.Contains(body, no) {
				t.Errorf("%s has %s", page.path, no)
			}
		}
	}
	for path, title := range map[string]string{"/shift/1": "Z report", "/shift/3": "X report"} {
		if a := c.do("GET", path+"?lang=en", ""); a.status != 200 || !strings.Contains(a.body, title) {
			t.Errorf("%s: %d, no %s", path, a.status, title)
		}
	}
}
