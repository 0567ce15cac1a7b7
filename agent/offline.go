package agent

import (
	"context"
	"errors"
	"time"
)

// Way is how a sale was accepted without the wallet's word. The words are stored
// for years: add new ones, never change the meaning of one.
type Way string

// The ways, from the one that risks least.
const (
	WayReceipt  Way = "receipt"  // the wallet's signed receipt (RC1): the money is there, the line is not
	WayDevice   Way = "device"   // the phone's voucher under its issuer's certificate (OV2)
	WayBearer   Way = "bearer"   // a voucher worth what it says to whoever holds it (OV1)
	WayDeferred Way = "deferred" // a code of a scheme that answers for charging it later
	WaySight    Way = "sight"    // somebody looked at the customer's screen, which proves nothing
)

// Ways lists every way, for settings and tests.
func Ways() []Way { return []Way{WayReceipt, WayDevice, WayBearer, WayDeferred, WaySight} }

// PaidBefore reports that the money may be at the wallet already, so that giving the
// sale up means asking there and not only forgetting it here.
func (w Way) PaidBefore() bool { return w == WayReceipt || w == WaySight }

// Returns reports that a code accepted this way is the customer's again when the sale
// is taken back before it was sent. A phone counts its codes and makes another one.
func (w Way) Returns() bool { return w == WayBearer || w == WayDeferred }

// forward is the operation that collects what was accepted this way, or asks for it.
func (w Way) forward() Operation {
	switch w {
	case WayDeferred:
		return OpChargeLater
	case WaySight:
		return OpQuery
	}
	return OpRedeem
}

// Collects is the operation that is still to be done for a payment accepted offline,
// or "" when it was not.
func (s Status) Collects() Operation {
	if s.Way == "" {
		return ""
	}
	return s.Way.forward()
}

// AtStake reports that the goods are gone on a promise: accepted, and neither
// collected, lost nor taken back.
func (s Status) AtStake() bool {
	state := s.State
	if state == Review {
		state = s.Under
	}
	return state == OfflineAccepted || state == Redeeming
}

// Exposed reports that a try to collect it may have reached the wallet.
func (s Status) Exposed() bool { return s.exposed }

// ErrSpent reports that the code was accepted before, for the payment beside it.
var ErrSpent = errors.New("this offline code was accepted before")

// Spend is what may be accepted only once. Of a code that is charged later it is SpendOf.
type Spend struct {
	Issuer    uint16
	ID        []byte    // 8 to 16 bytes
	Counter   uint32    // of a device's codes; 0 where there is none
	Until     time.Time // the code itself refuses later; kept fourteen days longer
	Allowance int64     // minor units behind all codes of ID together; a device's code without is refused
}

// printBytes of a fingerprint tell codes apart; no voucher or receipt has an id so long.
const printBytes = 16

// SpendOf is the Spend of a code that is charged later: its keyed fingerprint.
func SpendOf(print []byte, until time.Time) *Spend {
	return &Spend{ID: print[:min(len(print), printBytes)], Until: until}
}

// Acceptance is what decides whether a sale is accepted offline, and what to keep of it.
// Whoever makes one has verified the code; the accepting transaction looks at the rest.
type Acceptance struct {
	Fact   Fact          // FactOfflineAccepted with Way, Wallet, Amount, By and Key
	Exact  bool          // the code was signed for this sale and amount
	Role   Role          // of whoever accepts; "" when nobody is signed in
	Policy OfflinePolicy // the owner's, lowered to what the issuer allows
	Now    time.Time     // the latest time known: a clock set back makes nothing young again
	Behind bool          // the wall clock stands before a time that was already seen
	Unset  bool          // nobody has set the wall clock and nothing kept it
	Seen   time.Time     // what a wallet has confirmed to have come; zero proves nothing
	Spend  *Spend        // nil for WaySight
	Sealed []byte        // what is forwarded, sealed; wiped when the sale has ended
}

// Stored is what was accepted and is not collected yet.
type Stored struct {
	Count int
	Sums  map[Currency]int64 // minor units
}

// Exposure is what the shop has at stake.
type Exposure struct {
	Stored
	Since time.Time         // the oldest of it was accepted then; zero when there is nothing
	Lanes map[string]Stored // by register
}

// OfflineJournal is a Journal that accepts sales offline. Memory and SQLite implement
// it and pass one suite.
type OfflineJournal interface {
	Journal
	// Accept judges an acceptance by the policy and by everything accepted so far,
	// keeps what must not be accepted twice and records the fact, in one commit.
	// Refusals are Errors of code offline; ErrSpent comes with the payment that the
	// code paid; ErrStale and ErrCodeSeen as from Record. After each nothing is written.
	Accept(ctx context.Context, id PaymentID, version int64, a Acceptance) (Payment, error)
	// Exposure is what is accepted and not collected, as of the last commit.
	Exposure(ctx context.Context) (Exposure, error)
	// Sealed returns what Accept was given to forward, nil once the sale has ended.
	Sealed(ctx context.Context, id PaymentID) ([]byte, error)
	// SeenTime is the latest Acceptance.Seen, or Saw, ever kept; zero when none.
	SeenTime(ctx context.Context) (time.Time, error)
	// Saw keeps a time that a trusted clock has shown. Earlier ones change nothing.
	Saw(ctx context.Context, at time.Time) error
}
