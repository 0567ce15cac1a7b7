package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent"
	"tillwire/agent/wallet"
	"tillwire/cmd/cli"
	"tillwire/offline"
)

// reportRequest asks for the report of a day on a printer.
type reportRequest struct {
	Day     string `json:"day"`     // YYYY-MM-DD, the shop's day
	Printer string `json:"printer"` // "printer.NAME"; empty: the first
	By      string `json:"by"`
}

func (a *app) paymentsReportCommand() *cobra.Command {
	var day, onPrinter, language string
	var onPaper bool
	var columns int
	c := &cobra.Command{Use: "report", Short: "Count a day: an X report of today so far, the Z report of a day that is over", Args: cli.Exactly(),
		Long: `Counts the payments that were opened on a day of the shop, per currency and wallet, and writes the
slip as text; with --print it comes out of a printer of the running agent. Today gives an X report,
an earlier day its Z report. Nothing is reset: the same day gives the same sums until one of its
payments moves on.

"Taken on earlier sales" and "given back on earlier sales" are what moved on this day on payments of
days before it. They stand beside the sum, because the report of its own day counts a payment with
all that it has come to since.`,
		Example: `  tillwire payments report
  tillwire payments report --day 2026-03-09 --print`,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, r, err := a.journalReader(c.Context())
			if err != nil {
				return err
			}
			defer r.Close()
			if day == "" {
				day = a.clock.Now().In(zoneOf(cfg)).Format(time.DateOnly)
			}
			report, err := reportOf(c.Context(), cfg, r, day, a.clock.Now())
			if err != nil {
				return err
			}
			report.Test = a.testShop(cfg)
			if onPaper {
				err := askAgentPath(c.Context(), cfg.Terminal.Data, "POST", "/report", reportRequest{Day: day, Printer: onPrinter}, &controlAnswer{})
				if errors.Is(err, errNotRunning) {
					return errors.New("no agent runs on this data folder, and the printer is the agent's. Start it, or leave out --print")
				}
				if err == nil {
					a.tell(map[string]any{"queued": true}, "The report is queued.\n")
				}
				return err
			}
			if a.json {
				return a.printJSON(newReportRow(day, report))
			}
			voice, err := slipVoice(cfg, language)
			if err != nil {
				return err
			}
			return a.writeSlip(report.Slip(voice), columns)
		}}
	c.Flags().StringVar(&day, "day", "", "the day, YYYY-MM-DD; today when it is not given")
	c.Flags().BoolVar(&onPaper, "print", false, "print it instead of writing it here")
	c.Flags().StringVar(&onPrinter, "printer", "", `with --print: on this one, such as "printer.counter"`)
	textFlags(c, &language, &columns)
	return c
}

// testShop holds when some wallet's host is not the brand's own.
func (a *app) testShop(c config) bool {
	members, _ := openWallets(c.Wallets, walletEnv{terminal: c.Terminal, clock: a.clock, log: slog.New(slog.DiscardHandler), timers: agent.DefaultTimers})
	return slices.ContainsFunc(members, func(m wallet.Member) bool { return m.Wallet.Info().Test })
}

// reportRow is a report for programs, in minor units.
type reportRow struct {
	Kind    string     `json:"kind"` // "x" or "z"
	Test    bool       `json:"test"` // some wallet's host is not the brand's own
	Day     string     `json:"day"`
	From    time.Time  `json:"from"`
	To      time.Time  `json:"to"`
	Totals  []totalRow `json:"totals"`
	Wallets []totalRow `json:"wallets"`
}

// totalRow is a sum in one currency, of one wallet or of all.
type totalRow struct {
	Wallet   string         `json:"wallet,omitempty"`
	Currency agent.Currency `json:"currency"`
	Count    int            `json:"count"`
	Paid     int            `json:"paid"`
	Captured int64          `json:"captured"`
	Refunded int64          `json:"refunded"`
	Open     int            `json:"open"`
	// On that day, of payments of before it; of all wallets together.
	CapturedEarlier int64 `json:"captured_earlier,omitempty"`
	Earlier         int64 `json:"refunded_earlier,omitempty"`
}

