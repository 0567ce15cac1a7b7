package main

import (
	"fmt"
	"time"
)

// progressEvery keeps a screen readable.
const progressEvery = 200 * time.Millisecond

// progress answers a function that shows how far long work is, on standard error
// and only when that is a screen. An empty text takes the line away.
func (a *app) progress() func(format string, args ...any) {
	if _, _, ok := screen(a.stderr); !ok {
		return func(string, ...any) {}
	}
	last, shown := -progressEvery, false
	return func(format string, args ...any) {
		if format == "" {
			if shown {
				fmt.Fprint(a.stderr, "\r\x1b[K")
			}
			return
		}
		if now := a.clock.Mono(); now-last >= progressEvery {
			last, shown = now, true
			fmt.Fprintf(a.stderr, "\r\x1b[K"+format, args...)
		}
	}
}
