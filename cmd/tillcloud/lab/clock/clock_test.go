package clock_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/cmd/tillcloud/lab"
	"tillwire/cmd/tillcloud/lab/road"
)

// The checks that are about a clock only.
const (
	checkEarly  = "nothing-ends-early"
	checkReview = "no-clock-needs-the-office"
)

// TestTheClockIsWrong is campaign C9.
func TestTheClockIsWrong(t *testing.T) {
	r := lab.Begin(t, "C9", "cases", 100, 1000)
	r.Tried(lab.Wallets()...)
	base := lab.Scratch(t)
	r.Share(t, 2, func(t *testing.T, seed uint64) int {
		report, what, err := one(t, filepath.Join(base, fmt.Sprint(seed)), seed)
		if err != nil {
			r.Broken(seed, fmt.Errorf("%s: %w", what, err))
		}
		for i := range report.Found {
			report.Found[i].What = what + ": " + report.Found[i].What
		}
		r.Violated(seed, report.Found...)
		r.Count(what[:5], 1)
		r.Count("strikes", float64(len(report.Struck)))
		return 1
	})
}

var keys = sync.OnceValues(lab.NewKeys)

// farthest is the last point at which a clock may turn wrong. Some roads pass fewer.
const farthest = 30

// one drives the case of a seed: a road, an error of the clock, and when it comes. A
// road that was over before is driven again, with an error that comes earlier.
func one(t *testing.T, dir string, seed uint64) (report road.Report, what string, err error) {
	pair, err := keys()
	if err != nil {
		return report, "keys ", err
	}
	for most := farthest; ; most /= 2 {
		planned := 0
		report, what, planned, err = try(t, dir, seed, pair, most)
		switch {
		case err != nil || len(report.Struck) == planned || len(report.Found) > 0:
			return report, what, err
		case most == 1:
			return report, what, fmt.Errorf("%d of %d strikes came", len(report.Struck), planned)
		}
	}
}

func try(t *testing.T, dir string, seed uint64, pair lab.Keys, most int) (report road.Report, what string, planned int, err error) {
	t.Helper()
	dice := lab.NewDice("C9", seed)
	synctest.Test(t, func(t *testing.T) {
		w := &watch{clock: lab.NewClock(), dice: dice, begun: map[agent.PaymentID]map[agent.FactKind]time.Duration{}}
		// Of every wallet, however few the cases are.
		story := lab.Pick(lab.NewDice("C9 stories", seed), road.Stories()...)
		trip := road.Trip{Dir: dir, Keys: pair, Clock: w.clock, Story: story, Dice: dice, Tick: w.tick, Told: w.told, Again: true,
			Before: w.right}
		what = w.fault(&trip, most)
		planned = len(trip.Strikes)
		report, err = road.Drive(t.Context(), trip)
		report.Found = append(report.Found, w.found...)
	})
	if left := os.RemoveAll(dir); err == nil {
		err = left
	}
	return report, what, planned, err
}

// watch turns the clock and sees what the shop does in the meantime.
type watch struct {
	clock *lab.Clock
	dice  lab.Dice
	drift time.Duration // each tick
	until time.Duration // Clock.Mono when the clock is set right; 0: not yet wrong
	lasts time.Duration // how long it stays wrong

	mu    sync.Mutex
	begun map[agent.PaymentID]map[agent.FactKind]time.Duration // Clock.Mono of facts of this run
	found []lab.Violation
}

// error is what clocks are off by.
func (w *watch) error() time.Duration {
	const day, year = 24 * time.Hour, 365 * 24 * time.Hour
	d := lab.Pick(w.dice, time.Second, 10*time.Second, time.Minute, 4*time.Minute, 6*time.Minute, time.Hour, day, 30*day, year, 10*year)
	return lab.Pick(w.dice, d, -d)
}

