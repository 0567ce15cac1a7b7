package settings

import (
	"encoding/json"
	"fmt"
	"time"

	"tillwire/agent"
)

// Current is a row of the table with its value now, for pages, the local API
// and the command line.
type Current struct {
	Entry
	Value string    `json:"value"`
	By    string    `json:"by,omitempty"` // who changed it; empty while it has its default
	At    time.Time `json:"at,omitzero"`
}

// MarshalJSON adds the range in words, which is what a person needs of it.
func (c Current) MarshalJSON() ([]byte, error) {
	type plain Current
	return json.Marshal(struct {
		plain
		Range string `json:"range"`
	}{plain(c), c.Range()})
}

// Entries lists every setting with its value, in the order of the table.
func (b *Book) Entries() []Current {
	b.apply.Lock()
	defer b.apply.Unlock()
	now := b.Values()
	list := make([]Current, len(b.table))
	for i, e := range b.table {
		change := b.saved[e.Key]
		list[i] = Current{Entry: e, Value: now.Text(e.Key), By: change.By, At: change.At}
	}
	return list
}

// Entry returns one setting with its value; the error names the nearest key.
func (b *Book) Entry(key string) (Current, error) {
	if _, err := b.entry(key); err != nil {
		return Current{}, err
	}
	for _, c := range b.Entries() {
		if c.Key == key {
			return c, nil
		}
	}
	return Current{}, fmt.Errorf("setting %s: %w", key, &agent.Error{Op: "settings", Class: agent.Internal})
}
