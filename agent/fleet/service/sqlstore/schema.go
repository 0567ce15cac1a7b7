package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Dialect is what the two databases say differently.
type Dialect struct {
	Name     string
	numbered bool // placeholders are $1, $2, … and not ?
	identity string
	blob     string
	lock     string // takes locks until the end of a transaction; empty: there is one writer
}

// SQLite needs a writer with one connection that begins its transactions
// immediately, so that changes come one after another.
func SQLite() Dialect {
	return Dialect{Name: "sqlite", identity: "INTEGER PRIMARY KEY AUTOINCREMENT", blob: "BLOB"}
}

// PostgreSQL locks by name and can have many writers.
func PostgreSQL() Dialect {
	return Dialect{Name: "postgresql", numbered: true, identity: "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", blob: "BYTEA",
		lock: "SELECT count(pg_advisory_xact_lock(k)) FROM (SELECT unnest(?::bigint[]) AS k ORDER BY 1) AS locks"}
}

// write puts a statement into the dialect's words; no statement here has a question
// mark in a text.
func (d Dialect) write(statement string) string {
	if !d.numbered {
		return statement
	}
	var b strings.Builder
	n := 0
	for _, r := range statement {
		if r != '?' {
			b.WriteRune(r)
			continue
		}
		n++
		b.WriteString("$" + strconv.Itoa(n))
	}
	return b.String()
}

// schemaVersion is the one that this program reads and writes.
const schemaVersion = "1"

// ErrSchema reports a database that a newer version has made. It is left alone.
var ErrSchema = errors.New("the database belongs to another version of tillfleet")

func (d Dialect) schema() []string {
	return []string{
		"CREATE TABLE terminal(tid TEXT PRIMARY KEY, doc TEXT NOT NULL)",
		"CREATE TABLE paper(tid TEXT NOT NULL, kind TEXT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY(tid, kind))",
		"CREATE TABLE event(id " + d.identity + ", tid TEXT NOT NULL, stream TEXT NOT NULL, epoch TEXT NOT NULL, seq BIGINT NOT NULL, stored BIGINT NOT NULL, doc TEXT NOT NULL, UNIQUE(tid, stream, epoch, seq))",
		"CREATE INDEX event_of ON event(tid, stream, id)",
		"CREATE INDEX event_age ON event(stored)",
		"CREATE TABLE command(jti TEXT PRIMARY KEY, tid TEXT NOT NULL, open INTEGER NOT NULL, made BIGINT NOT NULL, doc TEXT NOT NULL)",
		"CREATE INDEX command_open ON command(open, made)",
		"CREATE INDEX command_of ON command(tid, made)",
		"CREATE TABLE rollout(id TEXT PRIMARY KEY, doc TEXT NOT NULL)",
		"CREATE TABLE member(rollout TEXT NOT NULL, tid TEXT NOT NULL, ring INTEGER NOT NULL, doc TEXT NOT NULL, PRIMARY KEY(rollout, tid))",
		"CREATE TABLE item(key TEXT PRIMARY KEY, value " + d.blob + " NOT NULL)",
		"INSERT INTO meta(key, value) VALUES('schema', '" + schemaVersion + "')",
	}
}

// prepare makes the tables in a database that has none, and refuses one of another
// version.
func (s *Store) prepare(ctx context.Context) error {
	return s.commit(ctx, []string{"schema"}, func(t *tx) error {
		if err := t.exec(ctx, "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL)"); err != nil {
			return err
		}
		var version string
		err := t.row(ctx, "SELECT value FROM meta WHERE key = 'schema'").Scan(&version)
		if err == nil && version != schemaVersion {
			return fmt.Errorf("%w: its schema is %s, this one knows %s", ErrSchema, version, schemaVersion)
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		for _, statement := range s.dialect.schema() {
			if err := t.exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
}