// fault chooses what is wrong, and says so in five letters and more. It comes at one of
// the first points, at most at that many.
func (w *watch) fault(trip *road.Trip, most int) string {
	w.lasts = w.dice.Between(5*time.Second, 3*time.Minute)
	point := 1 + w.dice.IntN(most)
	if w.dice.Chance(12) {
		return w.night(trip)
	}
	switch w.dice.IntN(4) {
	case 0:
		by := w.error()
		trip.Strikes = []road.Strike{road.After(point, func(*lab.Shop) { w.turn(by) })}
		return fmt.Sprintf("jump of %s at point %d, right after %s, %s", by, point, w.lasts, trip.Story)
	case 1:
		by, back := w.error(), 1+w.dice.IntN(max(most/3, 1))
		trip.Strikes = []road.Strike{road.After(point, func(*lab.Shop) { w.turn(by) }), road.After(back, func(*lab.Shop) { w.clock.Right() })}
		return fmt.Sprintf("there and back: by %s at point %d, right %d points later, %s", by, point, back, trip.Story)
	case 2:
		by := w.atBoot()
		trip.Strikes = []road.Strike{road.After(point, (*lab.Shop).PowerOff)}
		dark := lab.Pick(w.dice, 0, 2*time.Second, time.Minute)
		trip.Dark = func() time.Duration {
			w.turn(by)
			w.mu.Lock()
			defer w.mu.Unlock()
			clear(w.begun) // the next run has only the wall clock to go by
			return dark
		}
		return fmt.Sprintf("start with a clock off by %s after a cut at point %d and %s of darkness, right after %s, %s", by, point, dark, w.lasts, trip.Story)
	}
	w.drift = lab.Pick(w.dice, 5*time.Millisecond, -5*time.Millisecond, 50*time.Millisecond, -50*time.Millisecond)
	w.until = 10 * time.Minute
	return fmt.Sprintf("drift of %s each half second, %s", w.drift, trip.Story)
}

// night lets a shop trade with a clock that is wrong from the first moment on and
// stay open for hours after it was set right: retention, which goes by the clock,
// removes nothing of that day.
func (w *watch) night(trip *road.Trip) string {
	by, hours := w.atBoot(), 3+w.dice.IntN(3)
	trip.Strikes = []road.Strike{road.After(1, func(*lab.Shop) { w.turn(by) })}
	trip.Before = func(ctx context.Context, s *lab.Shop) error {
		<-w.clock.After(time.Duration(hours) * time.Hour / 2)
		err := w.right(ctx, s)
		<-w.clock.After(time.Duration(hours) * time.Hour)
		return err
	}
	return fmt.Sprintf("night of %d hours after a day with a clock off by %s, right after %s, %s", hours, by, w.lasts, trip.Story)
}

// atBoot is what the clock is off by at a start: no battery, a wrong year, or a hand.
func (w *watch) atBoot() time.Duration {
	now := w.clock.Now()
	return lab.Pick(w.dice, time.Unix(0, 0).Sub(now), time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC).Sub(now), w.error())
}

func (w *watch) turn(by time.Duration) {
	w.clock.Jump(by)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.until = w.clock.Mono() + w.lasts
}

// tick lets the clock drift, and sets it right when its time has come.
func (w *watch) tick() {
	w.mu.Lock()
	due := w.until > 0 && w.clock.Mono() > w.until
	w.mu.Unlock()
	if due {
		w.clock.Right()
	} else if w.drift != 0 {
		w.clock.Jump(w.drift)
	}
}

// right sets the clock right for good; from then on two minutes must do.
func (w *watch) right(context.Context, *lab.Shop) error {
	w.drift = 0
	w.clock.Right()
	return nil
}

// told holds each end against the monotonic clock: a wrong wall clock ends nothing
// early that this run of the agent began.
func (w *watch) told(p agent.Payment) {
	w.mu.Lock()
	defer w.mu.Unlock()
	last, now := p.Facts[len(p.Facts)-1], w.clock.Mono()
	if w.begun[p.ID] == nil {
		w.begun[p.ID] = map[agent.FactKind]time.Duration{}
	}
	if _, again := w.begun[p.ID][last.Kind]; !again {
		w.begun[p.ID][last.Kind] = now
	}
	tm := lab.DefaultTimers(p.Status.Wallet)
	for _, rule := range []struct {
		end    agent.FactKind
		reason agent.Reason
		begin  agent.FactKind
		least  time.Duration
	}{
		{agent.FactUnsent, agent.ReasonNoScan, agent.FactOpened, tm.Scan},
		{agent.FactCloseDecided, agent.ReasonQRExpired, agent.FactQRReady, tm.QRLife},
		{agent.FactReversalDecided, agent.ReasonTimeout, agent.FactPayStarted, tm.GiveUp},
	} {
		begun, here := w.begun[p.ID][rule.begin]
		if here && last.Kind == rule.end && last.Reason == rule.reason && now-begun < rule.least-time.Second {
			w.found = append(w.found, lab.Violation{Check: checkEarly, What: fmt.Sprintf("%s: %s after %s, %s were due", p.OrderNo, rule.reason, now-begun, rule.least)})
		}
	}
	if last.Kind == agent.FactReviewOpened {
		w.found = append(w.found, lab.Violation{Check: checkReview, What: fmt.Sprintf("%s was handed to the office: %s", p.OrderNo, last.Reason)})
	}
}
