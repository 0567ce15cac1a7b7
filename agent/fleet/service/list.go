package service

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"tillwire/agent/fleet"
)

// Order is how a list of terminals is sorted.
type Order string

// The orders.
const (
	ByTrouble Order = "trouble" // the worst first
	ByName    Order = "name"
	ByHeard   Order = "heard" // the longest ago first
)

// Orders lists them.
func Orders() []Order { return []Order{ByTrouble, ByName, ByHeard} }

// Compare orders two rows.
func (o Order) Compare(a, b Row) int {
	switch o {
	case ByName:
		return cmp.Compare(a.TID, b.TID)
	case ByHeard:
		return cmp.Or(a.Heard.Compare(b.Heard), cmp.Compare(a.TID, b.TID))
	}
	return cmp.Or(cmp.Compare(b.weight(), a.weight()), cmp.Compare(a.TID, b.TID))
}

// weight is how urgent a row is.
func (r Row) weight() (n int) {
	for _, t := range r.Troubles {
		if n++; t.Bad {
			n += 100
		}
	}
	return n
}

// rowsMost bounds one answer with rows.
const rowsMost = 1000

// Part says which part of a list is wanted: the first rows in some order, or, by
// name, those behind one.
type Part struct {
	Order Order
	After fleet.TID // by name only
	Limit int       // 0, and at most: 1000
}

// PartOf reads a part from a query; Query writes one.
func PartOf(q url.Values) (Part, error) {
	p := Part{Order: Order(cmp.Or(q.Get("sort"), string(ByName))), After: fleet.TID(q.Get("after")), Limit: limitOf(q, rowsMost)}
	switch {
	case !slices.Contains(Orders(), p.Order):
		return p, fmt.Errorf("%w: terminals are sorted by trouble, name or heard", ErrInvalid)
	case p.After != "" && p.Order != ByName:
		return p, fmt.Errorf("%w: only a list by name goes on behind a terminal", ErrInvalid)
	}
	return p, nil
}

// Query is a part of what a filter chooses, as PartOf and FilterOf read it.
func (p Part) Query(f Filter) url.Values {
	q := f.Query()
	q.Set("sort", string(p.Order))
	if p.After != "" {
		q.Set("after", string(p.After))
	}
	if p.Limit > 0 {
		q.Set("limit", fmt.Sprint(p.Limit))
	}
	return q
}

// Tally counts terminals.
type Tally struct {
	Terminals int              `json:"terminals"`
	Standing  map[Standing]int `json:"standing"`
	Troubled  int              `json:"troubled"` // with some trouble
}

// Count counts one more.
func (t *Tally) Count(r Row) {
	if t.Standing == nil {
		t.Standing = map[Standing]int{}
	}
	t.Terminals++
	t.Standing[r.Standing]++
	if len(r.Troubles) > 0 {
		t.Troubled++
	}
}

// Rows is a part of a list.
type Rows struct {
	At        time.Time `json:"at"`
	Terminals []Row     `json:"terminals"`
	// Tally is of all that the filter chooses; nil behind the first part of a list.
	Tally *Tally    `json:"tally,omitempty"`
	Next  fleet.TID `json:"next,omitempty"` // by name: more are behind this one
}

// List answers a part of what a filter chooses. It reads the terminals page by page
// and holds no more of them than the answer does.
func (s *Service) List(ctx context.Context, f Filter, p Part) (Rows, error) {
	if p.Limit <= 0 || p.Limit > rowsMost {
		p.Limit = rowsMost
	}
	l := Rows{At: s.opt.Clock.Now(), Terminals: []Row{}}
	if p.After == "" {
		l.Tally = &Tally{Standing: map[Standing]int{}}
	}
	err := s.eachBehind(ctx, p.After, func(t Terminal) bool {
		if !f.Matches(t, l.At) {
			return true
		}
		row := t.Row(l.At)
		if l.Tally != nil {
			l.Tally.Count(row)
		}
		full := l.insert(row, p)
		return l.Tally != nil || !full // counting goes on to the end
	})
	return l, err
}

// insert puts a row into its place among the first ones, and reports that one more
// than was asked for has come.
func (l *Rows) insert(row Row, p Part) (full bool) {
	full = len(l.Terminals) == p.Limit
	switch {
	case p.Order == ByName && full: // they come by name
		l.Next = l.Terminals[p.Limit-1].TID
		return true
	case full && p.Order.Compare(row, l.Terminals[p.Limit-1]) >= 0:
		return true
	}
	at, _ := slices.BinarySearchFunc(l.Terminals, row, p.Order.Compare)
	l.Terminals = slices.Insert(l.Terminals, at, row)
	l.Terminals = l.Terminals[:min(len(l.Terminals), p.Limit)]
	return full
}
