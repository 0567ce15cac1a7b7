package fleet

import (
	"slices"
	"time"
)

// limit is how many commands may come within a time. A stolen key can then do as
// much harm in an hour as it can, and no more.
type limit struct {
	most int
	span time.Duration
	of   []string // names; nil: all
}

var limits = []limit{
	{20, time.Hour, nil},
	{1, time.Hour, []string{"agent.restart", "device.reboot"}},
	{1, time.Minute, []string{"terminal.lock", "terminal.unlock"}},
}

// limiter counts commands on the monotonic clock.
type limiter struct {
	came [][]time.Duration // for each limit, when the counted ones came
}

func newLimiter() *limiter { return &limiter{came: make([][]time.Duration, len(limits))} }

// remember counts a command of an earlier run, that long ago.
func (l *limiter) remember(name string, now, ago time.Duration) {
	for i, lim := range limits {
		if lim.counts(name) && ago < lim.span {
			l.came[i] = append(l.came[i], now-max(ago, 0))
		}
	}
}

// take counts a command, or reports that it is one too many and counts nothing.
func (l *limiter) take(name string, now time.Duration) bool {
	for i, lim := range limits {
		l.came[i] = slices.DeleteFunc(l.came[i], func(at time.Duration) bool { return now-at >= lim.span })
		if lim.counts(name) && len(l.came[i]) >= lim.most {
			return false
		}
	}
	l.remember(name, now, 0)
	return true
}

func (l limit) counts(name string) bool { return l.of == nil || slices.Contains(l.of, name) }
