package agent

import "time"

// LineState says whether the wallets' clouds can be reached.
type LineState string

// The states of the line.
const (
	LineOnline   LineState = "online"
	LineDegraded LineState = "degraded" // some wallets, not all
	LineDown     LineState = "down"
)

// Line is a snapshot of the shop's line and of each wallet's.
type Line struct {
	State   LineState             `json:"state"`
	Since   time.Time             `json:"since"`
	Wallets map[string]WalletLine `json:"wallets"`
	Down    time.Duration         `json:"-"` // how long the whole line has been down, monotonic
	Proven  bool                  `json:"-"` // every wallet's cloud answered when it was last asked, in this run of the agent
}

// WalletLine is the line to one wallet.
type WalletLine struct {
	State LineState     `json:"state"`
	Since time.Time     `json:"since"`
	Down  time.Duration `json:"-"` // how long it has been down, monotonic
}

// Problem is something wrong now, with what to do about it.
type Problem struct {
	What  string    `json:"what"`
	Since time.Time `json:"since"`
	Do    string    `json:"do"`
	ID    string    `json:"id,omitempty"`   // of both sentences; empty: they have no translation
	Args  []string  `json:"args,omitempty"` // what stands in them
}

// ProblemDevice is the id of what a device's own status says, with its reason, as well.
const ProblemDevice = "device"

// Says are What and Do for a translation, which has Do under the id with ".do".
func (p Problem) Says() (what, do Sentence) {
	if p.ID == "" {
		return Sentence{English: p.What}, Sentence{English: p.Do}
	}
	return Sentence{p.ID, p.Args, p.What}, Sentence{p.ID + ".do", p.Args, p.Do}
}
