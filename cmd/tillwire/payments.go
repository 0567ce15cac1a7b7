package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent"
	"tillwire/agent/web"
	"tillwire/cmd/cli"
	"tillwire/offline"
)

func (a *app) paymentsCommand() *cobra.Command {
	return cli.Group("payments", "Look at payments, and give up those that cannot be collected", a.paymentsListCommand(), a.paymentsShowCommand(), a.paymentsExportCommand(), a.paymentsPrintCommand(), a.paymentsReportCommand(), a.paymentsUnfinishedCommand(), a.paymentsWriteOffCommand())
}

// filterFlags are the flags that select payments, the same for list and export.
type filterFlags struct {
	from, to, status, lane, text string
	open                         bool
}

func (f *filterFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.from, "from", "", "first day (YYYY-MM-DD) or moment (RFC 3339)")
	c.Flags().StringVar(&f.to, "to", "", "last day, itself included, or the moment before which")
	c.Flags().StringVar(&f.status, "status", "", `one or more states separated by commas, or "open": not final`)
	c.Flags().StringVar(&f.lane, "lane", "", "one lane only")
	c.Flags().StringVar(&f.text, "text", "", "part of the reference, order number, transaction or request id")
}

// filter reads the flags; days are the shop's.
func (f *filterFlags) filter(zone *time.Location) (agent.Filter, error) {
	out := agent.Filter{Lane: f.lane, Text: f.text}
	var err error
	if out.From, err = moment("--from", f.from, zone, 0); err != nil {
		return out, err
	}
	if out.To, err = moment("--to", f.to, zone, 1); err != nil {
		return out, err
	}
	for word := range strings.SplitSeq(f.status, ",") {
		switch word = strings.TrimSpace(word); word {
		case "":
		case "open":
			out.Open = true
		default:
			if !slices.Contains(web.States(), agent.State(word)) {
				return out, cli.Wrong("--status %s: %s", word, meant(word, stateNames()))
			}
			out.States = append(out.States, agent.State(word))
		}
	}
	return out, nil
}

func stateNames() (names []string) {
	for _, s := range web.States() {
		names = append(names, string(s))
	}
	slices.Sort(names)
	return append(names, "open")
}

// moment reads a day or an instant; days is added to a bare day.
func moment(flag, text string, zone *time.Location, days int) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, zone); err == nil {
		return t.AddDate(0, 0, days), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, cli.Wrong("%s %s: write a day such as 2006-01-02 or a moment such as 2006-01-02T15:04:05Z", flag, text)
	}
	return t, nil
}

// journalReader opens the store for reading only. It works beside a running
// agent and without one.
func (a *app) journalReader(ctx context.Context) (config, *offline.Reader, error) {
	c, err := a.configForData()
	if err != nil {
		return c, nil, err
	}
	r, err := offline.OpenReader(ctx, c.Terminal.Data)
	return c, r, err
}

// configForData reads the configuration as far as a command on the data folder
// needs it. What is wrong elsewhere is for `tillwire check`.
func (a *app) configForData() (config, error) {
	c, _, err := readConfig(a.config)
	return c, err
}

func (a *app) paymentsListCommand() *cobra.Command {
	var f filterFlags
	var limit int
	c := &cobra.Command{Use: "list", Short: "List payments, newest first", Args: cli.Exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if limit < 1 || limit > 500 {
				return cli.Wrong("--limit takes 1 to 500; `tillwire payments export` writes all of them")
			}
			cfg, r, err := a.journalReader(c.Context())
			if err != nil {
				return err
			}
			defer r.Close()
			filter, err := f.filter(zoneOf(cfg))
			if err != nil {
				return err
			}
			filter.Limit = limit
			page, err := r.List(c.Context(), filter)
			if err != nil {
				return err
			}
			return a.printPage(page, zoneOf(cfg))
		}}
	f.add(c)
	c.Flags().IntVar(&limit, "limit", 50, "how many, at most 500")
	return c
}

func (a *app) printPage(page agent.Page, zone *time.Location) error {
	if a.json {
		rows := make([]row, 0, len(page.Payments))
		for _, p := range page.Payments {
			rows = append(rows, newRow(p))
		}
		return a.printJSON(map[string]any{"payments": rows, "next": page.Next})
	}
	w := table(a.stdout)
	fmt.Fprintln(w, "TIME\tLANE\tAMOUNT\tWALLET\tSTATUS\tORDER NUMBER\tREFERENCE")
	for _, p := range page.Payments {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.Created.In(zone).Format(time.DateTime), p.Lane, p.Amount, p.Status.Wallet, p.Status.State, p.OrderNo, p.Reference)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if page.Next != "" {
		fmt.Fprintln(a.stderr, "There are older ones: narrow the list with --from and --to, or use `tillwire payments export`.")
	}
	return nil
}

func (a *app) paymentsExportCommand() *cobra.Command {
	var f filterFlags
	c := &cobra.Command{Use: "export", Short: "Write all payments as CSV, or as JSON with --json", Args: cli.Exactly(),
		Long: `Writes every payment with what was asked for, captured, refunded and reversed, in minor units of
its currency, so that the export can be compared with a wallet's bill or ledger line by line.
What the shop keeps of a payment is in "kept": nothing when it was reversed or closed, else captured
less refunded. It may run beside the agent.`,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, r, err := a.journalReader(c.Context())
			if err != nil {
				return err
			}
			defer r.Close()
			filter, err := f.filter(zoneOf(cfg))
			if err != nil {
				return err
			}
			write, finish := csvExport(a.stdout)
			if a.json {
				write, finish = jsonExport(a.stdout)
			}
			return a.export(c.Context(), r, filter, write, finish)
		}}
	f.add(c)
	return c
}

// lister is what an export reads: pages of payments, newest first.
type lister interface {
	List(ctx context.Context, f agent.Filter) (agent.Page, error)
}

// export hands every payment of the filter to write, a page at a time, so that
// its size does not matter.
func (a *app) export(ctx context.Context, from lister, f agent.Filter, write func(row) error, finish func() error) error {
	f.Limit = 500
	progress := a.progress()
	for n := 0; ; {
		page, err := from.List(ctx, f)
		if err != nil {
			return err
		}
		for _, p := range page.Payments {
			if err := write(newRow(p)); err != nil {
				return fmt.Errorf("write the export: %w", err)
			}
		}
		n += len(page.Payments)
		progress("%d payments", n)
		if page.Next == "" {
			progress("")
			return finish()
		}
		f.Cursor = page.Next
	}
}

func csvExport(w io.Writer) (write func(row) error, finish func() error) {
	out := csv.NewWriter(w)
	headed := false
	head := func() error {
		if headed {
			return nil
		}
		headed = true
		return out.Write(csvHeader)
	}
	write = func(r row) error {
		if err := head(); err != nil {
			return err
		}
		return out.Write(r.csv())
	}
	return write, func() error {
		if err := head(); err != nil {
			return err
		}
		out.Flush()
		return out.Error()
	}
}

// jsonExport writes {"payments":[…]} without holding it in memory.
func jsonExport(w io.Writer) (write func(row) error, finish func() error) {
	glue := "{\"payments\":[\n"
	write = func(r row) error {
		text, err := json.Marshal(r)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s%s", glue, text)
		glue = ",\n"
		return err
	}
	return write, func() error {
		if glue != ",\n" {
			_, err := fmt.Fprint(w, "{\"payments\":[]}\n")
			return err
		}
		_, err := fmt.Fprint(w, "\n]}\n")
		return err
	}
}
