package web

import (
	"cmp"
	"context"
	"slices"
	"time"

	"tillwire/agent"
)

// day is what a day of the shop took, beside the same day a week before. Fridays are
// held against Fridays, and a morning against a morning.
type day struct {
	Start, End time.Time    // in the shop's zone; the day lasts 23 to 25 hours
	Over       bool         // it has ended: what is compared is two whole days
	Took       []HourTotals // so far
	Before     []HourTotals // a week before, up to the same minute
	Week       []HourTotals // a week before, all of it: the chart shows what may still come
}

// dayFrom reads the day that begins at start, as it stands at now.
func (s *Server) dayFrom(ctx context.Context, start, now time.Time) (d day, err error) {
	d = day{Start: start, End: start.AddDate(0, 0, 1)}
	d.Over = !now.Before(d.End)
	until := d.End
	if !d.Over {
		until = now.Add(time.Second)
	}
	if d.Took, err = s.Store.TotalsByHour(ctx, d.Start, until); err != nil {
		return d, err
	}
	if d.Week, err = s.Store.TotalsByHour(ctx, d.Start.AddDate(0, 0, -7), d.End.AddDate(0, 0, -7)); err != nil || d.Over {
		d.Before = d.Week
		return d, err
	}
	d.Before, err = s.Store.TotalsByHour(ctx, d.Start.AddDate(0, 0, -7), until.AddDate(0, 0, -7))
	return d, err
}

// only is the day of one wallet; of all of them when it is "".
func (d day) only(wallet string) day {
	if wallet == "" {
		return d
	}
	keep := func(t HourTotals) bool { return t.Wallet == wallet }
	d.Took, d.Before, d.Week = filtered(d.Took, keep), filtered(d.Before, keep), filtered(d.Week, keep)
	return d
}

// takings are one currency's day. Sums of different currencies are never added,
// compared or drawn together.
type takings struct {
	Net, Before, Refunded, Average agent.Money
	Paid, PaidBefore, Open         int
	Percent                        int64 // of change; meaningless when Compared is false
	Compared                       bool
}

func filtered(list []HourTotals, keep func(HourTotals) bool) (kept []HourTotals) {
	for _, t := range list {
		if keep(t) {
			kept = append(kept, t)
		}
	}
	return kept
}

// add adds up what key calls the same, in the order of the keys.
func add[K cmp.Ordered](list []HourTotals, key func(HourTotals) K) []HourTotals {
	sums := map[K]HourTotals{}
	for _, t := range list {
		sum, seen := sums[key(t)]
		if !seen {
			sums[key(t)] = t
			continue
		}
		sum.Add(t.Totals)
		sums[key(t)] = sum
	}
	var out []HourTotals
	keys := make([]K, 0, len(sums))
	for k := range sums {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		out = append(out, sums[k])
	}
	return out
}

// moved reports whether there is something to tell: what took nothing and is not open is
// no part of a day.
func moved(t HourTotals) bool { return t.Paid > 0 || t.Open > 0 || t.Refunded > 0 }

// of is an amount in the currency of a sum.
func (t HourTotals) of(value int64) agent.Money {
	return agent.Money{Value: value, Currency: t.Currency}
}

// net is what was kept.
func (t HourTotals) net() agent.Money { return t.of(t.Captured - t.Refunded) }

func ofCurrency(t HourTotals) string { return string(t.Currency) }

// ownFirst puts a currency's days in order: the shop's own before all others.
func ownFirst(own agent.Currency) func(HourTotals) string {
	return func(t HourTotals) string {
		if t.Currency == own {
			return ""
		}
		return ofCurrency(t)
	}
}

