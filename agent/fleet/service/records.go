package service

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"tillwire/agent/fleet"
)

// Terminal is what a list of terminals shows of one: everything but the papers.
type Terminal struct {
	TID      fleet.TID         `json:"tid"`
	Labels   map[string]string `json:"labels,omitempty"` // by the office: city, model, …
	Known    time.Time         `json:"known"`            // first heard or enrolled
	Enrolled time.Time         `json:"enrolled,omitzero"`
	Retired  time.Time         `json:"retired,omitzero"` // taken out of the fleet

	Presence fleet.Presence `json:"presence"`
	Heard    time.Time      `json:"heard,omitzero"` // the last message that was not a recording
	Session  Session        `json:"session"`
	Boots    []Boot         `json:"boots,omitempty"` // the last runs of the agent, the newest first
	Summary  Summary        `json:"summary"`

	Config     fleet.ConfigReport    `json:"config"`                // what became of the last one
	Wanted     fleet.ConfigMark      `json:"wanted"`                // what the office wants
	KeysSent   uint64                `json:"keys_sent,omitempty"`   // version of the key set that was published last
	ConfigSent uint64                `json:"config_sent,omitempty"` // revision
	ConfigAt   time.Time             `json:"config_at,omitzero"`
	JobSent    uint64                `json:"job_sent,omitempty"`
	Streams    map[fleet.Stream]Mark `json:"streams,omitempty"`
	Act        ActMark               `json:"act,omitzero"`
	Seq        Seqs                  `json:"seq"`
	Stored     map[fleet.Stream]Load `json:"stored,omitempty"`
	Found      []Finding             `json:"found,omitempty"` // what is wrong now
}

// Load is how much of a terminal's stream was stored lately, in bytes; it drains with
// time.
type Load struct {
	Bytes int64     `json:"bytes"`
	At    time.Time `json:"at"`
}

// Session is the terminal's last hello, as far as the service needs it.
type Session struct {
	Sess    uint64            `json:"sess"`
	Nonce   string            `json:"nonce,omitempty"`
	Boot    string            `json:"boot,omitempty"`
	At      time.Time         `json:"at,omitzero"`
	Caps    []string          `json:"caps,omitempty"`
	Keys    uint64            `json:"keys"`
	Config  fleet.ConfigMark  `json:"cfg"`
	LastSeq uint64            `json:"last_seq"`        // of commands
	Epoch   string            `json:"epoch,omitempty"` // of the file its streams are kept in
	Clock   fleet.ClockReport `json:"clock"`
}

