package service

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tillwire/agent/fleet"
)

// Standing is how a terminal stands with the office: its own word on its presence,
// the broker's, or ours when it is silent.
type Standing string

// The standings.
const (
	StandingOnline   Standing = "online"
	StandingStale    Standing = "stale" // says it is online, and three heartbeats are missing
	StandingLost     Standing = "lost"  // the broker lost it
	StandingOffline  Standing = "offline"
	StandingUpdating Standing = "updating"
	StandingNever    Standing = "never" // enrolled, and not heard yet
	StandingRetired  Standing = "retired"
)

// Standings lists them.
func Standings() []Standing {
	return []Standing{StandingOnline, StandingStale, StandingLost, StandingOffline, StandingUpdating, StandingNever, StandingRetired}
}

// staleAfter is three heartbeats with their spread.
const staleAfter = 3*time.Minute + 20*time.Second

// Standing answers how the terminal stands now.
func (t Terminal) Standing(now time.Time) Standing {
	switch {
	case !t.Retired.IsZero():
		return StandingRetired
	case t.Presence.State == "":
		return StandingNever
	case t.Presence.State == fleet.StateOnline && now.Sub(t.Heard) > staleAfter:
		return StandingStale
	}
	return Standing(t.Presence.State)
}

// Present reports that something sent now should be heard.
func (t Terminal) Present(now time.Time) bool { return t.Standing(now) == StandingOnline }

// Trouble is one thing about a terminal that a person should know.
type Trouble struct {
	What  string    `json:"what"` // in English
	Since time.Time `json:"since,omitzero"`
	Bad   bool      `json:"bad"` // the shop notices, or will
}

// What becomes trouble when it lasts.
const (
	lostTrouble  = 10 * time.Minute
	queueTrouble = 30 * time.Minute
	clockTrouble = time.Minute
	diskTrouble  = 500 << 20 // bytes
)

// Troubles lists what is wrong with a terminal, as far as its row tells.
func (t Terminal) Troubles(now time.Time) (list []Trouble) {
	add := func(when, bad bool, since time.Time, format string, args ...any) {
		if when {
			list = append(list, Trouble{fmt.Sprintf(format, args...), since, bad})
		}
	}
	standing, s := t.Standing(now), t.Summary
	if standing == StandingRetired {
		return nil
	}
	add(standing == StandingStale, true, t.Heard, "It says it is online, but was not heard since.")
	add(standing == StandingLost && now.Sub(t.Presence.Since.Time) > lostTrouble, true, t.Presence.Since.Time, "Its connection was lost and did not come back.")
	for _, f := range t.Found {
		add(true, f.Kind == FoundClone || f.Kind == FoundRegression || f.Kind == FoundReverted || f.Kind == FoundAside || f.Kind == FoundDamaged || f.Kind == FoundChain, f.Since, "%s", f.What)
	}
	if s.At.IsZero() {
		return list
	}
	add(!s.Selling, true, s.At, "It cannot record a sale.")
	add(s.Line == "down", true, s.At, "Its line to the wallets is down.")
	add(s.Line == "degraded", false, s.At, "Its line to some wallet is degraded.")
	add(s.Queue.InDoubt > 0, true, s.At, "%d payments are in doubt.", s.Queue.InDoubt)
	add(s.Queue.Dead > 0, true, s.At, "%d steps were given up and need a person.", s.Queue.Dead)
	oldest := time.Duration(s.Queue.OldestS) * time.Second
	add(oldest > queueTrouble && s.Line == "online", false, s.At, "Something has waited for %s though the line is up.", oldest)
	add(s.DevicesBad > 0, true, s.At, "%d of %d devices are not ready.", s.DevicesBad, s.Devices)
	add(s.Problems > 0, false, s.At, "It shows %d problems to its owner.", s.Problems)
	add(s.Clock.Quality == fleet.Unknown, false, s.At, "Nobody has confirmed its clock.")
	off := time.Duration(s.Clock.OffsetMS) * time.Millisecond
	add(off.Abs() > clockTrouble, true, s.At, "Its clock is off by %s.", off)
	add(s.DiskFree > 0 && s.DiskFree < diskTrouble, true, s.At, "Its disk has %d MB left.", s.DiskFree>>20)
	add(t.Wanted.Rev > 0 && t.Config.Rev < t.Wanted.Rev && standing == StandingOnline, false, time.Time{}, "It has not answered revision %d of its configuration.", t.Wanted.Rev)
	return list
}

