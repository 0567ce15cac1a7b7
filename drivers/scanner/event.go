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
	EventDuplicate      EventKind = "duplicate"              // a repeat within the window
	EventRetransmit     EventKind = "retransmit"             // the same packet again, because our answer was late
	EventGarbage        EventKind = "garbage"                // a frame with bytes no code may have
	EventOverflow       EventKind = "overflow"               // a frame longer than max_len
	EventPartialTimeout EventKind = "partial_timeout"        // a frame whose end never came
	EventCharacterGap   EventKind = "intercharacter_timeout" // a packet that broke off
	EventResync         EventKind = "resync"                 // bytes dropped to find a boundary again
	EventDropped        EventKind = "dropped"                // the kernel threw key strokes away
	EventSend           EventKind = "send"                   // bytes to write to the device
	EventAck            EventKind = "ack"                    // the device did what it was told
	EventNak            EventKind = "nak"                    // the device did not
	EventUnanswered     EventKind = "unanswered"             // a command that the device never answered
)

// Event is one thing a codec noticed.
type Event struct {
	At        time.Duration // on the clock of the caller; a timer's own time for timers
	Kind      EventKind
	Text      agent.PayCode // payload without its symbology identifier: scan, duplicate, retransmit
	Symbology string        // AIM identifier, else the maker's own code for the symbology, if the scanner sent one
	ID        string        // the maker's own code beside an AIM identifier
	Note      string        // ack and nak: what was told, or why not; send: a counter of it; never what was scanned
	Bytes     int           // how many bytes were dropped: diagnostics
	Send      []byte        // what goes to the device: send and unanswered
}

// Command is what the counter wants of its scanner.
type Command string

// The commands. What a scanner cannot do is no mistake: nothing is sent then.
const (
	CommandInit       Command = "init"        // volatile settings, after each opening
	CommandTriggerOn  Command = "trigger_on"  // a payment waits for a code; repeated while it does
	CommandTriggerOff Command = "trigger_off" // none waits any more
	CommandAccepted   Command = "accepted"    // the agent took the code
	CommandRefused    Command = "refused"     // the agent cannot use the code
)

// Commands lists them all.
func Commands() []Command {
	return []Command{CommandInit, CommandTriggerOn, CommandTriggerOff, CommandAccepted, CommandRefused}
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
	// Command says what the counter wants; its time may be ahead of what was
	// read.
	Command(at time.Duration, c Command) []Event
}