func newReportRow(day string, r agent.Report) reportRow {
	row := func(wallet string, t agent.Totals) totalRow {
		return totalRow{wallet, t.Currency, t.Count, t.Paid, t.Captured, t.Refunded, t.Open, t.CapturedEarlier, t.Earlier}
	}
	out := reportRow{Kind: "x", Test: r.Test, Day: day, From: r.From, To: r.To, Totals: []totalRow{}, Wallets: []totalRow{}}
	if r.Z {
		out.Kind = "z"
	}
	for _, t := range r.Sums {
		out.Totals = append(out.Totals, row("", t))
	}
	for _, w := range r.Wallets {
		out.Wallets = append(out.Wallets, row(w.Wallet, w.Totals))
	}
	return out
}

// totaler is what a report counts with.
type totaler interface {
	Totals(ctx context.Context, from, to time.Time) ([]agent.Totals, error)
	TotalsByHour(ctx context.Context, from, to time.Time) ([]offline.HourTally, error)
}

// reportOf counts a day of the shop as it stands at now.
func reportOf(ctx context.Context, c config, from totaler, day string, now time.Time) (agent.Report, error) {
	zone := zoneOf(c)
	begin, err := time.ParseInLocation(time.DateOnly, day, zone)
	if err != nil {
		return agent.Report{}, cli.Wrong("--day %s: write a day such as 2006-01-02", day)
	}
	end := begin.AddDate(0, 0, 1)
	if now.Before(begin) {
		return agent.Report{}, cli.Wrong("--day %s: that day has not begun", day)
	}
	r := agent.Report{Shop: c.Terminal.Shop, Terminal: c.Terminal.Code, Z: !now.Before(end), From: begin, To: end, At: now}
	if !r.Z {
		r.To = now
	}
	if r.Sums, err = from.Totals(ctx, begin, end); err != nil {
		return r, err
	}
	hours, err := from.TotalsByHour(ctx, begin, end)
	if err != nil {
		return r, err
	}
	r.Wallets = walletTotals(hours)
	return r, nil
}

// walletTotals adds up hours, one row a wallet and currency in the order of names.
func walletTotals(hours []offline.HourTally) (list []agent.WalletTotal) {
	for _, h := range hours {
		i := slices.IndexFunc(list, func(w agent.WalletTotal) bool { return w.Wallet == h.Wallet && w.Currency == h.Currency })
		if i < 0 {
			list = append(list, agent.WalletTotal{Wallet: h.Wallet, Totals: h.Totals})
			continue
		}
		list[i].Add(h.Totals)
	}
	slices.SortStableFunc(list, func(a, b agent.WalletTotal) int {
		return slices.Compare([]string{a.Wallet, string(a.Currency)}, []string{b.Wallet, string(b.Currency)})
	})
	return list
}

// controlReport prints a report for the command line.
func (d *agentd) controlReport(w http.ResponseWriter, r *http.Request) {
	var q reportRequest
	err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&q)
	if err == nil {
		err = d.printReport(r.Context(), q)
	}
	answerControl(w, err)
}

// printReport prints the report of a day on the printer that was named, or the first.
func (d *agentd) printReport(ctx context.Context, q reportRequest) error {
	if q.Printer == "" && len(d.printing.printers) > 0 {
		q.Printer = d.printing.printers[0].ID
	}
	to, err := d.printing.chosen(q.Printer, "")
	if err != nil {
		return err
	}
	report, err := reportOf(ctx, d.config, d.store, q.Day, d.clock.Now())
	if err != nil {
		return err
	}
	report.Shop, report.Test, report.By = d.printing.shop(), d.test(), q.By
	return to.printer.Print(agent.PrintJob{Slip: report.Slip(d.printing.voice(to)), Done: func(end agent.PrintEnd) {
		d.log.Info("report", "comp", "printing", "day", q.Day, "printer", to.ID, "end", string(end))
	}})
}