// Clear reports that nothing is wrong.
func (t Terminal) Clear(now time.Time) bool { return len(t.Troubles(now)) == 0 }

// Filter chooses terminals; an empty one chooses all.
type Filter struct {
	Text     string            `json:"text,omitempty"`     // in the name, the shop or a label
	Standing []Standing        `json:"standing,omitempty"` // any of these
	Version  string            `json:"version,omitempty"`  // begins with
	Labels   map[string]string `json:"labels,omitempty"`   // all of these; "*" is any value
	Trouble  bool              `json:"trouble,omitempty"`  // only those with some
	Find     Kind              `json:"find,omitempty"`     // only those with such a finding
}

// Matches reports whether the filter chooses a terminal.
func (f Filter) Matches(t Terminal, now time.Time) bool {
	switch {
	case len(f.Standing) > 0 && !slices.Contains(f.Standing, t.Standing(now)),
		f.Version != "" && !strings.HasPrefix(t.version(), f.Version),
		f.Find != "" && !slices.ContainsFunc(t.Found, func(x Finding) bool { return x.Kind == f.Find }),
		f.Text != "" && !t.mentions(f.Text):
		return false
	}
	for k, want := range f.Labels {
		if has, some := t.Labels[k]; !some || want != "*" && has != want {
			return false
		}
	}
	return !f.Trouble || !t.Clear(now)
}

func (t Terminal) mentions(text string) bool {
	text = strings.ToLower(text)
	has := func(where string) bool { return strings.Contains(strings.ToLower(where), text) }
	if has(string(t.TID)) || has(t.Summary.Shop) {
		return true
	}
	for _, v := range t.Labels {
		if has(v) {
			return true
		}
	}
	return false
}

func (t Terminal) version() string {
	if t.Presence.Ver != "" {
		return t.Presence.Ver
	}
	return t.Summary.Version
}

// Row is a terminal in a list.
type Row struct {
	TID      fleet.TID          `json:"tid"`
	Shop     string             `json:"shop"`
	Labels   map[string]string  `json:"labels,omitempty"`
	Standing Standing           `json:"standing"`
	Since    time.Time          `json:"since,omitzero"` // of the standing
	Heard    time.Time          `json:"heard,omitzero"`
	Version  string             `json:"version"`
	Line     string             `json:"line"`
	Open     int                `json:"open"`     // payments
	InDoubt  int                `json:"in_doubt"` // payments
	Queue    int                `json:"queue"`    // steps that wait
	Waiting  int                `json:"waiting"`  // events for the office
	Config   fleet.ConfigStatus `json:"config"`   // what became of the last one
	Rev      uint64             `json:"config_rev"`
	Troubles []Trouble          `json:"troubles"`
}

// Row answers what a list shows of a terminal.
func (t Terminal) Row(now time.Time) Row {
	r := Row{TID: t.TID, Shop: t.Summary.Shop, Labels: t.Labels, Standing: t.Standing(now), Since: t.Presence.Since.Time, Heard: t.Heard, Version: t.version(),
		Line: t.Summary.Line, Open: t.Summary.Queue.Open, InDoubt: t.Summary.Queue.InDoubt, Queue: t.Summary.Queue.Waiting, Waiting: t.Summary.Waiting,
		Config: t.Config.Status, Rev: t.Config.Rev, Troubles: t.Troubles(now)}
	if r.Troubles == nil {
		r.Troubles = []Trouble{}
	}
	return r
}
