package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"tillwire/agent"
)

const (
	inboxPrefix = "in/"
	commandSeq  = "seq/cmd"
	inboxKeep   = 30 * 24 * time.Hour
	inboxPage   = 500
)

// taken is a command as the inbox keeps it.
type taken struct {
	Command Command         `json:"command"`
	Status  CommandStatus   `json:"status"`
	Code    Code            `json:"code,omitempty"`
	Text    string          `json:"text,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	At      time.Time       `json:"at"` // when it was taken
}

func (t taken) report(now time.Time) CommandReport {
	return CommandReport{Jti: t.Command.Jti, Name: t.Command.Name, Status: t.Status, Code: t.Code, Text: t.Text, Result: t.Result, At: At(now)}
}

func (t taken) item() (agent.FleetItem, error) {
	value, err := json.Marshal(t)
	if err != nil {
		return agent.FleetItem{}, fmt.Errorf("keep a command: %w", err)
	}
	return agent.FleetItem{Key: inboxPrefix + t.Command.Jti, Value: value}, nil
}

// inbox is every command of the last thirty days. It belongs to the agent's loop.
type inbox struct {
	store agent.FleetStore
	rows  map[string]*taken
	high  uint64 // the highest sequence that was taken
}

func openInbox(ctx context.Context, store agent.FleetStore) (*inbox, error) {
	b := &inbox{store: store, rows: map[string]*taken{}}
	for after := ""; ; {
		rows, err := store.Load(ctx, inboxPrefix, after, inboxPage)
		if err != nil {
			return nil, fmt.Errorf("open the fleet's inbox: %w", err)
		}
		for _, row := range rows {
			t := &taken{}
			if err := json.Unmarshal(row.Value, t); err != nil {
				return nil, fmt.Errorf("open the fleet's inbox: %s is damaged: %w", row.Key, err)
			}
			b.rows[t.Command.Jti], after = t, row.Key
		}
		if len(rows) < inboxPage {
			break
		}
	}
	rows, err := store.Load(ctx, commandSeq, "", 1)
	if err != nil {
		return nil, fmt.Errorf("open the fleet's inbox: %w", err)
	}
	if len(rows) == 1 {
		if err := json.Unmarshal(rows[0].Value, &b.high); err != nil {
			return nil, fmt.Errorf("open the fleet's inbox: the sequence is damaged: %w", err)
		}
	}
	return b, nil
}

func (b *inbox) known(jti string) bool { return b.rows[jti] != nil }

// take keeps a command with the stream's word about it, in one commit; a later
// one with the same or a lower sequence is told by the number.
func (b *inbox) take(ctx context.Context, out *Outbox, from Origin, t *taken, now time.Time) error {
	high := max(b.high, t.Command.Seq)
	mark, err := json.Marshal(high)
	if err != nil {
		return fmt.Errorf("keep a command: %w", err)
	}
	if err := b.put(ctx, out, from, t, now, agent.FleetItem{Key: commandSeq, Value: mark}); err != nil {
		return err
	}
	b.high = high
	return nil
}

// put keeps a command's new status and tells it.
func (b *inbox) put(ctx context.Context, out *Outbox, from Origin, t *taken, now time.Time, also ...agent.FleetItem) error {
	item, err := t.item()
	if err != nil {
		return err
	}
	if err := out.Append(ctx, Commands, from, []Fact{{Name: "status", At: now, Data: t.report(now)}}, append(also, item)...); err != nil {
		return err
	}
	b.rows[t.Command.Jti] = t
	return nil
}

// note keeps a status without telling it: that a command was begun.
func (b *inbox) note(ctx context.Context, t *taken) error {
	item, err := t.item()
	if err != nil {
		return err
	}
	return b.store.Save(ctx, item)
}

// open lists the commands that are not done, the oldest first.
func (b *inbox) open() (list []*taken) {
	for _, t := range b.rows {
		if !t.Status.Final() {
			list = append(list, t)
		}
	}
	slices.SortFunc(list, func(a, b *taken) int { return cmp.Compare(a.Command.Seq, b.Command.Seq) })
	return list
}

// forget drops what is done and older than thirty days. What comes again after
// that is told by its sequence.
func (b *inbox) forget(ctx context.Context, now time.Time) error {
	var items []agent.FleetItem
	for jti, t := range b.rows {
		if t.Status.Final() && now.Sub(t.At) > inboxKeep {
			items = append(items, agent.FleetItem{Key: inboxPrefix + jti})
		}
	}
	if len(items) == 0 {
		return nil
	}
	if err := b.store.Save(ctx, items...); err != nil {
		return fmt.Errorf("forget old commands: %w", err)
	}
	for _, item := range items {
		delete(b.rows, item.Key[len(inboxPrefix):])
	}
	return nil
}
