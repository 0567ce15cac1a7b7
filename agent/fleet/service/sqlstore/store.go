package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet/service"
)

// Store implements service.Store.
type Store struct {
	dialect     Dialect
	write, read *sql.DB
	reader
}

var _ service.Store = (*Store)(nil)

// Open takes over databases that are open: one that writes, and one that reads,
// which may be the same. Where there are no tables it makes them. After an error
// both are closed.
func Open(ctx context.Context, d Dialect, write, read *sql.DB) (*Store, error) {
	s := &Store{dialect: d, write: write, read: read, reader: reader{dialect: d, db: read}}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the fleet's database (%s): %w", d.Name, err), s.Close())
	}
	return s, nil
}

// Close closes both databases.
func (s *Store) Close() error {
	if s.read == s.write {
		return s.write.Close()
	}
	return errors.Join(s.read.Close(), s.write.Close())
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// tx is one change.
type tx struct {
	reader
	sql *sql.Tx
}

func (t *tx) exec(ctx context.Context, statement string, args ...any) error {
	_, err := t.sql.ExecContext(ctx, t.dialect.write(statement), args...)
	return err
}

func (t *tx) row(ctx context.Context, statement string, args ...any) *sql.Row {
	return t.sql.QueryRowContext(ctx, t.dialect.write(statement), args...)
}

// commitLimit bounds one commit; it goes on when whoever asked is gone, because
// half of it would be nothing and all of it may be acknowledged already.
const commitLimit = 60 * time.Second

// commit makes one change under its locks.
func (s *Store) commit(ctx context.Context, locks []string, change func(*tx) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitLimit)
	defer cancel()
	begun, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	t := &tx{reader{s.dialect, begun}, begun}
	if err = s.lock(ctx, t, locks); err == nil {
		err = change(t)
	}
	if err != nil {
		return errors.Join(err, begun.Rollback())
	}
	return begun.Commit()
}

// lock takes all locks in one order, so that two changes never wait for each other.
func (s *Store) lock(ctx context.Context, t *tx, names []string) error {
	if s.dialect.lock == "" || len(names) == 0 {
		return nil
	}
	keys := make([]string, 0, len(names))
	for _, name := range names {
		h := fnv.New64a()
		_, _ = h.Write([]byte(name)) // never fails
		keys = append(keys, strconv.FormatInt(int64(h.Sum64()), 10))
	}
	var n int
	return t.row(ctx, s.dialect.lock, "{"+strings.Join(keys, ",")+"}").Scan(&n)
}

// Change implements service.Store.
func (s *Store) Change(ctx context.Context, locks []string, change func(service.Tx) error) error {
	return s.commit(ctx, locks, func(t *tx) error { return change(t) })
}

// Prune implements service.Store.
func (s *Store) Prune(ctx context.Context, before time.Time, limit int) (pruned int, err error) {
	err = s.commit(ctx, nil, func(t *tx) error {
		pruned = 0
		for _, statement := range []string{
			"DELETE FROM event WHERE id IN (SELECT id FROM event WHERE stored < ? ORDER BY stored LIMIT ?)",
			"DELETE FROM command WHERE jti IN (SELECT jti FROM command WHERE open = 0 AND made < ? ORDER BY made LIMIT ?)",
		} {
			done, err := t.sql.ExecContext(ctx, t.dialect.write(statement), before.UnixMilli(), limit-pruned)
			if err != nil {
				return err
			}
			n, err := done.RowsAffected()
			if err != nil {
				return err
			}
			pruned += int(n)
		}
		return nil
	})
	return pruned, err
}

// Load implements agent.FleetStore.
func (s *Store) Load(ctx context.Context, prefix, after string, limit int) ([]agent.FleetItem, error) {
	// Keys are ASCII, so everything that begins with the prefix sorts before it with
	// the last character of all behind it.
	return each(ctx, s.reader, readItem, `SELECT key, value FROM item WHERE key >= ? AND key < ? AND key > ? ORDER BY key LIMIT ?`, prefix, prefix+"\U0010FFFF", after, limit)
}

func readItem(columns scan) (item agent.FleetItem, err error) {
	err = columns(&item.Key, &item.Value)
	if item.Value == nil {
		item.Value = []byte{} // an item without a value would be one taken away
	}
	return item, err
}

// Save implements agent.FleetStore.
func (s *Store) Save(ctx context.Context, items ...agent.FleetItem) error {
	items = slices.Clone(items)
	slices.SortStableFunc(items, func(a, b agent.FleetItem) int { return strings.Compare(a.Key, b.Key) })
	err := s.commit(ctx, []string{"items"}, func(t *tx) error {
		for _, item := range items {
			var err error
			if item.Value == nil {
				err = t.exec(ctx, "DELETE FROM item WHERE key = ?", item.Key)
			} else {
				err = t.exec(ctx, "INSERT INTO item(key, value) VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value", item.Key, item.Value)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write the fleet's database: %w", err)
	}
	return nil
}
