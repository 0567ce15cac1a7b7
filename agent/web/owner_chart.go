package web

import (
	"strconv"
	"strings"
	"time"

	"tillwire/agent"
)

// chart is a currency's day hour by hour, drawn on the server. Heights are per cent of
// Top, counted from the floor; a place is ten wide.
type chart struct {
	Currency  agent.Currency
	Top, Half agent.Money // at the top line and at the middle one
	Hours     []hour
	Line      string // the path of the week before; "" when that took nothing
	Width     int
}

// hour is one of a chart's bars.
type hour struct {
	Hour        int
	X, Y        int // of the bar's upper left corner
	Height      int64
	Net, Before agent.Money
	Paid        int
	Quiet       bool // nothing, this day or the one before
}

// bare is how many hours a chart has at least, so that a bar is not a wall.
const bare = 8

// charts draws each currency that took something, this day or the week before. What is
// still to come is empty, so that the bars keep their width all day.
func charts(d day, own agent.Currency) (list []chart) {
	for _, sum := range add(append(filtered(d.Took, moved), filtered(d.Week, moved)...), ownFirst(own)) {
		c := chart{Currency: sum.Currency, Top: sum.of(0)}
		took, week := hourly(d.Took, d.Start, sum.Currency), hourly(d.Week, d.Start.AddDate(0, 0, -7), sum.Currency)
		for i, from := 0, d.Start; from.Before(d.End); i, from = i+1, from.Add(time.Hour) {
			h := hour{Hour: from.Hour(), Net: sum.of(max(took[i].net().Value, 0)), Before: sum.of(max(week[i].net().Value, 0)), Paid: took[i].Paid}
			h.Quiet = h.Net.Value == 0 && h.Before.Value == 0 && h.Paid == 0
			c.Top.Value = max(c.Top.Value, h.Net.Value, h.Before.Value)
			c.Hours = append(c.Hours, h)
		}
		if c.Top.Value == 0 {
			continue
		}
		c.trim()
		c.draw()
		list = append(list, c)
	}
	return list
}

// hourly sums by the hour counted from the beginning of a day: clocks that change have
// two of one name.
func hourly(list []HourTotals, start time.Time, c agent.Currency) map[int]HourTotals {
	sums := map[int]HourTotals{}
	for _, t := range add(filtered(list, func(t HourTotals) bool { return t.Currency == c }), func(t HourTotals) int64 { return t.Hour.Unix() }) {
		sums[int(t.Hour.Sub(start)/time.Hour)] = t
	}
	return sums
}

// trim leaves out the night before the first sale and after the last, which says nothing.
func (c *chart) trim() {
	for len(c.Hours) > bare && c.Hours[0].Quiet {
		c.Hours = c.Hours[1:]
	}
	for len(c.Hours) > bare && c.Hours[len(c.Hours)-1].Quiet {
		c.Hours = c.Hours[:len(c.Hours)-1]
	}
}

// place is the width of an hour, and bar how much of it its bar takes.
const (
	place = 10
	bar   = 6
)

// draw places the bars, and the line of the week before as steps.
func (c *chart) draw() {
	c.Top.Value = roundUp(c.Top.Value)
	c.Half = agent.Money{Value: c.Top.Value / 2, Currency: c.Currency}
	c.Width = place * len(c.Hours)
	var line strings.Builder
	compared := false
	for i := range c.Hours {
		h := &c.Hours[i]
		h.Height = h.Net.Value * 100 / c.Top.Value
		if h.Net.Value > 0 {
			h.Height = max(h.Height, 1) // what was taken is seen
		}
		h.X, h.Y = i*place+(place-bar)/2, 100-int(h.Height)
		compared = compared || h.Before.Value > 0
		before := strconv.FormatInt(100-h.Before.Value*100/c.Top.Value, 10)
		if i == 0 {
			line.WriteString("M0 " + before)
		}
		line.WriteString("V" + before + "H" + strconv.Itoa((i+1)*place))
	}
	if compared {
		c.Line = line.String()
	}
}

// roundUp is the next amount that reads well at the top of a chart and halves to one
// that does: 2, 4, 6, 8 or 10 of a power of ten. Amounts are minor units.
func roundUp(value int64) int64 {
	power := int64(1)
	for power*10 < value {
		power *= 10
	}
	for step := int64(2); step <= 10; step += 2 {
		if value <= step*power {
			return step * power
		}
	}
	return value
}
