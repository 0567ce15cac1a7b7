package fleetstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/mattn/go-sqlite3"

	"tillwire/agent"
)

// FileName is the file below the data folder.
const FileName = "fleet.db"

// What the file must be.
const (
	applicationID = 0x544c5746 // "TLWF"
	schema        = 1
	// maxPages bounds the file to 64 MiB: the fleet's side keeps a few hundred rows.
	maxPages = 16384
)

// Store implements agent.FleetStore. It is safe for concurrent use.
type Store struct {
	db *sql.DB
}

var _ agent.FleetStore = (*Store)(nil)

// ErrForeign reports a file that another program, or a newer version of this one,
// has made. It is left alone.
var ErrForeign = errors.New("the file is not one that this version can use")

// Open opens or makes the file. One that is damaged is set aside, and aside is
// what it is called now: what it held is sent anew from the journal, and a fleet
// learns of the new file by its streams' epoch.
func Open(ctx context.Context, dir string, clock agent.Clock) (s *Store, aside string, err error) {
	path := filepath.Join(dir, FileName)
	s, err = open(ctx, path)
	if err == nil || !damaged(err) {
		return s, "", err
	}
	aside = path + ".damaged-" + clock.Now().UTC().Format("20060102T150405.000")
	if err := os.Rename(path, aside); err != nil {
		return nil, "", fmt.Errorf("set the damaged fleet file aside: %w", err)
	}
	for _, rest := range []string{"-wal", "-shm"} {
		if err := os.Remove(path + rest); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, "", fmt.Errorf("set the damaged fleet file aside: %w", err)
		}
	}
	s, err = open(ctx, path)
	return s, aside, err
}

func damaged(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && (e.Code == sqlite3.ErrCorrupt || e.Code == sqlite3.ErrNotADB)
}

// connector opens connections with the settings that let a commit survive a
// pulled plug; they live in the name because a PRAGMA reaches one connection.
type connector struct{ dsn string }

// Connect implements driver.Connector.
func (c connector) Connect(context.Context) (driver.Conn, error) {
	return (&sqlite3.SQLiteDriver{}).Open(c.dsn)
}

// Driver implements driver.Connector.
func (connector) Driver() driver.Driver { return &sqlite3.SQLiteDriver{} }

func open(ctx context.Context, path string) (*Store, error) {
	values := url.Values{"_busy_timeout": {"5000"}, "_synchronous": {"FULL"}, "_journal_mode": {"WAL"}, "_txlock": {"immediate"}, "_cache_size": {"-256"}}
	db := sql.OpenDB(connector{"file:" + (&url.URL{Path: path}).EscapedPath() + "?" + values.Encode()})
	db.SetMaxOpenConns(1)
	s := &Store{db}
	if err := s.prepare(ctx, path); err != nil {
		return nil, errors.Join(fmt.Errorf("open the fleet file %s: %w", path, err), db.Close())
	}
	return s, nil
}

func (s *Store) prepare(ctx context.Context, path string) error {
	var id, version int
	if err := s.db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return err
	}
	if err := s.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	switch {
	case id == applicationID && version == schema:
	case id == 0 && version == 0:
		if err := s.make(ctx); err != nil {
			return err
		}
	default:
		return ErrForeign
	}
	// quick_check is cheap on so small a file, and finds what a bad card did to it.
	var verdict string
	if err := s.db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return sqlite3.Error{Code: sqlite3.ErrCorrupt}
	}
	for _, pragma := range []string{fmt.Sprintf("PRAGMA max_page_count=%d", maxPages), "PRAGMA journal_size_limit=1048576", "PRAGMA trusted_schema=off"} {
		if _, err := s.db.ExecContext(ctx, pragma); err != nil {
			return err
		}
	}
	return os.Chmod(path, 0o600)
}

func (s *Store) make(ctx context.Context) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, statement := range []string{
		"CREATE TABLE item(key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID",
		fmt.Sprintf("PRAGMA application_id=%d", applicationID),
		fmt.Sprintf("PRAGMA user_version=%d", schema),
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

// Load implements agent.FleetStore.
func (s *Store) Load(ctx context.Context, prefix, after string, limit int) (list []agent.FleetItem, err error) {
	// Keys are ASCII, so everything that begins with the prefix sorts before it with
	// the last character of all behind it.
	rows, err := s.db.QueryContext(ctx, "SELECT key, value FROM item WHERE key >= ?1 AND key < ?2 AND key > ?3 ORDER BY key LIMIT ?4",
		prefix, prefix+"\U0010FFFF", after, limit)
	if err != nil {
		return nil, fmt.Errorf("read the fleet file: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var item agent.FleetItem
		if err := rows.Scan(&item.Key, &item.Value); err != nil {
			return nil, fmt.Errorf("read the fleet file: %w", err)
		}
		if item.Value == nil {
			item.Value = []byte{} // an item without a value would be one taken away
		}
		list = append(list, item)
	}
	return list, rows.Err()
}

// saveLimit bounds one commit: whoever saves may be told to stop in the middle of
// a farewell, and what is half written is not.
const saveLimit = 30 * time.Second

// Save implements agent.FleetStore. It goes on when ctx ends: a commit is made or
// not, never half.
func (s *Store) Save(ctx context.Context, items ...agent.FleetItem) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveLimit)
	defer cancel()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("write the fleet file: %w", err)
	}
	for _, item := range items {
		if item.Value == nil {
			_, err = tx.ExecContext(ctx, "DELETE FROM item WHERE key = ?", item.Key)
		} else {
			_, err = tx.ExecContext(ctx, "INSERT INTO item(key, value) VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value", item.Key, item.Value)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("write the fleet file: %w", err), tx.Rollback())
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("write the fleet file: %w", err)
	}
	return nil
}

// Close ends the store.
func (s *Store) Close() error { return s.db.Close() }
