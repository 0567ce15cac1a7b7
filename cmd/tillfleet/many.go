package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
	"tillwire/cmd/cli"
)

// manyFlags are the flags of what works on many terminals.
func (f *chooser) manyFlags(c *cobra.Command) {
	f.flags(c)
	c.Flags().BoolVar(&f.yes, "yes", false, "yes, on all the terminals that the filters choose")
	c.Flags().StringVar(&f.after, "after", "", "with filters, only the terminals whose names come behind this one: goes on with what ended in the middle")
}

// targets are the terminals that a command works on: the one that is named, or with
// filters all they choose, by name. More than one asks first.
func (a *app) targets(ctx context.Context, word string, f *chooser, what string) ([]fleet.TID, error) {
	switch {
	case word != "" && f.given():
		return nil, cli.Wrong("name a terminal or filter, not both")
	case word != "" && f.after != "":
		return nil, cli.Wrong("--after belongs to filters")
	case word != "":
		tid, err := a.one(ctx, word)
		return []fleet.TID{tid}, err
	case !f.given():
		return nil, cli.Wrong("name a terminal, or choose some with --label, --text, --state or --version")
	}
	filter, err := f.filter()
	if err != nil {
		return nil, err
	}
	rows, err := a.rowsBehind(ctx, filter, fleet.TID(f.after))
	if err != nil {
		return nil, err
	}
	var tids []fleet.TID
	for _, r := range rows.Terminals {
		tids = append(tids, r.TID)
	}
	if len(tids) == 0 {
		return nil, fmt.Errorf("no terminal matches")
	}
	if len(tids) > 1 && !f.yes {
		return nil, cli.Wrong("this would %s on %s (%s). Say --yes if you mean it", what, count(len(tids), "terminal"), some(namesOf(tids)))
	}
	return tids, nil
}

func namesOf(tids []fleet.TID) (names []string) {
	for _, tid := range tids {
		names = append(names, string(tid))
	}
	return names
}

// manyAtOnce is how many terminals one request is for: so many fit into what a
// request may take, on a slow disk too.
const manyAtOnce = 100

// toMany asks the service to do something to terminals, a part at a time. Where that
// ends in the middle it answers what came of those before, and the error says which
// were asked and which were not: done again for all, it would be done twice.
func (a *app) toMany(ctx context.Context, path string, ask service.Many, tids []fleet.TID) (list []service.Outcome, err error) {
	show := a.progress()
	defer show("")
	for len(tids) > 0 {
		ask.TIDs = tids[:min(len(tids), manyAtOnce)]
		var part []service.Outcome
		if err := a.ask(ctx, "POST", path, ask, &part); err != nil {
			return list, broken(err, len(list), ask.TIDs, tids[len(ask.TIDs):])
		}
		list, tids = append(list, part...), tids[len(ask.TIDs):]
		show("%d of %d are asked", len(list), len(list)+len(tids))
	}
	return list, nil
}

// broken says how far work on many terminals came.
func broken(err error, done int, part, rest []fleet.TID) error {
	if done == 0 && len(part) == 1 {
		return err // one was meant, and the error is its own
	}
	text := fmt.Sprintf("It ended in the middle: %s done; of %s it is not known, look with `tillfleet show`",
		isAre(done), some(namesOf(part)))
	if len(rest) > 0 {
		text += fmt.Sprintf("; not asked yet: %s. `--after %s` with the same filters goes on with those", some(namesOf(rest)), part[len(part)-1])
	}
	return errors.Join(err, errors.New(text+"."))
}

func isAre(n int) string {
	if n == 1 {
		return "1 terminal is"
	}
	return count(n, "terminal") + " are"
}
