package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// Class says how much harm a command can do.
type Class string

// The classes.
const (
	Read       Class = "read"
	Safe       Class = "safe"
	Disruptive Class = "disruptive" // the counter notices
	Dangerous  Class = "dangerous"  // two approvers sign it, for the session that runs
)

// OnRestart says what becomes of a command that the agent's end interrupted.
type OnRestart bool

// What may become of it. A command is done again only when twice is as good as
// once.
const (
	ReportInterrupted OnRestart = false
	RetryInterrupted  OnRestart = true
)

// Entry is one command of the catalogue.
type Entry struct {
	Name    string
	Version int
	Class   Class
	Restart OnRestart
	Limit   time.Duration               // how long it may run
	check   func(json.RawMessage) error // of its arguments
}

// Check judges a command's arguments as a terminal will.
func (e Entry) Check(args json.RawMessage) error { return e.check(args) }

// Cap is how a hello names the command.
func (e Entry) Cap() string { return fmt.Sprintf("cmd:%s/%d", e.Name, e.Version) }

// last reports that nothing can be told after the command, so that everything is
// told before it.
func (c Command) last() bool { return c.Name == "terminal.wipe" }

// DisplayMessage is what display.message shows.
type DisplayMessage struct {
	Lane string `json:"lane,omitempty"` // empty: every lane
	Text string `json:"text"`
	TTL  int    `json:"ttl"` // seconds
}

// LogLevel is what log.level sets for a while.
type LogLevel struct {
	Level string `json:"level"` // debug, info, warn, error
	TTL   int    `json:"ttl"`   // seconds
}

// LogTail is what log.tail asks for.
type LogTail struct {
	Level  string `json:"level,omitempty"`  // the least; empty: info
	KB     int    `json:"max_kb,omitempty"` // of lines; 0: as many as a result holds
	Before Stamp  `json:"before,omitzero"`  // to read on backwards; without it the newest
}

// LaneArgs names a register; empty: every one.
type LaneArgs struct {
	Lane string `json:"lane,omitempty"`
}

// PrinterArgs names a printer as the state does; empty: the shop's only one.
type PrinterArgs struct {
	Printer string `json:"printer,omitempty"`
}

// Bounds of arguments.
const (
	maxTail = 5  // KiB of a log in one result
	maxName = 64 // characters of a name

	maxText    = 120 // characters of a message for customers
	maxShown   = 600 // seconds it is shown
	maxLogging = 24 * 3600
)

// catalogue is closed: what is not in it is refused, whoever signed it. There is
// no shell, no reading of files and no fetching of addresses, on purpose; and no
// bringing back of a step towards a wallet that the terminal has given up, which
// is the owner's to decide.
var catalogue = []Entry{
	{"ping", 1, Read, RetryInterrupted, 10 * time.Second, none},
	{"state.refresh", 1, Read, RetryInterrupted, 10 * time.Second, none},
	{"metrics.snapshot", 1, Read, RetryInterrupted, 10 * time.Second, none},
	{"queue.inspect", 1, Read, RetryInterrupted, 10 * time.Second, none},
	{"log.tail", 1, Read, RetryInterrupted, 10 * time.Second, checkTail},
	{"scanner.test", 1, Read, RetryInterrupted, 10 * time.Second, checkLane},
	{"config.reapply", 1, Safe, RetryInterrupted, 30 * time.Second, none},
	{"queue.flush", 1, Safe, RetryInterrupted, 10 * time.Second, none},
	{"log.level", 1, Safe, ReportInterrupted, 10 * time.Second, checkLevel},
	{"display.message", 1, Safe, ReportInterrupted, 10 * time.Second, checkMessage},
	{"display.test", 1, Safe, ReportInterrupted, 10 * time.Second, checkLane},
	{"printer.test", 1, Safe, ReportInterrupted, 30 * time.Second, checkPrinter},
	{"cert.renew", 1, Safe, RetryInterrupted, time.Minute, none},
	{"agent.restart", 1, Disruptive, ReportInterrupted, 10 * time.Second, none},
	{"device.reboot", 1, Disruptive, ReportInterrupted, 30 * time.Second, none},
	{"terminal.lock", 1, Dangerous, ReportInterrupted, 10 * time.Second, checkReason},
	{"terminal.unlock", 1, Dangerous, ReportInterrupted, 10 * time.Second, none},
	{"terminal.wipe", 1, Dangerous, ReportInterrupted, 10 * time.Minute, checkReason},
}

