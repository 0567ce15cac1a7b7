package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
)

// put writes a document with its key columns.
func (t *tx) put(ctx context.Context, v any, statement string, keys ...any) error {
	doc, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := t.exec(ctx, statement, append(keys, string(doc))...); err != nil {
		return fmt.Errorf("write the fleet's database: %w", err)
	}
	return nil
}

// SaveTerminal implements service.Tx.
func (t *tx) SaveTerminal(ctx context.Context, row service.Terminal) error {
	return t.put(ctx, row, "INSERT INTO terminal(tid, doc) VALUES(?, ?) ON CONFLICT(tid) DO UPDATE SET doc = excluded.doc", string(row.TID))
}

// SavePaper implements service.Tx.
func (t *tx) SavePaper(ctx context.Context, tid fleet.TID, kind service.Paper, doc json.RawMessage) error {
	return t.put(ctx, doc, "INSERT INTO paper(tid, kind, doc) VALUES(?, ?, ?) ON CONFLICT(tid, kind) DO UPDATE SET doc = excluded.doc", string(tid), string(kind))
}

// AddEvents implements service.Tx.
func (t *tx) AddEvents(ctx context.Context, tid fleet.TID, stream fleet.Stream, epoch string, at time.Time, events []fleet.Event) (added int, err error) {
	statement := t.dialect.write("INSERT INTO event(tid, stream, epoch, seq, stored, doc) VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(tid, stream, epoch, seq) DO NOTHING")
	for _, e := range events {
		doc, err := json.Marshal(e)
		if err != nil {
			return added, err
		}
		done, err := t.sql.ExecContext(ctx, statement, string(tid), string(stream), epoch, int64(e.Sequence), at.UnixMilli(), string(doc))
		if err != nil {
			return added, fmt.Errorf("write the fleet's events: %w", err)
		}
		n, err := done.RowsAffected()
		if err != nil {
			return added, err
		}
		added += int(n)
	}
	return added, nil
}

// SaveCommand implements service.Tx.
func (t *tx) SaveCommand(ctx context.Context, c service.Command) error {
	open := 1
	if c.Status.Final() {
		open = 0
	}
	return t.put(ctx, c, "INSERT INTO command(jti, tid, open, made, doc) VALUES(?, ?, ?, ?, ?) ON CONFLICT(jti) DO UPDATE SET open = excluded.open, doc = excluded.doc",
		c.Order.Jti, string(c.Order.Aud), open, c.Made.UnixMilli())
}

// SaveRollout implements service.Tx.
func (t *tx) SaveRollout(ctx context.Context, r service.Rollout) error {
	return t.put(ctx, r, "INSERT INTO rollout(id, doc) VALUES(?, ?) ON CONFLICT(id) DO UPDATE SET doc = excluded.doc", r.ID)
}

// SaveMembers implements service.Tx.
func (t *tx) SaveMembers(ctx context.Context, members []service.Member) error {
	for _, m := range members {
		err := t.put(ctx, m, "INSERT INTO member(rollout, tid, ring, doc) VALUES(?, ?, ?, ?) ON CONFLICT(rollout, tid) DO UPDATE SET ring = excluded.ring, doc = excluded.doc",
			m.Rollout, string(m.TID), m.Ring)
		if err != nil {
			return err
		}
	}
	return nil
}
