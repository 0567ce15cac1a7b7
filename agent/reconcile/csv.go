package reconcile

import (
	"encoding/csv"
	"io"
	"strconv"

	"tillwire/agent"
	"tillwire/agent/words"
)

// csvHead names the columns of the export, one difference a row. Amounts are decimal,
// with a point.
var csvHead = []string{"day", "wallet", "kind", "order_no", "refund_no", "transaction", "at", "currency_there", "amount_there",
	"currency_here", "amount_here", "payment", "status", "asked_again", "say", "bill_line"}

// WriteCSV writes the differences of a day, then the sums as rows of their own, whose
// kind begins with "sum": of the bill, of the journal, and what the two are off by.
func WriteCSV(w io.Writer, r agent.Reconciliation, say func(agent.Sentence) string) error {
	out := csv.NewWriter(w)
	rows := [][]string{csvHead}
	for _, wallet := range r.Wallets {
		for _, d := range wallet.Differences {
			thereIn, there := amount(d.There)
			hereIn, here := amount(d.Here)
			rows = append(rows, []string{r.Day, d.Wallet, string(d.Kind), words.Cell(d.OrderNo), words.Cell(d.RefundNo), words.Cell(d.Txn), words.Cell(d.At), thereIn, there,
				hereIn, here, string(d.Payment), string(d.State), strconv.FormatBool(d.Asked), words.Cell(say(d.Say())), words.Cell(d.Line)})
		}
		if wallet.Failed != nil {
			rows = append(rows, sumRow(r.Day, wallet.Wallet, "not_compared", "", "", "", say(*wallet.Failed)))
		}
		for _, s := range wallet.Sums {
			in := func(v int64) string { return agent.Money{Value: v, Currency: s.Currency}.Decimal() }
			currency := string(s.Currency)
			rows = append(rows,
				sumRow(r.Day, wallet.Wallet, "sum_paid", currency, in(s.There.Paid), in(s.Here.Paid), ""),
				sumRow(r.Day, wallet.Wallet, "sum_returned", currency, in(s.There.Returned), in(s.Here.Returned), ""),
				sumRow(r.Day, wallet.Wallet, "sum_net", currency, in(s.There.Net()), in(s.Here.Net()), ""))
		}
	}
	if err := out.WriteAll(rows); err != nil {
		return err
	}
	return out.Error()
}

func sumRow(day, wallet, kind, currency, there, here, say string) []string {
	return []string{day, wallet, kind, "", "", "", "", currency, there, currency, here, "", "", "", words.Cell(say), ""}
}

// amount writes no amount as nothing, which is not the same as zero.
func amount(m agent.Money) (currency, value string) {
	if m.Currency == "" {
		return "", ""
	}
	return string(m.Currency), m.Decimal()
}
