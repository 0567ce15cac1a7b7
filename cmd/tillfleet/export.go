package main

import (
	"encoding/csv"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
	"tillwire/agent/words"
	"tillwire/cmd/cli"
)

// exportPage is how many events one question brings.
const exportPage = 5000

func (a *app) exportCommand() *cobra.Command {
	var streams []string
	var since, terminal, form string
	c := &cobra.Command{Use: "export", Short: "Write out what terminals told", Args: cli.Exactly(),
		Long: `Writes every stored event to standard output, the oldest first: one JSON document a line, or
CSV for a spreadsheet. Events are kept for thirteen months.`,
		Example: `  tillfleet export --stream audit --since 2026-11-01 > acts.jsonl
  tillfleet export --stream tx --terminal corner --format csv > sales.csv`,
		RunE: func(c *cobra.Command, _ []string) error {
			if form != "jsonl" && form != "csv" {
				return cli.Wrong("--format %s: there are jsonl and csv", form)
			}
			q := url.Values{"limit": {strconv.Itoa(exportPage)}}
			for _, s := range streams {
				if !slices.Contains(fleet.Streams(), fleet.Stream(s)) {
					return cli.Wrong("--stream %s: there are %v", s, fleet.Streams())
				}
				q.Add("stream", s)
			}
			if since != "" {
				at, err := day(since)
				if err != nil {
					return err
				}
				q.Set("since", at.UTC().Format(time.RFC3339))
			}
			if terminal != "" {
				tid, err := a.one(c.Context(), terminal)
				if err != nil {
					return err
				}
				q.Set("tid", string(tid))
			}
			return a.export(c, q, form == "csv")
		}}
	c.Flags().StringSliceVar(&streams, "stream", nil, "only these: alert, cmd, job, audit, tx, metric")
	c.Flags().StringVar(&since, "since", "", "stored then or later: 2026-11-01 or 2026-11-01T08:00:00Z")
	c.Flags().StringVar(&terminal, "terminal", "", "only of this one")
	c.Flags().StringVar(&form, "format", "jsonl", "jsonl or csv")
	return c
}

// day reads a day, here, or a moment.
func day(text string) (time.Time, error) {
	if t, err := time.ParseInLocation(time.DateOnly, text, time.Local); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, cli.Wrong("%q is no day such as 2026-11-01 and no moment such as 2026-11-01T08:00:00Z", text)
	}
	return t, nil
}

func (a *app) export(c *cobra.Command, q url.Values, spreadsheet bool) error {
	lines, sheet := json.NewEncoder(a.stdout), csv.NewWriter(a.stdout)
	lines.SetEscapeHTML(false)
	if spreadsheet {
		if err := sheet.Write([]string{"id", "terminal", "stream", "sequence", "time", "stored", "type", "data"}); err != nil {
			return err
		}
	}
	show, written := a.progress(), 0
	for {
		var page []service.StoredEvent
		if err := a.ask(c.Context(), "GET", "/v1/events?"+q.Encode(), nil, &page); err != nil {
			return err
		}
		for _, e := range page {
			var err error
			if spreadsheet {
				err = sheet.Write(cellsOf(e))
			} else {
				err = lines.Encode(e)
			}
			if err != nil {
				return err
			}
			q.Set("after", strconv.FormatInt(e.ID, 10))
		}
		written += len(page)
		show("%d events", written)
		if len(page) < exportPage {
			break
		}
	}
	show("")
	sheet.Flush()
	return sheet.Error()
}

// cellsOf is an event as a row. What a terminal sent must not become a formula.
func cellsOf(e service.StoredEvent) []string {
	return []string{strconv.FormatInt(e.ID, 10), string(e.TID), string(e.Stream), strconv.FormatUint(uint64(e.Event.Sequence), 10), e.Event.Time.Format(time.RFC3339),
		e.Stored.Format(time.RFC3339), words.Cell(e.Event.Type), words.Cell(string(e.Event.Data))}
}
