package main

import (
	"context"
	"time"

	"tillwire/agent/settings"
)

const day = 24 * time.Hour

// keepLongest is what the store keeps by itself: the most the setting allows.
// The setting is applied here, because the store has to be open before any
// setting can be read.
const keepLongest = 3650 * day

// The rhythm of retention, and how far the wall clock may have strayed from the
// monotonic one: a dead battery must not make a year of payments look old.
const (
	retentionFirst = time.Hour
	clockStray     = 5 * time.Minute
)

// runRetention removes finished payments that are older than the setting says,
// once a day.
func (d *agentd) runRetention(ctx context.Context) error {
	wall, mono := d.clock.Now(), d.clock.Mono()
	for wait := retentionFirst; ; wait = day {
		select {
		case <-ctx.Done():
			return nil
		case <-d.clock.After(wait):
		}
		now := d.clock.Now()
		if (now.Sub(wall)-(d.clock.Mono()-mono)).Abs() > clockStray || d.clocks.offset() != 0 {
			d.log.Warn("the clock jumped: no old payments are removed today", "comp", "retention", "code", "clock")
			wall, mono = now, d.clock.Mono()
			continue
		}
		days := d.book.Values().Int(settings.RetentionDays)
		removed, err := d.store.Prune(ctx, now.Add(-time.Duration(days)*day))
		if err != nil {
			return err
		}
		d.log.Info("old payments were removed", "comp", "retention", "payments", removed, "days", days)
	}
}
