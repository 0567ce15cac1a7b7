package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"tillwire/cmd/tillcloud/lab"
)

// soakLength is how long the soak of a release lasts.
const soakLength = time.Hour

// soak runs C13 and writes its page.
func (b *bench) soak(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	page := flags.String("page", "", "where the page goes; offline/SOAK.md for a soak of an hour")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return errors.Join(errUsage, err)
	}
	length, err := time.ParseDuration(os.Getenv("SOAK"))
	if err != nil {
		return fmt.Errorf("SOAK is how long the soak lasts, such as 1h or 2m: %w", err)
	}
	file, err := b.pageFile("SOAK.md", *page, length >= soakLength)
	if err != nil {
		return err
	}
	p, err := b.start(ctx)
	if err != nil {
		return err
	}
	screen := newScreen()
	jobs := []job{{part: soakPart(), size: "release", env: []string{lab.SoakEnv + "=" + length.String()}, limit: length + 15*time.Minute}}
	p.Honest = screen.follow(b.all(ctx, screen.watched(jobs)))
	p.Ended = b.clock.Now()
	return p.write(ctx, file, p.soakText(length))
}

func (p *page) soakText(length time.Duration) []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# The soak: %s\n", p.verdict())
	line("Written by `make soak` from what C13 reported; nothing here was typed. Real time, real sockets, a real disk, and")
	line("the shop's waits a tenth of a wallet's own, so that an hour holds ten times as many doubts. One run of the agent")
	line("trades for about half an hour. Every now and then all is settled, judged and removed by retention while the agent")
	line("runs on, and what the process holds then is a sample; the first ten minutes, in which its memory of payment codes")
	line("fills, give none. The power is cut in the last tenth of a run, since a restart would hide what it kept too long.\n")
	line("| | |\n| --- | --- |")
	line("| commit | `%s` |", p.Commit)
	line("| machine | %s |", p.Machine)
	line("| asked for | %s |", length)
	line("| begun | %s |", stamp(p.Begun))
	line("| ended | %s, after %s |", stamp(p.Ended), p.Ended.Sub(p.Begun).Round(time.Second))
	line("| wallets | %s |", p.wallets())
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
