package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent"
	"tillwire/cmd/cli"
	"tillwire/offline"
)

func (a *app) paymentsShowCommand() *cobra.Command {
	return &cobra.Command{Use: "show ID", Short: "Tell everything about one payment", Args: cli.Exactly("ID"),
		Long: `Shows a payment, what happened to it in order, and what will be done next. ID is the payment's id,
its order number, its reference, its transaction or its request id; or any part of one of the last four
that only one payment has.`,
		RunE: func(c *cobra.Command, args []string) error {
			cfg, r, err := a.journalReader(c.Context())
			if err != nil {
				return err
			}
			defer r.Close()
			p, err := findPayment(c.Context(), r, args[0])
			if err != nil {
				return err
			}
			steps := p.Steps(timersIn(cfg, p.Status.Wallet))
			if a.json {
				return a.printJSON(fullRow{newRow(p), p.Say().English, factRows(p.Facts), stepRows(steps)})
			}
			a.printPayment(p, steps, zoneOf(cfg))
			return nil
		}}
}

// findPayment looks a payment up by id, by order number, or by what only it has: all of a
// reference, transaction or request id before a part of one, since a short request id
// such as "r1" may stand in any order number.
func findPayment(ctx context.Context, r *offline.Reader, key string) (agent.Payment, error) {
	p, err := r.Payment(ctx, agent.PaymentID(key))
	if agent.ClassOf(err) == agent.NotFound {
		p, err = r.ByOrderNo(ctx, key)
	}
	if agent.ClassOf(err) != agent.NotFound {
		return p, err
	}
	for _, whole := range []bool{true, false} {
		page, err := r.List(ctx, agent.Filter{Text: key, Whole: whole, Limit: 2})
		switch {
		case err != nil:
			return agent.Payment{}, err
		case len(page.Payments) == 1:
			return page.Payments[0], nil
		case len(page.Payments) > 1:
			return agent.Payment{}, errors.New("several payments have " + key + ": `tillwire payments list --text " + key + "` lists them")
		}
	}
	return agent.Payment{}, fmt.Errorf("no payment has %q in its id, order number, reference, transaction or request id. `tillwire payments list` shows the last ones", key)
}

// timersIn gives a wallet's default waits; the running agent may have others.
func timersIn(c config, name string) agent.Timers {
	for _, w := range c.Wallets {
		if w.Name == name {
			return agent.DefaultTimers(w.Protocol)
		}
	}
	return agent.DefaultTimers("gateway")
}

// fullRow is a payment with its story, for programs.
type fullRow struct {
	row
	Say   string    `json:"say"`
	Facts []factRow `json:"facts"`
	Next  []stepRow `json:"next"`
}

type factRow struct {
	Seq      int64     `json:"seq"`
	At       time.Time `json:"at"`
	Kind     string    `json:"kind"`
	Op       string    `json:"op,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Code     string    `json:"code,omitempty"`
	Text     string    `json:"text,omitempty"`
	Txn      string    `json:"txn,omitempty"`
	By       string    `json:"by,omitempty"`
	RefundNo string    `json:"refund_no,omitempty"`
	Amount   int64     `json:"amount,omitempty"`
}

func factRows(facts []agent.Fact) []factRow {
	rows := make([]factRow, 0, len(facts))
	for _, f := range facts {
		rows = append(rows, factRow{f.Seq, f.At, string(f.Kind), string(f.Op), string(f.Reason), f.Code, f.Text, f.Txn, f.By, f.RefundNo, f.Amount})
	}
	return rows
}

type stepRow struct {
	Op       agent.Operation `json:"op"`
	RefundNo string          `json:"refund_no,omitempty"`
}

func stepRows(steps []agent.Step) []stepRow {
	rows := make([]stepRow, 0, len(steps))
	for _, s := range steps {
		rows = append(rows, stepRow{s.Op, s.RefundNo})
	}
	return rows
}

func (a *app) printPayment(p agent.Payment, steps []agent.Step, zone *time.Location) {
	s := p.Status
	line := func(label, text string) {
		if text != "" {
			a.printf("%-13s %s\n", label, text)
		}
	}
	line("Payment", string(p.ID))
	line("Order number", p.OrderNo)
	line("Amount", p.Amount.String())
	line("Status", fmt.Sprintf("%s since %s", s.State, s.Since.In(zone).Format(time.DateTime)))
	line("", p.Say().English)
	line("Wallet", s.Wallet)
	line("Transaction", s.Txn)
	line("Reason", strings.TrimSpace(string(s.Reason)+" "+s.Code))
	line("Lane", p.Lane)
	line("Reference", p.Reference)
	line("Asked by", p.Client+", request "+p.RequestID)
	if p.Test {
		line("TEST", "the wallet's host is not the brand's own")
	}
	for _, r := range s.Refunds {
		line("Refund", fmt.Sprintf("%s  %s", r.No, r.Say(p.Amount.Currency).English))
	}
	a.printf("\nWhat happened\n")
	for _, f := range p.Facts {
		a.printf("  %s  row %-8d %s\n", f.At.In(zone).Format("2006-01-02 15:04:05.000"), f.Seq, describeFact(f, p.Amount.Currency))
	}
	for _, step := range steps {
		a.printf("\nNext          %s %s\n", step.Op, step.RefundNo)
	}
	if len(steps) == 0 {
		a.printf("\nNext          nothing; this is final\n")
	}
}

// describeFact is one line about a fact, its particulars behind it.
func describeFact(f agent.Fact, c agent.Currency) string {
	parts := []string{string(f.Kind)}
	if f.Op != "" && !strings.HasPrefix(string(f.Kind), string(f.Op)) {
		parts = append(parts, "by "+string(f.Op))
	}
	if f.Amount > 0 {
		parts = append(parts, agent.Money{Value: f.Amount, Currency: c}.String())
	}
	for _, text := range []string{string(f.Reason), f.Code, f.Text, f.Txn, f.RefundNo, f.By} {
		if text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "  ")
}
