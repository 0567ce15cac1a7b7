package voucher

import (
	"errors"
	"fmt"

	"tillwire/agent"
)

// Reason says at which step a code, or a key set, was refused. It is the id of
// the sentence for the cashier at the same time.
type Reason string

// The reasons, in the order in which Verify looks; each step is looked at only
// when all before it passed.
const (
	TooLong    Reason = "voucher.too_long"   // longer than its QR version holds
	NotVoucher Reason = "voucher.not_one"    // another prefix
	Unreadable Reason = "voucher.unreadable" // not Base45
	Malformed  Reason = "voucher.malformed"  // not the one form of the format

	NoKeys      Reason = "voucher.no_keys"      // no key set was ever loaded
	KeysExpired Reason = "voucher.keys_expired" // the key set has ended
	KeysOld     Reason = "voucher.keys_old"     // the key set is older than Limits.KeySetAge
	KeyUnknown  Reason = "voucher.key_unknown"  // no such key of this issuer
	KeyRevoked  Reason = "voucher.key_revoked"  // the key was withdrawn
	KeyNotYet   Reason = "voucher.key_not_yet"  // the key is not valid yet
	KeyExpired  Reason = "voucher.key_expired"  // the key is not valid any more
	KeyUse      Reason = "voucher.key_use"      // the key may not sign this kind or currency
	Forged      Reason = "voucher.forged"       // the issuer's signature is wrong

	NotYet    Reason = "voucher.not_yet"    // before its time
	Expired   Reason = "voucher.expired"    // after its time
	LivesLong Reason = "voucher.lives_long" // valid for longer than certificates may be
	OtherShop Reason = "voucher.other_shop" // for a group of shops this one is not of
	DenyOld   Reason = "voucher.deny_old"   // the deny list is older than Limits.DenyAge
	Denied    Reason = "voucher.denied"     // on the deny list
	Copied    Reason = "voucher.copied"     // the device's signature is wrong

	ClockUntrusted Reason = "voucher.clock" // freshness cannot be judged
	Stale          Reason = "voucher.stale" // signed too long ago
	Ahead          Reason = "voucher.ahead" // signed in the future

	OtherCurrency Reason = "voucher.other_currency" // not the currency of the sale
	OtherOrder    Reason = "voucher.other_order"    // signed for another sale
	OtherAmount   Reason = "voucher.other_amount"   // signed for another amount
	OverVoucher   Reason = "voucher.over_voucher"   // more than the voucher covers
	OverIssuer    Reason = "voucher.over_issuer"    // more than the issuer's key may sign
	OverShop      Reason = "voucher.over_shop"      // more than the shop takes offline by such a code

	// The reasons of the transaction that accepts; Verify never gives them.
	Spent        Reason = "voucher.spent"         // accepted before
	CounterUsed  Reason = "voucher.counter_used"  // the device's counter went back
	CounterAhead Reason = "voucher.counter_ahead" // the device's counter jumped

	// The reasons of Trust.Offer, for the office.
	SetMalformed Reason = "voucher.set_malformed" // not the one form of the format
	SetRoot      Reason = "voucher.set_root"      // signed by no root of ours
	SetForged    Reason = "voucher.set_forged"    // the root's signature is wrong
	SetBack      Reason = "voucher.set_back"      // an older version than one already accepted
	SetTwice     Reason = "voucher.set_twice"     // the version in use with another content
)

// sentences say what is and what to do. %s is the reason's one argument, an
// amount or a currency.
var sentences = map[Reason]string{
	TooLong:        "This is not a code for paying offline. Ask the customer to show the code again",
	NotVoucher:     "This is not a code for paying offline. Take another way to pay",
	Unreadable:     "The code was read with errors. Scan it again",
	Malformed:      "The code is damaged or not genuine. Take another way to pay",
	NoKeys:         "This terminal has no list of issuers yet. It cannot take offline codes before it was online once",
	KeysExpired:    "The list of issuers has run out. No offline codes until the line is back",
	KeysOld:        "The list of issuers is too old. No offline codes until the line is back",
	KeyUnknown:     "The issuer of this code is not known here. Take another way to pay",
	KeyRevoked:     "The issuer has withdrawn the key of this code. Take another way to pay",
	KeyNotYet:      "The issuer's key is not valid yet. Take another way to pay",
	KeyExpired:     "The issuer's key has run out. The customer's phone must go online once",
	KeyUse:         "The issuer may not give out codes of this kind. Take another way to pay",
	Forged:         "The code is not genuine. Take another way to pay",
	NotYet:         "The voucher is not valid yet. Take another way to pay",
	Expired:        "The voucher has run out. The customer's phone must go online once",
	LivesLong:      "The voucher is valid for longer than allowed. Take another way to pay",
	OtherShop:      "The voucher is for other shops. Take another way to pay",
	DenyOld:        "The list of blocked vouchers is too old. No vouchers until the line is back",
	Denied:         "The voucher is blocked. Take another way to pay",
	Copied:         "The code was not made by the customer's own phone. Take another way to pay",
	ClockUntrusted: "This terminal does not know the time. It takes only codes made for the sale on its display",
	Stale:          "The code is too old. Ask the customer for a fresh code",
	Ahead:          "The code comes from the future: the time on the phone or on this terminal is wrong",
	OtherCurrency:  "The code is in %s. Take another way to pay",
	OtherOrder:     "The code was made for another sale. The customer must scan the display of this lane",
	OtherAmount:    "The code is for %s, not for this amount",
	OverVoucher:    "The voucher covers at most %s. Take another way to pay",
	OverIssuer:     "The issuer allows at most %s offline. Take another way to pay",
	OverShop:       "Without a connection this shop takes at most %s by such a code. Take another way to pay",
	Spent:          "This code was used before. Ask the customer for a fresh code",
	CounterUsed:    "This phone has paid with a newer code already. Ask the customer for a fresh code",
	CounterAhead:   "This phone's codes do not follow each other. Take another way to pay",
	SetMalformed:   "The new list of issuers cannot be read; the old one stays in use",
	SetRoot:        "The new list of issuers is signed by a stranger; the old one stays in use",
	SetForged:      "The new list of issuers is not genuine; the old one stays in use",
	SetBack:        "The list of issuers offered is older than the one in use; the newer one stays",
	SetTwice:       "There are two lists of issuers with one number; the one in use stays. Call the office",
}

// Reasons lists every reason, for the tests of translations and screens.
func Reasons() []Reason {
	all := make([]Reason, 0, len(sentences))
	for r := range sentences {
		all = append(all, r)
	}
	return all
}

// Refusal is why a code or a key set was not taken. It never holds any part of
// the code, which may be worth money.
type Refusal struct {
	Reason Reason
	Args   []string // of the sentence
	Err    error    // what the step itself said, for the log; nil when the reason says it all
}

func refuse(r Reason, err error, args ...string) error {
	return &Refusal{Reason: r, Args: args, Err: err}
}

// Error implements error.
func (r *Refusal) Error() string {
	if r.Err != nil {
		return fmt.Sprintf("%s: %v", r.Reason, r.Err)
	}
	return string(r.Reason)
}

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.Err }

// Say is the sentence for the cashier.
func (r *Refusal) Say() agent.Sentence {
	text := sentences[r.Reason]
	if len(r.Args) > 0 {
		text = fmt.Sprintf(text, r.Args[0])
	}
	return agent.Sentence{ID: string(r.Reason), Args: r.Args, English: text}
}

// ReasonOf is the reason of the nearest Refusal in the chain, or "".
func ReasonOf(err error) Reason {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Reason
	}
	return ""
}
