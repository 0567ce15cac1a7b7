package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
	"tillwire/cmd/cli"
)

func (a *app) watchCommand() *cobra.Command {
	var f chooser
	var streams []string
	c := &cobra.Command{Use: "watch [TERMINAL]", Short: "Follow what happens, as it happens", Args: cli.Between(0, "TERMINAL"),
		Long: `Shows what terminals tell from now on, one line each: sales as they change, sensitive acts,
alerts, commands and jobs, and who comes and goes. It ends when it is interrupted.`,
		Example: `  tillfleet watch corner
  tillfleet watch --label city=Lyon --stream alert --json`,
		RunE: func(c *cobra.Command, args []string) error {
			filter, err := f.filter()
			if err != nil {
				return err
			}
			q := filter.Query()
			for _, s := range streams {
				if !slices.Contains(fleet.Streams(), fleet.Stream(s)) {
					return cli.Wrong("--stream %s: there are %v", s, fleet.Streams())
				}
				q.Add("stream", s)
			}
			if len(args) == 1 {
				tid, err := a.one(c.Context(), args[0])
				if err != nil {
					return err
				}
				q.Set("tid", string(tid))
			}
			res, err := a.open(c.Context(), "GET", "/v1/watch?"+q.Encode(), nil)
			if err != nil {
				return err
			}
			defer res.Body.Close()
			fmt.Fprintln(a.stderr, watching)
			err = a.follow(res.Body)
			if c.Context().Err() != nil {
				return nil // interrupted, as it is meant to end
			}
			return err
		}}
	f.flags(c)
	c.Flags().StringSliceVar(&streams, "stream", nil, "only these: alert, cmd, job, audit, tx, metric (all but metric when none is named)")
	return c
}

// watching is said once nothing is missed any more.
const watching = "Watching; interrupt to end."

// maxLine is the longest line of a watch: an event is smaller than a message.
const maxLine = 2 * fleet.MaxMessage

// follow shows one happening after another until the service ends.
func (a *app) follow(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if a.json {
			a.printf("%s\n", lines.Bytes())
			continue
		}
		var h service.Happening
		if err := json.Unmarshal(lines.Bytes(), &h); err != nil {
			return fmt.Errorf("the service's answer cannot be read: %w", err)
		}
		what := fmt.Sprintf("%s → %s", h.From, h.To)
		kind := "presence"
		if h.Event != nil {
			kind, what = string(h.Event.Stream), eventText(*h.Event)
		}
		a.printf("%s  %s  %s  %s\n", h.At.Local().Format(time.TimeOnly), fit(string(h.TID), 24), fit(kind, 8), printable(what))
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return errors.New("the service ended")
}
