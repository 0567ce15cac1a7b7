package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// billPage is a page of a bill.
type billPage struct {
	named
	Date  string `json:"date"`
	Final bool   `json:"final"`
	Total int    `json:"total_lines"`
	Sums  []struct {
		Kind     agent.BillKind `json:"kind"`
		Currency agent.Currency `json:"currency"`
		Count    int            `json:"count"`
		Value    int64          `json:"value"`
	} `json:"sums"`
	Lines []json.RawMessage `json:"lines"`
	Next  string            `json:"next"`
}

type billLine struct {
	Kind     agent.BillKind `json:"kind"`
	OrderNo  string         `json:"order_no"`
	RefundNo string         `json:"refund_no"`
	Txn      string         `json:"txn"`
	Amount   money          `json:"amount"`
	At       string         `json:"at"`
}

// maxPages bounds a bill: a thousand lines each, a shop's day has fewer.
const maxPages = 1000

// Bill implements agent.Biller. A bill counts only when it is final, whole, and
// its sums are those of its lines.
func (w *Wallet) Bill(ctx context.Context, day string) ([]agent.BillLine, error) {
	var lines []agent.BillLine
	cursor := ""
	for range maxPages {
		page, err := w.billPage(ctx, day, cursor)
		if err != nil {
			return nil, w.noBill(day, err)
		}
		for _, raw := range page.Lines {
			l, err := w.billLine(raw)
			if err != nil {
				return nil, w.noBill(day, err)
			}
			lines = append(lines, l)
		}
		if page.Next == "" {
			if err := page.covers(lines); err != nil {
				return nil, w.noBill(day, err)
			}
			return lines, nil
		}
		cursor = page.Next
	}
	return nil, w.noBill(day, fmt.Errorf("it has more than %d pages", maxPages))
}

// BillZone is the zone in which the days of bills begin, as the gateway tells it.
func (w *Wallet) BillZone(ctx context.Context) (*time.Location, error) {
	can, err := w.Capabilities(ctx)
	if err != nil {
		return nil, err
	}
	return time.LoadLocation(can.TimeZone)
}

func (w *Wallet) billPage(ctx context.Context, day, cursor string) (billPage, error) {
	query := w.query()
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	var page billPage
	a := w.do(ctx, request{wallet: w.name, op: "bill", method: http.MethodGet, path: "/bills/" + url.PathEscape(day), query: query,
		read: func(status int, body []byte) agent.Answer {
			if status != http.StatusOK {
				return refuse(status, body, nil, false, false)
			}
			page = billPage{}
			if err := json.Unmarshal(body, &page); err != nil {
				return wallet.Unverified(fmt.Errorf("the answer cannot be read: %w", err))
			}
			if page.named != w.named() || page.Date != day {
				return wallet.Unverified(fmt.Errorf("%w: it is the bill of %.32q %.32q of %.20q", ErrOtherOrder, page.Merchant, page.Brand, page.Date))
			}
			return agent.Answer{Verdict: agent.Accepted}
		}})
	switch {
	case a.Verdict != agent.Accepted:
		return page, saidBy(a)
	case !page.Final:
		return page, fmt.Errorf("the day is not final yet")
	}
	return page, nil
}

func (w *Wallet) billLine(raw json.RawMessage) (agent.BillLine, error) {
	var l billLine
	if err := json.Unmarshal(raw, &l); err != nil {
		return agent.BillLine{}, fmt.Errorf("a line cannot be read: %w", err)
	}
	known := slices.Contains([]agent.BillKind{agent.BillPayment, agent.BillRefund, agent.BillReversal}, l.Kind)
	amount := agent.Money(l.Amount)
	if err := amount.Check(); err != nil || !known {
		return agent.BillLine{}, fmt.Errorf("a line about %.32q of %d %.8q cannot be accounted for", l.Kind, l.Amount.Value, l.Amount.Currency)
	}
	return agent.BillLine{Kind: l.Kind, Wallet: w.name, OrderNo: l.OrderNo, RefundNo: l.RefundNo, Txn: l.Txn, Amount: amount, At: l.At, Text: string(raw)}, nil
}

// covers holds the lines against the totals that every page repeats.
func (page billPage) covers(lines []agent.BillLine) error {
	if len(lines) != page.Total {
		return fmt.Errorf("it has %d lines and says %d", len(lines), page.Total)
	}
	type heading struct {
		kind     agent.BillKind
		currency agent.Currency
	}
	left := map[heading]int64{}
	for _, l := range lines {
		left[heading{l.Kind, l.Amount.Currency}] += l.Amount.Value
	}
	for _, s := range page.Sums {
		left[heading{s.Kind, s.Currency}] -= s.Value
	}
	for h, rest := range left {
		if rest != 0 {
			return fmt.Errorf("its %ss in %s differ from their sum by %d", h.kind, h.currency, rest)
		}
	}
	return nil
}

func (w *Wallet) noBill(day string, err error) error {
	return &agent.Error{Op: "bill of " + w.name + " for " + day, Class: agent.Unavailable, Code: agent.CodeWallet, Err: err,
		Say: agent.Sentence{ID: "error.bill_unavailable", Args: []string{w.name, day}, English: "The bill of " + day + " is not there yet. Try again later."}}
}
