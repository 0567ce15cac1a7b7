package scanner

import (
	"time"

	"tillwire/agent"
)

// EventKind names what a codec noticed. The names are part of the output of
// "tillwire devices decode".
type EventKind string

// The kinds of event of the codecs. Only Scan is ever delivered to a payment;
// the others are diagnostics, counted under these names.
const (
	EventScan           EventKind = "scan"
	EventDuplicate      EventKind = "duplicate"       // a repeat within the window
	EventGarbage        EventKind = "garbage"         // a frame with bytes no code may have
	EventOverflow       EventKind = "overflow"        // a frame longer than max_len
	EventPartialTimeout EventKind = "partial_timeout" // a frame whose end never came
	EventResync         EventKind = "resync"          // bytes dropped to find a boundary again
	EventSend           EventKind = "send"            // bytes to write to the device
)

// Event is one thing a codec noticed.
type Event struct {
	At        time.Duration // on the clock of the caller; a timer's own time for timers
	Kind      EventKind
	Text      agent.PayCode // payload without its symbology identifier: scan and duplicate
	Symbology string        // AIM identifier, if the scanner sent one
	Bytes     int           // how many bytes were dropped: diagnostics
	Send      []byte        // what goes to the device: send
}

// Codec is the protocol of one family of scanners. Times are monotonic, counted
// from any fixed moment, and never go back; each call returns what it noticed,
// in order.
//
// Feed fires no timer: bytes that were read late may have arrived early, so
// only a caller who knows that the line was silent until a moment may say so,
// by calling Tick with that moment.
type Codec interface {
	// Start begins a session: the port was opened and its input flushed at at.
	Start(at time.Duration) []Event
	// Feed takes bytes that were read at at.
	Feed(at time.Duration, b []byte) []Event
	// Tick says that nothing more had arrived until at, and fires the timers
	// due by then, each at its own time.
	Tick(at time.Duration) []Event
	// Lost says that bytes before the next Feed were lost, so what is being
	// assembled must not be completed.
	Lost(at time.Duration) []Event
}
