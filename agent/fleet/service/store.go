package service

import (
	"context"
	"encoding/json"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
)

// Store keeps everything the service knows. Every implementation passes
// agent/fleet/service/storetest.
//
// As an agent.FleetStore it also keeps what has no table of its own, by keys whose
// first part names the owner: "claim/…", "cert/…".
type Store interface {
	agent.FleetStore
	Reader
	// Change makes all changes of one function in one durable commit, or none when it
	// fails. locks are names; of two changes that share one, on any service, the
	// second begins when the first has ended. The name for a terminal is LockOf.
	// change may run more than once, and must not use the Store itself.
	Change(ctx context.Context, locks []string, change func(Tx) error) error
	// Prune forgets events, and commands that are final, of before a time; at most
	// limit rows, and answers how many.
	Prune(ctx context.Context, before time.Time, limit int) (int, error)
	Close() error
}

// Reader is what can be asked.
type Reader interface {
	// Terminal answers ErrUnknown for one that was never heard and never enrolled, and
	// ErrDamaged for one whose row cannot be read.
	Terminal(ctx context.Context, tid fleet.TID) (Terminal, error)
	// Terminals lists by name, behind after, at most limit. One whose row cannot be read
	// is in the list, see Damaged, so that it hides no other.
	Terminals(ctx context.Context, after fleet.TID, limit int) ([]Terminal, error)
	// Paper is the last document of a kind; nil when there is none.
	Paper(ctx context.Context, tid fleet.TID, kind Paper) (json.RawMessage, error)
	// Events lists in the order in which they were stored, or with Latest backwards.
	Events(ctx context.Context, f EventFilter) ([]StoredEvent, error)
	// Command answers ErrUnknown for one that was never sent.
	Command(ctx context.Context, jti string) (Command, error)
	// Commands lists by the time they were made, the newest first.
	Commands(ctx context.Context, f CommandFilter) ([]Command, error)
	// Rollout answers ErrUnknown for one that does not exist; Rollouts lists the
	// newest first, Members those of one by ring and name.
	Rollout(ctx context.Context, id string) (Rollout, error)
	Rollouts(ctx context.Context, limit int) ([]Rollout, error)
	Members(ctx context.Context, rollout string) ([]Member, error)
}

// Tx is one change under way.
type Tx interface {
	Reader
	SaveTerminal(ctx context.Context, t Terminal) error
	SavePaper(ctx context.Context, tid fleet.TID, kind Paper, doc json.RawMessage) error
	// AddEvents stores those that are not stored yet and answers how many were not.
	AddEvents(ctx context.Context, tid fleet.TID, stream fleet.Stream, epoch string, at time.Time, events []fleet.Event) (added int, err error)
	SaveCommand(ctx context.Context, c Command) error
	SaveRollout(ctx context.Context, r Rollout) error
	SaveMembers(ctx context.Context, members []Member) error
}

// LockOf is the name under which a terminal is changed.
func LockOf(tid fleet.TID) string { return "terminal/" + string(tid) }

// Paper is a kind of document of which the last one is kept whole.
type Paper string

// The papers.
const (
	PaperState   Paper = "state"   // fleet.Report
	PaperHello   Paper = "hello"   // fleet.Hello
	PaperBeat    Paper = "beat"    // fleet.Beat
	PaperConfig  Paper = "config"  // fleet.ConfigReport
	PaperDesired Paper = "desired" // Desired
	PaperJob     Paper = "job"     // JobRow
)

// EventFilter chooses events.
type EventFilter struct {
	TID    fleet.TID      // empty: of all
	Stream []fleet.Stream // empty: all
	After  int64          // ids behind this one, in Latest before it when it is not 0
	Since  time.Time      // stored then or later
	Latest bool           // the newest first
	Limit  int
}

// StoredEvent is an event as it lies in the store.
type StoredEvent struct {
	ID     int64        `json:"id"` // rises with the order of storing
	TID    fleet.TID    `json:"tid"`
	Stream fleet.Stream `json:"stream"`
	Epoch  string       `json:"epoch"`
	Stored time.Time    `json:"stored"`
	Event  fleet.Event  `json:"event"`
}

// CommandFilter chooses commands.
type CommandFilter struct {
	TID   fleet.TID // empty: of all
	Open  bool      // only those that are not final
	Limit int
}
