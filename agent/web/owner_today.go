package web

import (
	"context"
	"net/http"
	"time"

	"tillwire/agent"
)

// todayData is the owner's first page: the takings, what is wrong, what is open.
type todayData struct {
	Now      time.Time
	Sums     []takings
	Hours    []hour
	Open     []row
	Problems []agent.Problem
	Devices  []agent.DeviceStatus // those that do not work
	Line     agent.Line
	Queue    queueJSON
}

// takings are one currency's day, against the day before up to the same minute.
type takings struct {
	Net, Before, Refunded    agent.Money
	Count, CountBefore, Open int
	Percent                  int64 // of change; meaningless when Compared is false
	Compared                 bool
}

// hour is a bar of the day's chart.
type hour struct {
	Hour   int
	Net    agent.Money
	Height int64 // 0 to 100, of the highest
}

func (s *Server) ownerToday(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	ctx := r.Context()
	now := s.Clock.Now().In(s.Zone)
	d := todayData{Now: now, Problems: s.Problems(), Line: s.Line()}
	start := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, s.Zone)
	var err error
	if d.Sums, err = s.takings(ctx, start, now); err != nil {
		return err
	}
	if d.Hours, err = s.hours(ctx, start, now.Add(time.Second)); err != nil {
		return err
	}
	open, err := s.Store.List(ctx, agent.Filter{Open: true, Limit: 20})
	if err != nil {
		return err
	}
	d.Open = s.rows(s.language(r), open.Payments)
	for _, dev := range s.devices() {
		if dev.State != agent.DeviceReady && dev.State != agent.DeviceDisabled && dev.State != agent.DeviceOpening {
			d.Devices = append(d.Devices, dev)
		}
	}
	queue := s.Store.QueueInfo()
	d.Queue = queueJSON{queue, queue.Oldest.Milliseconds()}
	s.render(w, r, http.StatusOK, "owner_today", ownerView("today", me, d))
	return nil
}

// takings compares today so far with yesterday up to the same time of day.
func (s *Server) takings(ctx context.Context, start, now time.Time) ([]takings, error) {
	today, err := s.Store.Totals(ctx, start, now.Add(time.Second))
	if err != nil {
		return nil, err
	}
	yesterday, err := s.Store.Totals(ctx, start.AddDate(0, 0, -1), now.AddDate(0, 0, -1))
	if err != nil {
		return nil, err
	}
	list := []takings{}
	for _, t := range withCurrency(today, s.Currency) {
		money := func(v int64) agent.Money { return agent.Money{Value: v, Currency: t.Currency} }
		sum := takings{Net: money(t.Captured - t.Refunded), Refunded: money(t.Refunded), Before: money(0), Count: t.Count, Open: t.Open}
		for _, y := range yesterday {
			if y.Currency == t.Currency {
				sum.Before, sum.CountBefore = money(y.Captured-y.Refunded), y.Count
			}
		}
		if sum.Before.Value > 0 {
			sum.Percent, sum.Compared = (sum.Net.Value-sum.Before.Value)*100/sum.Before.Value, true
		}
		list = append(list, sum)
	}
	return list, nil
}

// withCurrency makes sure that the shop's own currency is on the page on a day
// without sales.
func withCurrency(list []agent.Totals, c agent.Currency) []agent.Totals {
	for _, t := range list {
		if t.Currency == c {
			return list
		}
	}
	return append([]agent.Totals{{Currency: c}}, list...)
}

// hours is the day in the shop's currency, hour by hour; what is still to come is
// empty, so that the bars keep their width all day.
func (s *Server) hours(ctx context.Context, start, now time.Time) ([]hour, error) {
	sums, err := s.Store.TotalsByHour(ctx, start, now)
	if err != nil {
		return nil, err
	}
	taken := map[int64]int64{} // by the hour's beginning: clocks that change have two of one name
	highest := int64(0)
	for _, t := range sums {
		if t.Currency == s.Currency {
			net := max(t.Captured-t.Refunded, 0)
			taken[t.Hour.Unix()], highest = net, max(highest, net)
		}
	}
	var list []hour
	for from := start; from.Before(start.AddDate(0, 0, 1)); from = from.Add(time.Hour) {
		list = append(list, hour{Hour: from.Hour(), Net: agent.Money{Value: taken[from.Unix()], Currency: s.Currency}})
	}
	if highest == 0 {
		return nil, nil
	}
	// The night before the first sale says nothing.
	for len(list) > 8 && list[0].Net.Value == 0 {
		list = list[1:]
	}
	for i := range list {
		list[i].Height = list[i].Net.Value * 100 / highest
	}
	return list, nil
}
