package web

import (
	"cmp"
	"context"
	"slices"
	"time"

	"tillwire/agent"
)

// takings are one currency's day, against the day before up to the same minute.
// Sums of different currencies are never added, compared or drawn together.
type takings struct {
	Net, Before, Refunded  agent.Money
	Paid, PaidBefore, Open int
	Percent                int64 // of change; meaningless when Compared is false
	Compared               bool
}

// walletDay is a row of the day's table: one wallet in one currency, or the sum of
// a currency.
type walletDay struct {
	Wallet               string // "" for payments that never came to one
	Sum                  bool
	Paid, Open           int
	Taken, Refunded, Net agent.Money
}

// chart is a currency's day hour by hour.
type chart struct {
	Currency agent.Currency
	Hours    []hour
}

// hour is a bar of the day's chart.
type hour struct {
	Hour   int
	Net    agent.Money
	Height int64 // 0 to 100, of the highest
}

// twoDays reads today so far, and yesterday up to the same time of day: a morning
// is not held against a whole day.
func (s *Server) twoDays(ctx context.Context, start, now time.Time) (today, yesterday []HourTotals, err error) {
	if today, err = s.Store.TotalsByHour(ctx, start, now.Add(time.Second)); err != nil {
		return nil, nil, err
	}
	yesterday, err = s.Store.TotalsByHour(ctx, start.AddDate(0, 0, -1), now.AddDate(0, 0, -1))
	return today, yesterday, err
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
		sum.Count, sum.Paid, sum.Open = sum.Count+t.Count, sum.Paid+t.Paid, sum.Open+t.Open
		sum.Captured, sum.Refunded = sum.Captured+t.Captured, sum.Refunded+t.Refunded
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

// takings compares today so far with yesterday, the shop's own currency first. It
// is there on a day without sales, too, unless a single wallet is looked at.
func (s *Server) takings(today, yesterday []HourTotals, always bool) []takings {
	now, before := add(today, ofCurrency), add(yesterday, ofCurrency)
	own := func(t HourTotals) bool { return t.Currency == s.Currency }
	if i := slices.IndexFunc(now, own); i >= 0 {
		now = slices.Insert(slices.Delete(slices.Clone(now), i, i+1), 0, now[i])
	} else if always || len(now) == 0 {
		now = slices.Insert(now, 0, HourTotals{Totals: agent.Totals{Currency: s.Currency}})
	}
	list := []takings{}
	for _, t := range now {
		money := func(v int64) agent.Money { return agent.Money{Value: v, Currency: t.Currency} }
		sum := takings{Net: money(t.Captured - t.Refunded), Refunded: money(t.Refunded), Before: money(0), Paid: t.Paid, Open: t.Open}
		for _, y := range before {
			if y.Currency == t.Currency {
				sum.Before, sum.PaidBefore = money(y.Captured-y.Refunded), y.Paid
			}
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

// byWallet is the day's table: the wallets of a currency, then its sum where there
// is more than one.
func byWallet(today []HourTotals, own agent.Currency) (rows []walletDay) {
	today = filtered(today, moved)
	row := func(t HourTotals) walletDay {
		money := func(v int64) agent.Money { return agent.Money{Value: v, Currency: t.Currency} }
		return walletDay{Wallet: t.Wallet, Paid: t.Paid, Open: t.Open, Taken: money(t.Captured), Refunded: money(t.Refunded), Net: money(t.Captured - t.Refunded)}
	}
	each := add(today, func(t HourTotals) string { return string(t.Currency) + " " + t.Wallet })
	for _, sum := range add(today, ownFirst(own)) {
		wallets := filtered(each, func(t HourTotals) bool { return t.Currency == sum.Currency })
		// The largest first; what never came to a wallet last.
		slices.SortStableFunc(wallets, func(a, b HourTotals) int {
			return cmp.Or(cmp.Compare(b.Captured-b.Refunded, a.Captured-a.Refunded), cmp.Compare(b.Paid, a.Paid))
		})
		for _, t := range wallets {
			rows = append(rows, row(t))
		}
		if len(wallets) > 1 {
			total := row(sum)
			total.Wallet, total.Sum = "", true
			rows = append(rows, total)
		}
	}
	return rows
}

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

// charts draws each currency that took something; what is still to come is empty,
// so that the bars keep their width all day.
func charts(today []HourTotals, start time.Time, own agent.Currency) (list []chart) {
	for _, sum := range add(today, ownFirst(own)) {
		taken := map[int64]int64{} // by the hour's beginning: clocks that change have two of one name
		highest := int64(0)
		for _, t := range filtered(today, func(t HourTotals) bool { return t.Currency == sum.Currency }) {
			taken[t.Hour.Unix()] += max(t.Captured-t.Refunded, 0)
			highest = max(highest, taken[t.Hour.Unix()])
		}
		if highest == 0 {
			continue
		}
		var hours []hour
		for from := start; from.Before(start.AddDate(0, 0, 1)); from = from.Add(time.Hour) {
			value := taken[from.Unix()]
			hours = append(hours, hour{Hour: from.Hour(), Net: agent.Money{Value: value, Currency: sum.Currency}, Height: value * 100 / highest})
		}
		// The night before the first sale says nothing.
		for len(hours) > 8 && hours[0].Net.Value == 0 {
			hours = hours[1:]
		}
		list = append(list, chart{sum.Currency, hours})
	}
	return list
}
