package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/text/width"
)

// table is rows in columns whose width is that of the widest cell, up to a bound.
type table struct {
	head []string
	most []int // cells of a column at most; 0: no bound
	rows [][]string
}

// cells is how wide a text stands on a terminal: a Chinese letter takes two.
func cells(text string) (n int) {
	for _, r := range text {
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// fit cuts a text to so many cells and fills it up to them. What a terminal sent
// never reaches the screen as a control character.
func fit(text string, most int) string {
	var b strings.Builder
	used := 0
	text = printable(text)
	for _, r := range text {
		w := cells(string(r))
		if used+w > most || used+w == most && cells(text) > most {
			b.WriteString("…")
			used++
			break
		}
		b.WriteRune(r)
		used += w
	}
	return b.String() + strings.Repeat(" ", max(most-used, 0))
}

// printable replaces what a screen would obey.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x202e {
			return '·'
		}
		return r
	}, text)
}

func (t *table) add(row ...string) { t.rows = append(t.rows, row) }

// write prints the table; the last column is not filled up.
func (t *table) write(w io.Writer) {
	widths := make([]int, len(t.head))
	for _, row := range append([][]string{t.head}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], cells(printable(cell)))
		}
	}
	for i, most := range t.most {
		if most > 0 {
			widths[i] = min(widths[i], most)
		}
	}
	for _, row := range append([][]string{t.head}, t.rows...) {
		line := make([]string, 0, len(row))
		for i, cell := range row {
			line = append(line, fit(cell, widths[i]))
		}
		fmt.Fprintln(w, strings.TrimRight(strings.Join(line, "  "), " "))
	}
}

// span writes a time that has passed as a person would say it.
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}

// ago is the time since a moment; a dash for none.
func ago(now, then time.Time) string {
	if then.IsZero() {
		return "-"
	}
	return span(now.Sub(then))
}

// dash stands for an empty text.
func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// count writes a number and its thing, "1 terminal" or "3 terminals".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