// takings sums a day up, the shop's own currency first. It is there on a day without
// sales, too, unless a single wallet is looked at.
func (s *Server) takings(d day, always bool) []takings {
	now, before := add(d.Took, ofCurrency), add(d.Before, ofCurrency)
	own := func(t HourTotals) bool { return t.Currency == s.Currency }
	if i := slices.IndexFunc(now, own); i >= 0 {
		now = slices.Insert(slices.Delete(slices.Clone(now), i, i+1), 0, now[i])
	} else if always || len(now) == 0 {
		now = slices.Insert(now, 0, HourTotals{Totals: agent.Totals{Currency: s.Currency}})
	}
	list := []takings{}
	for _, t := range now {
		sum := takings{Net: t.net(), Refunded: t.of(t.Refunded), Before: t.of(0), Average: t.of(0), Paid: t.Paid, Open: t.Open}
		if t.Paid > 0 {
			sum.Average.Value = t.Captured / int64(t.Paid)
		}
		if i := slices.IndexFunc(before, func(b HourTotals) bool { return b.Currency == t.Currency }); i >= 0 {
			sum.Before, sum.PaidBefore = before[i].net(), before[i].Paid
		}
		// A card of noughts, because one customer of a foreign wallet changed his mind.
		if !own(t) && !moved(t) && sum.PaidBefore == 0 && len(now) > 1 {
			continue
		}
		if sum.Before.Value > 0 {
			sum.Percent, sum.Compared = (sum.Net.Value-sum.Before.Value)*100/sum.Before.Value, true
		}
		list = append(list, sum)
	}
	return list
}

// part is a row of one of the day's tables: what one wallet, person or register took
// in one currency, or the sum of a currency.
type part struct {
	Key                          string // wallet, name or lane; "" for what has none, and for a sum
	Sum                          bool
	Paid, Open                   int
	Taken, Refunded, Net, Before agent.Money
	Share                        int64 // 0 to 100, of the largest in the currency: the length of its bar
}

// parts divides a day: the parts of a currency, the largest first, then its sum where
// there is more than one.
func parts(d day, own agent.Currency, key func(HourTotals) string) (rows []part) {
	took := filtered(d.Took, moved)
	both := func(t HourTotals) string { return string(t.Currency) + " " + key(t) }
	row := func(t HourTotals, compared []HourTotals) part {
		p := part{Key: key(t), Paid: t.Paid, Open: t.Open, Taken: t.of(t.Captured), Refunded: t.of(t.Refunded), Net: t.net(), Before: t.of(0)}
		for _, b := range compared {
			p.Before.Value += b.Captured - b.Refunded
		}
		return p
	}
	each := add(took, both)
	for _, sum := range add(took, ownFirst(own)) {
		here := func(t HourTotals) bool { return t.Currency == sum.Currency }
		list := filtered(each, here)
		slices.SortStableFunc(list, func(a, b HourTotals) int {
			return cmp.Or(cmp.Compare(b.Captured-b.Refunded, a.Captured-a.Refunded), cmp.Compare(b.Paid, a.Paid))
		})
		largest := max(list[0].net().Value, 1)
		for _, t := range list {
			p := row(t, filtered(d.Before, func(b HourTotals) bool { return here(b) && key(b) == key(t) }))
			p.Share = max(p.Net.Value, 0) * 100 / largest
			rows = append(rows, p)
		}
		if len(list) > 1 {
			total := row(sum, filtered(d.Before, here))
			total.Key, total.Sum = "", true
			rows = append(rows, total)
		}
	}
	return rows
}

func byWallet(t HourTotals) string  { return t.Wallet }
func byCashier(t HourTotals) string { return t.Cashier }
func byLane(t HourTotals) string    { return t.Lane }

// dayWallets are the configured wallets and those that the day knows besides.
func (s *Server) dayWallets(today []HourTotals) []string {
	var names []string
	for _, o := range s.Counter.Offers() {
		names = append(names, o.Name)
	}
	for _, t := range today {
		if t.Wallet != "" && !slices.Contains(names, t.Wallet) {
			names = append(names, t.Wallet)
		}
	}
	return names
}
