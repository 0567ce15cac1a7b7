package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tillwire/agent"
)

// Source is one wallet of the shop.
type Source struct {
	Name   string
	Test   bool
	Broken bool         // configured, and its connection could not be made
	Bill   agent.Biller // nil: this wallet gives no bill
	// Zone is the zone in which the wallet's days begin.
	Zone func(context.Context) (*time.Location, error)
}

// Options are a reconciler's surroundings. Journal and Clock are required.
type Options struct {
	Terminal string // code of this terminal: the first six characters of its order numbers
	Sources  []Source
	Journal  journal
	Clock    agent.Clock
	// Ask asks a wallet again about a payment; nil where no agent runs. What it took
	// after an end goes back by the law of payments.
	Ask func(ctx context.Context, id agent.PaymentID) (agent.Payment, error)
}

// Progress is how far a comparison is.
type Progress struct {
	Wallet string `json:"wallet"`
	Bill   string `json:"bill"` // the day whose bill is being fetched
	Done   int    `json:"done"` // wallets that are finished
	Of     int    `json:"of"`
}

// Compare holds the bills of a day, written "2006-01-02", against the journal: those of
// the named wallets, or all. What goes wrong with one wallet is in its result; the
// error is for a day or a wallet that there cannot be, and for a context that ended.
func Compare(ctx context.Context, o Options, day string, wallets []string, told func(Progress)) (agent.Reconciliation, error) {
	sources, err := o.sources(wallets)
	if err != nil {
		return agent.Reconciliation{}, err
	}
	if err := o.checkDay(day); err != nil {
		return agent.Reconciliation{}, err
	}
	r := agent.Reconciliation{Day: day, Made: o.Clock.Now(), Wallets: []agent.WalletBill{}}
	for i, s := range sources {
		result, err := o.one(ctx, s, day, func(bill string) { told(Progress{s.Name, bill, i, len(sources)}) })
		if ctx.Err() != nil {
			return r, fmt.Errorf("compare %s: %w", day, context.Cause(ctx))
		}
		if err != nil {
			result.Failed, result.Retry = sentenceOf(err), agent.ClassOf(err) == agent.Unavailable
		}
		r.Wallets = append(r.Wallets, result)
	}
	return r, nil
}

func (o Options) sources(names []string) ([]Source, error) {
	if len(names) == 0 {
		return o.Sources, nil
	}
	var list []Source
	for _, name := range names {
		found := false
		for _, s := range o.Sources {
			if s.Name == name {
				list, found = append(list, s), true
			}
		}
		if !found {
			return nil, refusal(agent.NotFound, "error.bill_wallet", "There is no wallet "+name+" here.", name)
		}
	}
	return list, nil
}

// checkDay refuses what is no day, and a day that has not begun anywhere on Earth.
func (o Options) checkDay(day string) error {
	at, err := time.ParseInLocation(time.DateOnly, day, time.UTC)
	const farthestEast = 14 * time.Hour
	switch {
	case err != nil:
		return refusal(agent.Invalid, "error.bill_day", "Write the day as YYYY-MM-DD.")
	case at.After(o.Clock.Now().Add(farthestEast)):
		return refusal(agent.Invalid, "error.bill_future", "That day has not begun yet.")
	}
	return nil
}

func refusal(class agent.Class, id, english string, args ...string) error {
	return &agent.Error{Op: "reconcile", Class: class, Code: agent.CodeUnreadable, Say: agent.Sentence{ID: id, Args: args, English: english}}
}

// one compares one wallet's day.
func (o Options) one(ctx context.Context, s Source, day string, fetching func(bill string)) (agent.WalletBill, error) {
	out := agent.WalletBill{Wallet: s.Name, Test: s.Test, Sums: []agent.BillSum{}, Differences: []agent.Difference{}}
	if s.Broken {
		return out, refusal(agent.Invalid, "error.bill_broken", "This wallet is not set up rightly. `tillwire check` and the owner's page say what is wrong.")
	}
	if s.Bill == nil {
		return out, refusal(agent.Invalid, "error.bill_none", "This wallet gives no bill. Compare its own site with the list of payments.")
	}
	zone, err := s.Zone(ctx)
	if err != nil {
		return out, err
	}
	from, err := time.ParseInLocation(time.DateOnly, day, zone)
	if err != nil {
		return out, err
	}
	c := comparison{ctx: ctx, wallet: s.Name, terminal: o.Terminal, zone: zone, day: day, from: from, to: from.AddDate(0, 0, 1),
		journal: o.Journal, asked: o.Clock.Now(), out: &out, lines: memory(ctx, s.Bill, fetching)}
	if err := c.run(); err != nil {
		return out, err
	}
	o.ask(ctx, out.Differences)
	return out, nil
}

// memory fetches each day's bill once, also when it cannot be had.
func memory(ctx context.Context, from agent.Biller, fetching func(bill string)) func(day string) ([]agent.BillLine, error) {
	type fetched struct {
		lines []agent.BillLine
		err   error
	}
	known := map[string]fetched{}
	return func(day string) ([]agent.BillLine, error) {
		f, ok := known[day]
		if !ok {
			fetching(day)
			f.lines, f.err = from.Bill(ctx, day)
			known[day] = f
		}
		return f.lines, f.err
	}
}

// ask has the wallet asked again about money that the bill has and the journal does
// not. It changes nothing about the differences: they are what was found.
func (o Options) ask(ctx context.Context, list []agent.Difference) {
	for i := range list {
		d := &list[i]
		if o.Ask == nil || d.Kind != agent.DiffPaidThere && d.Kind != agent.DiffUnsettled {
			continue
		}
		if p, err := o.Ask(ctx, d.Payment); err == nil {
			d.Asked, d.State = true, p.Status.State
		}
	}
}

// sentenceOf is what a failure says to a person.
func sentenceOf(err error) *agent.Sentence {
	var known *agent.Error
	if errors.As(err, &known) && known.Say.English != "" {
		return &known.Say
	}
	return &agent.Sentence{ID: "error.bill_failed", Args: []string{err.Error()}, English: "The comparison failed: " + err.Error()}
}
