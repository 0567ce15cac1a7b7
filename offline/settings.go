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

// SettingChange is a change of a setting with what it was before.
type SettingChange struct {
	agent.Change
	Was   string // the value before; meaningless when First
	First bool   // it had its default before
}

// SettingChanges lists the latest changes of settings, newest first.
func (r *Reader) SettingChanges(ctx context.Context, limit int) ([]SettingChange, error) {
	rows, err := r.db.QueryContext(ctx, `SELECT key, value, "by", at, coalesce(was, ''), was IS NULL FROM (
		SELECT n, key, value, "by", at, lag(value) OVER (PARTITION BY key ORDER BY n) AS was FROM setting_log)
		ORDER BY n DESC LIMIT ?`, limit)
	if err != nil {
		return nil, readError(err)
	}
	defer rows.Close()
	var list []SettingChange
	for rows.Next() {
		var c SettingChange
		var at int64
		if err := rows.Scan(&c.Key, &c.Value, &c.By, &at, &c.Was, &c.First); err != nil {
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
