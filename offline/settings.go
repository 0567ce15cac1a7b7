package offline

import (
	"context"
	"database/sql/driver"

	"tillwire/agent"
)

// do runs a statement that is needed too seldom to be prepared for good.
// It sees what the batch has written so far.
func (b *batch) do(query string, args ...driver.Value) error {
	if err := b.flush(); err != nil {
		return err
	}
	if err := b.begin(); err != nil {
		return err
	}
	if _, err := b.w.conn.Exec(query, args); err != nil {
		return err
	}
	b.wrote++
	return nil
}

// LoadSettings implements agent.SettingsStore.
func (r *Reader) LoadSettings(ctx context.Context) ([]agent.Change, error) {
	return r.changes(ctx, `SELECT key, value, "by", at FROM setting ORDER BY key`)
}

func (r *Reader) changes(ctx context.Context, query string, args ...any) ([]agent.Change, error) {
	rows, err := r.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, readError(err)
	}
	defer rows.Close()
	var list []agent.Change
	for rows.Next() {
		var c agent.Change
		var at int64
		if err := rows.Scan(&c.Key, &c.Value, &c.By, &at); err != nil {
			return nil, readError(err)
		}
		c.At = fromNano(at)
		list = append(list, c)
	}
	if err := rows.Err(); err != nil {
		return nil, readError(err)
	}
	return list, nil
}

// SaveSettings implements agent.SettingsStore: all of the changes or none.
func (s *Store) SaveSettings(_ context.Context, changes []agent.Change) error {
	return s.write("save settings", func(b *batch) error {
		for _, c := range changes {
			args := values(c.Key, c.Value, c.By, c.At.UnixNano())
			if err := b.do(`INSERT INTO setting(key, value, "by", at) VALUES (?,?,?,?) ON CONFLICT(key) DO UPDATE SET
				value = excluded.value, "by" = excluded."by", at = excluded.at`, args...); err != nil {
				return err
			}
			if err := b.do(`INSERT INTO setting_log(key, value, "by", at) VALUES (?,?,?,?)`, args...); err != nil {
				return err
			}
		}
		return nil
	})
}
