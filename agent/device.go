package agent

import (
	"context"
	"time"
)

// DeviceKind says what a device is for.
type DeviceKind string

// The kinds of device a lane may have.
const (
	KindScanner DeviceKind = "scanner"
	KindDisplay DeviceKind = "display"
	KindPrinter DeviceKind = "printer"
	KindDrawer  DeviceKind = "drawer"
)

// DeviceState is where a device stands in its life. A missing scanner is a
// state, never a crash.
type DeviceState string

// The states of a supervised device.
const (
	DeviceDisabled DeviceState = "disabled" // switched off in the configuration
	DeviceAbsent   DeviceState = "absent"   // nothing is plugged in at its path
	DeviceOpening  DeviceState = "opening"  // being opened, or within its grace
	DeviceReady    DeviceState = "ready"    // works
	DeviceDegraded DeviceState = "degraded" // works with a limit that Reason names
	DeviceLost     DeviceState = "lost"     // was ready, is gone
	DeviceBackoff  DeviceState = "backoff"  // waits before the next try
	DeviceFaulted  DeviceState = "faulted"  // given up until a person acts
)

// DeviceStatus is a snapshot of one device.
type DeviceStatus struct {
	ID       string            `json:"id"`     // unique within the terminal, e.g. "1.scanner"
	Kind     DeviceKind        `json:"kind"`   //
	Lane     string            `json:"lane"`   // the register it belongs to
	Driver   string            `json:"driver"` // the registered driver's name
	Path     string            `json:"path"`   // where it is plugged in
	State    DeviceState       `json:"state"`  //
	Since    time.Time         `json:"since"`  // when State began
	Reason   string            `json:"reason"` // in words, with what to do; empty when ready
	Say      Sentence          `json:"-"`      // Reason for pages in other languages; its id begins with "device."
	Counters map[string]uint64 `json:"counters,omitempty"`
}

// Scan is one complete reading of a scanner: never a part of a code, because
// a truncated payment code can be another valid code.
type Scan struct {
	Lane      string        // the register whose scanner read it
	Device    string        // DeviceStatus.ID of the scanner
	Text      PayCode       // payload without its symbology identifier
	Symbology string        // AIM identifier such as "]Q1", else the maker's own code; empty when not sent
	At        time.Duration // Clock.Mono of the last byte
}

// ScanSink takes what a scanner read. It must not block for long: the reader
// of the serial line waits for it.
type ScanSink func(Scan)

// Screen is everything a customer's display shows at one moment.
type Screen struct {
	Kind   ScreenKind    `json:"kind"`
	Amount Money         `json:"amount"`
	Wallet string        `json:"wallet,omitempty"` // brand, empty until known
	QR     string        `json:"qr,omitempty"`     // payload of the code to pay
	TTL    time.Duration `json:"-"`                // how long QR may stay visible
	Say    Sentence      `json:"say"`
	Test   bool          `json:"test"` // the wallet's host is not the brand's own
}

// ScreenKind is what a display is doing.
type ScreenKind string

// The screens a customer may see.
const (
	ScreenIdle     ScreenKind = "idle"
	ScreenScan     ScreenKind = "scan" // please hold your code to the scanner
	ScreenQR       ScreenKind = "qr"
	ScreenProgress ScreenKind = "progress"
	ScreenPaid     ScreenKind = "paid"
	ScreenUnpaid   ScreenKind = "unpaid"
	ScreenAccepted ScreenKind = "accepted" // without the wallet's word: never the sign for paid
	ScreenWait     ScreenKind = "wait"     // in doubt: says nothing that is not known
)

// Display shows a Screen to the customer. Contract: a QR disappears when its
// TTL has passed, when the next Show replaces it, when the driver ends and when
// the agent dies. Show returns once the display took the screen; the last call
// wins.
type Display interface {
	Show(ctx context.Context, s Screen) error
}

// Printer puts slips on paper, in the order in which they came.
type Printer interface {
	// Print takes a job and returns at once. A job waits while the printer is away,
	// out of paper or open. The error tells that it was not taken at all; otherwise
	// Done is called once, when its end is known or given up.
	Print(j PrintJob) error
}

// PrintJob is one piece of paper, a pulse to the cash drawer, or both.
type PrintJob struct {
	Slip   Slip // without lines nothing is printed
	Drawer bool // open the cash drawer first
	Done   func(PrintEnd)
}

// PrintEnd is what became of a job.
type PrintEnd string

// The ends of a job.
const (
	PrintCompleted PrintEnd = "completed" // the printer says that the paper is out
	PrintAccepted  PrintEnd = "accepted"  // the printer took every byte and says no more
	PrintDoubtful  PrintEnd = "doubtful"  // paper may have come out; the next copy must be marked
	PrintNothing   PrintEnd = "nothing"   // no byte of it reached the printer
)
