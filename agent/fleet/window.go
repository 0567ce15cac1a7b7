package fleet

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Window is when of a day something may be done, by a clock on a wall.
type Window struct {
	TZ   string   `json:"tz,omitempty"`   // of the IANA database; empty: the shop's own
	Days []string `json:"days,omitempty"` // mon, tue, … on which it begins; empty: every day
	From string   `json:"from"`           // "22:00"
	To   string   `json:"to"`             // the first minute outside; before From: on the next day
}

// weekdays are the words for time.Weekday, by its number.
var weekdays = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

var errWindow = errors.New("a window has a zone of the IANA database, days of mon to sun, and two different times of a day as 22:00")

// minuteOf reads a time of a day.
func minuteOf(text string) (int, error) {
	t, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return 0, fmt.Errorf("%w: %.10q", errWindow, text)
	}
	return 60*t.Hour() + t.Minute(), nil
}

func (w *Window) check() error {
	if w == nil {
		return nil
	}
	from, err := minuteOf(w.From)
	if err != nil {
		return err
	}
	to, err := minuteOf(w.To)
	if err != nil {
		return err
	}
	if _, err := time.LoadLocation(w.TZ); err != nil || w.TZ == "Local" || from == to {
		return errWindow
	}
	for _, d := range w.Days {
		if !slices.Contains(weekdays[:], d) {
			return fmt.Errorf("%w: %.10q", errWindow, d)
		}
	}
	return nil
}

// open reports that a time lies in the window. A missing one is always open; one
// that cannot be read, never.
func (w *Window) open(at time.Time, shop *time.Location) bool {
	if w == nil {
		return true
	}
	if w.check() != nil {
		return false
	}
	zone := shop
	if w.TZ != "" {
		zone, _ = time.LoadLocation(w.TZ) // checked above
	}
	at = at.In(zone)
	from, _ := minuteOf(w.From)
	to, _ := minuteOf(w.To)
	now, day := 60*at.Hour()+at.Minute(), at.Weekday()
	inside := from <= now && now < to
	if to < from {
		inside = now >= from || now < to
		if now < to {
			day = (day + 6) % 7 // it began the day before
		}
	}
	return inside && (len(w.Days) == 0 || slices.Contains(w.Days, weekdays[day]))
}
