package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"tillwire/cmd/tillcloud/lab"
	"tillwire/cmd/tillcloud/lab/sabotage"
)

// page is what a campaign is remembered by. Everything on it was said by the runs
// themselves, on the line that each ends with.
type page struct {
	Commit  string
	Machine string
	Size    string
	Only    string
	Begun   time.Time
	Ended   time.Time
	Honest  []outcome
	Faulty  []outcome
	Blind   []outcome
}

func (p *page) violations() (n int) {
	for _, o := range p.Honest {
		n += max(total(o.results), len(o.found))
	}
	return n
}

// wrong lists what was not as it must be, run after run.
func (p *page) wrong() (list []string) {
	for _, o := range p.Honest {
		for _, why := range o.wrong() {
			list = append(list, o.part.ID+": "+why)
		}
		for _, r := range o.results {
			if len(r.Without) > 0 {
				list = append(list, fmt.Sprintf("%s: it ran without %s", o.part.ID, strings.Join(r.Without, ", ")))
			}
		}
	}
	for _, o := range p.Faulty {
		for _, why := range o.wrong() {
			list = append(list, faultyID+": "+why)
		}
	}
	for _, o := range p.Blind {
		for _, why := range o.unproven(p.Faulty) {
			list = append(list, fmt.Sprintf("%s: without %s, %s %s", faultyID, o.without, o.sabotage, why))
		}
	}
	return list
}

// wallets says whose payments were tried, and where not all campaigns tried a
// wallet, which did.
func (p *page) wallets() string {
	by, all := map[string][]string{}, 0
	for _, o := range p.Honest {
		for _, r := range o.results {
			all++
			for _, name := range r.Wallets {
				by[name] = append(by[name], o.part.ID)
			}
		}
	}
	var said []string
	for _, name := range slices.Sorted(maps.Keys(by)) {
		if len(by[name]) < all {
			name += " (" + strings.Join(by[name], ", ") + ")"
		}
		said = append(said, name)
	}
	return strings.Join(said, ", ")
}

// verdict is the page in one sentence.
func (p *page) verdict() string {
	if wrong := p.wrong(); len(wrong) > 0 {
		return fmt.Sprintf("%d violations; %d runs failed", p.violations(), len(wrong))
	}
	caught := ""
	if len(p.Faulty) > 0 {
		caught = fmt.Sprintf("; %d of %d faulty builds caught", len(p.Faulty), len(sabotage.All()))
	}
	return fmt.Sprintf("%d violations%s", p.violations(), caught)
}

func (p *page) text() []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# The fault campaign: %s\n", p.verdict())
	line("Written by `make campaign` from what the campaigns reported; nothing here was typed. A campaign repeats by")
	line("its seeds: `make replay SEED=C6-17` is case 17 of C6. Minutes are this machine's; inside many campaigns a shop's")
	line("own time passes virtually, and so do the seconds among their figures.\n")
	line("| | |\n| --- | --- |")
	line("| commit | `%s` |", p.Commit)
	line("| machine | %s |", p.Machine)
	size := p.Size
	if p.Only != "" {
		size += ", only " + p.Only
	}
	line("| sizes | %s |", size)
	line("| begun | %s |", stamp(p.Begun))
	line("| ended | %s, after %s |", stamp(p.Ended), p.Ended.Sub(p.Begun).Round(time.Second))
	line("| wallets | %s |", p.wallets())
	line("| violations | %d |\n", p.violations())
	if wrong := p.wrong(); len(wrong) > 0 {
		line("## What failed\n")
		for _, w := range wrong {
			line("- %s", strings.ReplaceAll(w, "\n", " "))
		}
		line("")
	}
	line("## What ran\n")
	line("| campaign | what breaks | asked for | ran | violations | first seed | begun | minutes |")
	line("| --- | --- | ---: | ---: | ---: | ---: | --- | ---: |")
	for _, o := range p.Honest {
		for _, r := range o.results {
			line("| %s | %s | %s %s | %s | %d | %d | %s | %.1f |", o.part.ID, o.part.Title, thousands(r.Size), r.Unit, thousands(r.Done), r.Violations,
				r.Seed, r.Begun.UTC().Format("15:04:05"), r.Ended.Sub(r.Begun).Minutes())
		}
		if len(o.results) == 0 {
			line("| %s | %s | no result | | | | | |", o.part.ID, o.part.Title)
		}
	}
	line("\n## Figures\n\n| campaign | figure | |\n| --- | --- | ---: |")
	for _, o := range p.Honest {
		for _, r := range o.results {
			figures(&b, o.part.ID, r)
		}
	}
	p.sabotages(line)
	return []byte(b.String())
}

func figures(b *strings.Builder, id string, r lab.Result) {
	for _, name := range slices.Sorted(maps.Keys(r.Figures)) {
		fmt.Fprintf(b, "| %s | %s | %s |\n", id, strings.ReplaceAll(name, "_", " "), figure(r.Figures[name]))
	}
}

// figure writes a measure with four digits that count.
func figure(v float64) string {
	if v == float64(int(v)) {
		return thousands(int(v))
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// sabotages is the table of the faulty builds.
func (p *page) sabotages(line func(string, ...any)) {
	if len(p.Faulty) == 0 {
		return
	}
	line("\n## C14: faulty builds\n")
	line("Each is a mistake that somebody could defend, in a build of its own. The named check must catch it. The same")
	line("cases then ran to the end of a merge's size without that check: it was silent, so the gate fails without it.\n")
	line("| faulty build | its author says | caught in | by | seconds | shown again by | without that check |")
	line("| --- | --- | --- | --- | ---: | --- | --- |")
	for _, o := range p.Faulty {
		s, err := sabotage.Find(o.sabotage)
		if err != nil {
			continue
		}
		by, again := "**not caught**", ""
		if f, ok := o.caught(o.catch); ok {
			by, again = o.catch, "`"+f.repeat+"`"
		}
		line("| %s | %s | %s | %s | %.1f | %s | %s |", s.Name, s.Says, o.part.ID, by, o.took.Seconds(), again, p.without(s.Name))
	}
	if len(p.Blind) > 0 {
		line("\n%s", p.alone())
	}
}

// without says what became of a faulty build whose check was left out.
func (p *page) without(name string) string {
	for _, o := range p.Blind {
		if o.sabotage != name {
			continue
		}
		if why := o.unproven(p.Faulty); len(why) > 0 {
			return "**" + strings.Join(why, "; ") + "**"
		}
		if others := o.others(); len(others) > 0 {
			return "seen by " + strings.Join(others, ", ")
		}
		return "nothing sees it"
	}
	return "not tried"
}

// alone names the faulty builds that only their own check sees.
func (p *page) alone() string {
	var names []string
	for _, o := range p.Blind {
		if len(o.found) == 0 {
			names = append(names, o.sabotage)
		}
	}
	if len(names) == 0 {
		return "Another check sees every faulty build as well."
	}
	return "No other check sees " + strings.Join(names, ", ") + "."
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }
