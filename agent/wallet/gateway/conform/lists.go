package conform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"tillwire/agent"
)

// listChecks are about what the gateway tells of a day and of a terminal.
var listChecks = []check{
	{"the bill of the day before yesterday", "/bills", func(ctx context.Context, b *bench) error {
		day, err := b.day(ctx, -2)
		if err != nil {
			return err
		}
		// The client checks that it is final and whole, and that its sums are right.
		_, err = b.wallet.(agent.Biller).Bill(ctx, day)
		return cause(err)
	}},
	{"the bill of a day to come", "/bills", func(ctx context.Context, b *bench) error {
		day, err := b.day(ctx, 2)
		if err != nil {
			return err
		}
		r, err := b.ask(ctx, call{method: http.MethodGet, path: "/bills/" + day})
		if err != nil {
			return err
		}
		if r.status != http.StatusNotFound || r.Code != "bill_not_ready" {
			return fmt.Errorf("it was answered %s, want 404 bill_not_ready", r)
		}
		return r.patience()
	}},
	{"a terminal's operations, in order", "5. Rebuild", func(ctx context.Context, b *bench) error {
		how := b.how()
		var want []string
		for range 3 {
			no := b.number()
			want = append(want, no)
			if _, err := b.ask(ctx, b.undo(no, how)); err != nil {
				return err
			}
		}
		list, _, err := b.operations(ctx)
		if err != nil {
			return err
		}
		var got []string
		for _, o := range list {
			if o.Operation == how && slices.Contains(want, o.OrderNo) {
				got = append(got, o.OrderNo)
			}
			if !slices.Contains(b.used, o.OrderNo) {
				return fmt.Errorf("it lists the order %q of another terminal", o.OrderNo)
			}
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("of three operations it lists %d, or in another order", len(got))
		}
		return nil
	}},
	{"the head of a terminal's journal", "5. Rebuild", func(ctx context.Context, b *bench) error {
		for _, seq := range []string{"5", "7", "6"} {
			c := b.undo(b.number(), b.how())
			c.journal = `incarnation="conform", seq=` + seq + `, hash=:AAA` + seq + `:`
			if r, err := b.ask(ctx, c); err != nil || r.status != http.StatusOK {
				return errors.Join(fmt.Errorf("a request with Tillwire-Journal was answered %s", r), err)
			}
		}
		_, heads, err := b.operations(ctx)
		if err != nil {
			return err
		}
		for _, h := range heads {
			if h.Incarnation == "conform" && h.Seq == 7 {
				return nil
			}
		}
		return fmt.Errorf("the greatest seq it was told is 7, the heads are %v", heads)
	}},
}

// how is the undoing that fits the brand.
func (b *bench) how() string {
	if b.Brand.Charges {
		return "reverse"
	}
	return "close"
}

// day is a day in the gateway's time zone, counted from today.
func (b *bench) day(ctx context.Context, days int) (string, error) {
	can, err := b.connection.Capabilities(ctx)
	if err != nil {
		return "", cause(err)
	}
	zone, err := time.LoadLocation(can.TimeZone)
	if err != nil {
		return "", err
	}
	return b.Config.Clock.Now().In(zone).AddDate(0, 0, days).Format(time.DateOnly), nil
}

type operation struct {
	Operation string `json:"operation"`
	OrderNo   string `json:"order_no"`
	State     string `json:"state"`
}

type head struct {
	Incarnation string `json:"incarnation"`
	Seq         int64  `json:"seq"`
}

// operations reads every page of what this run's terminal has asked.
func (b *bench) operations(ctx context.Context) (list []operation, heads []head, err error) {
	const pages = 100
	query := url.Values{"merchant": {b.Config.Merchant}, "terminal": {b.terminal}}
	for range pages {
		r, err := b.ask(ctx, call{method: http.MethodGet, path: "/operations", query: query})
		if err != nil {
			return nil, nil, err
		}
		var page struct {
			Operations []operation `json:"operations"`
			Heads      []head      `json:"heads"`
			Next       string      `json:"next"`
		}
		if err := json.Unmarshal(r.body, &page); err != nil || r.status != http.StatusOK {
			return nil, nil, errors.Join(fmt.Errorf("the operations were answered %s", r), err)
		}
		list, heads = append(list, page.Operations...), page.Heads
		if page.Next == "" {
			return list, heads, nil
		}
		query.Set("cursor", page.Next)
	}
	return nil, nil, fmt.Errorf("a run's operations have more than %d pages", pages)
}
