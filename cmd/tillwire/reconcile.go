package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"tillwire/agent"
	"tillwire/agent/reconcile"
	"tillwire/agent/settings"
)

// beijing is where the days of WeChat Pay's and Alipay's bills begin. China has no
// summer time.
var beijing = time.FixedZone("UTC+8", 8*60*60)

// billSources lists the configured wallets with what each needs to be compared. One
// that could not be opened stays on the list: leaving it out would look like peace.
func billSources(configured []walletConfig, open func(name string) (agent.Wallet, bool)) (list []reconcile.Source) {
	for _, c := range configured {
		s := reconcile.Source{Name: c.Name, Zone: func(context.Context) (*time.Location, error) { return beijing, nil }}
		w, ok := open(c.Name)
		s.Broken = !ok
		if ok {
			s.Test = w.Info().Test
			s.Bill, _ = w.(agent.Biller)
			if z, own := w.(interface {
				BillZone(context.Context) (*time.Location, error)
			}); own {
				s.Zone = z.BillZone
			}
		}
		list = append(list, s)
	}
	return list
}

func (d *agentd) openBills() {
	d.bills = reconcile.NewRunner(reconcile.Options{Terminal: d.config.Terminal.Code, Sources: billSources(d.config.Wallets, d.wallets.Wallet),
		Journal: d.store, Clock: d.clock, Ask: d.engine.Check})
}

// ownerBills offers comparisons to the owner's page.
type ownerBills struct{ *reconcile.Runner }

// Progress says which day is being compared, and how far that is.
func (b ownerBills) Progress() (day, wallet, bill string, done, of int) {
	day, p := b.Running()
	return day, p.Wallet, p.Bill, p.Done, p.Of
}

// CSV writes what was found on a day as a file for a spreadsheet.
func (ownerBills) CSV(w io.Writer, r agent.Reconciliation, say func(agent.Sentence) string) error {
	return reconcile.WriteCSV(w, r, say)
}

// How often the hour of the daily comparison is looked for, and how long to wait when
// a bill was not there yet.
const (
	billLook  = time.Minute
	billRetry = time.Hour
)

// compareDaily compares the day before once a day, when the owner has set a time.
func (d *agentd) compareDaily(ctx context.Context) error {
	var tried time.Time
	for {
		now := d.clock.Now().In(d.zone)
		day, due := dueDay(now, d.book.Values().Text(settings.ReconcileAt), tried, d.bills.Result)
		if due {
			tried = now
			r, err := d.bills.Run(ctx, day, nil, nil)
			d.log.Info("the wallets' bills were compared", "comp", "reconcile", "day", day, "differences", r.Differences(), "whole", r.Whole(), "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-d.clock.After(billLook):
		}
	}
}

// dueDay is the day to compare now: yesterday, from the set time on, until every bill
// that can be had was compared.
func dueDay(now time.Time, at string, tried time.Time, known func(day string) (agent.Reconciliation, bool)) (string, bool) {
	if at == settings.ReconcileOff || now.Format("15:04") < at {
		return "", false
	}
	day := now.AddDate(0, 0, -1).Format(time.DateOnly)
	if r, ok := known(day); ok && !retryable(r) {
		return "", false
	}
	// Also after a clock that was set back.
	if wait := now.Sub(tried); !tried.IsZero() && wait >= 0 && wait < billRetry {
		return "", false
	}
	return day, true
}

func retryable(r agent.Reconciliation) bool {
	for _, w := range r.Wallets {
		if w.Retry {
			return true
		}
	}
	return false
}

// billProblems tells of the differences of the last day that was compared. A day
// without any, compared afterwards, ends it: what is known need not be shown for ever.
func billProblems(results []agent.Reconciliation) []agent.Problem {
	var last agent.Reconciliation
	for _, r := range results {
		if r.Day > last.Day {
			last = r
		}
	}
	n := last.Differences()
	if n == 0 {
		return nil
	}
	return []agent.Problem{{Since: last.Made, ID: "problem.bills", Args: []string{last.Day, fmt.Sprint(n)}, What: fmt.Sprintf("The wallets' bills of %s differ from the journal: %s.", last.Day, plural(n, "difference", "differences")),
		Do: "Open Reconcile on the owner's page: each difference says what to do."}}
}
