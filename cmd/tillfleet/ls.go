package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent/fleet/service"
	"tillwire/cmd/cli"
)

// tableRows is how many rows a person is shown unless they ask for all.
const tableRows = 40

// liveEvery is how often a live table looks.
const liveEvery = 2 * time.Second

func (a *app) lsCommand() *cobra.Command {
	var f chooser
	var all, live bool
	var order string
	c := &cobra.Command{Use: "ls", Short: "List terminals, those with trouble first", Args: cli.Exactly(),
		Long: `Lists terminals: how each stands, when it was heard last, its line to the wallets, what
waits and what is wrong. Those with trouble come first. On a screen it shows as many as
fit and counts the rest; --all, a pipe and --json show every one.`,
		Example: `  tillfleet ls --trouble
  tillfleet ls --label city=Lyon --state lost,stale
  tillfleet ls --live`,
		RunE: func(c *cobra.Command, _ []string) error {
			filter, err := f.filter()
			if err != nil {
				return err
			}
			by := service.Order(order)
			if !slices.Contains(service.Orders(), by) {
				return cli.Wrong("--sort %s: there are trouble, name and heard", order)
			}
			if live {
				return a.liveTable(c.Context(), filter, by)
			}
			return a.list(c.Context(), filter, by, all)
		}}
	f.flags(c)
	c.Flags().BoolVar(&all, "all", false, "every row, also on a screen")
	c.Flags().BoolVar(&live, "live", false, "keep the table up to date until interrupted")
	c.Flags().StringVar(&order, "sort", "trouble", "trouble, name or heard (the longest ago first)")
	return c
}

// list prints what a screen holds, or everything.
func (a *app) list(ctx context.Context, f service.Filter, by service.Order, all bool) error {
	columns, lines, onScreen := screen(a.stdout)
	if onScreen && !all && !a.json {
		rows, err := a.part(ctx, f, service.Part{Order: by, Limit: max(lines-4, tableRows)})
		if err == nil {
			writeTable(a.stdout, rows, columns)
		}
		return err
	}
	rows, err := a.rows(ctx, f)
	if err != nil {
		return err
	}
	slices.SortStableFunc(rows.Terminals, by.Compare)
	if a.json {
		return a.printJSON(rows)
	}
	writeTable(a.stdout, rows, columns)
	return nil
}

// writeTable prints rows and a line that counts all there are.
func writeTable(w io.Writer, rows service.Rows, columns int) {
	t := table{head: []string{"", "TERMINAL", "SHOP", "STATE", "HEARD", "VERSION", "LINE", "QUEUE", "DOUBT", "CONFIG", "TROUBLE"},
		most: []int{1, 40, 24, 9, 5, 16, 9, 7, 5, 9, 0}}
	if columns > 0 {
		t.most[10] = max(columns-100, 20)
	}
	for _, r := range rows.Terminals {
		mark, trouble := "", ""
		if len(r.Troubles) > 0 {
			worst := slices.MaxFunc(r.Troubles, func(a, b service.Trouble) int { return btoi(a.Bad) - btoi(b.Bad) })
			if mark = "·"; worst.Bad {
				mark = "!"
			}
			if trouble = worst.What; len(r.Troubles) > 1 {
				trouble = fmt.Sprintf("%s (+%d)", worst.What, len(r.Troubles)-1)
			}
		}
		t.add(mark, string(r.TID), dash(r.Shop), string(r.Standing), ago(rows.At, r.Heard), dash(r.Version), dash(r.Line), fmt.Sprint(r.Queue), fmt.Sprint(r.InDoubt),
			dash(string(r.Config)), trouble)
	}
	t.write(w)
	fmt.Fprintln(w, tallyLine(*rows.Tally))
	if more := rows.Tally.Terminals - len(rows.Terminals); more > 0 {
		fmt.Fprintf(w, "%d more are not shown: narrow with --trouble, --state, --label or --text, or ask for --all\n", more)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// tallyLine tells how many terminals there are by how they stand.
func tallyLine(t service.Tally) string {
	parts := []string{}
	for _, s := range service.Standings() {
		if n := t.Standing[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	line := count(t.Terminals, "terminal")
	if len(parts) > 0 {
		line += ": " + strings.Join(parts, ", ")
	}
	if t.Troubled > 0 {
		line += fmt.Sprintf("; %d with trouble", t.Troubled)
	}
	return line
}

// liveTable draws the table again and again over itself.
func (a *app) liveTable(ctx context.Context, f service.Filter, by service.Order) error {
	columns, lines, onScreen := screen(a.stdout)
	if !onScreen || a.json {
		return cli.Wrong("--live needs a screen; `tillfleet watch --json` follows a fleet for programs")
	}
	a.printf("\x1b[2J")
	for ctx.Err() == nil {
		rows, err := a.part(ctx, f, service.Part{Order: by, Limit: max(lines-5, 5)})
		if err != nil {
			return err
		}
		var b strings.Builder
		writeTable(&b, rows, columns)
		a.printf("\x1b[H\x1b[J%s  %s\n%s", rows.At.Local().Format(time.TimeOnly), "(interrupt to end)", b.String())
		select {
		case <-ctx.Done():
		case <-a.clock.After(liveEvery):
		}
		if c, l, ok := screen(a.stdout); ok {
			columns, lines = c, l
		}
	}
	return nil
}
