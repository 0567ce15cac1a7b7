package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// faultyBuilds is how many faulty builds the project began with; a page may tell of
// more.
const faultyBuilds = 11

// cutWays is how many ways each message is cut at each byte: reset, close, silence.
const cutWays = 3

var (
	caughtLine  = regexp.MustCompile(`(?m)^# The fault campaign: 0 violations; (\d+) of (\d+) faulty builds caught$`)
	soakHead    = regexp.MustCompile(`(?m)^# The soak: 0 violations$`)
	endedLine   = regexp.MustCompile(`(?m)^\| ended \| .*, after (\S+) \|$`)
	ranLine     = regexp.MustCompile(`(?m)^\| (\S+) \| [^|]* \| ([\d,]+) ([a-z]+) \| ([\d,]+) \| ([\d,]+) \|`)
	figureLine  = regexp.MustCompile(`(?m)^\| (\S+) \| ([^|]+) \| ([\d.,e+-]+) \|$`)
	walletsLine = regexp.MustCompile(`(?m)^\| wallets \| [a-z].* \|$`)
)

// ran is a row of the page's table of what ran.
type ran struct {
	asked, done, violations int
	unit                    string
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.ReplaceAll(text, ",", ""))
	if err != nil {
		t.Fatalf("the page has %q for a number", text)
	}
	return n
}

// refusals says why a page is not the page of a release that has these campaigns.
func refusals(t *testing.T, text string, all []part) (list []string) {
	t.Helper()
	refuse := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if m := caughtLine.FindStringSubmatch(text); m == nil || m[1] != m[2] || number(t, m[1]) < faultyBuilds {
		refuse("its first line promises no 0 violations and all of %d or more faulty builds caught", faultyBuilds)
	}
	if !strings.Contains(text, "\n| sizes | release |\n") {
		refuse("it is not of the whole campaign at release size")
	}
	if !strings.Contains(text, "\n| violations | 0 |\n") || strings.Contains(text, "## What failed") || strings.Contains(text, "**") {
		refuse("something failed")
	}
	if !walletsLine.MatchString(text) {
		refuse("it does not say whose payments were tried")
	}
	if m := endedLine.FindStringSubmatch(text); m == nil {
		refuse("it does not say how long it took")
	} else if took, err := time.ParseDuration(m[1]); err != nil || took > releaseLimit {
		refuse("it took %s, more than %s (%v)", m[1], releaseLimit, err)
	}
	rows := map[string]ran{}
	for _, m := range ranLine.FindAllStringSubmatch(text, -1) {
		rows[m[1]] = ran{asked: number(t, m[2]), unit: m[3], done: number(t, m[4]), violations: number(t, m[5])}
	}
	for _, p := range all {
		least := p.Least
		if p.ID == "C4" {
			least = everyCut(t, text)
		}
		switch row, ok := rows[p.ID]; {
		case !ok:
			refuse("%s did not run", p.ID)
		case least == 0 || row.done < least || row.unit != p.Unit:
			refuse("%s did %d %s, and a release does at least %d %s", p.ID, row.done, row.unit, least, p.Unit)
		case row.done*100 < row.asked*95:
			refuse("%s did %d of the %d that it was asked for", p.ID, row.done, row.asked)
		case row.violations != 0:
			refuse("%s found %d violations", p.ID, row.violations)
		}
	}
	return list
}

// everyCut counts the cuts there are, from the lengths of the messages on the page:
// before each byte and after the last one.
func everyCut(t *testing.T, text string) (n int) {
	t.Helper()
	for _, m := range figureLine.FindAllStringSubmatch(text, -1) {
		if m[1] == "C4" && strings.HasSuffix(m[2], " bytes") {
			n += (number(t, m[3]) + 1) * cutWays
		}
	}
	return n
}

