package agent

import (
	"errors"
	"fmt"
	"strings"
)

// Class is the kind of failure, as far as the caller must act differently.
type Class string

// The classes of error.
const (
	Invalid     Class = "invalid"     // the request can never work as it is
	NotFound    Class = "not_found"   // no such payment, lane, person
	Conflict    Class = "conflict"    // the state of things forbids it now
	Forbidden   Class = "forbidden"   // the caller may not
	Unavailable Class = "unavailable" // a part is down; may recover by itself
	Corrupt     Class = "corrupt"     // stored data contradicts itself
	Internal    Class = "internal"    // our mistake
)

// The codes of errors that programs act on; they are part of the local API.
const (
	CodeAmount        = "amount"
	CodeCurrency      = "currency"
	CodeMode          = "mode"
	CodeUnreadable    = "unreadable"
	CodeLaneUnknown   = "lane_unknown"
	CodeLaneBusy      = "lane_busy"
	CodeFinal         = "final"
	CodeRequestReused = "request_reused"
	CodeNotFound      = "not_found"
	CodeRefund        = "refund"
	CodeApproval      = "approval"
	CodeNotWritable   = "store_not_writable"
	CodeWallet        = "wallet"
	CodeState         = "state"
	CodeOffline       = "offline"
	CodeLocked        = "terminal_locked"
)

// Error is a failure that a person or a program can act on.
type Error struct {
	Op      string    // what was being done
	Class   Class     //
	Code    string    // stable word for programs; empty inside
	Say     Sentence  // what to tell the person, with what to do next
	Payment PaymentID // the payment in the way, when there is one
	Err     error     // the cause
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Say.English != "" {
		b.WriteString(": " + e.Say.English)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, " (%v)", e.Err)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ClassOf returns the class of the nearest Error in the chain, or Internal.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return Internal
}

// CodeOf returns the code of the nearest Error in the chain, or "".
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// ErrStale reports that a payment has moved since the caller read it; read it
// again and decide anew. It fences late answers.
var ErrStale = errors.New("the payment has moved on since it was read")
