package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent/fleet/service"
)

// tableRows is how many rows a person is shown unless they ask for all.
const tableRows = 40

// liveEvery is how often a live table looks.
const liveEvery = 2 * time.Second

func (a *app) lsCommand() *cobra.Command {
	var f chooser
	var all, live bool
	var order string
	c := &cobra.Command{Use: "ls", Short: "List terminals, those with trouble first", Args: exactly(),
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
			if order != "trouble" && order != "name" && order != "heard" {
				return wrong("--sort %s: there are trouble, name and heard", order)
			}
			if live {
				return a.liveTable(c.Context(), filter, order)
			}
			rows, err := a.rows(c.Context(), filter)
			if err != nil {
				return err
			}
			arrange(rows.Terminals, order)
			if a.json {
				return a.printJSON(rows)
			}
			columns, lines, onScreen := screen(a.stdout)
			most := len(rows.Terminals)
			if onScreen && !all {
				most = max(lines-4, tableRows)
			}
			writeTable(a.stdout, rows, most, columns)
			return nil
		}}
	f.flags(c)
	c.Flags().BoolVar(&all, "all", false, "every row, also on a screen")
	c.Flags().BoolVar(&live, "live", false, "keep the table up to date until interrupted")
	c.Flags().StringVar(&order, "sort", "trouble", "trouble, name or heard (the longest ago first)")
	return c
}

// arrange sorts the rows as a person asked.
func arrange(rows []service.Row, order string) {
	slices.SortStableFunc(rows, func(a, b service.Row) int {
		switch order {
		case "name":
			return cmp.Compare(a.TID, b.TID)
		case "heard":
			return a.Heard.Compare(b.Heard)
		}
		return cmp.Or(cmp.Compare(weight(b), weight(a)), cmp.Compare(a.TID, b.TID))
	})
}

// weight is how urgent a row is.
func weight(r service.Row) (n int) {
	for _, t := range r.Troubles {
		if n++; t.Bad {
			n += 100
		}
	}
	return n
}

// writeTable prints up to most rows and a line that counts all.
func writeTable(w io.Writer, rows service.Rows, most, columns int) {
	t := table{head: []string{"", "TERMINAL", "SHOP", "STATE", "HEARD", "VERSION", "LINE", "QUEUE", "DOUBT", "CONFIG", "TROUBLE"},
		most: []int{1, 40, 24, 9, 5, 16, 9, 7, 5, 9, 0}}
	if columns > 0 {
		t.most[10] = max(columns-100, 20)
	}
	for _, r := range rows.Terminals[:min(most, len(rows.Terminals))] {
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
	fmt.Fprintln(w, tallyLine(rows.Terminals))
	if more := len(rows.Terminals) - most; more > 0 {
		fmt.Fprintf(w, "%d more are not shown: narrow with --trouble, --state, --label or --text, or ask for --all\n", more)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// tallyLine counts terminals by how they stand.
func tallyLine(rows []service.Row) string {
	byStanding, troubled := map[service.Standing]int{}, 0
	for _, r := range rows {
		byStanding[r.Standing]++
		if len(r.Troubles) > 0 {
			troubled++
		}
	}
	parts := []string{}
	for _, s := range service.Standings() {
		if n := byStanding[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	line := count(len(rows), "terminal")
	if len(parts) > 0 {
		line += ": " + strings.Join(parts, ", ")
	}
	if troubled > 0 {
		line += fmt.Sprintf("; %d with trouble", troubled)
	}
	return line
}

// liveTable draws the table again and again over itself.
func (a *app) liveTable(ctx context.Context, f service.Filter, order string) error {
	columns, lines, onScreen := screen(a.stdout)
	if !onScreen || a.json {
		return wrong("--live needs a screen; `tillfleet watch --json` follows a fleet for programs")
	}
	a.printf("\x1b[2J")
	for ctx.Err() == nil {
		rows, err := a.rows(ctx, f)
		if err != nil {
			return err
		}
		arrange(rows.Terminals, order)
		var b strings.Builder
		writeTable(&b, rows, max(lines-5, 5), columns)
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
