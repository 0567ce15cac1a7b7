package voucher

import (
	"time"

	"tillwire/agent"
)

// Limits bound what is accepted without a line. The same type says what a shop
// allows, where zero allows nothing, and what a key set's policy lowers it to,
// where zero says nothing.
type Limits struct {
	Fresh       time.Duration // between a device's signature and now, either way
	KeySetAge   time.Duration // since the key set was issued
	DenyAge     time.Duration // since the deny list was drawn up
	Certificate time.Duration // the longest life of a device's certificate
	Session     time.Duration // of accepting offline, counted from the first acceptance

	PerDeviceDay int // acceptances per device, shop and day
	SessionCount int // acceptances per session

	Caps map[agent.Currency]Cap // a currency without a cap is not taken
}

// Cap bounds amounts of one currency, in minor units.
type Cap struct {
	Ceiling int64 // one payment by a code that was not signed for it: OV2 with a ceiling, OV1
	Exact   int64 // one payment by an OV2 that names its sale and amount
	Session int64 // all of a session
}

// DefaultLimits are the limits where nobody set others, without any currency: a
// shop takes nothing offline before its owner names one. The figures lie below
// what regulators and card terminals allow (India 1,000 INR a payment, Moneris
// 250 by 500).
func DefaultLimits() Limits {
	const day = 24 * time.Hour
	return Limits{
		Fresh: 2 * time.Minute, KeySetAge: 3 * day, DenyAge: 3 * day, Certificate: 7 * day, Session: day,
		PerDeviceDay: 3, SessionCount: 50, Caps: map[agent.Currency]Cap{},
	}
}

// DefaultCap is the cap to offer for a currency: 200, 500 and 5,000 of its
// major units. An unknown currency has none.
func DefaultCap(c agent.Currency) Cap {
	if !c.Known() {
		return Cap{}
	}
	unit := int64(1)
	for range c.Exponent() {
		unit *= 10
	}
	return Cap{Ceiling: 200 * unit, Exact: 500 * unit, Session: 5000 * unit}
}

// Lowered answers the limits with a policy laid over them. A policy only ever
// lowers: what it does not name, names higher, or names for a currency the shop
// does not take, stays as it is.
func (l Limits) Lowered(policy Limits) Limits {
	l.Fresh = lower(l.Fresh, policy.Fresh)
	l.KeySetAge = lower(l.KeySetAge, policy.KeySetAge)
	l.DenyAge = lower(l.DenyAge, policy.DenyAge)
	l.Certificate = lower(l.Certificate, policy.Certificate)
	l.Session = lower(l.Session, policy.Session)
	l.PerDeviceDay = lower(l.PerDeviceDay, policy.PerDeviceDay)
	l.SessionCount = lower(l.SessionCount, policy.SessionCount)
	caps := make(map[agent.Currency]Cap, len(l.Caps))
	for currency, own := range l.Caps {
		theirs := policy.Caps[currency]
		caps[currency] = Cap{
			Ceiling: lower(own.Ceiling, theirs.Ceiling),
			Exact:   lower(own.Exact, theirs.Exact),
			Session: lower(own.Session, theirs.Session),
		}
	}
	l.Caps = caps
	return l
}

func lower[T ~int | ~int64](own, theirs T) T {
	if theirs > 0 {
		return min(own, theirs)
	}
	return own
}
