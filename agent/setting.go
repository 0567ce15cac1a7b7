package agent

import (
	"context"
	"time"
)

// Change is one new value of one setting, with who and when.
type Change struct {
	Key   string    `json:"key"`
	Value string    `json:"value"` // canonical text of the setting's type
	By    string    `json:"by"`
	At    time.Time `json:"at"`
}

// SettingsStore keeps what was changed from its default. A save is one commit.
type SettingsStore interface {
	LoadSettings(ctx context.Context) ([]Change, error)
	SaveSettings(ctx context.Context, changes []Change) error
}

// Effect says when a committed setting takes hold.
type Effect string

// The effects.
const (
	EffectLive    Effect = "live"
	EffectRestart Effect = "restart"
)
