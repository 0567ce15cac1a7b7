package fleet

import (
	"encoding/json"
	"strconv"
)

// Wire is the version of the messages; it stands in each as "v".
const Wire = 1

// State of presence.
type State string

// The states a terminal can be in on the broker. Lost is the broker's word, its
// will; a service adds "stale" of its own when heartbeats stay away.
const (
	StateOnline   State = "online"
	StateOffline  State = "offline" // announced
	StateUpdating State = "updating"
	StateLost     State = "lost"
)

// Presence is the retained word on whether a terminal is there.
type Presence struct {
	V     int    `json:"v"`
	State State  `json:"state"`
	Sess  uint64 `json:"sess"`           // one more for each attempt to connect; a lost of an older session says nothing
	Boot  string `json:"boot,omitempty"` // of this run of the agent; two that take turns are a copied disk
	Since Stamp  `json:"since,omitzero"`
	Ver   string `json:"ver,omitempty"`
	Why   string `json:"reason,omitempty"` // start, reconnect, stop, update
}

// Hello opens a session once the terminal hears what is sent down.
type Hello struct {
	V       int                   `json:"v"`
	Sess    uint64                `json:"sess"`
	Nonce   string                `json:"nonce"` // base64url of 16 random bytes; the anchor of dangerous commands and of the first acknowledgement
	Boot    string                `json:"boot"`
	Ver     string                `json:"ver"`
	Caps    []string              `json:"caps"` // "cmd:display.message/1"
	Config  ConfigMark            `json:"cfg"`
	Command SeqMark               `json:"cmd"`
	Keys    VersionMark           `json:"keys"`
	Clock   ClockReport           `json:"clock"`
	Streams map[Stream]StreamMark `json:"streams"`
}

// ConfigMark names the configuration in force.
type ConfigMark struct {
	Rev  uint64 `json:"rev"` // 0: none was ever taken
	Hash string `json:"hash,omitempty"`
}

// SeqMark is the highest sequence of a kind of document that was taken.
type SeqMark struct {
	LastSeq uint64 `json:"last_seq"`
}

// VersionMark names the key set in use.
type VersionMark struct {
	Version uint64 `json:"version"`
}

// ClockReport is what the terminal knows about its clock.
type ClockReport struct {
	Wall     Stamp   `json:"wall"`
	Quality  Quality `json:"quality"`
	OffsetMS int64   `json:"offset_ms"` // a wallet's time less ours, beyond a minute
	LastGood Stamp   `json:"last_good,omitzero"`
}

