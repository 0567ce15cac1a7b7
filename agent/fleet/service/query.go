package service

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tillwire/agent/fleet"
)

// FilterOf reads a filter from a query; Query writes one.
func FilterOf(q url.Values) Filter {
	f := Filter{Text: q.Get("text"), Version: q.Get("version"), Trouble: q.Get("trouble") != "", Find: Kind(q.Get("find"))}
	for _, s := range q["standing"] {
		if s != "" { // a form sends its empty choice, too
			f.Standing = append(f.Standing, Standing(s))
		}
	}
	for _, pair := range q["label"] {
		k, v, _ := strings.Cut(pair, "=")
		if f.Labels == nil {
			f.Labels = map[string]string{}
		}
		f.Labels[k] = v
	}
	return f
}

// Query is the filter as FilterOf reads it.
func (f Filter) Query() url.Values {
	q := url.Values{}
	set := func(key, value string) {
		if value != "" {
			q.Add(key, value)
		}
	}
	set("text", f.Text)
	set("version", f.Version)
	set("find", string(f.Find))
	for _, s := range f.Standing {
		set("standing", string(s))
	}
	for k, v := range f.Labels {
		set("label", k+"="+v)
	}
	if f.Trouble {
		set("trouble", "1")
	}
	return q
}

// listMost bounds one answer with a list.
const listMost = 10000

func limitOf(q url.Values, usual int) int {
	if n, err := strconv.Atoi(q.Get("limit")); err == nil && n > 0 {
		return min(n, listMost)
	}
	return usual
}

// eventFilterOf reads which events are wanted.
func eventFilterOf(q url.Values) (EventFilter, error) {
	f := EventFilter{TID: fleet.TID(q.Get("tid")), Latest: q.Get("latest") != "", Limit: limitOf(q, 1000)}
	for _, s := range q["stream"] {
		f.Stream = append(f.Stream, fleet.Stream(s))
	}
	var err error
	if text := q.Get("after"); text != "" {
		f.After, err = strconv.ParseInt(text, 10, 64)
	}
	if text := q.Get("since"); text != "" && err == nil {
		f.Since, err = time.Parse(time.RFC3339, text)
	}
	if err != nil {
		return f, fmt.Errorf("%w: after is a number, since a time such as 2026-11-20T12:00:00Z", ErrInvalid)
	}
	return f, nil
}
