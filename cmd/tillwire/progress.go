package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// progressEvery keeps a terminal readable.
const progressEvery = 200 * time.Millisecond

// progress returns a function that shows how far long work is, on standard error
// and only when that is a terminal. An empty text ends the line.
func (a *app) progress() func(format string, args ...any) {
	f, ok := a.stderr.(*os.File)
	if !ok {
		return func(string, ...any) {}
	}
	if _, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err != nil {
		return func(string, ...any) {}
	}
	last := -progressEvery
	shown := false
	return func(format string, args ...any) {
		if format == "" {
			if shown {
				fmt.Fprint(f, "\r\x1b[K")
			}
			return
		}
		if now := a.clock.Mono(); now-last >= progressEvery {
			last, shown = now, true
			fmt.Fprintf(f, "\r\x1b[K"+format, args...)
		}
	}
}
