package sandbox

import "errors"

// Reason says why the cloud refused, in words every wallet can map to its own
// error codes.
type Reason string

// The reasons for which an operation is refused.
const (
	ReasonCodeUnknown    Reason = "code_unknown"     // no phone shows this code
	ReasonCodeExpired    Reason = "code_expired"     // it was shown too long ago
	ReasonCodeUsed       Reason = "code_used"        // it belongs to another order number
	ReasonNotEnough      Reason = "not_enough"       // balance too small, or a customer who declines
	ReasonCurrency       Reason = "currency"         // the phone holds another one
	ReasonNumberUsed     Reason = "number_used"      // the number was used with other parameters
	ReasonOrderPaid      Reason = "order_paid"       // too late to show or close it
	ReasonOrderClosed    Reason = "order_closed"     // closed or died
	ReasonOrderReversed  Reason = "order_reversed"   // reversed
	ReasonNotFound       Reason = "not_found"        // no such order
	ReasonOnlyReverse    Reason = "only_reverse"     // a code payment cannot be closed
	ReasonOnlyClose      Reason = "only_close"       // a shown order cannot be reversed
	ReasonStateForbids   Reason = "state_forbids"    // the order's state does not allow it
	ReasonReverseTooLate Reason = "reverse_too_late" // more than seven days after
	ReasonRefundNotFound Reason = "refund_not_found" // no such refund number
	ReasonRefundChanged  Reason = "refund_changed"   // the refund number was used with another amount
	ReasonRefundTotal    Reason = "refund_total"     // the stated total is not the order's
	ReasonRefundExceeds  Reason = "refund_exceeds"   // more than is left
	ReasonRefundsTooMany Reason = "refunds_too_many" // fifty are the most

	// Why a code that a shop took without a line is not honoured.
	ReasonSpent      Reason = "spent"       // it paid another order
	ReasonDenied     Reason = "denied"      // it is blocked
	ReasonExpired    Reason = "expired"     // signed or sent too late
	ReasonOverLimit  Reason = "over_limit"  // more than it covers, or than is left of it
	ReasonForged     Reason = "forged"      // not what the issuer or the phone signed
	ReasonMalformed  Reason = "malformed"   // not one of the formats
	ReasonOtherOrder Reason = "other_order" // signed for another order or amount
)

// Refusal is a definite no with its reason: nothing was changed by the call,
// except that a refused payment is remembered under its number.
type Refusal struct{ Reason Reason }

// Error implements error.
func (r Refusal) Error() string { return "sandbox: refused: " + string(r.Reason) }

// RefusedFor returns the reason if err is a refusal, and "" otherwise.
func RefusedFor(err error) Reason {
	var r Refusal
	if errors.As(err, &r) {
		return r.Reason
	}
	return ""
}

// Explain turns an error into a wallet's own answer P: the one it already is, what
// the first table that knows it says to a refusal of the ledger, or otherwise. What
// is not a refusal leaves open whether the request was executed.
func Explain[P error](err error, otherwise P, tables ...map[Reason]P) P {
	var p P
	if errors.As(err, &p) {
		return p
	}
	reason := RefusedFor(err)
	for _, table := range tables {
		if p, ok := table[reason]; ok {
			return p
		}
	}
	return otherwise
}
