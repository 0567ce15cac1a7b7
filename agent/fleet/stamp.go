package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// stampForm is RFC 3339 in UTC with milliseconds.
const stampForm = "2006-01-02T15:04:05.000Z"

// Stamp is a time on the wire.
type Stamp struct{ time.Time }

// At is t as it will be read back: in UTC, to the millisecond.
func At(t time.Time) Stamp { return Stamp{t.UTC().Truncate(time.Millisecond)} }

// MarshalJSON implements json.Marshaler. What UnmarshalJSON would refuse is not
// written either.
func (s Stamp) MarshalJSON() ([]byte, error) {
	if !readable(s.UTC()) {
		return nil, errYear
	}
	return []byte(s.UTC().Format(`"` + stampForm + `"`)), nil
}

var errYear = errors.New("a time lies in the years 1 to 9999, in UTC")

// UnmarshalJSON implements json.Unmarshaler; any RFC 3339 time is read whose year is
// 1 to 9999 in UTC as well. One that only its zone keeps in year 9999 would be
// written as year 10000, and nobody could read it again.
func (s *Stamp) UnmarshalJSON(text []byte) error {
	var word string
	if err := json.Unmarshal(text, &word); err != nil {
		return fmt.Errorf("a time is written as a text: %w", err)
	}
	t, err := time.Parse(time.RFC3339Nano, word)
	if err != nil {
		return err
	}
	t = t.UTC()
	if !readable(t) {
		return fmt.Errorf("%w: %s", errYear, word)
	}
	*s = Stamp{t}
	return nil
}

func readable(t time.Time) bool { return t.Year() >= 1 && t.Year() <= 9999 }

// Quality says how far the terminal's clock can be believed.
type Quality string

// The qualities.
const (
	Synced   Quality = "synced"   // somebody trustworthy confirmed it lately
	Holdover Quality = "holdover" // it was confirmed in this run, some time ago
	Unknown  Quality = "unknown"  // nobody has confirmed it
)

// Moment is what the terminal knows about the time now.
type Moment struct {
	Now     time.Time
	Floor   time.Time // the latest time that was certain once; it cannot be earlier
	Quality Quality
}

// certain is the latest time that has passed for sure: a clock that was turned
// back does not bring back what has ended, one that was never set ends nothing.
func (m Moment) certain() time.Time {
	if m.Quality != Unknown && m.Now.After(m.Floor) {
		return m.Now
	}
	return m.Floor
}

// ended reports that the time has passed for sure.
func (m Moment) ended(until time.Time) bool { return !until.After(m.certain()) }

// skew is how far two good clocks may differ.
const skew = 5 * time.Minute

// notYet reports that a time lies ahead for sure.
func (m Moment) notYet(from time.Time) bool {
	return m.Quality != Unknown && from.After(m.certain().Add(skew))
}
