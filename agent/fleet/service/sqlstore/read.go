package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
)

// reader implements service.Reader on a database or a transaction.
type reader struct {
	dialect Dialect
	db      querier
}

func (r reader) query(ctx context.Context, statement string, args ...any) (*sql.Rows, error) {
	return r.db.QueryContext(ctx, r.dialect.write(statement), args...)
}

// one reads one document; ErrUnknown when there is none.
func one[T any](ctx context.Context, r reader, statement string, args ...any) (v T, err error) {
	var doc string
	err = r.db.QueryRowContext(ctx, r.dialect.write(statement), args...).Scan(&doc)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return v, service.ErrUnknown
	case err != nil:
		return v, fmt.Errorf("read the fleet's database: %w", err)
	}
	return v, decode(doc, &v)
}

// many reads documents.
func many[T any](ctx context.Context, r reader, statement string, args ...any) (list []T, err error) {
	rows, err := r.query(ctx, statement, args...)
	if err != nil {
		return nil, fmt.Errorf("read the fleet's database: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var doc string
		var v T
		if err := rows.Scan(&doc); err != nil {
			return nil, fmt.Errorf("read the fleet's database: %w", err)
		}
		if err := decode(doc, &v); err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

func decode(doc string, v any) error {
	if err := json.Unmarshal([]byte(doc), v); err != nil {
		return fmt.Errorf("%w: %w", service.ErrDamaged, err)
	}
	return nil
}

// Terminal implements service.Reader.
func (r reader) Terminal(ctx context.Context, tid fleet.TID) (service.Terminal, error) {
	return one[service.Terminal](ctx, r, "SELECT doc FROM terminal WHERE tid = ?", string(tid))
}

// Terminals implements service.Reader.
func (r reader) Terminals(ctx context.Context, after fleet.TID, limit int) (list []service.Terminal, err error) {
	rows, err := r.query(ctx, "SELECT tid, doc FROM terminal WHERE tid > ? ORDER BY tid LIMIT ?", string(after), limit)
	if err != nil {
		return nil, fmt.Errorf("read the fleet's database: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var tid fleet.TID
		var doc string
		var t service.Terminal
		if err := rows.Scan((*string)(&tid), &doc); err != nil {
			return nil, fmt.Errorf("read the fleet's database: %w", err)
		}
		if err := decode(doc, &t); err != nil {
			t = service.Damaged(tid, err)
		}
		list = append(list, t)
	}
	return list, rows.Err()
}

// Paper implements service.Reader.
func (r reader) Paper(ctx context.Context, tid fleet.TID, kind service.Paper) (json.RawMessage, error) {
	doc, err := one[json.RawMessage](ctx, r, "SELECT doc FROM paper WHERE tid = ? AND kind = ?", string(tid), string(kind))
	if errors.Is(err, service.ErrUnknown) {
		return nil, nil
	}
	return doc, err
}

// Events implements service.Reader.
func (r reader) Events(ctx context.Context, f service.EventFilter) (list []service.StoredEvent, err error) {
	var where []string
	var args []any
	add := func(condition string, values ...any) {
		where, args = append(where, condition), append(args, values...)
	}
	if f.TID != "" {
		add("tid = ?", string(f.TID))
	}
	if len(f.Stream) > 0 {
		marks := strings.TrimSuffix(strings.Repeat("?, ", len(f.Stream)), ", ")
		var names []any
		for _, s := range f.Stream {
			names = append(names, string(s))
		}
		add("stream IN ("+marks+")", names...)
	}
	if !f.Since.IsZero() {
		add("stored >= ?", f.Since.UnixMilli())
	}
	order := "ASC"
	if f.Latest {
		order = "DESC"
		if f.After == 0 {
			f.After = math.MaxInt64
		}
		add("id < ?", f.After)
	} else {
		add("id > ?", f.After)
	}
	args = append(args, f.Limit)
	rows, err := r.query(ctx, "SELECT id, tid, stream, epoch, stored, doc FROM event WHERE "+strings.Join(where, " AND ")+" ORDER BY id "+order+" LIMIT ?", args...)
	if err != nil {
		return nil, fmt.Errorf("read the fleet's events: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var e service.StoredEvent
		var stored int64
		var doc string
		if err := rows.Scan(&e.ID, (*string)(&e.TID), (*string)(&e.Stream), &e.Epoch, &stored, &doc); err != nil {
			return nil, fmt.Errorf("read the fleet's events: %w", err)
		}
		e.Stored = time.UnixMilli(stored).UTC()
		if err := decode(doc, &e.Event); err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, rows.Err()
}

// Command implements service.Reader.
func (r reader) Command(ctx context.Context, jti string) (service.Command, error) {
	return one[service.Command](ctx, r, "SELECT doc FROM command WHERE jti = ?", jti)
}

// Commands implements service.Reader.
func (r reader) Commands(ctx context.Context, f service.CommandFilter) ([]service.Command, error) {
	statement := "SELECT doc FROM command"
	var where []string
	var args []any
	if f.Open {
		where = append(where, "open = 1")
	}
	if f.TID != "" {
		where, args = append(where, "tid = ?"), append(args, string(f.TID))
	}
	if len(where) > 0 {
		statement += " WHERE " + strings.Join(where, " AND ")
	}
	return many[service.Command](ctx, r, statement+" ORDER BY made DESC, jti DESC LIMIT ?", append(args, f.Limit)...)
}

// Rollout implements service.Reader.
func (r reader) Rollout(ctx context.Context, id string) (service.Rollout, error) {
	return one[service.Rollout](ctx, r, "SELECT doc FROM rollout WHERE id = ?", id)
}

// Rollouts implements service.Reader.
func (r reader) Rollouts(ctx context.Context, limit int) ([]service.Rollout, error) {
	return many[service.Rollout](ctx, r, "SELECT doc FROM rollout ORDER BY id DESC LIMIT ?", limit)
}

// Members implements service.Reader.
func (r reader) Members(ctx context.Context, rollout string) ([]service.Member, error) {
	return many[service.Member](ctx, r, "SELECT doc FROM member WHERE rollout = ? ORDER BY ring, tid", rollout)
}
