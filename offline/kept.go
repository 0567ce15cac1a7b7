package offline

import (
	"context"
	"database/sql"
	"errors"
)

// keptPrefix begins the rows of meta that belong to other rooms, so that none of them can
// reach what the store keeps there for itself.
const keptPrefix = "kept."

// Kept is the small text that somebody keeps in the store under a name; nil when there is none.
func (r *Reader) Kept(ctx context.Context, name string) ([]byte, error) {
	var text []byte
	err := r.db.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = ?", keptPrefix+name).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, readError(err)
	}
	return text, nil
}

// Keep puts a small text, a few KiB at most, in place of the last one of its name; a nil text
// takes it away. It is durable when Keep returns.
func (s *Store) Keep(_ context.Context, name string, text []byte) error {
	return s.write("keep "+name, func(b *batch) error {
		if text == nil {
			return b.do("DELETE FROM meta WHERE key = ?", keptPrefix+name)
		}
		return b.do(setMeta, keptPrefix+name, string(text))
	})
}
