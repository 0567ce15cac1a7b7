package voucher

import (
	"reflect"
	"testing"
	"time"

	"tillwire/agent"
)

func TestAPolicyOnlyLowers(t *testing.T) {
	own := DefaultLimits()
	own.Caps["CNY"] = DefaultCap("CNY")
	const hour = time.Hour
	more := Limits{Fresh: hour, KeySetAge: 999 * hour, DenyAge: 999 * hour, Certificate: 999 * hour, Session: 999 * hour, PerDeviceDay: 99, SessionCount: 999,
		Caps: map[agent.Currency]Cap{"CNY": {9_999_999, 9_999_999, 9_999_999}, "EUR": {1, 1, 1}}}
	for name, policy := range map[string]Limits{"silence": {}, "higher": more} {
		if got := own.Lowered(policy); !reflect.DeepEqual(got, own) {
			t.Errorf("%s changes the limits to %+v", name, got)
		}
	}
	less := Limits{Fresh: 1, KeySetAge: 2, DenyAge: 3, Certificate: 4, Session: 5, PerDeviceDay: 1, SessionCount: 6, Caps: map[agent.Currency]Cap{"CNY": {7, 8, 9}}}
	if got := own.Lowered(less); !reflect.DeepEqual(got, less) {
		t.Errorf("lowered to %+v", got)
	}
	if own.Caps["CNY"] != DefaultCap("CNY") {
		t.Error("lowering changed the shop's own limits")
	}
}

func TestDefaultCaps(t *testing.T) {
	for currency, want := range map[agent.Currency]Cap{
		"CNY": {200_00, 500_00, 5000_00}, "JPY": {200, 500, 5000}, "KWD": {200_000, 500_000, 5_000_000}, "ABC": {},
	} {
		if got := DefaultCap(currency); got != want {
			t.Errorf("%s: %+v, want %+v", currency, got, want)
		}
	}
	if l := DefaultLimits(); len(l.Caps) != 0 || l.Fresh != 120*time.Second || l.KeySetAge != 72*time.Hour || l.DenyAge != 72*time.Hour ||
		l.Certificate != 7*24*time.Hour || l.Session != 24*time.Hour || l.PerDeviceDay != 3 || l.SessionCount != 50 {
		t.Errorf("%+v", l)
	}
}

func TestWhetherAClockIsTrusted(t *testing.T) {
	for name, test := range map[string]struct {
		clock   Clock
		trusted bool
		latest  time.Time
	}{
		"set by the network":       {Clock{Wall: noon, Synced: true}, true, noon},
		"kept by a battery":        {Clock{Wall: noon, Battery: true}, true, noon},
		"set by nobody":            {Clock{Wall: noon}, false, noon},
		"in the past after a boot": {Clock{Wall: time.Unix(0, 0), MaxSeen: noon}, false, noon},
		"five minutes back":        {Clock{Wall: noon.Add(-5 * time.Minute), MaxSeen: noon, Synced: true}, true, noon},
		"more than five minutes":   {Clock{Wall: noon.Add(-5*time.Minute - 1), MaxSeen: noon, Synced: true}, false, noon},
		"a year back, by network":  {Clock{Wall: noon.AddDate(-1, 0, 0), MaxSeen: noon, Synced: true, Battery: true}, false, noon},
		"later than ever seen":     {Clock{Wall: noon.Add(time.Hour), MaxSeen: noon, Synced: true}, true, noon.Add(time.Hour)},
	} {
		if got := test.clock.Trusted(); got != test.trusted {
			t.Errorf("%s: trusted is %t", name, got)
		}
		if got := test.clock.Latest(); !got.Equal(test.latest) {
			t.Errorf("%s: the latest time is %v", name, got)
		}
	}
}

func TestCounters(t *testing.T) {
	for _, test := range []struct {
		highest, counter uint32
		want             Reason
	}{
		{0, 1, ""}, {0, 4_000_000_000, ""}, // never seen here: it paid elsewhere
		{0, 0, CounterUsed}, {10, 10, CounterUsed}, {10, 9, CounterUsed}, {10, 1, CounterUsed},
		{10, 11, ""}, {10, 74, ""}, {10, 75, CounterAhead}, {10, 4_294_967_295, CounterAhead},
		{4_294_967_295, 4_294_967_295, CounterUsed}, {4_294_967_294, 4_294_967_295, ""},
	} {
		if err := CheckCounter(test.highest, test.counter); ReasonOf(err) != test.want {
			t.Errorf("highest %d, then %d: %v, want %q", test.highest, test.counter, err, test.want)
		}
	}
}
