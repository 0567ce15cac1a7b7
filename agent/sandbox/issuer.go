package sandbox

import (
	"context"
	"errors"
	"time"
)

// Issuer is what lets a wallet's customers pay while the shop, or their own
// phone, has no line. It stands behind the phones' pages and the control API;
// what shops ask of it comes through their wallet's protocol.
type Issuer interface {
	// Scan lets a phone read a shop's challenge: with a line it pays, without one it
	// signs. A text that is no challenge answers [ScanUnknown].
	Scan(ctx context.Context, customer, text string) (Slip, error)
	// Confirmed is what the phone shows after its owner entered the password.
	Confirmed(ctx context.Context, customer string) (Slip, error)
	// Voucher makes a code without a challenge.
	Voucher(ctx context.Context, customer string, ask VoucherAsk) (Slip, error)
	// Attacks are what a thief's phone can do instead of paying, see [Carriage].
	Attacks() []string
	// Carry changes how a phone behaves and answers how it does now.
	Carry(ctx context.Context, customer string, c Carriage) (Pocket, error)
	// Report is what the issuer's office sees.
	Report(ctx context.Context) (IssuerReport, error)
	// Office changes keys and lists; see [OfficeAsk].
	Office(ctx context.Context, ask OfficeAsk) error
}

// Issuing is a wallet that may have an issuer; nil is none.
type Issuing interface{ Issuer() Issuer }

// ErrNoIssuer is the answer for phones and wallets that need a line.
var ErrNoIssuer = errors.New("sandbox: this wallet's customers cannot pay without a line")

// OfficeError is something an issuer cannot do, in a sentence for whoever asked.
type OfficeError string

// Error implements error.
func (e OfficeError) Error() string { return string(e) }

// ScanSigned is a phone's answer without a line: nothing was paid yet, and the
// shop can take what the phone shows.
const ScanSigned ScanStatus = "signed"

// ScanNoLine is a phone's answer without a line to what needs one.
const ScanNoLine ScanStatus = "no_line"

// Slip is what a phone did and what it shows the shop for it: worth money while
// nobody has handed it in, so it is never logged or kept.
type Slip struct {
	Status ScanStatus `json:"status"`
	Code   string     `json:"code,omitempty"`
}

// VoucherAsk is which code a phone is to show without a challenge.
type VoucherAsk struct {
	Kind   string `json:"kind"`   // "ceiling" (default) or "bearer"
	Amount int64  `json:"amount"` // of a bearer voucher, in minor units
}

// Carriage changes a phone; what is nil stays.
type Carriage struct {
	Flight *bool   `json:"flight"` // without a line
	Attack *string `json:"attack"` // a thief's phone; empty: honest again
	ES256  *bool   `json:"es256"`  // another phone, whose secure element has no Ed25519
}

// Pocket is a phone as far as it can pay without a line.
type Pocket struct {
	Flight   bool      `json:"flight"`
	Attack   string    `json:"attack,omitempty"`
	ES256    bool      `json:"es256,omitempty"`
	Voucher  string    `json:"voucher,omitempty"` // id of its certificate
	Currency string    `json:"currency"`
	Left     int64     `json:"left"` // minor units that the phone still signs for
	Most     int64     `json:"most"` // in one payment
	Until    time.Time `json:"until,omitzero"`
	Counter  uint32    `json:"counter"`
}

// IssuerReport is an issuer as its office sees it.
type IssuerReport struct {
	Brand     string          `json:"brand"`
	Number    int             `json:"number"`
	Roots     []string        `json:"roots"` // public keys in hexadecimal: in use, spare
	Version   uint64          `json:"version"`
	Published uint64          `json:"published"` // another version where an old one is given out
	Keys      []IssuerKey     `json:"keys"`
	Vouchers  []IssuerVoucher `json:"vouchers"`
}

// IssuerKey is a key of an issuer, named as codes name it.
type IssuerKey struct {
	ID      string    `json:"id"`
	From    time.Time `json:"from"`
	Until   time.Time `json:"until"`
	Revoked bool      `json:"revoked"`
	InUse   bool      `json:"in_use"` // signs what is issued now
}

// IssuerVoucher is a certificate or a bearer voucher. Amounts are minor units.
type IssuerVoucher struct {
	ID       string    `json:"id"`
	Customer string    `json:"customer"`
	Kind     string    `json:"kind"`
	Currency string    `json:"currency"`
	Total    int64     `json:"total"`
	Drawn    int64     `json:"drawn"`
	Returned int64     `json:"returned"`
	Until    time.Time `json:"until"`
	Denied   bool      `json:"denied"`
}

// OfficeAsk is one thing that the issuer's office does.
type OfficeAsk struct {
	Brand string `json:"brand"` // empty: the first that issues
	// Do is "rotate" (a new key; the old one ends after the overlap), "revoke" (Key, at
	// once), "deny" and "allow" (Voucher), or "publish" (gives Version out instead of
	// the newest key set; 0 is the newest again).
	Do      string `json:"do"`
	Key     string `json:"key"`
	Voucher string `json:"voucher"`
	Version uint64 `json:"version"`
}

// Redemption is a code that a shop took without a line and hands in.
type Redemption struct {
	Key         Key
	Amount      int64 // minor units
	Currency    string
	Description string
	Details     string
	Code        string    // as it was scanned
	Accepted    time.Time // when the shop took it
}
