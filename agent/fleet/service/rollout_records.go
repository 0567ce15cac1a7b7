package service

import (
	"time"

	"tillwire/agent/fleet"
)

// Rollout brings a change to many terminals, ring after ring.
type Rollout struct {
	ID     string            `json:"id"` // a ULID
	Name   string            `json:"name"`
	Change map[string]string `json:"change"` // settings by key
	By     string            `json:"by"`
	Made   time.Time         `json:"made"`
	State  RolloutState      `json:"state"`
	Reason string            `json:"reason,omitempty"` // why it stopped, or was paused
	Ring   int               `json:"ring"`             // the one under way, from 0
	Since  time.Time         `json:"since"`            // the ring began
	Rested time.Time         `json:"rested,omitzero"`  // the ring was through, and its rest began
	Rings  []Ring            `json:"rings"`
	Policy Policy            `json:"policy"`
	Ended  time.Time         `json:"ended,omitzero"`
}

// RolloutState is where a rollout stands.
type RolloutState string

// The states.
const (
	RolloutRunning   RolloutState = "running"
	RolloutPaused    RolloutState = "paused"    // by a person
	RolloutStopped   RolloutState = "stopped"   // by itself
	RolloutCancelled RolloutState = "cancelled" // by a person, for good
	RolloutDone      RolloutState = "done"
)

// Ring is one part of a rollout.
type Ring struct {
	Name  string    `json:"name"` // "1 %"
	Size  int       `json:"size"`
	Ended time.Time `json:"ended,omitzero"`
}

// Policy says how careful a rollout is.
type Policy struct {
	FailPercent int           `json:"fail_percent"` // of a ring that fail; reached, the rollout stops
	Rest        time.Duration `json:"rest"`         // between two rings
	Patience    time.Duration `json:"patience"`     // how long a terminal may take to answer
	PerMinute   int           `json:"per_minute"`   // how many are changed
}

// Member is a terminal in a rollout.
type Member struct {
	Rollout string       `json:"rollout"`
	TID     fleet.TID    `json:"tid"`
	Ring    int          `json:"ring"`
	Status  MemberStatus `json:"status"`
	Rev     uint64       `json:"rev,omitempty"` // of the configuration that carries the change
	Sent    time.Time    `json:"sent,omitzero"`
	There   bool         `json:"there,omitempty"` // it was connected when it was sent the change
	Gone    bool         `json:"gone,omitempty"`  // it failed because it vanished; it may come back and say otherwise
	Code    fleet.Code   `json:"code,omitempty"`
	Text    string       `json:"text,omitempty"`
	Ended   time.Time    `json:"ended,omitzero"`
}

// MemberStatus is where one terminal of a rollout stands.
type MemberStatus string

// The statuses.
const (
	MemberWaiting MemberStatus = "waiting"
	MemberSent    MemberStatus = "sent"
	MemberTrial   MemberStatus = "trial" // in force, and watched
	MemberDone    MemberStatus = "done"
	MemberFailed  MemberStatus = "failed" // refused, taken back, or vanished with it
	MemberSilent  MemberStatus = "silent" // did not answer in time; it gets the change when it comes back
)
