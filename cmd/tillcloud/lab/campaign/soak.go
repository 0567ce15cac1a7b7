package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// soakEnv is how long the soak lasts, as Go writes durations.
const soakEnv = "TILLWIRE_SOAK"

// soak runs C13 and writes its page.
func (b *bench) soak(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	file := flags.String("page", filepath.Join(b.root, "offline", "SOAK.md"), "where the page goes")
	if err := flags.Parse(args); err != nil {
		return errors.Join(errUsage, err)
	}
	length, err := time.ParseDuration(os.Getenv("SOAK"))
	if err != nil {
		return fmt.Errorf("SOAK is how long the soak lasts, such as 1h or 2m: %w", err)
	}
	p, err := b.start(ctx)
	if err != nil {
		return err
	}
	screen := newScreen(b)
	jobs := []job{{part: soakPart(), size: "release", env: []string{soakEnv + "=" + length.String()}, limit: length + 15*time.Minute}}
	for o := range b.all(ctx, screen.watched(jobs)) {
		p.Honest = append(p.Honest, o)
		if screen.terminal {
			fmt.Print("\r\033[K")
		}
		verdict(o)
	}
	p.Ended = b.clock.Now()
	if err := os.WriteFile(*file, p.soakText(length), 0o644); err != nil {
		return err
	}
	fmt.Printf("%s\nthe page is %s\n", p.verdict(), *file)
	if p.failed() {
		return errFailed
	}
	return nil
}

func (p *page) soakText(length time.Duration) []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# The soak: %s\n", p.verdict())
	line("Written by `make soak` from what C13 reported; nothing here was typed. Real time, real sockets, a real disk, and")
	line("the shop's waits a tenth of a wallet's own, so that an hour holds ten times as many doubts. The shop begins a new")
	line("day many times over; each is settled and judged, and what the process holds afterwards is the sample.\n")
	line("| | |\n| --- | --- |")
	line("| commit | `%s` |", p.Commit)
	line("| machine | %s |", p.Machine)
	line("| asked for | %s |", length)
	line("| begun | %s |", stamp(p.Begun))
	line("| ended | %s, after %s |", stamp(p.Ended), p.Ended.Sub(p.Begun).Round(time.Second))
	line("| violations | %d |", p.violations())
	for _, o := range p.Honest {
		for _, r := range o.results {
			line("| %s | %s |", r.Unit, thousands(r.Done))
		}
	}
	line("")
	if wrong := p.wrong(); len(wrong) > 0 {
		line("## What failed\n")
		for _, w := range wrong {
			line("- %s", strings.ReplaceAll(w, "\n", " "))
		}
		line("")
	}
	line("## Figures\n\n| campaign | figure | |\n| --- | --- | ---: |")
	for _, o := range p.Honest {
		for _, r := range o.results {
			figures(&b, o.part.ID, r)
		}
	}
	return []byte(b.String())
}
