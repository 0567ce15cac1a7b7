package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
	"tillwire/cmd/cli"
)

// chooser is the flags by which terminals are chosen.
type chooser struct {
	text, version, find string
	standing, labels    []string
	trouble             bool

	// Of what works on many terminals, see manyFlags.
	yes   bool
	after string
}

func (f *chooser) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.text, "text", "", "only those with this in their name, shop or labels")
	c.Flags().StringSliceVar(&f.standing, "state", nil, "only those that are "+strings.Join(standingNames(), ", "))
	c.Flags().StringVar(&f.version, "version", "", "only those whose version begins with this")
	c.Flags().StringSliceVar(&f.labels, "label", nil, "only those with this label, key=value or key for any value")
	c.Flags().BoolVar(&f.trouble, "trouble", false, "only those with something wrong")
	c.Flags().StringVar(&f.find, "found", "", "only those with such a finding: "+strings.Join(kindNames(), ", "))
}

func kindNames() (list []string) {
	for _, k := range service.Kinds() {
		list = append(list, string(k))
	}
	return list
}

func standingNames() (list []string) {
	for _, s := range service.Standings() {
		list = append(list, string(s))
	}
	return list
}

// filter checks the flags.
func (f *chooser) filter() (service.Filter, error) {
	out := service.Filter{Text: f.text, Version: f.version, Trouble: f.trouble, Find: service.Kind(f.find)}
	if f.find != "" && !slices.Contains(service.Kinds(), out.Find) {
		return out, cli.Wrong("--found %s: there are %s", f.find, strings.Join(kindNames(), ", "))
	}
	for _, s := range f.standing {
		if !slices.Contains(standingNames(), s) {
			return out, cli.Wrong("--state %s: there are %s", s, strings.Join(standingNames(), ", "))
		}
		out.Standing = append(out.Standing, service.Standing(s))
	}
	for _, pair := range f.labels {
		k, v, some := strings.Cut(pair, "=")
		if !some {
			v = "*"
		}
		if out.Labels == nil {
			out.Labels = map[string]string{}
		}
		out.Labels[k] = v
	}
	return out, nil
}

// given reports that some filter was set.
func (f *chooser) given() bool {
	return f.text != "" || f.version != "" || f.find != "" || f.trouble || len(f.standing)+len(f.labels) > 0
}

// part asks for a part of what a filter chooses.
func (a *app) part(ctx context.Context, f service.Filter, p service.Part) (rows service.Rows, err error) {
	return rows, a.ask(ctx, "GET", "/v1/terminals?"+p.Query(f).Encode(), nil, &rows)
}

// rows asks for all terminals that a filter chooses, by name, part by part.
func (a *app) rows(ctx context.Context, f service.Filter) (service.Rows, error) {
	return a.rowsBehind(ctx, f, "")
}

func (a *app) rowsBehind(ctx context.Context, f service.Filter, after fleet.TID) (service.Rows, error) {
	all, err := a.part(ctx, f, service.Part{Order: service.ByName, After: after})
	for err == nil && all.Next != "" {
		var more service.Rows
		if more, err = a.part(ctx, f, service.Part{Order: service.ByName, After: all.Next}); err == nil {
			all.Terminals, all.Next = append(all.Terminals, more.Terminals...), more.Next
		}
	}
	return all, err
}

// one finds the terminal that a person means: its name, or the only one whose name
// or shop holds what was written. In a fleet of one even "1" will do.
func (a *app) one(ctx context.Context, word string) (fleet.TID, error) {
	rows, err := a.rows(ctx, service.Filter{Text: word})
	if err != nil {
		return "", err
	}
	var near []string
	for _, r := range rows.Terminals {
		if string(r.TID) == word {
			return r.TID, nil
		}
		if holds(string(r.TID), word) || holds(r.Shop, word) {
			near = append(near, string(r.TID))
		}
	}
	switch {
	case len(near) == 1:
		return fleet.TID(near[0]), nil
	case len(near) > 1:
		return "", fmt.Errorf("%q fits %s: %s", word, count(len(near), "terminal"), some(near))
	}
	all, err := a.part(ctx, service.Filter{}, service.Part{Order: service.ByName, Limit: 1})
	if err != nil {
		return "", err
	}
	return "", fmt.Errorf("no terminal %q was ever heard or enrolled; `tillfleet ls` shows the %d there are", word, all.Tally.Terminals)
}

func holds(text, word string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(word))
}

// some names the first few of a list.
func some(list []string) string {
	const shown = 5
	if len(list) <= shown {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:shown], ", "), len(list)-shown)
}

// screen answers the size of the terminal that a file is; ok is false when it is
// none.
func screen(w any) (columns, lines int, ok bool) {
	f, isFile := w.(*os.File)
	if !isFile {
		return 0, 0, false
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Col == 0 {
		return 0, 0, false
	}
	return int(size.Col), int(size.Row), true
}