// Catalogue lists every command the contract knows. A terminal's hello says
// which of them it can do.
func Catalogue() []Entry { return append([]Entry(nil), catalogue...) }

// Find looks a command up.
func Find(name string, version int) (Entry, bool) {
	for _, e := range catalogue {
		if e.Name == name && e.Version == version {
			return e, true
		}
	}
	return Entry{}, false
}

var errArgs = errors.New("the arguments are not those of the command")

func none(args json.RawMessage) error {
	if len(args) == 0 {
		return nil
	}
	return wrapArgs(strict(args, &struct{}{}))
}

func wrapArgs(err error) error {
	if err != nil {
		return fmt.Errorf("%w: %w", errArgs, err)
	}
	return nil
}

func checkMessage(args json.RawMessage) error {
	var m DisplayMessage
	if err := strict(args, &m); err != nil {
		return wrapArgs(err)
	}
	if n := utf8.RuneCountInString(m.Text); n < 1 || n > maxText || !plain(m.Text) {
		return fmt.Errorf("%w: a text of 1 to %d characters without control characters", errArgs, maxText)
	}
	if m.TTL < 1 || m.TTL > maxShown {
		return fmt.Errorf("%w: a ttl of 1 to %d seconds", errArgs, maxShown)
	}
	return nil
}

func plain(text string) bool {
	for _, r := range text {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError {
			return false
		}
	}
	return true
}

func checkLevel(args json.RawMessage) error {
	var l LogLevel
	if err := strict(args, &l); err != nil {
		return wrapArgs(err)
	}
	switch l.Level {
	case "debug", "info", "warn", "error":
	default:
		return fmt.Errorf("%w: a level of debug, info, warn or error", errArgs)
	}
	if l.TTL < 1 || l.TTL > maxLogging {
		return fmt.Errorf("%w: a ttl of 1 to %d seconds", errArgs, maxLogging)
	}
	return nil
}

func checkReason(args json.RawMessage) error {
	var r struct {
		Reason string `json:"reason"`
	}
	if err := strict(args, &r); err != nil {
		return wrapArgs(err)
	}
	if n := utf8.RuneCountInString(r.Reason); n < 1 || n > maxText || !plain(r.Reason) {
		return fmt.Errorf("%w: a reason of 1 to %d characters", errArgs, maxText)
	}
	return nil
}

func checkTail(args json.RawMessage) error {
	var l LogTail
	if len(args) == 0 {
		return nil
	}
	if err := strict(args, &l); err != nil {
		return wrapArgs(err)
	}
	switch l.Level {
	case "", "debug", "info", "warn", "error":
	default:
		return fmt.Errorf("%w: a level of debug, info, warn or error", errArgs)
	}
	if l.KB < 0 || l.KB > maxTail {
		return fmt.Errorf("%w: a max_kb of 1 to %d", errArgs, maxTail)
	}
	return nil
}

func checkLane(args json.RawMessage) error { return checkNames(args, &LaneArgs{}) }

func checkPrinter(args json.RawMessage) error { return checkNames(args, &PrinterArgs{}) }

// checkNames reads arguments that are nothing but names; the handler says whether
// there is what they name.
func checkNames(args json.RawMessage, into any) error {
	if len(args) == 0 {
		return nil
	}
	if len(args) > 4*maxName {
		return fmt.Errorf("%w: a name has up to %d characters", errArgs, maxName)
	}
	return wrapArgs(strict(args, into))
}
