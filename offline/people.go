package offline

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"tillwire/agent"
)

const selectPerson = "SELECT id, name, role, secret, disabled, failures, created FROM person "

func (s *Store) readLocks(ctx context.Context) error {
	rows, err := s.db.QueryContext(ctx, "SELECT id, locked FROM person WHERE locked > 0")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var left int64
		if err := rows.Scan(&id, &left); err != nil {
			return err
		}
		s.locks[id] = s.opt.Clock.Mono() + time.Duration(left)*time.Millisecond
	}
	return rows.Err()
}

// keepLocks writes what is left of each lock-out before a clean stop.
func (s *Store) keepLocks(w *writer) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for id, until := range s.locks {
		left := max(until-s.opt.Clock.Mono(), 0).Milliseconds()
		if _, err := w.conn.Exec("UPDATE person SET locked = ? WHERE id = ?", values(left, id)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) locked(id string) time.Duration {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return max(s.locks[id]-s.opt.Clock.Mono(), 0)
}

func (s *Store) setLock(id string, left time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if left <= 0 {
		delete(s.locks, id)
		return
	}
	s.locks[id] = s.opt.Clock.Mono() + left
}

func (s *Store) people(ctx context.Context, query string, args ...any) ([]agent.Person, error) {
	rows, err := s.db.QueryContext(ctx, selectPerson+query, args...)
	if err != nil {
		return nil, readError(err)
	}
	defer rows.Close()
	var list []agent.Person
	for rows.Next() {
		var p agent.Person
		var created int64
		if err := rows.Scan(&p.ID, &p.Name, &p.Role, &p.Secret, &p.Disabled, &p.Failures, &created); err != nil {
			return nil, readError(err)
		}
		p.Created, p.Locked = fromNano(created), s.locked(p.ID)
		list = append(list, p)
	}
	if err := rows.Err(); err != nil {
		return nil, readError(err)
	}
	return list, nil
}

// People lists everybody who may sign in, by name.
func (s *Store) People(ctx context.Context) ([]agent.Person, error) {
	return s.people(ctx, "ORDER BY name, id")
}

// Person finds somebody by id, or returns an Error of class NotFound.
func (s *Store) Person(ctx context.Context, id string) (agent.Person, error) {
	list, err := s.people(ctx, "WHERE id = ?", id)
	if err != nil {
		return agent.Person{}, err
	}
	if len(list) == 0 {
		return agent.Person{}, noPerson(id)
	}
	return list[0], nil
}

// PersonName is what the shop calls somebody, or an Error of class NotFound.
func (r *Reader) PersonName(ctx context.Context, id string) (name string, err error) {
	err = r.db.QueryRowContext(ctx, "SELECT name FROM person WHERE id = ?", id).Scan(&name)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", noPerson(id)
	case err != nil:
		return "", readError(err)
	}
	return name, nil
}

func noPerson(id string) error {
	return &agent.Error{Op: "read person", Class: agent.NotFound, Code: agent.CodeNotFound,
		Say: agent.Sentence{ID: "error.no_person", Args: []string{id}, English: "There is no such person on this terminal."}}
}

// SavePerson adds somebody or replaces what is known of them, failures and lock-out
// included. A zero Created means now.
func (s *Store) SavePerson(_ context.Context, p agent.Person) error {
	if p.Created.IsZero() {
		p.Created = s.opt.Clock.Now()
	}
	if p.ID == "" || !p.Role.Known() {
		return &agent.Error{Op: "save person", Class: agent.Invalid, Code: agent.CodeUnreadable,
			Say: agent.Sentence{ID: "error.person", English: "A person needs an id and a role: cashier, manager or owner."}}
	}
	err := s.write("save person", func(b *batch) error {
		return b.do(`INSERT INTO person(id, name, role, secret, disabled, failures, locked, created) VALUES (?,?,?,?,?,?,?,?)
			ON CONFLICT(id) DO UPDATE SET name = excluded.name, role = excluded.role, secret = excluded.secret,
			disabled = excluded.disabled, failures = excluded.failures, locked = excluded.locked`,
			p.ID, p.Name, string(p.Role), p.Secret, flag(p.Disabled), int64(p.Failures), p.Locked.Milliseconds(), p.Created.UnixNano())
	})
	if err == nil {
		s.setLock(p.ID, p.Locked)
	}
	return err
}

// SaveTries records how often in a row somebody was wrong and for how long they
// are locked out from now on. It is on the disk before the next try is answered.
func (s *Store) SaveTries(_ context.Context, id string, failures int, locked time.Duration) error {
	err := s.write("save tries", func(b *batch) error {
		return b.do("UPDATE person SET failures = ?, locked = ? WHERE id = ?", int64(failures), locked.Milliseconds(), id)
	})
	if err == nil {
		s.setLock(id, locked)
	}
	return err
}

// SaveSession records a sign-in, or that a session was used.
func (s *Store) SaveSession(_ context.Context, n agent.Session) error {
	return s.write("save session", func(b *batch) error {
		return b.do(`INSERT INTO session(key, person, role, created, seen) VALUES (?,?,?,?,?)
			ON CONFLICT(key) DO UPDATE SET role = excluded.role, seen = excluded.seen`,
			n.Key, n.Person, string(n.Role), n.Created.UnixNano(), n.Seen.UnixNano())
	})
}

// Session finds a session by the digest of its cookie, or returns an Error of class
// NotFound.
func (s *Store) Session(ctx context.Context, key []byte) (agent.Session, error) {
	n := agent.Session{Key: key}
	var created, seen int64
	err := s.db.QueryRowContext(ctx, "SELECT person, role, created, seen FROM session WHERE key = ?", key).Scan(&n.Person, &n.Role, &created, &seen)
	if errors.Is(err, sql.ErrNoRows) {
		return n, noPerson("")
	}
	if err != nil {
		return n, readError(err)
	}
	n.Created, n.Seen = fromNano(created), fromNano(seen)
	return n, nil
}

// DeleteSession ends one session.
func (s *Store) DeleteSession(_ context.Context, key []byte) error {
	return s.write("delete session", func(b *batch) error { return b.do("DELETE FROM session WHERE key = ?", key) })
}

// DeleteSessions ends every session of one person; of everybody when person is "".
func (s *Store) DeleteSessions(_ context.Context, person string) error {
	return s.write("delete sessions", func(b *batch) error {
		return b.do("DELETE FROM session WHERE ?1 = '' OR person = ?1", person)
	})
}
