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

// scan reads the columns of a row that was found.
type scan func(into ...any) error

// each reads all that a statement finds, one value of each row.
func each[T any](ctx context.Context, r reader, read func(scan) (T, error), statement string, args ...any) (list []T, err error) {
	rows, err := r.db.QueryContext(ctx, r.dialect.write(statement), args...)
	if err != nil {
		return nil, readError(err)
	}
	defer rows.Close()
	columns := func(into ...any) error { return readError(rows.Scan(into...)) }
	for rows.Next() {
		v, err := read(columns)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, readError(rows.Err())
}

func readError(err error) error {
	if err != nil {
		return fmt.Errorf("read the fleet's database: %w", err)
	}
	return nil
}

// one reads one document; ErrUnknown when there is none.
func one[T any](ctx context.Context, r reader, statement string, args ...any) (v T, err error) {
	var doc string
	err = r.db.QueryRowContext(ctx, r.dialect.write(statement), args...).Scan(&doc)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return v, service.ErrUnknown
	case err != nil:
		return v, readError(err)
	}
	return v, decode(doc, &v)
}

// many reads documents.
func many[T any](ctx context.Context, r reader, statement string, args ...any) ([]T, error) {
	return each(ctx, r, func(columns scan) (v T, err error) {
		var doc string
		if err = columns(&doc); err == nil {
			err = decode(doc, &v)
		}
		return v, err
	}, statement, args...)
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
func (r reader) Terminals(ctx context.Context, after fleet.TID, limit int) ([]service.Terminal, error) {
	return each(ctx, r, func(columns scan) (t service.Terminal, err error) {
		var tid fleet.TID
		var doc string
		if err := columns((*string)(&tid), &doc); err != nil {
			return t, err
		}
		if err := decode(doc, &t); err != nil {
			return service.Damaged(tid, err), nil
		}
		return t, nil
	}, "SELECT tid, doc FROM terminal WHERE tid > ? ORDER BY tid LIMIT ?", string(after), limit)
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
func (r reader) Events(ctx context.Context, f service.EventFilter) ([]service.StoredEvent, error) {
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
	return each(ctx, r, readEvent, "SELECT id, tid, stream, epoch, stored, doc FROM event WHERE "+strings.Join(where, " AND ")+" ORDER BY id "+order+" LIMIT ?", args...)
}

func readEvent(columns scan) (e service.StoredEvent, err error) {
	var stored int64
	var doc string
	if err := columns(&e.ID, (*string)(&e.TID), (*string)(&e.Stream), &e.Epoch, &stored, &doc); err != nil {
		return e, err
	}
	e.Stored = time.UnixMilli(stored).UTC()
	err = decode(doc, &e.Event)
	return e, err
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
