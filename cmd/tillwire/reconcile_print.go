package main

import (
	"fmt"

	"tillwire/agent"
	"tillwire/agent/reconcile"
	"tillwire/cmd/cli"
)

// saidDifference is a difference with its sentence, for programs.
type saidDifference struct {
	agent.Difference
	Say string `json:"say"`
}

// walletRow is one wallet's result, for programs: with sentences, and with what the
// two sides are off by.
type walletRow struct {
	Wallet      string            `json:"wallet"`
	Test        bool              `json:"test"`
	Compared    bool              `json:"compared"`
	Why         string            `json:"why,omitempty"` // when it could not be
	Sums        []sumRow          `json:"sums"`
	Differences []saidDifference  `json:"differences"`
	Elsewhere   int               `json:"elsewhere"`
	Later       []agent.LaterBill `json:"later,omitempty"`
}

type sumRow struct {
	agent.BillSum
	Off int64 `json:"off"` // there less here, in minor units
}

// printReconciliation shows a result and ends with exit code 1 where somebody has to
// look.
func (a *app) printReconciliation(r agent.Reconciliation, asCSV bool) error {
	print := a.printBills
	switch {
	case asCSV:
		print = func(r agent.Reconciliation) error {
			return reconcile.WriteCSV(a.stdout, r, func(s agent.Sentence) string { return s.English })
		}
	case a.json:
		print = a.printBillsJSON
	}
	if err := print(r); err != nil {
		return err
	}
	if r.Differences() > 0 || !r.Whole() {
		return cli.ErrFound
	}
	return nil
}

func (a *app) printBillsJSON(r agent.Reconciliation) error {
	rows := make([]walletRow, 0, len(r.Wallets))
	for _, w := range r.Wallets {
		row := walletRow{Wallet: w.Wallet, Test: w.Test, Compared: w.Failed == nil, Sums: []sumRow{}, Differences: []saidDifference{}, Elsewhere: w.Elsewhere, Later: w.Later}
		if w.Failed != nil {
			row.Why = w.Failed.English
		}
		for _, s := range w.Sums {
			row.Sums = append(row.Sums, sumRow{s, s.Off().Value})
		}
		for _, d := range w.Differences {
			row.Differences = append(row.Differences, saidDifference{d, d.Say().English})
		}
		rows = append(rows, row)
	}
	return a.printJSON(map[string]any{"day": r.Day, "made": r.Made, "differences": r.Differences(), "whole": r.Whole(), "wallets": rows})
}

func (a *app) printBills(r agent.Reconciliation) error {
	t := table(a.stdout)
	fmt.Fprintln(t, "WALLET\tCURRENCY\tBILL: PAID\tRETURNED\tJOURNAL: PAID\tRETURNED\tOFF\tDIFFERENCES")
	for _, w := range r.Wallets {
		for _, s := range w.Sums {
			in := func(n int, v int64) string {
				return fmt.Sprintf("%s (%d)", agent.Money{Value: v, Currency: s.Currency}.Decimal(), n)
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\n", w.Wallet, s.Currency, in(s.There.Payments, s.There.Paid), in(s.There.Returns, s.There.Returned),
				in(s.Here.Payments, s.Here.Paid), in(s.Here.Returns, s.Here.Returned), s.Off().Decimal(), s.Differences)
		}
		if len(w.Sums) == 0 && w.Failed == nil {
			fmt.Fprintf(t, "%s\t-\t-\t-\t-\t-\t-\t0\n", w.Wallet)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, w := range r.Wallets {
		a.printWalletBill(w)
	}
	switch n := r.Differences(); {
	case n > 0:
		a.printf("\n%s on %s.\n", plural(n, "difference", "differences"), r.Day)
	case r.Whole():
		a.printf("\nEverything agrees on %s.\n", r.Day)
	}
	return nil
}

func (a *app) printWalletBill(w agent.WalletBill) {
	if w.Failed != nil {
		a.printf("\n%s was not compared: %s\n", w.Wallet, w.Failed.English)
	}
	if w.Elsewhere > 0 {
		a.printf("\n%s: %s of other terminals on the same account, left out.\n", w.Wallet, plural(w.Elsewhere, "line", "lines"))
	}
	for _, l := range w.Later {
		a.printf("\n%s: %s around midnight may be on the bill of %s, which cannot be had yet.\n", w.Wallet, plural(l.Count, "movement", "movements"), l.Day)
	}
	for _, d := range w.Differences {
		a.printf("\n%s  %s  %s  %s\n", d.Wallet, d.Kind, d.Amount(), d.At)
		if d.OrderNo != "" {
			a.printf("  order %s\n", d.OrderNo)
		}
		if d.RefundNo != "" {
			a.printf("  refund %s\n", d.RefundNo)
		}
		a.printf("  %s\n", d.Say().English)
		if d.Asked {
			a.printf("  Asked again: the payment is now %s.\n", d.State)
		}
	}
}
