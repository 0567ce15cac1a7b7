// Package servicedb opens the SQLite file in which the service of a fleet keeps
// what it knows, with settings under which a commit survives a pulled plug. What
// stands in it is agent/fleet/service/sqlstore's. It imports the SQLite driver and
// nothing of ours.
package servicedb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/mattn/go-sqlite3"
)

// FileName is the file below the service's data folder.
const FileName = "tillfleet.db"

const applicationID = 0x544c5753 // "TLWS"

// readers is how many connections read while one writes.
const readers = 4

// ErrForeign reports a file that another program has made. It is left alone.
var ErrForeign = errors.New("the file is not a fleet service's")

// connector opens connections with the settings that a PRAGMA could give to one
// of them only.
type connector struct{ dsn string }

// Connect implements driver.Connector.
func (c connector) Connect(context.Context) (driver.Conn, error) {
	return (&sqlite3.SQLiteDriver{}).Open(c.dsn)
}

// Driver implements driver.Connector.
func (connector) Driver() driver.Driver { return &sqlite3.SQLiteDriver{} }

// Open opens or makes the file: one connection that writes, its transactions
// begun immediately, and some that read beside it. The caller closes both.
func Open(ctx context.Context, dir string) (write, read *sql.DB, err error) {
	path := filepath.Join(dir, FileName)
	dsn := func(extra url.Values) string {
		extra.Set("_busy_timeout", "10000")
		return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + extra.Encode()
	}
	write = sql.OpenDB(connector{dsn(url.Values{"_journal_mode": {"WAL"}, "_synchronous": {"FULL"}, "_txlock": {"immediate"}, "_cache_size": {"-8192"}})})
	write.SetMaxOpenConns(1)
	if err := prepare(ctx, write, path); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open %s: %w", path, err), write.Close())
	}
	read = sql.OpenDB(connector{dsn(url.Values{"_query_only": {"true"}, "_cache_size": {"-8192"}})})
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	return write, read, nil
}

// prepare claims a new file and refuses a foreign one.
func prepare(ctx context.Context, db *sql.DB, path string) error {
	var id, objects int
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return err
	}
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&objects); err != nil {
		return err
	}
	switch {
	case id == applicationID:
	case id == 0 && objects == 0:
		if _, err := db.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id=%d", applicationID)); err != nil {
			return err
		}
	default:
		return ErrForeign
	}
	for _, pragma := range []string{"PRAGMA journal_size_limit=67108864", "PRAGMA trusted_schema=off"} {
		if _, err := db.ExecContext(ctx, pragma); err != nil {
			return err
		}
	}
	return os.Chmod(path, 0o600)
}
