package scanner

import "time"

// repeatsMax bounds the texts remembered. Nobody scans more different codes
// within a window; if somebody does, the oldest is forgotten first.
const repeatsMax = 16

// repeats remembers what was scanned within a sliding window: a phone held
// before the scanner is read again and again, and every reading extends it.
type repeats struct {
	window time.Duration
	recent []sighting // oldest first
}

type sighting struct {
	text string
	at   time.Duration
}

// seen records text and reports whether it was seen within the window.
func (r *repeats) seen(at time.Duration, text string) bool {
	if r.window <= 0 {
		return false
	}
	r.expire(at)
	found := false
	for i, s := range r.recent {
		if s.text == text {
			r.recent = append(r.recent[:i], r.recent[i+1:]...)
			found = true
			break
		}
	}
	if len(r.recent) == repeatsMax {
		r.recent = append(r.recent[:0], r.recent[1:]...)
	}
	r.recent = append(r.recent, sighting{text, at})
	return found
}

// expire forgets what left the window, so no payment code stays in memory for
// longer than it is needed.
func (r *repeats) expire(at time.Duration) {
	keep := r.recent[:0]
	for _, s := range r.recent {
		if at-s.at < r.window {
			keep = append(keep, s)
		}
	}
	clear(r.recent[len(keep):])
	r.recent = keep
}