// soakRefusals says why a page is not the page of an hour's soak.
func soakRefusals(text string) (list []string) {
	if !soakHead.MatchString(text) || !strings.Contains(text, "\n| violations | 0 |\n") || strings.Contains(text, "## What failed") {
		list = append(list, "something failed")
	}
	asked := regexp.MustCompile(`(?m)^\| asked for \| (\S+) \|$`).FindStringSubmatch(text)
	if asked == nil {
		return append(list, "it does not say how long it was to be")
	}
	if length, err := time.ParseDuration(asked[1]); err != nil || length < soakLength {
		list = append(list, fmt.Sprintf("it was to be %s and not %s", asked[1], soakLength))
	}
	for _, name := range []string{"heap mb", "descriptors", "goroutines"} {
		for _, quarter := range []string{"first", "last"} {
			if !strings.Contains(text, "| C13 | "+name+" "+quarter+" quarter |") {
				list = append(list, "it lacks "+name+" of the "+quarter+" quarter")
			}
		}
	}
	return list
}

func TestOnlyThePageOfAWholeReleaseIsAccepted(t *testing.T) {
	good := string(example().text())
	if list := refusals(t, good, parts()); len(list) > 0 {
		t.Fatalf("a good page is refused: %q\n%s", list, good)
	}
	for name, spoil := range map[string]func(*page){
		"merge sizes":            func(p *page) { p.Size = "merge" },
		"a part":                 func(p *page) { p.Only = "C4,C6" },
		"no faulty builds":       func(p *page) { p.Faulty, p.Blind = nil, nil },
		"ten faulty builds":      func(p *page) { p.Faulty, p.Blind = p.Faulty[1:], p.Blind[1:] },
		"a missing campaign":     func(p *page) { p.Honest = p.Honest[1:] },
		"other units":            func(p *page) { p.Honest[2].results[0].Unit = "attempts" },
		"cuts left out":          func(p *page) { p.Honest[3].results[0].Done -= 1 },
		"no lengths of messages": func(p *page) { p.Honest[3].results[0].Figures = nil },
		"a violation":            func(p *page) { p.Honest[4].results[0].Violations = 1 },
		"much less than asked":   func(p *page) { p.Honest[3].results[0].Size *= 2 },
		"no wallets": func(p *page) {
			for i := range p.Honest {
				p.Honest[i].results[0].Wallets = nil
			}
		},
		"two hours": func(p *page) { p.Ended = p.Begun.Add(2 * time.Hour) },
	} {
		p := example()
		spoil(p)
		if len(refusals(t, string(p.text()), parts())) == 0 {
			t.Errorf("a page with %s is accepted", name)
		}
	}
	for i, o := range example().Honest {
		p := example()
		r := &p.Honest[i].results[0]
		r.Size, r.Done = r.Size/2, r.Done/2 // as if it had been asked for half
		if o.part.Least > 0 && !slices.ContainsFunc(refusals(t, string(p.text()), parts()), func(why string) bool { return strings.HasPrefix(why, o.part.ID) }) {
			t.Errorf("half of %s is accepted", o.part.ID)
		}
	}
}

func TestOnlyAWholeHourIsAccepted(t *testing.T) {
	p := example()
	figures := map[string]float64{}
	for _, name := range []string{"heap_mb", "descriptors", "goroutines"} {
		figures[name+"_first_quarter"], figures[name+"_last_quarter"] = 20, 20
	}
	p.Honest = p.Honest[:1]
	p.Honest[0].part, p.Honest[0].results[0].Figures = soakPart(), figures
	p.Faulty, p.Blind = nil, nil
	if list := soakRefusals(string(p.soakText(time.Hour))); len(list) > 0 {
		t.Errorf("a good page is refused: %q", list)
	}
	if len(soakRefusals(string(p.soakText(time.Minute)))) == 0 {
		t.Error("a minute is accepted for an hour")
	}
	delete(figures, "heap_mb_last_quarter")
	if len(soakRefusals(string(p.soakText(time.Hour)))) == 0 {
		t.Error("a page without the memory in the end is accepted")
	}
}
