package web

import (
	"context"
	"time"

	"tillwire/agent"
)

// shopLanguage is the setting of the language that the shop speaks.
const shopLanguage = "shop.language"

// settings is the one table of settings, for the owner's page.
type settings interface {
	Settings() []SettingRow
	// Set changes one setting for a person; the error says what is wrong with it.
	Set(ctx context.Context, key, value, by string) (agent.Effect, error)
	// Changes lists the latest changes, whoever made them, newest first.
	Changes(ctx context.Context, limit int) ([]SettingChange, error)
}

// SettingRow is one setting with what a page needs to offer it.
type SettingRow struct {
	Key, Title, Help string
	Type             string   // "text", "int", "bool", "duration", "list" or "choice"
	Choices          []string // with "choice"
	Range            string   // in words; may be empty
	Value, Default   string
	By               string // who changed it; empty while it has its default
	At               time.Time
	Effect           agent.Effect
}

// SettingChange is a change of a setting with what it was before.
type SettingChange struct {
	agent.Change
	Was   string // the value before; meaningless when First
	First bool   // it had its default before
}
