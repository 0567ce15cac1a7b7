package offline

import (
	"context"
	"database/sql"
	"errors"
)

// Second is what somebody needs beside the password: its sealed secret and the step of
// time whose code was used last. Without one the secret is nil.
func (r *Reader) Second(ctx context.Context, person string) (secret []byte, step int64, err error) {
	err = r.db.QueryRowContext(ctx, "SELECT secret, step FROM second WHERE person = ?", person).Scan(&secret, &step)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, readError(err)
	}
	return secret, step, nil
}

// SaveSecond gives somebody a second factor whose codes count from after step on; a nil
// secret takes it away.
func (s *Store) SaveSecond(_ context.Context, person string, secret []byte, step int64) error {
	return s.write("save second factor", func(b *batch) error {
		if secret == nil {
			return b.do("DELETE FROM second WHERE person = ?", person)
		}
		return b.do("INSERT INTO second(person, secret, step) VALUES (?,?,?) ON CONFLICT(person) DO UPDATE SET secret = excluded.secret, step = excluded.step", person, secret, step)
	})
}

// UseSecond uses the code of a step up. It reports false when that step, or a later one,
// was used before: of two who bring the same code one gets in.
func (s *Store) UseSecond(_ context.Context, person string, step int64) (bool, error) {
	var used int64
	err := s.write("use second factor", func(b *batch) error {
		if err := b.do("UPDATE second SET step = ?2 WHERE person = ?1 AND step < ?2", person, step); err != nil {
			return err
		}
		var err error
		used, err = b.asked("SELECT changes()")
		return err
	})
	return used == 1, err
}
