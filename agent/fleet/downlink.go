package fleet

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"
)

// Claims are common to everything that is sent down to one terminal.
type Claims struct {
	Aud TID    `json:"aud"`
	Iss string `json:"iss"`
	Iat Stamp  `json:"iat"`
	Exp Stamp  `json:"exp"`
	Jti string `json:"jti"` // a ULID
	Seq uint64 `json:"seq"` // per terminal and type, from 1, always higher
}

var (
	jtiPattern = regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{26}$`)
	issPattern = regexp.MustCompile(`^[\x21-\x7e]{1,80}$`)
)

// longest is the longest life of a document that must be recent. Retained
// documents live for up to retainedLife: a terminal may be off for a season.
const (
	longest      = 24 * time.Hour
	retainedLife = 400 * 24 * time.Hour
)

var errClaims = errors.New("a common claim is missing or impossible")

func (c Claims) check(life time.Duration) error {
	switch {
	case !issPattern.MatchString(c.Iss):
		return fmt.Errorf("%w: iss", errClaims)
	case !jtiPattern.MatchString(c.Jti):
		return fmt.Errorf("%w: jti", errClaims)
	case c.Seq == 0:
		return fmt.Errorf("%w: seq", errClaims)
	case c.Iat.IsZero() || !c.Exp.After(c.Iat.Time) || c.Exp.Sub(c.Iat.Time) > life:
		return fmt.Errorf("%w: iat and exp", errClaims)
	}
	return nil
}

// Command asks the terminal to do one thing of the catalogue.
type Command struct {
	Claims
	Name    string          `json:"name"`
	Version int             `json:"ver,omitempty"` // of the command; 0 means 1
	Args    json.RawMessage `json:"args,omitempty"`
	Class   Class           `json:"class"`
	Nonce   string          `json:"nonce,omitempty"`
	When    *When           `json:"when,omitempty"`
	ReplyBy Stamp           `json:"reply_by,omitzero"` // how long it may be deferred
	Actor   string          `json:"actor"`             // the person who asked
	Ticket  string          `json:"ticket,omitempty"`
}

// When are conditions for which a command is deferred.
type When struct {
	Idle   bool    `json:"idle,omitempty"` // no payment holds a lane
	Window *Window `json:"window,omitempty"`
}

// version is the command's version.
func (c Command) version() int { return cmp.Or(c.Version, 1) }

// CommandReport is the data of an event in the stream of commands.
type CommandReport struct {
	Jti    string          `json:"jti"`
	Name   string          `json:"name,omitempty"`
	Status CommandStatus   `json:"status"`
	Code   Code            `json:"code,omitempty"`
	Text   string          `json:"text,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	At     Stamp           `json:"at"`
}

// CommandStatus is where a command stands.
type CommandStatus string

// The statuses of a command.
const (
	Accepted    CommandStatus = "ACCEPTED" // durable, and will be done
	Refused     CommandStatus = "REFUSED"
	Deferred    CommandStatus = "DEFERRED" // its conditions do not hold yet
	Running     CommandStatus = "RUNNING"
	Succeeded   CommandStatus = "SUCCEEDED"
	Failed      CommandStatus = "FAILED"
	TimedOut    CommandStatus = "TIMED_OUT"   // it took too long
	ExpiredOut  CommandStatus = "EXPIRED"     // its time passed before it could be done
	Interrupted CommandStatus = "INTERRUPTED" // the agent ended in the middle; it may have been done
)

// Final reports that a status does not change any more.
func (s CommandStatus) Final() bool { return s != Accepted && s != Deferred && s != Running }

// Config is the configuration that the fleet wants: settings by their keys.
// What it does not name stays as it is.
type Config struct {
	Claims
	Rev  uint64            `json:"rev"`
	Hash string            `json:"hash"` // HashOf(Cfg)
	Cfg  map[string]string `json:"cfg"`
}

// maxConfig bounds the settings of one document.
const maxConfig = 256

// HashOf is the SHA-256, in hexadecimal, of every key and value in the order of
// the keys, each ended with a zero byte. No key and no value can hold one.
func HashOf(cfg map[string]string) string {
	h := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(cfg)) {
		fmt.Fprintf(h, "%s\x00%s\x00", key, cfg[key])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Ack says how far the service has stored a terminal's streams.
type Ack struct {
	Claims
	T     Stamp     `json:"t"`               // the service's time
	Nonce string    `json:"nonce,omitempty"` // of the hello this answers
	Acks  []AckMark `json:"acks"`
}

// AckMark is one stream of an acknowledgement: everything up to and with Upto is
// stored.
type AckMark struct {
	Stream Stream `json:"stream"`
	Epoch  string `json:"epoch"`
	Upto   uint64 `json:"upto"`
}

// Job is work for a while: settings, a new certificate. It waits on the broker
// for a terminal that is off, and in the terminal for a quiet moment.
type Job struct {
	Claims
	Rev        uint64          `json:"rev"`  // always higher; a newer job takes the place of one that waits
	Type       string          `json:"type"` // config, cert, none; a terminal rejects what it does not do
	Doc        json.RawMessage `json:"doc"`
	Window     *Window         `json:"window,omitempty"`
	NotBefore  Stamp           `json:"not_before,omitzero"`
	ForceAfter Stamp           `json:"force_after,omitzero"` // from when on the window does not count
	Deadline   Stamp           `json:"deadline"`             // what has not begun by then is not done
	MaxTries   int             `json:"max_tries,omitempty"`  // 0: one
	Campaign   string          `json:"campaign,omitempty"`
	Ring       string          `json:"ring,omitempty"`
}

// The types of jobs that need no part of a terminal but its fleet's side.
const (
	JobTypeConfig = "config" // ConfigDoc
	JobTypeNone   = "none"   // withdraws what waits
)

// JobReport is the data of an event in the stream of jobs.
type JobReport struct {
	Jti      string    `json:"jti"`
	Type     string    `json:"type"`
	Status   JobStatus `json:"status"`
	Code     Code      `json:"code,omitempty"`
	Text     string    `json:"text,omitempty"`
	Tries    int       `json:"tries,omitempty"` // that have begun
	Campaign string    `json:"campaign,omitempty"`
	Ring     string    `json:"ring,omitempty"`
	At       Stamp     `json:"at"`
}

// JobStatus is where a job stands.
type JobStatus string

// The statuses of a job.
const (
	JobQueued     JobStatus = "QUEUED"         // durable, and will be done
	JobWaiting    JobStatus = "WAITING_WINDOW" // its time or a quiet moment has not come; the text says which
	JobActivating JobStatus = "ACTIVATING"     // a try has begun
	JobSoaking    JobStatus = "SOAKING"        // done, and watched
	JobSucceeded  JobStatus = "SUCCEEDED"
	JobFailed     JobStatus = "FAILED"
	JobRolledBack JobStatus = "ROLLED_BACK" // done, found harmful, and taken back
	JobRejected   JobStatus = "REJECTED"    // not in this version, not by this shop's owner, or not readable
	JobCanceled   JobStatus = "CANCELED"    // another one took its place
	JobTimedOut   JobStatus = "TIMED_OUT"   // its deadline passed before it began
)

// Final reports that a status does not change any more.
func (s JobStatus) Final() bool {
	return s != JobQueued && s != JobWaiting && s != JobActivating && s != JobSoaking
}