// Boot is one run of the agent.
type Boot struct {
	ID    string    `json:"id"`
	Sess  uint64    `json:"sess"` // the highest of the run
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

// Summary is the part of the state that a list shows.
type Summary struct {
	At         time.Time         `json:"at,omitzero"` // by the terminal's clock
	Rev        uint64            `json:"rev"`
	Shop       string            `json:"shop,omitempty"`
	Version    string            `json:"ver,omitempty"`
	Platform   string            `json:"platform,omitempty"`
	UpS        int64             `json:"up_s"`
	Selling    bool              `json:"selling"`
	Line       string            `json:"line,omitempty"`
	Queue      fleet.QueueReport `json:"queue"`
	Devices    int               `json:"devices"`
	DevicesBad int               `json:"devices_bad"` // not ready
	Problems   int               `json:"problems"`
	Clock      fleet.ClockReport `json:"clock"`
	DiskFree   int64             `json:"disk_free_bytes"`
	Waiting    int               `json:"waiting"`             // events that the service has not acknowledged
	WaitingS   int64             `json:"waiting_s,omitempty"` // how long the oldest of them waited
}

// Mark is how far a stream is stored.
type Mark struct {
	Epoch string    `json:"epoch"`
	Upto  uint64    `json:"upto"`            // everything up to here
	First uint64    `json:"first,omitempty"` // from here on the terminal had it when it last said hello
	Ahead []Span    `json:"ahead,omitempty"`
	At    time.Time `json:"at"` // of the last batch
}

// Span is a part of a stream that is stored though something before it is not.
type Span struct {
	From uint64    `json:"from"`
	To   uint64    `json:"to"`
	At   time.Time `json:"at"`
}

// Seqs are the sequences that were given out last.
type Seqs struct {
	Command uint64 `json:"cmd"`
	Config  uint64 `json:"config"`
	Job     uint64 `json:"job"`
	Ack     uint64 `json:"ack"`
}

// Kind says what a finding is about.
type Kind string

// The kinds of findings.
const (
	FoundClone      Kind = "clone"      // two machines use one identity
	FoundRegression Kind = "regression" // the terminal's file is older than what it told before
	FoundGap        Kind = "gap"        // events are missing and will not come
	FoundDropped    Kind = "dropped"    // the terminal gave events up and said so
	FoundRestart    Kind = "restart"    // the terminal's file is a new one
	FoundRefused    Kind = "refused"    // it did not take what the office sent
	FoundFlood      Kind = "flood"      // it sends more than is stored of one terminal
	FoundReverted   Kind = "reverted"   // a configuration cut its line and was taken back
	FoundAside      Kind = "aside"      // its messages could not be stored, though the others' could
	FoundDamaged    Kind = "damaged"    // its row in the office's database cannot be read
	FoundChain      Kind = "chain"      // its journal is not the one it was
)

// Kinds lists them.
func Kinds() []Kind {
	return []Kind{FoundClone, FoundRegression, FoundGap, FoundDropped, FoundRestart, FoundRefused, FoundFlood, FoundReverted, FoundAside, FoundDamaged, FoundChain}
}

// Damaged stands in lists for a terminal whose row cannot be read.
func Damaged(tid fleet.TID, cause error) Terminal {
	return Terminal{TID: tid, Found: []Finding{{Kind: FoundDamaged, Count: 1,
		What: clip(fmt.Sprintf("Its row in the office's database cannot be read (%v), and nothing of it is stored. Delete the row from the table terminal: it is known again with its next connection, and its labels are to be written anew.", cause))}}}
}

func (t Terminal) damaged() bool {
	return slices.ContainsFunc(t.Found, func(f Finding) bool { return f.Kind == FoundDamaged })
}

// Finding is something that a person should look at. It stays until it is
// dismissed.
type Finding struct {
	Kind  Kind      `json:"kind"`
	What  string    `json:"what"` // in English
	Since time.Time `json:"since"`
	Last  time.Time `json:"last"`
	Count int       `json:"count"`
}

// Desired is the configuration that the office wants of a terminal.
type Desired struct {
	Rev   uint64            `json:"rev"`
	Cfg   map[string]string `json:"cfg"`
	By    string            `json:"by"`
	At    time.Time         `json:"at"`
	Cause string            `json:"cause,omitempty"` // a rollout's id
	// What is known of those before this one: Good is what the terminal last had in force
	// for good, and Trial what it had in force and watched still when this one was made.
	// The next one is built on them where this one is refused or taken back.
	Good  map[string]string `json:"good,omitempty"`
	Trial *Tried            `json:"trial,omitempty"`
}

// Tried is a configuration that a terminal was watching.
type Tried struct {
	Rev uint64            `json:"rev"`
	Cfg map[string]string `json:"cfg"`
}

// Command is a command and what became of it.
type Command struct {
	Order    fleet.Command     `json:"order"`
	Status   Status            `json:"status"`
	Code     fleet.Code        `json:"code,omitempty"`
	Text     string            `json:"text,omitempty"`
	Result   json.RawMessage   `json:"result,omitempty"`
	Envelope []byte            `json:"envelope,omitempty"` // what is published, once it is signed
	Body     []byte            `json:"body,omitempty"`     // what approvers sign, as long as they do
	Signed   []fleet.Signature `json:"signed,omitempty"`
	By       []string          `json:"by,omitempty"` // who approved
	Made     time.Time         `json:"made"`
	Sent     time.Time         `json:"sent,omitzero"` // last
	Sends    int               `json:"sends"`
	Ended    time.Time         `json:"ended,omitzero"`
	Trail    []Step            `json:"trail,omitempty"`
}

// Step is one status that a command had.
type Step struct {
	Status Status    `json:"status"`
	At     time.Time `json:"at"` // by the terminal's clock, or ours for our own words
}

// Status is where a command stands: the terminal's words, and these of the office
// before.
type Status string

// The office's own statuses.
const (
	Proposed  Status = "PROPOSED"  // signatures are missing
	Waiting   Status = "WAITING"   // for the terminal, or for the command before it
	Sent      Status = "SENT"      // published; the terminal has not answered
	Cancelled Status = "CANCELLED" // by a person, before it was sent
	Lapsed    Status = "LAPSED"    // its time passed before the terminal answered
)

// Final reports that nothing more will come.
func (s Status) Final() bool {
	switch s {
	case Proposed, Waiting, Sent:
		return false
	}
	return fleet.CommandStatus(s).Final()
}

// JobRow is the job a terminal has now and what became of it.
type JobRow struct {
	Job    fleet.Job       `json:"job"`
	Report fleet.JobReport `json:"report"`
	By     string          `json:"by"`
	Made   time.Time       `json:"made"`
}