// StreamMark says what a stream holds that was not acknowledged. first is
// last + 1 when it holds nothing.
type StreamMark struct {
	Epoch string `json:"epoch"`
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// Report is the whole state of a terminal, never a difference to the last one.
type Report struct {
	V        int             `json:"v"`
	Rev      uint64          `json:"rev"` // one more for each report of a run
	Sess     uint64          `json:"sess"`
	At       Stamp           `json:"at"`
	Ver      string          `json:"ver"`
	Platform string          `json:"platform"` // "linux/arm64"
	UpS      int64           `json:"up_s"`
	Shop     string          `json:"shop"`
	Selling  bool            `json:"selling"` // a sale can be recorded
	Line     LineReport      `json:"line"`
	Queue    QueueReport     `json:"queue"`
	Devices  []DeviceReport  `json:"devices"`
	Problems []ProblemReport `json:"problems"`
	Clock    ClockReport     `json:"clock"`
	DiskFree int64           `json:"disk_free_bytes"`
	Outbox   []OutboxReport  `json:"outbox"`
}

// LineReport is the way to the wallets' clouds.
type LineReport struct {
	State   string            `json:"state"` // online, degraded, down
	Since   Stamp             `json:"since,omitzero"`
	Wallets map[string]string `json:"wallets"`
}

// QueueReport counts what must still be done with payments.
type QueueReport struct {
	Waiting int   `json:"waiting"`
	Dead    int   `json:"dead"` // given up; a person must look
	OldestS int64 `json:"oldest_s"`
	Open    int   `json:"open"`     // payments that are not final
	InDoubt int   `json:"in_doubt"` // those whose outcome is not known
}

// DeviceReport is one device of a lane.
type DeviceReport struct {
	ID     string `json:"id"`
	Kind   string `json:"kind"`
	Lane   string `json:"lane"`
	Driver string `json:"driver"`
	State  string `json:"state"`
	Since  Stamp  `json:"since,omitzero"`
	Reason string `json:"reason,omitempty"`
}

// ProblemReport is one thing that is wrong, with what a person should do.
type ProblemReport struct {
	What  string `json:"what"`
	Since Stamp  `json:"since,omitzero"`
	Do    string `json:"do"`
}

// OutboxReport is what waits in one stream.
type OutboxReport struct {
	Stream  Stream `json:"stream"`
	Rows    int    `json:"rows"`
	OldestS int64  `json:"oldest_s"`
	Dropped uint64 `json:"dropped"` // since the stream began
}

// Beat says that the terminal lives. It may be lost.
type Beat struct {
	V      int              `json:"v"`
	Sess   uint64           `json:"sess"`
	At     Stamp            `json:"at"`
	UpS    int64            `json:"up_s"`
	Digest map[string]int64 `json:"digest"` // figures by the names of their metrics, about thirty
}

// ConfigStatus is what became of a desired configuration.
type ConfigStatus string

// The statuses.
const (
	ConfigNone     ConfigStatus = "none"     // none was ever taken
	ConfigTrial    ConfigStatus = "trial"    // in force, and watched for ten minutes; the text says what that waits for
	ConfigApplied  ConfigStatus = "applied"  // in force
	ConfigRefused  ConfigStatus = "refused"  // nothing was changed
	ConfigReverted ConfigStatus = "reverted" // it cut the way to the wallets and was taken back; the text says what stays
)

// ConfigReport is the retained word on the configuration.
type ConfigReport struct {
	V       int               `json:"v"`
	Rev     uint64            `json:"rev"` // of the document the report is about
	Hash    string            `json:"hash,omitempty"`
	Status  ConfigStatus      `json:"status"`
	Code    Code              `json:"code,omitempty"`
	Text    string            `json:"text,omitempty"`
	At      Stamp             `json:"at,omitzero"`
	Effects map[string]string `json:"effects,omitempty"` // by key: live, restart
}

// Stream is one durable row of events.
type Stream string

// The streams, the most urgent first.
const (
	Alerts   Stream = "alert"
	Commands Stream = "cmd"
	Jobs     Stream = "job"
	Audits   Stream = "audit"
	Payments Stream = "tx"
	Metrics  Stream = "metric"
)

// Streams lists the streams, the most urgent first.
func Streams() []Stream { return []Stream{Alerts, Commands, Jobs, Audits, Payments, Metrics} }

// Channel is where batches of the stream are published.
func (s Stream) Channel() Channel {
	switch s {
	case Commands:
		return UpCommand
	case Jobs:
		return UpJob
	}
	return UpEvents + Channel(s)
}

// Batch is a part of a stream. A service keeps each event once by terminal,
// stream, epoch and sequence, and acknowledges up to where it has them all. What
// is missing from Oldest on is still to come, however often a later part came
// before it; what is missing below Oldest will not come any more.
type Batch struct {
	V       int     `json:"v"`
	Stream  Stream  `json:"stream"`
	Epoch   string  `json:"epoch"` // of the file the stream is kept in
	First   uint64  `json:"first"`
	Last    uint64  `json:"last"`
	Oldest  int64   `json:"oldest,omitempty"`  // the first of the stream the terminal still has; 0: an agent that does not say
	Dropped []Gap   `json:"dropped,omitempty"` // what will never come
	Events  []Event `json:"events"`
}

// Gap is a part of a stream that was given up.
type Gap struct {
	From   uint64 `json:"from"`
	To     uint64 `json:"to"`
	Reason string `json:"reason"` // full, old
}

// Event is a CloudEvent, version 1.0, in its structured JSON form.
type Event struct {
	SpecVersion string          `json:"specversion"`
	ID          string          `json:"id"`
	Source      string          `json:"source"` // "pos/" and the terminal
	Type        string          `json:"type"`
	Time        Stamp           `json:"time"`
	Sequence    Sequence        `json:"sequence"`
	BootID      string          `json:"bootid"`
	UptimeS     int64           `json:"uptime"` // seconds: CloudEvents' integers have 32 bits
	TimeQuality Quality         `json:"timequality"`
	Data        json.RawMessage `json:"data"`
}

// Sequence numbers the events of a stream from 1 without a gap. CloudEvents
// write it as a text.
type Sequence uint64

// MarshalText implements encoding.TextMarshaler.
func (s Sequence) MarshalText() ([]byte, error) { return strconv.AppendUint(nil, uint64(s), 10), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Sequence) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 10, 64)
	*s = Sequence(n)
	return err
}

// Act is a sensitive act at a terminal: data of an event of the stream of audits.
// The acts stand in the terminal's journal among the facts of payments, and each
// row's hash is made of the one before it, so that Hash stands for everything up to
// Row. PrevHash is how the journal knows the act before this one now: where that is
// not what was told then, the journal was rewritten in between. Nobody but the
// journal can compute Hash anew; what it is made of does not leave the shop.
type Act struct {
	Row      int64  `json:"row"`                 // of the journal, from 1
	Life     string `json:"life,omitempty"`      // of the journal; one that was put back from a copy begins another
	Hash     string `json:"hash,omitempty"`      // of Row: SHA-256, hexadecimal; empty: an agent that does not say
	PrevRow  int64  `json:"prev_row,omitempty"`  // of the act before; 0: the journal has none, or none any more
	PrevHash string `json:"prev_hash,omitempty"` // of PrevRow
	Actor    string `json:"actor"`
	Action   string `json:"action"`
	Object   string `json:"object"`
	Detail   string `json:"detail,omitempty"`
}

// typePrefix begins the type of every event.
const typePrefix = "com.tillwire.pos."

// EventType is the full type of a stream's event: "com.tillwire.pos.tx.changed.v1".
func EventType(s Stream, name string) string { return typePrefix + string(s) + "." + name + ".v1" }
